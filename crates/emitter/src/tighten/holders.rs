//! Holders of a policy that several have, and of which they use nothing.
//!
//! What is shared is judged by what all of its holders did, so its draft says nothing of one of them. Of
//! one that did nothing of what stays it is told where the trail would have shown it for long enough.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::Principal;

use super::Standards;
use super::allow::{Allow, Place};
use super::companions::Companions;
use super::lookout::{Inquiry, Sight};
use super::verdict::{Bench, Class, Judged};
use crate::attached::Policy;

/// Returns the holders that surely use nothing of what stays of a shared policy, each with the covered days.
pub(super) fn idle(
    bench: &Bench<'_, '_>,
    judged: &BTreeMap<Place, Vec<Judged<'_>>>,
    standards: &Standards<'_>,
) -> BTreeMap<String, usize> {
    let bundle = bench.bundle;
    // What was grouped is one by the user's word.
    let is_shared = bundle.is_of_group()
        || bundle.shared.as_deref().is_some_and(|shared| shared.starts_with("arn:"));
    let foreign = bench.allows.iter().any(|allow| !allow.foreign.is_empty());
    if !is_shared || bundle.holders.len() < 2 || foreign {
        return BTreeMap::new();
    }
    let looks = bench.principals.iter().filter_map(|principal| {
        let days = days(bench, principal, judged, standards)?;
        Some((principal.arn.clone(), days))
    });
    looks.collect()
}

/// Returns for how many days a holder would have shown that it uses something; nothing where it did, or
/// need not have shown.
fn days(
    bench: &Bench<'_, '_>,
    principal: &Principal,
    judged: &BTreeMap<Place, Vec<Judged<'_>>>,
    standards: &Standards<'_>,
) -> Option<usize> {
    let meets = |allow: &Allow<'_>| {
        let mut rows = principal.rows.keys();
        rows.any(|key| allow.holds_action(&key.action) && allow.may_reach(&key.resource))
    };
    if bench.allows.iter().any(meets) {
        return None;
    }
    let companions = Companions::of(&[principal], standards.catalog);
    let lookout = standards.lookout;
    let whose = lookout.whose(&principal.arn);
    let mut fewest = None;
    for allow in bench.allows {
        let since = bench.bundle.policies.get(allow.place.policy).and_then(Policy::allows_since);
        let limited: Option<BTreeSet<&str>> = allow.regions();
        let staying = judged.get(&allow.place).into_iter().flatten().filter(|one| one.stays());
        for one in staying {
            let needed = companions.namesake(one.action).is_some()
                || companions.of_action(one.action, allow, false).is_some()
                || companions.of_workload(one.action, allow, &|_| false).is_some();
            if needed || matches!(one.class, Class::Pinned | Class::Frozen) {
                return None;
            }
            let all = allow.resources.iter().map(String::as_str);
            let resources: Vec<&str> =
                all.filter(|on| allow.takes(bench.bearing, one.action, on)).collect();
            let sight = lookout.judge(Inquiry {
                whose,
                action: one.action,
                resources: &resources,
                since,
                limited: limited.as_ref(),
                can: bench.can,
            });
            let Sight::Unused { days } = sight else { return None };
            fewest = Some(fewest.map_or(days, |fewest: usize| fewest.min(days)));
        }
    }
    fewest
}
