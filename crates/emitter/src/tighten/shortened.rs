//! Actions as the attached statements write them: by a pattern, where all that it means stays.
//!
//! What a statement allows on none of its resources counts for nothing here, and a pattern over services of
//! which some goes is written service by service.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::{Selector, pattern};

use super::allow::Allow;
use super::settings::Settings;
use crate::cover::service;

/// Tells whether what an action pattern means is attached on all of some resources. What several statements
/// allow may stand in one of the draft, and then none of them need have the pattern on all that this is about.
fn is_attached(wide: &str, resources: &BTreeSet<String>, sources: &[&Allow<'_>]) -> bool {
    let holding: Vec<&&Allow<'_>> = sources.iter().filter(|one| one.holds_action(wide)).collect();
    resources.iter().all(|resource| holding.iter().any(|one| one.holds(resource)))
}

/// Writes actions that stay on some resources in the attached patterns, where all that such a pattern means
/// stays; `also` are granted beside them anyway.
pub(super) fn shortened(
    (actions, also, resources): (&BTreeSet<String>, &BTreeSet<String>, &BTreeSet<String>),
    sources: &[&Allow<'_>],
    settings: &Settings,
) -> BTreeSet<String> {
    let mut left = actions.clone();
    let mut written = BTreeSet::new();
    // What the statements allow on none of their resources, they do not by a pattern either; but no pattern
    // means what no draft may hold.
    let dead = |one: &str| {
        let mut meaning = sources.iter().filter(|allow| allow.holds_action(one));
        !settings.withheld(one) && meaning.all(|allow| allow.dead.contains(one))
    };
    let stays = |one: &&str| actions.contains(*one) || also.contains(*one);
    // Of other services than these nothing stays, so a pattern over services needs no look at them.
    let services: BTreeSet<&str> =
        actions.iter().chain(also).map(|action| service(action)).collect();
    for allow in sources {
        let mut by_service: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for facts in allow.actions.iter().filter(|facts| services.contains(service(facts.id()))) {
            by_service.entry(service(facts.id())).or_default().push(facts.id());
        }
        let means = |wide: &str, prefix: &str| -> Vec<&str> {
            let listed = by_service.get(prefix).into_iter().flatten().copied();
            listed.filter(|action| pattern::covers_action(wide, action)).collect()
        };
        let patterns: Vec<Cow<'_, str>> = match &allow.statement.action {
            Selector::Only(patterns) => patterns.iter().map(Cow::from).collect(),
            // One with exceptions writes no pattern; of a service without any it means all.
            Selector::AllBut(_) => by_service.keys().map(|one| format!("{one}:*").into()).collect(),
        };
        for wide in patterns.iter().filter(|wide| wide.contains(['*', '?'])) {
            let prefix = service(wide).to_ascii_lowercase();
            let named = wide.contains(':') && !prefix.contains(['*', '?']);
            let written_as: Vec<(String, Vec<&str>)> = if named {
                vec![(wide.to_string(), means(wide, &prefix))]
            } else {
                let whole: Vec<(&str, Vec<&str>)> = by_service
                    .keys()
                    .map(|prefix| (*prefix, means(wide, prefix)))
                    .filter(|(_, means)| !means.is_empty())
                    .collect();
                let all = allow.actions.iter().map(|facts| facts.id());
                if all.filter(|one| pattern::covers_action(wide, one)).all(|one| stays(&one)) {
                    let means = whole.into_iter().flat_map(|(_, means)| means).collect();
                    vec![(wide.to_string(), means)]
                } else {
                    // A pattern over services of which some goes is written service by service.
                    let names = wide.split_once(':').map_or("*", |(_, names)| names);
                    let narrow = |(prefix, means)| (format!("{prefix}:{names}"), means);
                    whole.into_iter().map(narrow).collect()
                }
            };
            for (narrow, means) in written_as {
                let whole = means.iter().all(|one| stays(one) || dead(one));
                let shorter = means.len() > 1 && whole;
                if shorter
                    && means.iter().any(|one| left.contains(*one))
                    && is_attached(&narrow, resources, sources)
                {
                    means.iter().for_each(|one| {
                        left.remove(*one);
                    });
                    written.insert(narrow);
                }
            }
        }
    }
    written.extend(left);
    without_idle(written, actions)
}

/// Leaves out what the others of a list say already of the actions that are meant: attached patterns
/// may overlap.
fn without_idle(mut written: BTreeSet<String>, actions: &BTreeSet<String>) -> BTreeSet<String> {
    let wild: Vec<&String> = written.iter().filter(|one| one.contains(['*', '?'])).collect();
    if wild.len() < 2 && wild.len() == written.len() {
        return written;
    }
    // There may be a pattern for each service: only those of the action's own are looked at.
    let mut by_service: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for &one in &wild {
        let prefix = service(one).to_ascii_lowercase();
        let prefix = if prefix.contains(['*', '?']) { String::new() } else { prefix };
        by_service.entry(prefix).or_default().push(one);
    }
    let mut ways: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for action in actions {
        let prefixes = [service(action).to_ascii_lowercase(), String::new()];
        let near = prefixes.iter().filter_map(|prefix| by_service.get(prefix)).flatten().copied();
        let holding = near.filter(|wide| pattern::covers_action(wide, action));
        ways.entry(action).or_default().extend(holding.chain(written.get(action)));
    }
    let mut standing: BTreeMap<&String, Vec<&BTreeSet<&String>>> = BTreeMap::new();
    for ways in ways.values() {
        for way in ways {
            standing.entry(way).or_default().push(ways);
        }
    }
    let mut idle: BTreeSet<String> = BTreeSet::new();
    for one in &written {
        let needed = standing
            .get(one)
            .into_iter()
            .flatten()
            .any(|ways| ways.iter().all(|way| *way == one || idle.contains(*way)));
        if !needed {
            idle.insert(one.clone());
        }
    }
    written.retain(|one| !idle.contains(one));
    written
}
