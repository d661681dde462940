//! Names of which there can be any number, kept one by one up to a quota.
//!
//! A role may touch ten million keys of a bucket; a policy never lists them. Names live in a trie
//! by segment. A node is (what was seen of this very name, what is below: children or *anything*).
//! The weight of what is below is the sum over the children of (1 if seen + weight of what is
//! below it), or the node's quota where it is *anything*. Where the weight exceeds the quota, what
//! is below becomes *anything*: the values join into one, and of the names a sketch stays, to say
//! how many there were.
//!
//! The quota falls with depth (`quota / 2^depth`, never below a sixteenth), so a noisy prefix is
//! folded long before it costs its innocent siblings anything.
//!
//! INVARIANT: the state is a function of the *set* of names and values, not of their order. Weights
//! only grow with the set, a folded node weighs what it weighed at least when it was folded, and
//! folding commutes with joining values. So tries join associatively, commutatively and
//! idempotently.
//!
//! Tries with different quotas join at the smaller one. For that to be one result too, what folds
//! under a quota must fold under every smaller one. It does where no quota shrinks more than that
//! of the node above it: by induction weights then shrink no more than quotas do. Halving 8 and 7
//! down the depth breaks that (4/8 but 3/7), so quotas are powers of two.
//!
//! Several names of one call follow one another in one path. A segment that ends in `/` goes on
//! within its name; any other ends it.

use std::cmp::Ordering;
use std::ops::Deref;

use memchr::memchr;
use smallvec::SmallVec;

use crate::sketch::{Sketch, hash_segments};
use crate::stats::Join;

/// How many names are kept one by one where nothing else is said.
///
/// A managed policy holds 6,144 characters (IAM quotas), some eighty ARNs, so these are six policies of
/// nothing but names of one kind: more are hardly ever listed one by one. Four levels down, as
/// `invoices/2026/03/02/`, this quota still keeps 32.
pub const NAME_QUOTA: u32 = 512;

/// How many workloads of one principal are kept apart.
pub const WORKLOAD_QUOTA: u32 = 64;

/// No name is cut into more segments than this; the last one holds the rest.
const DEEPEST: usize = 12;

/// A path through a trie; most are no longer than what takes no memory of its own.
pub(crate) type Segments<'n> = SmallVec<[&'n str; 12]>;

/// A name that others follow may have this many times the quota below it, since what is counted
/// there are combinations.
const COMBINATIONS: u32 = 16;

/// Names that are never written as a pattern may be this many times the quota: more than an account has
/// roles (IAM quotas: 5,000 at most), and nearly as many as it has buckets without asking for more (10,000).
const WHOLE: u32 = 16;

/// A bound on names kept one by one; the smallest of all that were asked for holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quota(u32);

impl Quota {
    /// Returns a quota of that many names, rounded down to a power of two, 1 at least.
    pub fn new(names: u32) -> Quota {
        Quota(1 << names.max(1).ilog2())
    }

    /// Returns the number of names.
    pub fn names(self) -> u32 {
        self.0
    }
}

impl Default for Quota {
    /// No bound: what a usage of nothing has, so that joining it changes nothing.
    fn default() -> Quota {
        Quota::new(u32::MAX)
    }
}

/// A value that can be kept in a trie: a join that may need to know the quota.
pub(crate) trait Bounded: Clone {
    /// Joins what was seen elsewhere; both keep to the quota already.
    fn join_within(&mut self, other: Self, quota: Quota);
    /// Brings the value down to a smaller quota.
    fn tighten(&mut self, quota: Quota);
}

impl Bounded for crate::stats::Stats {
    fn join_within(&mut self, other: Self, _quota: Quota) {
        self.join(other);
    }

    fn tighten(&mut self, _quota: Quota) {}
}

/// What the paths of a trie are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// This many names, one after another.
    Names(u16),
    /// The same of names that are never written as a pattern.
    Whole(u16),
    /// A class and the name of a workload; classes are few and never folded.
    Workloads,
}

/// Where in a path a node stands.
#[derive(Clone, Copy)]
struct Place {
    name: u16,
    depth: u32,
}

impl Place {
    const START: Place = Place { name: 0, depth: 0 };

    fn after(self, segment: &str) -> Place {
        if segment.ends_with('/') {
            Place { name: self.name, depth: self.depth + 1 }
        } else {
            Place { name: self.name + 1, depth: 0 }
        }
    }
}

#[derive(Clone, Copy)]
struct Limits {
    shape: Shape,
    quota: Quota,
}

impl Limits {
    fn at(self, place: Place) -> u32 {
        match self.shape {
            Shape::Workloads if place.depth == 0 => u32::MAX,
            Shape::Workloads => WORKLOAD_QUOTA,
            Shape::Names(names) => {
                let names_follow = place.name + 1 < names;
                let times = if names_follow { COMBINATIONS } else { 1 };
                self.halved(self.quota.0.saturating_mul(times), place)
            }
            Shape::Whole(_) => self.halved(self.quota.0.saturating_mul(WHOLE), place),
        }
    }

    /// Returns what is left of a quota at a place, a sixteenth of the usual one at least.
    fn halved(self, full: u32, place: Place) -> u32 {
        (full >> place.depth.min(31)).max(self.quota.0 / 16).max(1)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trie<V> {
    shape: Shape,
    root: Node<V>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node<V> {
    here: Option<V>,
    /// Most nodes are the end of a name, and nothing is below them.
    below: Option<Box<Below<V>>>,
}

/// What is below a node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Below<V> {
    weight: u32,
    names: Names<V>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Names<V> {
    /// By segment, ascending; one at least.
    Children(Vec<Child<V>>),
    Anything(Folded<V>),
}

type Child<V> = (Segment, Node<V>);

/// A piece of a name. Its beginning stands beside it, so that most are told apart without going to where they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    head: u64,
    text: Box<str>,
}

/// Returns the first eight bytes of a text as a number that sorts as they do.
fn head(text: &str) -> u64 {
    let mut head = [0; 8];
    head.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(head)
}

impl Segment {
    /// Compares with a text and its [`head`].
    fn order(&self, head: u64, text: &str) -> Ordering {
        self.head.cmp(&head).then_with(|| (*self.text).cmp(text))
    }
}

impl From<&str> for Segment {
    fn from(text: &str) -> Segment {
        Segment { head: head(text), text: text.into() }
    }
}

impl Deref for Segment {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Folded<V> {
    value: V,
    names: Sketch,
}

/// One name, or everything that begins like it.
#[derive(Debug)]
pub(crate) struct Leaf<'t, V> {
    pub(crate) path: Vec<&'t str>,
    /// The names folded into one, if the path stands for all that begins so.
    pub(crate) folded: Option<&'t Sketch>,
    pub(crate) value: &'t V,
}

impl<V> Node<V> {
    fn new() -> Node<V> {
        Node { here: None, below: None }
    }

    /// What the node adds to the weight of its parent.
    fn share(&self) -> u32 {
        let below = self.below.as_ref().map_or(0, |below| below.weight);
        below.saturating_add(u32::from(self.here.is_some()))
    }
}

impl<V: Bounded> Trie<V> {
    pub(crate) fn new(shape: Shape) -> Trie<V> {
        Trie { shape, root: Node::new() }
    }

    /// Changes the value of a name, made by `new` where the name is new.
    pub(crate) fn update(
        &mut self,
        path: &[&str],
        quota: Quota,
        new: impl FnOnce() -> V,
        change: impl FnOnce(&mut V),
    ) {
        let limits = Limits { shape: self.shape, quota };
        self.root.update(path, 0, limits, Place::START, new, change);
    }

    /// Takes up a name, or everything below it, as it stands in a file.
    pub(crate) fn put(&mut self, path: &[&str], folded: Option<Sketch>, value: V, quota: Quota) {
        let mut alone = Node::new();
        match folded {
            None => alone.here = Some(value),
            Some(names) => alone.below = Below::of(Names::Anything(Folded { value, names })),
        }
        for segment in path.iter().rev() {
            let children = vec![((*segment).into(), alone)];
            alone = Node { here: None, below: Below::of(Names::Children(children)) };
        }
        let limits = Limits { shape: self.shape, quota };
        alone.tighten(limits, Place::START, &mut Vec::new());
        self.root.join(alone, limits, Place::START, &mut Vec::new());
    }

    /// Brings the trie down to a smaller quota.
    pub(crate) fn tighten(&mut self, quota: Quota) {
        let limits = Limits { shape: self.shape, quota };
        self.root.tighten(limits, Place::START, &mut Vec::new());
    }

    /// Joins a trie of the same shape; both keep to the quota already.
    pub(crate) fn join(&mut self, other: Trie<V>, quota: Quota) {
        let limits = Limits { shape: self.shape, quota };
        self.root.join(other.root, limits, Place::START, &mut Vec::new());
    }

    /// Returns every name with its value, ordered by path; what is folded comes after the names
    /// that are its beginning.
    pub(crate) fn leaves(&self) -> Vec<Leaf<'_, V>> {
        let mut leaves = Vec::new();
        self.root.leaves(&mut Vec::new(), &mut leaves);
        leaves
    }

    /// Returns how many names and folded nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.root.len()
    }
}

impl<V: Bounded> Bounded for Trie<V> {
    fn join_within(&mut self, other: Self, quota: Quota) {
        self.join(other, quota);
    }

    fn tighten(&mut self, quota: Quota) {
        Trie::tighten(self, quota);
    }
}

/// Grows a full list by an eighth: most lists are short, and there may be a million of them.
fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(1 + list.len() / 8);
    }
}

impl<V: Bounded> Node<V> {
    fn update(
        &mut self,
        path: &[&str],
        at: usize,
        limits: Limits,
        place: Place,
        new: impl FnOnce() -> V,
        change: impl FnOnce(&mut V),
    ) {
        let Some(segment) = path.get(at) else {
            change(self.here.get_or_insert_with(new));
            return;
        };
        let below = self.below.get_or_insert_with(Box::default);
        let children = match &mut below.names {
            Names::Anything(folded) => {
                folded.names.add(hash_segments(path.iter().copied()));
                return change(&mut folded.value);
            }
            Names::Children(children) => children,
        };
        let head = head(segment);
        let found = children.binary_search_by(|(known, _)| known.order(head, segment));
        let index = match found {
            Ok(index) => index,
            Err(index) => {
                make_room(children);
                children.insert(index, ((*segment).into(), Node::new()));
                index
            }
        };
        let Some((_, child)) = children.get_mut(index) else { return };
        let before = if found.is_ok() { child.share() } else { 0 };
        child.update(path, at + 1, limits, place.after(segment), new, change);
        below.weight = below.weight.saturating_sub(before).saturating_add(child.share());
        if below.weight > limits.at(place) {
            below.fold(limits, place, path.get(..at).unwrap_or_default());
        }
    }

    fn join(&mut self, other: Node<V>, limits: Limits, place: Place, path: &mut Vec<Segment>) {
        match (&mut self.here, other.here) {
            (Some(here), Some(more)) => here.join_within(more, limits.quota),
            (here @ None, more) => *here = more,
            (Some(_), None) => {}
        }
        match (&mut self.below, other.below) {
            (Some(below), Some(more)) => below.join(*more, limits, place, path),
            (below @ None, more) => *below = more,
            (Some(_), None) => {}
        }
    }

    fn tighten(&mut self, limits: Limits, place: Place, path: &mut Vec<Segment>) {
        if let Some(here) = &mut self.here {
            here.tighten(limits.quota);
        }
        if let Some(below) = &mut self.below {
            below.tighten(limits, place, path);
        }
    }

    /// Joins everything of the node into one.
    fn pour(self, into: &mut Option<Folded<V>>, quota: Quota, path: &[&str]) {
        if let Some(here) = self.here {
            let hash = hash_segments(path.iter().copied());
            match into {
                Some(folded) => {
                    folded.names.add(hash);
                    folded.value.join_within(here, quota);
                }
                None => {
                    let mut names = Sketch::default();
                    names.add(hash);
                    *into = Some(Folded { value: here, names });
                }
            }
        }
        match self.below.map(|below| below.names) {
            Some(Names::Anything(more)) => match into {
                Some(folded) => {
                    folded.names.join(&more.names);
                    folded.value.join_within(more.value, quota);
                }
                None => *into = Some(more),
            },
            Some(Names::Children(children)) => pour_all(children, into, quota, path),
            None => {}
        }
    }

    fn leaves<'t>(&'t self, path: &mut Vec<&'t str>, out: &mut Vec<Leaf<'t, V>>) {
        if let Some(here) = &self.here {
            out.push(Leaf { path: path.clone(), folded: None, value: here });
        }
        match self.below.as_ref().map(|below| &below.names) {
            Some(Names::Anything(folded)) => out.push(Leaf {
                path: path.clone(),
                folded: Some(&folded.names),
                value: &folded.value,
            }),
            Some(Names::Children(children)) => {
                for (segment, child) in children {
                    path.push(segment);
                    child.leaves(path, out);
                    path.pop();
                }
            }
            None => {}
        }
    }

    fn len(&self) -> usize {
        usize::from(self.here.is_some())
            + match self.below.as_ref().map(|below| &below.names) {
                Some(Names::Anything(_)) => 1,
                Some(Names::Children(children)) => {
                    children.iter().map(|(_, child)| child.len()).sum()
                }
                None => 0,
            }
    }
}

impl<V> Default for Below<V> {
    fn default() -> Below<V> {
        Below { weight: 0, names: Names::Children(Vec::new()) }
    }
}

impl<V: Bounded> Below<V> {
    /// Returns what is below a node, not weighed yet.
    fn of(names: Names<V>) -> Option<Box<Below<V>>> {
        Some(Box::new(Below { weight: 0, names }))
    }

    fn join(&mut self, other: Below<V>, limits: Limits, place: Place, path: &mut Vec<Segment>) {
        let names = std::mem::replace(&mut self.names, Names::Children(Vec::new()));
        self.names = match (names, other.names) {
            (Names::Anything(mut folded), Names::Anything(more)) => {
                folded.value.join_within(more.value, limits.quota);
                folded.names.join(&more.names);
                Names::Anything(folded)
            }
            (Names::Anything(folded), Names::Children(children))
            | (Names::Children(children), Names::Anything(folded)) => {
                let path: Vec<&str> = path.iter().map(|segment| &**segment).collect();
                let mut folded = Some(folded);
                pour_all(children, &mut folded, limits.quota, &path);
                folded.map_or_else(|| Names::Children(Vec::new()), Names::Anything)
            }
            (Names::Children(mut children), Names::Children(more)) => {
                for (segment, node) in more {
                    match children.binary_search_by(|(known, _)| known.cmp(&segment)) {
                        Ok(index) => {
                            if let Some((_, child)) = children.get_mut(index) {
                                let place = place.after(&segment);
                                path.push(segment);
                                child.join(node, limits, place, path);
                                path.pop();
                            }
                        }
                        Err(index) => {
                            make_room(&mut children);
                            children.insert(index, (segment, node));
                        }
                    }
                }
                Names::Children(children)
            }
        };
        self.weigh(limits, place, path);
    }

    fn tighten(&mut self, limits: Limits, place: Place, path: &mut Vec<Segment>) {
        match &mut self.names {
            Names::Anything(folded) => folded.value.tighten(limits.quota),
            Names::Children(children) => {
                for (segment, child) in children {
                    path.push(segment.clone());
                    child.tighten(limits, place.after(segment), path);
                    path.pop();
                }
            }
        }
        self.weigh(limits, place, path);
    }

    /// Sums up what is below, and folds it if it is too much.
    fn weigh(&mut self, limits: Limits, place: Place, path: &[Segment]) {
        self.weight = match &self.names {
            Names::Anything(_) => limits.at(place),
            Names::Children(children) => {
                children.iter().fold(0, |sum: u32, (_, child)| sum.saturating_add(child.share()))
            }
        };
        if self.weight > limits.at(place) {
            let path: Vec<&str> = path.iter().map(|segment| &**segment).collect();
            self.fold(limits, place, &path);
        }
    }

    fn fold(&mut self, limits: Limits, place: Place, path: &[&str]) {
        self.weight = limits.at(place);
        if let Names::Children(children) = &mut self.names {
            let mut folded = None;
            pour_all(std::mem::take(children), &mut folded, limits.quota, path);
            if let Some(folded) = folded {
                self.names = Names::Anything(folded);
            }
        }
    }
}

/// Joins everything of these children into one; `path` leads to their parent.
fn pour_all<V: Bounded>(
    children: Vec<Child<V>>,
    into: &mut Option<Folded<V>>,
    quota: Quota,
    path: &[&str],
) {
    for (segment, child) in children {
        let mut path = path.to_vec();
        path.push(&segment);
        child.pour(into, quota, &path);
    }
}

/// Appends the segments of one name. The last has no `/` at its end, all others have.
pub(crate) fn segments<'n>(name: &'n str, out: &mut Segments<'n>) {
    let mut rest = name;
    for _ in 1..DEEPEST {
        match memchr(b'/', rest.as_bytes()) {
            Some(at) => {
                let (head, tail) = rest.split_at(at + 1);
                out.push(head);
                rest = tail;
            }
            None => return out.push(rest),
        }
    }
    // Deeper than any layout people scope a policy by. A segment within a name ends in `/`.
    match rest.strip_suffix('/') {
        Some(_) => out.extend_from_slice(&[rest, ""]),
        None => out.push(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{EventKey, Stats};
    use proptest::prelude::*;
    use trailtrim_ingest::Label;

    fn value(event: &str) -> Stats {
        let mut stats = Stats::default();
        let key = EventKey { key: event, event_id: event, time: Some(0), region: "r" };
        stats.add(key, &Label::from("f"));
        stats
    }

    fn add(trie: &mut Trie<Stats>, name: &str, quota: Quota) {
        let mut path = Segments::new();
        segments(name, &mut path);
        let more = value(name);
        trie.update(&path, quota, Stats::default, |stats| stats.join(more));
    }

    fn trie<'n>(names: impl IntoIterator<Item = &'n str>, quota: Quota) -> Trie<Stats> {
        let mut trie = Trie::new(Shape::Names(1));
        names.into_iter().for_each(|name| add(&mut trie, name, quota));
        trie
    }

    fn shown(trie: &Trie<Stats>) -> Vec<String> {
        let leaves = trie.leaves();
        leaves
            .iter()
            .map(|leaf| {
                let name = leaf.path.concat();
                match leaf.folded {
                    Some(names) => format!("{name}* {}", names.count().value),
                    None => name,
                }
            })
            .collect()
    }

    #[test]
    fn a_noisy_prefix_is_folded_and_its_siblings_are_not() {
        let noisy: Vec<String> = (0..200).map(|n| format!("logs/2024/{n}")).collect();
        let mut names: Vec<&str> = noisy.iter().map(String::as_str).collect();
        names.extend(["config.json", "data/a", "data/b"]);
        let trie = trie(names, Quota::new(256));
        assert_eq!(shown(&trie), ["config.json", "data/a", "data/b", "logs/2024/* 200"]);
    }

    #[test]
    fn too_many_names_without_any_layout_are_anything() {
        let names: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let trie = trie(names.iter().map(String::as_str), Quota::new(256));
        let shown = shown(&trie);
        assert!(shown.len() == 1 && shown[0].starts_with("* "), "{shown:?}");
    }

    #[test]
    fn segments_give_back_the_name_and_mark_its_end() {
        for name in ["", "a", "a/", "/", "//", "a/b/c", &"x/".repeat(30), &"x/".repeat(11)] {
            let mut path = Segments::new();
            segments(name, &mut path);
            assert_eq!(path.concat(), name);
            let (last, before) = path.split_last().unwrap();
            assert!(!last.ends_with('/') && before.iter().all(|s| s.ends_with('/')), "{path:?}");
            assert!(path.len() <= DEEPEST + 1);
        }
    }

    #[test]
    fn what_a_file_says_gives_the_same_trie() {
        let names: Vec<String> = (0..90).map(|n| format!("{}/{}", n % 3, n)).collect();
        let quota = Quota::new(32);
        let trie = trie(names.iter().map(String::as_str), quota);
        let mut read = Trie::new(Shape::Names(1));
        for leaf in trie.leaves() {
            read.put(&leaf.path, leaf.folded.cloned(), leaf.value.clone(), quota);
        }
        assert_eq!(read, trie);
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        let name = prop::collection::vec(0u8..5, 1..5).prop_map(|parts| {
            let parts: Vec<String> = parts.iter().map(u8::to_string).collect();
            parts.join("/").replace('4', "/")
        });
        prop::collection::vec(name, 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn only_the_set_of_names_counts(
            a in names(), b in names(), c in names(), quota in 1u32..40, smaller in 1u32..40,
        ) {
            let (smaller, quota) = (Quota::new(smaller.min(quota)), Quota::new(quota));
            let of = |names: &[String], quota| trie(names.iter().map(String::as_str), quota);
            let joined = |a: &Trie<Stats>, b: &Trie<Stats>, quota| {
                let mut all = a.clone();
                all.join(b.clone(), quota);
                all
            };
            let (ta, tb, tc) = (of(&a, quota), of(&b, quota), of(&c, quota));
            prop_assert_eq!(joined(&ta, &tb, quota), joined(&tb, &ta, quota));
            prop_assert_eq!(
                joined(&joined(&ta, &tb, quota), &tc, quota),
                joined(&ta, &joined(&tb, &tc, quota), quota)
            );
            prop_assert_eq!(joined(&ta, &ta, quota), ta.clone());
            let mut all = a.clone();
            all.extend(b.iter().cloned());
            let together = of(&all, quota);
            prop_assert_eq!(&joined(&ta, &tb, quota), &together);
            all.reverse();
            prop_assert_eq!(&of(&all, quota), &together);
            // Tightening late or early is the same.
            let (mut late, mut early_a, mut early_b) = (together, ta, tb);
            late.tighten(smaller);
            early_a.tighten(smaller);
            early_b.tighten(smaller);
            prop_assert_eq!(&joined(&early_a, &early_b, smaller), &late);
            prop_assert_eq!(of(&all, smaller), late);
        }
    }
}
