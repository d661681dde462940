//! Keys with a date in them that a policy lists.
//!
//! Where dates go on, a pattern stands over them ([`taste`](crate::taste)). A key that was used beyond its date may be
//! kept for good, as a data set of then, or written anew each day until the next date's turn comes: the log does not
//! tell which. So it stays as it is, and this says what that means for another date.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::Principal;
use trailtrim_catalog::Catalog;
use trailtrim_iam::PolicyDocument;

use crate::taste::is_dated_key;
use crate::turnover::{kind, listed, written};

/// Keys of one container that hold a date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatedKeys {
    /// The actions on them.
    pub actions: BTreeSet<String>,
    /// How many there are.
    pub keys: usize,
    /// The one that came last.
    pub last: String,
}

/// What was found in one container: actions, and keys with the day on which each was first seen.
#[derive(Default)]
struct Container<'p> {
    actions: BTreeSet<String>,
    keys: BTreeMap<&'p str, Option<i32>>,
}

/// Looks for such keys in what a principal was granted, as its policies list them.
pub(crate) fn dated_keys(
    principal: &Principal,
    policies: &[&PolicyDocument],
    catalog: Catalog,
) -> Vec<DatedKeys> {
    let mut found: BTreeMap<&str, Container<'_>> = BTreeMap::new();
    for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
        let Some(container) = kind(&key.resource) else { continue };
        if is_dated_key(&key.action, &key.resource, catalog)
            && written(policies, &key.action, &key.resource).as_ref() == Some(&key.resource)
        {
            let Container { actions, keys } = found.entry(container).or_default();
            actions.insert(key.action.clone());
            let first = keys.entry(&key.resource).or_insert(row.stats.days().first());
            *first = [*first, row.stats.days().first()].into_iter().flatten().min();
        }
    }
    let told = found.into_values().filter_map(|Container { actions, keys }| {
        let (last, _) = keys.iter().max_by_key(|(name, first)| (**first, **name))?;
        Some(DatedKeys { actions, keys: keys.len(), last: (*last).to_owned() })
    });
    told.collect()
}

impl DatedKeys {
    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let DatedKeys { actions, keys, last } = self;
        let actions = listed(actions);
        let (keys, them, their) = match keys {
            1 => ("1 key".to_owned(), "it", "its"),
            _ => (format!("{keys} keys"), "them", "their"),
        };
        format!(
            "keys hold a date, and were used beyond it: {actions} on {keys}, last `{last}`. The policy lists {them}, \
             and one of another date would be refused: if there will be one, put a pattern in {their} place"
        )
    }
}
