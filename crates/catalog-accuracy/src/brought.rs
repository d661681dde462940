//! Tags and roles that a call brings: is anything granted for them?
//!
//! An operation whose input has tags at some depth needs a tagging action when they are there, and
//! one whose input has a role needs `iam:PassRole`; or `lists/brought.toml` says why not (a filter
//! has tags, a role is looked for). `lists/brought.txt` says which operations have which members;
//! it is taken from all APIs' shapes in the pinned wheel (`take-brought WHEEL`). Each member is judged
//! by a call that brings nothing else; where a rule asks for more than that, by whether it reads the
//! member.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use trailtrim_catalog::{AccessLevel, Catalog, Kind, Operation};

use crate::naming::{find, inside};
use crate::record::Record;
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
    /// As `model:Operation`, `model:*`, or `model:Operation.member`.
    operations: BTreeSet<String>,
    #[expect(dead_code, reason = "it is for people")]
    reason: String,
}

impl Reason {
    /// Returns what the reason names, if it is meant for a member.
    fn names(&self, what: What, member: &Member<'_>) -> Option<&String> {
        let Member { model, operation, path } = member;
        let named = [
            format!("{model}:{operation}.{path}"),
            format!("{model}:{operation}"),
            format!("{model}:*"),
        ];
        let named = named.iter().filter(|_| self.what == what);
        named.filter_map(|name| self.operations.get(name)).next()
    }
}

/// A member of an operation's input.
struct Member<'m> {
    model: &'m str,
    operation: &'m str,
    path: &'m str,
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
fn kept() -> Result<BTreeMap<String, Members>> {
    let text = list("brought.txt")?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default().to_owned();
            let members = words.map(|word| {
                let (what, paths) = match word.split_once('=') {
                    Some(("tags", paths)) => (What::Tags, paths),
                    Some(("roles", paths)) => (What::Roles, paths),
                    _ => anyhow::bail!("`{KEPT}`: neither tags nor roles: `{word}`"),
                };
                Ok((what, paths.split(',').map(str::to_owned).collect()))
            });
            Ok((name, members.collect::<Result<_>>()?))
        })
        .collect()
}

/// What became of the members that bring something.
#[derive(Default)]
struct Brought {
    granted: BTreeMap<What, usize>,
    listed: BTreeMap<What, usize>,
    open: BTreeSet<(What, String)>,
    /// What the listed reasons name in vain.
    idle: Vec<String>,
}

fn is_granted(catalog: Catalog, operation: &Operation, what: What, member: &Member<'_>) -> bool {
    let grants = |action: &str| match what {
        What::Tags => {
            catalog.action(action).is_some_and(|facts| facts.access_level() == AccessLevel::Tagging)
        }
        What::Roles => action == "iam:PassRole",
    };
    let event = call_with(member.path, what);
    let resolution = operation.resolve(&Record::new(&event, operation.extraction()));
    if resolution.grants.iter().any(|grant| grants(&grant.action)) {
        return true;
    }
    let is_known =
        operation.actions().any(grants) || what == What::Roles && operation.passes_roles();
    // EC2 has its lists written otherwise than its model names them.
    is_known && (member.model == "ec2" || reads_member(operation, member.path))
}

/// Returns whether a rule of the operation reads a member or what is in it, wherever it stands.
fn reads_member(operation: &Operation, path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    operation.extraction().paths().any(|read| {
        let read = read.trim_end_matches('?').to_ascii_lowercase();
        match read.strip_prefix("request.**.") {
            Some(rest) => path == rest || path.ends_with(&format!(".{rest}")),
            None => read
                .strip_prefix("request.")
                .and_then(|read| read.strip_prefix(path.as_str()))
                .is_some_and(|below| below.is_empty() || below.starts_with('.')),
        }
    })
}

/// Makes a call that brings tags or a role in one member, and nothing else.
fn call_with(path: &str, what: What) -> Value {
    let brought = match what {
        What::Tags => json!([{"key": "k", "value": "v", "tags": [{"key": "k", "value": "v"}]}]),
        What::Roles => json!("arn:aws:iam::111122223333:role/r"),
    };
    let request = path.rsplit('.').fold(brought, |inner, name| json!({ name: inner }));
    json!({
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/u", "accountId": "111122223333"},
        "recipientAccountId": "111122223333",
        "awsRegion": "eu-west-1",
        "requestParameters": request,
    })
}

fn brought(catalog: Catalog) -> Result<Brought> {
    let mut reasons = Reasons::<Reason>::of("brought.toml")?;
    let kept = kept()?;
    let mut brought = Brought::default();
    let mut named = BTreeSet::new();
    for model in models()? {
        for called in &model.operations {
            let name = format!("{}:{}", model.name, called.name);
            let Some(members) = kept.get(&name) else { continue };
            let operation = find(catalog, &model, called);
            if operation.kind() != Kind::Mapped || !inside(catalog, &model, &operation) {
                continue;
            }
            for (what, paths) in members {
                for path in paths {
                    let member = Member { model: &model.name, operation: &called.name, path };
                    if is_granted(catalog, &operation, *what, &member) {
                        *brought.granted.entry(*what).or_default() += 1;
                    } else if let Some(reason) =
                        reasons.find(|reason| reason.names(*what, &member).cloned())
                    {
                        named.insert((*what, reason));
                        *brought.listed.entry(*what).or_default() += 1;
                    } else {
                        brought.open.insert((*what, format!("{name}.{path}")));
                    }
                }
            }
        }
    }
    let in_vain = reasons.all().flat_map(|reason| {
        let what = reason.what;
        reason.operations.iter().map(move |name| (what, name.clone()))
    });
    let in_vain = in_vain.filter(|named_there| !named.contains(named_there));
    brought.idle = in_vain.map(|(what, name)| format!("{what:?} of {name}")).collect();
    Ok(brought)
}

/// Prints what became of the tags and roles that calls bring; with `lists` those for which nothing
/// is granted and no reason is listed.
pub fn measure(catalog: Catalog, lists: bool) -> Result<()> {
    let brought = brought(catalog)?;
    println!("brought: members by which tags and roles come with a call");
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
        for name in brought.idle {
            println!("    no operation needs the reason for {name}");
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
