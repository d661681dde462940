//! How many actions policies allow.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use trailtrim_catalog::{ActionFacts, Catalog};
use trailtrim_iam::{Effect, PolicyDocument, Selector};

use crate::tighten::actions_of;

/// Actions that policies allow, whatever their Deny statements say.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed {
    /// All of them.
    pub(super) all: BTreeSet<&'static str>,
    /// Those that can be limited to resources and are allowed on every one.
    pub(super) anywhere: BTreeSet<&'static str>,
}

/// What a statement lists, and whether that is what it excepts.
type Key = (bool, Vec<String>);

/// Looks up the actions of statements. Many principals have the same, and for a pattern a whole
/// service is walked through, or all of them.
pub(super) struct Counter {
    catalog: Catalog,
    known: BTreeMap<Key, Rc<Vec<ActionFacts>>>,
}

impl Counter {
    pub(super) fn new(catalog: Catalog) -> Counter {
        Counter { catalog, known: BTreeMap::new() }
    }

    /// Returns what documents allow.
    pub(super) fn allowed<'d>(
        &mut self,
        documents: impl IntoIterator<Item = &'d PolicyDocument>,
    ) -> Allowed {
        let mut allowed = Allowed::default();
        let statements = documents.into_iter().flat_map(|document| &document.statements);
        for statement in statements.filter(|statement| statement.effect == Effect::Allow) {
            let anywhere = match &statement.resource {
                Some(Selector::Only(listed)) => listed.iter().any(|one| one == "*"),
                _ => true,
            };
            for facts in self.actions(&statement.action).iter() {
                allowed.all.insert(facts.id());
                if anywhere && facts.resource_types().next().is_some() {
                    allowed.anywhere.insert(facts.id());
                }
            }
        }
        allowed
    }

    fn actions(&mut self, selector: &Selector<Vec<String>>) -> Rc<Vec<ActionFacts>> {
        let key = (selector.is_negated(), selector.listed().clone());
        let catalog = self.catalog;
        let found = self.known.entry(key);
        Rc::clone(found.or_insert_with(|| Rc::new(actions_of(selector, catalog).0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_iam::Statement;

    #[test]
    fn actions_count_once_and_only_those_that_take_arns_count_as_anywhere() {
        let mut counter = Counter::new(Catalog::embedded());
        let documents = [
            PolicyDocument::new(vec![
                Statement::allow(["sqs:SendMessage", "sts:GetCallerIdentity"], ["*"]),
                Statement::deny(["ec2:*"], ["*"]),
            ]),
            PolicyDocument::new(vec![Statement::allow(
                ["sqs:sendmessage", "s3:GetObject"],
                ["arn:aws:s3:::b/*"],
            )]),
        ];
        let allowed = counter.allowed(&documents);
        let all = ["s3:GetObject", "sqs:SendMessage", "sts:GetCallerIdentity"];
        assert_eq!(allowed.all, BTreeSet::from(all));
        assert_eq!(allowed.anywhere, BTreeSet::from(["sqs:SendMessage"]));
    }
}
