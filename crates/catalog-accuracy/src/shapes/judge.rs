//! What became of one record: is each ARN of a type that its action takes, and is it whole?
//!
//! The judge knows the authorization reference and the list of what servers make
//! (`lists/shapes.toml`), and nothing of the rules.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use trailtrim_catalog::{Catalog, Grant, Origin};

const LIST: &str = include_str!("../../lists/shapes.toml");

/// Parts of ARNs that no request names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    service: String,
    kind: String,
    variables: Vec<String>,
    /// Whether it holds for actions beside the operation's own only.
    #[serde(default)]
    beside: bool,
    /// What the service puts after the name; without, the whole part is its own.
    ending: Option<String>,
    #[expect(dead_code, reason = "it is for people")]
    reason: String,
}

/// Operations whose request does not say the resource, and why that is so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    models: Vec<String>,
    /// Names, with `*` for any ending.
    operations: Vec<String>,
    reason: String,
}

/// Types of resource that an action takes though the reference leaves them out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Missing {
    action: String,
    templates: Vec<String>,
    #[expect(dead_code, reason = "it is for people")]
    reason: String,
}

/// The kept decisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decisions {
    #[serde(default)]
    server: Vec<Server>,
    #[serde(default)]
    missing: Vec<Missing>,
    #[serde(default)]
    reason: Vec<Reason>,
}

/// What one grant, or one operation, came to: the worst counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Every part is named.
    Concrete,
    /// All but what a server makes, or what the call itself makes.
    ServerMade,
    /// The request does not say it; the reason is listed.
    Explained(String),
    /// The request says it, or nobody knows why not.
    Unnamed(String),
    /// The ARN is of no type that the action takes, or there is none.
    Wrong(String),
}

impl Decisions {
    pub(super) fn read() -> Result<Decisions> {
        toml::from_str(LIST).context("lists/shapes.toml is not as expected")
    }

    /// Returns the listed reason for an operation that names nothing.
    pub(super) fn reason(&self, model: &str, operation: &str) -> Option<&str> {
        let fits = |reason: &&Reason| {
            reason.models.iter().any(|name| name == model || name == "*")
                && reason.operations.iter().any(|name| match name.strip_suffix('*') {
                    Some(start) => operation.starts_with(start),
                    None => name == operation,
                })
        };
        self.reason.iter().find(fits).map(|reason| reason.reason.as_str())
    }

    /// Judges one grant; nothing if its action takes no resource. Gives the ARN's variables too.
    pub(super) fn judge(
        &self,
        catalog: Catalog,
        operation: &str,
        grant: &Grant,
    ) -> Option<(Verdict, Vec<Fill>)> {
        let facts = catalog.action(&grant.action)?;
        let types: Vec<_> = facts.resource_types().collect();
        if types.is_empty() || grant.inferred {
            return None;
        }
        if grant.resource == "*" {
            return Some((Verdict::Unnamed(why(grant)), Vec::new()));
        }
        let (prefix, name) = grant.action.split_once(':').unwrap_or_default();
        let beside = name != operation;
        let fits = types.iter().flat_map(|kind| {
            kind.templates().filter_map(|template| {
                // Some templates have a `*` of their own, which stands for anything.
                let found = match template.split_once('*') {
                    Some((before, after)) => captures_around(before, after, &grant.resource)?,
                    None => captures(template, &grant.resource)?,
                };
                Some((weight(template), kind.name(), found, template.contains('*')))
            })
        });
        let paths = grant.resource.strip_prefix("arn:aws:apigateway:").is_some_and(|rest| {
            rest.contains("::/") && grant.action.bytes().skip(11).all(|b| b.is_ascii_uppercase())
        });
        if paths {
            // The verbs of API Gateway are authorized on the path of the request, whether or not
            // the reference lists it as a type of resource.
            let verdict = if grant.resource.contains('*') {
                Verdict::Unnamed(why(grant))
            } else {
                Verdict::Concrete
            };
            return Some((verdict, Vec::new()));
        }
        let missing = self.missing.iter().filter(|missing| missing.action == grant.action);
        let missing = missing.flat_map(|missing| &missing.templates).filter_map(|template| {
            let found = captures(template, &grant.resource)?;
            Some((weight(template), "missing", found, false))
        });
        let fits = fits.chain(missing);
        let Some((_, kind, found, open)) = fits.max_by_key(|(weight, ..)| *weight) else {
            return Some((Verdict::Wrong(format!("no type of {}", grant.action)), Vec::new()));
        };
        let made = matches!(&grant.origin, Origin::Widened { why, .. } if why.contains("makes"));
        // What a template leaves open has no variable to be judged by.
        let mut verdict = match (open && grant.resource.contains('*'), made) {
            (false, _) => Verdict::Concrete,
            (true, true) => Verdict::ServerMade,
            (true, false) => Verdict::Unnamed(format!("{kind}: {}", why(grant))),
        };
        let mut fills = Vec::new();
        for (variable, value) in found {
            if ["Partition", "Region", "Account"].contains(&variable) {
                continue;
            }
            let fill = Fill::new(prefix, kind, variable, value);
            if value.contains(['*', '?']) {
                verdict = verdict.max(if made || self.is_server(&fill, beside) {
                    Verdict::ServerMade
                } else {
                    Verdict::Unnamed(format!("{kind}: {variable}: {}", why(grant)))
                });
            }
            fills.push(fill);
        }
        Some((verdict, fills))
    }

    fn is_server(&self, fill: &Fill, beside: bool) -> bool {
        self.server.iter().any(|server| {
            server.service == fill.service
                && (server.kind == fill.kind || server.kind == "*")
                && (server.variables.contains(&fill.variable) || server.variables == ["*"])
                && (beside || !server.beside)
                && server.ending.as_ref().is_none_or(|ending| {
                    let name = fill.value.strip_suffix(ending.as_str());
                    // A name, or what the service puts before an ending of the call's.
                    name.is_some_and(|name| {
                        !name.is_empty() && (name == "*" || !name.contains(['*', '?']))
                    })
                })
        })
    }
}

/// What filled a variable of an ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fill {
    pub(super) service: String,
    pub(super) kind: String,
    pub(super) variable: String,
    pub(super) value: String,
}

impl Fill {
    fn new(service: &str, kind: &str, variable: &str, value: &str) -> Fill {
        Fill {
            service: service.to_owned(),
            kind: kind.to_owned(),
            variable: variable.to_owned(),
            value: value.to_owned(),
        }
    }
}

fn why(grant: &Grant) -> String {
    match &grant.origin {
        Origin::Widened { why, .. } => why.clone(),
        _ => "starred without a word".to_owned(),
    }
}

/// Returns how much of a template is literal.
fn weight(template: &str) -> usize {
    template.split("${").map(literal).sum()
}

fn literal(part: &str) -> usize {
    part.split_once('}').map_or(part.len(), |(_, tail)| tail.len())
}

/// Returns the places at which a text can be cut, its ends included.
fn places(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()])
}

/// Reads a pattern by a template with a `*` in it.
fn captures_around<'t, 'a>(
    before: &'t str,
    after: &'t str,
    arn: &'a str,
) -> Option<Vec<(&'t str, &'a str)>> {
    places(arn).find_map(|at| {
        let (head, rest) = arn.split_at_checked(at)?;
        let mut found = captures(before, head)?;
        let tail = places(rest).find_map(|at| captures(after, rest.get(at..)?))?;
        found.extend(tail);
        Some(found)
    })
}

/// Reads a pattern by a template: a variable holds no `:`, the last takes what is left.
fn captures<'t, 'a>(template: &'t str, arn: &'a str) -> Option<Vec<(&'t str, &'a str)>> {
    let Some((head, after)) = template.split_once("${") else {
        return (template == arn).then(Vec::new);
    };
    let rest = arn.strip_prefix(head)?;
    let (variable, tail) = after.split_once('}')?;
    if tail.is_empty() {
        return (!rest.is_empty()).then(|| vec![(variable, rest)]);
    }
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    for end in ends.collect::<Vec<_>>().into_iter().rev() {
        let (value, left) = rest.split_at_checked(end)?;
        if value.contains(':') && variable != "AWSServicePrincipal" {
            continue;
        }
        if let Some(mut found) = captures(tail, left) {
            found.insert(0, (variable, value));
            return Some(found);
        }
    }
    None
}
