//! What a draft from the past would have denied in what came after.
//!
//! The draft is made from one part of the records and every successful call of
//! the later part is put to it, by the policy engine and not by looking whether
//! the call was seen before. The denominator is calls. A call that no rule maps
//! has not passed: it is counted and listed. A call that needs no permission is
//! not counted, and neither is one that failed when it was made.
//!
//! A principal that the first part does not know has no draft that anyone could
//! have deployed; it is listed as such and counts neither way.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use trailtrim_aggregator::{Activity, Count, Join as _, Principal, Stats};
use trailtrim_catalog::Catalog;

use crate::replay::Replay;
use crate::report::{Condition, Seen, condition, seen};
use crate::{Draft, DraftOptions, draft};

/// The version of the model of a backtest.
pub const BACKTEST_SCHEMA_VERSION: u32 = 1;

/// A backtest: one fold for each way of cutting the records in two.
#[derive(Clone, Debug, Serialize)]
pub struct Backtest {
    /// [`BACKTEST_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The folds, in the order of their splits.
    pub folds: Vec<Fold>,
}

/// One cut: drafts from before it, replayed on what came after.
#[derive(Clone, Debug, Serialize)]
pub struct Fold {
    /// The first moment that is replayed and not drafted from.
    pub split: String,
    /// The first moment that is not replayed any more; absent where all the rest is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// All replayed principals together.
    pub all: Passage,
    /// Principals with a draft and something to replay, ordered by ARN.
    pub principals: Vec<Replayed>,
    /// Principals that could not be tested, ordered by ARN.
    pub untested: Vec<Untested>,
}

/// How one draft did.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// The ARN of the role or user.
    pub principal: String,
    /// Its account.
    pub account: String,
    /// Days with calls that the draft was made from.
    pub drafted_from_days: usize,
    /// Services of which the draft is known to lack something.
    pub frozen_services: Vec<String>,
    /// What would have passed.
    #[serde(flatten)]
    pub passage: Passage,
    /// What would have been denied.
    pub denied: Vec<Denied>,
    /// What cannot be judged, because no rule maps it.
    pub unmapped: Vec<UnmappedCall>,
}

/// Of calls and days, how many would have passed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Passage {
    /// Successful calls that need a permission.
    pub calls: u64,
    /// Those of them that would have been denied something.
    pub calls_denied: u64,
    /// Those of them that no rule maps, in whole or in part.
    pub calls_unmapped: u64,
    /// Whether the numbers of calls are estimates.
    pub calls_estimated: bool,
    /// The share, 0 to 1, of calls that would have passed.
    pub share_of_calls: f64,
    /// Days with such calls.
    pub days: usize,
    /// Days on which all would have passed.
    pub days_passed: usize,
    /// The share, 0 to 1, of those days.
    pub share_of_days: f64,
}

/// A permission that the draft lacks.
#[derive(Clone, Debug, Serialize)]
pub struct Denied {
    /// The action.
    pub action: String,
    /// The resource, as a policy would name it.
    pub resource: String,
    /// Conditions that held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Whether the calls only make it likely that the permission is needed.
    pub inferred: bool,
    /// Whether the action was drafted, on other resources or under other conditions.
    pub action_drafted: bool,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A successful event that no rule maps.
#[derive(Clone, Debug, Serialize)]
pub struct UnmappedCall {
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// Why.
    pub why: String,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A principal without a test.
#[derive(Clone, Debug, Serialize)]
pub struct Untested {
    /// The ARN of the role or user.
    pub principal: String,
    /// Why.
    pub why: NotTested,
}

/// Why a principal's draft was not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotTested {
    /// It was first seen after the split.
    NotSeenBefore,
    /// Nothing that it did before the split justifies a grant.
    NothingDrafted,
    /// It made no successful call after the split.
    NotSeenAfter,
}

/// What to draft from, and how.
#[derive(Clone, Copy, Debug)]
pub struct Drafting<'a> {
    /// What was seen before the split.
    pub activity: &'a Activity,
    /// The catalog that named it.
    pub catalog: Catalog,
    /// How to draft.
    pub options: DraftOptions,
}

impl Backtest {
    /// Puts folds together.
    pub fn new(folds: Vec<Fold>) -> Backtest {
        Backtest { schema_version: BACKTEST_SCHEMA_VERSION, folds }
    }

    /// Returns whether something would have been denied.
    pub fn found_denials(&self) -> bool {
        self.folds.iter().any(|fold| fold.principals.iter().any(|one| !one.denied.is_empty()))
    }
}

impl Fold {
    /// Drafts from `before` and replays `after`. `split` and `until` are told
    /// as they are.
    pub fn new(
        split: String,
        until: Option<String>,
        before: Drafting<'_>,
        after: &Activity,
    ) -> Fold {
        let mut fold = Fold {
            split,
            until,
            all: Passage::default(),
            principals: Vec::new(),
            untested: Vec::new(),
        };
        let mut all = Tally::default();
        let (drafts, replays) = (by_arn(before.activity), by_arn(after));
        let arns: BTreeSet<&str> = drafts.keys().chain(replays.keys()).copied().collect();
        for arn in arns {
            match test(drafts.get(arn).copied(), replays.get(arn).copied(), before) {
                Ok((replayed, tally)) => {
                    all.add(&tally);
                    fold.principals.push(replayed);
                }
                Err(why) => fold.untested.push(Untested { principal: arn.to_owned(), why }),
            }
        }
        fold.all = all.passage();
        fold
    }
}

fn by_arn(activity: &Activity) -> BTreeMap<&str, &Principal> {
    activity.principals.iter().map(|principal| (principal.arn.as_str(), principal)).collect()
}

fn test(
    before: Option<&Principal>,
    after: Option<&Principal>,
    drafting: Drafting<'_>,
) -> Result<(Replayed, Tally), NotTested> {
    let after = after.filter(|after| {
        after.rows.keys().any(|key| key.outcome.grants()) || unmapped(after).next().is_some()
    });
    let (before, after) = match (before, after) {
        (_, None) => return Err(NotTested::NotSeenAfter),
        (None, _) => return Err(NotTested::NotSeenBefore),
        (Some(before), Some(after)) => (before, after),
    };
    let drafted = draft(before, drafting.catalog, drafting.options);
    let Draft { policy: Some(policy), statements, .. } = drafted else {
        return Err(NotTested::NothingDrafted);
    };
    let drafted: BTreeSet<&str> = statements.keys().map(|key| key.action.as_str()).collect();
    let replay = Replay::of([&policy]);
    let mut tally = Tally::default();
    let mut denied = Vec::new();
    for (key, row) in after.rows.iter().filter(|(key, _)| key.outcome.grants()) {
        tally.all.join(row.stats.clone());
        if replay.allows(key) {
            continue;
        }
        tally.denied.join(row.stats.clone());
        denied.push((key, row));
    }
    let mut events: BTreeMap<(&str, &str, &str), Stats> = BTreeMap::new();
    for (event, stats) in unmapped(after) {
        tally.all.join(stats.clone());
        tally.unmapped.join(stats.clone());
        events.entry(event).or_default().join(stats.clone());
    }
    let replayed = Replayed {
        principal: after.arn.clone(),
        account: after.account.clone(),
        drafted_from_days: before
            .rows
            .iter()
            .filter(|(key, _)| key.outcome.grants())
            .flat_map(|(_, row)| row.stats.days().each())
            .collect::<BTreeSet<_>>()
            .len(),
        frozen_services: before.frozen.iter().cloned().collect(),
        passage: tally.passage(),
        denied: denied
            .into_iter()
            .map(|(key, row)| Denied {
                action: key.action.clone(),
                resource: key.resource.clone(),
                conditions: key.conditions.iter().map(condition).collect(),
                inferred: !row.certain,
                action_drafted: drafted.contains(key.action.as_str()),
                seen: seen(&row.stats),
            })
            .collect(),
        unmapped: events
            .into_iter()
            .map(|((source, name, why), stats)| UnmappedCall {
                event_source: source.to_owned(),
                event_name: name.to_owned(),
                why: why.to_owned(),
                seen: seen(&stats),
            })
            .collect(),
    };
    Ok((replayed, tally))
}

/// Returns the successful events that need a permission nobody can name.
fn unmapped(principal: &Principal) -> impl Iterator<Item = ((&str, &str, &str), &Stats)> {
    let lost = principal.unmapped.iter();
    lost.filter(|(key, _)| key.kind.loses() && key.outcome.grants()).map(|(key, stats)| {
        ((key.event_source.as_str(), key.event_name.as_str(), key.why.as_str()), stats)
    })
}

/// The calls of a replay. One call can need several permissions, so calls are
/// counted over joined rows and never added up.
#[derive(Debug, Default)]
struct Tally {
    all: Stats,
    denied: Stats,
    unmapped: Stats,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.all.join(other.all.clone());
        self.denied.join(other.denied.clone());
        self.unmapped.join(other.unmapped.clone());
    }

    fn passage(&self) -> Passage {
        let mut lost = self.denied.clone();
        lost.join(self.unmapped.clone());
        let counts = [&self.all, &self.denied, &self.unmapped, &lost].map(Stats::calls);
        // A part cannot be more than the whole, whatever two estimates say.
        let most = self.all.calls().value;
        let [calls, denied, unmapped, lost_calls] =
            counts.map(|count: Count| count.value.min(most));
        let (days, lost_days) = (self.all.days().len(), lost.days().len());
        Passage {
            calls,
            calls_denied: denied,
            calls_unmapped: unmapped,
            calls_estimated: counts.iter().any(|count| count.estimated),
            share_of_calls: share(calls - lost_calls, calls),
            days,
            days_passed: days - lost_days,
            share_of_days: share((days - lost_days) as u64, days as u64),
        }
    }
}

/// Nothing to lose is nothing lost.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_aggregator::{EventKey, Outcome, Row, RowKey, Unmapped, UnmappedKey};

    const DAY: i64 = 86_400;

    /// Ids and times.
    type Events<'a> = &'a [(&'a str, i64)];

    fn stats(events: Events<'_>) -> Stats {
        let mut stats = Stats::default();
        for (id, time) in events {
            let event = EventKey { key: id, event_id: id, time: Some(*time), region: "eu-west-1" };
            stats.add(event, &trailtrim_aggregator::Label::from("file"));
        }
        stats
    }

    fn principal(name: &str, rows: &[(&str, &str, Outcome, Events<'_>)]) -> Principal {
        let named = Principal::new(&format!("arn:aws:iam::111122223333:role/{name}")).unwrap();
        Principal {
            rows: rows
                .iter()
                .map(|(action, resource, outcome, events)| {
                    let key = RowKey {
                        action: (*action).to_owned(),
                        resource: (*resource).to_owned(),
                        conditions: Vec::new(),
                        outcome: *outcome,
                    };
                    (key, Row { certain: true, stats: stats(events), ..Row::default() })
                })
                .collect(),
            ..named
        }
    }

    fn activity(principals: Vec<Principal>) -> Activity {
        Activity { principals, ..Activity::default() }
    }

    fn fold(before: &Activity, after: &Activity) -> Fold {
        let options = DraftOptions::default();
        let before = Drafting { activity: before, catalog: Catalog::embedded(), options };
        Fold::new("s".into(), None, before, after)
    }

    #[test]
    fn a_call_that_lacks_one_of_two_permissions_is_denied_once() {
        use Outcome::Granted;
        let before = principal("r", &[("a:Do", "x", Granted, &[("0", 0)])]);
        let both: Events<'_> = &[("1", DAY), ("2", 2 * DAY)];
        let after = principal(
            "r",
            &[
                (
                    "a:Do",
                    "x",
                    Granted,
                    &[("1", DAY), ("2", 2 * DAY), ("3", 3 * DAY), ("4", 4 * DAY)],
                ),
                ("a:Make", "x", Granted, both),
                ("a:Make", "y", Granted, both),
                // Failed then, so nothing is lost if it fails again.
                ("a:Drop", "x", Outcome::Denied, &[("5", 5 * DAY)]),
            ],
        );
        let fold = fold(&activity(vec![before]), &activity(vec![after]));
        let replayed = fold.principals.first().unwrap();
        let passage = &replayed.passage;
        assert_eq!(
            (passage.calls, passage.calls_denied, passage.days, passage.days_passed),
            (4, 2, 4, 2)
        );
        assert_eq!((passage.share_of_calls, passage.share_of_days), (0.5, 0.5));
        let denied: Vec<_> =
            replayed.denied.iter().map(|one| (&*one.action, &*one.resource)).collect();
        assert_eq!(denied, [("a:Make", "x"), ("a:Make", "y")]);
        assert!(Backtest::new(vec![fold]).found_denials());
    }

    #[test]
    fn what_no_rule_maps_stays_in_the_denominator() {
        use Outcome::Granted;
        let before = principal("r", &[("a:Do", "x", Granted, &[("0", 0)])]);
        let mut after = principal("r", &[("a:Do", "x", Granted, &[("1", DAY)])]);
        let event = |kind, outcome| UnmappedKey {
            kind,
            event_source: "a.amazonaws.com".to_owned(),
            event_name: "New".to_owned(),
            outcome,
            action: None,
            why: "unknown".to_owned(),
        };
        after
            .unmapped
            .insert(event(Unmapped::Unknown, Granted), stats(&[("2", DAY), ("3", 2 * DAY)]));
        after.unmapped.insert(event(Unmapped::Unknown, Outcome::Denied), stats(&[("4", DAY)]));
        after.unmapped.insert(event(Unmapped::NoPermission, Granted), stats(&[("5", DAY)]));
        let fold = fold(&activity(vec![before]), &activity(vec![after]));
        let passage = &fold.all;
        assert_eq!((passage.calls, passage.calls_denied, passage.calls_unmapped), (3, 0, 2));
        assert_eq!((passage.share_of_calls, passage.days_passed), (1.0 / 3.0, 0));
        assert_eq!(fold.principals.first().map(|one| one.unmapped.len()), Some(1));
        assert!(!Backtest::new(vec![fold]).found_denials());
    }

    #[test]
    fn whoever_has_no_draft_or_nothing_to_replay_counts_neither_way() {
        use Outcome::{Denied, Granted};
        let one: Events<'_> = &[("1", 0)];
        let before = activity(vec![
            principal("gone", &[("a:Do", "x", Granted, one)]),
            principal("refused", &[("a:Do", "x", Denied, one)]),
        ]);
        let after = activity(vec![
            principal("gone", &[("a:Do", "x", Denied, one)]),
            principal("new", &[("a:Do", "x", Granted, one)]),
            principal("refused", &[("a:Do", "x", Granted, one)]),
        ]);
        let fold = fold(&before, &after);
        let why: Vec<NotTested> = fold.untested.iter().map(|one| one.why).collect();
        assert_eq!(
            why,
            [NotTested::NotSeenAfter, NotTested::NotSeenBefore, NotTested::NothingDrafted]
        );
        assert!(fold.principals.is_empty() && fold.all.calls == 0);
        assert_eq!(fold.all.share_of_calls, 1.0);
    }
}
