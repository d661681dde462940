//! A set of a few things.

use std::ops::Deref;

/// A set as a list in ascending order: of a million rows each has several, and nearly all of them hold
/// one thing or none, for which a tree's node would take half a kilobyte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sorted<T>(Vec<T>);

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Sorted(Vec::new())
    }
}

impl<T: Ord> Sorted<T> {
    /// Takes up one thing.
    pub fn insert(&mut self, new: T) {
        if let Err(at) = self.0.binary_search(&new) {
            // One more may well be the last.
            self.0.reserve_exact(usize::from(self.0.len() < 4));
            self.0.insert(at, new);
        }
    }
}

impl<T> Deref for Sorted<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Ord> Extend<T> for Sorted<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, new: I) {
        new.into_iter().for_each(|one| self.insert(one));
    }
}

impl<T: Ord> FromIterator<T> for Sorted<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut sorted = Sorted::default();
        sorted.extend(all);
        sorted
    }
}

impl<T> IntoIterator for Sorted<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'s, T> IntoIterator for &'s Sorted<T> {
    type Item = &'s T;
    type IntoIter = std::slice::Iter<'s, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(all in prop::collection::vec(0u8..9, 0..20), more in 0u8..9) {
            let mut sorted: Sorted<u8> = all.iter().copied().collect();
            let mut set: BTreeSet<u8> = all.into_iter().collect();
            prop_assert!(sorted.iter().eq(&set));
            sorted.insert(more);
            set.insert(more);
            prop_assert!(sorted.into_iter().eq(set));
        }
    }
}
