//! Ctrl-C and termination: the run ends at once, but never in the middle of a file.
//!
//! While a file is written ([`hold`]) the end waits for it. A command that writes several asks
//! [`requested`] between them, and says which it did not write. What a command is going to write
//! ([`will_write`]) is named where the end comes before.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::exit;
use crate::output::{printable, remove_temporaries, tell};

/// How many files are being written.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Whether the run shall end.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// What is going to be written, and is not yet.
static PLANNED: Mutex<Option<String>> = Mutex::new(None);

/// Why a command ended before its work was done.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: {0}")]
pub(crate) struct Interrupted(pub(crate) String);

/// Keeps the run from ending until it is dropped.
pub(crate) struct Hold(());

impl Drop for Hold {
    fn drop(&mut self) {
        plan(None);
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Keeps the run from ending as long as the result lives.
pub(crate) fn hold() -> Hold {
    HELD.fetch_add(1, Ordering::SeqCst);
    Hold(())
}

/// Says where the command is going to write its result, once it has one.
pub(crate) fn will_write(path: &Path) {
    plan(Some(printable(&path.display().to_string())));
}

fn plan(path: Option<String>) {
    if let Ok(mut planned) = PLANNED.lock() {
        *planned = path;
    }
}

/// Returns whether the run shall end.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Begins to listen. Where the system has no such signals, it does without.
///
/// What was ignored when the run began stays so: `nohup`, and shells that start something in the
/// background, mean that it goes on.
#[cfg(unix)]
pub(crate) fn listen() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_in(ignored, *signal));
    let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) else { return };
    let listening = std::thread::Builder::new().name("signals".to_owned());
    let _ = listening.spawn(move || signals.forever().for_each(|_| signalled()));
}

/// Begins to listen. Where the system has no such signals, it does without.
#[cfg(not(unix))]
pub(crate) fn listen() {
    let _ = ctrlc::set_handler(signalled);
}

/// Returns the signals that the process was told to ignore, a bit each from the lowest on; none where
/// the system does not say. Only Linux says so in a file, and asking anywhere takes unsafe code.
#[cfg(unix)]
fn ignored() -> u64 {
    std::fs::read_to_string("/proc/self/status").map_or(0, |status| ignored_in(&status))
}

#[cfg(unix)]
fn ignored_in(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(unix)]
fn is_in(mask: u64, signal: i32) -> bool {
    u32::try_from(signal - 1)
        .is_ok_and(|bit| mask.checked_shr(bit).is_some_and(|rest| rest & 1 == 1))
}

/// What a signal does, on a thread of its own.
fn signalled() {
    let again = REQUESTED.swap(true, Ordering::SeqCst);
    if HELD.load(Ordering::SeqCst) == 0 {
        let planned = PLANNED.lock().ok().and_then(|planned| planned.clone());
        tell(&match planned {
            Some(path) => format!("interrupted: `{path}` was not written\n"),
            None => "interrupted: nothing more is written\n".to_owned(),
        });
        end();
    } else if again {
        tell("interrupted twice: the file that was being written is left as it was\n");
        end();
    }
}

#[expect(clippy::exit, reason = "the signal comes on a thread of its own, which cannot return")]
fn end() {
    remove_temporaries();
    std::process::exit(i32::from(exit::INTERRUPTED));
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    #[test]
    fn what_is_ignored_is_read_from_what_the_system_says() {
        let mask = ignored_in("Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001003\n");
        assert!(is_in(mask, SIGHUP) && is_in(mask, SIGINT) && !is_in(mask, SIGTERM));
        assert_eq!((ignored_in(""), ignored_in("SigIgn:\tx\n")), (0, 0));
    }
}
