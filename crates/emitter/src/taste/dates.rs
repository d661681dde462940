//! Where a key holds a date.
//!
//! People and services write dates into keys in a few ways: `2026-11-26`, `20261126`, also with the
//! time behind it, `2026/11/26`, `2026-11`, `2026-W48`, and the partitions of data lakes,
//! `dt=2026-11-26` or `year=2026/month=11`. A number alone is no date.

use chrono::{Datelike as _, Days, Months, NaiveDate, Weekday};

use super::rules::Rules;

/// Years that are taken for years.
const YEARS: std::ops::RangeInclusive<u32> = 1990..=2099;

/// Returns where the first date of a key begins. What stands before it in the same segment, a label
/// as well, is not part of it.
pub(super) fn date_at(key: &str, rules: &Rules) -> Option<usize> {
    let mut start = 0;
    let mut segments = key.split('/').peekable();
    while let Some(segment) = segments.next() {
        let found = partition(segment, rules)
            .or_else(|| year_and_month(segment, segments.peek().copied()))
            .or_else(|| within(segment));
        if let Some(at) = found {
            return Some(start + at);
        }
        start += segment.len() + 1;
    }
    None
}

/// Returns where the last directory begins if it is a year, which alone is no date.
pub(super) fn year_at(prefix: &str) -> Option<usize> {
    let last = prefix.strip_suffix('/')?;
    let at = last.rfind('/').map_or(0, |slash| slash + 1);
    let year = last.get(at..)?;
    (year.len() == 4 && number(year).is_some_and(|year| YEARS.contains(&year))).then_some(at)
}

/// Returns the last day of what a date in a name stands for, in days since 1970: a day, a week, a month or a year.
/// Nothing where it does not begin with a year.
pub(super) fn end_of(date: &str) -> Option<i32> {
    let mut runs = date.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let first = runs.next()?;
    let year = number(first.get(..4)?).filter(|year| YEARS.contains(year))?;
    if date.get(4..).is_some_and(|rest| rest.trim_start_matches(['-', '_', '.']).starts_with('W')) {
        let week = runs.next().and_then(number)?;
        let last = NaiveDate::from_isoywd_opt(year.cast_signed(), week, Weekday::Sun)?;
        return Some(last.num_days_from_ce() - EPOCH);
    }
    let compact = first.len() >= 6;
    let mut part = |from: usize| match compact {
        true => first.get(from..from + 2).and_then(number),
        false => runs.next().filter(|run| run.len() <= 2).and_then(number),
    };
    let month = part(4).filter(|month| (1..=12).contains(month));
    let day = month.and_then(|_| part(6)).filter(|day| (1..=31).contains(day));
    let begins = NaiveDate::from_ymd_opt(year.cast_signed(), month.unwrap_or(1), day.unwrap_or(1))?;
    let next = match (month, day) {
        (_, Some(_)) => begins.checked_add_days(Days::new(1)),
        (Some(_), None) => begins.checked_add_months(Months::new(1)),
        (None, None) => begins.checked_add_months(Months::new(12)),
    };
    Some(next?.num_days_from_ce() - 1 - EPOCH)
}

/// 1970-01-01, in days since the year 1.
const EPOCH: i32 = 719_163;

/// `dt=…`: what follows the `=` of a partition that goes by time, if it has a digit.
fn partition(segment: &str, rules: &Rules) -> Option<usize> {
    let (label, value) = segment.split_once('=')?;
    let dated = rules.is_partition(label) && value.bytes().any(|byte| byte.is_ascii_digit());
    dated.then_some(label.len() + 1)
}

/// `2026/11`: a year and a month, each a segment of its own.
fn year_and_month(segment: &str, next: Option<&str>) -> Option<usize> {
    let is_year = segment.len() == 4 && number(segment).is_some_and(|year| YEARS.contains(&year));
    let next = next?;
    let is_month = (1..=2).contains(&next.len())
        && number(next).is_some_and(|month| (1..=12).contains(&month));
    (is_year && is_month).then_some(0)
}

/// A date within a segment.
fn within(segment: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = segment.get(at..).filter(|rest| !rest.is_empty()) {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let (run, after) = rest.split_at(digits);
        if begins_word(segment, at) && (compact(run, after) || separated(run, after)) {
            return Some(at);
        }
        at += digits;
    }
    None
}

/// Whether nothing but letters stands before in the same word: `log20261126`, and not the
/// hexadecimal `3f20261126`.
fn begins_word(segment: &str, at: usize) -> bool {
    let before = segment.get(..at).unwrap_or_default();
    let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// `20261126`, also with hours, minutes and seconds.
fn compact(run: &str, after: &str) -> bool {
    let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() && !matches!(c, 'T' | 'Z'));
    let part = |from: usize, to: usize| run.get(from..to).and_then(number);
    let time = match run.len() {
        8 => Some(true),
        10 | 12 | 14 => part(8, 10).map(|hour| hour < 24),
        _ => None,
    };
    ends && time == Some(true) && is_date(part(0, 4), part(4, 6), part(6, 8))
}

/// `2026-11-26`, `2026_11`, `2026-W48`.
fn separated(run: &str, after: &str) -> bool {
    let Some(rest) = after.strip_prefix(['-', '_', '.']) else { return false };
    if run.len() != 4 {
        return false;
    }
    let (week, rest) = match rest.strip_prefix('W') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (second, after) = rest.split_at_checked(digits).unwrap_or_default();
    if digits != 2 || after.starts_with(|c: char| c.is_ascii_alphabetic() && c != 'T') {
        return false;
    }
    if week {
        let valid = number(second).is_some_and(|week| (1..=53).contains(&week));
        return valid && number(run).is_some_and(|year| YEARS.contains(&year));
    }
    is_date(number(run), number(second), Some(1))
}

fn is_date(year: Option<u32>, month: Option<u32>, day: Option<u32>) -> bool {
    year.is_some_and(|year| YEARS.contains(&year))
        && month.is_some_and(|month| (1..=12).contains(&month))
        && day.is_some_and(|day| (1..=31).contains(&day))
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taste::rules::rules;

    #[test]
    fn dates_are_found_where_they_begin() {
        for (key, stem) in [
            ("logs/2026/11/26/part-0.gz", "logs/"),
            (
                "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/1/2/x.json.gz",
                "AWSLogs/111122223333/CloudTrail/eu-west-1/",
            ),
            ("t/dt=2026-11-26/part-0.parquet", "t/dt="),
            ("t/year=2026/month=11/x", "t/year="),
            ("t/region=eu/Day=3/x", "t/region=eu/Day="),
            ("reports/daily-2026-11-26.csv", "reports/daily-"),
            ("reports/daily_20261126.csv", "reports/daily_"),
            ("log20261126T101500Z.gz", "log"),
            ("20261126101500-dump", ""),
            ("m/2026-11/x", "m/"),
            ("m/2026-W48.pdf", "m/"),
            ("2026.11.26/x", ""),
        ] {
            assert_eq!(date_at(key, rules()).and_then(|at| key.get(..at)), Some(stem), "{key}");
        }
    }

    #[test]
    fn a_date_ends_with_what_it_stands_for() {
        let days = |text: &str| text.parse::<NaiveDate>().unwrap().num_days_from_ce() - EPOCH;
        for (date, last) in [
            ("2026/03/", "2026-03-31"),
            ("2026/3/9/", "2026-03-09"),
            ("2026/month=02/", "2026-02-28"),
            ("2026-03-10/x", "2026-03-10"),
            ("20260310T101500Z", "2026-03-10"),
            ("2026/", "2026-12-31"),
            ("2026-W48", "2026-11-29"),
            ("202603/", "2026-03-31"),
        ] {
            assert_eq!(end_of(date), Some(days(last)), "{date}");
        }
        assert_eq!(end_of("03/"), None);
        assert_eq!(days("1970-01-01"), 0);
        assert_eq!(year_at("Config/2026/"), Some(7));
        assert_eq!(year_at("Config/2026"), None);
    }

    #[test]
    fn numbers_and_versions_are_no_dates() {
        for key in [
            "archive/2026/summary.pdf",
            "v1/2026/99/x",
            "orders/12345678.json",
            "20269926.csv",
            "3f20261126ab/x",
            "20261126abcd",
            "build-2026-1.2/x",
            "kind=2026-blue/x",
            "dt=latest/x",
            "2026-110/x",
            "1026-11-26",
            "",
            "é/ü",
        ] {
            assert_eq!(date_at(key, rules()), None, "{key}");
        }
    }
}
