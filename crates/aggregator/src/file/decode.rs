//! Reads the sections of a usage file. Nothing is believed: whatever is not as the encoder writes
//! it is `None`, and what was written in another order or over a quota comes out the same.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use trailtrim_ingest::{Compression, ContentHash, Framing, Label, Position, SkipKind, SourceFacts};

use super::bytes::In;
use super::encode::Tag;
use super::{Body, Kind, UsageFile};
use crate::calls::{Calls, OwnedPath, OwnedRow};
use crate::context::{Context, Few};
use crate::coverage::OwnedPiece;
use crate::epoch::Epoch;
use crate::identity::{Outsider, PrincipalKey, Reason};
use crate::sketch::{GROUPS, RAREST, SKETCH, Sketch};
use crate::sources::{FileMark, Skip, SkipKey};
use crate::stats::{Join as _, Origin, Sample, Stats, Times};
use crate::trie::Quota;
use crate::usage::{OtherEvent, OtherKind, Usage};
use crate::workload::Workloads;

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    epochs: BTreeMap<Epoch, Body>,
    current: Option<(Epoch, Body)>,
    expected: Option<usize>,
    shared: Shared,
}

/// What many entries share.
#[derive(Debug, Default)]
struct Shared {
    texts: HashSet<Arc<str>>,
    labels: HashSet<Label>,
    origins: HashSet<Arc<Origin>>,
    contexts: HashSet<Arc<Context>>,
    /// Those of the section at hand, in their order.
    here: Vec<Arc<Origin>>,
    /// The marks of the epoch at hand, to be taken up at once.
    marks: Vec<FileMark>,
}

impl Shared {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }

    fn label(&mut self, text: &str) -> Label {
        let new = Label::sharing(text, |folder| self.text(folder));
        if let Some(known) = self.labels.get(&new) {
            return known.clone();
        }
        self.labels.insert(new.clone());
        new
    }

    fn origin(&mut self, bytes: &mut In<'_>) -> Option<Arc<Origin>> {
        let Some(known) = usize::try_from(bytes.number()?).ok()?.checked_sub(1) else {
            let (region, file) = (self.text(bytes.text()?), self.label(bytes.text()?));
            let origin = shared(&mut self.origins, Origin { region, file });
            self.here.push(Arc::clone(&origin));
            return Some(origin);
        };
        self.here.get(known).map(Arc::clone)
    }
}

/// Returns the copy that is shared of a value.
fn shared<T: Eq + Hash>(known: &mut HashSet<Arc<T>>, value: T) -> Arc<T> {
    if let Some(known) = known.get(&value) {
        return Arc::clone(known);
    }
    let new = Arc::new(value);
    known.insert(Arc::clone(&new));
    new
}

impl Decoder {
    pub(super) fn section(&mut self, kind: Kind, raw: &[u8]) -> Option<()> {
        let mut bytes = In(raw);
        match kind {
            Kind::End => return None,
            Kind::Head => {
                bytes.text()?;
                self.expected = Some(usize::try_from(bytes.number()?).ok()?);
            }
            Kind::Epoch => {
                self.close();
                let epoch = Epoch(bytes.fixed()?);
                let quota = Quota::new(u32::try_from(bytes.number()?).ok()?);
                let scope = bytes.list(|bytes| bytes.text().map(str::to_owned))?;
                let usage = Usage { quota, ..Usage::default() };
                self.current = Some((epoch, Body { scope, usage }));
            }
            Kind::Coverage => {
                let known = &mut self.current.as_mut()?.1.usage.coverage;
                for piece in serde_json::Deserializer::from_slice(raw).into_iter::<OwnedPiece>() {
                    known.join(piece.ok()?.into());
                }
                return Some(());
            }
            Kind::Sources | Kind::Principals | Kind::Rest => {
                let usage = &mut self.current.as_mut()?.1.usage;
                self.shared.here.clear();
                entries(usage, bytes, &mut self.shared)?;
                return Some(());
            }
        }
        bytes.is_empty().then_some(())
    }

    fn close(&mut self) {
        if let Some((epoch, mut body)) = self.current.take() {
            body.usage.sources.mark(std::mem::take(&mut self.shared.marks));
            self.epochs.insert(epoch, body);
        }
    }

    pub(super) fn finish(mut self) -> Option<UsageFile> {
        self.close();
        (self.expected == Some(self.epochs.len())).then_some(UsageFile { epochs: self.epochs })
    }
}

/// Calls that are being read, and what they stand under.
struct Under {
    principal: Option<PrincipalKey>,
    workload: Option<OwnedPath>,
    calls: Calls,
    frame: Vec<u8>,
}

fn entries(usage: &mut Usage, mut bytes: In<'_>, known: &mut Shared) -> Option<()> {
    let quota = usage.quota;
    let mut under =
        Under { principal: None, workload: None, calls: Calls::default(), frame: Vec::new() };
    while !bytes.is_empty() {
        let tag = bytes.byte()?;
        match Tag::ALL.into_iter().find(|known| *known as u8 == tag)? {
            Tag::Principal => {
                under.settle(usage)?;
                let arn = bytes.text()?.into();
                let id = bytes.optional(In::text)?.map(Into::into);
                under.principal = Some(PrincipalKey { arn, id });
            }
            Tag::Workload => {
                under.settle(usage)?;
                under.workload = Some(path(&mut bytes)?);
            }
            Tag::Lessons => {
                under.settle(usage)?;
                (under.principal, under.workload) = (None, None);
            }
            Tag::Frame => under.frame = bytes.bytes()?.to_vec(),
            Tag::Row => {
                let (outer, inner) = (path(&mut bytes)?, path(&mut bytes)?);
                let row = OwnedRow { outer, inner, stats: stats(&mut bytes, known)? };
                under.calls.put(&under.frame, row, quota).then_some(())?;
            }
            Tag::Outsider => {
                let code = bytes.text()?;
                let reason = Reason::ALL.into_iter().find(|reason| reason.code() == code)?;
                let outsider = Outsider { reason, identity: bytes.text()?.into() };
                let stats = stats(&mut bytes, known)?;
                usage.outsiders.entry(outsider).or_default().join(stats);
            }
            Tag::Other => {
                let code = bytes.text()?;
                let other = OtherEvent {
                    kind: OtherKind::ALL.into_iter().find(|kind| kind.code() == code)?,
                    event_source: bytes.text()?.into(),
                    event_name: bytes.text()?.into(),
                    event_type: bytes.text()?.into(),
                };
                let stats = stats(&mut bytes, known)?;
                usage.other.entry(other).or_default().join(stats);
            }
            Tag::Amended => usage.amended.join(stats(&mut bytes, known)?),
            Tag::Source => {
                let hash = ContentHash::from_bytes(bytes.fixed()?);
                let facts = source(&mut bytes, known)?;
                usage.sources.add_facts(hash, facts);
            }
            Tag::Skip => {
                let (key, skip) = skip(&mut bytes)?;
                usage.sources.add_skip(key, skip);
            }
            Tag::File => {
                let path = known.label(bytes.text()?);
                let (bytes, modified) = (bytes.number()?, i64::from_le_bytes(bytes.fixed()?));
                known.marks.push(FileMark { path, bytes, modified });
            }
        }
    }
    under.settle(usage)
}

impl Under {
    /// Hands over the calls read so far.
    fn settle(&mut self, usage: &mut Usage) -> Option<()> {
        let calls = std::mem::take(&mut self.calls);
        if calls.is_empty() {
            return Some(());
        }
        let quota = usage.quota;
        let Some(principal) = &self.principal else {
            let lessons = Usage { quota, lessons: calls, ..Usage::default() };
            usage.join(lessons);
            return Some(());
        };
        let (path, folded) = self.workload.as_ref()?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut workloads = Workloads::default();
        workloads.put(&path, folded.clone(), calls, quota).then_some(())?;
        usage.principals.entry(principal.clone()).or_default().join_within(workloads, quota);
        Some(())
    }
}

fn path(bytes: &mut In<'_>) -> Option<OwnedPath> {
    let path = bytes.list(|bytes| bytes.text().map(str::to_owned))?;
    Some((path, bytes.optional(sketch)?))
}

fn sketch(bytes: &mut In<'_>) -> Option<Sketch> {
    let hashes = bytes.length()?;
    if hashes > SKETCH {
        let groups: [u8; GROUPS] = bytes.fixed()?;
        let valid = hashes == SKETCH + 1 && groups.iter().all(|rarity| *rarity <= RAREST);
        return valid.then(|| Sketch::Many(Box::new(groups)));
    }
    let mut sketch = Sketch::default();
    for _ in 0..hashes {
        sketch.add_kept(bytes.fixed()?);
    }
    Some(sketch)
}

fn stats(bytes: &mut In<'_>, known: &mut Shared) -> Option<Stats> {
    let (first, last) = (bytes.optional(In::signed)?, bytes.optional(In::signed)?);
    let mut before = 0i64;
    let days = bytes.list(|bytes| {
        before = before.checked_add(bytes.signed()?)?;
        i32::try_from(before).ok()
    })?;
    let times = Times { first, last, days: days.into_iter().collect() };
    let sketch = bytes.optional(sketch)?.unwrap_or_default();
    let samples = bytes.list(|bytes| match bytes.byte()? {
        1 => {
            let (id, time) = (bytes.fixed()?, u32::try_from(bytes.number()?).ok()?);
            Some(Sample::usual_of(id, time, known.origin(bytes)?))
        }
        0 => {
            let key = bytes.optional(In::text)?;
            let time = bytes.optional(In::signed)?;
            let id = bytes.text()?;
            let origin = known.origin(bytes)?;
            Some(Sample::new(key.unwrap_or(id), id, time, origin))
        }
        _ => None,
    })?;
    let context = Context { endpoints: few(bytes, known)?, networks: few(bytes, known)? };
    let context = (context != Context::default()).then(|| shared(&mut known.contexts, context));
    Some(Stats::of(samples, &times, sketch, context))
}

fn few(bytes: &mut In<'_>, known: &mut Shared) -> Option<Few> {
    let values = bytes.optional(|bytes| {
        bytes.list(|bytes| Some(bytes.optional(In::text)?.map(|text| known.text(text))))
    })?;
    let Some(values) = values else { return Some(Few::too_many()) };
    let mut few = Few::default();
    values.into_iter().for_each(|value| few.join(&Few::one(value)));
    Some(few)
}

fn source(bytes: &mut In<'_>, known: &mut Shared) -> Option<SourceFacts> {
    let path = known.label(bytes.text()?);
    let numbers = (bytes.number()?, bytes.number()?, bytes.number()?);
    let compression = bytes.text()?;
    let framing = bytes.optional(In::text)?;
    Some(SourceFacts {
        path,
        bytes: numbers.0,
        inflated_bytes: numbers.1,
        records: numbers.2,
        compression: COMPRESSIONS.into_iter().find(|known| known.name() == compression)?,
        framing: match framing {
            Some(name) => Some(FRAMINGS.into_iter().find(|known| known.name() == name)?),
            None => None,
        },
    })
}

fn skip(bytes: &mut In<'_>) -> Option<(SkipKey, Skip)> {
    let source = match bytes.byte()? {
        1 => Ok(ContentHash::from_bytes(bytes.fixed()?)),
        0 => Err(bytes.text()?.to_owned()),
        _ => return None,
    };
    let position = bytes
        .optional(|bytes| Some(Position { byte: bytes.number()?, record: bytes.number()? }))?;
    let code = bytes.text()?;
    let kind = SkipKind::ALL.iter().copied().find(|kind| kind.code() == code)?;
    let skip = Skip {
        path: bytes.text()?.to_owned(),
        detail: bytes.text()?.to_owned(),
        count: bytes.number()?,
    };
    Some((SkipKey { source, position, kind }, skip))
}

const COMPRESSIONS: [Compression; 3] = [Compression::Plain, Compression::Gzip, Compression::Zstd];

const FRAMINGS: [Framing; 8] = [
    Framing::Records,
    Framing::Bare,
    Framing::LookupEvents,
    Framing::EventBridge,
    Framing::LogEvents,
    Framing::ExportLines,
    Framing::Elastic,
    Framing::Query,
];
