//! Where a key holds a date.
//!
//! People and services write dates into keys in a few ways: `2026-11-26`, `20261126`, also with the
//! time behind it, `2026/11/26`, `26-11-2026`, `11-26-2026`, `2026-11`, `2026-W48`, `2026W48`, and the partitions of
//! data lakes, `dt=2026-11-26` or `year=2026/month=11`; in words ([`worded`]) `Nov-2026` or `2026Q4`. A number alone is no date: a year (`2026`) and six digits (`202611`)
//! may be one, for who sees them used then.

use chrono::{Datelike as _, Days, Months, NaiveDate, Weekday};

use super::rules::{Rules, Stretch};
use super::worded::{self, Ways};

/// Years that are taken for years.
pub(super) const YEARS: std::ops::RangeInclusive<u32> = 1990..=2099;

/// Returns where the first date of a key begins. What stands before it in the same segment, a label
/// as well, is not part of it.
pub(super) fn date_at(key: &str, rules: &Rules) -> Option<usize> {
    date_in(key, &Ways::default(), rules)
}

/// Returns the same in a container. Where nothing stands before a date in words, its form is what the next one has:
/// without one it is a name.
pub(super) fn date_in(key: &str, ways: &Ways, rules: &Rules) -> Option<usize> {
    let mut start = 0;
    let mut segments = key.split('/').peekable();
    while let Some(segment) = segments.next() {
        let found = partition(segment, rules)
            .or_else(|| year_and_month(segment, segments.peek().copied()))
            .or_else(|| within(segment, begins_date))
            .or_else(|| worded::date_in(segment, segments.peek().copied(), rules));
        let is_name = start == 0 && found == Some(0) && !ways.hold_next(key, rules);
        if let Some(at) = found.filter(|_| !is_name) {
            return Some(start + at);
        }
        start += segment.len() + 1;
    }
    None
}

/// Returns where the first six digits of a key begin that may be a month, or an order's number.
pub(super) fn month_at(key: &str) -> Option<usize> {
    at_segments(key, is_month)
}

/// Returns where six digits begin, all of a number, of which no month goes by the name.
pub(super) fn no_month_at(key: &str) -> Option<usize> {
    at_segments(key, |run, after| is_six(run, after) && !is_month(run, after))
}

fn at_segments(key: &str, is: fn(&str, &str) -> bool) -> Option<usize> {
    let mut start = 0;
    for segment in key.split('/') {
        if let Some(at) = within(segment, is) {
            return Some(start + at);
        }
        start += segment.len() + 1;
    }
    None
}

/// Returns the form of a date that a key begins with, its digits open, as far as what comes next in time surely has
/// it: of `2026-11-26` that of the year and the month. A pattern for it goes on with a star.
pub(super) fn form_of(date: &str, rules: &Rules) -> String {
    if let Some(form) = worded::form_of(date, rules) {
        return form;
    }
    let (run, rest) = leading_number(date);
    let marked = rest.strip_prefix(['-', '_', '.']).map_or(0, |_| 1);
    let week = usize::from(rest.get(marked..).is_some_and(|rest| rest.starts_with('W')));
    let end = match run.len() {
        // The year comes last.
        2 => 10,
        4 if rest.starts_with('/') => 5,
        4 => 4 + marked + week + 2,
        long => long.min(8),
    };
    let year = if run.len() == 2 { 6 } else { 0 };
    open(date.get(..end).unwrap_or(run), year)
}

/// Returns a date with its digits open, but for those of the century in the year that begins there.
pub(super) fn open(date: &str, year: usize) -> String {
    let is_kept = |at: usize| (year..year + 2).contains(&at);
    let each = date.char_indices();
    each.map(|(at, c)| if c.is_ascii_digit() && !is_kept(at) { '?' } else { c }).collect()
}

/// Returns where the last directory begins if it is a year, which alone is no date.
pub(super) fn year_at(prefix: &str) -> Option<usize> {
    let last = prefix.strip_suffix('/')?;
    let at = last.rfind('/').map_or(0, |slash| slash + 1);
    let year = last.get(at..)?;
    (year.len() == 4 && number(year).is_some_and(|year| YEARS.contains(&year))).then_some(at)
}

/// Returns the first and the last day of what a date in a name stands for, in days since 1970: a day, a week, a
/// month or a year. Nothing where it does not begin with a year.
pub(super) fn stretch_of(date: &str, rules: &Rules) -> Option<(i32, i32)> {
    stretches_of(date, rules).next()
}

/// Returns this for each way to read it: the number of a file behind a month (`2026/03/1.csv`) may be its day.
pub(super) fn stretches_of(date: &str, rules: &Rules) -> impl Iterator<Item = (i32, i32)> {
    let read = read(date, rules);
    let month = read.filter(|(_, numbers_a_file)| *numbers_a_file);
    let month = month.and_then(|_| read_month(date, rules));
    read.map(|(stretch, _)| stretch).into_iter().chain(month)
}

fn read_month(date: &str, rules: &Rules) -> Option<(i32, i32)> {
    let last = date.rfind('/')?;
    read(date.get(..last)?, rules).map(|(stretch, _)| stretch)
}

/// Returns the stretch, and whether its day is all that a file's name has before its extension.
fn read(date: &str, rules: &Rules) -> Option<((i32, i32), bool)> {
    if let Some(stretch) = worded::stretch_of(date, rules) {
        return Some((stretch, false));
    }
    let (run, rest) = leading_number(date);
    let year = number(run.get(..4)?).filter(|year| YEARS.contains(year))?;
    let week = rest.trim_start_matches(['-', '_', '.']).strip_prefix('W');
    if let Some(week) = week.filter(|_| run.len() == 4) {
        return Some((week_of(year, number(leading_number(week).0)?)?, false));
    }
    let (month, day) = match run.len() {
        4 => {
            if let Some((week, _)) = next_part(rest, Some(Stretch::Week), rules) {
                return Some((week_of(year, week)?, false));
            }
            let part = |rest, of| {
                next_part(rest, Some(of), rules).or_else(|| next_part(rest, None, rules))
            };
            let month = part(rest, Stretch::Month);
            (month.map(|(month, _)| month), month.and_then(|(_, rest)| part(rest, Stretch::Day)))
        }
        _ => (run.get(4..6).and_then(number), run.get(6..8).and_then(number).map(|day| (day, ""))),
    };
    let month = month.filter(|month| (1..=12).contains(month));
    let day = month.and(day).filter(|(day, _)| (1..=31).contains(day));
    let file = date.rsplit('/').next().filter(|file| file.len() < date.len());
    let numbers_a_file = day.zip(file).is_some_and(|((_, rest), file)| {
        rest.starts_with('.') && file.len() <= rest.len() + 2 && !file.contains('=')
    });
    let day = day.map(|(day, _)| day);
    let begins = NaiveDate::from_ymd_opt(year.cast_signed(), month.unwrap_or(1), day.unwrap_or(1))?;
    let next = match (month, day) {
        (_, Some(_)) => begins.checked_add_days(Days::new(1)),
        (Some(_), None) => begins.checked_add_months(Months::new(1)),
        (None, None) => begins.checked_add_months(Months::new(12)),
    };
    Some(((since_1970(begins), since_1970(next?) - 1), numbers_a_file))
}

/// Returns the first and the last day of a week.
fn week_of(year: u32, week: u32) -> Option<(i32, i32)> {
    let last = NaiveDate::from_isoywd_opt(year.cast_signed(), week, Weekday::Sun)?;
    Some((since_1970(last) - 6, since_1970(last)))
}

pub(super) fn since_1970(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - EPOCH
}

pub(super) fn leading_number(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Returns the month or week after a year, or the day after a month, with what follows it: by the label of such
/// stretches of time, or without one. It stands right behind: the `01` of `2026-11/part-01` is no day, and neither is
/// that of `2026-11/shard=01` or `2026-11/hour=01`.
fn next_part<'d>(rest: &'d str, of: Option<Stretch>, rules: &Rules) -> Option<(u32, &'d str)> {
    let behind = rest.strip_prefix(['-', '_', '.', '/'])?;
    let labelled = behind.split_once('=').filter(|(label, _)| !label.contains('/'));
    let fits = match labelled {
        Some((label, _)) => of.is_some() && rest.starts_with('/') && rules.stretch(label) == of,
        None => of.is_none(),
    };
    if !fits {
        return None;
    }
    let (run, rest) = leading_number(labelled.map_or(behind, |(_, value)| value));
    let ends = !rest.starts_with(|c: char| c.is_ascii_alphabetic() && c != 'T');
    number(run).filter(|_| ends && run.len() <= 2).map(|value| (value, rest))
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

/// Where a run of digits within a segment is a date, with what follows it.
fn within(segment: &str, is_date: fn(&str, &str) -> bool) -> Option<usize> {
    let mut at = 0;
    // By bytes: a digit is never part of another character, and most keys have many of them.
    while let Some(next) = segment.as_bytes().get(at..)?.iter().position(u8::is_ascii_digit) {
        at += next;
        let (run, after) = leading_number(segment.get(at..)?);
        if begins_word(segment, at) && is_date(run, after) {
            return Some(at);
        }
        at += run.len();
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

fn begins_date(run: &str, after: &str) -> bool {
    compact(run, after) || separated(run, after) || year_last(run, after)
}

/// `26-11-2026`, `11.26.2026`: the day and the month in either order.
fn year_last(run: &str, after: &str) -> bool {
    let Some(mark) = after.chars().next().filter(|mark| matches!(mark, '-' | '_' | '.')) else {
        return false;
    };
    let (second, rest) = leading_number(after.get(1..).unwrap_or_default());
    let (year, rest) = leading_number(rest.strip_prefix(mark).unwrap_or_default());
    let ends = !rest.starts_with(|c: char| c.is_ascii_alphabetic() && c != 'T');
    let [one, other] = [run, second].map(number);
    (run.len(), second.len(), year.len()) == (2, 2, 4)
        && ends
        && (is_date(number(year), one, other) || is_date(number(year), other, one))
}

/// `202611`, and no more of the word.
fn is_month(run: &str, after: &str) -> bool {
    let (year, month) = run.split_at_checked(4).unwrap_or_default();
    is_six(run, after) && is_date(number(year), number(month), Some(1))
}

fn is_six(run: &str, after: &str) -> bool {
    run.len() == 6 && !after.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// `20261126`, also with hours, minutes and seconds, and `2026W48`.
fn compact(run: &str, after: &str) -> bool {
    let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() && !matches!(c, 'T' | 'Z'));
    let part = |from: usize, to: usize| run.get(from..to).and_then(number);
    if let (4, Some(week)) = (run.len(), after.strip_prefix('W')) {
        let (week, after) = week.split_at_checked(2).unwrap_or_default();
        let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric());
        return ends && is_week(number(run), number(week));
    }
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
        return is_week(number(run), number(second));
    }
    is_date(number(run), number(second), Some(1))
}

fn is_date(year: Option<u32>, month: Option<u32>, day: Option<u32>) -> bool {
    year.is_some_and(|year| YEARS.contains(&year))
        && month.is_some_and(|month| (1..=12).contains(&month))
        && day.is_some_and(|day| (1..=31).contains(&day))
}

fn is_week(year: Option<u32>, week: Option<u32>) -> bool {
    year.is_some_and(|year| YEARS.contains(&year))
        && week.is_some_and(|week| (1..=53).contains(&week))
}

pub(super) fn number(text: &str) -> Option<u32> {
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
            ("m/2026W48/x", "m/"),
            ("m/11-26-2026/x", "m/"),
            ("m/sales_26.11.2026.csv", "m/sales_"),
            ("2026.11.26/x", ""),
        ] {
            assert_eq!(date_at(key, rules()).and_then(|at| key.get(..at)), Some(stem), "{key}");
        }
    }

    #[test]
    fn six_digits_may_be_a_month() {
        for (key, stem) in
            [("m/sales_202611.csv", "m/sales_"), ("202611/x", ""), ("id/4/202512-b", "id/4/")]
        {
            assert_eq!(month_at(key).and_then(|at| key.get(..at)), Some(stem), "{key}");
        }
        for key in ["orders/202613.json", "2026110/x", "202611a/x", "12026-11/x", ""] {
            assert_eq!(month_at(key), None, "{key}");
        }
        assert_eq!(no_month_at("orders/202613.json"), Some(7));
        assert_eq!(no_month_at("orders/202612.json"), None);
    }

    #[test]
    fn a_date_begins_and_ends_with_what_it_stands_for() {
        let days = |text: &str| text.parse::<NaiveDate>().unwrap().num_days_from_ce() - EPOCH;
        for (date, first, last) in [
            ("2026/03/", "2026-03-01", "2026-03-31"),
            ("2026/3/9/", "2026-03-09", "2026-03-09"),
            ("2026/month=02/", "2026-02-01", "2026-02-28"),
            ("2026/month=2/day=07/x", "2026-02-07", "2026-02-07"),
            ("2026-03/part-01.csv", "2026-03-01", "2026-03-31"),
            ("2026/month=03/shard=1/x", "2026-03-01", "2026-03-31"),
            ("2026/month=03/hour=05/x", "2026-03-01", "2026-03-31"),
            ("2026/month=03/week=1/x", "2026-03-01", "2026-03-31"),
            ("2026/week=48/day=2/x", "2026-11-23", "2026-11-29"),
            ("2026/hour=10/x", "2026-01-01", "2026-12-31"),
            ("2026-03-10/x", "2026-03-10", "2026-03-10"),
            ("20260310T101500Z", "2026-03-10", "2026-03-10"),
            ("2026/", "2026-01-01", "2026-12-31"),
            ("2026-W48", "2026-11-23", "2026-11-29"),
            ("2026W48.csv", "2026-11-23", "2026-11-29"),
            ("202603/", "2026-03-01", "2026-03-31"),
        ] {
            assert_eq!(stretch_of(date, rules()), Some((days(first), days(last))), "{date}");
        }
        for (date, count) in [("2026/03/1.csv", 2), ("2026/03/1/x.csv", 1), ("2026-03-01.csv", 1)] {
            assert_eq!(stretches_of(date, rules()).count(), count, "{date}");
        }
        assert_eq!(stretch_of("03/", rules()), None);
        assert_eq!(
            stretch_of("26-11-2026", rules()),
            None,
            "of either order, only that it is a day's"
        );
        assert_eq!(days("1970-01-01"), 0);
        assert_eq!(year_at("Config/2026/"), Some(7));
        assert_eq!(year_at("Config/2026"), None);
    }

    #[test]
    fn the_form_of_a_date_is_that_of_the_next() {
        for (date, form) in [
            ("2026-11-26/x", "20??-??"),
            ("2026-W48/x", "20??-W??"),
            ("2026W48", "20??W??"),
            ("2026/1/5/x", "20??/"),
            ("20261126T101500Z.gz", "20??????"),
            ("202611.json", "20????"),
            ("26.11.2026/x", "??.??.20??"),
            ("1999_12", "19??_??"),
            ("Nov-2026/x", "???-20??"),
            ("26-Nov-2026/x", "??-???-20??"),
            ("2026-Nov", "20??-???"),
            ("2026Q4.csv", "20??Q?"),
            ("2026/Q4/x", "20??/"),
            ("fy26/p01", "fy??"),
        ] {
            assert_eq!(form_of(date, rules()), form, "{date}");
        }
    }

    #[test]
    fn numbers_and_versions_are_no_dates() {
        for key in [
            "archive/2026/summary.pdf",
            "v1/2026/99/x",
            "orders/12345678.json",
            "20269926.csv",
            "orders/202611.json",
            "2026W60/x",
            "26-26-2026/x",
            "11-26-20261/x",
            "11-26_2026/x",
            "v10.11.2026rc/x",
            "10.11.3026",
            "2026W481/x",
            "2026Widgets/x",
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
