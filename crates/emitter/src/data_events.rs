//! Since when the log has data events, and of which types: without them it does not show what is done with objects,
//! items or messages, and nothing else in a report would say so.

use std::collections::BTreeSet;

use serde::Serialize;
use trailtrim_aggregator::Coverage;

use crate::coverage::show;

/// How many days may lie between the ends of the log and its data events: not every account works every day.
const LEEWAY: i32 = 7;

/// The data events that the log of an account has.
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
    /// The types that they tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<DataEvents>,
    /// Whether there are some from the beginning of the log to its end.
    pub all_along: bool,
}

/// Data events of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataEvents {
    /// The type, as `AWS::S3::Object`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The first day with one, where the log does not have them from its beginning to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_day: Option<String>,
    /// The last day with one, then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_day: Option<String>,
    /// Whether there may be some on other days than from the first to the last: there were more resources than are
    /// remembered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

impl DataEvents {
    fn told(&self) -> String {
        match (&self.first_day, &self.last_day) {
            (Some(first), Some(last)) => {
                let more = if self.at_least { " at least" } else { "" };
                format!("{} ({first} to {last}{more})", self.kind)
            }
            _ => self.kind.clone(),
        }
    }
}

impl MissingDataEvents {
    /// Returns what is missing of an account; nothing where nothing is known of it. No log has data events of all
    /// types.
    #[must_use]
    pub fn of(coverage: &Coverage, account: &str) -> Option<MissingDataEvents> {
        let (days, data) = coverage.days_seen(account);
        let (first, last) = (*days.first()?, *days.last()?);
        let all_along = |from: i32, until: i32| from - first <= LEEWAY && last - until <= LEEWAY;
        let types = coverage.data_types(account).into_iter();
        let types = types.map(|(kind, (from, until, whole))| {
            let is_part = !all_along(from, until);
            DataEvents {
                kind: kind.to_owned(),
                first_day: is_part.then(|| show(from)),
                last_day: is_part.then(|| show(until)),
                at_least: is_part && !whole,
            }
        });
        let span = data.first().zip(data.last());
        Some(MissingDataEvents {
            account: account.to_owned(),
            first_day: show(first),
            last_day: show(last),
            first_data_event: span.map(|(from, _)| show(*from)),
            last_data_event: span.map(|(_, until)| show(*until)),
            types: types.collect(),
            all_along: span.is_some_and(|(from, until)| all_along(*from, *until)),
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

    /// Says so: which data events there are, of what time, and that of others nothing is known.
    #[must_use]
    pub fn told(&self) -> String {
        let MissingDataEvents { account, first_day, last_day, types, .. } = self;
        let types: Vec<String> = types.iter().map(DataEvents::told).collect();
        let of = match types.is_empty() {
            true => "that tell no type".to_owned(),
            false => format!("of {}, as far as they tell", types.join(", ")),
        };
        match (&self.first_data_event, &self.last_data_event) {
            (Some(first), Some(last)) if !self.all_along => format!(
                "the log of {account}, {first_day} to {last_day}, has data events from {first} to {last} only, {of}: \
                 what was done with objects, items, messages and their like on its other days, and what data events \
                 of other types would show, is not known"
            ),
            (Some(_), Some(_)) => format!(
                "the log of {account} has data events {of}: what data events of other types would show is not known"
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
    use std::ops::Range;

    use trailtrim_ingest::Record;

    use super::*;

    const OBJECT: &str = "AWS::S3::Object";

    /// Returns the coverage by a record of each day, and by data events of some types on some days.
    fn coverage(days: Range<u32>, data: &[(&str, Range<u32>)]) -> Coverage {
        let mut coverage = Coverage::default();
        let management = (None, days);
        let data = data.iter().map(|(kind, days)| (Some(*kind), days.clone()));
        for (kind, days) in std::iter::once(management).chain(data) {
            for day in days {
                let category = if kind.is_some() { "Data" } else { "Management" };
                let kind = kind.unwrap_or_default();
                let text = format!(
                    r#"{{"eventTime":"2026-03-{day:02}T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"X",
                    "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventCategory":"{category}",
                    "readOnly":true,"resources":[{{"type":"{kind}","ARN":"arn:aws:x:::y"}}]}}"#
                );
                coverage.see(&Record::parse(&text).unwrap());
            }
        }
        coverage
    }

    fn of(days: Range<u32>, data: &[(&str, Range<u32>)]) -> String {
        MissingDataEvents::of(&coverage(days, data), "111122223333").unwrap().told()
    }

    #[test]
    fn what_the_log_does_not_have_all_along_is_told() {
        assert_eq!(MissingDataEvents::of(&Coverage::default(), "111122223333"), None);
        let none = of(1..30, &[]);
        assert!(none.contains("has no data event"), "{none}");
        for (data, from, until) in [(21..30, "21", "29"), (1..10, "01", "09")] {
            let told = of(1..30, &[(OBJECT, data)]);
            let span = format!("data events from 2026-03-{from} to 2026-03-{until} only");
            assert!(told.contains(&span), "{told}");
        }
    }

    /// Data events of objects say nothing of what is done with items.
    #[test]
    fn of_which_types_the_log_has_data_events_is_told() {
        let one = of(1..30, &[(OBJECT, 3..28)]);
        assert!(one.contains("has data events of AWS::S3::Object, as far as they tell"), "{one}");
        let two = of(1..30, &[(OBJECT, 3..28), ("AWS::DynamoDB::Table", 20..29)]);
        let late =
            "AWS::DynamoDB::Table (2026-03-20 to 2026-03-28), AWS::S3::Object, as far as they tell";
        assert!(two.contains(late), "{two}");
    }

    /// Of more objects than are remembered some tell of days; what the others would tell is open.
    #[test]
    fn of_very_many_resources_the_days_are_no_more_than_known() {
        let mut coverage = coverage(1..30, &[("AWS::DynamoDB::Table", 1..30)]);
        for number in 0..1_200 {
            let text = format!(
                r#"{{"eventTime":"2026-03-{:02}T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"X",
                "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventCategory":"Data","readOnly":true,
                "resources":[{{"type":"{OBJECT}","ARN":"arn:aws:s3:::b/{number}"}}]}}"#,
                20 + number % 3,
            );
            coverage.see(&Record::parse(&text).unwrap());
        }
        let told = MissingDataEvents::of(&coverage, "111122223333").unwrap();
        let [_, objects] = told.types.as_slice() else { panic!("{told:?}") };
        assert!(objects.at_least);
        assert!(told.told().contains("AWS::S3::Object (2026-03-20 to 2026-03-22 at least)"));
    }
}
