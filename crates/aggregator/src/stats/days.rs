//! Days on which something was seen, as bits.
//!
//! Most calls are seen within one stretch of 64 days, which takes no memory of its own. Nothing is
//! reserved for the time between two stretches: a log may claim any year.

use smallvec::SmallVec;

/// Days since 1970-01-01 (UTC), ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days(SmallVec<[Stretch; 1]>);

/// Days within 64 of one another; one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    /// Which of all stretches it is, counted from 1970.
    number: i32,
    bits: u64,
}

const LENGTH: i32 = u64::BITS as i32;

impl Stretch {
    fn days(self) -> impl Iterator<Item = i32> {
        let Stretch { number, mut bits } = self;
        std::iter::from_fn(move || {
            let next = bits.trailing_zeros();
            bits &= bits.checked_sub(1)?;
            Some(number * LENGTH + next.cast_signed())
        })
    }
}

impl Days {
    /// Takes up a day.
    pub fn insert(&mut self, day: i32) {
        let number = day.div_euclid(LENGTH);
        self.take_up(Stretch { number, bits: 1 << day.rem_euclid(LENGTH) });
    }

    fn take_up(&mut self, new: Stretch) {
        match self.0.binary_search_by_key(&new.number, |stretch| stretch.number) {
            Ok(at) => {
                if let Some(stretch) = self.0.get_mut(at) {
                    stretch.bits |= new.bits;
                }
            }
            Err(at) => self.0.insert(at, new),
        }
    }

    pub(crate) fn join(&mut self, other: &Days) {
        other.0.iter().for_each(|stretch| self.take_up(*stretch));
    }

    /// Returns the days.
    pub fn iter(&self) -> impl Iterator<Item = i32> {
        self.0.iter().copied().flat_map(Stretch::days)
    }

    /// Returns the days, of themselves.
    pub fn each(self) -> impl Iterator<Item = i32> {
        self.0.into_iter().flat_map(Stretch::days)
    }

    /// Returns the first day.
    pub fn first(&self) -> Option<i32> {
        let Stretch { number, bits } = self.0.first()?;
        Some(number * LENGTH + bits.trailing_zeros().cast_signed())
    }

    /// Returns the last day.
    pub fn last(&self) -> Option<i32> {
        let Stretch { number, bits } = self.0.last()?;
        Some(number * LENGTH + (LENGTH - 1) - bits.leading_zeros().cast_signed())
    }

    /// Returns how many days there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|stretch| stretch.bits.count_ones() as usize).sum()
    }

    /// Returns whether there is no day.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<i32> for Days {
    fn from_iter<I: IntoIterator<Item = i32>>(days: I) -> Days {
        let mut all = Days::default();
        days.into_iter().for_each(|day| all.insert(day));
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn day() -> impl Strategy<Value = i32> {
        // As far as the four-digit years that a log can state.
        prop_oneof![-200..200i32, -719_528..=2_932_896i32]
    }

    proptest! {
        #[test]
        fn days_are_a_set(a in prop::collection::vec(day(), 0..40), b in prop::collection::vec(day(), 0..40)) {
            let days: Days = a.iter().copied().collect();
            let set: BTreeSet<i32> = a.iter().copied().collect();
            prop_assert!(days.iter().eq(set.iter().copied()));
            prop_assert_eq!(days.len(), set.len());
            prop_assert_eq!(days.is_empty(), set.is_empty());
            prop_assert_eq!((days.first(), days.last()), (set.first().copied(), set.last().copied()));
            let mut joined = days;
            joined.join(&b.iter().copied().collect());
            prop_assert_eq!(joined, a.iter().chain(&b).copied().collect::<Days>());
        }
    }
}
