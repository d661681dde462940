//! Where each variable of an ARN template comes from, for one operation.
//!
//! Written sources come first: the grant's, the operation's, the service's. Then the member with
//! the variable's own name, then what the safe affix rule allows ([`crate::names`]).

use std::collections::BTreeSet;

use crate::CompileError;
use crate::layout::TRANSFORMS;
use crate::names::{fills, is_generic, normal, normal_path, same};
use crate::rules::Named;
use crate::world::{Subject, World};

/// A source of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Values at a path, changed by a transform (an index into the list of transforms).
    Path { transform: u32, path: String },
    /// A fixed text.
    Constant(String),
    /// Made by the server.
    Server,
}

/// Returns the paths at which a record may have a member.
pub(crate) fn paths(subject: Subject<'_>, member: &str) -> Vec<String> {
    for root in ["request.", "response.", "additional."] {
        if member.starts_with(root) {
            return vec![normal_path(member)];
        }
    }
    let member = normal_path(member);
    if subject.is_ec2() {
        let leaf = member.rsplit('.').next().unwrap_or(&member);
        return vec![
            format!("request.{leaf}"),
            format!("request.**.{leaf}"),
            format!("request.**.{leaf}.content"),
        ];
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
    let (transform, member) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.trim_end_matches(')')),
        None => ("", text),
    };
    let transform = TRANSFORMS
        .iter()
        .position(|known| *known == transform)
        .and_then(|index| u32::try_from(index).ok())
        .ok_or_else(|| file.error(text, format!("no transform `{transform}`")))?;
    if member == "caller" {
        return Ok(vec![Source::Path { transform: 0, path: member.to_owned() }]);
    }
    let rooted =
        ["request.", "response.", "additional."].iter().any(|root| member.starts_with(root));
    if !rooted && subject.model.is_some() && !has_member(subject, member) {
        return Ok(Vec::new());
    }
    Ok(paths(subject, member).into_iter().map(|path| Source::Path { transform, path }).collect())
}

fn has_member(subject: Subject<'_>, member: &str) -> bool {
    let wanted = normal_path(member);
    let leaf = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    subject.members().iter().any(|known| {
        let stem = known.trim_end_matches('?').trim_end_matches("{}");
        *known == wanted
            || stem == wanted.trim_end_matches('?')
            || (subject.is_ec2() && leaf(stem) == leaf(&wanted))
    })
}

/// Returns the sources of a variable that its name allows.
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
        return vec![Source::Path { transform: 0, path }];
    };
    let guarded = !world.guard(subject.prefix, kind).is_empty();
    let creates = world.creates(&operation.name);
    let members: BTreeSet<String> = subject
        .members()
        .into_iter()
        .filter(|member| !member.ends_with(['?', '}']))
        .filter_map(|member| {
            if subject.is_ec2() {
                member.rsplit('.').next().map(str::to_owned)
            } else {
                (!member.contains('.')).then_some(member)
            }
        })
        .collect();
    let exact = members.iter().filter(|member| {
        // A generic id says nothing of its type: only its own form or an only type can tell.
        same(&wanted, member) && (!is_generic(&wanted) || only_type || guarded)
    });
    let kind = normal(kind);
    let affix = members
        .iter()
        .filter(|member| !same(&wanted, member) && fills(&wanted, &kind, member, creates));
    exact
        .chain(affix)
        .flat_map(|member| paths(subject, member))
        .map(|path| Source::Path { transform: 0, path })
        .collect()
}
