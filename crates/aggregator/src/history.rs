//! When it changed what somebody is allowed, as far as the trail shows it.
//!
//! A statement that came late had fewer days to be used than the trail has, and a
//! permission that no policy grants today may have been granted then. Which calls
//! are such changes is data: `data/policy-changes.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_catalog::Catalog;

use crate::call::Call;
use crate::outcome::Outcome;
use crate::usage::Usage;

/// Whose policies a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A role.
    Role,
    /// A user.
    User,
    /// A group.
    Group,
}

/// A change, or all of its kind: the last is what counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyChange {
    /// The account in which it happened.
    pub account: String,
    /// Whose policies changed, by kind and name (without path); absent where a managed policy
    /// changed, whoever has it.
    pub holder: Option<(Holder, String)>,
    /// The ARN of a managed policy or the name of an inline one; absent where the call does not
    /// say, which may mean any.
    pub policy: Option<String>,
}

/// The changes that the trail shows, each with the time of the last of its kind, in seconds since
/// 1970.
pub type PolicyChanges = BTreeMap<PolicyChange, i64>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    events: Vec<String>,
    holder: Option<Holder>,
    name: Option<String>,
    policy: Option<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    change: Vec<Rule>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: File = toml::from_str(include_str!("../data/policy-changes.toml"))
        .expect("data/policy-changes.toml has the shape of `File`");
    file.change
});

/// Returns the changes that the trail shows.
pub(crate) fn policy_changes(usage: &Usage, catalog: Catalog) -> PolicyChanges {
    let mut changes = PolicyChanges::new();
    let wanted = move |frame: &Call<'_>| {
        frame.event_source == "iam.amazonaws.com" && Outcome::of(frame, catalog).grants()
    };
    let calls = usage.principals().flat_map(|(_, calls)| calls.framed(wanted));
    for (call, stats) in calls {
        let operation = call.operation(catalog);
        let named = |rule: &&Rule| rule.events.iter().any(|event| *event == operation.name());
        let (Some(rule), Some(last)) = (RULES.iter().find(named), stats.last()) else { continue };
        let values = |name: &Option<String>| match name {
            Some(name) => values(&call, name),
            None => Vec::new(),
        };
        let holders: Vec<Option<(Holder, String)>> = match (rule.holder, values(&rule.name)) {
            (Some(holder), names) if !names.is_empty() => {
                names.into_iter().map(|name| Some((holder, name))).collect()
            }
            (Some(_), _) => continue,
            (None, _) => vec![None],
        };
        let policies = match values(&rule.policy) {
            none if none.is_empty() => vec![None],
            some => some.into_iter().map(Some).collect(),
        };
        for holder in &holders {
            for policy in &policies {
                let change = PolicyChange {
                    account: call.account.to_string(),
                    holder: holder.clone(),
                    policy: policy.clone(),
                };
                let time = changes.entry(change).or_insert(last);
                *time = last.max(*time);
            }
        }
    }
    changes
}

/// Returns the values that a call has under a parameter's name, its folded ones left out.
fn values(call: &Call<'_>, name: &str) -> Vec<String> {
    let is_name =
        |path: &str| path.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
    let mut values: Vec<String> = call
        .parts
        .iter()
        .filter(|(path, _)| is_name(path))
        .map(|(_, value)| value.to_string())
        .filter(|value| call.open.as_ref().is_none_or(|open| !value.contains(&open.stand_in)))
        .collect();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_an_operation_that_the_catalog_knows() {
        let catalog = Catalog::embedded();
        for event in RULES.iter().flat_map(|rule| &rule.events) {
            assert_eq!(catalog.operation("iam.amazonaws.com", event).name(), event);
        }
    }
}
