//! How many distinct things there were, without keeping them.
//!
//! Up to [`SKETCH`] things their hashes are kept, and the number is exact. Beyond, a HyperLogLog takes
//! their place, in a fifth of the memory: for each of 256 groups of hashes how rare the rarest of them
//! is. Its estimate has a standard error of `1.04/√256`, 6.5 %. Both are functions of the set of hashes
//! alone, so sketches join in any order and any number of times.
//!
//! Of a hash 40 bits are kept, since there may be millions of them: of 256 things two share theirs once
//! in 30 million times.

use std::ops::Range;

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

/// Up to this many things a count is exact.
pub const SKETCH: usize = 256;

/// How many bytes of a hash are kept.
const KEPT: usize = 5;

/// What is kept of a hash: its low bytes, the highest first.
pub type Hash = [u8; KEPT];

/// How many bits of a hash are kept.
const BITS: u32 = u8::BITS * KEPT as u32;

/// Returns the part of a hash that is kept.
pub(crate) fn kept(hash: u64) -> Hash {
    let [_, _, _, low @ ..] = hash.to_be_bytes();
    low
}

/// How many bits of a hash choose its group.
const GROUP_BITS: u32 = 8;

/// How many groups there are.
pub(crate) const GROUPS: usize = 1 << GROUP_BITS;

/// The rarest that a hash can be: all bits beside those of the group are zero.
pub(crate) const RAREST: u8 = (BITS - GROUP_BITS + 1) as u8;

/// A number of distinct events or names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number, or the estimate of it.
    pub value: u64,
    /// Whether `value` is an estimate.
    pub estimated: bool,
}

/// What is known of a number of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sketch {
    /// The hashes of all, ascending.
    Few(Vec<Hash>),
    /// Of each group the rarest, where there were more than [`SKETCH`]; 0 where the group is empty.
    Many(Box<[u8; GROUPS]>),
}

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch::Few(Vec::new())
    }
}

impl Sketch {
    /// Takes up one thing by the hash of its name.
    pub(crate) fn add(&mut self, hash: u64) {
        self.add_kept(kept(hash));
    }

    /// Takes up one thing by what was kept of its hash.
    pub(crate) fn add_kept(&mut self, hash: Hash) {
        match self {
            Sketch::Many(groups) => note(groups, hash),
            Sketch::Few(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return };
                if hashes.len() == SKETCH {
                    let mut groups = self.take_groups();
                    note(&mut groups, hash);
                    *self = Sketch::Many(groups);
                    return;
                }
                // Most are of a few things: no slack at first, then the double.
                if hashes.len() == hashes.capacity() {
                    hashes.reserve_exact(hashes.len().clamp(1, SKETCH - hashes.len()));
                }
                hashes.insert(at, hash);
            }
        }
    }

    pub(crate) fn join(&mut self, other: &Sketch) {
        match other {
            Sketch::Few(hashes) => hashes.iter().for_each(|hash| self.add_kept(*hash)),
            Sketch::Many(more) => {
                let mut groups = self.take_groups();
                for (known, new) in groups.iter_mut().zip(more.iter()) {
                    *known = (*known).max(*new);
                }
                *self = Sketch::Many(groups);
            }
        }
    }

    /// Takes out what is known, by groups.
    fn take_groups(&mut self) -> Box<[u8; GROUPS]> {
        match std::mem::take(self) {
            Sketch::Many(groups) => groups,
            Sketch::Few(hashes) => {
                let mut groups = Box::new([0; GROUPS]);
                hashes.iter().for_each(|hash| note(&mut groups, *hash));
                groups
            }
        }
    }

    pub(crate) fn count(&self) -> Count {
        match self {
            Sketch::Few(hashes) => Count { value: hashes.len() as u64, estimated: false },
            Sketch::Many(groups) => {
                let least = SKETCH as u64 + 1;
                Count { value: (estimate(groups).round() as u64).max(least), estimated: true }
            }
        }
    }

    /// Returns the number, or the estimate of it, where what is known was cut: of many there may be few left.
    pub(crate) fn least(&self) -> u64 {
        match self {
            Sketch::Few(hashes) => hashes.len() as u64,
            Sketch::Many(groups) => estimate(groups).round() as u64,
        }
    }

    /// Keeps a share of the things, as if each was left by chance: of few those whose place among all is in a
    /// range, so that the same are left wherever they are known, and of many that share.
    pub(crate) fn cut(&mut self, places: Range<f64>, share: f64) {
        match self {
            Sketch::Few(hashes) => hashes
                .retain(|hash| places.contains(&(xxh3_64(hash) as f64 / (u64::MAX as f64 + 1.0)))),
            Sketch::Many(groups) => {
                // Of the things half are so rare that one step less is a thing of any rarity.
                let steps = (-share.log2()).floor().clamp(0.0, f64::from(RAREST));
                let further = 2.0 * (1.0 - share * steps.exp2());
                for (known, at) in groups.iter_mut().zip(0u16..) {
                    let more = f64::from(at) < further * GROUPS as f64;
                    *known = known.saturating_sub(steps as u8 + u8::from(more));
                }
            }
        }
    }

    /// Puts right whether one thing is among those that are left.
    pub(crate) fn put(&mut self, hash: u64, is_left: bool) {
        match self {
            Sketch::Few(hashes) if !is_left => {
                let gone = kept(hash);
                hashes.retain(|one| *one != gone);
            }
            _ if is_left => self.add(hash),
            _ => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Sketch::Few(hashes) if hashes.is_empty())
    }

    /// Returns the hashes of all things, where they are few.
    pub(crate) fn hashes(&self) -> Option<&[Hash]> {
        match self {
            Sketch::Few(hashes) => Some(hashes),
            Sketch::Many(_) => None,
        }
    }

    /// Returns whether this shows all of the other's things to be among its own. Of few that is certain.
    /// Of many it takes one of more than twice as many to show nothing, since among enough things any
    /// others seem to be.
    pub(crate) fn shows(&self, other: &Sketch) -> bool {
        match (self, other) {
            (Sketch::Few(own), Sketch::Few(others)) => {
                others.iter().all(|hash| own.binary_search(hash).is_ok())
            }
            (Sketch::Few(_), Sketch::Many(_)) => false,
            (Sketch::Many(own), _) => {
                let others = other.clone().take_groups();
                own.iter().zip(others.iter()).all(|(own, other)| own >= other)
                    && self.count().value <= other.count().value.saturating_mul(2)
            }
        }
    }

    /// Returns the sketch of these hashes, whatever their order.
    pub(crate) fn of(hashes: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        hashes.into_iter().for_each(|hash| sketch.add(hash));
        sketch
    }
}

/// Returns the group of a hash and how rare it is: one in `2^rarity`.
fn place(hash: Hash) -> (usize, u8) {
    let [high @ .., group] = hash;
    let rarity = u32::from_be_bytes(high).leading_zeros() + 1;
    (usize::from(group), rarity as u8)
}

fn note(groups: &mut [u8; GROUPS], hash: Hash) {
    let (group, rarity) = place(hash);
    if let Some(known) = groups.get_mut(group) {
        *known = rarity.max(*known);
    }
}

/// The estimate without bias at either end of O. Ertl, "New cardinality estimation algorithms for
/// HyperLogLog sketches", 2017, algorithm 6.
fn estimate(groups: &[u8; GROUPS]) -> f64 {
    let all = GROUPS as f64;
    let of_rarity = |rarity: u8| groups.iter().filter(|known| **known == rarity).count() as f64;
    let mut sum = all * tau(1.0 - of_rarity(RAREST) / all);
    for rarity in (1..RAREST).rev() {
        sum = 0.5 * (sum + of_rarity(rarity));
    }
    sum += all * sigma(of_rarity(0) / all);
    all / (2.0 * std::f64::consts::LN_2) * (all / sum)
}

/// What empty groups add: `x + Σ x^(2^k) 2^(k-1)` for `k` from 1 on.
fn sigma(mut x: f64) -> f64 {
    let (mut sum, mut weight) = (x, 1.0);
    loop {
        x *= x;
        let next = sum + x * weight;
        weight += weight;
        // Endless where all groups are empty.
        if next == sum || next.is_infinite() {
            return next;
        }
        sum = next;
    }
}

/// What full groups take away: `(1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3` for `k` from 1 on.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut sum, mut weight) = (1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        weight *= 0.5;
        let next = sum - (1.0 - x) * (1.0 - x) * weight;
        if next == sum {
            return next / 3.0;
        }
        sum = next;
    }
}

/// Returns the public hash of a name that is told apart by its segments.
pub(crate) fn hash_segments<'s>(segments: impl IntoIterator<Item = &'s str>) -> u64 {
    let mut text: SmallVec<[u8; 256]> = SmallVec::new();
    for segment in segments {
        text.extend_from_slice(segment.as_bytes());
        text.push(0);
    }
    xxh3_64(&text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hashes(numbers: Range<u32>) -> impl Iterator<Item = u64> {
        numbers.map(|n| hash_segments([n.to_string().as_str()]))
    }

    #[test]
    fn exact_while_small_and_near_after() {
        for count in [0, 1, SKETCH as u32] {
            let exact = Count { value: u64::from(count), estimated: false };
            assert_eq!(Sketch::of(hashes(0..count)).count(), exact);
        }
        // A fifth is three standard errors.
        for count in [257, 300, 700, 3_000, 40_000, 1_000_000] {
            let estimate = Sketch::of(hashes(0..count)).count();
            let error = estimate.value.abs_diff(u64::from(count));
            assert!(estimate.estimated && error <= u64::from(count / 5), "{estimate:?} of {count}");
        }
    }

    /// The error over many sets: none at all on average, and as large as it is said to be.
    #[test]
    fn the_estimate_has_no_bias() {
        for count in [260u32, 600, 2_000, 10_000] {
            let sets = 200;
            let errors = (0..sets).map(|set| {
                let estimate = Sketch::of(hashes(set * count..(set + 1) * count)).count().value;
                estimate as f64 / f64::from(count) - 1.0
            });
            let errors: Vec<f64> = errors.collect();
            let mean = errors.iter().sum::<f64>() / f64::from(sets);
            let square = errors.iter().map(|error| error * error).sum::<f64>() / f64::from(sets);
            assert!(mean.abs() < 0.02 && square.sqrt() < 0.08, "{count}: {mean} {}", square.sqrt());
        }
    }

    #[test]
    fn many_are_shown_among_about_as_many() {
        let of = |from, to| Sketch::of(hashes(from..to));
        let all = of(0, 1000);
        assert!(all.shows(&all) && all.shows(&of(300, 1000)));
        for other in [of(900, 1600), of(1000, 2000), of(0, 100), of(0, SKETCH as u32)] {
            assert!(!all.shows(&other));
        }
        assert!(of(0, 200).shows(&of(20, 90)) && !of(0, 200).shows(&of(20, 201)));
        assert!(of(0, 300).shows(&of(0, 200)) && !of(0, 200).shows(&of(0, 300)));
    }

    #[test]
    fn segments_are_told_apart() {
        assert_ne!(hash_segments(["a/", "b"]), hash_segments(["a/b"]));
    }

    proptest! {
        #[test]
        fn join_is_that_of_the_sets(
            a in (0u32..300, 0u32..150), b in (0u32..300, 0u32..150),
        ) {
            let (a, b) = (a.0..a.0 + a.1, b.0..b.0 + b.1);
            let (of_a, of_b) = (Sketch::of(hashes(a.clone())), Sketch::of(hashes(b.clone())));
            let joined = |a: &Sketch, b: &Sketch| { let mut all = a.clone(); all.join(b); all };
            let all = joined(&of_a, &of_b);
            prop_assert_eq!(&all, &joined(&of_b, &of_a));
            prop_assert_eq!(&all, &Sketch::of(hashes(b).chain(hashes(a))));
            prop_assert_eq!(&joined(&all, &of_a), &all);
        }
    }
}
