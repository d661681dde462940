//! What a principal did, as the page shows it.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Join as _, Outcome, Principal, Row, RowKey, Stats};
use trailtrim_catalog::Origin;
use trailtrim_iam::{Selector, Statement, pattern};

use super::scribe::Scribe;
use super::{Denial, Star, Used};
use crate::denials::DenialLine;

/// How many resources of one action are shown one by one, where more are alike.
const LISTED: usize = 5;

/// Something that was seen.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    /// Who did it, where that is to be shown.
    pub(super) principal: Option<&'a str>,
    pub(super) key: &'a RowKey,
    pub(super) row: &'a Row,
    /// How a policy has the resource.
    pub(super) written: &'a str,
    /// Whether it was allowed only if a condition held.
    pub(super) perhaps: bool,
}

/// Writes down what was seen, by action. Of many resources of an action the last ones are one line.
pub(super) fn used(sights: &[Sight<'_>], scribe: &mut Scribe) -> Vec<Used> {
    type Alike<'a> = (&'a str, &'a str, Option<&'a str>, Outcome, bool);
    let mut groups: BTreeMap<Alike<'_>, Vec<&Sight<'_>>> = BTreeMap::new();
    for one in sights {
        let key = one.key;
        let written = if one.written == key.resource { "" } else { one.written };
        let alike = (key.action.as_str(), written, one.principal, key.outcome, one.perhaps);
        groups.entry(alike).or_default().push(one);
    }
    let mut lines = Vec::new();
    for group in groups.into_values() {
        // One more than that is no less to read.
        let listed = if group.len() <= LISTED + 1 { group.len() } else { LISTED };
        let (single, rest) = group.split_at(listed);
        lines.extend(single.iter().filter_map(|one| line(&[one], scribe)));
        lines.extend(line(rest, scribe));
    }
    lines
}

fn line(sights: &[&Sight<'_>], scribe: &mut Scribe) -> Option<Used> {
    let one = *sights.first()?;
    let mut stats = Stats::default();
    let (mut how, mut events, mut via, mut errors) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for Sight { row, .. } in sights {
        stats.join(row.stats.clone());
        how.extend(row.origins.iter().map(found));
        let surely = match (row.certain, row.confidence.map(|sure| sure.as_str())) {
            (false, _) => ", inferred",
            (true, Some("heuristic")) => ", by a heuristic",
            (true, Some("rule")) => ", by a rule",
            (true, _) => "",
        };
        events.extend(row.events.iter().map(|event| format!("{}{surely}", event_name(event))));
        via.extend(row.via.iter().cloned());
        errors.extend(row.error_codes.iter().cloned());
    }
    Some(Used {
        principal: one.principal.map(str::to_owned),
        action: one.key.action.clone(),
        resource: (sights.len() == 1).then(|| one.key.resource.clone()),
        names: sights.len(),
        written: (one.written != one.key.resource).then(|| one.written.to_owned()),
        outcome: (one.key.outcome != Outcome::Granted).then(|| one.key.outcome.code()),
        perhaps: one.perhaps,
        how: how.into_iter().collect(),
        events: events.into_iter().collect(),
        via: via.into_iter().collect(),
        errors: errors.into_iter().collect(),
        seen: scribe.sighting(&stats),
    })
}

fn event_name((source, name): &(String, String)) -> String {
    format!("{} {name}", source.strip_suffix(".amazonaws.com").unwrap_or(source))
}

/// Returns how a resource was found.
fn found(origin: &Origin) -> String {
    match origin {
        Origin::Observed => "stands in the record".to_owned(),
        Origin::Derived { rule } => format!("built from the record: {rule}"),
        Origin::Assumed { why } => format!("built from the record: {why}"),
        Origin::Widened { from, why } => format!("widened from {from}: {why}"),
        Origin::RequiresStar => "the call is on nothing that has an ARN".to_owned(),
    }
}

/// Returns whether a statement may be the one that allows something that was seen.
pub(super) fn allows(statement: &Statement, action: &str, resource: &str) -> bool {
    let acts = statement.action.listed().iter().any(|one| pattern::covers_action(one, action));
    let reaches = || match &statement.resource {
        Some(Selector::Only(listed)) => listed.iter().any(|one| {
            pattern::covers(one, resource)
                || pattern::overlap(one, resource).is_none_or(|common| !common.is_empty())
        }),
        _ => true,
    };
    match &statement.action {
        Selector::Only(_) => acts && reaches(),
        Selector::AllBut(_) => !acts && reaches(),
    }
}

/// Says why a statement has each pattern of a resource that what was seen explains. `known` are
/// patterns that stand for names, each with why.
pub(super) fn stars(
    statement: &Statement,
    sights: &[Sight<'_>],
    known: &BTreeMap<&str, String>,
) -> Vec<Star> {
    let Some(Selector::Only(resources)) = &statement.resource else { return Vec::new() };
    let mut stars = BTreeSet::new();
    for resource in resources.iter().filter(|one| one.contains(['*', '?'])) {
        let mut star = |why: String| stars.insert(Star { pattern: resource.clone(), why });
        let own: Vec<&Sight<'_>> =
            sights.iter().filter(|one| one.key.resource == *resource).collect();
        for origin in own.iter().flat_map(|one| &one.row.origins) {
            match origin {
                Origin::Widened { .. } | Origin::RequiresStar => {
                    star(found(origin));
                }
                Origin::Observed | Origin::Derived { .. } | Origin::Assumed { .. } => {}
            }
        }
        let wider = known.iter().filter(|(to, _)| {
            **to == resource.as_str() || (own.is_empty() && pattern::covers(to, resource))
        });
        for (_, why) in wider {
            star(why.clone());
        }
    }
    stars.into_iter().collect()
}

/// Returns by day how many permissions were first used on it.
pub(super) fn curve(principal: &Principal, scribe: &Scribe) -> Vec<(i32, usize)> {
    let mut first: BTreeMap<(&str, &str), i32> = BTreeMap::new();
    for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
        let Some(day) = row.stats.days().first() else { continue };
        let known = first.entry((&key.action, &key.resource)).or_insert(day);
        *known = (*known).min(day);
    }
    let mut curve: BTreeMap<i32, usize> = BTreeMap::new();
    for day in first.into_values() {
        *curve.entry(scribe.day(day)).or_default() += 1;
    }
    curve.into_iter().collect()
}

/// Writes down what was tried, was not refused and is not granted.
pub(super) fn tried(principal: &Principal, scribe: &mut Scribe) -> Vec<Used> {
    let open = |key: &RowKey| !key.outcome.grants() && key.outcome != Outcome::Denied;
    let sights = principal.rows.iter().filter(|(key, _)| open(key)).map(|(key, row)| Sight {
        principal: None,
        key,
        row,
        written: &key.resource,
        perhaps: false,
    });
    used(&sights.collect::<Vec<_>>(), scribe)
}

/// Writes down what was denied.
pub(super) fn denials(principal: &Principal, scribe: &mut Scribe) -> Vec<Denial> {
    let lines = crate::denials::of_principal(principal);
    lines.into_iter().map(|(line, stats)| denial(line, stats, scribe)).collect()
}

fn denial(line: DenialLine, stats: &Stats, scribe: &mut Scribe) -> Denial {
    let worked = match (&line.last_success, line.succeeded_later) {
        (Some(at), true) => format!("worked later, last {at}"),
        (Some(at), false) => format!("worked before, last {at}; not since"),
        (None, _) => "never seen to work".to_owned(),
    };
    Denial {
        by: line.told(),
        action: line.action,
        resource: line.resource,
        events: line
            .events
            .into_iter()
            .map(|event| event_name(&(event.source, event.name)))
            .collect(),
        fix: line.fix,
        doubt: line.doubt,
        worked,
        seen: scribe.sighting(stats),
    }
}
