//! Writes the archives that testkit makes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use trailtrim_testkit::trail::corpus::{self, Made, Plan};
use trailtrim_testkit::trail::{archive, fixture};

/// Make CloudTrail archives by seed
#[derive(Parser)]
enum Command {
    /// Write the small trail of `fixtures/trail`
    Fixture {
        /// Where to write it
        out: PathBuf,
    },
    /// Write an archive of any size
    Corpus {
        /// How many events
        #[arg(long, default_value_t = 500_000)]
        events: usize,
        /// The seed; the same seed gives the same bytes
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The deflate level, 1 to 10
        #[arg(long, default_value_t = 6)]
        level: u8,
        /// Where to write it
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let written = match Command::parse() {
        Command::Fixture { out } => archive::write(&out, &fixture::files()),
        Command::Corpus { events, seed, level, out } => {
            corpus::make(&Plan { level, ..Plan::new(seed, events) }, &out).map(report)
        }
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

#[expect(clippy::print_stderr, reason = "a development tool's only door")]
fn report(made: Made) {
    eprintln!(
        "{} files, {} bytes packed, {} bytes of JSON",
        made.files, made.packed, made.inflated
    );
}
