//! Which kinds of day were looked at: what happens on weekends or at the end of
//! a quarter shows only in a log that has such days.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Weekday};
use serde::Serialize;

use crate::coverage::show;

/// How many days of a kind were observed, of how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Observed days.
    pub covered: usize,
    /// Days in the time from the first to the last observed day.
    pub of: usize,
}

/// The kinds of day on which rare work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// Saturdays and Sundays.
    pub weekend_days: Covered,
    /// First days of a month.
    pub month_starts: Covered,
    /// Last days of a month.
    pub month_ends: Covered,
    /// Last days of March, June, September and December.
    pub quarter_ends: Covered,
}

/// Days between observed days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// How many days.
    pub days: usize,
    /// The first of them.
    pub first: String,
    /// The last of them.
    pub last: String,
}

impl Calendar {
    /// Looks at the time from the first to the last of the days with logs.
    pub(super) fn of(days: &BTreeSet<i32>) -> Calendar {
        let mut calendar = Calendar::default();
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return calendar };
        for day in first..=last {
            let Some(date) = date(day) else { continue };
            let ends_month = date + Days::new(1);
            let ends_month = ends_month.month() != date.month();
            let kinds = [
                (&mut calendar.weekend_days, matches!(date.weekday(), Weekday::Sat | Weekday::Sun)),
                (&mut calendar.month_starts, date.day() == 1),
                (&mut calendar.month_ends, ends_month),
                (&mut calendar.quarter_ends, ends_month && date.month().is_multiple_of(3)),
            ];
            for (kind, is) in kinds {
                kind.of += usize::from(is);
                kind.covered += usize::from(is && days.contains(&day));
            }
        }
        calendar
    }
}

/// Returns the longest time without logs, the first of several.
pub(super) fn longest_gap(days: &BTreeSet<i32>) -> Option<Gap> {
    let gaps = days.iter().zip(days.iter().skip(1)).map(|(before, after)| (before + 1, after - 1));
    let (first, last) = gaps
        .filter(|(first, last)| first <= last)
        .max_by_key(|(first, last)| (last - first, std::cmp::Reverse(*first)))?;
    let days = usize::try_from(last - first + 1).ok()?;
    Some(Gap { days, first: show(first), last: show(last) })
}

fn date(day: i32) -> Option<NaiveDate> {
    Some(DateTime::from_timestamp(i64::from(day) * 86_400, 0)?.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        let date: NaiveDate = text.parse().unwrap();
        let since = date.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap());
        i32::try_from(since.num_days()).unwrap()
    }

    #[test]
    fn kinds_of_day_are_counted_with_those_that_are_missing() {
        // 2026-03-28 is a Saturday; the last of March is missing.
        let days: BTreeSet<i32> = (day("2026-03-28")..=day("2026-04-05"))
            .filter(|at| *at != day("2026-03-31") && *at != day("2026-03-29"))
            .collect();
        let calendar = Calendar::of(&days);
        assert_eq!(calendar.weekend_days, Covered { covered: 3, of: 4 });
        assert_eq!(calendar.month_starts, Covered { covered: 1, of: 1 });
        assert_eq!(calendar.month_ends, Covered { covered: 0, of: 1 });
        assert_eq!(calendar.quarter_ends, Covered { covered: 0, of: 1 });
        let february: BTreeSet<i32> = (day("2028-02-27")..=day("2028-03-01")).collect();
        let leap = Calendar::of(&february);
        assert_eq!((leap.month_ends.covered, leap.quarter_ends.of), (1, 0));
    }

    #[test]
    fn the_longest_gap_lies_between_days_with_logs() {
        let days = BTreeSet::from([0, 1, 4, 5, 8, 12]);
        let gap = Gap { days: 3, first: show(9), last: show(11) };
        assert_eq!(longest_gap(&days), Some(gap));
        assert_eq!(longest_gap(&BTreeSet::from([0, 1, 2])), None);
        assert_eq!(longest_gap(&BTreeSet::new()), None);
        let twice = BTreeSet::from([0, 2, 4]);
        assert_eq!(longest_gap(&twice).map(|gap| gap.first), Some("1970-01-02".to_owned()));
    }
}
