//! One attached Allow statement, as what was seen is put to it.
//!
//! What was observed may be a pattern (the record did not give the whole ARN away),
//! and so is what is attached. The call itself was on one resource, so where the
//! two overlap without one holding the other, it was in what both have in common:
//! that is what stays.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Outcome, Row, RowKey};
use trailtrim_catalog::{ActionFacts, Catalog};
use trailtrim_iam::{
    Condition, PolicyDocument, Principal, Selector, Statement, Version, pattern, wildcard,
};

use super::bearing::Bearing;
use super::fence::Around;
use super::passing;
use super::rest::Rest;
use crate::cover;
use crate::replay::{Allowance, Circumstances, Replay};

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Place {
    /// The policy's place in its bundle.
    pub policy: usize,
    /// The statement's place in its policy.
    pub statement: usize,
}

/// Why a statement keeps its resources, whatever was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fixed {
    /// It is conditioned on tags, which no log tells.
    Tags,
    /// Its resources hold policy variables.
    Variables,
}

impl Fixed {
    pub(crate) fn why(self) -> &'static str {
        match self {
            Fixed::Tags => "the statement is conditioned on tags, so it keeps its resources",
            Fixed::Variables => "the resources hold policy variables, so they stay",
        }
    }
}

/// An Allow statement.
pub(crate) struct Allow<'b> {
    pub(crate) place: Place,
    /// The name of its policy.
    pub(crate) policy: &'b str,
    /// The bundle of its policy, where several principals share it.
    pub(crate) shared: Option<&'b str>,
    pub(crate) statement: &'b Statement,
    /// The catalog's actions that it allows, ordered.
    pub(crate) actions: Vec<ActionFacts>,
    /// Its action patterns that no action of the catalog fits.
    pub(crate) foreign: Vec<String>,
    /// Its resources, as patterns of version 2012-10-17; `*` where it names exceptions.
    pub(crate) resources: Vec<String>,
    /// Those of its resources that are no patterns, of which there may be thousands, and the others; where all
    /// are roles, without what asks for the name of a user.
    plain: BTreeSet<String>,
    patterns: Vec<String>,
    /// What it excepts; empty where it lists what it is about.
    pub(crate) exceptions: Vec<String>,
    pub(crate) fixed: Option<Fixed>,
    /// Actions that it names or means, and that can be done to none of its resources.
    pub(crate) dead: BTreeSet<&'static str>,
    /// Actions of which its holders are surely forbidden something.
    barred: BTreeMap<&'static str, Barred>,
    whole: Replay,
    circumstances: Replay,
}

/// The policy that a statement stands in.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'b> {
    /// Its name.
    pub(crate) policy: &'b str,
    /// Its bundle, where several principals share it.
    pub(crate) shared: Option<&'b str>,
    pub(crate) version: Version,
    /// Whether all that have it are roles.
    pub(crate) roles: bool,
}

/// What of an action all holders of a statement are surely forbidden, each with what forbids it.
pub(crate) enum Barred {
    /// All that the statement allows of it.
    Wholly(String),
    /// It on these resources of the statement.
    On(BTreeSet<String>, String),
}

/// What a statement says of something that was seen. Where it allowed it, with the patterns that
/// both have in common, or none where the statement's resources stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It allowed it.
    Surely(Option<Vec<String>>),
    /// It allowed it if it was on a resource that both mean.
    Partly(Option<Vec<String>>),
    /// It allowed it if its condition held.
    Perhaps(Option<Vec<String>>),
    /// It did not.
    No,
}

impl<'b> Allow<'b> {
    /// Takes an Allow statement, by its place in a bundle.
    pub(crate) fn new(
        Standing { policy, shared, version, roles }: Standing<'b>,
        (place, statement): (Place, &'b Statement),
        bearing: &Bearing,
    ) -> Allow<'b> {
        let listed = |selector: &Selector<Vec<String>>| -> Vec<String> {
            let modern = |text: &String| pattern::modern(text, version).into_owned();
            selector.listed().iter().map(modern).collect()
        };
        let (resources, exceptions) = match &statement.resource {
            Some(only @ Selector::Only(_)) => (listed(only), Vec::new()),
            Some(but @ Selector::AllBut(_)) => (vec!["*".to_owned()], listed(but)),
            None => (vec!["*".to_owned()], Vec::new()),
        };
        // What means nothing to whoever has it says nothing of how the others are to be written.
        let means = |one: &&String| !(roles && is_nameless(one));
        let mut meaning: Vec<&String> = resources.iter().filter(means).collect();
        if meaning.is_empty() {
            meaning = resources.iter().collect();
        }
        let variables = |text: &String| pattern::has_variable(text);
        let fixed = if is_on_tags(&statement.condition) {
            Some(Fixed::Tags)
        } else if meaning.iter().any(|one| variables(one)) || exceptions.iter().any(variables) {
            Some(Fixed::Variables)
        } else {
            None
        };
        let (actions, foreign) = actions(&statement.action, bearing.catalog());
        // Whoever names an action means something by it, whatever the reference has.
        let is_dead = |facts: &&ActionFacts| {
            let action = facts.id();
            let on_none = |one: &String| match names(&statement.action, action) {
                true => !bearing.takes(action, one),
                false => !bearing.may_mean(action, one),
            };
            exceptions.is_empty() && resources.iter().all(on_none)
        };
        let dead = actions.iter().filter(is_dead).map(|facts| facts.id()).collect();
        let document = |statement: Statement| PolicyDocument {
            version: Some(version),
            id: None,
            statements: vec![statement],
        };
        let condition_only = Statement {
            action: Selector::Only(vec!["*".to_owned()]),
            resource: Some(Selector::Only(vec!["*".to_owned()])),
            ..statement.clone()
        };
        Allow {
            place,
            policy,
            shared,
            statement,
            actions,
            foreign,
            plain: meaning
                .iter()
                .filter(|one| pattern::is_name(one))
                .map(|&one| one.clone())
                .collect(),
            patterns: meaning
                .iter()
                .filter(|one| !pattern::is_name(one))
                .map(|&one| one.clone())
                .collect(),
            resources,
            exceptions,
            fixed,
            dead,
            barred: BTreeMap::new(),
            whole: Replay::of([&document(statement.clone())]),
            circumstances: Replay::of([&document(condition_only)]),
        }
    }

    /// Notes what is surely forbidden to all who have the statement.
    pub(crate) fn bar(&mut self, around: &Around<'_, '_>, bearing: &Bearing) {
        if around.is_open(&self.resources) {
            return;
        }
        for action in self.actions.iter().map(|facts| facts.id()) {
            if self.dead.contains(action) {
                continue;
            }
            let (mut on, mut reason, mut whole) = (BTreeSet::new(), None, true);
            for resource in self.resources.iter().filter(|one| bearing.takes(action, one)) {
                match around.forbids(action, resource, bearing) {
                    Some(why) => {
                        on.insert(resource.clone());
                        reason.get_or_insert(why);
                    }
                    None => whole = false,
                }
            }
            if let Some(why) = reason {
                let barred = if whole { Barred::Wholly(why) } else { Barred::On(on, why) };
                self.barred.insert(action, barred);
            }
        }
    }

    /// Returns what of an action is surely forbidden to all who have the statement.
    pub(crate) fn barred(&self, action: &str) -> Option<&Barred> {
        self.barred.get(action)
    }

    /// Returns what forbids an action wholly.
    pub(crate) fn forbidden(&self, action: &str) -> Option<&str> {
        match self.barred.get(action)? {
            Barred::Wholly(why) => Some(why),
            Barred::On(..) => None,
        }
    }

    /// Returns the catalog's actions that it allows and that nothing forbids wholly.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = &'static str> {
        let all = self.actions.iter().map(|facts| facts.id());
        all.filter(|action| self.forbidden(action).is_none())
    }

    /// Returns the actions that are wholly forbidden.
    pub(crate) fn all_forbidden(&self) -> impl Iterator<Item = &'static str> {
        let wholly = |one: &Barred| matches!(one, Barred::Wholly(_));
        self.barred.iter().filter(move |(_, one)| wholly(one)).map(|(action, _)| *action)
    }

    /// Tells whether an action can be about one of the statement's resources at all, and is not surely
    /// forbidden on it.
    pub(crate) fn takes(&self, bearing: &Bearing, action: &str, resource: &str) -> bool {
        let forbidden = match self.barred.get(action) {
            Some(Barred::Wholly(_)) => true,
            Some(Barred::On(on, _)) => on.contains(resource),
            None => false,
        };
        !forbidden && bearing.takes(action, resource)
    }

    /// Returns what the statement says of something that was seen, whose action it allows.
    pub(crate) fn reach(&self, key: &RowKey, row: &Row, principal: Option<&Principal>) -> Reach {
        // Whatever worked, this is not what allowed it: nothing that it lists can be what was asked for.
        if self.dead.contains(key.action.as_str()) {
            return Reach::No;
        }
        let circumstances = Circumstances::of(row);
        if self.fixed.is_some() {
            return match self.whole.judge(key, &circumstances, principal) {
                Allowance::Surely => Reach::Surely(None),
                Allowance::Perhaps(_) => Reach::Perhaps(None),
                Allowance::No if self.may_reach_part(key, &circumstances, principal) => {
                    Reach::Perhaps(None)
                }
                Allowance::No => Reach::No,
            };
        }
        // Where it cannot be said in a few patterns what both have in common, all of it stays.
        let common = self.common(&key.resource);
        if common.as_ref().is_some_and(Vec::is_empty) {
            return Reach::No;
        }
        match self.circumstances.judge(key, &circumstances, principal) {
            Allowance::Surely if common.as_deref() == Some(std::slice::from_ref(&key.resource)) => {
                Reach::Surely(common)
            }
            Allowance::Surely => Reach::Partly(common),
            Allowance::Perhaps(_) => Reach::Perhaps(common),
            Allowance::No => Reach::No,
        }
    }

    /// Tells whether the statement may have allowed something on a part of what the record leaves open.
    fn may_reach_part(
        &self,
        key: &RowKey,
        circumstances: &Circumstances,
        principal: Option<&Principal>,
    ) -> bool {
        let judged = |with: &Replay, resource: String| {
            let part = RowKey { resource, ..key.clone() };
            with.judge(&part, circumstances, principal) != Allowance::No
        };
        match self.common(&key.resource) {
            Some(parts) => parts
                .into_iter()
                .filter(|part| *part != key.resource)
                .any(|part| judged(&self.whole, part)),
            // What excepts nothing of all that was open excepts nothing of a part either, and what excepts all
            // of it leaves none.
            None if !self.exceptions.is_empty() => false,
            None => judged(&self.circumstances, key.resource.clone()),
        }
    }

    /// Returns what a resource pattern has in common with the statement's resources; `None` where
    /// that takes too many patterns.
    pub(crate) fn common(&self, resource: &str) -> Option<Vec<String>> {
        if !self.exceptions.is_empty() {
            let mut whole = true;
            for exception in &self.exceptions {
                if pattern::covers(exception, resource) {
                    return Some(Vec::new());
                }
                whole &= pattern::overlap(exception, resource).is_some_and(|one| one.is_empty());
            }
            return whole.then(|| vec![resource.to_owned()]);
        }
        let whole = || Some(vec![resource.to_owned()]);
        if self.plain.contains(resource) {
            return whole();
        }
        // Of two that are no patterns, neither holds the other.
        let plain = self.plain.iter().filter(|_| !pattern::is_name(resource));
        let others = || self.patterns.iter().chain(plain.clone());
        if others().any(|attached| pattern::covers(attached, resource)) {
            return whole();
        }
        let mut common = BTreeSet::new();
        for attached in others() {
            common.extend(pattern::overlap(attached, resource)?);
        }
        Some(common.into_iter().collect())
    }

    /// Tells whether all that a resource pattern means is among the statement's resources.
    pub(crate) fn holds(&self, resource: &str) -> bool {
        if !self.exceptions.is_empty() {
            return self.common(resource).is_some_and(|common| common == [resource]);
        }
        self.plain.contains(resource)
            || self.patterns.iter().any(|wide| pattern::covers(wide, resource))
    }

    /// Tells whether its condition is on tags that its resources have.
    pub(crate) fn is_by_tag(&self) -> bool {
        let is_tag = |key: &str| {
            let key = key.to_ascii_lowercase();
            key.split_once(':').is_some_and(|(_, name)| name.starts_with("resourcetag/"))
        };
        self.statement.condition.iter().any(|(_, key, _)| is_tag(key))
    }

    /// Returns those of its resources that say of what kind they are: no pattern begins where that stands.
    pub(crate) fn naming_kinds(&self) -> impl Iterator<Item = &str> {
        let names = |one: &&str| {
            let resource = one.splitn(6, ':').nth(5).unwrap_or_default();
            !resource.is_empty() && !resource.starts_with(['*', '?', '$'])
        };
        let lists = self.fixed.is_none() && self.exceptions.is_empty();
        self.resources.iter().map(String::as_str).filter(move |one| lists && names(one))
    }

    /// Tells whether it may allow something on some of what a resource pattern means, whatever its
    /// condition asks for.
    pub(crate) fn may_reach(&self, resource: &str) -> bool {
        self.fixed == Some(Fixed::Variables)
            || self.common(resource).is_none_or(|common| !common.is_empty())
    }

    /// Tells whether each of its resources holds the variable of a context key.
    pub(crate) fn needs(&self, key: &str) -> bool {
        self.fixed == Some(Fixed::Variables)
            && self.resources.iter().all(|one| pattern::needs_key(one, key))
    }

    /// Tells whether its actions hold one, or a pattern.
    pub(crate) fn holds_action(&self, action: &str) -> bool {
        holds_action(&self.statement.action, action)
    }

    /// Tells whether the statement names an action, and not only means it.
    pub(crate) fn names(&self, action: &str) -> bool {
        names(&self.statement.action, action)
    }

    /// Returns the patterns of actions of one service of which nothing can be done to any of its resources. What a
    /// pattern over services means beside others, nobody meant.
    pub(crate) fn dead_patterns(&self) -> impl Iterator<Item = &'b str> {
        let listed = match &self.statement.action {
            Selector::Only(listed) => listed.as_slice(),
            Selector::AllBut(_) => &[],
        };
        let patterns = listed.iter().map(String::as_str).filter(|one| one.contains(['*', '?']));
        patterns.filter(|one| {
            let service = one.split(':').next().unwrap_or_default();
            let meant =
                || self.actions.iter().filter(|one_of| pattern::covers_action(one, one_of.id()));
            // What takes no resource is asked about none, and only likely needs `*`.
            !service.contains(['*', '?'])
                && meant().any(|facts| facts.resource_types().next().is_some())
                && meant().all(|facts| self.dead.contains(facts.id()))
        })
    }

    /// Returns what it allows of a service, whatever the catalog knows of it: patterns, and those of some calls
    /// where exceptions of that service leave none.
    pub(crate) fn beyond(
        &self,
        service: &str,
        calls: &BTreeSet<String>,
        withheld: &dyn Fn(&str) -> bool,
    ) -> Vec<String> {
        let known = self.actions.iter().map(|facts| facts.id());
        let mut known = known.filter(|action| cover::service(action) == service);
        let narrowed: Option<Vec<String>> = match &self.statement.action {
            _ if known.any(withheld) => None,
            Selector::Only(patterns) => {
                let told = |one: &&String| one.contains(['*', '?']) && !self.foreign.contains(one);
                Some(
                    patterns
                        .iter()
                        .filter(told)
                        .filter_map(|one| of_service(one, service))
                        .collect(),
                )
            }
            Selector::AllBut(exceptions) => exceptions
                .iter()
                .all(|one| of_service(one, service).is_none())
                .then(|| vec![format!("{service}:*")]),
        };
        let called = || {
            let own = calls.iter().filter(|call| cover::service(call) == service);
            own.filter(|call| self.holds_action(call)).cloned().collect()
        };
        let mut all = narrowed.unwrap_or_else(called);
        all.retain(|one| !withheld(one));
        all
    }

    /// Tells whether its condition may let a role be passed to a service.
    pub(crate) fn may_pass_to(&self, service: &str) -> bool {
        let to = trailtrim_catalog::Condition {
            operator: "StringEquals".to_owned(),
            key: "iam:PassedToService".to_owned(),
            values: vec![service.to_owned()],
        };
        let key = RowKey {
            action: "iam:PassRole".to_owned(),
            resource: "*".to_owned(),
            conditions: vec![to],
            outcome: Outcome::Granted,
        };
        self.circumstances.judge(&key, &Circumstances::default(), None) != Allowance::No
    }

    /// Returns what stays where only the passing of roles to some services may.
    pub(crate) fn passing(&self, services: &BTreeSet<&'static str>) -> Rest {
        let go = services.iter().copied().filter(|service| self.may_pass_to(service));
        let go: BTreeSet<&'static str> = go.collect();
        match go.is_empty() {
            true => Rest::Nothing,
            false => passing::rest(&self.statement.condition, &go),
        }
    }

    /// Returns what of `rest`, which is about the passing of any role, is about these.
    pub(crate) fn passing_of(&self, roles: &BTreeSet<String>, rest: Rest) -> Rest {
        if roles.is_empty() || self.fixed.is_some() {
            return rest;
        }
        let mut attached = BTreeSet::new();
        for role in roles {
            let Some(mut common) = self.common(role) else { return rest };
            // Of a role that was called by its name nothing tells the path.
            if common.is_empty()
                && let Some((head, name)) = role.split_once(":role/")
            {
                let name = name.rsplit('/').next().unwrap_or(name);
                let anywhere = format!("{head}:role/*/{name}");
                let Some(found) = self.common(&anywhere) else { return rest };
                common = found;
            }
            attached.extend(common);
        }
        match rest {
            _ if attached.is_empty() => Rest::Nothing,
            Rest::PassedTo(passes) => {
                let services: BTreeSet<&'static str> = passes.into_values().flatten().collect();
                let each = attached.into_iter().map(|role| (Some(role), services.clone()));
                Rest::PassedTo(each.collect())
            }
            _ => Rest::on(attached.into_iter().map(|role| (role, BTreeSet::new())).collect()),
        }
    }

    /// Returns the regions that the condition limits the statement to, if it does.
    pub(crate) fn regions(&self) -> Option<BTreeSet<&'b str>> {
        self.statement.condition.iter().find_map(|(operator, key, values)| {
            let exact = operator.eq_ignore_ascii_case("StringEquals")
                || operator.eq_ignore_ascii_case("StringLike");
            let plain = values.iter().all(|value| !value.contains(['*', '?', '$']));
            (exact && plain && key.eq_ignore_ascii_case("aws:RequestedRegion"))
                .then(|| values.iter().map(String::as_str).collect())
        })
    }
}

/// Tells whether a resource pattern asks for the name of a user, which only requests of users have.
pub(super) fn is_nameless(resource: &str) -> bool {
    resource.contains("${") && pattern::needs_key(resource, "aws:username")
}

/// Returns the catalog's actions that a selector allows, and its patterns that none of them fits.
pub(crate) fn actions(
    selector: &Selector<Vec<String>>,
    catalog: Catalog,
) -> (Vec<ActionFacts>, Vec<String>) {
    let fits = |pattern: &str, action: &str| wildcard::matches(pattern, action);
    let lower: Vec<String> =
        selector.listed().iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
    let mut found = Vec::new();
    match selector {
        Selector::AllBut(_) => {
            for facts in catalog.services().flat_map(|service| service.actions()) {
                let action = facts.id().to_ascii_lowercase();
                if !lower.iter().any(|pattern| fits(pattern, &action)) {
                    found.push(facts);
                }
            }
            (found, Vec::new())
        }
        Selector::Only(patterns) => {
            let mut foreign = Vec::new();
            let mut seen = BTreeSet::new();
            for (pattern, lower) in patterns.iter().zip(&lower) {
                let before = seen.len();
                let mut known = false;
                let prefix = lower.split(':').next().unwrap_or_default();
                let services: Vec<_> = match prefix.contains(['*', '?']) {
                    true => catalog.services().collect(),
                    false => catalog.service(prefix).into_iter().collect(),
                };
                for facts in services.into_iter().flat_map(|service| service.actions()) {
                    if fits(lower, &facts.id().to_ascii_lowercase()) {
                        known = true;
                        if seen.insert(facts.id()) {
                            found.push(facts);
                        }
                    }
                }
                if !known && seen.len() == before {
                    foreign.push(pattern.clone());
                }
            }
            found.sort_by_key(|facts| facts.id());
            (found, foreign)
        }
    }
}

/// Tells whether the actions of a statement hold one, or a pattern; of exceptions that speak of a pattern's service
/// no comparison of texts can tell.
pub(crate) fn holds_action(actions: &Selector<Vec<String>>, action: &str) -> bool {
    let any = |patterns: &[String]| {
        patterns.iter().any(|pattern| pattern::covers_action(pattern, action))
    };
    match actions {
        Selector::Only(patterns) => any(patterns),
        Selector::AllBut(patterns) if action.contains(['*', '?']) => {
            let service = cover::service(action).to_ascii_lowercase();
            !service.contains(['*', '?'])
                && patterns.iter().all(|but| of_service(but, &service).is_none())
        }
        Selector::AllBut(patterns) => !any(patterns),
    }
}

/// Tells whether a selector names an action, and not only means it.
fn names(actions: &Selector<Vec<String>>, action: &str) -> bool {
    let named = |one: &String| one.eq_ignore_ascii_case(action);
    matches!(actions, Selector::Only(listed) if listed.iter().any(named))
}

/// Returns what an action pattern means of a service; nothing where it is of others.
fn of_service(wide: &str, service: &str) -> Option<String> {
    let (services, names) = wide.split_once(':').unwrap_or((wide, "*"));
    wildcard::matches(&services.to_ascii_lowercase(), service).then(|| format!("{service}:{names}"))
}

/// Tells whether a resource means itself, by its text alone.
/// Tells whether a condition asks for tags: of the resource, the request or the principal.
fn is_on_tags(condition: &Condition) -> bool {
    condition.iter().any(|(_, key, _)| {
        let key = key.to_ascii_lowercase();
        key.contains("tag/") || key == "aws:tagkeys" || key.ends_with("tagkeys")
    })
}
