//! Whom policies are for, and as what they are attached.

use trailtrim_aggregator::{Principal, permission_set};

use crate::diff::{PrincipalDiff, SharedDiff};

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
    /// What resources and policies are named after: `role-orders-api`.
    pub label: String,
    /// Who gets them, ordered, none twice.
    pub holders: Vec<Holder>,
    /// The Identity Center permission set that the role belongs to.
    pub permission_set: Option<String>,
    /// As what they are attached.
    pub attachment: Attachment,
    /// Names of attached policies that they take the place of.
    pub replaces: Vec<String>,
}

impl Target {
    /// A role or user.
    #[must_use]
    pub fn principal(arn: &str, permission_set: Option<&str>) -> Target {
        let holder = Holder::of_arn(arn);
        Target {
            title: arn.to_owned(),
            label: holder.as_ref().map(label).unwrap_or_default(),
            holders: holder.into_iter().collect(),
            permission_set: permission_set.map(str::to_owned),
            ..Target::default()
        }
    }
}

impl From<&Principal> for Target {
    fn from(principal: &Principal) -> Target {
        Target::principal(&principal.arn, principal.permission_set.as_deref())
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
        let label = match (holders.as_slice(), one.attached.first()) {
            ([only], _) => label(only),
            (_, Some(policy)) => format!("shared-{}", policy.name),
            (_, None) => "shared".to_owned(),
        };
        let mut sets = holders.iter().map(|holder| permission_set(&holder.name));
        let set = sets.next().flatten();
        let set = set.filter(|first| sets.all(|set| set.as_ref() == Some(first)));
        Target {
            title: one.key.clone(),
            label,
            permission_set: set,
            holders,
            attachment: Attachment::default(),
            replaces: one.draft.as_ref().map(|draft| draft.replaces.clone()).unwrap_or_default(),
        }
    }
}

fn label(holder: &Holder) -> String {
    format!("{}-{}", holder.kind.code(), holder.name)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(group.label, "group-people");
        assert_eq!(group.holders[0].kind, HolderKind::Group);
        // One role in two accounts is one name, to be attached to in each.
        let twice = [one, "arn:aws:iam::444455556666:role/team/b"];
        let joined = shared("role name b", &twice, None);
        assert_eq!((joined.label.as_str(), joined.holders), ("role-b", vec![role("b")]));
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
        assert_eq!(set(&[&one, &another]), None);
    }
}
