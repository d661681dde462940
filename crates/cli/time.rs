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

/// Writes a time as `2026-11-23T10:00:00Z`.
pub(crate) fn show(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_midnight_and_offsets_are_understood() {
        assert_eq!(show(parse("2026-11-23").unwrap()), "2026-11-23T00:00:00Z");
        assert_eq!(show(parse("2026-11-23T10:00:00+02:00").unwrap()), "2026-11-23T08:00:00Z");
        for bad in ["yesterday", "2026-13-01", "23.11.2026", ""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
