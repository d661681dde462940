//! How a draft writes what was seen, and what it allows beside that to keep AWS's limits.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use trailtrim_iam::{Effect, Selector, Statement, pattern};

use super::WrittenAs;
use super::drafted::Drafted;
use crate::cover::service;
use crate::tighten::{Place, TightenedBundle};

/// An action, in what is drafted for one attached statement or in all.
type Written = (&'static str, Option<Place>);

/// What the drafted statements have in place of what was seen.
pub(super) struct Writing<'w> {
    bundle: &'w TightenedBundle<'w>,
    /// The drafted statements, each with the attached ones that it restricts.
    allows: Vec<(&'w Statement, &'w BTreeSet<Place>)>,
    /// Whether ground was given to keep AWS's limits.
    conceded: bool,
    /// Where it was, the patterns of actions, by service.
    patterns: BTreeMap<String, Vec<(&'w str, &'w Statement)>>,
    /// The resources of the statements that allow an action.
    known: RefCell<BTreeMap<Written, Rc<BTreeSet<&'w str>>>>,
}

impl<'w> Writing<'w> {
    pub(super) fn of(bundle: &'w TightenedBundle<'w>, draft: Option<&'w Drafted>) -> Writing<'w> {
        let documents = draft.into_iter().flat_map(|draft| &draft.documents);
        let statements = documents.flat_map(|document| &document.statements);
        let from = draft.into_iter().flat_map(|draft| &draft.statements).map(|one| &one.from);
        let allows: Vec<(&Statement, &BTreeSet<Place>)> =
            statements.filter(|one| one.effect == Effect::Allow).zip(from).collect();
        let conceded = draft.is_some_and(|draft| !draft.concessions.is_empty());
        let mut patterns: BTreeMap<String, Vec<(&str, &Statement)>> = BTreeMap::new();
        for (statement, _) in allows.iter().filter(|_| conceded) {
            let listed =
                statement.action.listed().iter().filter(|_| !statement.action.is_negated());
            for wide in listed.filter(|one| one.contains(['*', '?'])) {
                let service = service(wide).to_ascii_lowercase();
                patterns.entry(service).or_default().push((wide, statement));
            }
        }
        Writing { bundle, allows, conceded, patterns, known: RefCell::default() }
    }

    /// Tells whether a pattern of the drafted statements allows an action that nothing of a statement keeps,
    /// on some of the statement's resources: ground that was given to keep AWS's limits.
    pub(super) fn concedes(&self, action: &str, attached: &Statement) -> bool {
        let here = |statement: &&Statement| match (&statement.resource, &attached.resource) {
            (Some(Selector::Only(drafted)), Some(Selector::Only(attached))) => {
                drafted.iter().any(|one| {
                    let meets =
                        |other: &String| pattern::covers(other, one) || pattern::covers(one, other);
                    attached.iter().any(meets)
                })
            }
            _ => true,
        };
        let patterns = self.patterns.get(service(action)).into_iter().flatten();
        let mut holding = patterns.filter(|(wide, _)| pattern::covers_action(wide, action));
        holding.any(|(_, statement)| here(statement))
    }

    /// Returns the narrowest pattern that allows an action on what was seen, unless it is named itself: of what is
    /// drafted for the attached statement at `place`, and only where that is nothing, of another.
    pub(super) fn instead(
        &self,
        action: &'static str,
        place: Place,
        resource: &str,
    ) -> Option<WrittenAs> {
        let own = self.written(action, Some(place), resource);
        let wide = own.or_else(|| self.written(action, None, resource))?;
        if wide == resource {
            return None;
        }
        let chosen = self.bundle.choice.generalisations().iter().find(|one| one.to == wide);
        let why = match chosen {
            Some(one) => one.why.clone(),
            None if self.conceded => "to fit AWS's limits, or as it is attached".to_owned(),
            None if self.is_attached(wide) => "as it is attached".to_owned(),
            None => "what stays of what is attached".to_owned(),
        };
        Some(WrittenAs { pattern: wide.to_owned(), why })
    }

    /// Tells whether a statement's resources stay only where nothing else can be written in their place.
    pub(super) fn stays_whole(&self, place: Place) -> bool {
        !self.bundle.fixed.contains_key(&place)
    }

    fn is_attached(&self, resource: &str) -> bool {
        let statements =
            self.bundle.bundle.policies.iter().flat_map(|one| &one.document.statements);
        let listed = statements.filter_map(|one| one.resource.as_ref());
        let mut listed = listed.filter(|one| !one.is_negated()).flat_map(|one| one.listed());
        listed.any(|one| one == resource)
    }

    /// Returns as what the drafted statements, all or those that restrict one, allow an action on a resource.
    fn written(
        &self,
        action: &'static str,
        place: Option<Place>,
        resource: &str,
    ) -> Option<&'w str> {
        let listed = self.listed(action, place);
        if let Some(itself) = listed.get(resource) {
            return Some(*itself);
        }
        // What stays for other regions, or other reasons, may be wider.
        let holding = listed.iter().filter(|wide| pattern::covers(wide, resource));
        let narrowest =
            holding.reduce(|best, one| if pattern::covers(best, one) { one } else { best });
        // What a policy variable stands for is known to AWS alone; the call worked.
        let open = |wide: &&&str| {
            pattern::has_variable(wide)
                && pattern::covers(&pattern::without_variables(wide), resource)
        };
        narrowest.or_else(|| listed.iter().find(open)).copied()
    }

    /// Returns the resources that the drafted statements, all or those that restrict one, list for an action.
    pub(super) fn listed(
        &self,
        action: &'static str,
        place: Option<Place>,
    ) -> Rc<BTreeSet<&'w str>> {
        let mut known = self.known.borrow_mut();
        let listed = known.entry((action, place)).or_insert_with(|| {
            let near = self
                .allows
                .iter()
                .filter(|(_, from)| place.is_none_or(|place| from.contains(&place)));
            let holding = near.map(|(one, _)| one).filter(|one| {
                let listed = one.action.listed().iter();
                !one.action.is_negated()
                    && listed.into_iter().any(|wide| pattern::covers_action(wide, action))
            });
            let resources = holding.filter_map(|one| one.resource.as_ref());
            let resources = resources.filter(|one| !one.is_negated());
            Rc::new(resources.flat_map(|one| one.listed()).map(String::as_str).collect())
        });
        Rc::clone(listed)
    }
}
