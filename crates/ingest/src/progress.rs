//! How far reading has come, for whoever wants to show it.

/// Told about progress while reading, from any thread.
///
/// Calls come a few times per file and about ten times per megabyte. Nothing that an implementation does
/// can change the result.
pub trait Progress: Sync {
    /// Called once, before the first file is opened, with what will be read.
    ///
    /// `bytes` are raw bytes as the directory entries state them; standard input counts as one
    /// file of no size.
    fn found(&self, files: u64, bytes: u64) {
        let _ = (files, bytes);
    }

    /// Called as raw bytes have been consumed.
    fn read(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Called when a file is done, with the records it held.
    fn done(&self, records: u64) {
        let _ = records;
    }
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}
