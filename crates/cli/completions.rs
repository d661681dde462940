//! `trailtrim completions` and `trailtrim man`: what packagers need, made of the arguments.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::Exit;
use crate::output::{tell, write_file, write_stdout};

/// Write completions for a shell to standard output
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to write them for
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Write the manual page to standard output, or a page for each command into a directory
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Directory for the pages of all commands; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs `completions`.
pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    write_stdout(&script)?;
    Ok(Exit::Done)
}

/// Runs `man`.
pub(crate) fn man(args: &ManArgs, mut command: Command) -> anyhow::Result<Exit> {
    command.build();
    let Some(directory) = &args.out else {
        write_stdout(&page(&command)?)?;
        return Ok(Exit::Done);
    };
    crate::directory::require(directory)?;
    let mut count = 0;
    let mut left = vec![command];
    while let Some(command) = left.pop() {
        // `help` says what its command says itself.
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        write_file(&directory.join(format!("{name}.1")), &page(&command)?)?;
        count += 1;
        left.extend(command.get_subcommands().filter(|one| one.get_name() != "help").cloned());
    }
    tell(&format!("written: {}\n", crate::summary::count(count, "page", "pages")));
    Ok(Exit::Done)
}

fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .context("cannot make the manual page")?;
    Ok(page)
}
