//! Points in time, as whole seconds, and how CloudTrail spells them.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// Seconds since 1970 in UTC.
pub type Seconds = i64;

/// Seconds in a day.
pub const DAY: Seconds = 86_400;

/// Returns midnight UTC of a day.
pub fn midnight(year: i32, month: u32, day: u32) -> Seconds {
    chrono::NaiveDate::from_ymd_opt(year, month, day)
        .unwrap_or_default()
        .and_time(chrono::NaiveTime::MIN)
        .and_utc()
        .timestamp()
}

/// Appends `2026-03-02T10:15:00Z`.
pub fn iso_onto(time: Seconds, out: &mut String) {
    let when = calendar(time);
    four(out, when.year());
    for (mark, part) in [('-', when.month()), ('-', when.day()), ('T', when.hour())] {
        out.push(mark);
        two(out, part);
    }
    for part in [when.minute(), when.second()] {
        out.push(':');
        two(out, part);
    }
    out.push('Z');
}

/// Returns `2026-03-02T10:15:00Z`.
pub fn iso(time: Seconds) -> String {
    let mut out = String::with_capacity(20);
    iso_onto(time, &mut out);
    out
}

/// Returns `20260302T1015Z`, the delivery time in a log file's name.
pub fn stamp(time: Seconds) -> String {
    let when = calendar(time);
    let mut out = String::new();
    four(&mut out, when.year());
    two(&mut out, when.month());
    two(&mut out, when.day());
    out.push('T');
    two(&mut out, when.hour());
    two(&mut out, when.minute());
    out.push('Z');
    out
}

/// Returns `2026/03/02`, the folder of a log file.
pub fn folder(time: Seconds) -> String {
    let when = calendar(time);
    format!("{:04}/{:02}/{:02}", when.year(), when.month(), when.day())
}

fn calendar(time: Seconds) -> DateTime<Utc> {
    DateTime::from_timestamp(time, 0).unwrap_or_default()
}

// `format!` is several times slower, and every event has two times in it.
fn two(out: &mut String, number: u32) {
    out.push(digit(number / 10));
    out.push(digit(number));
}

fn four(out: &mut String, number: i32) {
    let number = number.unsigned_abs();
    two(out, number / 100);
    two(out, number % 100);
}

fn digit(number: u32) -> char {
    char::from_digit(number % 10, 10).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_as_cloudtrail_does() {
        let time = midnight(2026, 3, 2) + 10 * 3600 + 15 * 60 + 7;
        assert_eq!(iso(time), "2026-03-02T10:15:07Z");
        assert_eq!(stamp(time), "20260302T1015Z");
        assert_eq!(folder(time), "2026/03/02");
    }
}
