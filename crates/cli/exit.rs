//! How a run ends: one place that turns results and errors into exit codes.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// What `--help` says of the exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  findings, only under --check
  2  failure or wrong usage
  3  done, but some input was skipped
  4  the reader of standard output went away
";

/// How a command ended that did not fail. Where several are true, the higher concern wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All done.
    Done,
    /// Done, with findings that `--check` asked for.
    Findings,
    /// Done, but part of the input was not read.
    Skipped,
}

const FAILURE: u8 = 2;
const BROKEN_PIPE: u8 = 4;

/// Prints what failed and returns the code.
pub(crate) fn conclude(result: anyhow::Result<Exit>) -> ExitCode {
    match result {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Findings) => ExitCode::from(1),
        Ok(Exit::Skipped) => ExitCode::from(3),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            let mut text = String::from("error: ");
            for (depth, cause) in error.chain().enumerate() {
                if depth > 0 {
                    text.push_str(": ");
                }
                text.push_str(&crate::output::printable(&cause.to_string()));
            }
            text.push('\n');
            // Where standard error is gone there is nobody left to tell.
            let _ = io::stderr().lock().write_all(text.as_bytes());
            ExitCode::from(FAILURE)
        }
    }
}

/// Prints clap's answer, help or complaint, and returns its code.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        _ if error.use_stderr() => ExitCode::from(FAILURE),
        _ => ExitCode::SUCCESS,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}
