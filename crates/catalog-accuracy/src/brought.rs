//! Tags and roles that a call brings: is anything granted for them?
//!
//! An operation whose input has tags at some depth needs a tagging action when they are there, and
//! one whose input has a role needs `iam:PassRole`; or `lists/brought.toml` says why not (a filter
//! has tags, a role is looked for). `lists/brought.txt` says which operations have which members;
//! it is taken from all APIs' shapes in the pinned wheel (`take-brought WHEEL`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value};
use trailtrim_catalog::{AccessLevel, Catalog, Kind, Operation};

use crate::naming::{find, inside};
use crate::shapes::{MAP, all};
use crate::shared::{Reasons, list, models, share};

const KEPT: &str = "lists/brought.txt";
/// Calls that change nothing name tags and roles to look for them.
const READS: [&str; 10] = [
    "Get",
    "List",
    "Describe",
    "Search",
    "BatchGet",
    "BatchDescribe",
    "Filter",
    "Lookup",
    "Untag",
    "Simulate",
];
/// What the name of a member that holds a role ends with.
const ROLES: [&str; 11] = [
    "role",
    "rolearn",
    "rolearns",
    "rolename",
    "roleid",
    "instanceprofile",
    "instanceprofilearn",
    "instanceprofilename",
    "credentialsarn",
    "roleidentifier",
    "roleoverride",
];

/// What a call can bring.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
enum What {
    Tags,
    Roles,
}

/// The members that hold tags or roles.
type Members = BTreeMap<What, BTreeSet<String>>;

/// Operations whose tags or roles need nothing, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    what: What,
    /// As `model:Operation`, or `model:*`.
    operations: BTreeSet<String>,
    #[expect(dead_code, reason = "it is for people")]
    reason: String,
}

impl Reason {
    fn holds(&self, what: What, model: &str, operation: &str) -> bool {
        self.what == what
            && (self.operations.contains(&format!("{model}:{operation}"))
                || self.operations.contains(&format!("{model}:*")))
    }
}

/// Writes the kept list anew.
pub fn take(wheel: &Path) -> Result<()> {
    let mut text = "# Operations that bring tags or roles, and the members that hold them: \
                    `take-brought WHEEL`.\n"
        .to_owned();
    for model in all(wheel)? {
        for (name, operation) in &model.operations {
            let mut members = Members::new();
            look(&operation.input, "", &mut members);
            if reads(name) || members.is_empty() {
                continue;
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "{}:{name}", model.name);
            for (what, paths) in members {
                let word = if what == What::Tags { "tags" } else { "roles" };
                let paths = paths.into_iter().collect::<Vec<_>>().join(",");
                let _ = write!(text, " {word}={paths}");
            }
            text.push('\n');
        }
    }
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT), text)?;
    Ok(())
}

fn reads(name: &str) -> bool {
    READS.iter().any(|verb| {
        name.strip_prefix(verb).is_some_and(|rest| rest.starts_with(|c: char| c.is_uppercase()))
    })
}

/// Finds the members of a structure that hold tags or roles, and those further in.
fn look(structure: &Map<String, Value>, path: &str, found: &mut Members) {
    for (name, shape) in structure {
        let name = name.split('@').next().unwrap_or_default();
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let lower = name.to_ascii_lowercase();
        if lower.contains("tag") && holds_tags(shape) {
            found.entry(What::Tags).or_default().insert(path);
        } else if ROLES.iter().any(|ending| lower.ends_with(ending)) && is_text(shape) {
            found.entry(What::Roles).or_default().insert(path);
        } else {
            within(shape, &path, found);
        }
    }
}

fn within(shape: &Value, path: &str, found: &mut Members) {
    match shape {
        Value::Object(map) => match map.get(MAP) {
            Some(value) => within(value, path, found),
            None => look(map, path, found),
        },
        Value::Array(elements) => elements.iter().for_each(|shape| within(shape, path, found)),
        _ => {}
    }
}

/// Returns whether a shape is a map, or a list of keys with values or of such lists.
fn holds_tags(shape: &Value) -> bool {
    let has = |structure: &Map<String, Value>, ending: &str| {
        structure.keys().any(|name| {
            let name = name.split('@').next().unwrap_or_default().to_ascii_lowercase();
            name.ends_with(ending)
        })
    };
    match shape {
        Value::Object(map) => map.contains_key(MAP),
        Value::Array(elements) => elements.iter().any(|element| {
            element.as_object().is_some_and(|structure| {
                has(structure, "key") && has(structure, "value")
                    || has(structure, "tags") && has(structure, "type")
            })
        }),
        _ => false,
    }
}

fn is_text(shape: &Value) -> bool {
    match shape {
        Value::String(kind) => kind.starts_with("text:") || kind.starts_with("arn:"),
        Value::Array(elements) => elements.iter().any(is_text),
        _ => false,
    }
}

/// Reads the kept list: members by `model:Operation`.
fn kept() -> Result<BTreeMap<String, Vec<What>>> {
    let text = list("brought.txt")?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default().to_owned();
            let whats = words.map(|word| match word.split_once('=') {
                Some(("tags", _)) => Ok(What::Tags),
                Some(("roles", _)) => Ok(What::Roles),
                _ => anyhow::bail!("`{KEPT}`: neither tags nor roles: `{word}`"),
            });
            Ok((name, whats.collect::<Result<_>>()?))
        })
        .collect()
}

/// What became of the operations that bring something.
#[derive(Default)]
struct Brought {
    granted: BTreeMap<What, usize>,
    listed: BTreeMap<What, usize>,
    open: BTreeSet<(What, String)>,
    /// Numbers of the listed reasons that no operation needs.
    idle: Vec<usize>,
}

fn is_granted(catalog: Catalog, operation: &Operation, what: What) -> bool {
    match what {
        What::Tags => operation.actions().any(|action| {
            let facts = catalog.action(action);
            facts.is_some_and(|facts| facts.access_level() == AccessLevel::Tagging)
        }),
        What::Roles => {
            operation.passes_roles() || operation.actions().any(|action| action == "iam:PassRole")
        }
    }
}

fn brought(catalog: Catalog) -> Result<Brought> {
    let mut reasons = Reasons::<Reason>::of("brought.toml")?;
    let kept = kept()?;
    let mut brought = Brought::default();
    for model in models()? {
        for called in &model.operations {
            let name = format!("{}:{}", model.name, called.name);
            let Some(whats) = kept.get(&name) else { continue };
            let operation = find(catalog, &model, called);
            if operation.kind() != Kind::Mapped || !inside(catalog, &model, &operation) {
                continue;
            }
            for what in whats {
                let holds = |reason: &Reason| reason.holds(*what, &model.name, &called.name);
                if is_granted(catalog, &operation, *what) {
                    *brought.granted.entry(*what).or_default() += 1;
                } else if reasons.find(|reason| holds(reason).then_some(())).is_some() {
                    *brought.listed.entry(*what).or_default() += 1;
                } else {
                    brought.open.insert((*what, name.clone()));
                }
            }
        }
    }
    brought.idle = reasons.idle();
    Ok(brought)
}

/// Prints what became of the tags and roles that calls bring; with `lists` those for which nothing
/// is granted and no reason is listed.
pub fn measure(catalog: Catalog, lists: bool) -> Result<()> {
    let brought = brought(catalog)?;
    println!("brought: tags and roles that come with a call");
    for (what, word) in [(What::Tags, "tags"), (What::Roles, "roles")] {
        let count = |counts: &BTreeMap<What, usize>| counts.get(&what).copied().unwrap_or_default();
        let open = brought.open.iter().filter(|(kind, _)| *kind == what).count();
        let (granted, listed) = (count(&brought.granted), count(&brought.listed));
        let all = granted + listed + open;
        share(&format!("{word}, granted for"), granted, all);
        share(&format!("{word}, nothing granted for a listed reason"), listed, all);
        share(&format!("{word}, left out"), open, all);
    }
    if lists {
        for (what, operation) in &brought.open {
            println!("    LEFT OUT: {what:?} of {operation}");
        }
        for at in brought.idle {
            println!("    no operation needs reason {at}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use trailtrim_catalog::Catalog;

    use super::{Members, What, brought, look};

    /// Whoever brings tags or a role is granted what that needs, or a reason is listed.
    #[test]
    fn nothing_brought_is_left_out_in_silence() {
        let brought = brought(Catalog::embedded()).unwrap();
        assert!(brought.granted[&What::Tags] > 1500, "{:?}", brought.granted);
        assert!(brought.granted[&What::Roles] > 500, "{:?}", brought.granted);
        assert!(brought.open.is_empty(), "left out: {:#?}", brought.open);
        assert!(brought.idle.is_empty(), "reasons that nothing needs: {:?}", brought.idle);
    }

    #[test]
    fn tags_and_roles_are_found_at_every_depth() {
        let input = json!({
            "Name": "text:Name",
            "newImageTags": {"{}": "text:Value"},
            "Job": [{"RoleArn@roleArn": "arn:Role", "Tags": [{"Key": "text:K", "Value": "text:V"}]}],
            "TagSpecifications": [{"ResourceType": "enum:a|b", "Tags": [{"Key": "text:K"}]}],
            "Stage": "text:Stage",
        });
        let mut found = Members::new();
        look(input.as_object().unwrap(), "", &mut found);
        let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let tags: BTreeSet<String> = set(&["newImageTags", "Job.Tags", "TagSpecifications"]);
        let roles: BTreeSet<String> = set(&["Job.RoleArn"]);
        assert_eq!(found, Members::from([(What::Tags, tags), (What::Roles, roles)]));
    }
}
