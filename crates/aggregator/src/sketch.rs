//! How many distinct things there were, without keeping them.
//!
//! K-minimum-values: the smallest [`SKETCH`] hashes are kept. Up to that many things the number is
//! exact, beyond it is an estimate whose standard error is about `1/√(K-2)`, 6 %. The smallest of a
//! union are the smallest of the smallest, so sketches join in any order and any number of times.

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

/// How many smallest hashes a sketch keeps; up to this many, the count is exact.
pub const SKETCH: usize = 256;

/// A number of distinct events or names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number, or the estimate of it.
    pub value: u64,
    /// Whether `value` is an estimate.
    pub estimated: bool,
}

/// The smallest hashes of what was seen, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sketch(Vec<u64>);

impl Sketch {
    /// Takes up one thing by the hash of its name.
    pub(crate) fn add(&mut self, hash: u64) {
        let room = self.0.len() < SKETCH;
        if (room || self.0.last().is_some_and(|last| hash < *last))
            && let Err(at) = self.0.binary_search(&hash)
        {
            if room {
                // Most calls are seen once or twice: no slack at first, then the double.
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(self.0.len().max(1));
                }
            }
            self.0.insert(at, hash);
            self.0.truncate(SKETCH);
        }
    }

    pub(crate) fn join(&mut self, other: &Sketch) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        if self == other {
            return;
        }
        let mut all = Vec::with_capacity(self.0.len() + other.0.len());
        all.extend_from_slice(&self.0);
        all.extend_from_slice(&other.0);
        all.sort_unstable();
        all.dedup();
        all.truncate(SKETCH);
        all.shrink_to_fit();
        self.0 = all;
    }

    pub(crate) fn count(&self) -> Count {
        let seen = self.0.len();
        match self.0.last() {
            Some(&largest) if seen == SKETCH => {
                // (K-1) / (K-th smallest hash as a fraction of the hash space)
                let fraction = (largest as f64 + 1.0) / 2f64.powi(64);
                Count { value: ((SKETCH - 1) as f64 / fraction).round() as u64, estimated: true }
            }
            _ => Count { value: seen as u64, estimated: false },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn hashes(&self) -> &[u64] {
        &self.0
    }

    /// Returns the sketch of these hashes, whatever their order.
    pub(crate) fn of(mut hashes: Vec<u64>) -> Sketch {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(SKETCH);
        Sketch(hashes)
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
    use super::*;

    #[test]
    fn exact_while_small_and_near_after() {
        let mut sketch = Sketch::default();
        for n in 0..256u32 {
            sketch.add(hash_segments([n.to_string().as_str()]));
        }
        // With all places taken nobody knows whether there were more.
        assert_eq!(sketch.hashes().len(), SKETCH);
        for n in 0..40_000u32 {
            sketch.add(hash_segments([n.to_string().as_str()]));
        }
        let count = sketch.count();
        assert!(count.estimated && (32_000..48_000).contains(&count.value), "{count:?}");
    }

    #[test]
    fn segments_are_told_apart() {
        assert_ne!(hash_segments(["a/", "b"]), hash_segments(["a/b"]));
    }
}
