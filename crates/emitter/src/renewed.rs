//! Things that a principal makes and deletes itself, under another name each time.
//!
//! Whoever deploys what is to be reviewed, or makes what nodes start with, uses today what it made today. A
//! policy that lists the names up to now is stale with the next one, and nothing but names that were made
//! before by the same caller is behind it: that is no guess, as the log has their beginnings and ends.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::Principal;
use trailtrim_catalog::{AccessLevel, Catalog};
use trailtrim_iam::pattern;

use crate::escalation;

/// How many names there must be.
pub(crate) const NAMES: usize = 3;

/// How many of them must have been deleted.
const DELETED: usize = 2;

/// On how many days they must have been made: what is set up in one go may stay.
const DAYS: usize = 2;

/// The verbs of actions that make a thing of a name, and of those that delete it.
const MAKING: [&str; 5] = ["Create", "Register", "Allocate", "Import", "Request"];
const DELETING: [&str; 4] = ["Delete", "Deregister", "Release", "Terminate"];

/// The names that an action was used on, where all of them were made by the same principal.
pub(crate) struct Renewed<'p> {
    pub(crate) names: BTreeSet<&'p str>,
    pub(crate) deleted: usize,
}

impl Renewed<'_> {
    /// Says so.
    pub(crate) fn told(&self) -> String {
        format!(
            "its own calls made each of the {} names and deleted {} of them: the next has another name",
            self.names.len(),
            self.deleted
        )
    }
}

/// Tells whether an action makes, or deletes, a resource itself, and not something of it: `CreateTopic` a topic, but
/// `CreateAccessKey` no user and `CreateAlias` no function. What follows the verb is the type's name.
fn is_of_itself(catalog: Catalog, action: &str, resource: &str, verbs: &[&str]) -> bool {
    let Some((_, name)) = action.split_once(':') else { return false };
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let Some(thing) = verbs.iter().find_map(|verb| name.strip_prefix(verb)).map(letters) else {
        return false;
    };
    let mut types = catalog.action(action).into_iter().flat_map(|facts| facts.resource_types());
    types.any(|kind| {
        letters(kind.name()) == thing
            && kind.templates().any(|template| pattern::covers(&open(template), resource))
    })
}

/// Returns a template with a star for each of its variables.
fn open(template: &str) -> String {
    let mut parts = template.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push('*');
        out.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    out
}

/// Tells whether an action stays on the names that were seen, whoever made them: it manages permissions, makes
/// credentials or hands a role on. That the next name is refused is to be told of these as well.
pub(crate) fn is_never(catalog: Catalog, action: &str) -> bool {
    let level = catalog.action(action).map(|facts| facts.access_level());
    level == Some(AccessLevel::PermissionsManagement) || escalation::is_as_seen(action)
}

/// Tells whether a pattern means all of a kind that an action takes, or all but the shortest names: it has no
/// word but those of the kind itself, and says nothing of which names are meant.
pub(crate) fn is_of_all(catalog: Catalog, action: &str, pattern: &str) -> bool {
    let words = |arn: &str| -> Vec<String> {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let words = resource.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let own = words(pattern);
    let mut types = catalog.action(action).into_iter().flat_map(|facts| facts.resource_types());
    types.any(|kind| kind.templates().any(|template| words(&open(template)) == own))
}

/// Finds the actions of a principal that were used on such things alone.
pub(crate) fn renewed(principal: &Principal, catalog: Catalog) -> BTreeMap<&str, Renewed<'_>> {
    let granted = || principal.rows.iter().filter(|(key, _)| key.outcome.grants());
    let mut made: BTreeMap<(&str, &str), Option<i32>> = BTreeMap::new();
    let mut deleted: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (key, row) in granted().filter(|(key, _)| !key.resource.contains('*')) {
        let Some((service, _)) = key.action.split_once(':') else { continue };
        let thing = (service, key.resource.as_str());
        let is = |verbs: &[&str]| is_of_itself(catalog, &key.action, &key.resource, verbs);
        if is(&MAKING) {
            made.entry(thing).or_insert_with(|| row.stats.days().first());
        } else if is(&DELETING) {
            deleted.insert(thing);
        }
    }
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, _) in granted() {
        used.entry(&key.action).or_default().insert(&key.resource);
    }
    let renewed = used.into_iter().filter_map(|(action, names)| {
        let (service, _) = action.split_once(':')?;
        let days: Option<BTreeSet<Option<i32>>> =
            names.iter().map(|name| made.get(&(service, *name)).copied()).collect();
        let gone = names.iter().filter(|name| deleted.contains(&(service, **name))).count();
        let holds = names.len() >= NAMES && gone >= DELETED && days?.len() >= DAYS;
        holds.then_some((action, Renewed { names, deleted: gone }))
    });
    renewed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_name_is_of_all() {
        let tables = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
        let is = |name: &str| is_of_all(Catalog::embedded(), "dynamodb:CreateTable", &tables(name));
        for (name, expected) in
            [("*", true), ("?*", true), ("??*", true), ("*-*", true), ("c*", false), ("*1", false)]
        {
            assert_eq!(is(name), expected, "{name}");
        }
    }

    #[test]
    fn what_makes_credentials_or_manages_permissions_stays_as_it_was_seen() {
        let never = |action: &str| is_never(Catalog::embedded(), action);
        for action in [
            "iam:PassRole",
            "iam:AttachRolePolicy",
            "iam:CreateAccessKey",
            "iam:CreateLoginProfile",
            "iam:UploadSigningCertificate",
            "iam:UpdateAccessKey",
            "iam:AddRoleToInstanceProfile",
            "iam:AddUserToGroup",
            "kms:PutKeyPolicy",
        ] {
            assert!(never(action), "{action}");
        }
        for action in ["iam:CreateRole", "iam:DeleteUser", "lambda:UpdateFunctionCode"] {
            assert!(!never(action), "{action}");
        }
    }

    #[test]
    fn what_is_made_is_the_thing_itself() {
        let catalog = Catalog::embedded();
        for (action, resource, expected) in [
            ("sns:CreateTopic", "arn:aws:sns:eu-west-1:111122223333:pr-1", true),
            ("iam:CreateInstanceProfile", "arn:aws:iam::111122223333:instance-profile/p", true),
            ("ec2:CreateLaunchTemplate", "arn:aws:ec2:eu-west-1:1:launch-template/lt-1", true),
            ("iam:CreateAccessKey", "arn:aws:iam::111122223333:user/u", false),
            ("ec2:CreateTags", "arn:aws:ec2:eu-west-1:1:instance/i-1", false),
            ("lambda:CreateAlias", "arn:aws:lambda:eu-west-1:1:function:f", false),
            (
                "elasticloadbalancing:RegisterTargets",
                "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/0123456789abcdef",
                false,
            ),
        ] {
            assert_eq!(is_of_itself(catalog, action, resource, &MAKING), expected, "{action}");
        }
    }
}
