//! Limits what was observed after the fact.
//!
//! A usage remembers days, not moments, and of callers without a policy not where they were: a
//! limit is applied as far as that goes. Times are taken at whole days, so a day that is wanted in
//! part is there whole. What changed somebody's policies stays whatever the limit, as it does where
//! archives are read: a policy is as old as it is wherever and whenever that was recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::call::Call;
use crate::calls::Calls;
use crate::history;
use crate::scope::Scope;
use crate::sources::Sources;
use crate::stats::{Join as _, Stats, day};
use crate::trie::Bounded as _;
use crate::usage::{OtherEvent, OtherKind, Principals, Usage};
use crate::workload::Workloads;

impl Usage {
    /// Keeps what lies within a scope; see [`limited`](Usage::limited). What is not limited is not copied.
    pub fn into_limited(mut self, scope: &Scope) -> Usage {
        let [no_region, no_account] = [&scope.regions, &scope.accounts].map(BTreeSet::is_empty);
        if scope.since.is_some() || scope.until.is_some() || !no_region || !no_account {
            return self.limited(scope);
        }
        self.sources.files.clear();
        self
    }

    /// Returns what lies within the days, regions and accounts of a scope. Callers without a
    /// policy and records that are no calls are limited by day only, and with a region nothing is
    /// known of global services' coverage; what the scope excludes cannot be told any more and
    /// stays.
    pub fn limited(&self, scope: &Scope) -> Usage {
        let since = scope.since.map(|since| day(since.timestamp()));
        // The day of the last moment that counts is wanted, the next is not.
        let until = scope.until.map(|until| day(until.timestamp() - 1) + 1);
        let windowed = since.is_some() || until.is_some();
        let within = |stats: &Stats| {
            if windowed { stats.within(since, until) } else { Some(stats.clone()) }
        };
        let mut undated: BTreeMap<OtherEvent, Stats> = BTreeMap::new();
        let mut limited = |calls: &Calls| {
            calls.filter(self.quota, |call, stats| {
                if !scope.holds_region(&call.region) || !scope.holds_account(Some(&call.account)) {
                    return None;
                }
                if windowed && stats.days().is_empty() {
                    let mut stats = stats.clone();
                    stats.context = None;
                    undated.entry(no_time(call)).or_default().join(stats);
                    return None;
                }
                within(stats)
            })
        };
        let mut principals = Principals::default();
        for (key, workloads) in &self.principals {
            let mut kept = Workloads::default();
            for leaf in workloads.0.leaves() {
                let calls = limited(leaf.value);
                if !calls.is_empty() {
                    kept.0.put(&leaf.path, leaf.folded.cloned(), calls, self.quota);
                }
            }
            if !kept.is_empty() {
                principals.insert(key.clone(), kept);
            }
        }
        let is_change = |call: &Call<'_>| history::is_change(&call.event_source, &call.event_name);
        let is_lesson = |call: &Call<'_>, stats: &Stats| (!is_change(call)).then(|| stats.clone());
        let mut lessons = limited(&self.lessons.filter(self.quota, is_lesson));
        let outside = |call: &Call<'_>, stats: &Stats| {
            let elsewhere = !scope.holds_region(&call.region);
            let counts = is_change(call) && scope.holds_account(Some(&call.account));
            // Of a change that was made within and after, the last is what counts.
            (counts && (elsewhere || within(stats).as_ref() != Some(stats))).then(|| {
                let mut stats = stats.clone();
                stats.context = None;
                stats
            })
        };
        for (_, workloads) in &self.principals {
            for leaf in workloads.0.leaves() {
                lessons.join_within(leaf.value.filter(self.quota, outside), self.quota);
            }
        }
        let kept = |call: &Call<'_>, stats: &Stats| {
            (is_change(call) && scope.holds_account(Some(&call.account))).then(|| stats.clone())
        };
        lessons.join_within(self.lessons.filter(self.quota, kept), self.quota);
        let mut coverage = self.coverage.clone();
        coverage.limit(&scope.accounts, &scope.regions);
        let start = |day: i32| i64::from(day) * 86_400;
        since.into_iter().for_each(|since| coverage.exclude(i64::MIN, start(since)));
        until.into_iter().for_each(|until| coverage.exclude(start(until), i64::MAX));
        let outsiders = self.outsiders.iter();
        let other = self.other.iter();
        let mut kept = Usage {
            quota: self.quota,
            principals,
            lessons,
            outsiders: outsiders.filter_map(|(key, s)| Some((key.clone(), within(s)?))).collect(),
            other: other.filter_map(|(key, s)| Some((key.clone(), within(s)?))).collect(),
            amended: within(&self.amended).unwrap_or_default(),
            coverage,
            // Marks say what was read within an epoch; this is of none any more.
            sources: Sources { files: BTreeSet::new(), ..self.sources.clone() },
        };
        for (event, stats) in undated {
            kept.other.entry(event).or_default().join(stats);
        }
        kept
    }
}

/// A call without a readable time cannot be shown to lie in any window: it is listed, as it is when
/// archives are read.
fn no_time(call: &Call<'_>) -> OtherEvent {
    OtherEvent {
        kind: OtherKind::NoTime,
        event_source: (*call.event_source).into(),
        event_name: (*call.event_name).into(),
        event_type: "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Observer;
    use trailtrim_catalog::Catalog;
    use trailtrim_ingest::{Provenance, Record};

    fn observed(scope: &Scope) -> Usage {
        let mut observer = Observer::new(Catalog::embedded(), scope);
        for (id, time, region, account) in [
            ("1", "2026-03-01T10:00:00Z", "eu-west-1", "111122223333"),
            ("2", "2026-03-02T10:00:00Z", "eu-west-1", "111122223333"),
            ("3", "2026-03-02T11:00:00Z", "us-east-1", "444455556666"),
            ("4", "soon", "us-east-1", "444455556666"),
            ("5", "2026-03-01T12:00:00Z", "us-east-1", "111122223333"),
            ("6", "2026-03-02T12:00:00Z", "us-east-1", "444455556666"),
        ] {
            let called = match id {
                "5" | "6" => {
                    r#""eventSource":"iam.amazonaws.com","eventName":"PutRolePolicy","requestParameters":{"roleName":"r","policyName":"p"}"#.to_owned()
                }
                _ => format!(
                    r#""eventSource":"s3.amazonaws.com","eventName":"GetObject","resources":[{{"ARN":"arn:aws:s3:::b/{id}"}}]"#
                ),
            };
            let text = format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::{account}:user/jo","accountId":"{account}"}},
                "eventTime":"{time}","awsRegion":"{region}","eventID":"{id}","recipientAccountId":"{account}",{called}}}"#
            );
            observer.observe(&Provenance::bare(&"f".into()), &Record::parse(&text).unwrap());
        }
        observer.into_usage()
    }

    /// Limited late and limited while observing, without the quota's scope.
    fn both(scope: Scope) -> (Usage, Usage) {
        (observed(&Scope::default()).limited(&scope), observed(&scope))
    }

    #[test]
    fn limiting_late_is_limiting_early_at_whole_days() {
        let time = |text: &str| Some(text.parse().unwrap());
        let set = |text: &str| [text.to_owned()].into();
        for scope in [
            Scope::default(),
            Scope { since: time("2026-03-02T00:00:00Z"), ..Scope::default() },
            Scope { until: time("2026-03-02T00:00:00Z"), ..Scope::default() },
            Scope { regions: set("eu-west-1"), ..Scope::default() },
            Scope { accounts: set("444455556666"), ..Scope::default() },
        ] {
            let told = scope.told();
            let (mut late, mut early) = both(scope.clone());
            // A limit leaves times out, records outside of it prove nothing: not the same words.
            if scope.has_window() {
                (late.coverage, early.coverage) = Default::default();
            }
            assert_eq!(late, early, "{told:?}");
        }
    }

    #[test]
    fn a_change_that_was_made_within_and_after_is_as_old_as_its_last() {
        let all = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &all);
        for time in ["2026-03-01T10:00:00Z", "2026-03-20T10:00:00Z"] {
            let text = format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
                "eventTime":"{time}","awsRegion":"us-east-1","eventID":"{time}","recipientAccountId":"111122223333",
                "eventSource":"iam.amazonaws.com","eventName":"PutRolePolicy",
                "requestParameters":{{"roleName":"r","policyName":"p"}}}}"#
            );
            observer.observe(&Provenance::bare(&"f".into()), &Record::parse(&text).unwrap());
        }
        let until = Some("2026-03-10T00:00:00Z".parse().unwrap());
        let limited = observer.into_usage().limited(&Scope { until, ..Scope::default() });
        let changes = history::policy_changes(&limited, Catalog::embedded());
        let last = changes.values().copied().max().map(day);
        assert_eq!(last, Some(day(1_774_000_800)), "20 March");
    }

    #[test]
    fn a_day_wanted_in_part_is_there_whole() {
        let scope =
            Scope { until: Some("2026-03-02T10:30:00Z".parse().unwrap()), ..Scope::default() };
        let (late, early) = both(scope);
        let calls = |usage: &Usage| usage.principals().map(|(_, all)| all.len()).sum::<usize>();
        assert_eq!((calls(&late), calls(&early)), (5, 3));
    }
}
