//! When something was recorded, to the hour, and which days that accounts for.
//!
//! A record shows that recording worked at its moment, and at no other. Between
//! two records of a kind it is taken to have worked on if they are not further
//! apart than [`LONGEST_SILENCE`]; a longer silence may be a quiet night or a
//! delivery that was broken, and proves nothing. So the first and the last day
//! are never whole: before the first record and after the last nothing is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stats::Join;

/// How many hours may lie between two records for the time between to count as recorded.
///
/// An outage of a whole day cannot hide between two records that are no further apart, whatever its
/// hours; a night can lie between, so that an account that works by day is covered.
pub const LONGEST_SILENCE: i64 = 20;

/// The hours that have a record: by day since 1970, a bit for each hour of UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hours(BTreeMap<i32, u32>);

impl Hours {
    /// Adds the hour of a time in seconds since 1970.
    pub(crate) fn add(&mut self, time: i64) {
        let hour = u32::try_from(time.rem_euclid(86_400) / 3600).unwrap_or_default();
        *self.0.entry(crate::stats::day(time)).or_default() |= 1 << hour;
    }

    /// Returns the days with any record, ascending.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = i32> {
        self.0.keys().copied()
    }

    /// Returns whether no silence that is too long touches the day.
    pub fn unbroken(&self, day: i32) -> bool {
        let before = self.0.range(..day).next_back();
        let after = day.checked_add(1).and_then(|next| self.0.range(next..).next());
        let (Some((&before, &evening)), Some((&after, &morning))) = (before, after) else {
            return false;
        };
        let slot = |day: i32, hour: u32| i64::from(day) * 24 + i64::from(hour);
        let mut last = slot(before, evening.checked_ilog2().unwrap_or_default());
        let today = self.0.get(&day).copied().unwrap_or_default();
        let next = slot(after, morning.trailing_zeros());
        let hours = (0..24).filter(|hour| today & (1 << hour) != 0).map(|hour| slot(day, hour));
        for hour in hours.chain([next]) {
            if hour - last > LONGEST_SILENCE {
                return false;
            }
            last = hour;
        }
        true
    }
}

impl Join for Hours {
    fn join(&mut self, other: Self) {
        for (day, hours) in other.0 {
            *self.0.entry(day).or_default() |= hours;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3600;

    fn hours(at: impl IntoIterator<Item = i64>) -> Hours {
        let mut hours = Hours::default();
        at.into_iter().for_each(|hour| hours.add(hour * HOUR));
        hours
    }

    #[test]
    fn a_day_is_whole_between_records_that_are_close() {
        // As far apart as may be: the first day and the last are not known to be whole.
        let regular = hours([3, 23, 43, 63, 83, 103]);
        let whole: Vec<i32> = (-1..6).filter(|day| regular.unbroken(*day)).collect();
        assert_eq!(whole, [1, 2, 3]);
        // An hour more between two of them breaks the days that the silence touches.
        let late = hours([3, 23, 43, 64, 84, 104]);
        let whole: Vec<i32> = (-1..6).filter(|day| late.unbroken(*day)).collect();
        assert_eq!(whole, [3]);
    }

    #[test]
    fn a_day_without_a_record_is_never_whole() {
        assert!(!hours([23, 48]).unbroken(1));
    }

    proptest! {
        #[test]
        fn a_silence_of_a_day_breaks_every_day_that_it_touches(
            at in prop::collection::btree_set(0i64..24 * 20, 0..200), from in 0i64..24 * 20 * HOUR, more in 0i64..48 * HOUR,
        ) {
            let until = from + 24 * HOUR + more;
            let seen = hours(at.into_iter().filter(|hour| hour * HOUR < from || hour * HOUR >= until));
            for day in crate::stats::day(from)..=crate::stats::day(until - 1) {
                prop_assert!(!seen.unbroken(day));
            }
        }

        #[test]
        fn join_is_that_of_a_semilattice(
            a in prop::collection::vec(-50i64..500, 0..40), b in prop::collection::vec(-50i64..500, 0..40),
        ) {
            let (a, b) = (hours(a), hours(b));
            let mut ab = a.clone();
            ab.join(b.clone());
            let mut ba = b.clone();
            ba.join(a.clone());
            prop_assert_eq!(&ab, &ba);
            ab.join(a);
            prop_assert_eq!(ab, ba);
        }
    }
}
