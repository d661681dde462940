//! Dates in words: months by their names, quarters and fiscal years.
//!
//! Their words are data (`data/taste.toml`). Most mean something else as well, so one is a date only beside its year,
//! where both are all of their words: `Nov-2026`, `26-Nov-2026`, `2026Nov`, `2026/November`, `2026Q4`, `Q4_2026`,
//! `fy26`, and not `2026november-rain` or `ab2026dec`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, Months, NaiveDate};

use super::dates::{YEARS, leading_number, number, open, since_1970};
use super::rules::Rules;

/// What a date in words stands for.
#[derive(Clone, Copy)]
enum Of {
    Month(u32),
    Day(u32, u32),
    Quarter(u32),
    Fiscal,
}

/// A date in words.
struct Worded {
    /// Where it begins, and where its year does.
    start: usize,
    year_at: usize,
    end: usize,
    year: u32,
    of: Of,
}

/// Returns where the first date in words begins in a segment that another one may follow.
pub(super) fn date_in(segment: &str, next: Option<&str>, rules: &Rules) -> Option<usize> {
    find(segment, next, rules).map(|found| found.start)
}

/// Returns the first and the last day of what a date in words stands for that a text begins with, in days since 1970.
pub(super) fn stretch_of(date: &str, rules: &Rules) -> Option<(i32, i32)> {
    let Worded { year, of, .. } = leading(date, rules)?;
    let of_year = |year: u32, month, day| NaiveDate::from_ymd_opt(year.cast_signed(), month, day);
    let (begins, next) = match of {
        Of::Day(month, day) => {
            let begins = of_year(year, month, day)?;
            (begins, begins.checked_add_days(Days::new(1))?)
        }
        Of::Month(month) => {
            let begins = of_year(year, month, 1)?;
            (begins, begins.checked_add_months(Months::new(1))?)
        }
        Of::Quarter(quarter) => {
            let begins = of_year(year, 3 * quarter - 2, 1)?;
            (begins, begins.checked_add_months(Months::new(3))?)
        }
        // Whichever days it has, it is called by a year that it has a part of.
        Of::Fiscal => (of_year(year - 1, 1, 1)?, of_year(year + 2, 1, 1)?),
    };
    Some((since_1970(begins), since_1970(next) - 1))
}

/// Returns the form of a date in words that a text begins with, its digits and the name of its month open.
pub(super) fn form_of(date: &str, rules: &Rules) -> Option<String> {
    let Worded { year_at, end, of, .. } = leading(date, rules)?;
    // The month or the quarter may be a directory.
    let end = if is_directory(date, year_at) { 5 } else { end };
    let date = date.get(..end)?;
    let form = open(date, if year_at + 4 <= end { year_at } else { end });
    Some(match of {
        Of::Quarter(_) | Of::Fiscal => form,
        Of::Month(_) | Of::Day(..) => form.replace(|c: char| c.is_ascii_alphabetic(), "?"),
    })
}

/// Whether the year is a directory of its own, with all that comes next in time.
fn is_directory(date: &str, year_at: usize) -> bool {
    year_at == 0 && date.get(4..5) == Some("/")
}

/// The ways to write days in words of which a container's keys have days of two digits and none with a zero in front:
/// there those of one digit have a form as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways(BTreeSet<String>);

impl Ways {
    /// Looks at all keys of a container.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k str>, rules: &Rules) -> Ways {
        let mut ways: BTreeMap<String, bool> = BTreeMap::new();
        for date in keys.filter_map(|key| in_front_of(key, rules)) {
            let (day, _) = leading_number(date);
            if day.len() == 2 && has_short_month(date) {
                *ways.entry(written(date)).or_default() |= day.starts_with('0');
            }
        }
        ways.retain(|_, padded| !*padded);
        Ways(ways.into_keys().collect())
    }

    /// Whether a form holds the next one of what a key begins with, if that is a date in words: of the whole name of a
    /// month, and of a day of one digit alone, the next may be longer.
    pub(super) fn hold_next(&self, key: &str, rules: &Rules) -> bool {
        in_front_of(key, rules).is_none_or(|date| {
            let (day, _) = leading_number(date);
            has_short_month(date) && (day.len() != 1 || self.0.contains(&written(date)))
        })
    }
}

/// Whether the name of a date's month is as long as the short ones.
fn has_short_month(date: &str) -> bool {
    date.bytes().filter(u8::is_ascii_alphabetic).count() == 3
}

/// Returns the month or the day in words that a text begins with, unless its year is a directory.
fn in_front_of<'k>(key: &'k str, rules: &Rules) -> Option<&'k str> {
    let Worded { year_at, end, of, .. } = leading(key, rules)?;
    let varies = matches!(of, Of::Month(_) | Of::Day(..)) && !is_directory(key, year_at);
    key.get(..end).filter(|_| varies)
}

/// Returns how a date in words is written: what stands between its numbers and words.
fn written(date: &str) -> String {
    let mut way: Vec<char> = date
        .chars()
        .map(|c| match c {
            '0'..='9' => '0',
            c if c.is_ascii_alphabetic() => 'a',
            mark => mark,
        })
        .collect();
    way.dedup_by(|one, other| one == other && one.is_ascii_alphanumeric());
    way.into_iter().collect()
}

/// Returns the date in words that a text begins with.
fn leading(date: &str, rules: &Rules) -> Option<Worded> {
    let mut segments = date.split('/');
    find(segments.next()?, segments.next(), rules).filter(|found| found.start == 0)
}

fn find(segment: &str, next: Option<&str>, rules: &Rules) -> Option<Worded> {
    let mut at = 0;
    while let Some(digits) = segment.as_bytes().get(at..)?.iter().position(u8::is_ascii_digit) {
        at += digits;
        let (run, behind) = leading_number(segment.get(at..)?);
        let before = segment.get(..at)?;
        let found = match run.len() {
            2 => fiscal(before, run, behind, rules),
            4 => fiscal(before, run, behind, rules)
                .or_else(|| in_front(before, run, behind, rules))
                .or_else(|| after(before, run, behind, next, rules)),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        at += run.len();
    }
    None
}

/// Whether a word ends where a text begins.
fn ends(behind: &str) -> bool {
    !behind.starts_with(|c: char| c.is_alphanumeric())
}

/// Whether a word begins where a text ends.
fn begins(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric())
}

fn year_of(run: &str) -> Option<u32> {
    number(run).filter(|year| run.len() == 4 && YEARS.contains(year))
}

/// What may stand between numbers and words.
const MARKS: [char; 4] = ['-', '_', '.', ' '];

fn trim_mark(text: &str) -> &str {
    text.strip_suffix(MARKS).unwrap_or(text)
}

/// Returns a text without the last letters or digits, and these.
fn last(text: &str, is: fn(&u8) -> bool) -> (&str, &str) {
    let many = text.bytes().rev().take_while(is).count();
    text.split_at(text.len() - many)
}

/// `fy26`, `FY2026`.
fn fiscal(before: &str, run: &str, behind: &str, rules: &Rules) -> Option<Worded> {
    let year = match run.len() {
        2 => number(run).map(|year| 2000 + year),
        _ => year_of(run),
    };
    let (front, label) = last(before, u8::is_ascii_alphabetic);
    // A quarter may follow at once.
    let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (quarter, number) = behind.split_at(letters);
    let is_quarter = rules.is_quarter(quarter) && number.starts_with(['1', '2', '3', '4']);
    let ends = ends(behind) || is_quarter;
    (rules.is_fiscal(label) && begins(front) && ends).then_some(())?;
    let (start, year_at) = (front.len(), before.len());
    Some(Worded { start, year_at, end: year_at + run.len(), year: year?, of: Of::Fiscal })
}

/// `Nov-2026`, `26-Nov-2026`, `Q4-2026`.
fn in_front(before: &str, run: &str, behind: &str, rules: &Rules) -> Option<Worded> {
    let year = year_of(run).filter(|_| ends(behind))?;
    let (year_at, end) = (before.len(), before.len() + run.len());
    let named = trim_mark(before);
    let of = |start: usize, of: Of| Some(Worded { start, year_at, end, year, of });
    let (front, quarter) = last(named, u8::is_ascii_digit);
    if named.len() < before.len() && !quarter.is_empty() {
        let (front, label) = last(front, u8::is_ascii_alphabetic);
        let number = number(quarter).filter(|number| (1..=4).contains(number))?;
        return (rules.is_quarter(label) && begins(front))
            .then(|| of(front.len(), Of::Quarter(number)))?;
    }
    let (front, month) = last(named, u8::is_ascii_alphabetic);
    let month = rules.month(month)?;
    let (rest, day) = last(trim_mark(front), u8::is_ascii_digit);
    let day = number(day).filter(|number| day.len() <= 2 && (1..=31).contains(number));
    match day.filter(|_| begins(rest)) {
        Some(day) => of(rest.len(), Of::Day(month, day)),
        None => begins(front).then(|| of(front.len(), Of::Month(month)))?,
    }
}

/// `2026-Nov`, `2026Q4`, `2026/Q4`.
fn after(
    before: &str,
    run: &str,
    behind: &str,
    next: Option<&str>,
    rules: &Rules,
) -> Option<Worded> {
    let year = year_of(run).filter(|_| begins(before))?;
    let start = before.len();
    let (word, at) = match (behind, next) {
        ("", Some(next)) if start == 0 => (next, start + 5),
        _ => {
            let word = behind.strip_prefix(MARKS).unwrap_or(behind);
            (word, start + 4 + behind.len() - word.len())
        }
    };
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, rest) = word.split_at(letters);
    let (quarter, behind_quarter) = leading_number(rest);
    let quarter = number(quarter).filter(|number| (1..=4).contains(number));
    let (of, length) = match (rules.month(name), quarter) {
        (Some(month), _) if ends(rest) => (Of::Month(month), letters),
        (None, Some(number)) if rules.is_quarter(name) && ends(behind_quarter) => {
            (Of::Quarter(number), letters + 1)
        }
        _ => return None,
    };
    Some(Worded { start, year_at: start, end: at + length, year, of })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taste::rules::rules;

    #[test]
    fn dates_in_words_are_found_beside_their_year() {
        let days = |text: &str| since_1970(text.parse().unwrap());
        for (segment, next, start, first, last) in [
            ("Jan-2026", None, 0, "2026-01-01", "2026-01-31"),
            ("sales_february_2026.csv", None, 6, "2026-02-01", "2026-02-28"),
            ("05-Jan-2026", None, 0, "2026-01-05", "2026-01-05"),
            ("x-05Jan2026.csv", None, 2, "2026-01-05", "2026-01-05"),
            ("2026-Sept", None, 0, "2026-09-01", "2026-09-30"),
            ("2026", Some("March"), 0, "2026-03-01", "2026-03-31"),
            ("2026Q1", None, 0, "2026-01-01", "2026-03-31"),
            ("close-q4_2026", None, 6, "2026-10-01", "2026-12-31"),
            ("2026", Some("Q2"), 0, "2026-04-01", "2026-06-30"),
            ("fy26", None, 0, "2025-01-01", "2027-12-31"),
            ("budget-FY2026Q3.xlsx", None, 7, "2025-01-01", "2027-12-31"),
        ] {
            assert_eq!(date_in(segment, next, rules()), Some(start), "{segment}");
            let whole = next.map_or(segment.to_owned(), |next| format!("{segment}/{next}"));
            let expected = Some((days(first), days(last)));
            assert_eq!(stretch_of(&whole[start..], rules()), expected, "{segment}");
        }
    }

    #[test]
    fn words_of_other_meaning_are_no_dates() {
        for (segment, next) in [
            ("may", None),
            ("march-madness", Some("2026")),
            ("january", None),
            ("summary2026", None),
            ("ab2026dec", None),
            ("2026dec1", None),
            ("2026decision", None),
            ("dismay-2026", Some("x")),
            ("2026", Some("marching")),
            ("q4", None),
            ("2026Q5", None),
            ("faq1-2026", None),
            ("2026Q12", None),
            ("fyi26", None),
            ("comfy26", None),
            ("fy26quality", None),
            ("fy260", None),
            ("mar-20260", None),
        ] {
            assert_eq!(date_in(segment, next, rules()), None, "{segment}");
        }
    }
}
