//! The grants of one service under one condition, and whether they hold another.

use std::collections::{BTreeMap, BTreeSet};

use crate::cover::{Block, Grants};
use crate::irredundant::{Covering, Grant, covers, irredundant};

/// Returns the pairs of the blocks, without what another one covers.
pub(super) fn united<'g>(base: &Grants, blocks: impl IntoIterator<Item = &'g Block>) -> Grants {
    let mut all: BTreeSet<Grant<'_, ()>> = refs(base);
    for block in blocks {
        for action in &block.actions {
            all.extend(block.resources.iter().map(|resource| pair(action, resource)));
        }
    }
    essential(&all)
}

/// Leaves out what a pattern beside it covers, of resources or of actions.
fn essential(all: &BTreeSet<Grant<'_, ()>>) -> Grants {
    let kept = irredundant(all);
    let held = Held::new(&kept);
    kept.iter()
        .filter(|(action, resource, _)| !held.by_pattern(action, resource))
        .map(|(action, resource, _)| ((*action).to_owned(), (*resource).to_owned()))
        .collect()
}

pub(super) fn refs(grants: &Grants) -> BTreeSet<Grant<'_, ()>> {
    grants.iter().map(|(action, resource)| pair(action, resource)).collect()
}

fn pair<'p>(action: &'p str, resource: &'p str) -> Grant<'p, ()> {
    (action, resource, &[])
}

/// Grants to look into.
pub(super) struct Held<'s, 'p> {
    grants: &'s BTreeSet<Grant<'p, ()>>,
    covering: Covering<'s, 'p, ()>,
    /// The actions that are patterns, and as they are compared.
    patterns: Vec<(&'p str, String)>,
    /// For each action the patterns that cover it.
    wider: BTreeMap<&'p str, Vec<&'p str>>,
}

impl<'s, 'p> Held<'s, 'p> {
    pub(super) fn new(grants: &'s BTreeSet<Grant<'p, ()>>) -> Held<'s, 'p> {
        let actions: BTreeSet<&str> = grants.iter().map(|(action, ..)| *action).collect();
        let patterns = actions.iter().filter(|action| action.contains('*'));
        let patterns = patterns.map(|action| (*action, action.to_ascii_lowercase())).collect();
        let covering = Covering::of(grants);
        let mut held = Held { grants, covering, patterns, wider: BTreeMap::new() };
        held.wider = actions.into_iter().map(|action| (action, held.wider_than(action))).collect();
        held
    }

    /// Returns the patterns that cover an action; of equal ones those that come first.
    fn wider_than(&self, action: &str) -> Vec<&'p str> {
        let lower = action.to_ascii_lowercase();
        let wider = self.patterns.iter().filter(|(pattern, pattern_lower)| {
            *pattern != action
                && covers(pattern_lower, &lower)
                && (*pattern < action || !covers(&lower, pattern_lower))
        });
        wider.map(|(pattern, _)| *pattern).collect()
    }

    /// Returns whether the grants hold this one.
    pub(super) fn holds(&self, action: &'p str, resource: &'p str) -> bool {
        self.plainly(action, resource) || self.by_pattern(action, resource)
    }

    fn plainly(&self, action: &'p str, resource: &'p str) -> bool {
        let grant = pair(action, resource);
        self.grants.contains(&grant) || !self.covering.of_grant(grant).is_empty()
    }

    /// Returns whether a wider action holds it, or an equal one that comes first.
    fn by_pattern(&self, action: &str, resource: &'p str) -> bool {
        let any = |wider: &[&'p str]| wider.iter().any(|pattern| self.plainly(pattern, resource));
        match self.wider.get(action) {
            Some(wider) => any(wider),
            None => any(&self.wider_than(action)),
        }
    }
}

/// Returns whether an action pattern covers another one, in any case of letters.
pub(super) fn action_covers(wide: &str, narrow: &str) -> bool {
    covers(&wide.to_ascii_lowercase(), &narrow.to_ascii_lowercase())
}
