//! Distinct calls, with the names in them under a quota.

use std::collections::HashMap;

use crate::call::Call;
use crate::filed::{Filed, Piece};
use crate::names::{self, Filling, Level};
use crate::sketch::Sketch;
use crate::stats::{Join, Stats};
use crate::trie::{Bounded, Leaf, Quota, Segments, Shape, Trie, segments};

/// Distinct calls: by frame (see [`names`]), and under it by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(HashMap<Box<[u8]>, Family, foldhash::fast::RandomState>);

/// The calls of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Family {
    /// No names in it.
    One(Box<Stats>),
    /// Names of one kind.
    Flat(Box<Trie<Stats>>),
    /// Containers, and names in them; of each a quota of its own.
    Nested(Box<Trie<Trie<Stats>>>),
}

impl Calls {
    /// Takes up events of a call.
    pub(crate) fn add(&mut self, call: &Filed, stats: Stats, quota: Quota) {
        let mut pieces = call.pieces().peekable();
        let mut stats = Some(stats);
        while let Some(piece) = pieces.next() {
            let more = pieces.peek().is_some();
            let stats = if more { stats.clone() } else { stats.take() };
            self.add_piece(&piece, stats.unwrap_or_default(), quota);
        }
    }

    fn add_piece(&mut self, piece: &Piece<'_>, stats: Stats, quota: Quota) {
        if let Some(family) = self.0.get_mut(piece.frame) {
            return family.add(piece, stats, quota);
        }
        let count = |names: usize| u16::try_from(names).unwrap_or(u16::MAX);
        let is_whole = Call::decode(piece.frame).is_some_and(|frame| names::are_whole(&frame));
        let mut family =
            Family::new(count(piece.containers.len()), count(piece.names.len()), is_whole);
        family.add(piece, stats, quota);
        self.0.insert(piece.frame.into(), family);
    }

    /// Returns the calls with what is remembered of each, in no order. Where names were more than
    /// the quota keeps, one call stands for many: see [`Call::open`].
    pub fn iter(&self) -> impl Iterator<Item = (Call<'_>, &Stats)> {
        self.framed(|_| true)
    }

    /// Returns those calls of which the frame is `wanted`; names are put into no other.
    pub(crate) fn framed(
        &self,
        wanted: impl Fn(&Call<'_>) -> bool,
    ) -> impl Iterator<Item = (Call<'_>, &Stats)> {
        let frames = self.frames().filter(move |(frame, _)| wanted(frame));
        frames.flat_map(|(frame, family)| family.calls(&frame))
    }

    /// Returns them by their frames, which have all that is asked of a call but for its names.
    pub(crate) fn by_frame(&self) -> impl Iterator<Item = (Call<'_>, Vec<(Call<'_>, &Stats)>)> {
        self.frames().map(|(frame, family)| {
            let calls = family.calls(&frame);
            (frame, calls)
        })
    }

    /// Returns what is remembered of each, in no order.
    pub(crate) fn stats(&self) -> impl Iterator<Item = &Stats> {
        self.0.values().flat_map(Family::rows).map(|row| row.stats)
    }

    /// Returns whether any frame is `wanted`.
    pub(crate) fn any_frame(&self, wanted: impl Fn(&Call<'_>) -> bool) -> bool {
        self.frames().any(|(frame, _)| wanted(&frame))
    }

    fn frames(&self) -> impl Iterator<Item = (Call<'_>, &Family)> {
        // Every key was made by `Call::encode_with`.
        self.0.iter().filter_map(|(key, family)| Some((Call::decode(key)?, family)))
    }

    /// Returns the number of calls that are kept apart.
    pub fn len(&self) -> usize {
        self.0.values().map(Family::len).sum()
    }

    /// Returns whether there is no call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns frames with what is under each, ordered by frame, for a file.
    pub(crate) fn rows(&self) -> Vec<(&[u8], Vec<Row<'_>>)> {
        let mut rows: Vec<_> = self.0.iter().map(|(key, family)| (&**key, family.rows())).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows
    }

    /// Takes up a row of a file; `false` if it is not one.
    pub(crate) fn put(&mut self, frame: &[u8], row: OwnedRow, quota: Quota) -> bool {
        let Some(mut call) = Call::decode(frame) else { return false };
        let is_whole = names::are_whole(&call);
        let Some((containers, names)) = names::references(&mut call) else { return false };
        let new = || Family::new(containers, names, is_whole);
        let family = self.0.entry(frame.into()).or_insert_with(new);
        family.put(row, containers, names, quota)
    }

    /// Keeps the frames and statistics that `keep` returns something for.
    pub(crate) fn filter(
        &self,
        quota: Quota,
        mut keep: impl FnMut(&Call<'_>, &Stats) -> Option<Stats>,
    ) -> Calls {
        let mut kept = Calls::default();
        for (key, family) in &self.0 {
            let Some(frame) = Call::decode(key) else { continue };
            let (mut containers, mut names) = (0, 0);
            if let Some(counts) = names::references(&mut frame.clone()) {
                (containers, names) = counts;
            }
            for row in family.rows() {
                if let Some(stats) = keep(&frame, row.stats) {
                    let new = || Family::new(containers, names, names::are_whole(&frame));
                    let family = kept.0.entry(key.clone()).or_insert_with(new);
                    family.put(row.owned(stats), containers, names, quota);
                }
            }
        }
        kept
    }
}

/// The path of one call under its frame.
#[derive(Debug)]
pub(crate) struct Row<'c> {
    pub(crate) outer: Path<'c>,
    pub(crate) inner: Path<'c>,
    pub(crate) stats: &'c Stats,
}

/// Segments of names, and the sketch of all that is folded there.
pub(crate) type Path<'c> = (Vec<&'c str>, Option<&'c Sketch>);

/// A [`Row`] out of a file.
#[derive(Debug)]
pub(crate) struct OwnedRow {
    pub(crate) outer: OwnedPath,
    pub(crate) inner: OwnedPath,
    pub(crate) stats: Stats,
}

/// A [`Path`] out of a file.
pub(crate) type OwnedPath = (Vec<String>, Option<Sketch>);

impl Row<'_> {
    fn owned(&self, stats: Stats) -> OwnedRow {
        let own = |path: &Path<'_>| {
            (path.0.iter().map(|segment| (*segment).to_owned()).collect(), path.1.cloned())
        };
        OwnedRow { outer: own(&self.outer), inner: own(&self.inner), stats }
    }
}

impl Family {
    /// `is_whole` says that the names, where nothing contains them, are never written as a pattern. Containers
    /// never are.
    fn new(containers: u16, names: u16, is_whole: bool) -> Family {
        match (containers, names) {
            (0, 0) => Family::One(Box::default()),
            (0, names) if is_whole => Family::Flat(Box::new(Trie::new(Shape::Whole(names)))),
            (0, names) => Family::Flat(Box::new(Trie::new(Shape::Names(names)))),
            (containers, 0) => Family::Flat(Box::new(Trie::new(Shape::Whole(containers)))),
            (containers, _) => Family::Nested(Box::new(Trie::new(Shape::Whole(containers)))),
        }
    }

    fn add(&mut self, piece: &Piece<'_>, stats: Stats, quota: Quota) {
        let Piece { containers, names, .. } = piece;
        match self {
            Family::One(own) => own.join(stats),
            Family::Flat(trie) => {
                let mut path = Segments::new();
                containers.iter().chain(names).for_each(|name| segments(name, &mut path));
                trie.update(&path, quota, Stats::default, |own| own.join(stats));
            }
            Family::Nested(trie) => {
                let (mut outer, mut inner) = (Segments::new(), Segments::new());
                containers.iter().for_each(|name| segments(name, &mut outer));
                names.iter().for_each(|name| segments(name, &mut inner));
                let count = u16::try_from(names.len()).unwrap_or(u16::MAX);
                trie.update(
                    &outer,
                    quota,
                    || Trie::new(Shape::Names(count)),
                    |below| {
                        below.update(&inner, quota, Stats::default, |own| own.join(stats));
                    },
                );
            }
        }
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let nothing = || (Vec::new(), None);
        match self {
            Family::One(stats) => vec![Row { outer: nothing(), inner: nothing(), stats }],
            Family::Flat(trie) => {
                let leaves = trie.leaves().into_iter();
                leaves.map(|leaf| row(nothing(), leaf)).collect()
            }
            Family::Nested(trie) => {
                let mut rows = Vec::new();
                for outer in trie.leaves() {
                    let leaves = outer.value.leaves().into_iter();
                    rows.extend(leaves.map(|leaf| row((outer.path.clone(), outer.folded), leaf)));
                }
                rows
            }
        }
    }

    fn put(&mut self, row: OwnedRow, containers: u16, names: u16, quota: Quota) -> bool {
        let (outer, inner) = (borrowed(&row.outer.0), borrowed(&row.inner.0));
        let outer_folded = row.outer.1;
        let folded = row.inner.1;
        let fits = |path: &[&str], folded: bool, names: u16| {
            let whole = path.iter().filter(|segment| !segment.ends_with('/')).count();
            path.len() <= LONGEST_PATH
                && if folded { whole < usize::from(names) } else { whole == usize::from(names) }
        };
        match self {
            Family::One(stats) => {
                stats.join(row.stats);
                outer.is_empty() && inner.is_empty()
            }
            Family::Flat(trie) => {
                let valid = outer.is_empty() && fits(&inner, folded.is_some(), containers + names);
                if valid {
                    trie.put(&inner, folded, row.stats, quota);
                }
                valid
            }
            Family::Nested(trie) => {
                let valid = fits(&outer, outer_folded.is_some(), containers)
                    && fits(&inner, folded.is_some(), names);
                if valid {
                    let mut below = Trie::new(Shape::Names(names));
                    below.put(&inner, folded, row.stats, quota);
                    trie.put(&outer, outer_folded, below, quota);
                }
                valid
            }
        }
    }

    fn calls<'c>(&'c self, frame: &Call<'c>) -> Vec<(Call<'c>, &'c Stats)> {
        let flat_containers = match self {
            Family::Flat(_) => {
                names::references(&mut frame.clone()).is_some_and(|(containers, _)| containers > 0)
            }
            _ => false,
        };
        let rows = self.rows().into_iter();
        rows.map(|row| {
            let level = |path: &Path<'c>| Level::new(&path.0, path.1.map(Sketch::count));
            let filling = if flat_containers {
                Filling { containers: level(&row.inner), names: Level::default() }
            } else {
                Filling { containers: level(&row.outer), names: level(&row.inner) }
            };
            (names::fill(frame, &filling), row.stats)
        })
        .collect()
    }

    fn len(&self) -> usize {
        match self {
            Family::One(_) => 1,
            Family::Flat(trie) => trie.len(),
            Family::Nested(trie) => trie.leaves().iter().map(|outer| outer.value.len()).sum(),
        }
    }
}

/// More segments than this have no path that was ever made here (64 names of 13 segments).
const LONGEST_PATH: usize = 64 * 13;

fn row<'c>(outer: Path<'c>, leaf: Leaf<'c, Stats>) -> Row<'c> {
    Row { outer, inner: (leaf.path, leaf.folded), stats: leaf.value }
}

fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

impl Bounded for Calls {
    fn join_within(&mut self, other: Self, quota: Quota) {
        // Moving the smaller map's entries touches the least memory; the result is the same.
        let smaller = if self.0.len() < other.0.len() {
            std::mem::replace(&mut self.0, other.0)
        } else {
            other.0
        };
        for (frame, family) in smaller {
            match self.0.get_mut(&frame) {
                Some(known) => match (known, family) {
                    (Family::One(known), Family::One(more)) => known.join(*more),
                    (Family::Flat(known), Family::Flat(more)) => known.join(*more, quota),
                    (Family::Nested(known), Family::Nested(more)) => known.join(*more, quota),
                    // The frame decides which of them it is.
                    _ => {}
                },
                None => {
                    self.0.insert(frame, family);
                }
            }
        }
    }

    fn tighten(&mut self, quota: Quota) {
        for family in self.0.values_mut() {
            match family {
                Family::One(_) => {}
                Family::Flat(trie) => trie.tighten(quota),
                Family::Nested(trie) => trie.tighten(quota),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::put;
    use crate::filed::Filing;

    /// Returns how many calls are kept apart, under a quota of 32, where one value names something else in each.
    fn kept_of(values: usize, path: &'static str, value: impl Fn(usize) -> String) -> usize {
        let mut bytes = vec![0];
        for text in ["x.amazonaws.com", "Do", "eu-west-1", "111122223333"] {
            put(&mut bytes, text);
        }
        bytes.extend([0, 0, 0, 0]);
        let mut calls = Calls::default();
        for number in 0..values {
            let mut call = Call::decode(&bytes).unwrap();
            call.parts.push((path.into(), value(number).into()));
            calls.add(&Filing::default().file(&call), Stats::default(), Quota::new(32));
        }
        calls.len()
    }

    #[test]
    fn what_is_never_a_pattern_is_kept_beyond_the_quota() {
        let role = |name: &'static str| {
            move |number| format!("arn:aws:iam::111122223333:role/{name}{number}")
        };
        assert_eq!(kept_of(100, "request.rolearn", role("tenant-")), 100);
        assert_eq!(kept_of(100, "request.rolearn", role("a/b/")), 100);
        assert_eq!(kept_of(100, "request.rolename", |number| format!("tenant-{number}")), 100);
        assert_eq!(kept_of(100, "request.bucketname", |number| format!("tenant-{number}")), 100);
        assert_eq!(kept_of(600, "request.rolearn", role("tenant-")), 1);
        assert_eq!(kept_of(100, "request.tablename", |number| format!("tenant-{number}")), 1);
        let user = |number| format!("arn:aws:iam::111122223333:user/tenant-{number}");
        assert_eq!(kept_of(100, "request.userarn", user), 1);
    }

    #[test]
    fn the_address_of_a_queue_is_no_level_of_its_name() {
        let queue = |number| format!("https://sqs.eu-west-1.amazonaws.com/111122223333/q{number}");
        assert_eq!(kept_of(32, "request.queueurl", queue), 32);
        assert_eq!(kept_of(33, "request.queueurl", queue), 1);
        assert_eq!(kept_of(33, "request.templateurl", queue), 1);
        assert_eq!(kept_of(3, "request.templateurl", queue), 1);
    }

    #[test]
    fn accounts_and_hosts_that_are_made_up_are_names_under_the_quota() {
        let of = |number: usize| format!("https://sqs.eu-west-1.amazonaws.com/{number:012}/q");
        assert_eq!(kept_of(100, "request.queueurl", of), 100);
        assert_eq!(kept_of(1000, "request.queueurl", of), 1);
        let at = |number| format!("https://sqs.h{number}.example.com/111122223333/q");
        assert_eq!(kept_of(1000, "request.queueurl", at), 1);
        for host in [
            "https://vpce-0a-b.sqs.eu-west-1.vpce.amazonaws.com",
            "http://sqs.eu-west-1.api.aws:443",
        ] {
            let of = |number| format!("{host}/111122223333/q{number}");
            assert_eq!(kept_of(20, "request.queueurl", of), 20, "{host}");
        }
    }
}
