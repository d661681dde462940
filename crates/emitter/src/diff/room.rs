//! How many documents a draft may have beside what else is attached.
//!
//! IAM counts the managed policies of each user and role. Those that stay, since their documents are not
//! known, take away from what a draft may have.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use trailtrim_catalog::Catalog;

use super::drafted::Drafted;
use crate::attached::{Bundle, Inventory};
use crate::fit::{Budget, Limits};
use crate::tighten::{Settings, Tightened, TightenedBundle};

/// Returns the limits of what a user or role gets.
pub(super) fn limits_of(arn: &str, budget: &Budget) -> Limits {
    if arn.contains(":user/") { budget.user } else { budget.role }
}

/// What is attached to whom, and stays.
pub(super) struct Rooms<'r> {
    budget: &'r Budget,
    /// How many managed policies stay, by the ARN of the user or role.
    staying: BTreeMap<&'r str, usize>,
}

impl<'r> Rooms<'r> {
    /// Finds what stays because its document is not known. What a group brings counts with the group.
    pub(super) fn of(inventory: &'r Inventory, budget: &'r Budget) -> Rooms<'r> {
        let mut staying = BTreeMap::new();
        for one in inventory.principals.values().filter(|_| budget.beside_attached) {
            let direct = one.unknown.iter().filter(|policy| policy.group.is_none());
            let managed: BTreeSet<&str> = direct.filter_map(|one| one.arn.as_deref()).collect();
            staying.insert(one.arn.as_str(), managed.len());
        }
        Rooms { budget, staying }
    }

    /// Returns how many managed policies of a user or role stay.
    pub(super) fn staying(&self, arn: &str) -> usize {
        self.staying.get(arn).copied().unwrap_or_default()
    }

    /// Drafts every bundle, within what stays with each of its holders. Works on the current rayon pool.
    pub(super) fn drafts(
        &self,
        tightened: &Tightened<'_>,
        catalog: Catalog,
        settings: &Settings,
    ) -> Vec<Option<Drafted>> {
        let draft =
            |one: &TightenedBundle<'_>| Drafted::of(one, &self.left(one.bundle), catalog, settings);
        tightened.bundles.par_iter().map(draft).collect()
    }

    /// Returns what is left to a bundle. Where nothing is, it is drafted as if one document were, and the
    /// proof says that it does not fit.
    fn left(&self, bundle: &Bundle) -> Limits {
        if bundle.is_of_group() {
            return self.budget.group;
        }
        let each = bundle.holders.iter().map(|arn| {
            let limits = limits_of(arn, self.budget);
            let documents = limits.documents.saturating_sub(self.staying(arn)).max(1);
            Limits { documents, ..limits }
        });
        each.reduce(Limits::and).unwrap_or(self.budget.role)
    }
}
