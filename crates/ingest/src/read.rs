//! Reads one file from its raw bytes to its records.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::thread;

use crate::ahead;
use crate::foreign::{self, Marks};
use crate::framer::{self, Element, Sink, Within};
use crate::grammar::Fault;
use crate::inflate::Inflate;
use crate::listing::Listing;
use crate::raw::Raw;
use crate::scan::{Scanned, Seen};
use crate::unwrap::{Found, unwrap};
use crate::whole::{RAW_LIMIT, Whole};
use crate::window::{Buffer, Damage, Source, Window};
use crate::{
    Compression, ContentHash, Framing, Label, Mentions, Position, Progress, Provenance, Record,
    SkipKind, Skipped, SourceFacts,
};

/// The largest record that is read, in bytes of its JSON.
///
/// AWS, "Quotas in CloudTrail": an event is at most 256 KB from `eventVersion` 1.05 on, and at
/// most 1 MB where an event data store is set to the larger size.
pub const RECORD_LIMIT: usize = 1024 * 1024;

/// What reading one file came to.
#[derive(Debug, Default)]
pub struct FileReport {
    /// Content and facts, where the file was read to its end.
    pub source: Option<(ContentHash, SourceFacts)>,
    /// What was not read.
    pub skipped: BTreeSet<Skipped>,
    /// The most inflated bytes held in memory at once.
    pub peak_buffer: usize,
    /// Whether it was not parsed, since it mentions nothing that is looked for.
    pub passed: bool,
}

/// Memory that is used again from file to file, and how to read.
#[derive(Debug, Default)]
pub struct Scratch {
    window: Buffer,
    raw: Vec<u8>,
    whole: Whole,
    road: Road,
    ahead: bool,
    mentions: Option<Mentions>,
    places: Vec<usize>,
    seen: Seen,
}

/// Which way records are read. The result is the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Road {
    /// Whole small files and usual records at once, everything else on the general road.
    #[default]
    Fast,
    /// The general road for all: files as streams, records by the automaton.
    General,
}

impl Scratch {
    /// Returns memory for reading on a road. With `ahead`, a file that is too large to be held whole
    /// is inflated by a thread of its own while this one reads its records.
    pub fn new(road: Road, ahead: bool) -> Self {
        Self { road, ahead, ..Self::default() }
    }

    /// Has only files parsed, and records visited, that may hold one of these texts.
    pub(crate) fn look_for(self, mentions: Option<Mentions>) -> Self {
        Self { mentions, ..self }
    }

    /// Gives back what only a large file needed, so that no thread holds on to the largest of all.
    pub(crate) fn settle(&mut self) {
        self.window.settle();
        self.raw.truncate(RAW_KEPT);
        self.raw.shrink_to(RAW_KEPT);
        self.places.clear();
        self.places.shrink_to(PLACES_KEPT);
    }
}

/// As many raw bytes have room from file to file.
const RAW_KEPT: usize = 512 * 1024;

/// So many places of what is looked for have room from file to file.
const PLACES_KEPT: usize = 16 * 1024;

/// Reads one stream of raw bytes, compressed or not, and visits each record in its order.
///
/// This is the road on which [`fold`](crate::fold) reads each file, for those who have the bytes
/// already. It never fails: what cannot be read is in the report.
pub fn read_stream(
    path: &Label,
    mut reader: impl Read + Send,
    scratch: &mut Scratch,
    progress: &dyn Progress,
    visit: &mut dyn FnMut(&Provenance<'_>, &Record<'_>),
) -> FileReport {
    let Scratch { window, raw, whole, road, ahead, mentions, places, seen } = scratch;
    let mentions = mentions.as_ref();
    let mut reading = Reading {
        path,
        visit,
        records: 0,
        framing: None,
        listing: Listing::default(),
        large: Marks::default(),
        unfinished: None,
        continued: None,
        seen,
        mentions,
        places: None,
    };
    if *road == Road::General {
        return stream(Raw::new(reader, progress), window, *road, false, progress, reading);
    }
    let (count, failed) = read_head(&mut reader, raw);
    let raw = raw.get(..count).unwrap_or_default();
    if failed.is_none()
        && raw.len() <= RAW_LIMIT
        && let Some(length) = whole.inflate(raw, window.vec())
    {
        progress.read(raw.len() as u64);
        let inflated = window.vec().get(..length).unwrap_or_default();
        if let Some(mentions) = mentions {
            mentions.find_in(inflated, places);
            if places.is_empty() {
                progress.done(0);
                return FileReport { passed: true, ..FileReport::default() };
            }
            reading.places = Some(places);
        }
        let mut inflated = Window::whole(window, length);
        let refused = reading.read(&mut inflated, *road);
        reading.end(refused, None, length as u64);
        progress.done(reading.records);
        let hash = || ContentHash::from_bytes(*blake3::hash(raw).as_bytes());
        let known = is_worth_it(refused).then(|| (hash(), raw.len() as u64));
        return reading.report(known, Compression::Gzip, length as u64, length);
    }
    // An error comes again after what was read before it.
    let ahead = *ahead && raw.len() > RAW_LIMIT;
    let reader = raw.chain(Failed(failed)).chain(reader);
    stream(Raw::new(reader, progress), window, *road, ahead, progress, reading)
}

/// Reads to the start of `raw`, which grows as needed, until the end or more than is read at once; returns
/// how many bytes came, and why no more did.
fn read_head(reader: &mut impl Read, raw: &mut Vec<u8>) -> (usize, Option<io::ErrorKind>) {
    let mut count = 0;
    while count <= RAW_LIMIT {
        if count == raw.len() {
            raw.resize((2 * count).clamp(RAW_KEPT, RAW_LIMIT + 1), 0);
        }
        match reader.read(raw.get_mut(count..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (count, Some(error.kind())),
        }
    }
    (count, None)
}

/// Reads a file piece by piece.
fn stream<R: Read + Send>(
    raw: Raw<'_, R>,
    buffer: &mut Buffer,
    road: Road,
    ahead: bool,
    progress: &dyn Progress,
    mut reading: Reading<'_>,
) -> FileReport {
    let inflate = match Inflate::new(raw) {
        Ok(inflate) => inflate,
        Err(damage) => {
            progress.done(0);
            reading.listing.add(damage.kind, None, damage.detail);
            let skipped = reading.listing.into_skipped(reading.path, None);
            return FileReport { skipped, ..FileReport::default() };
        }
    };
    let compression = inflate.compression();
    let (inflate, refused, inflated, peak) = if ahead {
        thread::scope(|scope| {
            let (filling, filled) = ahead::pair();
            let thread = scope.spawn(|| filling.fill(inflate));
            let mut window = Window::new(filled, buffer);
            let refused = reading.read(&mut window, road);
            let (filled, damage, peak) = window.finish();
            let inflated = filled.total();
            // Nobody takes more: the thread stops.
            drop(filled);
            reading.end(refused, damage, inflated);
            let inflate = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            (inflate, refused, inflated, peak)
        })
    } else {
        let mut window = Window::new(inflate, buffer);
        let refused = reading.read(&mut window, road);
        let (inflate, damage, peak) = window.finish();
        let inflated = inflate.inflated();
        reading.end(refused, damage, inflated);
        (inflate, refused, inflated, peak)
    };
    progress.done(reading.records);
    // A file that is no log is not worth reading to its end.
    let known = inflate.into_raw().filter(|_| is_worth_it(refused)).and_then(Raw::drain);
    reading.report(known, compression, inflated, peak)
}

/// Why a file is not read at all.
type Refused = Option<(SkipKind, &'static str)>;

fn is_worth_it(refused: Refused) -> bool {
    refused.is_none_or(|(kind, _)| kind == SkipKind::Empty)
}

/// A reader that fails where another one did, or is at its end.
struct Failed(Option<io::ErrorKind>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.map_or(Ok(0), |kind| Err(kind.into()))
    }
}

/// What is known while a file is read.
struct Reading<'v> {
    path: &'v Label,
    visit: &'v mut dyn FnMut(&Provenance<'_>, &Record<'_>),
    records: u64,
    framing: Option<Framing>,
    listing: Listing,
    /// What the keys of the value that outgrows the limit tell.
    large: Marks,
    unfinished: Option<Position>,
    /// Where the last list says that more follows.
    continued: Option<Position>,
    seen: &'v mut Seen,
    mentions: Option<&'v Mentions>,
    /// Where in the stream they stand, ascending, where that is known.
    places: Option<&'v [usize]>,
}

impl Reading<'_> {
    /// Reads all that a window holds and will hold, or says why not.
    fn read<S: Source>(&mut self, window: &mut Window<'_, S>, road: Road) -> Refused {
        window.ensure(foreign::HEAD);
        if window.held().starts_with(b"\xef\xbb\xbf") {
            window.consume(3);
        }
        let refused = foreign::refuse(window.held());
        if refused.is_none() {
            let seen = std::mem::take(self.seen);
            *self.seen = framer::frame(window, road, seen, self);
        }
        refused
    }

    /// Sums up, with the hash and number of the raw bytes where all were read.
    fn report(
        self,
        known: Option<(ContentHash, u64)>,
        compression: Compression,
        inflated_bytes: u64,
        peak_buffer: usize,
    ) -> FileReport {
        let source = known.map(|(hash, bytes)| {
            let facts = SourceFacts {
                path: self.path.clone(),
                bytes,
                inflated_bytes,
                records: self.records,
                compression,
                framing: self.framing,
            };
            (hash, facts)
        });
        let hash = source.as_ref().map(|(hash, _)| *hash);
        let skipped = self.listing.into_skipped(self.path, hash);
        FileReport { source, skipped, peak_buffer, passed: false }
    }

    fn position(&self, byte: u64) -> Position {
        Position { byte, record: self.records }
    }

    /// Takes note of how the stream ended.
    fn end(&mut self, refused: Refused, damage: Option<Damage>, inflated: u64) {
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
        } else if let Some(at) = self.continued {
            let detail = "not the whole answer, as its `NextToken` says; ask for the rest, and put all pages into one file";
            self.listing.add(SkipKind::Truncated, Some(at), detail);
        }
    }

    /// Counts a record, and returns what it was packed in.
    fn count(&mut self, framing: Option<Framing>) -> Framing {
        let framing = framing.unwrap_or(Framing::Bare);
        if self.records == 0 {
            self.framing = Some(framing);
        }
        self.records += 1;
        framing
    }

    fn found(&mut self, at: u64, found: Found<'_>) {
        match found {
            Found::Record(_, record, _) if record.is_insight() => {
                self.listing.add(SkipKind::Insight, None, "");
            }
            Found::Record(text, ..) if text.len() > RECORD_LIMIT => {
                self.listing.add(SkipKind::Oversized, Some(self.position(at)), "");
            }
            Found::Record(_, record, _) if record.is_of_later_version() => {
                self.listing.add(SkipKind::NewerVersion, Some(self.position(at)), "");
            }
            Found::Record(_, record, framing) => {
                for field in record.odd_fields() {
                    let detail = format!("`{field}` is not of its type; read without it");
                    self.listing.add(SkipKind::OddField, Some(self.position(at)), detail);
                }
                let number = self.records;
                let framing = self.count(framing);
                (self.visit)(&Provenance { path: self.path, record: number, framing }, record);
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

    fn scanned(&mut self, scanned: &Scanned, element: Element<'_>) -> bool {
        let Ok(text) = simdutf8::basic::from_utf8(element.bytes) else { return false };
        let concerns = |mentions: &Mentions| match self.places {
            Some(_) => self.quiet_until(element.at) < element.at + element.bytes.len() as u64,
            None => mentions.concern(element.bytes),
        };
        if !self.mentions.is_none_or(concerns) && scanned.is_plainly_named() {
            self.count(element.within.framing());
            return true;
        }
        let Ok(record) = scanned.record(text) else { return false };
        self.found(element.at, Found::Record(text, &record, element.within.framing()));
        true
    }

    fn quiet_until(&self, at: u64) -> u64 {
        let Some(places) = self.places else { return at };
        let next = places.partition_point(|place| (*place as u64) < at);
        places.get(next).map_or(u64::MAX, |place| *place as u64)
    }

    fn passed(&mut self) {
        self.count(Some(Framing::Records));
    }

    fn wrapper(&mut self, within: Within) {
        // What follows here is what followed, where pages stand one after the other.
        self.continued = None;
        if self.records == 0 {
            self.framing = within.framing().or(self.framing);
        }
    }

    fn continued(&mut self, at: u64) {
        self.continued = Some(self.position(at));
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
    pub(crate) fn unreadable(path: &Label, why: io::ErrorKind) -> Self {
        let mut listing = Listing::default();
        listing.add(SkipKind::Unreadable, None, why.to_string());
        Self { skipped: listing.into_skipped(path, None), ..Self::default() }
    }
}
