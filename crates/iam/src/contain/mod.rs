//! Does one set of policies allow anything that another does not?
//!
//! The answer is a proof, a witness that the evaluator has checked, or
//! "undecided" with the reason. Never a guess: what cannot be settled within a
//! number of *steps* (not of seconds: the same input gives the same answer on
//! every machine) is undecided.
//!
//! How, for "new ⊆ existing": every Allow of `new` is cut into cells, each one
//! action pattern × one resource pattern × one principal pattern.
//!
//! 1. Each cell must lie inside existing.Allow ∪ new.Deny.
//! 2. For each Deny of `existing`, what it has in common with the cell must lie
//!    inside new.Deny.
//!
//! Both are the same question (`search`): is a cell inside a union of regions?
//! `region` makes regions of statements, `domain` finds for a context key the
//! values that make a difference, `witness` turns a hole into a request and
//! asks the evaluator. All of it is done under each reading of the points that
//! AWS's pages leave open (what `*` does with colons, whether
//! `{"AWS": "*"}` includes services, whom a Deny with `NotPrincipal` spares),
//! each reading applied to both sides.
//!
//! 3. Where resource policies name principals, each cell must also lie inside
//!    what `existing` allows to principals that it names as closely: an account
//!    only lets its identity policies decide, while a role that is named is
//!    allowed by that alone. Whether the difference lets somebody in is up to
//!    policies that are not here, so without this there is no proof, and no
//!    witness either.

mod domain;
mod region;
mod search;
mod witness;

use std::{collections::BTreeSet, fmt};

use crate::{
    document::{Effect, PolicyDocument, Selector},
    eval::{Policies, Reading, Rule, StatementId, principal::Closeness},
};
use domain::Domains;
use region::Region;
use search::{Search, Verdict};
use witness::Verifier;
pub use witness::Witness;

/// How far to search, and how to name what is found.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Steps to take in all; a step compares two positions of two patterns.
    pub steps: u64,
    /// Witnesses after which to stop; one for each statement at most.
    pub witnesses: usize,
    /// Returns real actions that match a lower-case action pattern, best
    /// first, so that a witness has a name that people know. May be empty.
    pub name_actions: &'a dyn Fn(&str) -> Vec<String>,
    /// Tells whether an action can be done to a resource, so that a witness is a request that
    /// somebody may make. Where none can be made, another is shown.
    pub takes: &'a dyn Fn(&str, &str) -> bool,
}

impl Default for Limits<'_> {
    /// Returns fifty million steps (some seconds; the pairs of policies that
    /// AWS publishes take some thousand each), ten witnesses, no known names.
    fn default() -> Self {
        Self {
            steps: 50_000_000,
            witnesses: 10,
            name_actions: &|_| Vec::new(),
            takes: &|_, _| true,
        }
    }
}

impl fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, witnesses, .. } = self;
        f.debug_struct("Limits").field("steps", steps).field("witnesses", witnesses).finish()
    }
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Requests that the new policies allow and the existing ones do not.
    pub witnesses: Vec<Witness>,
    /// Statements of the new policies of which it is not known.
    pub undecided: Vec<Undecided>,
    /// Steps taken.
    pub steps: u64,
}

/// A statement for which there is neither proof nor witness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecided {
    /// The statement of the new policies.
    pub statement: StatementId,
    /// Why.
    pub reason: Reason,
}

/// Why something is undecided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The step budget was used up.
    Steps(u64),
    /// The exceptions of the policies are nested too deeply.
    Depth,
    /// The values of a condition key that make a difference could not be listed.
    Values(String),
    /// Two patterns have too many ways to overlap.
    Overlap(String, String),
    /// A hole was found, but the request made from it is not allowed by the
    /// one and denied by the other; the fragment describes it.
    Unconfirmed(String),
    /// The answer depends on a point that AWS's documentation leaves open.
    Reading(String),
    /// The existing policies allow it, but name whoever asks less closely.
    Closeness(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "the budget of {steps} steps was used up"),
            Self::Depth => f.write_str("exceptions are nested too deeply"),
            Self::Values(key) => {
                write!(f, "the values of `{key}` that make a difference cannot all be listed")
            }
            Self::Overlap(a, b) => write!(f, "`{a}` and `{b}` overlap in too many ways"),
            Self::Unconfirmed(what) => {
                write!(f, "{what} may be new access, but no single request could be shown")
            }
            Self::Closeness(what) => write!(
                f,
                "{what} is allowed to somebody whom the existing policies name less closely: an account that is named leaves it to its identity policies, a role or `*` to boundary and session policy, so whether it is new access these policies do not tell"
            ),
            Self::Reading(what) => write!(
                f,
                "{what} is new access under one reading of `*`, of `\"AWS\": \"*\"` or of `NotPrincipal` and not under another"
            ),
        }
    }
}

impl Comparison {
    /// Tells whether there is new access: `Some(false)` is a proof, `None`
    /// means undecided.
    #[must_use]
    pub fn new_access(&self) -> Option<bool> {
        if !self.witnesses.is_empty() {
            Some(true)
        } else if self.undecided.is_empty() {
            Some(false)
        } else {
            None
        }
    }
}

/// Compares what `new` allows with what `existing` allows; each is a set of
/// documents whose statements count together.
///
/// Takes O(cells × patterns × length) steps where there are no exceptions
/// (`Not…`, Deny, conditions) that overlap, and never more than
/// [`Limits::steps`].
///
/// ```
/// use trailtrim_iam::{Limits, PolicyDocument, Statement, compare};
/// let old = PolicyDocument::new(vec![Statement::allow(["s3:*"], ["arn:aws:s3:::b/*"])]);
/// let new = PolicyDocument::new(vec![Statement::allow(["s3:Get*"], ["arn:aws:s3:::b/x/*"])]);
/// assert_eq!(compare(&[&old], &[&new], &Limits::default()).new_access(), Some(false));
/// assert_eq!(compare(&[&new], &[&old], &Limits::default()).new_access(), Some(true));
/// ```
#[must_use]
pub fn compare(
    existing: &[&PolicyDocument],
    new: &[&PolicyDocument],
    limits: &Limits<'_>,
) -> Comparison {
    let mut readings: Vec<(Policies, Policies)> = Vec::new();
    let statements = || existing.iter().chain(new).flat_map(|document| &document.statements);
    let spares = statements().any(|s| s.principal.as_ref().is_some_and(Selector::is_negated));
    for reading in Reading::all(spares) {
        let compile = |documents: &[&PolicyDocument]| {
            Policies::compile_as(documents.iter().copied(), reading)
        };
        let pair = (compile(existing), compile(new));
        if !readings.contains(&pair) {
            readings.push(pair);
        }
    }
    let verifier = Verifier::new(&readings, existing, new, limits);
    let mut found = Comparison { witnesses: Vec::new(), undecided: Vec::new(), steps: 0 };
    let mut undecided = BTreeSet::new();
    for (existing, new) in &readings {
        one_reading(existing, new, limits, &verifier, &mut found, &mut undecided);
    }
    // Of a statement that has a witness, nothing is left to decide.
    undecided.retain(|u: &Undecided| found.witnesses.iter().all(|w| w.statement != u.statement));
    found.undecided = undecided.into_iter().collect();
    found
}

fn one_reading(
    existing: &Policies,
    new: &Policies,
    limits: &Limits<'_>,
    verifier: &Verifier<'_>,
    found: &mut Comparison,
    undecided: &mut BTreeSet<Undecided>,
) {
    let regions = |policies: &Policies, effect: Effect| -> Vec<Region> {
        policies.rules.iter().filter(|rule| rule.effect == effect).map(Region::of).collect()
    };
    let denied = regions(new, Effect::Deny);
    let allowed = regions(existing, Effect::Allow);
    let guards: Vec<Region> = regions(existing, Effect::Deny)
        .into_iter()
        // What both deny alike needs no proof.
        .filter(|guard| !denied.iter().any(|deny| deny.includes(guard)))
        .collect();
    let domains = Domains::new(existing, new);
    let mut search = Search::new(&domains, verifier, limits.steps, found.steps);
    for rule in new.rules.iter().filter(|rule| rule.effect == Effect::Allow) {
        if found.witnesses.len() >= limits.witnesses {
            break;
        }
        if found.witnesses.iter().any(|witness| witness.statement == rule.id) {
            continue;
        }
        let whole = Region::of(rule);
        let same = allowed.iter().any(|allow| allow.includes(&whole));
        let covers: Vec<&Region> = allowed.iter().chain(&denied).collect();
        let only_denied: Vec<&Region> = denied.iter().collect();
        let mut verdict = Verdict::Covered;
        for left in whole.cells() {
            if !same {
                verdict = verdict.then(|| search.run(&left, &covers, &rule.id));
            }
            for guard in &guards {
                verdict = verdict.then(|| match left.within(guard, &mut search) {
                    Ok(parts) => parts.iter().fold(Verdict::Covered, |verdict, part| {
                        verdict.then(|| search.run(part, &only_denied, &rule.id))
                    }),
                    Err(reason) => Verdict::Open(reason),
                });
            }
            if let Verdict::Hole(_) = verdict {
                break;
            }
        }
        if let Verdict::Covered = verdict {
            verdict = as_closely(rule, existing, &denied, &mut search);
        }
        match verdict {
            Verdict::Covered => {}
            Verdict::Hole(witness) => found.witnesses.push(*witness),
            Verdict::Open(reason) => {
                undecided.insert(Undecided { statement: rule.id.clone(), reason });
            }
        }
    }
    found.steps = search.steps();
}

/// Asks whether what a statement allows was allowed to principals that were named as closely. That
/// it was allowed to them at all is proved before, so there is no witness to find.
fn as_closely(
    rule: &Rule,
    existing: &Policies,
    denied: &[Region],
    search: &mut Search<'_>,
) -> Verdict {
    let mut verdict = Verdict::Covered;
    // Identity policies name nobody.
    if rule.principal.is_none() {
        return verdict;
    }
    for closeness in [Closeness::Role, Closeness::Itself] {
        let Some(part) = Region::named(rule, |named| named == closeness) else { continue };
        let allows = existing.rules.iter().filter(|allow| allow.effect == Effect::Allow);
        let allowed: Vec<Region> =
            allows.filter_map(|allow| Region::named(allow, |named| named >= closeness)).collect();
        if allowed.iter().any(|allow| allow.includes(&part)) {
            continue;
        }
        let covers: Vec<&Region> = allowed.iter().chain(denied).collect();
        for left in part.cells() {
            verdict = verdict.then(|| match search.run(&left, &covers, &rule.id) {
                Verdict::Open(Reason::Unconfirmed(what) | Reason::Reading(what)) => {
                    Verdict::Open(Reason::Closeness(what))
                }
                verdict => verdict,
            });
        }
    }
    verdict
}

/// A row of patterns: action, resource, principal.
type Cell = [crate::glob::Glob; 3];

/// Prints a cell for a reason.
fn describe(cell: &Cell) -> String {
    let [action, resource, _] = cell;
    format!("`{action}` on `{resource}`")
}
