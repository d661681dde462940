//! Writes the archives that testkit makes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use trailtrim_testkit::trail::{archive, fixture};

/// Make CloudTrail archives by seed
#[derive(Parser)]
enum Command {
    /// Write the small trail of `fixtures/trail`
    Fixture {
        /// Where to write it
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let written = match Command::parse() {
        Command::Fixture { out } => archive::write(&out, &fixture::files()),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        #[expect(clippy::print_stderr, reason = "a development tool's only door")]
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
