//! When it changed what somebody is allowed, as far as the trail shows it.
//!
//! A statement that came late had fewer days to be used than the trail has, and a
//! permission that no policy grants today may have been granted then. Which calls
//! are such changes is data: `data/policy-changes.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_catalog::Catalog;

use crate::activity::Principal;
use crate::call::Call;
use crate::federated;
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
    /// Whose policies changed; absent where a managed policy changed, whoever has it.
    pub holder: Option<Whose>,
    /// The ARN of a managed policy or the name of an inline one; absent where the call does not
    /// say, which may mean any.
    pub policy: Option<String>,
    /// The group that all of it came with, or went with.
    pub group: Option<String>,
    /// Whether it took the policy off, or out of the group, or what a managed one said.
    pub takes: bool,
}

/// Whose policies a change is about, as far as the log tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whose {
    /// The kind.
    pub kind: Holder,
    /// The name (without path); absent where the log does not have it any more, so that it may be anyone of
    /// the account.
    pub name: Option<String>,
}

impl PolicyChange {
    /// Returns whether it may be about the policies of somebody of this kind who goes, or went, by one of
    /// these names, however their letters are written: IAM takes names that differ in case alone for one. Changes of
    /// managed policies are about nobody.
    pub fn is_of<'n>(
        &self,
        account: &str,
        kind: Holder,
        names: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        self.holder.as_ref().is_some_and(|whose| {
            let is = |name: &String| names.into_iter().any(|one| one.eq_ignore_ascii_case(name));
            self.account == account && whose.kind == kind && whose.name.as_ref().is_none_or(is)
        })
    }
}

/// The changes that the trail shows, each with the time of the last of its kind, in seconds since
/// 1970.
pub type PolicyChanges = BTreeMap<PolicyChange, i64>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    events: Vec<String>,
    /// Those of them that take a policy off.
    #[serde(default)]
    takes: Vec<String>,
    holder: Option<Holder>,
    name: Option<String>,
    /// Where the name stands, in small letters as all paths, if the catalog does not ask for it.
    path: Option<String>,
    policy: Option<String>,
    /// Where an inline policy's name stands, which the catalog does not ask for.
    policy_path: Option<String>,
    /// The member that names the group whose policies come or go.
    group: Option<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    event: String,
    holder: Holder,
    /// Where the name stands that is given up, and where the one that is taken, in small letters.
    from: String,
    to: String,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    change: Vec<Rule>,
    rename: Vec<Rename>,
}

const DATA: &str = include_str!("../data/policy-changes.toml");

static FILE: LazyLock<File> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    toml::from_str(DATA).expect("data/policy-changes.toml has the shape of `File`")
});

/// Returns what usages depend on beside the code: the text of the data.
pub(crate) fn data() -> &'static str {
    DATA
}

/// Returns the members of a call's request that say whose policies it changes. The catalog asks for those
/// alone that the call is authorized on: of one that puts a user into a group, for the group.
pub(crate) fn kept(source: &str, name: &str) -> Vec<&'static str> {
    let of_change = rules(source, name)
        .flat_map(|rule| [&rule.path, &rule.policy_path].into_iter().filter_map(Option::as_deref));
    of_change.chain(renames(source, name).flat_map(|one| [&*one.from, &*one.to])).collect()
}

/// Tells whether a call changes what somebody is allowed, or says under which name it is found: then it counts
/// whoever made it (root, a service-linked role such as that of Identity Center), and not only where a policy
/// is drafted for them.
pub(crate) fn is_change(source: &str, name: &str) -> bool {
    // Asked of every record.
    source == IAM
        && (rules(source, name).next().is_some() || renames(source, name).next().is_some())
}

fn rules(source: &str, name: &str) -> impl Iterator<Item = &'static Rule> {
    let of_iam = source == IAM;
    FILE.change.iter().filter(move |rule| of_iam && rule.events.iter().any(|event| event == name))
}

fn renames(source: &str, name: &str) -> impl Iterator<Item = &'static Rename> {
    let of_iam = source == IAM;
    FILE.rename.iter().filter(move |rename| of_iam && rename.event == name)
}

const IAM: &str = "iam.amazonaws.com";

/// Returns the changes that the trail shows.
pub(crate) fn policy_changes(usage: &Usage, catalog: Catalog) -> PolicyChanges {
    let (mut changes, mut renamed) = (PolicyChanges::new(), Vec::new());
    // What failed was allowed, and changed nothing.
    let wanted = move |frame: &Call<'_>| {
        frame.event_source == IAM
            && frame.error_code.is_none()
            && Outcome::of(frame, catalog).grants()
    };
    let calls = usage.principals().flat_map(|(_, calls)| calls.framed(wanted));
    // Some are kept for whom a session is of, without the names that the call has.
    let whole = move |frame: &Call<'_>| wanted(frame) && !federated::is_told(frame);
    let calls = calls.chain(usage.lessons.framed(whole));
    for (call, stats) in calls {
        let operation = call.operation(catalog);
        for rename in renames(IAM, operation.name()) {
            if let ([from], [to]) = (&*at(&call, &rename.from), &*at(&call, &rename.to)) {
                let name = |name: &str| Whose { kind: rename.holder, name: Some(name.to_owned()) };
                renamed.push((call.account.to_string(), name(from), name(to)));
            }
        }
        let named = rules(IAM, operation.name()).next();
        let (Some(rule), Some(last)) = (named, stats.last()) else { continue };
        let values = |name: &Option<String>| match name {
            Some(name) => values(&call, name),
            None => Vec::new(),
        };
        // A call that stands for many does not have all of its names any more.
        let each = |name: &Option<String>| match values(name) {
            none if none.is_empty() => vec![None],
            some => some.into_iter().map(Some).collect(),
        };
        let holders: Vec<Option<Whose>> = match rule.holder {
            Some(kind) => {
                each(&rule.name).into_iter().map(|name| Some(Whose { kind, name })).collect()
            }
            None => vec![None],
        };
        let (policies, groups) = (each(&rule.policy), each(&rule.group));
        for holder in &holders {
            for (policy, group) in
                policies.iter().flat_map(|policy| groups.iter().map(move |group| (policy, group)))
            {
                let change = PolicyChange {
                    account: call.account.to_string(),
                    holder: holder.clone(),
                    policy: policy.clone(),
                    group: group.clone(),
                    takes: rule.takes.iter().any(|one| one == operation.name()),
                };
                let time = changes.entry(change).or_insert(last);
                *time = last.max(*time);
            }
        }
    }
    // Some were renamed more than once.
    for _ in 0..renamed.len().min(MOST_RENAMES) {
        let before = changes.len();
        for (account, from, to) in &renamed {
            take_over(&mut changes, to, |change| {
                change.holder.as_ref().is_some_and(|whose| whose.name.is_some())
                    && change.is_of(account, from.kind, from.name.as_deref())
            });
            if to.kind == Holder::Group {
                take_in(&mut changes, account, from, to);
            }
        }
        if changes.len() == before {
            break;
        }
    }
    changes
}

/// How many names one after the other are followed.
const MOST_RENAMES: usize = 16;

/// Returns the values that a call has at a path, its folded ones left out.
fn at<'c>(call: &'c Call<'_>, path: &str) -> Vec<&'c str> {
    let here = call.parts.iter().filter(|(at, _)| at == path).map(|(_, value)| &**value);
    let told = |value: &&str| call.open.as_ref().is_none_or(|open| !value.contains(&open.stand_in));
    here.filter(told).collect()
}

/// Counts what came with a group under the name that the group has since.
fn take_in(changes: &mut PolicyChanges, account: &str, from: &Whose, to: &Whose) {
    let same =
        |group: &String| from.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(group));
    let with = changes
        .iter()
        .filter(|(change, _)| change.account == account && change.group.as_ref().is_some_and(same));
    let with = with
        .map(|(change, time)| (PolicyChange { group: to.name.clone(), ..change.clone() }, *time));
    take_up(changes, with.collect());
}

fn take_up(changes: &mut PolicyChanges, more: Vec<(PolicyChange, i64)>) {
    for (change, last) in more {
        let time = changes.entry(change).or_insert(last);
        *time = last.max(*time);
    }
}

/// Counts some changes for another holder as well.
fn take_over(changes: &mut PolicyChanges, by: &Whose, which: impl Fn(&PolicyChange) -> bool) {
    let taken = changes
        .iter()
        .filter(|(change, _)| which(change))
        .map(|(change, time)| (PolicyChange { holder: Some(by.clone()), ..change.clone() }, *time));
    take_up(changes, taken.collect());
}

/// Counts what changed under the former names of a user for the present one.
pub(crate) fn of_former_names(changes: &mut PolicyChanges, user: &Principal) {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let former: Vec<String> = user.former.keys().map(|arn| name(arn)).collect();
    let is_former = |change: &PolicyChange| {
        change.is_of(&user.account, Holder::User, former.iter().map(String::as_str))
    };
    let present = Whose { kind: Holder::User, name: Some(name(&user.arn)) };
    take_over(changes, &present, is_former);
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

    use std::collections::BTreeSet;

    use super::*;
    use crate::Quota;
    use crate::observe::Observer;
    use crate::scope::Scope;

    #[test]
    fn every_change_is_an_operation_that_the_catalog_knows() {
        let catalog = Catalog::embedded();
        for event in FILE.change.iter().flat_map(|rule| &rule.events) {
            assert_eq!(catalog.operation("iam.amazonaws.com", event).name(), event);
        }
    }

    fn observed(calls: &[(&str, &str)], quota: Quota) -> PolicyChanges {
        let scope = Scope::default();
        let mut observer = Observer::with_quota(Catalog::embedded(), &scope, quota);
        for (at, (name, request)) in calls.iter().enumerate() {
            let text = format!(
                r#"{{"userIdentity":{{"type":"Root","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"iam.amazonaws.com","eventName":"{name}","eventID":"{at}",
                "awsRegion":"us-east-1","recipientAccountId":"111122223333","requestParameters":{request}}}"#
            );
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
        }
        policy_changes(&observer.into_usage(), Catalog::embedded())
    }

    fn changes(name: &str, users: &[&str], quota: Quota) -> PolicyChanges {
        let request = |user: &&str| format!(r#"{{"groupName":"ops","userName":"{user}"}}"#);
        let requests: Vec<String> = users.iter().map(request).collect();
        let calls: Vec<(&str, &str)> = requests.iter().map(|one| (name, one.as_str())).collect();
        observed(&calls, quota)
    }

    #[test]
    fn what_changed_before_somebody_was_renamed_counts_under_each_name_since() {
        let changes = observed(
            &[
                ("PutUserPolicy", r#"{"userName":"a","policyName":"p"}"#),
                ("UpdateUser", r#"{"userName":"a","newUserName":"b"}"#),
                ("UpdateUser", r#"{"userName":"b","newUserName":"c"}"#),
                ("PutGroupPolicy", r#"{"groupName":"g","policyName":"p"}"#),
                ("AddUserToGroup", r#"{"groupName":"g","userName":"d"}"#),
                ("PutUserPolicy", r#"{"userName":"E","policyName":"p"}"#),
                ("UpdateUser", r#"{"userName":"e","newUserName":"f"}"#),
                ("AddUserToGroup", r#"{"groupName":"G","userName":"d"}"#),
                ("UpdateGroup", r#"{"groupName":"g","newGroupName":"h"}"#),
                ("PutGroupPolicy", r#"{"groupName":"I","policyName":"p"}"#),
                ("UpdateGroup", r#"{"groupName":"i","newGroupName":"j"}"#),
                ("AddUserToGroup", r#"{"groupName":"I","userName":"k"}"#),
            ],
            Quota::default(),
        );
        let of = |kind: Holder, name: &str| {
            changes.keys().any(|change| change.is_of("111122223333", kind, [name]))
        };
        // Whatever the case of their letters.
        for name in ["a", "b", "c", "f"] {
            assert!(of(Holder::User, name), "{name}: {changes:?}");
        }
        assert!(of(Holder::Group, "g") && of(Holder::Group, "h") && !of(Holder::User, "h"));
        assert!(of(Holder::Group, "j"));
        let with = |user: &str| -> BTreeSet<Option<&str>> {
            let of = changes.keys().filter(|one| one.is_of("111122223333", Holder::User, [user]));
            of.map(|change| change.group.as_deref()).collect()
        };
        assert_eq!(with("d"), [Some("G"), Some("g"), Some("h")].into());
        assert_eq!(with("k"), [Some("I"), Some("j")].into());
    }

    #[test]
    fn names_are_not_told_apart_by_case() {
        let changes = changes("AddUserToGroup", &["Dana"], Quota::default());
        let of =
            |name: &str| changes.keys().any(|one| one.is_of("111122223333", Holder::User, [name]));
        assert!(of("dana") && of("DANA") && !of("dan"));
    }

    #[test]
    fn a_change_is_of_the_policy_that_it_names_and_took_place() {
        let changes = observed(
            &[
                ("PutRolePolicy", r#"{"roleName":"r","policyName":"other"}"#),
                (
                    "PutRolePolicy",
                    r#"{"roleName":"gone","policyName":"p"},"errorCode":"NoSuchEntityException""#,
                ),
            ],
            Quota::default(),
        );
        let told: Vec<_> = changes.keys().map(|one| one.policy.as_deref()).collect();
        assert_eq!(told, [Some("other")], "{changes:?}");
    }

    #[test]
    fn whoever_is_put_into_a_group_has_its_policies_since() {
        let changes = changes("AddUserToGroup", &["dana"], Quota::default());
        let change = PolicyChange {
            account: "111122223333".to_owned(),
            holder: Some(Whose { kind: Holder::User, name: Some("dana".to_owned()) }),
            policy: None,
            group: Some("ops".to_owned()),
            takes: false,
        };
        assert_eq!(changes.keys().collect::<Vec<_>>(), [&change]);
    }

    #[test]
    fn of_names_that_were_folded_any_may_be_meant() {
        let users: Vec<String> = (0..20).map(|user| format!("u{user}")).collect();
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let changes = changes("AddUserToGroup", &users, Quota::new(1));
        let of = |account: &str| {
            changes.keys().any(|change| change.is_of(account, Holder::User, ["u19"]))
        };
        assert!(of("111122223333") && !of("444455556666"), "{changes:?}");
    }

    #[test]
    fn what_changed_under_a_former_name_counts_for_the_present_one() {
        let mut changes = changes("AddUserToGroup", &["dana"], Quota::default());
        let mut user = Principal::new("arn:aws:iam::111122223333:user/team/dee").unwrap();
        user.former.insert("arn:aws:iam::111122223333:user/dana".to_owned(), 0);
        of_former_names(&mut changes, &user);
        for name in ["dana", "dee"] {
            let of = changes.keys().any(|one| one.is_of(&user.account, Holder::User, [name]));
            assert!(of, "{name}: {changes:?}");
        }
    }
}
