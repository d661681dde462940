//! Reads one file from its raw bytes to its records.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read;

use crate::foreign::{self, Marks};
use crate::framer::{self, Element, Sink, Within};
use crate::grammar::Fault;
use crate::inflate::Inflate;
use crate::listing::Listing;
use crate::raw::Raw;
use crate::unwrap::{Found, unwrap};
use crate::window::{Buffer, Damage, Window};
use crate::{
    ContentHash, Framing, Position, Progress, Provenance, Record, SkipKind, Skipped, SourceFacts,
};

/// The largest record that is read, in bytes of its JSON.
///
/// AWS, "Quotas in CloudTrail": an event is at most 256 KB from `eventVersion` 1.05 on, and at
/// most 1 MB where an event data store is set to the larger size.
pub const RECORD_LIMIT: usize = 1024 * 1024;

/// What reading one file came to.
#[derive(Debug)]
pub struct FileReport {
    /// Content and facts, where the file was read to its end.
    pub source: Option<(ContentHash, SourceFacts)>,
    /// What was not read.
    pub skipped: BTreeSet<Skipped>,
    /// The most inflated bytes held in memory at once.
    pub peak_buffer: usize,
}

/// Memory that is used again from file to file.
#[derive(Debug, Default)]
pub struct Scratch(Buffer);

/// Reads one stream of raw bytes, compressed or not, and visits each record in its order.
///
/// This is the road on which [`fold`](crate::fold) reads each file, for those who have the bytes
/// already. It never fails: what cannot be read is in the report.
pub fn read_stream(
    path: &str,
    reader: impl Read,
    scratch: &mut Scratch,
    progress: &dyn Progress,
    visit: &mut dyn FnMut(&Provenance<'_>, &Record<'_>),
) -> FileReport {
    let mut reading = Reading {
        path,
        visit,
        records: 0,
        framing: None,
        listing: Listing::default(),
        large: Marks::default(),
        unfinished: None,
    };
    let source = match Inflate::new(Raw::new(reader, progress)) {
        Ok(source) => source,
        Err(damage) => {
            progress.done(0);
            reading.listing.add(damage.kind, None, damage.detail);
            let skipped = reading.listing.into_skipped(path, None);
            return FileReport { source: None, skipped, peak_buffer: 0 };
        }
    };
    let mut window = Window::new(source, &mut scratch.0);
    window.ensure(foreign::HEAD);
    if window.held().starts_with(b"\xef\xbb\xbf") {
        window.consume(3);
    }
    let refused = foreign::refuse(window.held());
    if refused.is_none() {
        framer::frame(&mut window, &mut reading);
    }
    let (inflate, damage, peak_buffer) = window.finish();
    reading.end(refused, damage, inflate.inflated());
    progress.done(reading.records);
    let (compression, inflated_bytes) = (inflate.compression(), inflate.inflated());
    // A file that is no log is not worth reading to its end.
    let whole = refused.is_none_or(|(kind, _)| kind == SkipKind::Empty);
    let drained = inflate.into_raw().filter(|_| whole).and_then(Raw::drain);
    let source = drained.map(|(hash, bytes)| {
        let facts = SourceFacts {
            path: path.to_owned(),
            bytes,
            inflated_bytes,
            records: reading.records,
            compression,
            framing: reading.framing,
        };
        (hash, facts)
    });
    let hash = source.as_ref().map(|(hash, _)| *hash);
    FileReport { source, skipped: reading.listing.into_skipped(path, hash), peak_buffer }
}

/// What is known while a file is read.
struct Reading<'v> {
    path: &'v str,
    visit: &'v mut dyn FnMut(&Provenance<'_>, &Record<'_>),
    records: u64,
    framing: Option<Framing>,
    listing: Listing,
    /// What the keys of the value that outgrows the limit tell.
    large: Marks,
    unfinished: Option<Position>,
}

impl Reading<'_> {
    fn position(&self, byte: u64) -> Position {
        Position { byte, record: self.records }
    }

    /// Takes note of how the stream ended.
    fn end(
        &mut self,
        refused: Option<(SkipKind, &'static str)>,
        damage: Option<Damage>,
        inflated: u64,
    ) {
        if let Some(damage) = damage {
            let at = match damage.kind {
                // The JSON may well be whole where only garbage follows.
                SkipKind::TrailingGarbage => None,
                _ => self.unfinished.take(),
            };
            let at = at.unwrap_or(self.position(inflated));
            self.listing.add(damage.kind, Some(at), damage.detail);
        } else if let Some((kind, detail)) = refused {
            self.listing.add(kind, None, detail);
        }
        if let Some(at) = self.unfinished {
            self.listing.add(SkipKind::Truncated, Some(at), "ends in the middle of a value");
        }
    }

    fn found(&mut self, at: u64, found: Found<'_>) {
        match found {
            Found::Record(_, record, _) if record.is_insight() => {
                self.listing.add(SkipKind::Insight, None, "");
            }
            Found::Record(text, ..) if text.len() > RECORD_LIMIT => {
                self.listing.add(SkipKind::Oversized, Some(self.position(at)), "");
            }
            Found::Record(_, record, framing) => {
                for field in record.odd_fields() {
                    let detail = format!("`{field}` is not of its type; read without it");
                    self.listing.add(SkipKind::OddField, Some(self.position(at)), detail);
                }
                let framing = framing.unwrap_or(Framing::Bare);
                if self.records == 0 {
                    self.framing = Some(framing);
                }
                let at = Provenance { path: self.path, record: self.records, framing };
                (self.visit)(&at, record);
                self.records += 1;
            }
            Found::Skip(kind, detail) => {
                self.listing.add(kind, Some(self.position(at)), detail);
            }
        }
    }
}

impl Sink for Reading<'_> {
    fn element(&mut self, element: Element<'_>) {
        let text = match std::str::from_utf8(element.bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = element.at + error.valid_up_to() as u64;
                return self.listing.add(SkipKind::InvalidUtf8, Some(self.position(at)), "");
            }
        };
        let members = text.starts_with('{').then_some(element.members);
        unwrap(text, members, element.within.framing(), &mut |found| self.found(element.at, found));
    }

    fn wrapper(&mut self, within: Within) {
        if self.records == 0 {
            self.framing = within.framing().or(self.framing);
        }
    }

    fn large_key(&mut self, key: &[u8]) {
        self.large.see(key);
    }

    fn oversized(&mut self, at: u64) {
        match std::mem::take(&mut self.large).kind() {
            Some(kind) => self.listing.add(kind, None, ""),
            None => self.listing.add(SkipKind::Oversized, Some(self.position(at)), ""),
        }
    }

    fn fault(&mut self, at: u64, fault: Fault) {
        self.large = Marks::default();
        let (kind, detail) = match fault {
            Fault::Expected(what) => (SkipKind::NotJson, Cow::from(format!("expected {what}"))),
            Fault::TooDeep => (SkipKind::TooDeep, Cow::from("")),
        };
        self.listing.add(kind, Some(self.position(at)), detail);
    }

    fn unfinished(&mut self, at: u64) {
        self.unfinished = Some(self.position(at));
    }
}

impl FileReport {
    /// The report of a file that could not be opened.
    pub(crate) fn unreadable(path: &str, why: std::io::ErrorKind) -> Self {
        let mut listing = Listing::default();
        listing.add(SkipKind::Unreadable, None, why.to_string());
        Self { source: None, skipped: listing.into_skipped(path, None), peak_buffer: 0 }
    }
}
