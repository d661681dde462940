//! Whom policies are for, and as what they are attached.

use trailtrim_aggregator::{Principal, permission_set};

use crate::diff::{PolicyView, PrincipalDiff, SharedDiff};

/// As what policies are attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attachment {
    /// As customer managed policies.
    #[default]
    Managed,
    /// As inline policies of whoever has them.
    Inline,
}

/// What can have policies attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HolderKind {
    /// A role.
    Role,
    /// A user.
    User,
    /// A group of users.
    Group,
}

impl HolderKind {
    /// Returns `role`, `user` or `group`.
    pub(super) fn code(self) -> &'static str {
        match self {
            HolderKind::Role => "role",
            HolderKind::User => "user",
            HolderKind::Group => "group",
        }
    }
}

/// Who has policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its name, without a path.
    pub name: String,
}

impl Holder {
    /// Returns the role or user of an ARN. Paths are no part of what a policy is attached to.
    fn of_arn(arn: &str) -> Option<Holder> {
        let resource = arn.splitn(6, ':').nth(5)?;
        let (kind, name) = resource.split_once('/')?;
        let kind = match kind {
            "role" => HolderKind::Role,
            "user" => HolderKind::User,
            _ => return None,
        };
        Some(Holder { kind, name: name.rsplit('/').next().unwrap_or(name).to_owned() })
    }
}

/// Whom policies are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// What a comment calls it: a principal's ARN, or the key of what several share.
    pub title: String,
    /// What resources and policies are named after: `role-orders-api`; no two drafts of an account
    /// have the same.
    pub label: String,
    /// Who gets them, ordered, none twice.
    pub holders: Vec<Holder>,
    /// The Identity Center permission set that the role belongs to.
    pub permission_set: Option<String>,
    /// As what they are attached.
    pub attachment: Attachment,
    /// Names of attached policies that they take the place of.
    pub replaces: Vec<String>,
    /// What whoever deploys them has to know first.
    pub caveats: Vec<String>,
}

impl Target {
    /// A role or user.
    #[must_use]
    pub fn principal(arn: &str, permission_set: Option<&str>) -> Target {
        let holder = Holder::of_arn(arn);
        Target {
            title: arn.to_owned(),
            label: match permission_set {
                Some(set) => of_set(set),
                None => holder.as_ref().map(label).unwrap_or_default(),
            },
            holders: holder.into_iter().collect(),
            permission_set: permission_set.map(str::to_owned),
            ..Target::default()
        }
    }
}

impl From<&Principal> for Target {
    fn from(principal: &Principal) -> Target {
        let target = Target::principal(&principal.arn, principal.permission_set.as_deref());
        let Some(workload) = &principal.workload else { return target };
        let kind = workload.attribution.code();
        let (words, label) = match &workload.name {
            Some(name) => (format!("{kind} {name}"), format!("{}~{kind}~{name}", target.label)),
            None => (kind.to_owned(), format!("{}~{kind}", target.label)),
        };
        // No name of IAM's has a `~`: what others are called cannot be called so.
        Target { title: format!("{}, workload {words}", target.title), label, ..target }
    }
}

impl From<&PrincipalDiff> for Target {
    fn from(one: &PrincipalDiff) -> Target {
        let draft = one.draft.as_ref();
        Target {
            replaces: draft.map(|draft| draft.replaces.clone()).unwrap_or_default(),
            ..Target::principal(&one.arn, one.permission_set.as_deref())
        }
    }
}

impl From<&SharedDiff> for Target {
    fn from(one: &SharedDiff) -> Target {
        let group = one.attached.iter().find_map(|policy| policy.group.as_ref());
        let mut holders: Vec<Holder> = match group {
            Some(group) => vec![Holder { kind: HolderKind::Group, name: group.clone() }],
            None => one.holders.iter().filter_map(|arn| Holder::of_arn(arn)).collect(),
        };
        // Roles that are one in several accounts have one name, and get one file for each account.
        holders.sort();
        holders.dedup();
        let mut sets = holders.iter().map(|holder| permission_set(&holder.name));
        let set = sets.next().flatten();
        let set = set.filter(|first| sets.all(|set| set.as_ref() == Some(first)));
        let label = match (group, &set, holders.as_slice(), one.attached.first()) {
            (Some(group), _, _, Some(policy)) => of_group(group, policy),
            (_, Some(set), ..) => of_set(set),
            (_, _, [only], _) => label(only),
            (_, _, _, Some(policy)) => format!("shared-{}", policy.name),
            (_, _, _, None) => "shared".to_owned(),
        };
        Target {
            title: one.key.clone(),
            label,
            permission_set: set,
            holders,
            attachment: Attachment::default(),
            replaces: one.draft.as_ref().map(|draft| draft.replaces.clone()).unwrap_or_default(),
            caveats: Vec::new(),
        }
    }
}

fn label(holder: &Holder) -> String {
    format!("{}-{}", holder.kind.code(), holder.name)
}

/// Names what is for a permission set: its roles end in letters that differ by account, and the set
/// refers to a policy by the one name that it has in all of them.
fn of_set(set: &str) -> String {
    format!("permission-set-{set}")
}

/// Names what takes the place of one policy of a group, which may have several: each is judged by
/// itself, and an inline policy may be called like a managed one.
fn of_group(group: &str, policy: &PolicyView) -> String {
    let name = &policy.name;
    // A slash stands in no name, and so makes a name with a hash, which says where each part ends.
    let between = if group.contains('+') || name.contains('+') { "/" } else { "+" };
    let inline = if policy.arn.is_some() { String::new() } else { format!("inline{between}") };
    format!("group-{group}{between}{inline}{name}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::render::policy_name;
    use crate::render::sample::sample;

    /// What several principals share, with the group that brings it.
    fn shared(key: &str, holders: &[&str], group: Option<&str>) -> Target {
        let mut shared = sample("common").shared.swap_remove(0);
        shared.key = key.to_owned();
        shared.holders = holders.iter().map(|arn| (*arn).to_owned()).collect();
        for policy in &mut shared.attached {
            policy.group = group.map(str::to_owned);
        }
        Target::from(&shared)
    }

    fn role(name: &str) -> Holder {
        Holder { kind: HolderKind::Role, name: name.to_owned() }
    }

    #[test]
    fn a_principal_is_attached_to_by_its_name_without_a_path() {
        let target = Target::principal("arn:aws-cn:iam::111122223333:role/team/api", None);
        assert_eq!((target.label.as_str(), target.holders), ("role-api", vec![role("api")]));
        let user = Target::principal("arn:aws:iam::111122223333:user/dana", None);
        assert_eq!(user.holders[0].kind, HolderKind::User);
        // What is neither gets a policy, and nobody has it.
        assert!(Target::principal("arn:aws:iam::111122223333:root", None).holders.is_empty());
    }

    #[test]
    fn what_is_shared_belongs_to_all_who_have_it_or_to_their_group() {
        let (one, other) =
            ("arn:aws:iam::111122223333:role/team/b", "arn:aws:iam::111122223333:role/a");
        let policy = shared("arn:aws:iam::111122223333:policy/common", &[one, other], None);
        assert_eq!(policy.label, "shared-common");
        assert_eq!(policy.holders, [role("a"), role("b")]);
        assert_eq!(policy.replaces, ["common"]);
        let group = shared("111122223333 group people/common", &[one, other], Some("people"));
        assert_eq!(group.label, "group-people+common");
        assert_eq!(group.holders[0].kind, HolderKind::Group);
        // One role in two accounts is one name, to be attached to in each.
        let twice = [one, "arn:aws:iam::444455556666:role/team/b"];
        let joined = shared("role name b", &twice, None);
        assert_eq!((joined.label.as_str(), joined.holders), ("role-b", vec![role("b")]));
    }

    #[test]
    fn each_policy_of_a_group_has_a_name_of_its_own() {
        let name = |group: &str, policy: &str, arn: Option<&str>| {
            let mut shared = sample(policy).shared.swap_remove(0);
            for policy in &mut shared.attached {
                (policy.group, policy.arn) = (Some(group.to_owned()), arn.map(str::to_owned));
            }
            policy_name(&Target::from(&shared), 1)
        };
        let arn = Some("arn:aws:iam::111122223333:policy/home");
        assert_eq!(name("dev", "home", arn), "trailtrim-group-dev+home");
        assert_eq!(name("dev", "home", None), "trailtrim-group-dev+inline+home");
        let alike = [
            name("dev", "inline+home", arn),
            name("dev+inline", "home", arn),
            name("dev", "inline+home", None),
            name("dev+inline", "inline+home", arn),
            name("dev", "home", arn),
            name("dev", "home", None),
            name("dev-home", "x", arn),
            name("dev", "home-x", arn),
        ];
        let distinct: BTreeSet<&String> = alike.iter().collect();
        assert_eq!(distinct.len(), alike.len(), "{alike:?}");
    }

    #[test]
    fn roles_of_one_permission_set_are_the_sets() {
        let of = |account: &str, set: &str, hash: &str| {
            format!(
                "arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_{set}_{hash}"
            )
        };
        let one = of("111122223333", "Admins", "0a1b2c3d4e5f6071");
        let other = of("444455556666", "Admins", "1a1b2c3d4e5f6071");
        let another = of("444455556666", "Readers", "2a1b2c3d4e5f6071");
        let set = |holders: &[&str]| shared("permission set Admins", holders, None).permission_set;
        assert_eq!(set(&[&one, &other]).as_deref(), Some("Admins"));
        // The name is one in all accounts, or the set could not refer to it.
        let own = |arn: &str| Target::principal(arn, Some("Admins")).label;
        assert_eq!((own(&one), own(&other)), (own(&other), "permission-set-Admins".to_owned()));
        assert_eq!(shared("permission set Admins", &[&one, &other], None).label, own(&one));
        assert_eq!(set(&[&one, &another]), None);
    }
}
