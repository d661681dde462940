//! The command line of trailtrim: arguments, commands, exit codes. Thin; what
//! it does stands in the crates it calls.
//!
//! Data goes to standard output, everything else to standard error. A command
//! is a file here, with its arguments and one function that returns an
//! [`Exit`].

mod backtest;
mod catalog;
mod columns;
mod compare;
mod completions;
mod config;
mod coverage;
mod denials;
mod diff;
mod directory;
mod drafting;
mod exit;
mod explain;
mod format;
mod generate;
mod globs;
mod interrupt;
mod merge;
mod observe;
mod output;
mod policy_files;
mod policy_format;
mod progress;
mod region;
mod screen;
mod simulate;
mod soak;
mod summary;
mod time;
mod trail;
mod usage;
mod usage_file;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use exit::Exit;

/// Least-privilege IAM policies from what CloudTrail recorded, with evidence
///
/// Works offline: reads CloudTrail archives, opens no connection.
#[derive(Debug, Parser)]
#[command(name = "trailtrim", version, max_term_width = 100, after_help = exit::HELP)]
struct Cli {
    #[command(flatten)]
    console: output::ConsoleArgs,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(generate::GenerateArgs),
    Diff(diff::DiffArgs),
    Usage(usage::UsageArgs),
    Explain(explain::ExplainArgs),
    Observe(observe::ObserveArgs),
    Merge(merge::MergeArgs),
    Simulate(simulate::SimulateArgs),
    Compare(compare::CompareArgs),
    Backtest(backtest::BacktestArgs),
    Soak(soak::SoakArgs),
    Denials(denials::DenialsArgs),
    Coverage(coverage::CoverageArgs),
    Catalog(catalog::CatalogArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// Runs one command line and says how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        // Help and version are answers; anything else is wrong usage, which clap ends with 2.
        Err(error) => return exit::usage(&error, &args),
    };
    output::configure(cli.console);
    interrupt::listen();
    let result = match cli.command {
        Command::Generate(args) => generate::generate(&args),
        Command::Diff(args) => diff::diff(&args),
        Command::Usage(args) => usage::usage(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Observe(args) => observe::observe(&args),
        Command::Merge(args) => merge::merge(&args),
        Command::Simulate(args) => simulate::simulate(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Backtest(args) => backtest::backtest(&args),
        Command::Soak(args) => soak::soak(&args),
        Command::Denials(args) => denials::denials(&args),
        Command::Coverage(args) => coverage::coverage(&args),
        Command::Catalog(args) => catalog::catalog(&args),
        Command::Completions(args) => completions::completions(&args, Cli::command()),
        Command::Man(args) => completions::man(&args, Cli::command()),
    };
    exit::conclude(result)
}
