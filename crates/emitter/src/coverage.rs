//! Where CloudTrail was looking, on which days: the model that every form of it is made from.
//!
//! What is covered is decided by [`Coverage`]; here it is only put into lines and words. Nothing here
//! is escaped; whoever writes the words down has to.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::DateTime;
use serde::Serialize;
use trailtrim_aggregator::Coverage;
use trailtrim_aggregator::coverage::{
    Access, Condition, Kind, MOST_RESOURCES, Proof, Row, Selector, Trail,
};

use crate::diff::count;

/// The first and the last day of a run of days, as `2026-11-23`.
pub type Span = (String, String);

/// Where was looked.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The first and the last day with any record.
    pub window: Option<Span>,
    /// Days from the first to the last.
    pub days: usize,
    /// What is known of each kind of call, by account and region.
    pub rows: Vec<Line>,
    /// The trails that were declared or seen being changed.
    pub trails: Vec<Told>,
}

/// One kind of call in one place.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The account.
    pub account: String,
    /// The region, or `global`.
    pub region: String,
    /// `management` or `data`.
    pub class: &'static str,
    /// The source of management events that trails may leave out; none for all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// The type of data events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// `read` or `write`.
    pub access: &'static str,
    /// Which events of a type it is about.
    #[serde(flatten)]
    pub proof: About,
    /// Days with a record of the kind.
    pub seen_days: usize,
    /// Days on which none can have been missed.
    pub covered_days: usize,
    /// Which days those are.
    pub covered: Vec<Span>,
    /// The same, since 1970.
    #[serde(skip)]
    pub covered_on: BTreeSet<i32>,
    /// The other days.
    pub gaps: Vec<Span>,
}

/// Which events of a type a line is about.
#[derive(Debug, Default, Serialize)]
pub struct About {
    /// All that no other line is about: how many resources were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources_seen: Option<usize>,
    /// Whether there may be more resources than that, since no more are kept apart.
    #[serde(skip_serializing_if = "is_false")]
    pub resources_may_be_more: bool,
    /// Those of this name, on one resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Those that this trail is declared to log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    /// By which of its selectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
}

/// What is known of a trail.
#[derive(Debug, Serialize)]
pub struct Told {
    /// Its ARN or name.
    pub trail: String,
    /// Whether somebody said what it logs.
    pub declared: bool,
    /// Whether it logs all regions; none where nobody said.
    pub multi_region: Option<bool>,
    /// Whether it logs all accounts of an organization; none where nobody said.
    pub organization: Option<bool>,
    /// Days on which the log shows it being changed.
    pub changed: Vec<String>,
}

impl Report {
    /// Describes a coverage.
    #[must_use]
    pub fn of(coverage: &Coverage) -> Report {
        let window = coverage.window();
        let days = window.map_or(0..0, |(first, last)| first..last + 1);
        let trails = coverage.trails().iter().map(|(key, trail)| Told::of(key.as_str(), trail));
        Report {
            window: window.map(|(first, last)| (show(first), show(last))),
            days: days.len(),
            rows: coverage.rows().into_iter().map(|row| Line::of(row, days.clone())).collect(),
            trails: trails.collect(),
        }
    }
}

impl Line {
    fn of(row: Row, days: Range<i32>) -> Line {
        let (class, event_source, resource_type, proof) = match row.kind {
            Kind::Management(source) => ("management", source, None, About::default()),
            Kind::Data(kind, proof) => ("data", None, Some(kind), About::of(proof)),
        };
        Line {
            account: row.account,
            region: row.region,
            class,
            event_source,
            resource_type,
            access: match row.access {
                Access::Read => "read",
                Access::Write => "write",
            },
            proof,
            seen_days: row.seen.len(),
            covered_days: row.covered.len(),
            covered: spans(&row.covered),
            gaps: gaps(&row.covered, days),
            covered_on: row.covered,
        }
    }

    /// Returns which calls the line is about.
    #[must_use]
    pub fn name(&self) -> String {
        let what = match (&self.resource_type, &self.event_source) {
            (Some(kind), _) => kind.clone(),
            (None, Some(source)) => format!("management of {source}"),
            (None, None) => "management".to_owned(),
        };
        let of = match &self.proof {
            About { resource: Some(arn), event_name: Some(name), .. } => {
                format!(", {name} of {arn}")
            }
            About { selector: Some(selector), .. } => format!(", {}", told(selector)),
            _ => String::new(),
        };
        format!("{what}, {}{of}", self.access)
    }

    /// Returns on which of so many days they are covered, and on which they were seen.
    #[must_use]
    pub fn verdict(&self, days: usize) -> String {
        let on = format!("on {}", count(self.seen_days, "day"));
        let seen = match (self.seen_days, self.proof.resources_seen) {
            _ if self.proof.selector.is_some() => String::new(),
            (0, _) => "; never seen".to_owned(),
            (_, Some(resources)) => {
                let least = if self.proof.resources_may_be_more { "at least " } else { "" };
                format!("; {least}{} seen {on}", count(resources, "resource"))
            }
            (_, None) => format!("; seen {on}"),
        };
        if self.covered_days == 0 {
            return format!("not covered{seen}");
        }
        let gaps: Vec<String> = self
            .gaps
            .iter()
            .map(|(from, to)| if from == to { from.clone() } else { format!("{from} to {to}") })
            .collect();
        format!("{} of {days} days covered, without {}{seen}", self.covered_days, gaps.join(", "))
    }
}

impl About {
    fn of(proof: Proof) -> About {
        let none = About::default();
        match proof {
            Proof::Any(resources) => About {
                resources_seen: Some(resources),
                resources_may_be_more: resources >= MOST_RESOURCES,
                ..none
            },
            Proof::Selected(trail, selector) => {
                About { trail: Some(trail.as_str().to_owned()), selector: Some(selector), ..none }
            }
            Proof::Present(name, arn) => {
                About { event_name: Some(name), resource: Some(arn), ..none }
            }
        }
    }
}

impl Told {
    fn of(key: &str, trail: &Trail) -> Told {
        // The reach as it is now, after every change that was seen.
        let reach = trail.reach(i64::MAX);
        let days: BTreeSet<String> = trail
            .changes()
            .keys()
            .filter_map(|time| Some(DateTime::from_timestamp(*time, 0)?.date_naive().to_string()))
            .collect();
        Told {
            trail: key.to_owned(),
            declared: trail.is_declared(),
            multi_region: reach.map(|reach| reach.regions),
            organization: reach.map(|reach| reach.organization),
            changed: days.into_iter().collect(),
        }
    }

    /// Returns what is known, in words.
    #[must_use]
    pub fn told(&self) -> String {
        let mut parts = vec![match (self.declared, self.multi_region) {
            (false, _) => {
                "not declared, so it covers nothing; name its selectors with --event-selectors if \
                 its files are read"
                    .to_owned()
            }
            (true, None) => "declared, for its own region only; add the output of `aws cloudtrail \
                 describe-trails` if it logs all regions"
                .to_owned(),
            (true, Some(regions)) => {
                format!("declared, for {}", if regions { "all regions" } else { "its own region" })
            }
        }];
        if self.organization == Some(true) {
            parts.push("for all accounts of the organization".to_owned());
        }
        if !self.changed.is_empty() {
            parts.push(format!("changed on {}", self.changed.join(", ")));
        }
        parts.join("; ")
    }
}

/// Returns what a selector of data events demands beside type and access, in words.
fn told(selector: &Selector) -> String {
    let told: Vec<String> = selector
        .conditions()
        .iter()
        .filter(|(field, _)| !matches!(&***field, "eventCategory" | "resources.type" | "readOnly"))
        .map(|(field, condition)| format!("{field} {}", operators(condition)))
        .collect();
    if told.is_empty() { "all".to_owned() } else { told.join(" and ") }
}

fn operators(condition: &Condition) -> String {
    let told: Vec<String> = [
        ("is", &condition.equals),
        ("begins with", &condition.starts_with),
        ("ends with", &condition.ends_with),
        ("is not", &condition.not_equals),
        ("does not begin with", &condition.not_starts_with),
        ("does not end with", &condition.not_ends_with),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .map(|(verb, values)| {
        let values: Vec<&str> = values.iter().map(|value| &**value).collect();
        format!("{verb} {}", values.join(" or "))
    })
    .collect();
    told.join(", ")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Returns the runs of days that are not among those that are covered. There may be millions of days.
fn gaps(covered: &BTreeSet<i32>, days: Range<i32>) -> Vec<Span> {
    let mut gaps = Vec::new();
    let mut next = days.start;
    for (first, last) in runs(covered) {
        if next < first {
            gaps.push((show(next), show(first - 1)));
        }
        next = last + 1;
    }
    if next < days.end {
        gaps.push((show(next), show(days.end - 1)));
    }
    gaps
}

fn spans(days: &BTreeSet<i32>) -> Vec<Span> {
    runs(days).into_iter().map(|(from, to)| (show(from), show(to))).collect()
}

/// Returns the runs of days that follow one another.
fn runs(days: &BTreeSet<i32>) -> Vec<(i32, i32)> {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *day => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    runs
}

/// Writes a day since 1970 as `2026-11-23`.
pub(crate) fn show(day: i32) -> String {
    DateTime::from_timestamp(i64::from(day) * 86_400, 0)
        .map_or_else(|| day.to_string(), |time| time.date_naive().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_resources_as_are_kept_apart_are_no_count() {
        let seen = |resources| {
            let row = Row {
                account: "111122223333".to_owned(),
                region: "eu-west-1".to_owned(),
                kind: Kind::Data("AWS::S3::Object".to_owned(), Proof::Any(resources)),
                access: Access::Read,
                seen: BTreeSet::from([1, 2]),
                covered: BTreeSet::new(),
            };
            Line::of(row, 0..3).verdict(3)
        };
        assert_eq!(seen(999), "not covered; 999 resources seen on 2 days");
        assert_eq!(seen(1000), "not covered; at least 1000 resources seen on 2 days");
    }

    #[test]
    fn gaps_are_what_is_left_of_the_days() {
        let span = |from: i32, to: i32| (show(from), show(to));
        let covered = BTreeSet::from([11, 12, 14]);
        assert_eq!(gaps(&covered, 10..16), [span(10, 10), span(13, 13), span(15, 15)]);
        assert_eq!(gaps(&covered, 11..15), [span(13, 13)]);
        assert_eq!(
            gaps(&BTreeSet::new(), 0..2_932_897),
            [("1970-01-01".into(), "9999-12-31".into())]
        );
        assert_eq!(gaps(&BTreeSet::new(), 0..0), []);
    }

    #[test]
    fn days_that_follow_one_another_are_one_span() {
        let days = BTreeSet::from([20514, 20515, 20517]);
        let span = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            spans(&days),
            [span("2026-03-02", "2026-03-03"), span("2026-03-05", "2026-03-05")]
        );
    }
}
