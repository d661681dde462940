//! Is a cell inside a union of regions?
//!
//! A region that matches the typical member of the cell on every side contains
//! the cell, but for what its own `Not…` lists take out; those parts are then
//! proved against the other regions. Where no region matches, the typical
//! member is a hole. Conditions are settled one context key at a time, and only
//! keys that a matching region asks about are looked at: for each value of the
//! key that makes a difference, the same question again.

use std::collections::HashMap;

use super::{
    Cell, Reason, describe,
    domain::Domains,
    region::{Left, Region, Side, implies},
    witness::{Verifier, Witness},
};
use crate::{
    eval::{Context, StatementId, truth::Truth},
    glob::{self, Glob, Token},
};

/// The parts that an intersection may have.
const OVERLAPS: usize = 64;

/// How deeply questions may nest; each level takes one region or key away.
const DEPTH: usize = 300;

/// What became of a question.
pub(super) enum Verdict {
    Covered,
    Hole(Box<Witness>),
    Open(Reason),
}

impl Verdict {
    /// Goes on with the next question unless a hole was found; the first
    /// reason to be undecided stays.
    pub(super) fn then(self, next: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Hole(_) => self,
            Self::Covered => next(),
            Self::Open(Reason::Steps(_)) => self,
            Self::Open(_) => match next() {
                Self::Hole(witness) => Self::Hole(witness),
                _ => self,
            },
        }
    }
}

/// A search with its budget.
pub(super) struct Search<'a> {
    domains: &'a Domains,
    verifier: &'a Verifier<'a>,
    budget: u64,
    steps: u64,
    overlaps: HashMap<(Glob, Glob), Option<Vec<Glob>>>,
}

/// One question on the way: the cell left, and what is settled so far.
struct Question<'q> {
    left: &'q Left,
    statement: &'q StatementId,
    regions: &'q [&'q Region],
}

impl<'a> Search<'a> {
    pub(super) fn new(
        domains: &'a Domains,
        verifier: &'a Verifier<'a>,
        budget: u64,
        steps: u64,
    ) -> Self {
        Self { domains, verifier, budget, steps, overlaps: HashMap::new() }
    }

    /// Returns the steps taken so far, those of earlier searches included.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Asks whether a cell lies in the union of the regions and of what its
    /// statement leaves out.
    pub(super) fn run(
        &mut self,
        left: &Left,
        regions: &[&Region],
        statement: &StatementId,
    ) -> Verdict {
        let regions: Vec<&Region> = regions.iter().copied().chain(&left.excluded).collect();
        let question = Question { left, statement, regions: &regions };
        let mut open = vec![true; regions.len()];
        self.ask(&question, left.cell.clone(), &mut open, &Context::open(), 0)
    }

    fn ask(
        &mut self,
        question: &Question<'_>,
        cell: Cell,
        open: &mut Vec<bool>,
        context: &Context,
        depth: usize,
    ) -> Verdict {
        if self.steps >= self.budget {
            return Verdict::Open(Reason::Steps(self.budget));
        }
        if depth > DEPTH {
            return Verdict::Open(Reason::Depth);
        }
        let own = Truth::all(question.left.clauses.iter().map(|clause| clause.truth(context)));
        self.steps += question.left.clauses.len() as u64;
        if own == Truth::False || has_no_action(&cell) {
            return Verdict::Covered;
        }
        // Regions that contain the cell but for what their own lists take out,
        // and a key that would settle a region's conditions.
        let mut candidates: Vec<usize> = Vec::new();
        let mut key: Option<String> = None;
        for (index, region) in question.regions.iter().enumerate() {
            if !open.get(index).copied().unwrap_or(false) || !self.reaches(region, &cell) {
                continue;
            }
            match self.holds(region, question.left, context) {
                Truth::False => {}
                Truth::Unknown(keys) => key = key.or_else(|| keys.into_iter().next()),
                Truth::True if region.exceptions() == 0 => return Verdict::Covered,
                Truth::True => candidates.push(index),
            }
        }
        let fewest = candidates.into_iter().min_by_key(|index| {
            question.regions.get(*index).map_or(0, |region| region.exceptions())
        });
        if let Some(index) = fewest
            && let Some(region) = question.regions.get(index)
        {
            let parts = match self.parts_left(region, &cell) {
                Ok(parts) => parts,
                Err(reason) => return Verdict::Open(reason),
            };
            set(open, index, false);
            let mut verdict = Verdict::Covered;
            for part in parts {
                verdict = verdict.then(|| self.ask(question, part, open, context, depth + 1));
            }
            set(open, index, true);
            return verdict;
        }
        if let Some(key) = key {
            return self.by_values(question, &cell, open, context, depth, &key);
        }
        if let Some(halves) = self.halves(question, &cell, open, context) {
            let mut verdict = Verdict::Covered;
            for half in halves {
                verdict = verdict.then(|| self.ask(question, half, open, context, depth + 1));
            }
            return verdict;
        }
        if let Truth::Unknown(keys) = &own
            && let Some(key) = keys.first()
        {
            return self.by_values(question, &cell, open, context, depth, key);
        }
        match self.verifier.check(&cell, context, question.statement) {
            Ok(witness) => Verdict::Hole(Box::new(witness)),
            Err(reason) => Verdict::Open(reason),
        }
    }

    /// Tells whether a region's conditions hold wherever the cell's do.
    fn holds(&mut self, region: &Region, left: &Left, context: &Context) -> Truth {
        self.steps += region.clauses.len() as u64;
        Truth::all(region.clauses.iter().map(|clause| {
            if left.clauses.iter().any(|known| implies(known, clause)) {
                return Truth::True;
            }
            clause.truth(context)
        }))
    }

    /// Asks once for each value of a key that makes a difference.
    fn by_values(
        &mut self,
        question: &Question<'_>,
        cell: &Cell,
        open: &mut Vec<bool>,
        context: &Context,
        depth: usize,
        key: &str,
    ) -> Verdict {
        let domains = self.domains;
        let domain = domains.of(key);
        let mut verdict = Verdict::Covered;
        for values in &domain.values {
            let mut context = context.clone();
            context.put(key, values.clone());
            let [action, resource, principal] = cell;
            // The principal and the keys that describe it go together.
            for principal in domains.narrow(principal, key, values.as_deref()) {
                let cell = [action.clone(), resource.clone(), principal];
                verdict = verdict.then(|| self.ask(question, cell, open, &context, depth + 1));
            }
        }
        if domain.exact {
            return verdict;
        }
        verdict.then(|| Verdict::Open(Reason::Values(key.to_owned())))
    }

    /// Tells whether a region contains the cell, exceptions aside: its patterns
    /// cover the cell, and its exceptions do not.
    fn reaches(&mut self, region: &Region, cell: &Cell) -> bool {
        region.sides.iter().zip(cell).all(|(side, own)| match side {
            Side::Any => true,
            Side::Only(globs) => self.any_covers(globs, own),
            Side::AllBut(globs) => !self.any_covers(globs, own),
        })
    }

    /// Returns what a region's exceptions take out of a cell.
    fn parts_left(&mut self, region: &Region, cell: &Cell) -> Result<Vec<Cell>, Reason> {
        let mut parts = Vec::new();
        for (index, side) in region.sides.iter().enumerate() {
            let Side::AllBut(globs) = side else { continue };
            let Some(own) = cell.get(index) else { continue };
            for glob in globs {
                for common in self.intersect(own, glob)? {
                    let mut part = cell.clone();
                    if let Some(place) = part.get_mut(index) {
                        *place = common;
                    }
                    parts.push(part);
                }
            }
        }
        Ok(parts)
    }

    fn any_covers(&mut self, globs: &[Glob], own: &Glob) -> bool {
        globs.iter().any(|glob| glob.covers_counting(own, &mut self.steps))
    }

    /// Splits the cell at a `*` where a region has a `?` that may matter.
    fn halves(
        &mut self,
        question: &Question<'_>,
        cell: &Cell,
        open: &[bool],
        context: &Context,
    ) -> Option<[Cell; 2]> {
        for (index, own) in cell.iter().enumerate() {
            let mut ones: Vec<usize> = Vec::new();
            for (region, open) in question.regions.iter().zip(open) {
                let Some(Side::Only(globs)) = region.sides.get(index) else { continue };
                if !open || self.holds(region, question.left, context) == Truth::False {
                    continue;
                }
                for glob in globs {
                    let counts = glob.ones();
                    if counts.iter().all(|count| *count == 0)
                        || self.intersect(own, glob).is_ok_and(|common| common.is_empty())
                    {
                        continue;
                    }
                    ones.resize(ones.len().max(counts.len()), 0);
                    for (most, count) in ones.iter_mut().zip(counts) {
                        *most = count.max(*most);
                    }
                }
            }
            if let Some((none, some)) = own.split(&ones) {
                let with = |glob: Glob| {
                    let mut half = cell.clone();
                    if let Some(place) = half.get_mut(index) {
                        *place = glob;
                    }
                    half
                };
                return Some([with(none), with(some)]);
            }
        }
        None
    }

    /// Intersects two patterns, once.
    pub(super) fn intersect(&mut self, a: &Glob, b: &Glob) -> Result<Vec<Glob>, Reason> {
        if self.steps >= self.budget {
            return Err(Reason::Steps(self.budget));
        }
        let place = (a.clone(), b.clone());
        self.steps += 1;
        let common = match self.overlaps.get(&place) {
            Some(known) => known.clone(),
            None => {
                let common = glob::intersect(a, b, OVERLAPS, &mut self.steps);
                self.overlaps.insert(place, common.clone());
                common
            }
        };
        common.ok_or_else(|| Reason::Overlap(a.to_string(), b.to_string()))
    }
}

/// Tells whether the cell's action lacks its service or its name.
fn has_no_action([action, ..]: &Cell) -> bool {
    action.tokens().split(|token| *token == Token::Separator).any(<[Token]>::is_empty)
}

fn set(open: &mut [bool], index: usize, value: bool) {
    if let Some(place) = open.get_mut(index) {
        *place = value;
    }
}

/// Names a cell where a request could not be shown.
pub(super) fn unconfirmed(cell: &Cell) -> Reason {
    Reason::Unconfirmed(describe(cell))
}
