//! What was only ever refused, and that a pattern grants all the same.
//!
//! A pattern stands for names that were used, and for others like them. One of these may be what was
//! tried and refused: nobody asked for that to be granted, so it is told by name.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Outcome, Principal, RowKey};
use trailtrim_iam::pattern;

/// How many names stand in a sentence.
const NAMED: usize = 3;

/// Things that were only ever refused, and are granted by one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regranted {
    /// The action.
    pub action: String,
    /// The pattern.
    pub pattern: String,
    /// The things.
    pub resources: BTreeSet<String>,
}

/// Looks for such things, by how the policy of a principal writes what was granted.
pub(crate) fn regranted(
    principal: &Principal,
    written: &dyn Fn(&RowKey) -> String,
) -> Vec<Regranted> {
    let refused = |key: &RowKey| key.outcome == Outcome::Denied;
    let rows = || principal.rows.keys();
    if !rows().any(refused) {
        return Vec::new();
    }
    let granted: BTreeSet<(&str, &str)> = rows()
        .filter(|key| key.outcome.grants())
        .map(|key| (&*key.action, &*key.resource))
        .collect();
    let mut patterns: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for key in rows().filter(|key| key.outcome.grants()) {
        let pattern = written(key);
        // Who has an action on anything has it on nothing in particular.
        if pattern != "*" && pattern.contains(['*', '?']) {
            patterns.entry(&key.action).or_default().insert(pattern);
        }
    }
    let mut found: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for key in rows().filter(|key| refused(key)) {
        let mut patterns = patterns.get(&*key.action).into_iter().flatten();
        let here = patterns.find(|pattern| pattern::covers(pattern, &key.resource));
        let here = here.filter(|_| !granted.contains(&(&*key.action, &*key.resource)));
        if let Some(pattern) = here {
            found.entry((&key.action, pattern)).or_default().insert(key.resource.clone());
        }
    }
    let each = found.into_iter().map(|((action, pattern), resources)| Regranted {
        action: action.to_owned(),
        pattern: pattern.to_owned(),
        resources,
    });
    each.collect()
}

impl Regranted {
    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let Regranted { action, pattern, resources } = self;
        let mut listed: Vec<String> =
            resources.iter().take(NAMED).map(|one| format!("`{one}`")).collect();
        if resources.len() > NAMED {
            listed.push(format!("{} more", resources.len() - NAMED));
        }
        format!(
            "warning: {action} was only ever refused on {}, and the pattern `{pattern}` grants it: take \
             another pattern, or deny it, if that is not wanted",
            listed.join(", ")
        )
    }
}
