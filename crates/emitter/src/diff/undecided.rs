//! Names of which it cannot be told whether they come and go, where the draft lists them and a pattern allowed them.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::Principal;
use trailtrim_iam::{PolicyDocument, pattern};

use crate::taste::Choice;
use crate::turnover::Listing;

/// Says of which names that a principal used it cannot be told whether they come and go. What is attached under the
/// same names was put there by somebody who knew.
pub(super) fn undecided<'c>(
    choices: impl Iterator<Item = &'c Choice>,
    principal: &Principal,
    (drafts, attached): (&[&PolicyDocument], &[&PolicyDocument]),
) -> Vec<String> {
    let (mut drafted, mut attached) = (Listing::of(drafts), Listing::of(attached));
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for key in principal.rows.keys().filter(|key| key.outcome.grants()) {
        used.entry(&key.action).or_default().insert(&key.resource);
    }
    let wide: BTreeMap<&str, Vec<&str>> = used
        .iter()
        .map(|(action, on)| {
            (*action, on.iter().copied().filter(|on| on.contains(['*', '?'])).collect())
        })
        .collect();
    let used = |action: &str, name: &str| {
        used.get(action).is_some_and(|on| on.contains(name))
            || wide.get(action).into_iter().flatten().any(|on| pattern::covers(on, name))
    };
    crate::taste::undecided(choices, |action, name, instead| {
        let allowed = attached.written(action, name);
        let is_told = drafted.written(action, name) == Some(name)
            && allowed != Some(name)
            && used(action, name);
        // Of what is attached no more than that can be put there.
        let narrower = allowed.filter(|allowed| pattern::covers(instead, allowed));
        is_told.then(|| narrower.unwrap_or(instead).to_owned())
    })
}
