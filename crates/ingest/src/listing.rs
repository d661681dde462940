//! Collects what is skipped in one file, bounded however much it is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::{ContentHash, LISTED_PER_KIND, Label, Position, SkipKind, Skipped};

/// The skips of one file.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    counts: BTreeMap<SkipKind, u64>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: SkipKind,
    position: Option<Position>,
    detail: Cow<'static, str>,
    count: u64,
}

impl Listing {
    /// Adds a place that was skipped.
    ///
    /// What belongs beside log files is one entry a kind for the whole file, all else an entry
    /// a place, until there are too many.
    pub(crate) fn add(
        &mut self,
        kind: SkipKind,
        position: Option<Position>,
        detail: impl Into<Cow<'static, str>>,
    ) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let limit = if kind.is_expected() { 1 } else { LISTED_PER_KIND };
        if *count <= limit {
            let position = position.filter(|_| !kind.is_expected());
            let detail = match detail.into() {
                detail if detail.is_empty() => Cow::Borrowed(kind.meaning()),
                detail => detail,
            };
            return self.entries.push(Entry { kind, position, detail, count: 1 });
        }
        let last = self.entries.iter_mut().rev().find(|entry| entry.kind == kind);
        if let Some(entry) = last {
            if *count == limit + 1 && limit > 1 {
                entry.detail = Cow::Borrowed("and further places like this");
            }
            entry.count += 1;
        }
    }

    /// Returns the entries as they stand in the result.
    pub(crate) fn into_skipped(
        self,
        path: &Label,
        source: Option<ContentHash>,
    ) -> BTreeSet<Skipped> {
        let entries = self.entries.into_iter();
        entries
            .map(|entry| Skipped {
                path: path.to_string(),
                position: entry.position,
                kind: entry.kind,
                detail: entry.detail.into_owned(),
                count: entry.count,
                source,
            })
            .collect()
    }
}
