//! Since when the log has data events: without them it does not show what is done with objects, items or
//! messages, and nothing else in a report would say so.

use std::collections::BTreeSet;

use serde::Serialize;
use trailtrim_aggregator::Coverage;

use crate::coverage::show;

/// How many days may lie between the ends of the log and its data events: not every account works every day.
const LEEWAY: i32 = 7;

/// The data events of an account whose log does not have them from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingDataEvents {
    /// Twelve digits.
    pub account: String,
    /// The first day of the log, as `2026-11-23`.
    pub first_day: String,
    /// Its last day.
    pub last_day: String,
    /// The first day with a data event; none where the log has none at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_data_event: Option<String>,
    /// The last day with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_data_event: Option<String>,
}

impl MissingDataEvents {
    /// Returns what is missing of an account, if something is. A log that was not looked at as a whole says
    /// nothing of it.
    #[must_use]
    pub fn of(coverage: &Coverage, account: &str) -> Option<MissingDataEvents> {
        let (days, data) = coverage.days_seen(account);
        let (first, last) = (*days.first()?, *days.last()?);
        let (from, until) = (data.first().copied(), data.last().copied());
        let late = from.is_none_or(|from| from - first > LEEWAY);
        let early = until.is_none_or(|until| last - until > LEEWAY);
        (late || early).then(|| MissingDataEvents {
            account: account.to_owned(),
            first_day: show(first),
            last_day: show(last),
            first_data_event: from.map(show),
            last_data_event: until.map(show),
        })
    }

    /// Returns what is missing of any of some accounts, in their order.
    pub fn of_all<'a>(
        coverage: &Coverage,
        accounts: impl IntoIterator<Item = &'a str>,
    ) -> Vec<MissingDataEvents> {
        let accounts: BTreeSet<&str> = accounts.into_iter().collect();
        accounts.into_iter().filter_map(|account| Self::of(coverage, account)).collect()
    }

    /// Says so: which data events there are, and of what time nothing is known.
    #[must_use]
    pub fn told(&self) -> String {
        let MissingDataEvents { account, first_day, last_day, .. } = self;
        match (&self.first_data_event, &self.last_data_event) {
            (Some(first), Some(last)) => format!(
                "the log of {account}, {first_day} to {last_day}, has data events from {first} to {last} only: \
                 what was done with objects, items, messages and their like on its other days is not known"
            ),
            _ => format!(
                "the log of {account} has no data event: what is done with objects, items, messages and \
                 their like is not known"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use trailtrim_ingest::Record;

    use super::*;

    /// Returns the coverage by a record of each day, and by data events on some days.
    fn coverage(days: std::ops::Range<u32>, data: std::ops::Range<u32>) -> Coverage {
        let mut coverage = Coverage::default();
        let kinds = [(days, "Management"), (data, "Data")];
        for (day, category) in
            kinds.into_iter().flat_map(|(days, kind)| days.map(move |day| (day, kind)))
        {
            let text = format!(
                r#"{{"eventTime":"2026-03-{day:02}T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"X",
                "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventCategory":"{category}"}}"#
            );
            coverage.see(&Record::parse(&text).unwrap());
        }
        coverage
    }

    #[test]
    fn what_the_log_has_all_along_is_not_told() {
        let of = |days, data| MissingDataEvents::of(&coverage(days, data), "111122223333");
        assert_eq!(of(1..30, 3..28), None);
        assert_eq!(MissingDataEvents::of(&Coverage::default(), "111122223333"), None);
        let none = of(1..30, 0..0).unwrap();
        assert!(none.told().contains("has no data event"), "{}", none.told());
        for (data, from, until) in [(21..30, "21", "29"), (1..10, "01", "09")] {
            let told = of(1..30, data).unwrap().told();
            let span = format!("data events from 2026-03-{from} to 2026-03-{until} only");
            assert!(told.contains(&span), "{told}");
        }
    }
}
