//! Policies within IAM's limits, giving ground where they must.
//!
//! Grants become the shortest statements ([`cover`](crate::cover)), and these go into documents
//! ([`pack`]). Where that is too much, a *step* widens something: resources become a pattern of
//! what their names begin with, two statements become one, actions become a pattern. The least
//! harmful comes first: what gains the lowest access level, then what gives up the fewest fixed
//! segments of a name, then what gains the fewest actions; of equal ones what saves most. In the
//! end each step is taken back whose room was not needed after all.
//!
//! No step goes beyond the ceiling, which is what is attached. Without one nothing unbounded is
//! made (no `*`, no `arn:aws:s3:::*`), and patterns of actions only when nothing else is left.
//! "Does not fit" is an answer, with the nearest that was reached.

use std::collections::BTreeSet;
use std::fmt;

use trailtrim_catalog::{AccessLevel, Catalog};
use trailtrim_iam::{Condition, PolicyDocument, Statement};

use crate::cover::{Block, Grants};
use plan::Plan;

mod actions;
mod held;
mod limits;
mod names;
mod pack;
mod plan;
mod steps;
#[cfg(test)]
mod tests;

pub use limits::{Budget, Limits};
pub use pack::{pack, pack_all};

/// Steps that are tried to be taken back; each of them means to cover and pack anew.
const TAKEN_BACK: usize = 50;

/// Tells whether an action (or pattern of actions) may be granted on a resource pattern at most.
pub type Ceiling<'a> = dyn Fn(&str, &str) -> bool + 'a;

/// Grants under one condition.
pub struct Partition<'a> {
    /// Actions, or patterns of actions, and resource patterns.
    pub grants: Grants,
    /// The condition of all of them.
    pub condition: Condition,
    /// What may be granted under the condition at most; `None` where nothing is attached. All of
    /// the grants must be inside.
    pub ceiling: Option<&'a Ceiling<'a>>,
    /// Resource patterns that are attached: a name may become one of them, which may be narrower
    /// than what its segments give.
    pub patterns: Vec<String>,
}

/// What a principal's documents must say.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// What is granted, by condition.
    pub partitions: Vec<Partition<'a>>,
    /// Statements that stay as they are.
    pub fixed: Vec<Statement>,
}

/// Whether it fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does, after these steps.
    Fitted {
        /// The documents.
        documents: Vec<PolicyDocument>,
        /// What was widened, in order; empty where the grants fit as they are.
        steps: Vec<Step>,
    },
    /// It does not, whatever may be widened.
    DoesNotFit(Nearest),
}

/// The smallest that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The documents, more or larger than allowed.
    pub documents: Vec<PolicyDocument>,
    /// What was widened to get there.
    pub steps: Vec<Step>,
    /// The limits that these documents keep.
    pub needed: Limits,
    /// The limits that the grants would need as they are, without any step.
    pub needed_exactly: Limits,
}

/// One widening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The partition, by its place.
    pub partition: usize,
    /// The wanted grants that lie in what replaces them.
    pub from: Grants,
    /// What replaces them: all of the actions on all of the resources.
    pub to: Block,
    /// What kind of widening it is.
    pub why: Why,
    /// The highest access level that is gained on anything.
    pub gained_level: GainedLevel,
    /// Actions that may now be done to something that they could not be done to before.
    pub gained_actions: BTreeSet<String>,
}

/// The kinds of widening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Resources with a common beginning became one pattern.
    Prefix,
    /// Two statements became one.
    Union,
    /// Actions with a common beginning became one pattern.
    ActionPattern,
}

/// The access level that a step gains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GainedLevel {
    /// None: nothing that the catalog knows is gained.
    Nothing,
    /// This one at most.
    Level(AccessLevel),
    /// Not known: the catalog lacks an action. Taken for the worst.
    Unknown,
}

impl fmt::Debug for Partition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition")
            .field("grants", &self.grants)
            .field("condition", &self.condition)
            .field("ceiling", &self.ceiling.is_some())
            .field("patterns", &self.patterns)
            .finish()
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "resources with a common beginning share a pattern",
            Self::Union => "two statements became one",
            Self::ActionPattern => "actions with a common beginning share a pattern",
        })
    }
}

/// Fits what is wanted into the limits.
///
/// Each wanted grant is in the result, and nothing in it is beyond a partition's ceiling. The
/// result depends on its input alone.
#[must_use]
pub fn fit(wanted: &Wanted<'_>, limits: &Limits, catalog: Catalog) -> Fit {
    let mut plan = Plan::new(wanted, limits, catalog);
    if let Some(documents) = plan.documents() {
        return Fit::Fitted { documents, steps: Vec::new() };
    }
    let exactly = plan.documents_anyway();
    let needed_exactly = needed(&exactly, limits);
    let mut last_resort = false;
    let documents = loop {
        if let Some(documents) = plan.documents() {
            break documents;
        }
        if steps::give_ground(&mut plan, last_resort) {
            continue;
        }
        if last_resort {
            plan.drop_included();
            plan.finish();
            if let Some(documents) = plan.documents() {
                break documents;
            }
            let documents = plan.documents_anyway();
            let needed = needed(&documents, limits);
            // Packing is no exact art: shorter statements may happen to take more documents.
            let nearest = |limits: &Limits| (limits.documents, limits.document);
            let nearest = if nearest(&needed) < nearest(&needed_exactly) {
                Nearest { documents, steps: plan.told(), needed, needed_exactly }
            } else {
                let needed = needed_exactly;
                Nearest { documents: exactly, steps: Vec::new(), needed, needed_exactly }
            };
            return Fit::DoesNotFit(nearest);
        }
        last_resort = true;
    };
    plan.drop_included();
    let documents = plan.take_back(TAKEN_BACK).unwrap_or(documents);
    plan.finish();
    let documents = plan.documents().unwrap_or(documents);
    Fit::Fitted { documents, steps: plan.told() }
}

/// Returns the limits that the documents keep.
fn needed(documents: &[PolicyDocument], limits: &Limits) -> Limits {
    let largest = documents.iter().map(|document| limits.measure(document)).max();
    Limits {
        document: largest.unwrap_or_default().max(limits.document),
        documents: documents.len().max(limits.documents),
        ..*limits
    }
}
