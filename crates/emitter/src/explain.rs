//! Why a permission is, or is not, in the draft of a principal: from events to rule to statement.
//!
//! Where nothing was granted it says what was looked at: calls that were refused, events of the
//! service that no rule could map, and whether the trail could have shown the call at all.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use trailtrim_aggregator::coverage::{self, ActionEvents, Asked};
use trailtrim_aggregator::{Coverage, Principal, UnmappedKey};
use trailtrim_catalog::{Catalog, Companion, Visibility, undated};
use trailtrim_iam::{PolicyDocument, Statement, wildcard};

use crate::Draft;
use crate::baseline::workload_companions;
use crate::companions::speaks;
use crate::draft::BASELINE_SID;
use crate::irredundant::escaped;
use crate::report::{
    self, Generalisation, Permission, Unmapped, generalisation, permission, unmapped,
};

/// The answer for one principal.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The principal's ARN.
    pub principal: String,
    /// The action that was asked for, or a pattern of actions.
    pub action: String,
    /// The resource that was asked for, or a pattern of resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The short answer.
    pub verdict: Verdict,
    /// What was granted and is asked for.
    pub grants: Vec<Permission>,
    /// What its workloads need whatever they do, of what is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<report::Baseline>,
    /// Patterns that stand in the place of names in what was granted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generalisations: Vec<Generalisation>,
    /// The statements of the draft that hold it, by their ids.
    pub statements: BTreeMap<String, Statement>,
    /// What was tried and is not granted.
    pub not_granted: Vec<Permission>,
    /// Other resources that the action is granted on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub other_resources: BTreeSet<String>,
    /// Events that may have needed it, of which nobody knows what they needed.
    pub unmapped: Vec<Unmapped>,
    /// Where nothing is granted: whether the trail could have shown it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
}

/// Whether it is in the draft, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was used and is in the draft.
    Granted,
    /// It is in the draft because a workload needs it whatever it does, and was not used.
    Baseline,
    /// It was tried, and every call was refused or did not prove the permission.
    NotProven,
    /// It was not seen, and events that are of its service, or may be, could not be mapped.
    MaybeUnmapped,
    /// It was not seen.
    NotSeen,
}

/// What the trail can show of an action.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The action, in canonical case.
    pub action: &'static str,
    /// How CloudTrail shows it: `management`, `data`, `through`, `never` or `unknown`.
    pub kind: &'static str,
    /// The data event's resource type, or the calls through which it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'static str>,
    /// Where and when such calls would have been seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// Days with any record at all.
    pub days: usize,
    /// Actions that it usually goes with, were used (or what the principal acts as), and why: it rarely shows on its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub companion_of: BTreeMap<&'static str, &'static str>,
}

/// Coverage of the action in one region.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The region.
    pub region: String,
    /// Days on which its use would surely have shown, whatever the principal's policies allow.
    pub covered_days: usize,
    /// Days where they allow none of the calls that carry it and of which the trail shows nothing;
    /// absent where these are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<usize>,
    /// Days on which calls are covered that are recorded as reading, or as writing, where these alone are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_one_side: Option<OneSide>,
}

/// Coverage of calls that are recorded as reading alone, or as writing.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OneSide {
    /// Which: `reading` or `writing`.
    pub recorded_as: &'static str,
    /// On how many days.
    pub days: usize,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// An action, or a pattern of actions.
    pub action: &'a str,
    /// A resource, or a pattern of resources.
    pub resource: Option<&'a str>,
}

impl Query<'_> {
    fn asks_action(&self, action: &str) -> bool {
        wildcard::matches_ignore_case(self.action, action)
    }

    /// Returns whether a resource as a policy names it is asked for: it holds what was named, or is
    /// held by the pattern that was named.
    fn asks_resource(&self, resource: &str) -> bool {
        self.resource.is_none_or(|asked| {
            wildcard::matches(resource, asked) || wildcard::matches(asked, &plain(resource))
        })
    }
}

/// Explains a permission of a principal, of which `draft` is the draft. `coverage` comes with the
/// events that show actions.
pub fn explain(
    principal: &Principal,
    draft: &Draft,
    query: &Query<'_>,
    catalog: Catalog,
    coverage: (&Coverage, &ActionEvents),
) -> Explanation {
    let (mut grants, mut not_granted) = (Vec::new(), Vec::new());
    let (mut statements, mut other_resources) = (BTreeMap::new(), BTreeSet::new());
    for (key, row) in principal.rows.iter().filter(|(key, _)| query.asks_action(&key.action)) {
        let written = draft.choice.resource(&key.action, &key.resource);
        if !query.asks_resource(&key.resource) && !query.asks_resource(written) {
            if key.outcome.grants() {
                other_resources.insert(key.resource.clone());
            }
            continue;
        }
        let sid = draft.statements.get(key);
        if let Some(statement) = sid.and_then(|sid| statement(draft.policy.as_ref(), sid)) {
            statements.extend(sid.cloned().map(|sid| (sid, statement.clone())));
        }
        let to = if key.outcome.grants() { &mut grants } else { &mut not_granted };
        to.push(permission(key, row, draft));
    }
    let baseline = of_baseline(draft, query, &mut statements);
    let patterns: BTreeSet<&str> =
        grants.iter().filter_map(|grant: &Permission| grant.granted_as.as_deref()).collect();
    let generalisations = draft
        .choice
        .generalisations()
        .iter()
        .map(generalisation)
        .filter(|one| {
            patterns.contains(one.to.as_str())
                && one.actions.iter().any(|action| query.asks_action(action))
        })
        .collect();
    let unmapped: Vec<Unmapped> = principal
        .unmapped
        .iter()
        .filter(|(key, _)| may_need(key, query, catalog))
        .map(|(key, stats)| unmapped(key, stats))
        .collect();
    let verdict = match (grants.is_empty(), not_granted.is_empty(), unmapped.is_empty()) {
        (false, ..) => Verdict::Granted,
        (true, ..) if !baseline.is_empty() => Verdict::Baseline,
        (true, false, _) => Verdict::NotProven,
        (true, true, false) => Verdict::MaybeUnmapped,
        (true, true, true) => Verdict::NotSeen,
    };
    let shown = match verdict {
        Verdict::Granted | Verdict::Baseline => Vec::new(),
        _ => shown(principal, query, catalog, coverage),
    };
    Explanation {
        principal: principal.arn.clone(),
        action: catalog.action(query.action).map_or(query.action, |facts| facts.id()).to_owned(),
        resource: query.resource.map(str::to_owned),
        verdict,
        baseline,
        generalisations,
        grants,
        statements,
        not_granted,
        other_resources,
        unmapped,
        shown,
    }
}

/// Returns what is asked for of what workloads need whatever they do, and adds the statements that the
/// draft has for it.
fn of_baseline(
    draft: &Draft,
    query: &Query<'_>,
    statements: &mut BTreeMap<String, Statement>,
) -> Vec<report::Baseline> {
    let mut asked = Vec::new();
    for one in &draft.baseline {
        let mut one = one.clone();
        one.needs.retain(|action, resources| {
            resources.retain(|resource| query.asks_resource(resource));
            query.asks_action(action) && !resources.is_empty()
        });
        for (action, resources) in &one.needs {
            let holds = |statement: &&Statement| {
                let listed = statement.resource.iter().flat_map(|selector| selector.listed());
                statement.sid.as_deref().is_some_and(|sid| sid.starts_with(BASELINE_SID))
                    && statement.action.listed().contains(action)
                    && listed.into_iter().any(|resource| resources.contains(resource))
            };
            let all = draft.policy.iter().flat_map(|policy| &policy.statements);
            statements
                .extend(all.filter(holds).filter_map(|one| Some((one.sid.clone()?, one.clone()))));
        }
        if !one.needs.is_empty() {
            asked.push(report::baseline(&one));
        }
    }
    asked
}

fn statement<'p>(policy: Option<&'p PolicyDocument>, sid: &str) -> Option<&'p Statement> {
    policy?.statements.iter().find(|statement| statement.sid.as_deref() == Some(sid))
}

/// Returns whether an event may have needed what is asked: it names the action, or nobody knows
/// what it needed and it is of the same service, or of a source that nobody knows and of the same name.
fn may_need(key: &UnmappedKey, query: &Query<'_>, catalog: Catalog) -> bool {
    if !key.kind.loses() {
        return false;
    }
    if let Some(action) = &key.action {
        return query.asks_action(action);
    }
    let operation = catalog.operation(&key.event_source, &key.event_name);
    let source = key.event_source.split('.').next().unwrap_or_default();
    let service = operation.service().unwrap_or(source);
    let (asked, name) = query.action.split_once(':').unwrap_or((query.action, "*"));
    wildcard::matches_ignore_case(asked, service)
        || !catalog.knows_service_of(&operation)
            && wildcard::matches_ignore_case(name, undated(&key.event_name))
}

/// Says of each known action that is asked for whether the trail could have shown it.
fn shown(
    principal: &Principal,
    query: &Query<'_>,
    catalog: Catalog,
    (coverage, events): (&Coverage, &ActionEvents),
) -> Vec<Shown> {
    // A pattern may mean thousands of actions, of which nothing can be said one by one.
    let Some(facts) = catalog.action(query.action) else { return Vec::new() };
    let days = coverage.window().map_or(0, |(first, last)| first.abs_diff(last) as usize + 1);
    let (kind, detail) = match facts.visibility() {
        Visibility::Management => ("management", None),
        Visibility::Data(resource_type) => ("data", Some(resource_type)),
        Visibility::Through(calls) => ("through", Some(calls)),
        Visibility::Never => ("never", None),
        _ => ("unknown", None),
    };
    let mut asked = Asked::default();
    let places = match kind {
        "management" | "data" | "through" => coverage
            .regions(&principal.account)
            .map(|region| {
                let place = coverage::Place {
                    account: &principal.account,
                    region,
                    resource: query.resource.unwrap_or("*"),
                    principal: Some(&principal.arn),
                };
                let mut days = |can: bool| {
                    coverage.covered_days_of(events, facts.id(), &place, &|_| can, &mut asked).len()
                };
                // What is attached is not known here, so each call that may carry it may be allowed,
                // or none of those of which the trail shows nothing.
                let (covered_days, most) = (days(true), days(false));
                let at_most = (most > covered_days).then_some(most);
                let side = coverage.covered_side(events, facts.id(), &place, &|_| true, &mut asked);
                let of_one_side = side
                    .filter(|_| covered_days == 0)
                    .map(|(side, days)| OneSide { recorded_as: side.recorded_as(), days });
                Place { region: region.to_owned(), covered_days, at_most, of_one_side }
            })
            .collect(),
        _ => Vec::new(),
    };
    let was_used = |with: &str, rule: &Companion| {
        let rows = principal.rows.iter().filter(|(key, _)| key.outcome.grants());
        rows.filter(|(key, _)| key.action == with).any(|(key, row)| speaks(*rule, key, row))
    };
    let workloads = workload_companions(principal)
        .into_iter()
        .filter(|one| one.actions.iter().any(|action| action == facts.id()))
        .map(|one| (one.with, one.reason));
    let companion_of = catalog
        .companions()
        .filter(|rule| rule.actions().any(|action| action == facts.id()))
        .flat_map(|rule| rule.with().map(move |with| (with, rule)))
        .filter(|(with, rule)| *with != facts.id() && was_used(with, rule))
        .map(|(with, rule)| (with, rule.reason()))
        .chain(workloads)
        .collect();
    vec![Shown { action: facts.id(), kind, detail, places, days, companion_of }]
}

/// Returns a resource with the escapes of its literal characters taken off.
fn plain(resource: &str) -> String {
    let mut text = String::with_capacity(resource.len());
    let mut rest = resource;
    while let Some(c) = rest.chars().next() {
        match escaped(rest) {
            Some((literal, after)) => {
                text.push(literal);
                rest = after;
            }
            None => {
                text.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_asked_for_by_itself_by_what_holds_it_and_by_what_it_holds() {
        let asks = |asked, resource| {
            Query { action: "s3:*", resource: Some(asked) }.asks_resource(resource)
        };
        assert!(asks("arn:aws:s3:::b/a", "arn:aws:s3:::b/a"));
        assert!(asks("arn:aws:s3:::b/a", "arn:aws:s3:::b/*"));
        assert!(asks("arn:aws:s3:::b/*", "arn:aws:s3:::b/a"));
        assert!(asks("arn:aws:s3:::b/*", "arn:aws:s3:::b/${*}"));
        assert!(!asks("arn:aws:s3:::b/a", "arn:aws:s3:::b/c"));
        assert!(Query { action: "s3:get*", resource: None }.asks_action("s3:GetObject"));
    }
}
