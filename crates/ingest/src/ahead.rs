//! A source that another thread fills, so that a single large file keeps two cores busy.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::window::{Damage, Source};

/// How many bytes are handed over at once.
const CHUNK: usize = 256 * 1024;

/// How many chunks may wait.
const WAITING: usize = 8;

/// What is handed over: bytes, or why there are no more.
type Handed = Result<Vec<u8>, Damage>;

/// Where the filling thread puts what it inflates.
pub(crate) struct Filling {
    to: SyncSender<Handed>,
    /// Chunks that were used up.
    empty: Receiver<Vec<u8>>,
}

/// The side that is read from.
pub(crate) struct Filled {
    from: Receiver<Handed>,
    empty: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    total: u64,
}

/// Returns both ends.
pub(crate) fn pair() -> (Filling, Filled) {
    let (to, from) = sync_channel(WAITING);
    let (back, empty) = sync_channel(WAITING + 2);
    (Filling { to, empty }, Filled { from, empty: back, chunk: Vec::new(), at: 0, total: 0 })
}

impl Filling {
    /// Reads `source` to its end, or until nobody takes more, and gives it back.
    pub(crate) fn fill<S: Source>(self, mut source: S) -> S {
        loop {
            let mut chunk = self.empty.try_recv().unwrap_or_default();
            chunk.resize(CHUNK, 0);
            let handed = source.read(&mut chunk).map(|count| {
                chunk.truncate(count);
                chunk
            });
            let ended = handed.as_ref().map_or(true, Vec::is_empty);
            if self.to.send(handed).is_err() || ended {
                return source;
            }
        }
    }
}

impl Filled {
    /// Returns how many bytes were taken up to now.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }
}

impl Source for Filled {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Damage> {
        if self.at == self.chunk.len() {
            // After the last chunk the other side is gone.
            let next = self.from.recv().unwrap_or(Ok(Vec::new()))?;
            let used = std::mem::replace(&mut self.chunk, next);
            self.at = 0;
            // Where there is no room for it, it is simply freed.
            let _ = self.empty.try_send(used);
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        self.total += count as u64;
        Ok(count)
    }
}
