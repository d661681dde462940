//! How a run ends: one place that turns results and errors into exit codes.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use trailtrim_ingest::IngestError;

use crate::interrupt::{self, Interrupted};
use crate::output::{self, printable, tell};

/// What `--help` says of the exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    findings, only under --check
  2    failure, wrong usage, or no record to answer from
  3    done, but some input was skipped
  4    the reader of standard output went away
  130  interrupted, by Ctrl-C or a signal to terminate
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
/// As shells count a process that Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// A failure with what the user can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Hinted {
    message: String,
    hint: String,
}

/// Returns a failure and what to do about it.
pub(crate) fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { message: message.into(), hint: hint.into() })
}

/// Prints what failed and returns the code.
pub(crate) fn conclude(result: anyhow::Result<Exit>) -> ExitCode {
    match result {
        // What was asked to end while its last file was written has done all the same.
        Ok(_) if interrupt::requested() => ExitCode::from(INTERRUPTED),
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Findings) => ExitCode::from(1),
        Ok(Exit::Skipped) => ExitCode::from(3),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            let interrupted = error.chain().any(|cause| cause.is::<Interrupted>());
            tell(&told(&error, interrupted));
            ExitCode::from(if interrupted { INTERRUPTED } else { FAILURE })
        }
    }
}

/// Writes an error with its causes on one line, and on the next what to do about it.
fn told(error: &anyhow::Error, interrupted: bool) -> String {
    let mut text = String::from(if interrupted { "" } else { "error: " });
    for (depth, cause) in error.chain().enumerate() {
        if depth > 0 {
            text.push_str(": ");
        }
        text.push_str(&printable(&cause.to_string()));
    }
    text.push('\n');
    if let Some(hint) = error.chain().find_map(hint) {
        text.push_str(&format!("hint: {}\n", printable(&hint)));
    }
    text
}

/// Returns what can be done about a cause.
fn hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(hinted) = cause.downcast_ref::<Hinted>() {
        return Some(hinted.hint.clone());
    }
    if let Some(IngestError::Missing { path }) = cause.downcast_ref::<IngestError>() {
        if let Some(region) = path.to_str().filter(|text| is_like_region(text)) {
            return Some(format!(
                "`{region}` looks like a region: `--use-region` and `--region` take one, and can be \
                 repeated"
            ));
        }
        return Some(
            "name a file or directory of CloudTrail logs, such as `AWSLogs/`, or `-` for standard \
             input"
                .to_owned(),
        );
    }
    match cause.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::PermissionDenied => {
            Some("run it as a user that may read and write there, or name another path".to_owned())
        }
        io::ErrorKind::NotFound => {
            Some("check the path; it is taken from the current directory".to_owned())
        }
        io::ErrorKind::IsADirectory => Some("name a file, not a directory".to_owned()),
        io::ErrorKind::StorageFull => {
            Some("free some space, or name a path on another disk".to_owned())
        }
        _ => None,
    }
}

/// Tells whether a text is made like the name of a region: `us-east-1`, `us-gov-west-1`.
fn is_like_region(text: &str) -> bool {
    let mut words: Vec<&str> = text.split('-').collect();
    let number = words.pop().unwrap_or_default();
    let lower = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
    matches!(words.len(), 2 | 3)
        && words.iter().all(lower)
        && words.first().is_some_and(|word| word.len() == 2)
        && number.len() == 1
        && number.chars().all(|c| c.is_ascii_digit())
}

/// Prints clap's answer, help or complaint, and returns its code.
pub(crate) fn usage(error: &clap::Error, args: &[OsString]) -> ExitCode {
    output::configure(output::guess(args));
    if error.use_stderr() && output::logs_json() {
        tell(&on_one_line(&error.render().to_string()));
        return ExitCode::from(FAILURE);
    }
    // Where standard output is gone, flushing tells.
    match error.print().and_then(|()| io::stdout().flush()) {
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        _ if error.use_stderr() => ExitCode::from(FAILURE),
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let failed = anyhow::Error::new(failed).context("cannot write to standard output");
            conclude(Err(failed))
        }
    }
}

/// Makes a complaint one message, with its further lines as details.
fn on_one_line(complaint: &str) -> String {
    let mut lines = complaint.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut text = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text.push('\n');
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn what_the_system_says_comes_with_what_to_do() {
        let said = |error: io::Error| {
            let error = Err::<(), _>(error).context("cannot read `x`").unwrap_err();
            told(&error, false).lines().nth(1).map(str::to_owned)
        };
        for kind in [
            io::ErrorKind::NotFound,
            io::ErrorKind::IsADirectory,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::StorageFull,
        ] {
            assert!(said(kind.into()).is_some_and(|hint| hint.starts_with("hint: ")), "{kind}");
        }
    }

    #[test]
    fn a_region_is_told_from_a_folder() {
        for (text, region) in [
            ("us-east-1", true),
            ("us-gov-west-1", true),
            ("AWSLogs", false),
            ("logs-of-2026-1", false),
            ("my-logs-1", true),
            ("trail", false),
            ("us-east-12", false),
        ] {
            assert_eq!(is_like_region(text), region, "{text}");
        }
    }

    #[test]
    fn an_error_says_what_to_do_below_itself() {
        let error = Err::<(), _>(hinted("no such\naction", "look it up")).context("--action");
        let text = told(&error.unwrap_err(), false);
        assert_eq!(text, "error: --action: no such\\naction\nhint: look it up\n");
    }
}
