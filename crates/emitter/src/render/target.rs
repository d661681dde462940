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
