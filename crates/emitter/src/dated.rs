//! Keys with a date in them that a policy lists.
//!
//! Where dates go on, a pattern stands over them ([`taste`](crate::taste)). A key that was used beyond its date, or long before, may be
//! kept for good, as a data set of then, or written anew each day until the next date's turn comes: the log does not
//! tell which. So it stays as it is, and this says what that means for another date.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::Principal;
use trailtrim_catalog::Catalog;
use trailtrim_iam::PolicyDocument;

use crate::taste::dated_key;
use crate::turnover::{Listing, kind, listed};

/// Keys of one container that hold a date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatedKeys {
    /// The actions on them.
    pub actions: BTreeSet<String>,
    /// How many there are.
    pub keys: usize,
    /// How many of them were used beyond their date.
    pub beyond: usize,
    /// The one that came last.
    pub last: String,
}

/// What was found in one container: actions, keys with the day on which each was first seen, and which of them were
/// used beyond their date.
#[derive(Default)]
struct Container<'p> {
    actions: BTreeSet<String>,
    keys: BTreeMap<&'p str, Option<i32>>,
    beyond: BTreeSet<&'p str>,
}

/// Looks for such keys in what a principal was granted, as its policies list them; what is attached under the same
/// names was put there by somebody who knew.
pub(crate) fn dated_keys(
    principal: &Principal,
    policies: &[&PolicyDocument],
    attached: &[&PolicyDocument],
    catalog: Catalog,
) -> Vec<DatedKeys> {
    let mut found: BTreeMap<&str, Container<'_>> = BTreeMap::new();
    let (mut drafted, mut attached) = (Listing::of(policies), Listing::of(attached));
    for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
        let Some(container) = kind(&key.resource) else { continue };
        let (action, resource) = (key.action.as_str(), key.resource.as_str());
        let days = row.stats.days();
        if let Some(is_beyond) = dated_key(action, resource, &row.stats, catalog)
            && drafted.written(action, resource) == Some(resource)
            && attached.written(action, resource) != Some(resource)
        {
            let Container { actions, keys, beyond } = found.entry(container).or_default();
            actions.insert(key.action.clone());
            beyond.extend(is_beyond.then_some(resource));
            let first = keys.entry(resource).or_insert(days.first());
            *first = [*first, days.first()].into_iter().flatten().min();
        }
    }
    let told = found.into_values().filter_map(|Container { actions, keys, beyond }| {
        let (last, _) = keys.iter().max_by_key(|(name, first)| (**first, **name))?;
        let last = (*last).to_owned();
        Some(DatedKeys { actions, keys: keys.len(), beyond: beyond.len(), last })
    });
    told.collect()
}

impl DatedKeys {
    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let DatedKeys { actions, keys, beyond, last } = self;
        let actions = listed(actions);
        let (keys, them, their) = match keys {
            1 => ("1 key".to_owned(), "it", "its"),
            _ => (format!("{keys} keys"), "them", "their"),
        };
        let used = match beyond {
            0 => String::new(),
            all if *all == self.keys => ", and were used beyond it".to_owned(),
            some => format!(", and {some} were used beyond it"),
        };
        format!(
            "keys hold a date{used}: {actions} on {keys}, last `{last}`. The policy lists {them}, \
             and one of another date would be refused: if there will be one, put a pattern in {their} place"
        )
    }
}
