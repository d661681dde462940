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
    /// Where the name stands, in small letters as all paths, if the catalog does not ask for it.
    path: Option<String>,
    policy: Option<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    change: Vec<Rule>,
}

const DATA: &str = include_str!("../data/policy-changes.toml");

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: File =
        toml::from_str(DATA).expect("data/policy-changes.toml has the shape of `File`");
    file.change
});

/// Returns what usages depend on beside the code: the text of the data.
pub(crate) fn data() -> &'static str {
    DATA
}

/// Returns the members of a call's request that say whose policies it changes. The catalog asks for those
/// alone that the call is authorized on: of one that puts a user into a group, for the group.
pub(crate) fn kept(source: &str, name: &str) -> Vec<&'static str> {
    let is_change = |rule: &&'static Rule| {
        source == "iam.amazonaws.com" && rule.events.iter().any(|event| event == name)
    };
    RULES.iter().filter(is_change).filter_map(|rule| rule.path.as_deref()).collect()
}

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
    use trailtrim_ingest::{Provenance, Record};

    use super::*;
    use crate::observe::Observer;
    use crate::scope::Scope;

    #[test]
    fn every_change_is_an_operation_that_the_catalog_knows() {
        let catalog = Catalog::embedded();
        for event in RULES.iter().flat_map(|rule| &rule.events) {
            assert_eq!(catalog.operation("iam.amazonaws.com", event).name(), event);
        }
    }

    #[test]
    fn whoever_is_put_into_a_group_has_other_policies_since() {
        let text = r#"{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"iam.amazonaws.com","eventName":"AddUserToGroup","eventID":"e",
            "awsRegion":"us-east-1","recipientAccountId":"111122223333","requestParameters":{"groupName":"ops","userName":"dana"}}"#;
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        observer.observe(&Provenance::bare(&"a".into()), &Record::parse(text).unwrap());
        let changes = policy_changes(&observer.into_usage(), Catalog::embedded());
        let change = PolicyChange {
            account: "111122223333".to_owned(),
            holder: Some((Holder::User, "dana".to_owned())),
            policy: None,
        };
        assert_eq!(changes.keys().collect::<Vec<_>>(), [&change]);
    }
}
