//! What makes a whole run fail, as opposed to what is skipped and listed.

use std::io;
use std::path::PathBuf;

/// A failure that ends the run: the user named something that cannot be read.
///
/// Anything wrong *inside* what was named (an unreadable file in a directory, a truncated
/// archive, a record that is not JSON) is a [`Skipped`](crate::Skipped) instead.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A path given as an argument does not exist.
    #[error("no such file or directory: `{}`; check the spelling of the trail", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A path given as an argument cannot be opened or listed.
    #[error("cannot read `{}`; name something that this user may read", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
