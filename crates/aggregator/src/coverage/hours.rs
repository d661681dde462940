//! When something was recorded, to the hour, and which days that accounts for.
//!
//! A record shows that recording worked at its moment, and at no other. Between
//! two records of a kind it is taken to have worked on if they are not further
//! apart than [`LONGEST_SILENCE`]; a longer silence may be a quiet night or a
//! delivery that was broken, and proves nothing. Nor does a shorter one that is
//! far longer than what the kind leaves at those hours on other days, each for itself: where records come at every
//! hour, half a day without one is no night of theirs, however often it happens. So the first and the last day
//! are never whole: before the first record and after the last nothing is known.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::stats::Join;

/// How many hours may lie between two records for the time between to count as recorded.
///
/// An outage of a whole day cannot hide between two records that are no further apart, whatever its
/// hours; a night can lie between, so that an account that works by day is covered.
pub const LONGEST_SILENCE: i64 = 20;

/// How many hours without a record are nothing unusual for anybody.
const USUAL_SILENCE: i64 = 6;

/// How many times as long as what is usual at its hours a silence must be to be none of its kind's.
const FAR_LONGER: i64 = 3;

/// How many other Sundays there must be for something to be usual on Sundays alone.
const WEEKS: u32 = 2;

/// The hours that have a record: by day since 1970, a bit for each hour of UTC.
///
/// Days ascend, each once and with an hour at least. There may be one for each of thousands of resources.
#[derive(Clone, Debug, Default)]
pub struct Hours {
    days: Vec<(i32, u32)>,
    /// The whole days, found when first asked for.
    whole: OnceLock<Box<[i32]>>,
}

impl Hours {
    /// Adds the hour of a time in seconds since 1970.
    pub(crate) fn add(&mut self, time: i64) {
        let hour = u32::try_from(time.rem_euclid(86_400) / 3600).unwrap_or_default();
        self.take_up(crate::stats::day(time), 1 << hour);
    }

    fn take_up(&mut self, day: i32, hours: u32) {
        self.whole.take();
        match self.days.binary_search_by_key(&day, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, known)) = self.days.get_mut(at) {
                    *known |= hours;
                }
            }
            Err(at) => {
                if self.days.len() == self.days.capacity() {
                    self.days.reserve_exact(1 + self.days.len() / 2);
                }
                self.days.insert(at, (day, hours));
            }
        }
    }

    /// Returns the days with any record, ascending.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = i32> {
        self.days.iter().map(|(day, _)| *day)
    }

    /// Returns whether no silence that is too long touches the day.
    pub fn unbroken(&self, day: i32) -> bool {
        self.whole.get_or_init(|| self.whole_days()).binary_search(&day).is_ok()
    }

    /// Returns the silences between two records each, in order.
    fn silences(&self) -> impl Iterator<Item = Silence> {
        let hours = self.days.iter().flat_map(|(day, hours)| {
            let (hours, begins) = (*hours, i64::from(*day) * 24);
            (0..24).filter(move |hour| hours & (1 << hour) != 0).map(move |hour| begins + hour)
        });
        let mut last = None;
        hours.filter_map(move |until| Some(Silence { from: last.replace(until)?, until }))
    }

    /// Returns the days that no silence that is too long touches, ascending. A day without a record is in one.
    fn whole_days(&self) -> Box<[i32]> {
        let mut usual = None;
        let mut gaps = self.silences().filter(|silence| {
            let hours = silence.hours();
            hours > LONGEST_SILENCE
                || (hours > USUAL_SILENCE
                    && !usual.get_or_insert_with(|| Usual::of(self)).knows(silence))
        });
        let mut gap = gaps.next();
        let last = self.days.len().saturating_sub(1);
        let inner = self.days.iter().take(last).skip(1).map(|(day, _)| *day);
        inner
            .filter(|day| {
                while gap.as_ref().is_some_and(|gap| day_of(gap.until) < *day) {
                    gap = gaps.next();
                }
                gap.as_ref().is_none_or(|gap| day_of(gap.from) > *day)
            })
            .collect()
    }
}

// Two are the same by what was recorded, whatever was asked of them.

impl PartialEq for Hours {
    fn eq(&self, other: &Self) -> bool {
        self.days == other.days
    }
}

impl Eq for Hours {}

impl PartialOrd for Hours {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hours {
    fn cmp(&self, other: &Self) -> Ordering {
        self.days.cmp(&other.days)
    }
}

/// The time between two records, in hours since 1970.
struct Silence {
    from: i64,
    until: i64,
}

impl Silence {
    fn hours(&self) -> i64 {
        self.until - self.from
    }
}

fn day_of(hour: i64) -> i32 {
    i32::try_from(hour.div_euclid(24)).unwrap_or_default()
}

/// How often silences of each length lie over something; longer ones than [`LONGEST_SILENCE`] do not count.
type Lengths = [u32; LONGEST_SILENCE as usize + 1];

/// How long silences are over each hour of the day, and over each of the week.
struct Usual {
    daily: Vec<Lengths>,
    weekly: Vec<Lengths>,
}

impl Usual {
    fn of(hours: &Hours) -> Usual {
        let none = |hours| vec![Lengths::default(); hours];
        let mut usual = Usual { daily: none(24), weekly: none(7 * 24) };
        for silence in hours.silences().filter(|one| one.hours() <= LONGEST_SILENCE) {
            for hour in silence.from..silence.until {
                // The first has a record.
                let length = if hour == silence.from { 1 } else { silence.hours() };
                for lengths in usual.over(hour).into_iter().flatten() {
                    let count = usize::try_from(length).ok().and_then(|at| lengths.get_mut(at));
                    if let Some(count) = count {
                        *count += 1;
                    }
                }
            }
        }
        usual
    }

    /// Returns how long silences are over an hour on any day, and on the same day of the week.
    fn over(&mut self, hour: i64) -> [Option<&mut Lengths>; 2] {
        let at = |many: i64| usize::try_from(hour.rem_euclid(many)).unwrap_or_default();
        [self.daily.get_mut(at(24)), self.weekly.get_mut(at(7 * 24))]
    }

    /// Tells whether a silence is not far longer than what lies over its hours on most other days, or on most others
    /// that are the same of their weeks. A few hours in a row may be another matter: a late morning behind a night.
    fn knows(&mut self, silence: &Silence) -> bool {
        let length = silence.hours();
        let usual: Vec<i64> = (silence.from + 1..silence.until)
            .map(|hour| {
                let [daily, weekly] = self.over(hour);
                let most = |lengths: Option<&mut Lengths>, least: u32| {
                    lengths.map_or(0, |lengths| most(lengths, length, least))
                };
                most(daily, 1).max(most(weekly, WEEKS))
            })
            .collect();
        let mut rows = usual.split(|usual| length <= FAR_LONGER * usual);
        rows.all(|row| {
            let longest = row.iter().max().map_or(0, |usual| FAR_LONGER * usual);
            i64::try_from(row.len()).is_ok_and(|hours| hours < longest.max(USUAL_SILENCE))
        })
    }
}

/// Returns what silences are no longer than on half of the days beside one that is this long, if there are as many.
fn most(lengths: &Lengths, own: i64, least: u32) -> i64 {
    let others = lengths.iter().sum::<u32>().saturating_sub(1);
    if others < least {
        return 0;
    }
    let mut left = others.div_ceil(2);
    for (length, count) in (0i64..).zip(lengths) {
        let count = count - u32::from(length == own && *count > 0);
        if count >= left {
            return length;
        }
        left -= count;
    }
    0
}

impl Join for Hours {
    fn join(&mut self, other: Self) {
        if self.days.is_empty() {
            *self = other;
            return;
        }
        other.days.into_iter().for_each(|(day, hours)| self.take_up(day, hours));
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.days.iter().map(|(day, hours)| (day, hours)))
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // In order, each day once, whatever the file says.
        let days = BTreeMap::<i32, u32>::deserialize(deserializer)?;
        Ok(Hours { days: days.into_iter().collect(), whole: OnceLock::new() })
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
        // The same on several days: each is as much a gap as one alone.
        let missing =
            |hour: i64, on: &[i64]| on.contains(&(hour / 24)) && (2..20).contains(&(hour % 24));
        assert_eq!(days(&|hour| !missing(hour, &[3, 5])), [3, 5]);
        assert_eq!(days(&|hour| !missing(hour, &[3, 4, 5, 6])), [3, 4, 5, 6]);
        // Nights, and a late morning after one of them.
        let by_day = |hour: i64| (8..18).contains(&(hour % 24));
        assert_eq!(days(&by_day), none);
        assert_eq!(days(&|hour| by_day(hour) && !(24 * 5..24 * 5 + 12).contains(&hour)), none);
        // Half a day is no night.
        assert_eq!(days(&|hour| by_day(hour) && !(24 * 5 + 9..24 * 5 + 17).contains(&hour)), [5]);
        // Nor is it one where it follows a night, or goes before one.
        let long = |hour: i64| (6..22).contains(&(hour % 24));
        assert_eq!(days(&|hour| long(hour) && !(24 * 5..24 * 5 + 17).contains(&hour)), [4, 5]);
        assert_eq!(days(&|hour| long(hour) && !(24 * 5 + 11..24 * 6).contains(&hour)), [5, 6]);
        // Records every four hours, of which three are missing.
        assert_eq!(days(&|hour| hour % 4 == 0 && !(24 * 5 + 2..24 * 5 + 13).contains(&hour)), [5]);
    }

    #[test]
    fn a_silence_that_comes_each_week_is_usual() {
        let broken = |kept: &dyn Fn(i64) -> bool| {
            let seen = hours((0..24 * 28).filter(|hour| kept(*hour)));
            (1..27).filter(|day| !seen.unbroken(*day)).collect::<Vec<i32>>()
        };
        let quiet = |hour: i64, days: &[i64]| days.contains(&(hour / 24)) && hour % 24 >= 8;
        assert_eq!(broken(&|hour| !quiet(hour, &[5, 12, 19, 26])), [0; 0]);
        assert_eq!(broken(&|hour| !quiet(hour, &[5, 12])), [5, 6, 12, 13]);
        assert_eq!(
            broken(&|hour| !quiet(hour, &[4, 5, 6, 7, 8, 9, 10])),
            [4, 5, 6, 7, 8, 9, 10, 11]
        );
    }

    #[test]
    fn what_is_recorded_after_a_question_counts() {
        let mut some = hours([3, 23, 63, 83]);
        assert!(!some.unbroken(1));
        some.add(43 * HOUR);
        assert!(some.unbroken(1));
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
