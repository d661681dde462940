//! A resource that was seen, taken apart.

use std::rc::Rc;

use trailtrim_catalog::{ActionFacts, Shape};

use super::Evidence;
use super::keys::parent;
use super::kind::{Kind, Kinds};
use super::rules::{OneRun, Value};
use crate::irredundant::escaped;

/// The companion form of a name: what is in it.
const COMPANION: &str = ":*";

/// A resource that was seen with an action.
pub(super) struct Item<'s> {
    pub(super) action: &'s str,
    pub(super) resource: &'s str,
    /// The resource without its [`COMPANION`] ending.
    pub(super) base: &'s str,
    /// That ending, where the resource has it.
    pub(super) tail: &'static str,
    pub(super) shape: Shape<'s>,
    pub(super) kind: Rc<Kind>,
    /// The same by another type of the service, where the name holds a version's number.
    version: Option<(Shape<'s>, Rc<Kind>)>,
    pub(super) evidence: &'s Evidence<'s>,
}

impl<'s> Item<'s> {
    /// Takes a resource apart; nothing if it is of none of the action's types, as `*` is.
    pub(super) fn new(
        action: &'s str,
        resource: &'s str,
        evidence: &'s Evidence<'s>,
        facts: ActionFacts,
        kinds: &mut Kinds,
    ) -> Option<Item<'s>> {
        let shape = facts.shape(resource).or_else(|| kinds.foreign(resource));
        let whole = shape.map(|shape| (kinds.of(&shape), shape));
        let keyed = whole.as_ref().is_some_and(|(kind, _)| kind.keyed);
        let companion = resource.strip_suffix(COMPANION).filter(|base| !keyed && !folded(base));
        if let Some(base) = companion
            && let Some(shape) = facts.shape(base)
        {
            let (kind, tail) = (kinds.of(&shape), COMPANION);
            return Some(Item {
                action,
                resource,
                base,
                tail,
                shape,
                kind,
                version: None,
                evidence,
            });
        }
        let (kind, shape) = whole?;
        let named = !kind.keyed && kind.run_of(&shape).is_none();
        let version = if named { kinds.version(resource) } else { None };
        Some(Item { action, resource, base: resource, tail: "", shape, kind, version, evidence })
    }

    /// Returns how the name is of one run, if it is.
    pub(super) fn run(&self) -> Option<Run<'_, 's>> {
        let version = self.version.as_ref().map(|(shape, kind)| (shape, kind, true));
        let (shape, kind, within_name) = version.unwrap_or((&self.shape, &self.kind, false));
        kind.run_of(shape).map(|one_run| Run { shape, kind, one_run, within_name })
    }

    /// Splits a key from what stands before it.
    pub(super) fn key(&self) -> Option<(&'s str, &'s str)> {
        self.kind.keyed.then(|| self.kind.split(&self.shape, self.base))?
    }

    /// Returns the pattern for all that begins as the name does up to its last `/`, if it has one;
    /// of a key in the top level, for all of the container.
    pub(super) fn parent(&self) -> Option<String> {
        let (head, name) = self.kind.split(&self.shape, self.base)?;
        let beginning = name.get(..parent(name))?;
        // A `/` that only leads a name divides nothing.
        (self.kind.keyed || beginning.len() > 1).then(|| format!("{head}{beginning}*"))
    }

    /// Says what all resources of the type are, of which the variables stay that `star` does not name.
    pub(super) fn of_type(&self, star: impl Fn(usize) -> bool) -> String {
        every_other(self.shape.kind(), &self.kind, &self.shape, star, self.base)
    }

    /// Says what all resources are that a pattern with one star stands for.
    pub(super) fn like(&self, pattern: &str) -> String {
        let own = pattern.splitn(6, ':').nth(5).unwrap_or(pattern);
        let (beginning, ending) = own.split_once('*').unwrap_or((own, ""));
        let ends = match ending {
            "" => String::new(),
            ending => format!(" and ends with `{ending}`"),
        };
        let kind = self.shape.kind();
        format!("every other {kind} that begins with `{beginning}`{ends}{}", place(self.base))
    }
}

/// How a name is of one run.
pub(super) struct Run<'i, 's> {
    shape: &'i Shape<'s>,
    kind: &'i Kind,
    pub(super) one_run: &'i OneRun,
    /// Whether the action's own types are of the thing alone, so that the name holds what is of one run.
    pub(super) within_name: bool,
}

impl Run<'_, '_> {
    /// Writes the ARN with a star for what differs with every run.
    pub(super) fn starred(&self) -> String {
        self.kind.starred(self.shape, |at| self.one_run.stars(at))
    }

    /// Says what the pattern stands for beside the name that stands in `arn`.
    pub(super) fn others(&self, arn: &str) -> String {
        // An alias stands where a number does, and a star is for both.
        let counted = self.one_run.value == Some(Value::Digits);
        let what = if counted { "version or alias" } else { self.shape.kind() };
        every_other(what, self.kind, self.shape, |at| self.one_run.stars(at), arn)
    }
}

/// Says what all of a type are, of which the variables stay that `star` does not name.
fn every_other(
    what: &str,
    kind: &Kind,
    shape: &Shape<'_>,
    star: impl Fn(usize) -> bool,
    arn: &str,
) -> String {
    let kept = kind.values(shape).enumerate().filter(|(at, _)| !star(*at));
    let kept: Vec<String> = kept.map(|(_, value)| format!("`{value}`")).collect();
    let of = if kept.is_empty() { String::new() } else { format!(" of {}", kept.join(", ")) };
    format!("every other {what}{of}{}", place(arn))
}

/// Says where an ARN's resource is.
fn place(arn: &str) -> String {
    let mut fields = arn.split(':').skip(3);
    match (fields.next().unwrap_or_default(), fields.next().unwrap_or_default()) {
        ("", "") => String::new(),
        ("", account) => format!(" in {account}"),
        (region, "") => format!(" in {region}, of any account"),
        (region, account) => format!(" in {region} of {account}"),
    }
}

/// Returns whether a resource stands for many already. Escaped stars are text.
pub(super) fn folded(resource: &str) -> bool {
    let mut rest = resource;
    while let Some(at) = rest.find(['*', '$']) {
        let here = rest.get(at..).unwrap_or_default();
        rest = match escaped(here) {
            Some((_, after)) => after,
            None if here.starts_with('*') => return true,
            None => here.get(1..).unwrap_or_default(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_star_of_its_own_makes_a_name_many() {
        assert!(folded("b/*") && folded("*") && folded("b/${*}*"));
        assert!(!folded("b/${*}") && !folded("b/${$}{${*}}") && !folded("b/$x") && !folded("b/??"));
    }

    #[test]
    fn a_place_is_region_and_account() {
        assert_eq!(place("arn:aws:sqs:eu-west-1:111122223333:q"), " in eu-west-1 of 111122223333");
        assert_eq!(place("arn:aws:iam::111122223333:role/r"), " in 111122223333");
        assert_eq!(place("arn:aws:ec2:r::snapshot/s"), " in r, of any account");
        assert_eq!(place("arn:aws:s3:::b/k"), "");
    }
}
