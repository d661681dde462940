//! Things that a principal makes and deletes itself, under another name each time.
//!
//! Whoever deploys what is to be reviewed, or makes what nodes start with, uses today what it made today. A
//! policy that lists the names up to now is stale with the next one, and nothing but names that were made
//! before by the same caller is behind it: that is no guess, as the log has their beginnings and ends.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::Principal;

/// How many names there must be.
pub(crate) const NAMES: usize = 3;

/// How many of them must have been deleted.
const DELETED: usize = 2;

/// On how many days they must have been made: what is set up in one go may stay.
const DAYS: usize = 2;

/// The verbs of actions that make a thing of a name, and of those that delete it.
const MAKING: [&str; 5] = ["Create", "Register", "Allocate", "Import", "Request"];
const DELETING: [&str; 4] = ["Delete", "Deregister", "Release", "Terminate"];

/// What is passed or assumed stays as it was seen, whoever made it.
const NEVER: [&str; 2] = ["iam:PassRole", "sts:AssumeRole"];

/// The names that an action was used on, where all of them were made by the same principal.
pub(crate) struct Renewed<'p> {
    pub(crate) names: BTreeSet<&'p str>,
    pub(crate) deleted: usize,
}

impl Renewed<'_> {
    /// Says so.
    pub(crate) fn told(&self) -> String {
        format!(
            "its own calls made each of the {} names and deleted {} of them: the next has another name",
            self.names.len(),
            self.deleted
        )
    }
}

/// Finds the actions of a principal that were used on such things alone.
pub(crate) fn renewed(principal: &Principal) -> BTreeMap<&str, Renewed<'_>> {
    let granted = || principal.rows.iter().filter(|(key, _)| key.outcome.grants());
    let mut made: BTreeMap<(&str, &str), Option<i32>> = BTreeMap::new();
    let mut deleted: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (key, row) in granted().filter(|(key, _)| !key.resource.contains('*')) {
        let Some((service, name)) = key.action.split_once(':') else { continue };
        let begins = |verbs: &[&str]| verbs.iter().any(|verb| name.starts_with(verb));
        let thing = (service, key.resource.as_str());
        if begins(&MAKING) {
            made.entry(thing).or_insert_with(|| row.stats.days().first());
        } else if begins(&DELETING) {
            deleted.insert(thing);
        }
    }
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, _) in granted().filter(|(key, _)| !NEVER.contains(&key.action.as_str())) {
        used.entry(&key.action).or_default().insert(&key.resource);
    }
    let renewed = used.into_iter().filter_map(|(action, names)| {
        let (service, _) = action.split_once(':')?;
        let days: Option<BTreeSet<Option<i32>>> =
            names.iter().map(|name| made.get(&(service, *name)).copied()).collect();
        let gone = names.iter().filter(|name| deleted.contains(&(service, **name))).count();
        let holds = names.len() >= NAMES && gone >= DELETED && days?.len() >= DAYS;
        holds.then_some((action, Renewed { names, deleted: gone }))
    });
    renewed.collect()
}
