//! What is granted so far, as statements.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::Catalog;
use trailtrim_iam::{PolicyDocument, Statement};

use super::actions::Actions;
use super::held::{Held, action_covers, refs, united};
use super::names::fixed_segments;
use super::pack::{pack, pack_anyway, room, total};
use super::steps::Move;
use super::{GainedLevel, Limits, Partition, Step, Wanted, Why};
use crate::cover::{Block, Effort, Grants, block_chars, condition_chars, cover_under, service};
use crate::draft::NO_RESOURCE_SID;
use crate::irredundant::{Grant, covers};
use crate::sid::{about, service_name, sids};

/// A partition, by its place, and a service.
pub(super) type Place = (usize, String);

/// The grants of one service under one condition.
pub(super) struct Shelf {
    base: Grants,
    pub(super) blocks: Vec<Block>,
    /// For each pattern that a step made, the most fixed segments of any name in it.
    depths: BTreeMap<String, usize>,
}

/// A step that was taken.
struct Taken {
    step: Move,
    active: bool,
}

pub(super) struct Plan<'w> {
    wanted: &'w Wanted<'w>,
    limits: &'w Limits,
    pub(super) actions: Actions,
    pub(super) shelves: BTreeMap<Place, Shelf>,
    /// Characters that the condition of each partition adds to a statement.
    extras: Vec<usize>,
    taken: Vec<Taken>,
    /// What would be no gain, or is beyond a ceiling.
    pub(super) refused: BTreeSet<(Place, Block)>,
}

impl Shelf {
    /// Returns how many segments of a resource's names were fixed before any step.
    pub(super) fn depth(&self, resource: &str) -> usize {
        self.depths.get(resource).copied().unwrap_or_else(|| fixed_segments(resource))
    }
}

impl<'w> Plan<'w> {
    pub(super) fn new(wanted: &'w Wanted<'w>, limits: &'w Limits, catalog: Catalog) -> Plan<'w> {
        let extras = wanted.partitions.iter().map(|one| condition_chars(&one.condition)).collect();
        let all = wanted.partitions.iter().flat_map(|partition| &partition.grants);
        let services: BTreeSet<&str> = all.map(|(action, _)| service(action)).collect();
        let mut plan = Plan {
            wanted,
            limits,
            actions: Actions::of(catalog, services),
            shelves: BTreeMap::new(),
            extras,
            taken: Vec::new(),
            refused: BTreeSet::new(),
        };
        for (n, partition) in wanted.partitions.iter().enumerate() {
            let mut bases: BTreeMap<String, Grants> = BTreeMap::new();
            for (action, resource) in united(&partition.grants, []) {
                bases.entry(service(&action).to_owned()).or_default().insert((action, resource));
            }
            for (service, base) in bases {
                let shelf = Shelf { base, blocks: Vec::new(), depths: BTreeMap::new() };
                plan.shelves.insert((n, service.clone()), shelf);
                plan.rebuild(&(n, service), Effort::Full);
            }
        }
        plan
    }

    pub(super) fn partition(&self, place: &Place) -> Option<&'w Partition<'w>> {
        self.wanted.partitions.get(place.0)
    }

    pub(super) fn extra(&self, place: &Place) -> usize {
        self.extras.get(place.0).copied().unwrap_or_default()
    }

    /// Returns the characters of all blocks.
    pub(super) fn total(&self) -> usize {
        let of = |(place, shelf): (&Place, &Shelf)| -> usize {
            shelf.blocks.iter().map(|block| block_chars(block, self.extra(place))).sum()
        };
        self.shelves.iter().map(of).sum()
    }

    /// Returns by how many characters the statements exceed what the documents hold, at least.
    pub(super) fn excess(&self) -> usize {
        total(&self.statements(), self.limits).saturating_sub(self.capacity()).max(1)
    }

    fn capacity(&self) -> usize {
        self.limits.documents * room(self.limits)
    }

    /// Takes steps.
    pub(super) fn take(&mut self, steps: impl IntoIterator<Item = Move>) {
        let mut places = BTreeSet::new();
        for step in steps {
            places.insert(step.place.clone());
            if let (Why::Prefix, Some(shelf)) = (step.why, self.shelves.get_mut(&step.place)) {
                for pattern in &step.to.resources {
                    let depth = shelf.depths.entry(pattern.clone()).or_default();
                    *depth = step.depth.max(*depth);
                }
            }
            self.taken.push(Taken { step, active: true });
        }
        places.iter().for_each(|place| self.rebuild(place, Effort::Quick));
    }

    /// Undoes the last steps.
    pub(super) fn undo(&mut self, count: usize) {
        let undone = self.taken.split_off(self.taken.len().saturating_sub(count));
        let places: BTreeSet<Place> = undone.into_iter().map(|taken| taken.step.place).collect();
        places.iter().for_each(|place| self.rebuild(place, Effort::Quick));
    }

    /// Covers with full effort what steps changed, which were tried with less.
    pub(super) fn finish(&mut self) {
        let places: BTreeSet<Place> =
            self.taken.iter().map(|taken| taken.step.place.clone()).collect();
        places.iter().for_each(|place| self.rebuild(place, Effort::Full));
    }

    /// Drops the steps that a later one includes: what they grant, it grants.
    pub(super) fn drop_included(&mut self) {
        let included: BTreeSet<usize> =
            (0..self.taken.len()).filter(|n| self.is_included(*n)).collect();
        let mut n = 0..;
        self.taken.retain(|_| n.next().is_none_or(|n| !included.contains(&n)));
    }

    /// Returns whether a later step grants all that this one does.
    fn is_included(&self, n: usize) -> bool {
        self.taken.get(n).is_some_and(|Taken { step, .. }| {
            self.taken.iter().skip(n + 1).any(|Taken { step: later, active }| {
                *active && later.place == step.place && includes(&later.to, &step.to)
            })
        })
    }

    /// Takes back the most harmful of the steps that nothing needs, and so on, as far as `most`
    /// attempts go; returns the documents if any was.
    pub(super) fn take_back(&mut self, most: usize) -> Option<Vec<PolicyDocument>> {
        let mut order: Vec<usize> = (0..self.taken.len()).collect();
        order.sort_by_key(|n| Reverse((self.taken.get(*n).map(|taken| taken.step.harm), *n)));
        let mut documents = None;
        let mut attempts = 0;
        let mut slack = self.slack();
        for n in order {
            let Some(taken) = self.taken.get_mut(n) else { continue };
            if taken.step.saved > slack || attempts == most {
                continue;
            }
            attempts += 1;
            taken.active = false;
            let place = taken.step.place.clone();
            self.rebuild(&place, Effort::Quick);
            if let Some(without) = self.documents() {
                documents = Some(without);
                slack = self.slack();
            } else {
                if let Some(taken) = self.taken.get_mut(n) {
                    taken.active = true;
                }
                self.rebuild(&place, Effort::Quick);
            }
        }
        documents
    }

    /// Returns the characters that the documents have left.
    fn slack(&self) -> usize {
        self.capacity().saturating_sub(total(&self.statements(), self.limits))
    }

    fn rebuild(&mut self, place: &Place, effort: Effort) {
        let extra = self.extra(place);
        let steps = self.taken.iter().enumerate().filter(|(n, taken)| {
            taken.active && taken.step.place == *place && !self.is_included(*n)
        });
        let steps: Vec<&Block> = steps.map(|(_, taken)| &taken.step.to).collect();
        let Some(shelf) = self.shelves.get_mut(place) else { return };
        let grants = united(&shelf.base, steps);
        shelf.blocks = cover_under(&grants, extra, effort);
    }

    /// Returns the documents, if they fit.
    pub(super) fn documents(&self) -> Option<Vec<PolicyDocument>> {
        pack(self.statements(), self.limits)
    }

    /// Returns the documents, however many it takes.
    pub(super) fn documents_anyway(&self) -> Vec<PolicyDocument> {
        pack_anyway(self.statements(), self.limits)
    }

    /// Returns the statements, by service, and what takes no resource after them.
    fn statements(&self) -> Vec<Statement> {
        let mut groups: Vec<(&str, usize, Block)> = Vec::new();
        let mut without_resource: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for ((partition, service), shelf) in &self.shelves {
            for block in &shelf.blocks {
                let mut block = block.clone();
                if block.resources.iter().eq(["*"]) {
                    let (bare, rest) = block
                        .actions
                        .into_iter()
                        .partition(|action| self.actions.takes_none(action));
                    block.actions = rest;
                    without_resource.entry(*partition).or_default().extend::<BTreeSet<_>>(bare);
                }
                if !block.actions.is_empty() {
                    groups.push((service, *partition, block));
                }
            }
        }
        groups.sort_by(|a, b| {
            let key = |(service, partition, block): &(&str, usize, Block)| {
                ((*service).to_owned(), *partition, block.resources.clone())
            };
            key(a).cmp(&key(b))
        });
        let condition = |partition: usize| {
            self.wanted
                .partitions
                .get(partition)
                .map(|one| one.condition.clone())
                .unwrap_or_default()
        };
        let mut abouts: Vec<(String, u64)> = groups
            .iter()
            .map(|(service, partition, block)| {
                (service_name(service), about(&block.resources, &condition(*partition)))
            })
            .collect();
        without_resource.retain(|_, actions| !actions.is_empty());
        let everywhere = BTreeSet::from(["*".to_owned()]);
        for (partition, actions) in without_resource {
            let named = (NO_RESOURCE_SID.to_owned(), about(&everywhere, &condition(partition)));
            abouts.push(named);
            groups.push((
                NO_RESOURCE_SID,
                partition,
                Block { actions, resources: everywhere.clone() },
            ));
        }
        let mut taken: BTreeSet<String> =
            self.wanted.fixed.iter().filter_map(|statement| statement.sid.clone()).collect();
        let mut statements = Vec::new();
        for ((service, partition, block), sid) in groups.into_iter().zip(sids(&abouts)) {
            let condition = condition(partition);
            let bare = service == NO_RESOURCE_SID && condition.is_empty();
            let sid = free(if bare { service.to_owned() } else { sid }, &mut taken);
            let statement = Statement::allow(block.actions, block.resources).with_sid(sid);
            statements.push(Statement { condition, ..statement });
        }
        statements.extend(self.wanted.fixed.iter().cloned());
        statements
    }

    /// Returns the steps that stand, with what each of them gained.
    pub(super) fn told(&self) -> Vec<Step> {
        let mut told = Vec::new();
        let bases: BTreeMap<&Place, BTreeSet<Grant<'_, ()>>> =
            self.shelves.iter().map(|(place, shelf)| (place, refs(&shelf.base))).collect();
        let held: BTreeMap<&Place, Held<'_, '_>> =
            bases.iter().map(|(place, base)| (*place, Held::new(base))).collect();
        // All names first: what is held is looked up by borrowed text.
        let steps: Vec<(&Move, Vec<String>)> = self
            .taken
            .iter()
            .filter(|taken| taken.active)
            .map(|Taken { step, .. }| {
                let named = |action: &String| -> Vec<String> {
                    if !action.contains(['*', '?']) {
                        return vec![action.clone()];
                    }
                    self.actions.meant(action).iter().map(|one| one.id.to_owned()).collect()
                };
                (step, step.to.actions.iter().flat_map(named).collect())
            })
            .collect();
        for (n, (step, actions)) in steps.iter().enumerate() {
            let earlier = steps.iter().take(n).filter(|(other, _)| other.place == step.place);
            let earlier: Vec<&Block> = earlier.map(|(other, _)| &other.to).collect();
            let gains = |action: &&String| {
                step.to.resources.iter().any(|resource| {
                    !held.get(&step.place).is_some_and(|held| held.holds(action, resource))
                        && !earlier.iter().any(|block| lies_in(block, action, resource))
                })
            };
            let gained_actions: BTreeSet<String> = actions.iter().filter(gains).cloned().collect();
            let level = |action: &String| self.actions.level(action);
            let wanted = self.shelves.get(&step.place).map(|shelf| shelf.base.iter());
            let from = wanted.into_iter().flatten().filter(|(a, r)| lies_in(&step.to, a, r));
            told.push(Step {
                partition: step.place.0,
                from: from.cloned().collect(),
                to: step.to.clone(),
                why: step.why,
                gained_level: gained_actions
                    .iter()
                    .map(level)
                    .max()
                    .unwrap_or(GainedLevel::Nothing),
                gained_actions,
            });
        }
        told
    }
}

/// Returns whether a block holds a grant.
fn lies_in(block: &Block, action: &str, resource: &str) -> bool {
    within(&block.actions, action, action_covers) && within(&block.resources, resource, covers)
}

/// Returns whether a block holds all of another one.
fn includes(wide: &Block, narrow: &Block) -> bool {
    narrow.actions.iter().all(|action| within(&wide.actions, action, action_covers))
        && narrow.resources.iter().all(|resource| within(&wide.resources, resource, covers))
}

fn within(names: &BTreeSet<String>, name: &str, cover: fn(&str, &str) -> bool) -> bool {
    names.contains(name) || names.iter().any(|wide| wide.contains('*') && cover(wide, name))
}

/// Returns the id, or the next one that is not taken.
fn free(sid: String, taken: &mut BTreeSet<String>) -> String {
    let mut name = sid.clone();
    let mut n = 2_usize;
    while !taken.insert(name.clone()) {
        name = format!("{sid}n{n}");
        n += 1;
    }
    name
}
