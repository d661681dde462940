//! Attached patterns that name a thing and leave its parts open.
//!
//! Where a policy says `bucket/exports/*` or `task/cluster/*`, whoever wrote it named the thing: the
//! pattern is narrow already, and people know it. It is narrow if all variables of the resource
//! type that name the thing are fixed; in a bucket the key must have a fixed beginning as well.

use std::collections::BTreeSet;

use trailtrim_catalog::{ActionFacts, Part, Shape};

use super::item::Item;
use crate::irredundant::covers;

/// Takes apart the patterns that leave something open. Policy variables are another's business.
pub(super) fn narrowing(patterns: &[String], facts: ActionFacts) -> Vec<Shape<'_>> {
    let distinct: BTreeSet<&String> = patterns.iter().collect();
    let open = distinct.into_iter().filter(|text| text.contains('*') && !text.contains(['?', '$']));
    open.filter_map(|text| facts.shape(text)).collect()
}

/// Returns the narrowest pattern that holds the name, with the name's own partition, region and
/// account; and the pattern as it is attached.
pub(super) fn narrow(item: &Item<'_>, patterns: &[Shape<'_>]) -> Option<(String, String)> {
    let same_thing = |pattern: &&Shape<'_>| {
        pattern.template() == item.shape.template()
            && item.kind.name(pattern).eq(item.kind.name(&item.shape))
            && (!item.kind.keyed || begins(pattern))
    };
    let narrow = patterns.iter().filter(same_thing).filter_map(|pattern| {
        let to = item.kind.in_place_of(&item.shape, pattern);
        let text: String = pattern.parts().iter().map(|part| part.text()).collect();
        (to.contains('*') && covers(&to, item.base)).then_some((to, text))
    });
    // Of several the longest, then the first.
    narrow.reduce(|best, other| if other.0.len() > best.0.len() { other } else { best })
}

/// Returns whether a key's pattern has a fixed beginning.
fn begins(pattern: &Shape<'_>) -> bool {
    matches!(pattern.parts().last(), Some(Part::Variable(key)) if !key.starts_with('*'))
}
