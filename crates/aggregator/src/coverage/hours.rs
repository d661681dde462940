//! When something was recorded, to the hour, and which days that accounts for.
//!
//! A record shows that recording worked at its moment, and at no other. Between
//! two records of a kind it is taken to have worked on if they are not further
//! apart than [`LONGEST_SILENCE`]; a longer silence may be a quiet night or a
//! delivery that was broken, and proves nothing. Nor does a shorter one that is
//! far longer than what the kind leaves otherwise: where records come at every
//! hour, half a day without one is no night of theirs. So the first and the last day
//! are never whole: before the first record and after the last nothing is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::stats::Join;

/// How many hours may lie between two records for the time between to count as recorded.
///
/// An outage of a whole day cannot hide between two records that are no further apart, whatever its
/// hours; a night can lie between, so that an account that works by day is covered.
pub const LONGEST_SILENCE: i64 = 20;

/// How many hours without a record are nothing unusual for anybody.
const USUAL_SILENCE: i64 = 6;

/// How many times as long as what is usual a silence must be to be none of its kind's.
const FAR_LONGER: i64 = 3;

/// On how many days there is one silence longer than what is usual. Of a weekend there are more.
const RARE: usize = 10;

/// The hours that have a record: by day since 1970, a bit for each hour of UTC.
///
/// Days ascend, each once and with an hour at least. There may be one for each of thousands of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours(Vec<(i32, u32)>);

impl Hours {
    /// Adds the hour of a time in seconds since 1970.
    pub(crate) fn add(&mut self, time: i64) {
        let hour = u32::try_from(time.rem_euclid(86_400) / 3600).unwrap_or_default();
        self.take_up(crate::stats::day(time), 1 << hour);
    }

    fn take_up(&mut self, day: i32, hours: u32) {
        match self.0.binary_search_by_key(&day, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at) {
                    *known |= hours;
                }
            }
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(1 + self.0.len() / 2);
                }
                self.0.insert(at, (day, hours));
            }
        }
    }

    /// Returns the days with any record, ascending.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = i32> {
        self.0.iter().map(|(day, _)| *day)
    }

    /// Returns the longest silence, in hours, that is no gap.
    fn longest(&self) -> i64 {
        // Those that decide nothing are left out.
        let noted = USUAL_SILENCE / FAR_LONGER;
        let mut silences: Vec<i64> = Vec::new();
        let mut last: Option<i64> = None;
        for (day, hours) in &self.0 {
            let (mut left, begins) = (*hours, i64::from(*day) * 24);
            while left != 0 {
                let hour = begins + i64::from(left.trailing_zeros());
                let silence = last.map(|last| hour - last);
                silences.extend(silence.filter(|one| (noted + 1..=LONGEST_SILENCE).contains(one)));
                last = Some(hour);
                left &= left - 1;
            }
        }
        let rare = (self.0.len() / RARE).max(1);
        silences.sort_unstable_by(|one, other| other.cmp(one));
        let usual = silences.get(rare).copied().unwrap_or(noted);
        (usual * FAR_LONGER).min(LONGEST_SILENCE)
    }

    /// Returns whether no silence that is too long touches the day.
    pub fn unbroken(&self, day: i32) -> bool {
        let found = self.0.binary_search_by_key(&day, |(known, _)| *known);
        let (before, after) = match found {
            Ok(at) => (at, at + 1),
            Err(at) => (at, at),
        };
        let before = before.checked_sub(1).and_then(|before| self.0.get(before));
        let (Some(&(before, evening)), Some(&(after, morning))) = (before, self.0.get(after))
        else {
            return false;
        };
        let slot = |day: i32, hour: u32| i64::from(day) * 24 + i64::from(hour);
        let mut last = slot(before, evening.checked_ilog2().unwrap_or_default());
        let today = found.ok().and_then(|at| self.0.get(at)).map_or(0, |(_, hours)| *hours);
        let next = slot(after, morning.trailing_zeros());
        let hours = (0..24).filter(|hour| today & (1 << hour) != 0).map(|hour| slot(day, hour));
        let mut longest = 0;
        for hour in hours.chain([next]) {
            longest = longest.max(hour - last);
            last = hour;
        }
        longest <= USUAL_SILENCE || (longest <= LONGEST_SILENCE && longest <= self.longest())
    }
}

impl Join for Hours {
    fn join(&mut self, other: Self) {
        if self.0.is_empty() {
            self.0 = other.0;
            return;
        }
        other.0.into_iter().for_each(|(day, hours)| self.take_up(day, hours));
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(day, hours)| (day, hours)))
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // In order, each day once, whatever the file says.
        let days = BTreeMap::<i32, u32>::deserialize(deserializer)?;
        Ok(Hours(days.into_iter().collect()))
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
    fn a_silence_far_longer_than_any_other_breaks_its_day() {
        let days = |kept: &dyn Fn(i64) -> bool| {
            let seen = hours((0..24 * 12).filter(|hour| kept(*hour)));
            (1..11).filter(|day| !seen.unbroken(*day)).collect::<Vec<i32>>()
        };
        let none: [i32; 0] = [];
        // Records at every hour, but for a stretch of one day.
        let but = |from: i64, many: i64| {
            move |hour: i64| !(24 * 5 + from..24 * 5 + from + many).contains(&hour)
        };
        assert_eq!(days(&but(2, 18)), [5]);
        assert_eq!(days(&but(2, 5)), none);
        // Nights, and a late morning after one of them; a silence that comes each week.
        let by_day = |hour: i64| (8..18).contains(&(hour % 24));
        assert_eq!(days(&by_day), none);
        assert_eq!(days(&|hour| by_day(hour) && !(24 * 5..24 * 5 + 12).contains(&hour)), none);
        assert_eq!(days(&|hour| hour / 24 % 4 > 0 || hour % 24 < 8), none);
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
