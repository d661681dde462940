//! `trailtrim observe`: archives into a usage file.

use std::path::{Path, PathBuf};

use clap::Args;
use trailtrim_aggregator::{Body, Epoch, Join as _, Usage, UsageFile, excludes};
use trailtrim_catalog::Catalog;

use crate::exit::hinted;
use crate::output::{printable, tell};
use crate::trail::InputArgs;
use crate::{Exit, interrupt, summary, usage_file};

/// Read archives once and keep what was observed in a usage file
///
/// A usage file stands for its archives wherever a command takes a trail. Files of several runs or
/// machines join to what one run over everything would have written.
#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    #[command(flatten)]
    input: InputArgs,

    /// Usage file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Add to the usage file, and read only files that are new or changed by name, size or time
    ///
    /// What was excluded when it was written is to be excluded again.
    #[arg(long)]
    append: bool,
}

/// Runs the command.
pub(crate) fn observe(args: &ObserveArgs) -> anyhow::Result<Exit> {
    usage_file::require(&args.output)?;
    interrupt::will_write(&args.output);
    let catalog = Catalog::embedded();
    let scope = args.input.scope();
    let epoch = Epoch::of(catalog, &scope);
    let known = match args.append {
        true => usage_file::read_if_there(&args.output)?,
        false => UsageFile::default(),
    };
    require_alike(&args.output, &known, &scope.told())?;
    let known = known.epochs.get(&epoch).map(|body| body.usage.sources());
    let mut apart = usage_file::beside(&args.output);
    if args.append {
        apart.push(args.output.clone());
    }
    let observed = args.input.observe(catalog, &[], known, &apart)?;
    if let Some(name) = observed.limited.first() {
        return Err(hinted(
            format!(
                "`{}` was observed with limits of its own, or by another release, and a new file would not say so",
                printable(name)
            ),
            "`trailtrim merge` joins usage files and keeps what each left out",
        ));
    }
    let (pruned, already) = (observed.pruned, observed.known);
    let mut usage = Usage::default();
    observed.usages.into_iter().for_each(|part| usage.join(part));
    *usage.sources_mut() = observed.sources;
    let body = Body { scope: scope.told(), usage };
    let told = tell_of(&body.usage, already, pruned);
    let file = UsageFile { epochs: [(epoch, body)].into() };
    let pool = args.input.pool()?;
    let written = pool.install(|| usage_file::write(&args.output, file, args.append))?;
    tell(&format!("{told}written: {}\n", printable(&args.output.display().to_string())));
    Ok(if usage_file::is_lossy(&written) { Exit::Skipped } else { Exit::Done })
}

/// Fails where a file leaves other sessions, addresses or times out than this run: what was kept out would come in.
fn require_alike(path: &Path, known: &UsageFile, told: &[String]) -> anyhow::Result<()> {
    let options = |told: &[String]| {
        let limits = excludes(told).map(|limit| format!("--{limit}"));
        limits.collect::<Vec<_>>().join(" ")
    };
    let here = options(told);
    let other = known.epochs.values().map(|body| options(&body.scope)).find(|there| *there != here);
    let Some(there) = other else { return Ok(()) };
    let said = |options: &str| match options {
        "" => "without --exclude-… options".to_owned(),
        options => format!("with {options}"),
    };
    Err(hinted(
        format!("cannot add to `{}`: it was observed {}", path.display(), said(&there)),
        "give the same --exclude-… options, or write to another file",
    ))
}

/// What the summary says of what was read.
fn tell_of(usage: &Usage, already: u64, pruned: u64) -> String {
    let facts = usage.sources().facts();
    let records: u64 = facts.values().map(|facts| facts.records).sum();
    let mut text = format!(
        "read {} with {} by {}\n",
        summary::count(facts.len() as u64, "file", "files"),
        summary::count(records, "record", "records"),
        summary::count(usage.principals().count() as u64, "principal", "principals"),
    );
    if already > 0 {
        text.push_str(&format!("known before: {}\n", summary::count(already, "file", "files")));
    }
    if pruned > 0 {
        text.push_str(&format!(
            "not opened, by name: {}\n",
            summary::count(pruned, "file", "files")
        ));
    }
    let (others, lost): (Vec<_>, Vec<_>) =
        usage.sources().skipped().into_iter().partition(|skipped| skipped.kind.is_expected());
    for (what, lines) in [("skipped", lost), (summary::WITHOUT_CALLS, others)] {
        if lines.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "{what}: {}\n",
            summary::count(lines.len() as u64, "place", "places")
        ));
        for skipped in lines.iter().take(summary::LINES) {
            text.push_str(&format!(
                "  {}: {} ({})\n",
                printable(&skipped.path),
                printable(&skipped.detail),
                skipped.kind
            ));
        }
        let hidden = lines.len().saturating_sub(summary::LINES);
        if hidden > 0 {
            text.push_str(&format!("  … and {hidden} more\n"));
        }
    }
    text
}
