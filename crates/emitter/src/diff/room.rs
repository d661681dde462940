//! How many documents a draft may have beside what else is attached.
//!
//! IAM counts the managed policies of each user, role and group. What stays attached there, and the
//! drafts of what is shared, take away from what a draft may have; what a group brings counts with
//! the group, and not with its members.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use trailtrim_catalog::Catalog;

use super::drafted::Drafted;
use crate::attached::{Bundle, Inventory};
use crate::fit::{Budget, Limits};
use crate::tighten::{Tightened, TightenedBundle};

/// Where policies are attached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// At a user or role, by its ARN.
    Principal(String),
    /// At a group: account and name.
    Group(String, String),
}

impl Place {
    fn group(arn_of_member: &str, name: &str) -> Place {
        let account = arn_of_member.split(':').nth(4).unwrap_or_default();
        Place::Group(account.to_owned(), name.to_owned())
    }

    fn limits(&self, budget: &Budget) -> Limits {
        match self {
            Place::Principal(arn) => limits_of(arn, budget),
            Place::Group(..) => budget.group,
        }
    }
}

/// Returns the limits of what a user or role gets.
pub(super) fn limits_of(arn: &str, budget: &Budget) -> Limits {
    if arn.contains(":user/") { budget.user } else { budget.role }
}

/// What is attached where, and stays.
pub(super) struct Rooms<'r> {
    budget: &'r Budget,
    /// The managed policies that stay, by name.
    staying: BTreeMap<Place, BTreeSet<&'r str>>,
}

impl<'r> Rooms<'r> {
    /// Finds what stays because its document is not known.
    pub(super) fn of(inventory: &'r Inventory, budget: &'r Budget) -> Rooms<'r> {
        let mut staying: BTreeMap<Place, BTreeSet<&str>> = BTreeMap::new();
        let unknown = inventory
            .principals
            .values()
            .flat_map(|one| one.unknown.iter().map(move |policy| (one, policy)));
        for (one, policy) in unknown.filter(|_| budget.beside_attached) {
            let Some(arn) = &policy.arn else { continue };
            let place = match &policy.group {
                Some(group) => Place::group(&one.arn, group),
                None => Place::Principal(one.arn.clone()),
            };
            staying.entry(place).or_default().insert(arn);
        }
        Rooms { budget, staying }
    }

    /// Returns how many managed policies of a user or role stay.
    pub(super) fn staying(&self, arn: &str) -> usize {
        self.staying_at(&Place::Principal(arn.to_owned()))
    }

    fn staying_at(&self, place: &Place) -> usize {
        self.staying.get(place).map_or(0, BTreeSet::len)
    }

    /// Drafts every bundle, each within what the others and what stays leave: first what is shared,
    /// since it has to fit wherever it is attached. Works on the current rayon pool.
    pub(super) fn drafts(
        &self,
        tightened: &Tightened<'_>,
        catalog: Catalog,
    ) -> Vec<Option<Drafted>> {
        let bundles = &tightened.bundles;
        let places: Vec<Vec<Place>> = bundles.iter().map(|one| places(one.bundle)).collect();
        let mut taken = Taken { rooms: self, places: &places, at: BTreeMap::new() };
        let mut counts: Vec<usize> = bundles.iter().map(least).collect();
        for (bundle, count) in counts.iter().enumerate() {
            taken.add(bundle, *count);
        }
        let draft = |bundle: usize, limits: &Limits| {
            bundles.get(bundle).and_then(|one| Drafted::of(one, limits, catalog))
        };
        let (shared, own): (Vec<usize>, Vec<usize>) = (0..bundles.len())
            .partition(|at| bundles.get(*at).is_some_and(|one| one.bundle.shared.is_some()));
        let mut drafts: Vec<Option<Drafted>> = bundles.iter().map(|_| None).collect();
        let made: Vec<(usize, Option<Drafted>)> = shared
            .into_par_iter()
            .map(|at| (at, draft(at, &taken.left(at, counts.get(at).copied()))))
            .collect();
        for (at, mut made) in made {
            let count = |one: &Option<Drafted>| one.as_ref().map(|one| one.documents.len());
            let before = counts.get(at).copied();
            // Those before it may have taken more than the one document that was left to them.
            let limits = taken.left(at, before);
            if count(&made).is_some_and(|documents| documents > limits.documents) {
                made = draft(at, &limits);
            }
            if let (Some(before), Some(now)) = (counts.get_mut(at), count(&made)) {
                taken.remove(at, *before);
                taken.add(at, now);
                *before = now;
            }
            if let Some(place) = drafts.get_mut(at) {
                *place = made;
            }
        }
        let made: Vec<(usize, Option<Drafted>)> = own
            .into_par_iter()
            .map(|at| (at, draft(at, &taken.left(at, counts.get(at).copied()))))
            .collect();
        for (at, made) in made {
            if let Some(place) = drafts.get_mut(at) {
                *place = made;
            }
        }
        drafts
    }
}

/// How many documents the bundles have, where each of them is attached.
struct Taken<'t> {
    rooms: &'t Rooms<'t>,
    /// Where each bundle is attached.
    places: &'t [Vec<Place>],
    at: BTreeMap<&'t Place, usize>,
}

impl<'t> Taken<'t> {
    fn add(&mut self, bundle: usize, documents: usize) {
        for place in self.places.get(bundle).into_iter().flatten() {
            *self.at.entry(place).or_default() += documents;
        }
    }

    fn remove(&mut self, bundle: usize, documents: usize) {
        for place in self.places.get(bundle).into_iter().flatten() {
            let taken = self.at.entry(place).or_default();
            *taken = taken.saturating_sub(documents);
        }
    }

    /// Returns what is left to a bundle, of which `own` documents are counted already, wherever it is
    /// attached.
    fn left(&self, bundle: usize, own: Option<usize>) -> Limits {
        let budget = self.rooms.budget;
        let each = self.places.get(bundle).into_iter().flatten().map(|place| {
            let limits = place.limits(budget);
            if !budget.beside_attached {
                return limits;
            }
            let others = self.at.get(place).copied().unwrap_or_default();
            let others = others.saturating_sub(own.unwrap_or_default());
            let taken = others + self.rooms.staying_at(place);
            Limits { documents: limits.documents.saturating_sub(taken), ..limits }
        });
        each.reduce(Limits::and).unwrap_or(budget.role)
    }
}

/// Returns where a bundle is attached.
fn places(bundle: &Bundle) -> Vec<Place> {
    match bundle.group().zip(bundle.holders.first()) {
        Some((group, member)) => vec![Place::group(member, group)],
        None => bundle.holders.iter().cloned().map(Place::Principal).collect(),
    }
}

/// Returns how many managed policies a bundle has at least: as it is where nothing takes its place.
fn least(bundle: &TightenedBundle<'_>) -> usize {
    let policies = &bundle.bundle.policies;
    if bundle.active {
        return usize::from(!policies.is_empty());
    }
    let shared = bundle.bundle.shared.is_some();
    let managed = policies.iter().filter(|policy| {
        // What a group brings to one member counts with the group.
        policy.arn.is_some() && (shared || policy.group.is_none())
    });
    managed.count()
}
