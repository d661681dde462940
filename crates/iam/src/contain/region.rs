//! Statements as regions of the space action × resource × principal.

use super::{Cell, Reason, search::Search};
use crate::{
    document::Selector,
    eval::{
        Rule,
        condition::Clause,
        principal::{self, Closeness},
    },
    glob::{self, Glob},
};

/// What a statement says about one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Any,
    Only(Vec<Glob>),
    AllBut(Vec<Glob>),
}

/// A region: three sides and the conditions under which it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) sides: [Side; 3],
    pub(super) clauses: Vec<Clause>,
}

/// One cell of a statement whose place is to be proved.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub(super) cell: Cell,
    /// Parts of the cell that the statement does not mean (`NotAction`, …).
    pub(super) excluded: Vec<Region>,
    /// All of them hold.
    pub(super) clauses: Vec<Clause>,
}

impl Region {
    pub(super) fn of(rule: &Rule) -> Self {
        let side = |selector: &Selector<Vec<Glob>>| match selector {
            Selector::Only(globs) if globs.contains(&Glob::everything()) => Side::Any,
            Selector::Only(globs) => Side::Only(globs.clone()),
            Selector::AllBut(globs) => Side::AllBut(globs.clone()),
        };
        let principal = match &rule.principal {
            None => Side::Any,
            Some(selector) => {
                let globs = |names: &Vec<principal::Named>| {
                    names.iter().flat_map(|named| named.globs.clone()).collect()
                };
                side(&match selector {
                    Selector::Only(names) => Selector::Only(globs(names)),
                    Selector::AllBut(names) => Selector::AllBut(globs(names)),
                })
            }
        };
        let resource = rule.resource.as_ref().map_or(Side::Any, side);
        Self { sides: [side(&rule.action), resource, principal], clauses: rule.clauses.clone() }
    }

    /// Returns the part of a statement that names principals as closely as wanted, if there is one.
    /// Where a statement has no principals, whom it is for is not its matter.
    pub(super) fn named(rule: &Rule, wanted: impl Fn(Closeness) -> bool) -> Option<Self> {
        match &rule.principal {
            None => Some(Self::of(rule)),
            Some(Selector::AllBut(_)) => wanted(Closeness::Role).then(|| Self::of(rule)),
            Some(Selector::Only(names)) => {
                let names = names.iter().filter(|named| wanted(named.closeness));
                let names: Vec<_> = names.cloned().collect();
                (!names.is_empty()).then(|| {
                    let principal = Some(Selector::Only(names));
                    Self::of(&Rule { principal, ..rule.clone() })
                })
            }
        }
    }

    /// Counts the patterns that the region leaves out.
    pub(super) fn exceptions(&self) -> usize {
        let of = |side: &Side| if let Side::AllBut(globs) = side { globs.len() } else { 0 };
        self.sides.iter().map(of).sum()
    }

    /// A region that is one side's patterns and anything on the others.
    fn only(index: usize, globs: &[Glob]) -> Self {
        let mut sides = [Side::Any, Side::Any, Side::Any];
        if let Some(side) = sides.get_mut(index) {
            *side = Side::Only(globs.to_vec());
        }
        Self { sides, clauses: Vec::new() }
    }

    /// Tells, at a glance, whether this region surely contains the other: it
    /// names all that the other names, and asks for nothing that it does not.
    pub(super) fn includes(&self, other: &Self) -> bool {
        let wider = |a: &Side, b: &Side| match (a, b) {
            (Side::Any, _) => true,
            (Side::Only(a), Side::Only(b)) => b.iter().all(|glob| a.contains(glob)),
            (Side::AllBut(a), Side::AllBut(b)) => a.iter().all(|glob| b.contains(glob)),
            _ => false,
        };
        self.sides.iter().zip(&other.sides).all(|(a, b)| wider(a, b))
            && self.clauses.iter().all(|clause| other.clauses.iter().any(|o| implies(o, clause)))
    }

    /// Cuts the region into cells.
    pub(super) fn cells(&self) -> Vec<Left> {
        let mut excluded = Vec::new();
        let mut patterns: Vec<Vec<Glob>> = Vec::new();
        for (index, side) in self.sides.iter().enumerate() {
            patterns.push(match side {
                Side::Only(globs) => globs.clone(),
                Side::Any => whole(index),
                Side::AllBut(globs) => {
                    excluded.push(Self::only(index, globs));
                    whole(index)
                }
            });
        }
        let [actions, resources, principals] = patterns.as_slice() else { return Vec::new() };
        let mut out = Vec::new();
        for action in actions {
            for resource in resources {
                for principal in principals {
                    let mut clauses = self.clauses.clone();
                    // A pattern whose variable has no value matches nothing.
                    for variable in resource.variables().filter(|v| v.default.is_none()) {
                        clauses.push(Clause::present(&variable.key));
                    }
                    // Sessions of a role with a path are known by its name alone,
                    // but it is this role's ARN that their context has.
                    clauses.extend(principal::role_of_sessions(principal, principals));
                    out.push(Left {
                        cell: [action.clone(), resource.clone(), principal.clone()],
                        excluded: excluded.clone(),
                        clauses,
                    });
                }
            }
        }
        out
    }
}

/// Everything, on one side. Every action has a service and a name.
fn whole(side: usize) -> Vec<Glob> {
    if side == 0 { glob::action("*") } else { vec![Glob::everything()] }
}

impl Left {
    /// Returns what the cell has in common with a region.
    pub(super) fn within(
        &self,
        region: &Region,
        search: &mut Search<'_>,
    ) -> Result<Vec<Self>, Reason> {
        let mut parts = vec![self.clone()];
        for (index, side) in region.sides.iter().enumerate() {
            let mut next = Vec::new();
            for mut part in parts {
                match side {
                    Side::Any => next.push(part),
                    Side::AllBut(globs) => {
                        part.excluded.push(Region::only(index, globs));
                        next.push(part);
                    }
                    Side::Only(globs) => {
                        for glob in globs {
                            let Some(own) = part.cell.get(index).cloned() else { continue };
                            for common in search.intersect(&own, glob)? {
                                let mut smaller = part.clone();
                                if let Some(place) = smaller.cell.get_mut(index) {
                                    *place = common;
                                }
                                // A pattern whose variable has no value matches nothing.
                                for variable in glob.variables().filter(|v| v.default.is_none()) {
                                    smaller.clauses.push(Clause::present(&variable.key));
                                }
                                next.push(smaller);
                            }
                        }
                    }
                }
            }
            parts = next;
        }
        for part in &mut parts {
            part.clauses.extend(region.clauses.iter().cloned());
        }
        Ok(parts)
    }
}

/// Tells whether a clause that holds makes another hold, whatever the values:
/// it is the same, or asks for less (more values where any will do, fewer
/// where none may).
pub(super) fn implies(known: &Clause, wanted: &Clause) -> bool {
    if known.key != wanted.key || known.operator != wanted.operator {
        return false;
    }
    let subset = |a: &Clause, b: &Clause| a.values.iter().all(|value| b.values.contains(value));
    if wanted.operator.negated { subset(wanted, known) } else { subset(known, wanted) }
}
