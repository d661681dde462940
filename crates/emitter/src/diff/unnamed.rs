//! What workloads may need on something whose name nothing tells, where the pattern that allowed it goes.

use std::collections::BTreeSet;

use trailtrim_aggregator::Principal;
use trailtrim_catalog::Catalog;
use trailtrim_iam::{Effect, PolicyDocument, Statement, pattern};

use crate::baseline::workload_companions;
use crate::renewed::is_of_all;
use crate::tighten::{Place, TightenedBundle, Unnamed};

/// Says what a principal's workloads need on something whose name nothing tells, where the pattern that allowed that
/// goes. What is shared may be judged by what others' workloads need.
pub(super) fn unnamed(
    principal: &Principal,
    bundle: &TightenedBundle<'_>,
    drafts: &[&PolicyDocument],
    catalog: Catalog,
) -> BTreeSet<String> {
    let of_its = workload_companions(principal);
    let of_its: BTreeSet<&str> =
        of_its.iter().flat_map(|one| one.actions).map(String::as_str).collect();
    let attached = |place: &Place| {
        let policy = bundle.bundle.policies.get(place.policy)?;
        policy.document.statements.get(place.statement)
    };
    let judged = bundle.judged.iter();
    let judged = judged.flat_map(|(place, all)| all.iter().map(move |one| (attached(place), one)));
    let judged = judged.filter(|(_, one)| of_its.contains(one.action));
    let told = judged.filter_map(|(attached, one)| {
        let Unnamed { why, patterns } = one.unnamed.as_ref()?;
        let statements = drafts.iter().flat_map(|draft| &draft.statements);
        let allowing = statements.filter(|drafted| {
            let mut actions = drafted.action.listed().iter();
            drafted.effect == Effect::Allow
                && !drafted.action.is_negated()
                && actions.any(|wide| pattern::covers_action(wide, one.action))
                && attached.is_some_and(|attached| asks_no_more(drafted, attached))
        });
        let resources = allowing.flat_map(|statement| &statement.resource);
        let resources = resources.filter(|listed| !listed.is_negated());
        let drafted: Vec<&String> = resources.flat_map(|listed| listed.listed()).collect();
        let stays = |pattern: &String| {
            let has = |wide: &&String| {
                pattern::covers(wide, pattern) || is_of_all(catalog, one.action, wide)
            };
            drafted.iter().any(has)
        };
        if patterns.iter().all(stays) {
            return None;
        }
        Some(format!(
            "{} {why} Which that is, nothing tells; a pattern allowed it, and the draft has what was used alone: \
             add it, or pin it",
            one.action
        ))
    });
    told.collect()
}

/// Whether a statement of the draft asks for nothing that an attached one does not ask for.
fn asks_no_more(drafted: &Statement, attached: &Statement) -> bool {
    drafted.condition.iter().all(|asked| attached.condition.iter().any(|known| known == asked))
}
