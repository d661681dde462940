//! Times as people write them on the command line.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// Reads `2026-11-23` (midnight, UTC) or `2026-11-23T10:00:00Z`.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "not a date; write `2026-11-23` or `2026-11-23T10:00:00Z`".to_owned())
}

/// Reads `A..B`, two times of which the second is not in it any more.
pub(crate) fn parse_range(text: &str) -> Result<(DateTime<Utc>, DateTime<Utc>), String> {
    let (from, to) =
        text.split_once("..").ok_or_else(|| "write `2026-11-23..2026-11-24`".to_owned())?;
    let range = (parse(from)?, parse(to)?);
    if range.0 < range.1 {
        Ok(range)
    } else {
        Err("it ends before it begins; swap the two".to_owned())
    }
}

/// Writes a time as `2026-11-23T10:00:00Z`.
pub(crate) fn show(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes a day (since 1970-01-01, UTC) as `2026-11-23`; what no calendar has as its number.
pub(crate) fn show_day(day: i32) -> String {
    NaiveDate::from_epoch_days(day).map_or_else(|| day.to_string(), |day| day.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_goes_forward() {
        let (from, to) = parse_range("2026-11-23..2026-11-24T10:00:00Z").unwrap();
        assert_eq!(
            (show(from), show(to)),
            ("2026-11-23T00:00:00Z".into(), "2026-11-24T10:00:00Z".into())
        );
        for bad in ["2026-11-23", "2026-11-24..2026-11-23", "..", "2026-11-23..2026-11-23"] {
            assert!(parse_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_is_its_midnight_and_offsets_are_understood() {
        assert_eq!(show(parse("2026-11-23").unwrap()), "2026-11-23T00:00:00Z");
        assert_eq!(show(parse("2026-11-23T10:00:00+02:00").unwrap()), "2026-11-23T08:00:00Z");
        for bad in ["yesterday", "2026-13-01", "23.11.2026", ""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
