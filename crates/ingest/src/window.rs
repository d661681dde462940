//! A buffer over a stream: the part of a file that is being looked at.
//!
//! It holds the bytes from where the current element starts to as far as was read. It grows only
//! while someone asks for more without letting go of anything, so whoever reads bounds it.

/// Where inflated bytes come from.
pub(crate) trait Source {
    /// Reads into `buffer`, at least one byte unless at the end, where it returns 0.
    ///
    /// After an error the source is at its end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Damage>;
}

/// Why a source ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) kind: crate::SkipKind,
    pub(crate) detail: String,
}

/// The buffer of a [`Window`], to be used again for the next file.
#[derive(Debug, Default)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// Returns the bytes, to be filled before a window opens on them.
    pub(crate) fn vec(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// Gives back what only a large file needed.
    pub(crate) fn settle(&mut self) {
        if self.0.len() > KEPT {
            self.0.truncate(KEPT);
            self.0.shrink_to_fit();
        }
    }
}

/// As much of a buffer is kept from file to file; few files hold more, and room that grows again is cleared.
const KEPT: usize = 8 * 1024 * 1024;

/// A source that is at its end.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Source for Nothing {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Damage> {
        Ok(0)
    }
}

/// How much is asked of the source at once, at least.
const CHUNK: usize = 256 * 1024;

/// The window.
pub(crate) struct Window<'b, S> {
    source: S,
    data: &'b mut Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the stream of the first byte of `data`.
    base: u64,
    /// The byte before the first one held, a line break at the very start.
    before: u8,
    ended: bool,
    damage: Option<Damage>,
    /// The most bytes held at once.
    peak: usize,
}

impl<'b> Window<'b, Nothing> {
    /// Opens on a whole stream: the first `length` bytes of the buffer.
    pub(crate) fn whole(buffer: &'b mut Buffer, length: usize) -> Self {
        let end = length.min(buffer.0.len());
        Self { end, ended: true, peak: end, ..Self::new(Nothing, buffer) }
    }
}

impl<'b, S: Source> Window<'b, S> {
    pub(crate) fn new(source: S, buffer: &'b mut Buffer) -> Self {
        let data = &mut buffer.0;
        Self {
            source,
            data,
            start: 0,
            end: 0,
            base: 0,
            before: b'\n',
            ended: false,
            damage: None,
            peak: 0,
        }
    }

    /// Returns the bytes from the start of the current element on, as far as they are here.
    pub(crate) fn held(&self) -> &[u8] {
        self.data.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns the offset in the stream of the first byte held.
    pub(crate) fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Returns whether the first byte held is the first of its line.
    pub(crate) fn at_line_start(&self) -> bool {
        self.before == b'\n'
    }

    /// Lets go of the first `count` bytes held.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if let Some(last) = self.start.checked_sub(1).and_then(|last| self.data.get(last)) {
            self.before = *last;
        }
    }

    /// Reads on; returns false at the end of the stream.
    pub(crate) fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        if self.data.len() < self.end + CHUNK {
            self.data.resize((self.end + CHUNK).next_power_of_two(), 0);
        }
        match self.source.read(self.data.get_mut(self.end..).unwrap_or_default()) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end += count,
            Err(damage) => {
                self.damage = Some(damage);
                self.ended = true;
            }
        }
        self.peak = self.peak.max(self.end);
        !self.ended
    }

    /// Reads until `count` bytes are held, or the stream ends.
    pub(crate) fn ensure(&mut self, count: usize) {
        while self.held().len() < count && self.fill() {}
    }

    /// Takes the window apart: the source, why it ended early, and the most bytes held.
    pub(crate) fn finish(self) -> (S, Option<Damage>, usize) {
        (self.source, self.damage, self.peak)
    }
}
