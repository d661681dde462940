//! The steps that can be taken, and the choice among them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::actions::Tally;
use super::names::{action_beginnings, cuts, fixed_segments, is_bounded};
use super::plan::{Place, Plan, Shelf};
use super::{GainedLevel, Why};
use crate::cover::{Block, block_chars, name_chars};
use crate::irredundant::covers;

/// Pairs of statements of one service to look at; beyond, only those that share a name.
const PAIRS: usize = 5_000;

/// Which part of what is needed is gained at once, before the candidates are looked at anew: one
/// step often makes way for a better second.
const SHARE: usize = 4;

/// How harmful a step is; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Harm {
    /// The access level that is gained on something.
    level: GainedLevel,
    /// Fixed segments of names that are given up, at most.
    segments: usize,
    /// Actions that gain something.
    actions: usize,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) place: Place,
    /// What is granted from then on.
    pub(super) to: Block,
    pub(super) why: Why,
    pub(super) harm: Harm,
    /// The most fixed segments of a name that a new pattern stands for.
    pub(super) depth: usize,
    /// Characters saved, as far as one can tell without covering anew.
    pub(super) saved: usize,
}

/// A step that could be taken.
struct Candidate {
    harm: Harm,
    depth: usize,
    saved: usize,
    place: Place,
    why: Why,
    /// The blocks that it replaces, one or two.
    blocks: Vec<usize>,
    /// The pattern that it makes; empty for a union.
    pattern: String,
}

/// Takes the least harmful step, and others of its level and segments that do not meet it, towards
/// a share of what is needed. Returns whether there was any.
///
/// `last_resort` is whether actions may become patterns also where no ceiling says so.
pub(super) fn give_ground(plan: &mut Plan<'_>, last_resort: bool) -> bool {
    let before = plan.total();
    loop {
        let mut steps = choose(plan, last_resort);
        let Some(first) = steps.first().cloned() else { return false };
        let count = steps.len();
        plan.take(steps.drain(..));
        if plan.total() < before {
            return true;
        }
        // The estimates were wrong. Alone the first must prove itself, or is given up.
        plan.undo(count);
        if count > 1 {
            plan.take([first.clone()]);
            if plan.total() < before {
                return true;
            }
            plan.undo(1);
        }
        plan.refused.insert((first.place, first.to));
    }
}

fn choose(plan: &mut Plan<'_>, last_resort: bool) -> Vec<Move> {
    let mut candidates = candidates(plan, last_resort);
    candidates.sort_by(|a, b| {
        let key = |one: &Candidate| (one.harm, Reverse(one.saved), one.why);
        key(a)
            .cmp(&key(b))
            .then_with(|| (&a.place, &a.blocks, &a.pattern).cmp(&(&b.place, &b.blocks, &b.pattern)))
    });
    let mut wanted = plan.excess().div_ceil(SHARE);
    let mut chosen: Vec<Candidate> = Vec::new();
    let mut steps = Vec::new();
    for candidate in candidates {
        let differs = |first: &Candidate| {
            (first.harm.level, first.harm.segments)
                != (candidate.harm.level, candidate.harm.segments)
        };
        if wanted == 0 || chosen.first().is_some_and(differs) {
            break;
        }
        if chosen.iter().any(|other| other.meets(&candidate)) {
            continue;
        }
        let Some(step) = candidate.step(plan) else { continue };
        if plan.refused.contains(&(step.place.clone(), step.to.clone())) {
            continue;
        }
        if within_ceiling(plan, &step) {
            wanted = wanted.saturating_sub(step.saved);
            steps.push(step);
            chosen.push(candidate);
        } else {
            plan.refused.insert((step.place, step.to));
        }
    }
    steps
}

impl Candidate {
    /// Returns whether the one changes what the other was reckoned from.
    fn meets(&self, other: &Candidate) -> bool {
        let apart = || {
            self.why == Why::Prefix
                && other.why == Why::Prefix
                && !covers(&self.pattern, &other.pattern)
                && !covers(&other.pattern, &self.pattern)
        };
        self.blocks.iter().any(|block| other.blocks.contains(block))
            && self.place == other.place
            && !apart()
    }

    fn step(&self, plan: &Plan<'_>) -> Option<Move> {
        let shelf = plan.shelves.get(&self.place)?;
        let mut to = Block::default();
        for block in self.blocks.iter().filter_map(|n| shelf.blocks.get(*n)) {
            to.actions.extend(block.actions.iter().cloned());
            to.resources.extend(block.resources.iter().cloned());
        }
        match self.why {
            Why::Prefix => to.resources = BTreeSet::from([self.pattern.clone()]),
            Why::ActionPattern => to.actions = BTreeSet::from([self.pattern.clone()]),
            Why::Union => {}
        }
        let Candidate { harm, depth, saved, why, .. } = *self;
        Some(Move { place: self.place.clone(), to, why, harm, depth, saved })
    }
}

fn within_ceiling(plan: &Plan<'_>, step: &Move) -> bool {
    let Some(partition) = plan.partition(&step.place) else { return false };
    let Some(ceiling) = partition.ceiling else { return true };
    let Block { actions, resources } = &step.to;
    actions.iter().all(|action| resources.iter().all(|resource| ceiling(action, resource)))
}

fn candidates(plan: &Plan<'_>, last_resort: bool) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut tallies = BTreeMap::new();
    for (place, shelf) in &plan.shelves {
        let bounded = plan.partition(place).is_some_and(|partition| partition.ceiling.is_some());
        for (n, block) in shelf.blocks.iter().enumerate() {
            prefixes(plan, place, shelf, n, block, bounded, &mut found);
            if bounded || last_resort {
                action_patterns(plan, place, n, block, &mut tallies, &mut found);
            }
        }
        unions(plan, place, shelf, bounded, &mut found);
    }
    found.retain(|one| one.saved > 0);
    found
}

/// Names that a pattern would stand for.
#[derive(Default)]
struct Names {
    count: usize,
    chars: usize,
    depth: usize,
}

impl Names {
    fn add(&mut self, name: &str, shelf: &Shelf) {
        self.count += 1;
        self.chars += name_chars(name);
        self.depth = self.depth.max(shelf.depth(name));
    }
}

fn prefixes(
    plan: &Plan<'_>,
    place: &Place,
    shelf: &Shelf,
    n: usize,
    block: &Block,
    bounded: bool,
    found: &mut Vec<Candidate>,
) {
    let mut patterns: BTreeMap<String, Names> = BTreeMap::new();
    let mut beginnings: BTreeMap<&str, Names> = BTreeMap::new();
    for name in &block.resources {
        for beginning in cuts(name).into_iter().filter_map(|end| name.get(..end)) {
            beginnings.entry(beginning).or_default().add(name, shelf);
        }
    }
    let partition = plan.partition(place);
    for pattern in partition.into_iter().flat_map(|partition| &partition.patterns) {
        for name in block.resources.iter().filter(|name| *name != pattern && covers(pattern, name))
        {
            patterns.entry(pattern.clone()).or_default().add(name, shelf);
        }
    }
    patterns.extend(beginnings.into_iter().map(|(text, names)| (format!("{text}*"), names)));
    let level = block.actions.iter().map(|action| plan.actions.level(action)).max();
    for (pattern, names) in patterns {
        if names.count < 2 || !(bounded || is_bounded(&pattern)) {
            continue;
        }
        found.push(Candidate {
            harm: Harm {
                level: level.unwrap_or(GainedLevel::Unknown),
                segments: names.depth.saturating_sub(fixed_segments(&pattern)),
                actions: block.actions.len(),
            },
            saved: names.chars.saturating_sub(name_chars(&pattern)),
            depth: names.depth,
            place: place.clone(),
            why: Why::Prefix,
            blocks: vec![n],
            pattern,
        });
    }
}

fn action_patterns(
    plan: &Plan<'_>,
    place: &Place,
    n: usize,
    block: &Block,
    tallies: &mut BTreeMap<String, Tally>,
    found: &mut Vec<Candidate>,
) {
    let mut beginnings: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for action in &block.actions {
        for beginning in action_beginnings(action) {
            beginnings.entry(beginning).or_default().push(action);
        }
    }
    for (beginning, actions) in beginnings {
        if actions.len() < 2 {
            continue;
        }
        if !tallies.contains_key(beginning) {
            tallies.insert(beginning.to_owned(), plan.actions.tally(beginning));
        }
        // Of a service that is not known nobody can say what the pattern would let in.
        let Some(tally) = tallies.get(beginning).filter(|tally| !tally.is_empty()) else {
            continue;
        };
        let mut gained = tally.clone();
        for action in &actions {
            if let Some(count) = gained.get_mut(&plan.actions.level(action)) {
                *count = count.saturating_sub(1);
            }
        }
        gained.retain(|_, count| *count > 0);
        let pattern = format!("{beginning}*");
        found.push(Candidate {
            harm: Harm {
                level: gained.keys().last().copied().unwrap_or(GainedLevel::Nothing),
                segments: 0,
                actions: gained.values().sum(),
            },
            saved: actions
                .iter()
                .map(|action| name_chars(action))
                .sum::<usize>()
                .saturating_sub(name_chars(&pattern)),
            depth: 0,
            place: place.clone(),
            why: Why::ActionPattern,
            blocks: vec![n],
            pattern,
        });
    }
}

/// A block by the numbers of its names.
struct Numbered<'b> {
    block: &'b Block,
    actions: FixedBitSet,
    resources: FixedBitSet,
    chars: usize,
}

fn unions(
    plan: &Plan<'_>,
    place: &Place,
    shelf: &Shelf,
    bounded: bool,
    found: &mut Vec<Candidate>,
) {
    let numbers =
        |names: BTreeSet<&String>| -> Vec<String> { names.into_iter().cloned().collect() };
    let actions = numbers(shelf.blocks.iter().flat_map(|block| &block.actions).collect());
    let resources = numbers(shelf.blocks.iter().flat_map(|block| &block.resources).collect());
    let set = |of: &[String], names: &BTreeSet<String>| -> FixedBitSet {
        let mut set = FixedBitSet::with_capacity(of.len());
        set.extend(names.iter().filter_map(|name| of.binary_search(name).ok()));
        set
    };
    let extra = plan.extra(place);
    let blocks: Vec<Numbered<'_>> = shelf
        .blocks
        .iter()
        .map(|block| Numbered {
            block,
            actions: set(&actions, &block.actions),
            resources: set(&resources, &block.resources),
            chars: block_chars(block, extra),
        })
        .collect();
    let levels: Vec<GainedLevel> =
        actions.iter().map(|action| plan.actions.level(action)).collect();
    let action_chars: Vec<usize> = actions.iter().map(|name| name_chars(name)).collect();
    let resource_chars: Vec<usize> = resources.iter().map(|name| name_chars(name)).collect();
    let sum =
        |of: &[usize], at: &FixedBitSet| -> usize { at.ones().filter_map(|n| of.get(n)).sum() };
    let few = blocks.len().saturating_mul(blocks.len()) / 2 <= PAIRS;
    for (i, one) in blocks.iter().enumerate() {
        for (j, other) in blocks.iter().enumerate().skip(i + 1) {
            let near = one.actions.intersection_count(&other.actions)
                + one.resources.intersection_count(&other.resources);
            if !few && near == 0 {
                continue;
            }
            let mut harm = Harm { level: GainedLevel::Nothing, segments: 0, actions: 0 };
            let mut unbounded = false;
            for (left, right) in [(one, other), (other, one)] {
                let mut gaining = left.actions.clone();
                gaining.difference_with(&right.actions);
                let mut gained = right.resources.clone();
                gained.difference_with(&left.resources);
                if gaining.is_clear() || gained.is_clear() {
                    continue;
                }
                let level = gaining.ones().filter_map(|n| levels.get(n)).max();
                harm.level = harm.level.max(level.copied().unwrap_or(GainedLevel::Unknown));
                harm.actions += gaining.count_ones(..);
                for resource in gained.ones().filter_map(|n| resources.get(n)) {
                    unbounded |= !is_bounded(resource);
                    harm.segments = harm.segments.max(given_up(shelf, left.block, resource));
                }
            }
            if unbounded && !bounded {
                continue;
            }
            let (mut all_actions, mut all_resources) = (one.actions.clone(), one.resources.clone());
            all_actions.union_with(&other.actions);
            all_resources.union_with(&other.resources);
            let names = sum(&action_chars, &all_actions) + sum(&resource_chars, &all_resources);
            let frame = block_chars(&Block::default(), extra);
            let saved = (one.chars + other.chars).saturating_sub(frame + names + 2);
            if saved == 0 {
                continue;
            }
            found.push(Candidate {
                harm,
                saved,
                depth: 0,
                place: place.clone(),
                why: Why::Union,
                blocks: vec![i, j],
                pattern: String::new(),
            });
        }
    }
}

/// Returns how many fixed segments a block's names lose if it gains a resource.
fn given_up(shelf: &Shelf, block: &Block, resource: &str) -> usize {
    if !resource.contains('*') {
        return 0;
    }
    let inside = block.resources.iter().filter(|name| covers(resource, name));
    let fixed = fixed_segments(resource);
    inside.map(|name| shelf.depth(name).saturating_sub(fixed)).max().unwrap_or_default()
}
