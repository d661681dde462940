//! What was denied, who refused it, and what would fix it.
//!
//! A message of denial names the action, often the resource, and since 2021 the
//! kind of policy that refused; where it does not, the action is the event's
//! own. If several policies refuse, AWS names one of them. Denied does not mean
//! needed: someone may have tried doors.

mod remedy;

use serde::Serialize;
use trailtrim_aggregator::{Activity, Outcome, Principal, Refusal, Row, RowKey, Stats};
use trailtrim_iam::wildcard;

use crate::report::{EventName, Seen, last, seen};
pub use remedy::FixedIn;
use remedy::{Remedy, doubt, remedy};

/// Calls of one principal that one kind of policy denied one action on one resource.
#[derive(Clone, Debug, Serialize)]
pub struct DenialLine {
    /// The ARN of the role or user.
    pub principal: String,
    /// Its account.
    pub account: String,
    /// The action; absent where neither the message nor a rule names it.
    pub action: Option<String>,
    /// The resource, as the message names it or a rule derives it; `*` where neither does.
    pub resource: String,
    /// The regions that were called, where the resource names none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The denied events.
    pub events: Vec<EventName>,
    /// The kind of policy that refused: `identity-based`, `resource-based`, `missing-or-resource-based`,
    /// `permissions-boundary`, `session`, `service-control`, `resource-control`, `vpc-endpoint`,
    /// `role-trust`, `lake-formation` (its own grants) or `account-setting`; absent where the message names none.
    pub policy: Option<String>,
    /// Whether a policy denied explicitly, as opposed to none allowing it; absent where the
    /// message does not tell.
    pub explicit: Option<bool>,
    /// Where it is fixed.
    pub fixed_in: FixedIn,
    /// Whether a policy of the principal's own can fix it; absent where nobody knows.
    pub fixable_here: Option<bool>,
    /// What would fix it, in words.
    pub fix: &'static str,
    /// What else the refusal may mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<&'static str>,
    /// Whether the same was allowed after the last denial.
    pub succeeded_later: bool,
    /// When the same was last allowed, before or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<String>,
    /// Error codes.
    pub error_codes: Vec<String>,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

impl DenialLine {
    /// Returns who refused.
    #[must_use]
    pub fn told(&self) -> String {
        if self.fixed_in == FixedIn::MissingOrResourcePolicy {
            return "denied: there is no such resource, or its policy does not allow it, or denies it"
                .to_owned();
        }
        let name = self.fixed_in.name();
        let one = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        match self.explicit {
            Some(true) => format!("denied explicitly, by {one} {name}"),
            Some(false) => format!("not allowed, by any {name}"),
            None => format!("denied, by {one} {name}"),
        }
    }
}

/// Returns the denials, ordered by principal, action, resource and reason.
pub fn denial_lines(activity: &Activity) -> Vec<DenialLine> {
    let lines = activity.principals.iter().flat_map(of_principal);
    lines.map(|(line, _)| line).collect()
}

/// Returns the denials of a principal, each with its statistics.
pub(crate) fn of_principal(principal: &Principal) -> Vec<(DenialLine, &Stats)> {
    let mut lines = Vec::new();
    for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome == Outcome::Denied) {
        for (refusal, stats) in &row.refusals {
            let success = last_success(principal, key, row);
            let names_region = key.resource.split(':').nth(3).is_some_and(|at| !at.is_empty());
            let regions = row.regions.iter().filter(|region| !names_region && !region.is_empty());
            let told = DenialLine {
                action: Some(key.action.clone()),
                resource: key.resource.clone(),
                regions: regions.cloned().collect(),
                events: row
                    .events
                    .iter()
                    .map(|(source, name)| EventName { source: source.clone(), name: name.clone() })
                    .collect(),
                doubt: doubt(
                    &key.action,
                    refusal,
                    row.events.iter().map(|(_, name)| name.as_str()),
                ),
                succeeded_later: success.and_then(Stats::last) > stats.last(),
                last_success: success.and_then(last),
                error_codes: row.error_codes.iter().cloned().collect(),
                seen: seen(stats),
                ..line(principal, refusal)
            };
            lines.push((told, stats));
        }
    }
    for (key, stats) in principal.unmapped.iter().filter(|(key, _)| key.outcome == Outcome::Denied)
    {
        // What no rule maps has no successes by action, but the same event may have gone through.
        let success = principal
            .unmapped
            .iter()
            .filter(|(other, _)| {
                other.outcome.grants()
                    && (&other.event_source, &other.event_name)
                        == (&key.event_source, &key.event_name)
            })
            .map(|(_, stats)| stats)
            .max_by_key(|stats| stats.last());
        let told = DenialLine {
            action: key.action.clone(),
            events: vec![EventName {
                source: key.event_source.clone(),
                name: key.event_name.clone(),
            }],
            succeeded_later: success.and_then(Stats::last) > stats.last(),
            last_success: success.and_then(last),
            seen: seen(stats),
            ..line(principal, &Refusal::default())
        };
        lines.push((told, stats));
    }
    lines
}

/// What follows from who refused; the rest is left empty.
fn line(principal: &Principal, refusal: &Refusal) -> DenialLine {
    let remedy: Remedy = remedy(refusal);
    // One message may leave open which of several reasons it was.
    let told = (refusal.explicit || refusal.policy.is_some())
        && remedy.fixed_in != FixedIn::MissingOrResourcePolicy;
    DenialLine {
        principal: principal.arn.clone(),
        account: principal.account.clone(),
        action: None,
        resource: "*".to_owned(),
        regions: Vec::new(),
        events: Vec::new(),
        policy: refusal.policy.clone(),
        explicit: told.then_some(refusal.explicit),
        fixed_in: remedy.fixed_in,
        fixable_here: match remedy.fixed_in {
            FixedIn::Unknown => None,
            FixedIn::IdentityPolicy => Some(true),
            _ => Some(false),
        },
        fix: remedy.words(refusal.explicit),
        doubt: None,
        succeeded_later: false,
        last_success: None,
        error_codes: Vec::new(),
        seen: Seen::default(),
    }
}

/// Returns when the principal last was allowed the same. Where a denial names no
/// resource, or a pattern, any success of the action that may be of it counts; where no single thing is named, in
/// regions that were called: what is refused in one may work in another.
fn last_success<'p>(principal: &'p Principal, denied: &RowKey, refused: &Row) -> Option<&'p Stats> {
    let is_anything = |resource: &str| {
        resource.split(':').nth(3).is_none_or(|region| region.contains(['*', '?']))
    };
    let is_there = |(key, row): &(&RowKey, &Row)| {
        !(is_anything(&key.resource) || is_anything(&denied.resource))
            || row.regions.is_empty()
            || refused.regions.is_empty()
            || row.regions.iter().any(|region| refused.regions.contains(region))
    };
    principal
        .rows
        .iter()
        .filter(is_there)
        .filter(|(key, _)| key.outcome.grants() && key.action.eq_ignore_ascii_case(&denied.action))
        .filter(|(key, _)| {
            key.resource == denied.resource
                || wildcard::matches(&denied.resource, &key.resource)
                || wildcard::matches(&key.resource, &denied.resource)
        })
        .map(|(_, row)| &row.stats)
        .max_by_key(|stats| stats.last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_aggregator::{EventKey, Unmapped, UnmappedKey};

    fn stats(times: &[i64]) -> Stats {
        let mut stats = Stats::default();
        for time in times {
            let id = format!("event-{time}");
            let event =
                EventKey { key: &id, event_id: &id, time: Some(*time), region: "eu-west-1" };
            stats.add(event, &trailtrim_aggregator::Label::from("file"));
        }
        stats
    }

    fn key(resource: &str, outcome: Outcome) -> RowKey {
        RowKey {
            action: "s3:GetObject".to_owned(),
            resource: resource.to_owned(),
            conditions: Vec::new(),
            outcome,
        }
    }

    fn refused(policy: Option<&str>, explicit: bool, times: &[i64]) -> (Refusal, Stats) {
        (Refusal { policy: policy.map(str::to_owned), explicit }, stats(times))
    }

    fn principal(rows: Vec<(RowKey, Row)>) -> Principal {
        let named = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        Principal { rows: rows.into_iter().collect(), ..named }
    }

    fn lines_of(principal: &Principal) -> Vec<DenialLine> {
        of_principal(principal).into_iter().map(|(line, _)| line).collect()
    }

    fn denied(refusals: Vec<(Refusal, Stats)>) -> Row {
        Row { refusals: refusals.into_iter().collect(), ..Row::default() }
    }

    fn granted(times: &[i64]) -> Row {
        Row { stats: stats(times), ..Row::default() }
    }

    #[test]
    fn each_reason_is_a_line_with_its_own_times() {
        let row = denied(vec![
            refused(Some("identity-based"), false, &[10, 20]),
            refused(Some("service-control"), true, &[30]),
            refused(None, false, &[40]),
        ]);
        let lines = lines_of(&principal(vec![(key("arn:aws:s3:::b/k", Outcome::Denied), row)]));
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.fixed_in, line.explicit, line.fixable_here, line.seen.calls))
            .collect();
        assert_eq!(
            told,
            [
                (FixedIn::Unknown, None, None, 1),
                (FixedIn::IdentityPolicy, Some(false), Some(true), 2),
                (FixedIn::ServiceControlPolicy, Some(true), Some(false), 1),
            ]
        );
        let off = denied(vec![refused(Some("account-setting"), false, &[10])]);
        let lines = lines_of(&principal(vec![(key("*", Outcome::Denied), off)]));
        assert_eq!(lines.first().unwrap().fixable_here, Some(false));
        // A key that is missing, not allowed or denied: the message is the same.
        let all = denied(vec![refused(Some("missing-or-resource-based"), false, &[10])]);
        let lines = lines_of(&principal(vec![(key("arn:aws:kms:k", Outcome::Denied), all)]));
        let line = lines.first().unwrap();
        assert_eq!((line.explicit, line.fixable_here), (None, Some(false)));
        assert!(line.told().ends_with("does not allow it, or denies it"), "{}", line.told());
        assert!(line.fix.contains("Deny statement"), "{}", line.fix);
    }

    #[test]
    fn an_explicit_deny_means_what_it_says_and_others_may_hide_a_missing_key() {
        let row = denied(vec![
            refused(Some("identity-based"), false, &[10]),
            refused(Some("service-control"), true, &[30]),
            refused(None, false, &[40]),
        ]);
        let lines = lines_of(&principal(vec![(key("arn:aws:s3:::b/k", Outcome::Denied), row)]));
        let doubted = lines.iter().filter(|line| line.doubt.is_some());
        assert_eq!(doubted.map(|line| line.fixed_in).collect::<Vec<_>>(), [FixedIn::Unknown]);
        // Where the message says what was missing to tell of the key.
        for (event, expected) in [("GetObject", true), ("ListObjects", false)] {
            let mut row = denied(vec![refused(Some("identity-based"), false, &[10])]);
            row.events.insert(("s3.amazonaws.com".to_owned(), event.to_owned()));
            let key = RowKey {
                action: "s3:ListBucket".to_owned(),
                ..key("arn:aws:s3:::b", Outcome::Denied)
            };
            let lines = lines_of(&principal(vec![(key, row)]));
            assert_eq!(lines.first().unwrap().doubt.is_some(), expected, "{event}");
        }
    }

    #[test]
    fn only_a_success_of_the_same_after_the_last_denial_is_a_later_one() {
        for (resource, times, later, known) in [
            ("arn:aws:s3:::b/k", &[30][..], true, true),
            ("arn:aws:s3:::b/*", &[30], true, true),
            ("arn:aws:s3:::b/k", &[5], false, true),
            ("arn:aws:s3:::b/k", &[15], false, true),
            ("arn:aws:s3:::c/k", &[30], false, false),
        ] {
            let lines = lines_of(&principal(vec![
                (
                    key("arn:aws:s3:::b/k", Outcome::Denied),
                    denied(vec![refused(Some("identity-based"), false, &[10, 20])]),
                ),
                (key(resource, Outcome::Granted), granted(times)),
            ]));
            let line = lines.first().unwrap();
            assert_eq!(
                (line.succeeded_later, line.last_success.is_some()),
                (later, known),
                "{resource} {times:?}"
            );
        }
    }

    #[test]
    fn what_works_in_another_region_is_not_the_same() {
        let called = |region: &str, row: Row| {
            let mut row = row;
            row.regions.insert(region.to_owned());
            row
        };
        for (region, known) in [("eu-west-1", false), ("ap-southeast-1", true)] {
            let refused_by = |times: &[i64]| refused(Some("service-control"), true, times);
            let refused = denied(vec![refused_by(&[10])]);
            let lines = lines_of(&principal(vec![
                (key("*", Outcome::Denied), called("ap-southeast-1", refused)),
                (key("*", Outcome::Granted), called(region, granted(&[5]))),
            ]));
            let line = lines.first().unwrap();
            assert_eq!(line.regions, ["ap-southeast-1"]);
            assert_eq!(line.last_success.is_some(), known, "{region}");

            // One thing is the same from wherever it is called.
            let refused = denied(vec![refused_by(&[10])]);
            let lines = lines_of(&principal(vec![
                (key("arn:aws:s3:::b/k", Outcome::Denied), called("ap-southeast-1", refused)),
                (key("arn:aws:s3:::b/k", Outcome::Granted), called(region, granted(&[5]))),
            ]));
            assert!(lines.first().unwrap().last_success.is_some(), "{region}");
        }
    }

    #[test]
    fn an_event_that_no_rule_maps_is_listed_by_its_name() {
        let mut who = principal(Vec::new());
        let event = |outcome, action: Option<&str>| UnmappedKey {
            kind: Unmapped::Unknown,
            event_source: "new.amazonaws.com".to_owned(),
            event_name: "DoIt".to_owned(),
            outcome,
            action: action.map(str::to_owned),
            why: "the catalog does not know this event".to_owned(),
        };
        who.unmapped.insert(event(Outcome::Denied, Some("new:DoIt")), stats(&[10]));
        who.unmapped.insert(event(Outcome::Granted, None), stats(&[20]));
        let lines = lines_of(&who);
        let [line] = lines.as_slice() else { panic!("{} lines", lines.len()) };
        assert_eq!(line.action.as_deref(), Some("new:DoIt"));
        assert_eq!(line.fixed_in, FixedIn::Unknown);
        assert!(line.succeeded_later);
    }
}
