//! Writes usages in canonical order.

use std::io::Write;

use super::bytes::Out;
use super::{Body, FileError, Kind, SECTION, Sections, UsageFile};
use crate::calls::{Calls, Path, Row};
use crate::context::Few;
use crate::epoch::Epoch;
use crate::identity::{Outsider, PrincipalKey};
use crate::sketch::{SKETCH, Sketch};
use crate::sources::{Skip, SkipKey};
use crate::stats::Stats;
use crate::usage::Usage;

/// What an entry of a section is. Each stands for what comes after it, until the next of its kind;
/// a section begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Principal = 1,
    Workload = 2,
    Frame = 3,
    Row = 4,
    Outsider = 5,
    Lessons = 6,
    Other = 7,
    Amended = 8,
    Source = 9,
    Skip = 10,
    File = 11,
}

impl Tag {
    pub(super) const ALL: [Tag; 11] = [
        Tag::Principal,
        Tag::Workload,
        Tag::Frame,
        Tag::Row,
        Tag::Outsider,
        Tag::Lessons,
        Tag::Other,
        Tag::Amended,
        Tag::Source,
        Tag::Skip,
        Tag::File,
    ];
}

/// Entries on their way into sections of one kind.
struct Entries<'s, W> {
    sections: &'s mut Sections<W>,
    kind: Kind,
    out: Out,
    /// What an entry of this section stands under, to be said again in the next one.
    above: Vec<u8>,
}

impl<'s, W: Write> Entries<'s, W> {
    fn new(sections: &'s mut Sections<W>, kind: Kind) -> Self {
        Entries { sections, kind, out: Out::default(), above: Vec::new() }
    }

    /// Adds an entry, in a new section where this one is full.
    fn add(&mut self, tag: Tag, write: impl Fn(&mut Out)) -> Result<(), FileError> {
        let write = |out: &mut Out| {
            out.fixed(&[tag as u8]);
            write(out);
        };
        let before = self.out.bytes.len();
        write(&mut self.out);
        if self.out.bytes.len() > SECTION && before > self.above.len() {
            let mut full = self.out.take();
            full.truncate(before);
            self.sections.add(self.kind, full)?;
            self.out.fixed(&self.above);
            write(&mut self.out);
        }
        Ok(())
    }

    /// Says what the next entries stand under: all that `above` was, from `keep` bytes on anew.
    fn stand_under(&mut self, keep: usize, tag: Tag, write: impl FnOnce(&mut Out)) -> usize {
        let before = self.out.bytes.len();
        self.out.fixed(&[tag as u8]);
        write(&mut self.out);
        self.above.truncate(keep);
        self.above.extend(self.out.bytes.get(before..).unwrap_or_default());
        self.above.len()
    }

    fn calls(&mut self, keep: usize, calls: &Calls) -> Result<(), FileError> {
        for (frame, rows) in calls.rows() {
            self.stand_under(keep, Tag::Frame, |out| out.bytes(frame));
            for row in rows {
                self.add(Tag::Row, |out| write_row(out, &row))?;
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), FileError> {
        if self.out.bytes.len() > self.above.len() {
            self.sections.add(self.kind, self.out.take())?;
        }
        Ok(())
    }
}

pub(super) fn file<W: Write>(
    file: &UsageFile,
    sections: &mut Sections<W>,
) -> Result<(), FileError> {
    let mut head = Out::default();
    head.text(concat!("trailtrim ", env!("CARGO_PKG_VERSION")));
    head.length(file.epochs.len());
    sections.add(Kind::Head, head.take())?;
    for (epoch, body) in &file.epochs {
        write_epoch(epoch, body, sections)?;
        sources(&body.usage, sections)?;
        principals(&body.usage, sections)?;
        rest(&body.usage, sections)?;
        coverage(&body.usage, sections)?;
    }
    Ok(())
}

fn write_epoch<W: Write>(
    epoch: &Epoch,
    body: &Body,
    sections: &mut Sections<W>,
) -> Result<(), FileError> {
    let mut out = Out::default();
    out.fixed(&epoch.0);
    out.number(u64::from(body.usage.quota.names()));
    out.length(body.scope.len());
    body.scope.iter().for_each(|line| out.text(line));
    sections.add(Kind::Epoch, out.take())
}

fn sources<W: Write>(usage: &Usage, sections: &mut Sections<W>) -> Result<(), FileError> {
    let mut entries = Entries::new(sections, Kind::Sources);
    for (hash, facts) in &usage.sources.facts {
        entries.add(Tag::Source, |out| {
            out.fixed(hash.as_bytes());
            out.text(&facts.path.to_string());
            for number in [facts.bytes, facts.inflated_bytes, facts.records] {
                out.number(number);
            }
            out.text(facts.compression.name());
            out.optional(facts.framing, |out, framing| out.text(framing.name()));
        })?;
    }
    for (key, skip) in &usage.sources.skips {
        entries.add(Tag::Skip, |out| write_skip(out, key, skip))?;
    }
    for file in &usage.sources.files {
        entries.add(Tag::File, |out| {
            out.text(&file.path.to_string());
            out.number(file.bytes);
            out.fixed(&file.modified.to_le_bytes());
        })?;
    }
    entries.end()
}

fn write_skip(out: &mut Out, key: &SkipKey, skip: &Skip) {
    match &key.source {
        Ok(hash) => {
            out.fixed(&[1]);
            out.fixed(hash.as_bytes());
        }
        Err(path) => {
            out.fixed(&[0]);
            out.text(path);
        }
    }
    out.optional(key.position, |out, position| {
        out.number(position.byte);
        out.number(position.record);
    });
    out.text(key.kind.code());
    out.text(&skip.path);
    out.text(&skip.detail);
    out.number(skip.count);
}

fn principals<W: Write>(usage: &Usage, sections: &mut Sections<W>) -> Result<(), FileError> {
    let mut ordered: Vec<_> = usage.principals.iter().collect();
    ordered.sort_unstable_by_key(|(key, _)| *key);
    let mut entries = Entries::new(sections, Kind::Principals);
    for (key, workloads) in ordered {
        let under = entries.stand_under(0, Tag::Principal, |out| principal(out, key));
        for leaf in workloads.0.leaves() {
            let path = (leaf.path, leaf.folded);
            let under = entries.stand_under(under, Tag::Workload, |out| write_path(out, &path));
            entries.calls(under, leaf.value)?;
        }
    }
    entries.end()
}

fn principal(out: &mut Out, key: &PrincipalKey) {
    out.text(&key.arn);
    out.optional(key.id.as_deref(), Out::text);
}

fn rest<W: Write>(usage: &Usage, sections: &mut Sections<W>) -> Result<(), FileError> {
    let mut entries = Entries::new(sections, Kind::Rest);
    for (Outsider { reason, identity }, stats) in &usage.outsiders {
        entries.add(Tag::Outsider, |out| {
            out.text(reason.code());
            out.text(identity);
            write_stats(out, stats);
        })?;
    }
    for (other, stats) in &usage.other {
        entries.add(Tag::Other, |out| {
            out.text(other.kind.code());
            out.text(&other.event_source);
            out.text(&other.event_name);
            out.text(&other.event_type);
            write_stats(out, stats);
        })?;
    }
    if !usage.amended.is_empty() {
        entries.add(Tag::Amended, |out| write_stats(out, &usage.amended))?;
    }
    let under = entries.stand_under(0, Tag::Lessons, |_| {});
    entries.calls(under, &usage.lessons)?;
    entries.end()
}

/// Writes pieces of JSON, so many to a section that it is about full.
fn coverage<W: Write>(usage: &Usage, sections: &mut Sections<W>) -> Result<(), FileError> {
    let mut pieces = Vec::new();
    for piece in usage.coverage.pieces() {
        let piece = serde_json::to_vec(&piece).map_err(std::io::Error::from)?;
        if pieces.len() + piece.len() > SECTION && !pieces.is_empty() {
            sections.add(Kind::Coverage, std::mem::take(&mut pieces))?;
        }
        pieces.extend(piece);
    }
    sections.add(Kind::Coverage, pieces)
}

fn write_row(out: &mut Out, row: &Row<'_>) {
    write_path(out, &row.outer);
    write_path(out, &row.inner);
    write_stats(out, row.stats);
}

fn write_path(out: &mut Out, (path, folded): &Path<'_>) {
    out.length(path.len());
    path.iter().for_each(|segment| out.text(segment));
    out.optional(*folded, write_sketch);
}

/// A number of hashes and these, or one more than the most there can be and what is known by groups.
fn write_sketch(out: &mut Out, sketch: &Sketch) {
    match sketch {
        Sketch::Few(hashes) => {
            out.length(hashes.len());
            hashes.iter().for_each(|hash| out.fixed(hash));
        }
        Sketch::Many(groups) => {
            out.length(SKETCH + 1);
            out.fixed(&**groups);
        }
    }
}

fn write_stats(out: &mut Out, stats: &Stats) {
    let times = stats.times();
    out.optional(times.first, Out::signed);
    out.optional(times.last, Out::signed);
    out.length(times.days.len());
    let mut before = 0;
    for day in times.days.iter() {
        out.signed(i64::from(day) - before);
        before = i64::from(day);
    }
    out.optional(stats.sketch(), write_sketch);
    out.length(stats.samples().len());
    for sample in stats.samples() {
        match sample.usual() {
            Some((id, time)) => {
                out.fixed(&[1]);
                out.fixed(id);
                out.number(u64::from(time));
            }
            None => {
                out.fixed(&[0]);
                sample.with_key(|key| out.optional(key, Out::text));
                out.optional(sample.time(), Out::signed);
                sample.with_id(|id| out.text(id));
            }
        }
        out.origin(sample.origin());
    }
    write_few(out, stats.endpoints());
    write_few(out, stats.networks());
}

fn write_few(out: &mut Out, few: &Few) {
    out.optional(few.values(), |out, values| {
        let values: Vec<_> = values.collect();
        out.length(values.len());
        values.into_iter().for_each(|value| out.optional(value, Out::text));
    });
}
