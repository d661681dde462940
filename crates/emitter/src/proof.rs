//! Whether a draft is right, by the policy engine and not by how it was made.
//!
//! - *replay*: every call that was recorded as allowed, and that what is attached
//!   allows, the draft allows; what hangs on unknown context still may;
//! - *no new access*: whatever the draft allows, what is attached allows, proved
//!   by containment;
//! - *irredundant*: without any one action or resource of a statement, something
//!   that was seen or has to stay would not be allowed;
//! - *fits*: the documents keep AWS's limits.
//!
//! A proof that fails is a defect of this program or of its data. Nothing is
//! written then.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use trailtrim_aggregator::{Join as _, Principal, RowKey, Stats};
use trailtrim_catalog::Catalog;
use trailtrim_iam::{Effect, Limits, PolicyDocument, Selector, Statement, compare, pattern};

use crate::attached::{Askings, who};
use crate::cover::service;
use crate::fit::Limits as FitLimits;
use crate::replay::{Allowance, Circumstances, Replay};
use crate::tighten::Bearing;
use crate::ways::{self, Index, Need, Way};

/// Steps for one comparison; a step compares two positions of two patterns.
const STEPS: u64 = 400_000_000;

/// The proofs of one draft.
#[derive(Clone, Debug, Serialize)]
pub struct Proofs {
    /// Every recorded call is still allowed.
    pub replay: ReplayProof,
    /// Nothing is allowed that was not before.
    pub no_new_access: AccessProof,
    /// Nothing in it is idle.
    pub irredundant: IrredundantProof,
    /// It keeps the limits.
    pub fits: FitProof,
    /// A draft from the earlier part of the trail, put to the later one; absent where the trail is
    /// too short. It foretells, and proves nothing: what it finds is no failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backtest: Option<Foretold>,
}

impl Proofs {
    /// Returns what failed, in words; nothing where all holds.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if let Some(first) = self.replay.failed.first() {
            failures.push(format!(
                "replay: {} permissions that were used would be denied, first `{}` on `{}`",
                self.replay.failed.len(),
                first.action,
                first.resource
            ));
        }
        failures.extend(self.no_new_access.failures.iter().map(|one| format!("new access: {one}")));
        failures.extend(self.irredundant.idle.iter().map(|one| format!("idle: {one}")));
        if !self.fits.holds {
            failures.push("the draft does not fit the limits".to_owned());
        }
        failures
    }
}

/// The replay of what was recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReplayProof {
    /// Distinct successful calls.
    pub calls: u64,
    /// Those of them that the draft surely allows, with all that they surely need.
    pub allowed: u64,
    /// Those that hang on context that what is kept of the log does not tell, as they do today.
    pub conditional: u64,
    /// Those of what takes no resource by the reference, where what is attached names ARNs: whether these
    /// allow it, the service alone knows.
    #[serde(skip_serializing_if = "is_none")]
    pub on_arns: u64,
    /// The context keys that these hang on, as they do today.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub condition_keys: BTreeSet<String>,
    /// Those that nothing attached allows; see the list of what is not attached.
    pub not_attached: u64,
    /// Those that the configuration withholds.
    pub withheld: u64,
    /// Those that no rule maps, in whole or in part: their services stay as attached.
    pub unmapped: u64,
    /// Whether the numbers are estimates.
    pub estimated: bool,
    /// What would be denied.
    pub failed: Vec<Denied>,
}

/// A permission that was used and would be denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Denied {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
}

/// The proof that nothing new is allowed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AccessProof {
    /// Steps that the engine took.
    pub steps: u64,
    /// What may be new, each with a request that shows it or the reason why it is not known.
    pub failures: Vec<String>,
}

/// The proof that nothing is idle.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IrredundantProof {
    /// How many actions and resources of statements were tried without.
    pub tried: usize,
    /// Those that nothing needs.
    pub idle: Vec<String>,
    /// Shared policies of which others need what stays, and this one nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub for_others: Vec<String>,
}

/// The sizes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FitProof {
    /// Whether all keep the limits.
    pub holds: bool,
    /// Characters of each document.
    pub sizes: Vec<usize>,
    /// Characters that a document may have.
    pub document_limit: usize,
    /// Documents that there may be.
    pub documents_limit: usize,
    /// How many of these are attached already, and stay.
    #[serde(skip_serializing_if = "is_zero")]
    pub staying: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "that is what serde calls")]
fn is_none(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "that is what serde calls")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// How a draft from the past would have done.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Foretold {
    /// The first moment that the draft was not made from.
    pub split: String,
    /// How many actions of statements the draft as it is now cuts, and how many of them it cut then.
    /// Where there were too few covered days by then, it foretells nothing.
    pub cuts: usize,
    /// See [`Foretold::cuts`].
    pub cut_then: usize,
    /// Distinct successful calls since then that what is attached allows.
    pub calls: u64,
    /// Those of them that the draft would have denied.
    pub denied_calls: u64,
    /// Whether the numbers are estimates.
    pub estimated: bool,
    /// What it would have denied.
    pub denied: Vec<Denied>,
}

/// Puts a draft to what a principal did later.
#[must_use]
pub fn foretell(
    split: &str,
    later: &Principal,
    attached: &[&PolicyDocument],
    boundary: Option<&PolicyDocument>,
    draft: &[&PolicyDocument],
    not_attached: &BTreeSet<&RowKey>,
    catalog: Catalog,
) -> Foretold {
    let within = boundary.map(|document| Replay::of([document]));
    let asking = who(&later.arn);
    let (before, after) = (Replay::of(attached.iter().copied()), Replay::of(draft.iter().copied()));
    let (mut all, mut denied) = (Stats::default(), Stats::default());
    let mut bearings = Bearings::default();
    let mut foretold = Foretold { split: split.to_owned(), ..Foretold::default() };
    let granted = later.rows.iter().filter(|(key, _)| key.outcome.grants());
    for (key, row) in granted.filter(|(key, _)| !not_attached.contains(key)) {
        let circumstances = Circumstances::of(row);
        let bearing = bearings.of(&key.action, catalog);
        let parts = parts((key, bearing), &circumstances, attached, &before, asking.as_ref());
        let judged = parts.into_iter().map(|part| {
            let known = circumstances.with_networks(row);
            let judge = |with: &Replay| with.judge(&part, &known, asking.as_ref());
            let denies = judge(&after) == Allowance::No && judge(&before) != Allowance::No;
            (part, denies)
        });
        // What the boundary forbids is not in the draft because of that.
        let forbidden = |part: &RowKey| {
            let judge = |within: &Replay| within.judge(part, &circumstances, asking.as_ref());
            within.as_ref().map(judge) == Some(Allowance::No)
        };
        let judged: Vec<(RowKey, bool)> =
            judged.filter(|(part, denies)| !denies || !forbidden(part)).collect();
        if judged.is_empty() {
            continue;
        }
        all.join(row.stats.clone());
        for (part, denies) in judged {
            if denies {
                denied.join(row.stats.clone());
                foretold.denied.push(Denied { action: part.action, resource: part.resource });
            }
        }
    }
    foretold.calls = all.calls().value;
    foretold.estimated = all.calls().estimated;
    foretold.denied_calls = denied.calls().value;
    foretold.denied.sort();
    foretold.denied.dedup();
    foretold
}

/// Replays what a principal did. The boundary is the same before and after: what it allows under a
/// condition only is not allowed for certain.
pub fn replay(
    principal: &Principal,
    attached: &[&PolicyDocument],
    boundary: Option<&PolicyDocument>,
    draft: &[&PolicyDocument],
    not_attached: &BTreeSet<&RowKey>,
    withheld: &dyn Fn(&str) -> bool,
    catalog: Catalog,
) -> ReplayProof {
    let askings = Askings::of(principal);
    let (before, after) = (Replay::of(attached.iter().copied()), Replay::of(draft.iter().copied()));
    let within = boundary.map(|document| Replay::of([document]));
    let mut proof = ReplayProof::default();
    // A call can need several permissions: calls are counted over what all of them have.
    let mut all = Stats::default();
    let (mut allowed, mut conditional, mut missing, mut kept_out) =
        (Stats::default(), Stats::default(), Stats::default(), Stats::default());
    let mut on_arns = Stats::default();
    let mut bearings = Bearings::default();
    // Calls that surely need something that is not surely allowed.
    let mut short = Stats::default();
    for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
        all.join(row.stats.clone());
        let (kept, absent) = (withheld(&key.action), not_attached.contains(key));
        if kept || absent {
            if kept { &mut kept_out } else { &mut missing }.join(row.stats.clone());
            // What a call was only taken to need does not make it one that is not allowed.
            if row.certain {
                short.join(row.stats.clone());
            }
            continue;
        }
        let mut sure = true;
        let mut on_arn = false;
        let mut reached = false;
        let circumstances = Circumstances::of(row);
        let bearing = bearings.of(&key.action, catalog);
        for asking in askings.at(row) {
            let parts = parts((key, bearing), &circumstances, attached, &before, asking);
            // What the boundary forbids is not allowed, before or after: the call was on what is left of it.
            let left = |part: &RowKey| {
                boundary.zip(within.as_ref()).is_none_or(|(document, within)| {
                    let limit = std::slice::from_ref(&document);
                    let what = (part, bearing);
                    !self::parts(what, &circumstances, limit, within, asking).is_empty()
                })
            };
            let parts: Vec<RowKey> = parts.into_iter().filter(left).collect();
            // Of what was done under this name, nothing allowed it.
            sure &= !parts.is_empty();
            for part in parts {
                reached = true;
                on_arn |= part.resource != key.resource && takes_no_resource(&key.action, catalog);
                let was = before.judge(&part, &circumstances, asking);
                let mut is = after.judge(&part, &circumstances, asking);
                // A network is known by its first address only; a draft asks for whole networks.
                if is != Allowance::Surely && was == Allowance::Surely {
                    is = after.judge(&part, &circumstances.with_networks(row), asking);
                }
                sure &= is == Allowance::Surely;
                let limit =
                    within.as_ref().map(|within| within.judge(&part, &circumstances, asking));
                sure &= limit.as_ref().is_none_or(|limit| *limit == Allowance::Surely);
                for one in [Some(&is), limit.as_ref()].into_iter().flatten() {
                    if let Allowance::Perhaps(keys) = one {
                        proof.condition_keys.extend(keys.iter().cloned());
                    }
                }
                let holds = match was {
                    Allowance::No => true,
                    Allowance::Perhaps(_) => is != Allowance::No,
                    Allowance::Surely => is == Allowance::Surely,
                };
                if !holds {
                    proof.failed.push(Denied { action: part.action, resource: part.resource });
                }
            }
        }
        if !reached {
            proof
                .failed
                .push(Denied { action: key.action.clone(), resource: key.resource.clone() });
        }
        let counted = match (on_arn, sure) {
            (true, _) => &mut on_arns,
            (false, true) => &mut allowed,
            (false, false) => &mut conditional,
        };
        counted.join(row.stats.clone());
        if (on_arn || !sure) && row.certain {
            short.join(row.stats.clone());
        }
    }
    let mut unmapped = Stats::default();
    for (key, stats) in &principal.unmapped {
        if key.kind.loses() && key.outcome.grants() {
            unmapped.join(stats.clone());
            all.join(stats.clone());
        }
    }
    proof.calls = all.calls().value;
    proof.estimated = all.calls().estimated;
    // Of two permissions of a call one alone is not enough. Counts of many calls are estimates, and have no
    // difference but that of their union.
    let lacking = short.calls().value;
    short.join(allowed);
    proof.allowed = short.calls().value.saturating_sub(lacking);
    proof.conditional = conditional.calls().value;
    proof.on_arns = on_arns.calls().value;
    proof.not_attached = missing.calls().value;
    proof.withheld = kept_out.calls().value;
    proof.unmapped = unmapped.calls().value;
    proof.failed.sort();
    proof.failed.dedup();
    proof
}

/// Tells whether an action is known to take no resource, so that it is asked for on none.
fn takes_no_resource(action: &str, catalog: Catalog) -> bool {
    catalog.action(action).is_some_and(|facts| {
        facts.resource_types_are_known() && facts.resource_types().next().is_none()
    })
}

/// What actions can be about, by service: made once for many that were used.
#[derive(Default)]
struct Bearings<'a>(BTreeMap<&'a str, Bearing>);

impl<'a> Bearings<'a> {
    fn of(&mut self, action: &'a str, catalog: Catalog) -> &Bearing {
        let new = || Bearing::of_action(catalog, action);
        self.0.entry(service(action)).or_insert_with(new)
    }
}

/// Returns the parts of something that was used that attached policies may allow. It was one call
/// on one resource: where only part of what the record leaves open is attached, it was there. It is not asked for
/// on what it cannot be about, if it can have been elsewhere: things of other services, and, of what takes no
/// resource, a name that a statement does not name it beside.
fn parts(
    (key, bearing): (&RowKey, &Bearing),
    circumstances: &Circumstances,
    attached: &[&PolicyDocument],
    before: &Replay,
    asking: Option<&trailtrim_iam::Principal>,
) -> Vec<RowKey> {
    if before.judge(key, circumstances, asking) != Allowance::No {
        return vec![key.clone()];
    }
    let (mut found, mut likely) = (BTreeSet::new(), BTreeSet::new());
    for document in attached {
        let version = document.effective_version();
        for statement in &document.statements {
            let Some(Selector::Only(resources)) = &statement.resource else { continue };
            let holds = statement.effect == Effect::Allow
                && match &statement.action {
                    Selector::Only(patterns) => {
                        patterns.iter().any(|one| pattern::covers_action(one, &key.action))
                    }
                    Selector::AllBut(patterns) => {
                        !patterns.iter().any(|one| pattern::covers_action(one, &key.action))
                    }
                };
            if holds {
                let named = statement.action.listed().iter();
                let named = named.into_iter().any(|one| one.eq_ignore_ascii_case(&key.action));
                for resource in resources {
                    let resource = pattern::modern(resource, version);
                    let common = pattern::overlap(&resource, &key.resource).unwrap_or_default();
                    let takes = match named {
                        true => bearing.takes(&key.action, &resource),
                        false => bearing.may_mean(&key.action, &resource),
                    };
                    if takes {
                        likely.extend(common.iter().cloned());
                    }
                    found.extend(common);
                }
            }
        }
    }
    let part = |resource| RowKey { resource, ..key.clone() };
    let allowed = |parts: BTreeSet<String>| -> Vec<RowKey> {
        let parts = parts.into_iter().map(part);
        parts.filter(|part| before.judge(part, circumstances, asking) != Allowance::No).collect()
    };
    let likely = allowed(likely);
    if likely.is_empty() { allowed(found) } else { likely }
}

/// Proves that a draft allows nothing that what is attached does not.
#[must_use]
pub fn no_new_access(
    attached: &[&PolicyDocument],
    draft: &[&PolicyDocument],
    catalog: Catalog,
) -> AccessProof {
    let name_actions = |wanted: &str| -> Vec<String> {
        let prefix = wanted.split(':').next().unwrap_or_default();
        let service = catalog.service(prefix).into_iter();
        let actions = service.flat_map(|service| service.actions()).map(|facts| facts.id());
        actions
            .filter(|action| pattern::covers_action(wanted, action))
            .take(3)
            .map(str::to_owned)
            .collect()
    };
    let limits =
        Limits { steps: STEPS, witnesses: 3, name_actions: &name_actions, ..Limits::default() };
    let found = compare(attached, draft, &limits);
    let shown = found.witnesses.iter().map(|witness| {
        let request = &witness.request;
        format!("`{}` on `{}`", request.action, request.resource)
    });
    let open = found.undecided.iter().map(|one| {
        let sid = one.statement.sid.as_deref().unwrap_or("without an id");
        format!("statement `{sid}` is undecided: {}", one.reason)
    });
    AccessProof { steps: found.steps, failures: shown.chain(open).collect() }
}

/// Proves that every action and every resource of a draft's Allow statements is needed.
#[must_use]
pub fn irredundant<'s>(
    statements: impl IntoIterator<Item = &'s Statement>,
    needs: &BTreeSet<Need>,
) -> IrredundantProof {
    let statements: Vec<&Statement> = statements.into_iter().collect();
    let index = Index::of(&statements);
    let mut needed_actions: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut needed_resources: BTreeSet<(usize, usize)> = BTreeSet::new();
    for ways in index.ways(needs) {
        // Only what is the one way cannot go.
        let mut by_action: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut by_resource: BTreeSet<(usize, usize)> = BTreeSet::new();
        for Way { statement, action, resource } in ways {
            by_action.insert((statement, action));
            by_resource.insert((statement, resource));
        }
        if by_action.len() == 1 {
            needed_actions.extend(by_action);
        }
        if by_resource.len() == 1 {
            needed_resources.extend(by_resource);
        }
    }
    let mut proof = IrredundantProof::default();
    let listing = statements.into_iter().filter(|one| ways::is_listing(one));
    for (at, statement) in listing.enumerate() {
        let sid = statement.sid.as_deref().unwrap_or_default();
        let mut note = |needed: &BTreeSet<(usize, usize)>, texts: &[String]| {
            for (place, text) in texts.iter().enumerate() {
                proof.tried += 1;
                if !needed.contains(&(at, place)) {
                    proof.idle.push(format!("`{text}` in statement `{sid}`"));
                }
            }
        };
        note(&needed_actions, statement.action.listed());
        if let Some(resources) = &statement.resource {
            note(&needed_resources, resources.listed());
        }
    }
    proof
}

/// Measures documents against limits.
#[must_use]
pub fn fits(documents: &[&PolicyDocument], limits: &FitLimits, staying: usize) -> FitProof {
    let sizes: Vec<usize> = documents.iter().map(|document| limits.measure(document)).collect();
    FitProof {
        holds: sizes.len() + staying <= limits.documents
            && sizes.iter().all(|one| *one <= limits.document),
        sizes,
        document_limit: limits.document,
        documents_limit: limits.documents,
        staying,
    }
}
