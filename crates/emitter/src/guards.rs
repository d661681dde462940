//! Since when nothing else forbids what a principal's policies allow.
//!
//! What a boundary left out or a Deny forbade was not used, however long it was attached. So all that a principal
//! has counts since the last change of its boundary or of a policy with a Deny, and since a policy was taken off
//! that may have had one: the trail does not say what it said. A policy that is attached and has no Deny forbids
//! nothing, and neither does one that comes.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Holder, PolicyChange, PolicyChanges};
use trailtrim_iam::Effect;
use trailtrim_iam::read::{AttachedPolicy, Attachments, Document, HolderKind};

use crate::attached::{kind, made};

/// What is known of what forbids, and of when it changed.
pub(crate) struct Guards<'a> {
    changes: &'a PolicyChanges,
    /// The managed policies of which the dumps show that they forbid nothing.
    harmless: BTreeSet<&'a str>,
    /// The groups of which all policies forbid nothing, by account.
    harmless_groups: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Guards<'a> {
    pub(crate) fn of(holders: &'a [Attachments], changes: &'a PolicyChanges) -> Guards<'a> {
        let mut managed: BTreeMap<&str, bool> = BTreeMap::new();
        for policy in holders.iter().flat_map(|one| one.policies.iter().chain(&one.boundary)) {
            if let Some(arn) = &policy.arn {
                *managed.entry(arn).or_default() |= may_forbid(policy);
            }
        }
        let groups = holders.iter().filter(|one| one.kind == HolderKind::Group);
        let harmless_groups = groups.filter(|group| !group.policies.iter().any(may_forbid));
        Guards {
            changes,
            harmless: managed.into_iter().filter_map(|(arn, may)| (!may).then_some(arn)).collect(),
            harmless_groups: harmless_groups
                .map(|group| (account_of(&group.arn), group.name.as_str()))
                .collect(),
        }
    }

    /// Returns when what forbids a holder something was last changed, or may have been taken off.
    pub(crate) fn loosened(&self, holder: &Attachments) -> Option<i64> {
        let guards =
            || holder.policies.iter().filter(|one| may_forbid(one)).chain(&holder.boundary);
        let account = account_of(&holder.arn);
        let concerns = |change: &PolicyChange| {
            if change.holder.is_none() {
                let is = |arn: &String| {
                    change.policy.as_ref().is_none_or(|changed| changed.eq_ignore_ascii_case(arn))
                };
                return guards().filter_map(|one| one.arn.as_ref()).any(is);
            }
            let own = change.is_of(account, kind(holder), [holder.name.as_str()]);
            let groups = || holder.groups.iter().map(String::as_str);
            if !own && !change.is_of(account, Holder::Group, groups()) {
                return false;
            }
            match (&change.policy, &change.group) {
                (_, Some(group)) => {
                    change.takes && !self.harmless_groups.contains(&(account, group.as_str()))
                }
                (Some(policy), None) if change.takes => !self.harmless.contains(policy.as_str()),
                // Rewritten; a managed one that comes forbids more, and not less.
                (Some(policy), None) => {
                    guards().any(|one| one.arn.is_none() && one.name.eq_ignore_ascii_case(policy))
                }
                // The boundary, or a name that was folded.
                (None, None) => true,
            }
        };
        let changed = self.changes.iter().filter(|(change, _)| concerns(change));
        changed.map(|(_, time)| *time).chain(guards().filter_map(made)).max()
    }
}

fn may_forbid(policy: &AttachedPolicy) -> bool {
    match &policy.document {
        Document::Known(document) => {
            document.statements.iter().any(|one| one.effect == Effect::Deny)
        }
        Document::Unknown { .. } => true,
    }
}

fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use trailtrim_aggregator::Whose;
    use trailtrim_iam::read::read;

    use super::*;

    const DUMP: &str = r#"{
        "Policies": [
            {"Arn": "arn:aws:iam::111122223333:policy/fence", "PolicyVersionList": [{"IsDefaultVersion": true,
             "CreateDate": "1970-01-01T00:00:01Z", "Document": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}]},
            {"Arn": "arn:aws:iam::111122223333:policy/guard", "PolicyVersionList": [{"IsDefaultVersion": true,
             "Document": {"Statement": {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}}}]},
            {"Arn": "arn:aws:iam::111122223333:policy/plain", "PolicyVersionList": [{"IsDefaultVersion": true,
             "Document": {"Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}}]}],
        "GroupDetailList": [
            {"Arn": "arn:aws:iam::111122223333:group/empty", "GroupName": "empty"},
            {"Arn": "arn:aws:iam::111122223333:group/old", "GroupName": "old"}],
        "UserDetailList": [{"Arn": "arn:aws:iam::111122223333:user/u", "UserName": "u", "GroupList": ["empty"],
            "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": {"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}}]}],
        "RoleDetailList": [
            {"Arn": "arn:aws:iam::111122223333:role/fenced", "RoleName": "fenced",
             "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/fence"}},
            {"Arn": "arn:aws:iam::111122223333:role/guarded", "RoleName": "guarded", "AttachedManagedPolicies": [
             {"PolicyArn": "arn:aws:iam::111122223333:policy/guard"}, {"PolicyArn": "arn:aws:iam::111122223333:policy/plain"}]}]}"#;

    #[test]
    fn what_may_have_forbidden_something_dates_all_that_is_allowed() {
        let holders = read("dump", DUMP).unwrap().principals;
        let arn = |name: &str| Some(format!("arn:aws:iam::111122223333:policy/{name}"));
        let inline = |name: &str| Some(name.to_owned());
        let (fenced, guarded) = ((Holder::Role, "fenced"), (Holder::Role, "guarded"));
        let (user, group) = ((Holder::User, "u"), (Holder::Group, "empty"));
        for (whose, policy, of, takes, expected) in [
            // Versions of a boundary, of a Deny, and of what only allows.
            (None, arn("fence"), None, false, ["fenced"].as_slice()),
            (None, arn("guard"), None, false, &["guarded"]),
            (None, arn("plain"), None, false, &[]),
            // The boundary itself.
            (Some(guarded), None, None, false, &["guarded"]),
            // What comes forbids more; what goes may have forbidden something, unless it is known.
            (Some(guarded), arn("guard"), None, false, &[]),
            (Some(guarded), arn("guard"), None, true, &["guarded"]),
            (Some(guarded), arn("plain"), None, true, &[]),
            (Some(fenced), arn("gone"), None, true, &["fenced"]),
            (Some(user), inline("gone"), None, true, &["u"]),
            // An inline policy with a Deny was rewritten, and another one.
            (Some(user), inline("own"), None, false, &["u"]),
            (Some(user), inline("OWN"), None, false, &["u"]),
            (Some(user), inline("other"), None, false, &[]),
            // Groups: of one that it is in, of one that it left, of one that is known.
            (Some(group), inline("deny"), None, true, &["u"]),
            (Some(user), None, inline("gone"), true, &["u"]),
            (Some(user), None, inline("gone"), false, &[]),
            (Some(user), None, inline("old"), true, &[]),
        ] {
            let change = PolicyChange {
                account: "111122223333".to_owned(),
                holder: whose.map(|(kind, name)| Whose { kind, name: Some(name.to_owned()) }),
                policy,
                group: of,
                takes,
            };
            let changes = PolicyChanges::from([(change.clone(), 50)]);
            let guards = Guards::of(&holders, &changes);
            let loosened = holders.iter().filter(|one| guards.loosened(one) == Some(50));
            let names: Vec<&str> = loosened.map(|one| one.name.as_str()).collect();
            assert_eq!(
                names.iter().filter(|one| **one != "empty").collect::<Vec<_>>(),
                expected.iter().collect::<Vec<_>>(),
                "{change:?}"
            );
        }
        // The dump tells since when a boundary says what it says.
        let guards = PolicyChanges::new();
        let fenced = holders.iter().find(|one| one.name == "fenced").unwrap();
        assert_eq!(Guards::of(&holders, &guards).loosened(fenced), Some(1));
    }
}
