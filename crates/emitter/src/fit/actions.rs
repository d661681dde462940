//! The known actions of the services in question, looked up by name or by pattern.
//!
//! Steps are weighed by the thousand, and a service may have hundreds of actions: so they are
//! taken out of the catalog once and kept in order, where those with a common beginning stand
//! side by side.

use std::collections::BTreeMap;

use trailtrim_catalog::Catalog;
use trailtrim_iam::wildcard;

use super::GainedLevel;
use crate::cover::service;

/// What is known of an action.
pub(super) struct Known {
    lower: String,
    /// The name in its canonical case.
    pub(super) id: &'static str,
    pub(super) level: GainedLevel,
    takes_none: bool,
}

/// Known actions by service, ordered by their names in lower case.
pub(super) struct Actions(BTreeMap<String, Vec<Known>>);

/// How many actions there are of each level.
pub(super) type Tally = BTreeMap<GainedLevel, usize>;

impl Actions {
    pub(super) fn of<'s>(catalog: Catalog, services: impl IntoIterator<Item = &'s str>) -> Actions {
        let mut all = BTreeMap::new();
        for service in services {
            let facts = catalog.service(service).into_iter().flat_map(|facts| facts.actions());
            let mut known: Vec<Known> = facts
                .map(|facts| Known {
                    lower: facts.id().to_ascii_lowercase(),
                    id: facts.id(),
                    level: GainedLevel::Level(facts.access_level()),
                    takes_none: facts.resource_types().next().is_none(),
                })
                .collect();
            known.sort_by(|a, b| a.lower.cmp(&b.lower));
            all.insert(service.to_ascii_lowercase(), known);
        }
        Actions(all)
    }

    /// Returns the known actions that an action or a pattern of actions means.
    pub(super) fn meant(&self, pattern: &str) -> Vec<&Known> {
        let pattern = pattern.to_ascii_lowercase();
        let Some(known) = self.0.get(service(&pattern)) else { return Vec::new() };
        let fixed = pattern.split(['*', '?']).next().unwrap_or_default();
        let start = known.partition_point(|one| one.lower.as_str() < fixed);
        let beginning = known.iter().skip(start).take_while(|one| one.lower.starts_with(fixed));
        beginning.filter(|one| wildcard::matches(&pattern, &one.lower)).collect()
    }

    /// Returns how many known actions of each level begin with a text.
    pub(super) fn tally(&self, beginning: &str) -> Tally {
        let mut tally = Tally::new();
        for one in self.meant(&format!("{beginning}*")) {
            *tally.entry(one.level).or_default() += 1;
        }
        tally
    }

    /// Returns the access level of an action, or the highest that a pattern of actions means.
    pub(super) fn level(&self, action: &str) -> GainedLevel {
        self.meant(action).iter().map(|one| one.level).max().unwrap_or(GainedLevel::Unknown)
    }

    /// Returns whether an action is known to take no resource.
    pub(super) fn takes_none(&self, action: &str) -> bool {
        let meant = self.meant(action);
        !meant.is_empty() && meant.iter().all(|one| one.takes_none)
    }
}
