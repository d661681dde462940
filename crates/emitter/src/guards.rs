//! Since when nothing else forbids what a principal's policies allow.
//!
//! What a boundary left out or a Deny forbade was not used, however long it was attached. So all that a principal
//! has counts since the last change of its boundary or of a policy that has a Deny or may have had one, and since such
//! a policy was taken off: the trail does not say what it said. Of a managed policy the dump has the versions;
//! what an inline one said before it was rewritten, nothing tells. A policy that comes forbids more, and not less.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Holder, PolicyChange, PolicyChanges};
use trailtrim_iam::Effect;
use trailtrim_iam::read::{AttachedPolicy, Attachments, Document, HolderKind};

use crate::attached::{is_aws_managed, kind, made};

/// What is known of what forbids, and of when it changed.
pub(crate) struct Guards<'a> {
    changes: &'a PolicyChanges,
    /// The managed policies of which the dumps show that they forbade nothing.
    harmless: BTreeSet<&'a str>,
    /// The groups that forbade nothing, by account and name in small letters.
    harmless_groups: BTreeSet<(&'a str, String)>,
}

impl<'a> Guards<'a> {
    pub(crate) fn of(holders: &'a [Attachments], changes: &'a PolicyChanges) -> Guards<'a> {
        let managed_changes = || managed_changes(changes);
        let mut managed: BTreeMap<&str, bool> = BTreeMap::new();
        for policy in holders.iter().flat_map(|one| one.policies.iter().chain(&one.boundary)) {
            if let Some(arn) = &policy.arn {
                let changed = || managed_changes().any(|change| names(change, arn));
                let may = may_forbid(policy) || (may_have_forbidden(policy, changes) && changed());
                *managed.entry(arn).or_default() |= may;
            }
        }
        let harmless = managed.into_iter().filter_map(|(arn, may)| (!may).then_some(arn)).collect();
        let mut guards = Guards { changes, harmless, harmless_groups: BTreeSet::new() };
        let groups = holders.iter().filter(|one| one.kind == HolderKind::Group);
        let harmless_groups = groups.filter(|group| {
            !group.policies.iter().any(may_forbid) && guards.changed(group).is_none()
        });
        guards.harmless_groups = harmless_groups
            .map(|group| (account_of(&group.arn), group.name.to_ascii_lowercase()))
            .collect();
        guards
    }

    /// Returns when what forbids a holder something was last changed, or may have been taken off.
    pub(crate) fn loosened(&self, holder: &Attachments) -> Option<i64> {
        let made = self.guards(holder).filter_map(made);
        self.changed(holder).into_iter().chain(made).max()
    }

    /// Returns what forbids a holder something, or may have before it was changed.
    fn guards<'h>(&self, holder: &'h Attachments) -> impl Iterator<Item = &'h AttachedPolicy> {
        let may = |one: &&AttachedPolicy| may_have_forbidden(one, self.changes);
        holder.policies.iter().filter(may).chain(&holder.boundary)
    }

    /// Returns the same as far as the trail tells.
    fn changed(&self, holder: &Attachments) -> Option<i64> {
        let account = account_of(&holder.arn);
        let concerns = |change: &PolicyChange| {
            if change.holder.is_none() {
                let mut managed = self.guards(holder).filter_map(|one| one.arn.as_ref());
                return managed.any(|arn| names(change, arn));
            }
            let own = change.is_of(account, kind(holder), [holder.name.as_str()]);
            let groups = || holder.groups.iter().map(String::as_str);
            if !own && !change.is_of(account, Holder::Group, groups()) {
                return false;
            }
            match (&change.policy, &change.group) {
                (_, Some(group)) => {
                    let group = (account, group.to_ascii_lowercase());
                    change.takes && !self.harmless_groups.contains(&group)
                }
                (Some(policy), None) if change.takes => !self.harmless.contains(policy.as_str()),
                // Rewritten; a managed one that comes forbids more, and not less.
                (Some(policy), None) => {
                    let mut inline = holder.policies.iter().filter(|one| one.arn.is_none());
                    inline.any(|one| one.name.eq_ignore_ascii_case(policy))
                }
                // The boundary, or a name that was folded.
                (None, None) => true,
            }
        };
        let changed = self.changes.iter().filter(|(change, _)| concerns(change));
        changed.map(|(_, time)| *time).max()
    }
}

/// Tells whether a change of a managed policy is one of this.
fn names(change: &PolicyChange, arn: &str) -> bool {
    change.policy.as_ref().is_none_or(|changed| changed.eq_ignore_ascii_case(arn))
}

/// Returns the changes of managed policies themselves.
fn managed_changes(changes: &PolicyChanges) -> impl Iterator<Item = &PolicyChange> {
    changes.keys().filter(|change| change.holder.is_none())
}

/// Tells whether one of a policy's versions may forbid something, or one that the trail shows being given up, with
/// the whole policy or for an older one. Of AWS's own the dump has the default one alone, and AWS takes out nothing
/// of note.
fn may_have_forbidden(policy: &AttachedPolicy, changes: &PolicyChanges) -> bool {
    let own = !policy.arn.as_deref().is_some_and(is_aws_managed);
    let gave_up =
        |arn: &String| managed_changes(changes).any(|change| change.takes && names(change, arn));
    may_forbid(policy) || (own && (policy.denied || policy.arn.as_ref().is_some_and(gave_up)))
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
            {"Arn": "arn:aws:iam::111122223333:policy/fence", "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true,
             "CreateDate": "1970-01-01T00:00:01Z", "Document": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}]},
            {"Arn": "arn:aws:iam::111122223333:policy/guard", "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true,
             "Document": {"Statement": {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}}}]},
            {"Arn": "arn:aws:iam::111122223333:policy/plain", "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true,
             "Document": {"Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}}]},
            {"Arn": "arn:aws:iam::111122223333:policy/eased", "PolicyVersionList": [
             {"VersionId": "v2", "IsDefaultVersion": true, "CreateDate": "1970-01-01T00:00:02Z",
              "Document": {"Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}},
             {"VersionId": "v1", "IsDefaultVersion": false,
              "Document": {"Statement": {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}}}]},
            {"Arn": "arn:aws:iam::111122223333:policy/pruned", "PolicyVersionList": [{"VersionId": "v2", "IsDefaultVersion": true,
             "Document": {"Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}}]}],
        "GroupDetailList": [
            {"Arn": "arn:aws:iam::111122223333:group/empty", "GroupName": "empty", "GroupPolicyList": [
             {"PolicyName": "brought", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]},
            {"Arn": "arn:aws:iam::111122223333:group/old", "GroupName": "old", "GroupPolicyList": [
             {"PolicyName": "left", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]}],
        "UserDetailList": [{"Arn": "arn:aws:iam::111122223333:user/u", "UserName": "u", "GroupList": ["empty"],
            "UserPolicyList": [
             {"PolicyName": "own", "PolicyDocument": {"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}},
             {"PolicyName": "rest", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]}],
        "RoleDetailList": [
            {"Arn": "arn:aws:iam::111122223333:role/fenced", "RoleName": "fenced",
             "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/fence"}},
            {"Arn": "arn:aws:iam::111122223333:role/eased", "RoleName": "eased", "AttachedManagedPolicies": [
             {"PolicyArn": "arn:aws:iam::111122223333:policy/eased"}]},
            {"Arn": "arn:aws:iam::111122223333:role/pruned", "RoleName": "pruned", "AttachedManagedPolicies": [
             {"PolicyArn": "arn:aws:iam::111122223333:policy/pruned"}]},
            {"Arn": "arn:aws:iam::111122223333:role/guarded", "RoleName": "guarded", "AttachedManagedPolicies": [
             {"PolicyArn": "arn:aws:iam::111122223333:policy/guard"}, {"PolicyArn": "arn:aws:iam::111122223333:policy/plain"}]}]}"#;

    fn change(
        whose: Option<(Holder, &str)>,
        policy: Option<String>,
        group: Option<String>,
        takes: bool,
    ) -> PolicyChange {
        PolicyChange {
            account: "111122223333".to_owned(),
            holder: whose.map(|(kind, name)| Whose { kind, name: Some(name.to_owned()) }),
            policy,
            group,
            takes,
        }
    }

    fn managed(name: &str) -> Option<String> {
        Some(format!("arn:aws:iam::111122223333:policy/{name}"))
    }

    #[test]
    fn what_may_have_forbidden_something_dates_all_that_is_allowed() {
        let holders = read("dump", DUMP).unwrap().principals;
        let inline = |name: &str| Some(name.to_owned());
        let (fenced, guarded) = ((Holder::Role, "fenced"), (Holder::Role, "guarded"));
        let (user, group) = ((Holder::User, "u"), (Holder::Group, "empty"));
        for (whose, policy, of, takes, expected) in [
            // Versions of a boundary, of a Deny, of what ever only allowed, and of what may have denied before.
            (None, managed("fence"), None, false, ["fenced"].as_slice()),
            (None, managed("guard"), None, false, &["guarded"]),
            (None, managed("plain"), None, false, &[]),
            (None, managed("eased"), None, false, &["eased"]),
            (None, managed("pruned"), None, false, &["pruned"]),
            // Of what was given up for an older version, or with the policy that had this one's name, the dump has nothing.
            (None, managed("plain"), None, true, &["guarded"]),
            (None, managed("gone"), None, true, &[]),
            // The boundary itself.
            (Some(guarded), None, None, false, &["guarded"]),
            // What comes forbids more; what goes may have forbidden something, unless it is known.
            (Some(guarded), managed("guard"), None, false, &[]),
            (Some(guarded), managed("guard"), None, true, &["guarded"]),
            (Some(guarded), managed("plain"), None, true, &[]),
            (Some(fenced), managed("gone"), None, true, &["fenced"]),
            (Some(user), inline("gone"), None, true, &["u"]),
            // An inline policy with a Deny was rewritten, another one, which may have had one, and one that is gone.
            (Some(user), inline("own"), None, false, &["u"]),
            (Some(user), inline("OWN"), None, false, &["u"]),
            (Some(user), inline("rest"), None, false, &["u"]),
            (Some(group), inline("brought"), None, false, &["u"]),
            (Some(user), inline("other"), None, false, &[]),
            // Groups: of one that it is in, of one that it left, of one that is known.
            (Some(group), inline("deny"), None, true, &["u"]),
            (Some(user), None, inline("gone"), true, &["u"]),
            (Some(user), None, inline("gone"), false, &[]),
            (Some(user), None, inline("old"), true, &[]),
        ] {
            let change = change(whose, policy, of, takes);
            let changes = PolicyChanges::from([(change.clone(), 50)]);
            let guards = Guards::of(&holders, &changes);
            let loosened = holders.iter().filter(|one| guards.loosened(one) == Some(50));
            let names: Vec<&str> = loosened.map(|one| one.name.as_str()).collect();
            assert_eq!(
                names.iter().filter(|one| !["empty", "old"].contains(one)).collect::<Vec<_>>(),
                expected.iter().collect::<Vec<_>>(),
                "{change:?}"
            );
        }
        // The dump tells since when a boundary says what it says.
        let guards = PolicyChanges::new();
        let fenced = holders.iter().find(|one| one.name == "fenced").unwrap();
        assert_eq!(Guards::of(&holders, &guards).loosened(fenced), Some(1));
        let eased = holders.iter().find(|one| one.name == "eased").unwrap();
        assert_eq!(Guards::of(&holders, &guards).loosened(eased), Some(2));
    }

    /// What the dump has of a policy or group is not what that said when it was taken off, if it changed since.
    #[test]
    fn what_was_taken_off_may_have_forbidden_something_if_it_changed() {
        let holders = read("dump", DUMP).unwrap().principals;
        let text = |name: &str| Some(name.to_owned());
        let (user, role) = ((Holder::User, "u"), (Holder::Role, "guarded"));
        let old = (Holder::Group, "OLD");
        let (left, detached) = (
            change(Some(user), None, text("Old"), true),
            change(Some(role), managed("pruned"), None, true),
        );
        let plain = change(Some(role), managed("plain"), None, true);
        for (taken, then, name) in [
            (&left, change(Some(old), text("deny"), None, true), "u"),
            (&left, change(Some(old), text("left"), None, false), "u"),
            (&detached, change(None, managed("pruned"), None, false), "guarded"),
            (&plain, change(None, managed("plain"), None, true), "guarded"),
        ] {
            let of = |changes: &[&PolicyChange]| {
                let changes = changes.iter().map(|&change| (change.clone(), 50)).collect();
                let holder = holders.iter().find(|one| one.name == name).unwrap();
                Guards::of(&holders, &changes).loosened(holder)
            };
            assert_eq!(of(&[taken]), None, "{taken:?}");
            assert_eq!(of(&[taken, &then]), Some(50), "{then:?}");
        }
    }
}
