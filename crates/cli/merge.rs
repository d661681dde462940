//! `trailtrim merge`: usage files into one.

use std::path::PathBuf;

use clap::Args;
use trailtrim_aggregator::{Join as _, UsageFile};

use crate::output::{printable, tell};
use crate::{Exit, interrupt, summary, usage_file};

/// Join usage files into one
///
/// In any order and any number of times, the result is what one run over all their archives would
/// have written.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Usage file (can be repeated)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Usage file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub(crate) fn merge(args: &MergeArgs) -> anyhow::Result<Exit> {
    usage_file::require(&args.output)?;
    interrupt::will_write(&args.output);
    let mut all = UsageFile::default();
    for path in &args.files {
        all.join(usage_file::read(path)?);
    }
    if !usage_file::excludes_alike(&all) {
        tell(
            "warning: the files exclude different sessions, addresses or times: what one leaves out another \
             may have\n",
        );
    }
    let written = usage_file::write(&args.output, all, false)?;
    tell(&format!(
        "joined {}\nwritten: {}\n",
        summary::count(args.files.len() as u64, "usage file", "usage files"),
        printable(&args.output.display().to_string())
    ));
    Ok(if usage_file::is_lossy(&written) { Exit::Skipped } else { Exit::Done })
}
