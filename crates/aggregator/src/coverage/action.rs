//! Whether the use of a *permission* would have shown.
//!
//! A [`Question`] is about events; a policy is about actions. An action can show in several
//! events (`s3:GetObject` in `GetObject` and `HeadObject`), and each of them may be what a
//! principal's next call is: so its use would have shown only where all of them are covered.
//!
//! Surprising here:
//! - Whether an event reads or writes is not known from its name: `kms:Decrypt` is a write to IAM
//!   and a read to CloudTrail. So both must be covered. Only where presence of a data event proves
//!   coverage, the action's own class is asked for: a call stands on one side.
//! - Which class an event is of follows from the action of its own name, where there is one. Of an
//!   event of another service without one, all it may be is asked.
//! - Some events are selected by another resource than the one an action is used on: `CopyObject`
//!   by its destination, while it reads a source. They must be covered on any resource
//!   (`data/recording.toml`).
//! - What CloudTrail shows only through another call, or not at all, is never covered here.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::{AccessLevel, Catalog, Visibility};

use super::{Access, Class, Coverage, Question, services};

/// By action the events that can show it; made once for a catalog.
#[derive(Clone, Debug)]
pub struct ActionEvents {
    catalog: Catalog,
    by_action: BTreeMap<&'static str, BTreeSet<Event>>,
}

/// An event by its source and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    source: String,
    name: &'static str,
    shows: Shows,
    /// Whether the trail selects it by the resource that the action is used on.
    here: bool,
}

/// As what an event is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shows {
    Management,
    Data(&'static str),
    /// As the action's own class says.
    AsAction,
    /// As the action's own class says, or as a management event.
    Unsure,
}

/// Where a permission would have been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'p> {
    /// Twelve digits: the account of the principal.
    pub account: &'p str,
    /// The region that is called; see [`Coverage::regions`]. For global services it does not matter.
    pub region: &'p str,
    /// The resource, an ARN or a pattern of a policy.
    pub resource: &'p str,
    /// The ARN of the role or user, where the question is about one.
    pub principal: Option<&'p str>,
}

impl<'p> Place<'p> {
    /// Asks about one event, or about all where none is known by name.
    fn question<'q>(
        &self,
        event: Option<&'q Event>,
        class: Class<'q>,
        access: Access,
    ) -> Question<'q>
    where
        'p: 'q,
    {
        Question {
            account: self.account,
            region: self.region,
            class,
            access,
            resource: if event.is_none_or(|event| event.here) { self.resource } else { "*" },
            event_source: event.map(|event| event.source.as_str()),
            event_name: event.map(|event| event.name),
            principal: self.principal,
        }
    }
}

impl ActionEvents {
    /// Turns the catalog's events round.
    pub fn of(catalog: Catalog) -> ActionEvents {
        let mut by_action: BTreeMap<&'static str, BTreeSet<Event>> = BTreeMap::new();
        for (label, operation) in catalog.events() {
            for action in operation.actions() {
                let service = action.split(':').next();
                let own = operation.service() == service;
                let named =
                    format!("{}:{}", operation.service().unwrap_or(label), operation.name());
                let event = Event {
                    source: format!("{label}.amazonaws.com"),
                    name: operation.name(),
                    shows: match catalog.action(&named).map(|facts| facts.visibility()) {
                        Some(Visibility::Management) => Shows::Management,
                        Some(Visibility::Data(kind)) => Shows::Data(kind),
                        _ if own => Shows::AsAction,
                        _ => Shows::Unsure,
                    },
                    here: !services::selects_elsewhere(label, operation.name(), action),
                };
                by_action.entry(action).or_default().insert(event);
            }
        }
        ActionEvents { catalog, by_action }
    }

    /// Returns what CloudTrail can show of an action; [`Visibility::Unknown`] where the catalog
    /// does not know it.
    pub fn visibility(&self, action: &str) -> Visibility {
        self.catalog.action(action).map_or(Visibility::Unknown, |facts| facts.visibility())
    }
}

impl Coverage {
    /// Returns whether the use of an action at a place on a day (since 1970-01-01, UTC) would surely
    /// have been recorded, and the record read. Never for an action that leaves no event of its own.
    pub fn covers_action(
        &self,
        events: &ActionEvents,
        action: &str,
        place: &Place<'_>,
        day: i32,
    ) -> bool {
        let Some(facts) = events.catalog.action(action) else { return false };
        let class = match facts.visibility() {
            Visibility::Management => Class::Management,
            Visibility::Data(kind) => Class::Data(kind),
            _ => return false,
        };
        let level = match facts.access_level() {
            AccessLevel::List | AccessLevel::Read => Access::Read,
            _ => Access::Write,
        };
        let both = |question: Question<'_>| {
            [Access::Read, Access::Write]
                .into_iter()
                .all(|access| self.covers(&Question { access, ..question }, day))
        };
        let covered = |event: Option<&Event>| {
            let ask = |class| {
                let question = place.question(event, class, level);
                both(question) || (matches!(class, Class::Data(_)) && self.shows(&question, day))
            };
            match event.map_or(Shows::AsAction, |event| event.shows) {
                Shows::Management => ask(Class::Management),
                Shows::Data(kind) => ask(Class::Data(kind)),
                Shows::AsAction => ask(class),
                Shows::Unsure => ask(class) && ask(Class::Management),
            }
        };
        match events.by_action.get(facts.id()) {
            Some(all) => all.iter().all(|event| covered(Some(event))),
            // No rule says in which events it shows: then in any of its class.
            None => covered(None),
        }
    }

    /// Returns the days (since 1970-01-01, UTC) on which its use would surely have shown.
    pub fn covered_days_of(
        &self,
        events: &ActionEvents,
        action: &str,
        place: &Place<'_>,
    ) -> BTreeSet<i32> {
        let days = self.account_days(place.account);
        days.filter(|day| self.covers_action(events, action, place, *day)).collect()
    }
}
