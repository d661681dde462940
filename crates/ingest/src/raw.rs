//! The raw bytes of a file, hashed and counted as they are read.

use std::io::{self, BufRead, Read};

use crate::{ContentHash, Progress};

/// How much is read at once.
const CHUNK: usize = 128 * 1024;

/// A buffered reader that hashes what passes.
pub(crate) struct Raw<'p, R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    hasher: Box<blake3::Hasher>,
    count: u64,
    failed: Option<io::ErrorKind>,
    progress: &'p dyn Progress,
}

impl<'p, R: Read> Raw<'p, R> {
    pub(crate) fn new(reader: R, progress: &'p dyn Progress) -> Self {
        Self {
            reader,
            buffer: vec![0; CHUNK].into_boxed_slice(),
            start: 0,
            end: 0,
            hasher: Box::new(blake3::Hasher::new()),
            count: 0,
            failed: None,
            progress,
        }
    }

    /// Reads what is left, and returns the hash and the number of all raw bytes.
    ///
    /// `None` where the system failed to read to the end.
    pub(crate) fn drain(mut self) -> Option<(ContentHash, u64)> {
        loop {
            self.start = self.end;
            match self.fill_buf() {
                Ok([]) => break,
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        Some((ContentHash::from_bytes(*self.hasher.finalize().as_bytes()), self.count))
    }

    /// Returns the next bytes without taking them: at least `count`, unless the end comes first.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < count && self.read_on()? > 0 {}
        }
        self.fill_buf()
    }

    /// Reads once more behind what is buffered; returns how many bytes came.
    fn read_on(&mut self) -> io::Result<usize> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        let count = loop {
            match self.reader.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error.kind());
                    return Err(error);
                }
            }
        };
        let new = self.buffer.get(self.end..self.end + count).unwrap_or_default();
        self.hasher.update(new);
        self.end += count;
        self.count += count as u64;
        self.progress.read(count as u64);
        Ok(count)
    }

    /// Returns what the system said when it failed to read.
    pub(crate) const fn failed(&self) -> Option<io::ErrorKind> {
        self.failed
    }
}

impl<R: Read> BufRead for Raw<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            self.start = 0;
            self.end = 0;
            self.read_on()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

impl<R: Read> Read for Raw<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let held = self.fill_buf()?;
        let count = held.len().min(out.len());
        if let (Some(out), Some(held)) = (out.get_mut(..count), held.get(..count)) {
            out.copy_from_slice(held);
        }
        self.consume(count);
        Ok(count)
    }
}
