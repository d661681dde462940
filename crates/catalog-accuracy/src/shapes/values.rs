//! Values for the members of a made record: each says which member it stood in, so that a reader
//! sees at once what filled an ARN. Only where a service tells ids by their form, and where the
//! value is an ARN, does it have to look real (`lists/values.toml`).

use anyhow::{Context as _, Result};
use serde::Deserialize;
use trailtrim_catalog::{ActionFacts, Catalog};

/// The account that every record is made in.
pub(super) const ACCOUNT: &str = "111122223333";
/// The region that every record is made in.
pub(super) const REGION: &str = "eu-west-1";

const LIST: &str = include_str!("../../lists/values.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Models it holds for; without, all.
    #[serde(default)]
    models: Vec<String>,
    /// Members, in lower case and singular; `-` before one means that members may end so.
    members: Vec<String>,
    /// What it goes with: a type of resource chosen elsewhere in the record, or an operation.
    #[serde(default)]
    with: Vec<String>,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    /// What members are called whose ARN may be of any type that the call takes.
    any_type: Vec<String>,
    /// Members that hold an ARN and have neither name nor shape of one: `model member`.
    arns: Vec<String>,
    value: Vec<Entry>,
}

/// The list of values that have a form of their own.
pub(super) struct Values {
    lists: Lists,
}

/// What the record is about that a value is made for.
pub(super) struct About<'a> {
    pub(super) catalog: Catalog,
    pub(super) model: &'a str,
    pub(super) source: &'a str,
    /// The actions that the call can need.
    pub(super) actions: &'a [ActionFacts],
    /// Which of the alternatives is made: counts through resource types and enumerations.
    pub(super) choice: usize,
    /// The chosen type of resource, and the operation's name.
    pub(super) chosen: &'a [String],
}

/// Returns a name in lower case without punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn singular(name: &str) -> &str {
    match name {
        name if name.ends_with("ss") || name.ends_with("alias") || name.ends_with("status") => name,
        name => name.strip_suffix('s').unwrap_or(name),
    }
}

/// Returns a CamelCase name as words: `cluster-name`.
pub(super) fn words(name: &str) -> String {
    let mut text = String::new();
    let mut before = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before {
            text.push('-');
        }
        before = c.is_ascii_lowercase() || c.is_ascii_digit();
        if c.is_ascii_alphanumeric() {
            text.push(c.to_ascii_lowercase());
        }
    }
    text
}

impl Values {
    pub(super) fn read() -> Result<Values> {
        let lists = toml::from_str(LIST).context("lists/values.toml is not as expected")?;
        Ok(Values { lists })
    }

    /// Returns whether a member's ARN may be of several types.
    pub(super) fn is_open(&self, model: &str, name: &str, is_arn: bool) -> bool {
        let name = plain(name);
        let listed = self.lists.arns.iter().any(|listed| *listed == format!("{model} {name}"));
        if !(is_arn || listed || name.ends_with("arn") || name.ends_with("arns")) {
            return false;
        }
        let stem = singular(&name);
        let stem = stem.strip_suffix("arn").unwrap_or(stem);
        self.lists.any_type.iter().any(|open| open == stem)
    }

    /// Returns the value of a text member; `is_arn` if its shape says that it holds an ARN.
    pub(super) fn of(&self, about: &About<'_>, name: &str, is_arn: bool) -> String {
        if let Some(listed) = self.listed(about, name) {
            return listed;
        }
        let all = plain(name);
        let own = singular(&all);
        // A shape may be called after the ARN that can stand in place of a name.
        let named = ["name", "id", "identifier"].iter().any(|ending| own.ends_with(ending));
        let listed =
            self.lists.arns.iter().any(|listed| *listed == format!("{} {own}", about.model));
        if (is_arn && !named) || listed || own.ends_with("arn") {
            return self.arn(about, own.strip_suffix("arn").unwrap_or(own));
        }
        words(singular_of(name))
    }

    fn listed(&self, about: &About<'_>, name: &str) -> Option<String> {
        let all = plain(name);
        let own = singular(&all);
        let fits = |entry: &&Entry| {
            (entry.models.is_empty() || entry.models.iter().any(|model| model == about.model))
                && (entry.with.is_empty() || entry.with.iter().any(|w| about.chosen.contains(w)))
        };
        let length = |entry: &&Entry| {
            let of = |member: &String| match member.strip_prefix('-') {
                Some(ending) => own.ends_with(ending).then_some(ending.len()),
                None => (own == member || all == *member).then_some(1000),
            };
            let longest = entry.members.iter().filter_map(of).max();
            longest.map(|length| (length, !entry.models.is_empty(), !entry.with.is_empty()))
        };
        let entries = self.lists.value.iter().filter(fits);
        let best = entries.filter_map(|entry| Some((length(&entry)?, entry)));
        best.max_by_key(|(length, _)| *length).map(|(_, entry)| entry.value.clone())
    }

    /// Returns an ARN of the type that a member's name speaks of.
    fn arn(&self, about: &About<'_>, stem: &str) -> String {
        let types: Vec<_> =
            about.actions.iter().flat_map(|action| action.resource_types()).collect();
        let named = |kind: &str| {
            let kind = plain(kind);
            kind == stem || (kind.len() > 3 && stem.ends_with(&kind))
        };
        let open = self.lists.any_type.iter().any(|open| open == stem);
        let called = types.iter().find(|kind| named(kind.name())).copied();
        let chosen = types.get(about.choice % types.len().max(1)).copied().filter(|_| open);
        let elsewhere = || {
            let prefixes = about.actions.iter().filter_map(|action| action.id().split_once(':'));
            let services = prefixes.filter_map(|(prefix, _)| about.catalog.service(prefix));
            let mut types = services.flat_map(|service| service.actions().collect::<Vec<_>>());
            types.find_map(|action| {
                action.resource_types().find(|kind| named(kind.name()))?.templates().next()
            })
        };
        let template =
            called.or(chosen).and_then(|kind| kind.templates().next()).or_else(elsewhere);
        match template {
            Some(template) => self.fill(about, template),
            None => format!("arn:aws:{}:{REGION}:{ACCOUNT}:{stem}/{stem}-name", about.source),
        }
    }

    fn fill(&self, about: &About<'_>, template: &str) -> String {
        let mut arn = String::new();
        let mut rest = template;
        while let Some((literal, after)) = rest.split_once("${") {
            arn.push_str(literal);
            let (variable, tail) = after.split_once('}').unwrap_or((after, ""));
            match variable {
                "Partition" => arn.push_str("aws"),
                "Region" => arn.push_str(REGION),
                "Account" => arn.push_str(ACCOUNT),
                variable => {
                    let value = self.listed(about, variable).filter(|value| !value.contains(':'));
                    arn.push_str(&value.unwrap_or_else(|| words(variable)));
                }
            }
            rest = tail;
        }
        arn.push_str(rest);
        arn.replace('*', "x")
    }
}

fn singular_of(name: &str) -> &str {
    if plain(name) == singular(&plain(name)) {
        name
    } else {
        name.strip_suffix('s').unwrap_or(name)
    }
}
