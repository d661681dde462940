//! Ctrl-C and termination: the run ends at once, but never in the middle of a file.
//!
//! While a file is written ([`hold`]) the end waits for it. A command that writes several asks
//! [`requested`] between them, and says which it did not write. What a command is going to write
//! ([`will_write`]) is named where the end comes before.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::exit;
use crate::output::{printable, tell};

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
pub(crate) fn listen() {
    let _ = ctrlc::set_handler(|| {
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
    });
}

#[expect(clippy::exit, reason = "the signal comes on a thread of its own, which cannot return")]
fn end() {
    std::process::exit(i32::from(exit::INTERRUPTED));
}
