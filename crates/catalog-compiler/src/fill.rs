//! Where each variable of an ARN template comes from, for one operation.
//!
//! Written sources come first: the grant's, the operation's, the service's. Then the member with
//! the variable's own name, then what the safe affix rule allows ([`crate::names`]).

use std::collections::BTreeSet;

use crate::CompileError;
use crate::layout::{LISTED, NESTED, TRANSFORMS};
use crate::names::{
    Call, LISTS, fills, is_bare, is_generic, is_short_for, keys, named_by, normal, normal_path,
    path_problem, same, untested,
};
use crate::rules::Named;
use crate::world::{Subject, World};

/// A source of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Values at a path, changed by a transform (an index into the list of transforms).
    Path { transform: u32, path: String, also: bool },
    /// Values at a path that an ARN spells otherwise: `CLOUDFRONT=global;REGIONAL=regional`.
    Spelled { path: String, words: String },
    /// What goes before the values of the others.
    Before { transform: u32, path: String },
    /// What the values of the others consist of, or they are no ids: characters, how many of them
    /// at least and at most, and those of which one is among them.
    Form { of: String, length: [u32; 2], with: String },
    /// A fixed text.
    Constant(String),
    /// Made by the server.
    Server,
}

impl Source {
    /// Returns the same as a source of what goes before.
    pub(crate) fn before(self) -> Option<Source> {
        match self {
            Source::Path { transform, path, .. } => Some(Source::Before { transform, path }),
            _ => None,
        }
    }
}

/// Returns whether a rule says itself in which part of a record something is.
fn is_rooted(member: &str) -> bool {
    ["request.", "response.", "additional."].iter().any(|root| member.starts_with(root))
}

/// Returns the paths at which a record may have a member.
pub(crate) fn paths(subject: Subject<'_>, member: &str) -> Vec<String> {
    if is_rooted(member) {
        return vec![normal_path(member)];
    }
    if subject.is_ec2()
        && let Some(member) = member.strip_suffix(LISTS)
    {
        let paths = paths(subject, member).into_iter();
        return paths.map(|path| path + LISTS).collect();
    }
    let member = normal_path(member);
    if subject.is_ec2() {
        let leaf = keys(&member).pop().unwrap_or(&member);
        let mut paths = vec![
            format!("request.{leaf}"),
            // What the call is about stands at the top, also where all is wrapped.
            format!("request.{}request.{leaf}", normal(subject.name)),
            format!("request.**.{leaf}"),
            format!("request.**.{leaf}.content"),
        ];
        // The elements of `subnetIds` are written as `subnetId`.
        if leaf.ends_with("ids") {
            paths.push(format!("request.**.{}", leaf.trim_end_matches('s')));
        }
        return paths;
    }
    vec![format!("request.{member}")]
}

/// Reads a written source such as `nolead(name)`, `=default` or `*`. A bare member that the
/// operation does not have is no source for it.
pub(crate) fn written(
    file: &Named,
    subject: Subject<'_>,
    text: &str,
) -> Result<Vec<Source>, CompileError> {
    if text == "*" {
        return Ok(vec![Source::Server]);
    }
    if let Some(constant) = text.strip_prefix('=') {
        return Ok(vec![Source::Constant(constant.to_owned())]);
    }
    let (also, text) = match text.strip_prefix('+') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let mut names = Vec::new();
    let mut member = text;
    while let Some((name, rest)) = member.split_once('(') {
        names.push(name);
        member = rest.trim_end_matches(')');
    }
    if names == ["spelled"] {
        let (member, words) = member
            .split_once(';')
            .ok_or_else(|| file.error(text, "write `spelled(member;WORD=how the ARN has it;…)`"))?;
        if let Some(problem) = path_problem(member) {
            return Err(file.error(text, problem));
        }
        let own = is_rooted(member) || subject.model.is_none() || has_member(subject, member);
        let sources = paths(subject, member).into_iter();
        let spelled = sources.map(|path| Source::Spelled { path, words: words.to_owned() });
        return Ok(if own { spelled.collect() } else { Vec::new() });
    }
    let mut transform: u32 = 0;
    for name in names {
        let number = TRANSFORMS
            .iter()
            .position(|known| *known == name)
            .and_then(|index| u32::try_from(index).ok())
            .ok_or_else(|| file.error(text, format!("no transform `{name}`")))?;
        transform = transform
            .checked_mul(NESTED)
            .and_then(|others| others.checked_add(number))
            .ok_or_else(|| file.error(text, "so many transforms of transforms have no room"))?;
    }
    if member == "caller" || member == LISTED {
        return Ok(vec![Source::Path { transform: 0, path: member.to_owned(), also: false }]);
    }
    if let Some(problem) = path_problem(member) {
        return Err(file.error(text, problem));
    }
    if !is_rooted(member) && subject.model.is_some() && !has_member(subject, member) {
        return Ok(Vec::new());
    }
    let path = |path| Source::Path { transform, path, also };
    Ok(paths(subject, member).into_iter().map(path).collect())
}

/// How many levels the tables of models have of names and ids.
const DEPTH: usize = 3;

fn has_member(subject: Subject<'_>, member: &str) -> bool {
    let wanted = untested(&normal_path(member));
    let leaf = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let members = subject.members();
    // Of what is deeper than the tables of models look, they have the structure that it is in.
    if let Some(outer) = wanted.split('.').next().filter(|_| wanted.matches('.').count() >= DEPTH) {
        return members.iter().any(|known| known.strip_suffix('?') == Some(outer));
    }
    members.iter().any(|known| {
        let stem = known.trim_end_matches('?').trim_end_matches("{}");
        *known == wanted
            || stem == wanted.trim_end_matches('?')
            || (subject.is_ec2() && leaf(stem) == leaf(&wanted))
    })
}

/// What may stand before a variable's name in a member's, where a call has two of a kind.
const ROLES: [&str; 13] = [
    "add",
    "remove",
    "associated",
    "transport",
    "source",
    "target",
    "destination",
    "current",
    "new",
    "primary",
    "parent",
    "existing",
    "original",
];

/// Returns the sources of a variable that its name allows, the surest first: a member called so, a
/// safe affix, the same deeper down, and last the two of a kind that a copy has.
pub(crate) fn automatic(
    world: &World<'_>,
    subject: Subject<'_>,
    kind: &str,
    variable: &str,
    only_type: bool,
) -> Vec<Source> {
    let wanted = normal(variable);
    let Some((_, operation)) = subject.model else {
        let path = format!("request.{wanted}");
        return vec![Source::Path { transform: 0, path, also: false }];
    };
    let guarded = !world.guard(subject.prefix, kind).is_empty();
    let call = Call {
        creates: world.creates(&operation.name),
        name: normal(&operation.name),
        kind: normal(kind),
    };
    let is_numbered = call.creates && world.numbers(subject.prefix, kind);
    let all: BTreeSet<String> = subject
        .members()
        .into_iter()
        .filter(|member| !member.ends_with(['?', '}']))
        .filter(|member| !(is_numbered && member.ends_with("name")))
        .map(|member| match member.rsplit('.').next() {
            Some(leaf) if subject.is_ec2() => leaf.to_owned(),
            _ => member,
        })
        .collect();
    let (nested, members): (Vec<&String>, Vec<&String>) =
        all.iter().partition(|member| member.contains('.'));
    let leaf = |member: &str| member.rsplit('.').next().unwrap_or_default().to_owned();
    // A generic id says nothing of its type: only its own form or an only type can tell.
    let telling = !is_generic(&wanted);
    let exact = members.iter().filter(|member| {
        same(&wanted, member) && (telling || guarded || (only_type && !is_bare(member)))
    });
    let affix = members
        .iter()
        .filter(|member| !(telling && same(&wanted, member)))
        .filter(|member| fills(&wanted, member, &call) || is_short_for(&wanted, member, &call));
    let deeper = nested.iter().filter(|member| {
        let parent = member.rsplit('.').nth(1).unwrap_or_default();
        (telling && same(&wanted, &leaf(member)))
            || (is_bare(&leaf(member))
                && same(&call.kind, parent)
                && fills(&wanted, &leaf(member), &call))
    });
    let of_two = members.iter().filter(|member| {
        telling
            && ROLES.iter().any(|role| {
                member.strip_prefix(role).is_some_and(|rest| {
                    same(&wanted, rest) || (!is_bare(rest) && fills(&wanted, rest, &call))
                })
            })
    });
    let once = exact.chain(affix).chain(deeper).map(|member| (*member, false));
    once.chain(of_two.map(|member| (*member, true)))
        .flat_map(|(member, also)| paths(subject, member).into_iter().map(move |path| (path, also)))
        .map(|(path, also)| Source::Path { transform: 0, path, also })
        .collect()
}

/// Returns whether an ARN has an id in it that the call can not name: its only word for the
/// resource is a name.
pub(crate) fn is_server_made(subject: Subject<'_>, kind: &str, variable: &str) -> bool {
    let (variable, kind) = (normal(variable), normal(kind));
    subject.members().iter().any(|member| named_by(&variable, &kind, member))
}
