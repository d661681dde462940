//! From verdicts to statements.
//!
//! What was used is granted on what was seen, cut to what is attached. What stays
//! for other reasons stands apart, as it is attached, so that a reviewer sees at
//! once what has evidence and what has not. Conditions are those of the attached
//! statement; what else held in every call is added where that is certain.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::Catalog;
use trailtrim_iam::{Condition, Selector, Statement, pattern};

use super::allow::{Allow, Place};
use super::bearing::Bearing;
use super::beyond::beyond;
use super::passing;
use super::rest::Rest;
use super::settings::Settings;
use super::shortened::shortened;
use super::verdict::{Class, Frozen, Judged, Seen};
use crate::circumstance::{Common, ConditionKind};
use crate::cover::{Effort, condition_chars, cover_under, service};
use crate::irredundant::{Covering, Grant, irredundant};
use crate::sid::{about, service_name, sids};
use crate::taste::{self, Choice, Taste};
use crate::ways::{self, Need};

/// The context key of the region that is called.
const REQUESTED_REGION: &str = "aws:RequestedRegion";

/// Whether a statement of the draft stands on evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Footing {
    /// What was seen.
    Evidence,
    /// What stays as it is attached, for the reasons told.
    Kept,
}

/// A statement of a draft, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The statement.
    pub statement: Statement,
    /// Whether it stands on evidence.
    pub footing: Footing,
    /// The attached statements that it restricts.
    pub from: BTreeSet<Place>,
    /// What its actions are, each with why.
    pub reasons: BTreeMap<(String, Class), String>,
}

/// Something to grant, with what says so.
#[derive(Clone, Debug, Default)]
struct Ground {
    from: BTreeSet<Place>,
    reasons: BTreeMap<(String, Class), String>,
    common: Common,
}

impl Ground {
    fn add(&mut self, place: Place, action: &str, class: Class, why: &str) {
        self.from.insert(place);
        self.reasons.entry((action.to_owned(), class)).or_insert_with(|| why.to_owned());
    }

    fn join(&mut self, other: &Ground) {
        self.from.extend(&other.from);
        for (key, why) in &other.reasons {
            self.reasons.entry(key.clone()).or_insert_with(|| why.clone());
        }
        self.common.join(&other.common);
    }
}

/// What calls had in common: as a statement may ask for it, and by key.
type Shared = (Common, BTreeMap<&'static str, BTreeSet<String>>);

/// What is granted under one condition.
type Pool = BTreeMap<(String, String), Ground>;

/// What of a bundle is to be granted.
pub(crate) struct Wanted<'c> {
    bearing: &'c Bearing,
    settings: &'c Settings,
    /// By condition, what was used.
    used: BTreeMap<Key, Pool>,
    /// By condition, what stays as it is attached.
    kept: BTreeMap<Key, Pool>,
    excepting: Excepting,
    /// Whether what was used may get conditions of what its calls had in common.
    narrows: bool,
    /// Everything that has to be allowed, as it was seen or is attached.
    needs: BTreeSet<Need>,
}

/// A condition as a key of maps.
type Key = Vec<(String, String, Vec<String>)>;

fn key_of(condition: &Condition) -> Key {
    condition
        .iter()
        .map(|(operator, key, values)| (operator.to_owned(), key.to_owned(), values.to_vec()))
        .collect()
}

fn condition_of(key: &Key) -> Condition {
    let mut condition = Condition::default();
    for (operator, key, values) in key {
        condition.add(operator.as_str(), key.as_str(), values.iter().cloned());
    }
    condition
}

/// Gathers what the verdicts on a bundle leave.
pub(crate) fn gather<'c>(
    allows: &[Allow<'_>],
    judged: &BTreeMap<Place, Vec<Judged<'_>>>,
    choice: &Choice,
    kinds: &BTreeSet<ConditionKind>,
    (bearing, settings): (&'c Bearing, &'c Settings),
    frozen: &Frozen,
) -> Wanted<'c> {
    let mut wanted = Wanted {
        bearing,
        settings,
        used: BTreeMap::new(),
        kept: BTreeMap::new(),
        excepting: BTreeMap::new(),
        narrows: !kinds.is_empty(),
        needs: BTreeSet::new(),
    };
    for allow in allows {
        let plain = &allow.statement.condition;
        for one in judged.get(&allow.place).into_iter().flatten() {
            if one.class == Class::Withheld {
                continue;
            }
            wanted.rest(allow, one, choice);
            // All of the rest holds what was used as well.
            if one.rest == Rest::All {
                continue;
            }
            for seen in &one.seen {
                let class = match seen.key.outcome.grants() {
                    true => Class::Used,
                    false => Class::Demanded,
                };
                let condition = narrowed(plain, seen);
                let held = kinds.iter();
                let held: BTreeMap<&'static str, BTreeSet<String>> =
                    held.filter_map(|kind| Some((kind.key(), kind.values(seen.row)?))).collect();
                let Some(common) = &seen.common else {
                    let shared = (Common::of(seen.row, kinds), held);
                    wanted.attached(allow, one.action, class, told(class), condition, &shared);
                    continue;
                };
                for resource in common {
                    wanted.needs.insert(Need {
                        action: one.action.to_owned(),
                        resource: resource.clone(),
                        condition: key_of(&condition),
                        held: held.clone(),
                    });
                    let resources = cut(allow, choice.resource(one.action, resource), resource);
                    for resource in resources {
                        let pool = wanted.used.entry(key_of(&condition)).or_default();
                        let ground = pool.entry((one.action.to_owned(), resource)).or_default();
                        ground.add(allow.place, one.action, class, told(class));
                        ground.common.join(&Common::of(seen.row, kinds));
                    }
                }
            }
        }
        for foreign in &allow.foreign {
            let why = "the catalog knows no such action, so nothing is known of its use";
            let shared = Shared::default();
            wanted.attached(allow, foreign, Class::Unobservable, why, plain.clone(), &shared);
        }
    }
    for (allow, wide, why) in beyond(allows, bearing, settings, frozen) {
        let plain = allow.statement.condition.clone();
        wanted.attached(allow, &wide, Class::Frozen, why, plain, &Shared::default());
    }
    wanted
}

fn told(class: Class) -> &'static str {
    match class {
        Class::Demanded => "tried, and nothing proves that it was allowed",
        _ => "used",
    }
}

/// Chooses how to write what was used of a bundle.
pub(crate) fn choose(
    allows: &[Allow<'_>],
    judged: &BTreeMap<Place, Vec<Judged<'_>>>,
    often: bool,
    taste_of: &dyn Fn(&str) -> Taste,
    catalog: Catalog,
) -> Choice {
    let seen = judged.values().flatten().filter(|one| one.rest != Rest::All).flat_map(|one| {
        one.seen.iter().flat_map(move |seen| {
            seen.common.iter().flatten().map(move |resource| taste::Seen {
                action: one.action,
                resource,
                written: taste::is_written(one.action, seen.row.events.iter()),
                ..taste::Seen::of(seen.key, seen.row)
            })
        })
    });
    let attached = |action: &str| -> Vec<String> {
        let holding = allows.iter().filter(|allow| allow.fixed.is_none());
        let holding = holding.filter(|allow| allow.holds_action(action));
        // What holds a variable here means nothing to whoever has it.
        let meaning = holding.flat_map(|allow| &allow.resources);
        meaning.filter(|one| !pattern::has_variable(one)).cloned().collect()
    };
    taste::choose(seen, often, taste_of, &attached, catalog)
}

/// Cuts a chosen pattern to what is attached; where that is no single pattern, what was seen stays.
fn cut(allow: &Allow<'_>, chosen: &str, seen: &str) -> Vec<String> {
    if chosen == seen {
        return vec![seen.to_owned()];
    }
    match allow.common(chosen) {
        Some(common) => match common.as_slice() {
            [one] if pattern::covers(one, seen) => vec![one.clone()],
            // Several attached patterns, each inside of what was chosen: those that hold something.
            several => match several.iter().find(|one| pattern::covers(one, seen)) {
                Some(one) => vec![one.clone()],
                None => vec![seen.to_owned()],
            },
        },
        None => vec![seen.to_owned()],
    }
}

/// Returns a statement's condition with what else is known to have held, where the statement does
/// not speak of it itself.
fn narrowed(condition: &Condition, seen: &Seen<'_>) -> Condition {
    let mut narrowed = condition.clone();
    for held in &seen.key.conditions {
        let spoken = condition.iter().any(|(_, key, _)| key.eq_ignore_ascii_case(&held.key));
        if !spoken {
            narrowed.add(held.operator.as_str(), held.key.as_str(), held.values.iter().cloned());
        }
    }
    narrowed
}

impl Wanted<'_> {
    /// Takes up what stays beside what was used.
    fn rest(&mut self, allow: &Allow<'_>, one: &Judged<'_>, choice: &Choice) {
        let plain = &allow.statement.condition;
        let (action, class, why) = (one.action, one.rest_class, one.why.as_str());
        match &one.rest {
            Rest::Nothing => {}
            Rest::All => {
                self.attached(allow, action, class, why, plain.clone(), &Shared::default());
            }
            Rest::Outside(regions) => self.outside(allow, one, regions),
            Rest::PassedTo(passes) => {
                for (role, services) in passes {
                    let to = passing::narrowed(plain, services).unwrap_or_else(|| plain.clone());
                    match role {
                        Some(role) => self.on(allow, one, &to, role, vec![role.clone()]),
                        None => self.attached(allow, action, class, why, to, &Shared::default()),
                    }
                }
            }
            Rest::On { resources, outside } => {
                if !outside.is_empty() {
                    self.outside(allow, one, outside);
                }
                for (resource, with) in resources {
                    // What goes with something is written as that is.
                    let chosen = with.iter().map(|with| choice.resource(with, resource));
                    let chosen = chosen.max_by_key(|one| *one != resource);
                    let written = cut(allow, chosen.unwrap_or(resource), resource);
                    self.on(allow, one, plain, resource, written);
                }
            }
        }
    }

    /// Keeps an action on one resource, written so.
    fn on(
        &mut self,
        allow: &Allow<'_>,
        one: &Judged<'_>,
        condition: &Condition,
        resource: &str,
        written: Vec<String>,
    ) {
        let key = key_of(condition);
        self.needs.insert(Need {
            action: one.action.to_owned(),
            resource: resource.to_owned(),
            condition: key.clone(),
            held: BTreeMap::new(),
        });
        let pool = self.kept.entry(key).or_default();
        for written in written {
            let ground = pool.entry((one.action.to_owned(), written)).or_default();
            ground.add(allow.place, one.action, one.rest_class, &one.why);
        }
    }

    /// Keeps an action on all of a statement's resources, outside of some regions.
    fn outside(&mut self, allow: &Allow<'_>, one: &Judged<'_>, regions: &BTreeSet<String>) {
        let plain = &allow.statement.condition;
        let ruled_out = |region: &&String| {
            plain.iter().any(|(operator, key, values)| {
                operator == "StringNotEquals"
                    && key.eq_ignore_ascii_case(REQUESTED_REGION)
                    && values.contains(*region)
            })
        };
        let more: Vec<String> =
            regions.iter().filter(|region| !ruled_out(region)).cloned().collect();
        let mut outside = plain.clone();
        if !more.is_empty() {
            outside.add("StringNotEquals", REQUESTED_REGION, more);
        }
        let shared = Shared::default();
        self.attached(allow, one.action, Class::Unobservable, &one.why, outside, &shared);
    }

    /// Keeps an action on all of a statement's resources; `shared` is what its calls had in common.
    fn attached(
        &mut self,
        allow: &Allow<'_>,
        action: &str,
        class: Class,
        why: &str,
        condition: Condition,
        (common, held): &Shared,
    ) {
        if !allow.exceptions.is_empty() {
            let key = (allow.exceptions.clone(), key_of(&condition));
            self.excepting.entry(key).or_default().add(allow.place, action, class, why);
            return;
        }
        let pool = match class {
            Class::Used | Class::Demanded => &mut self.used,
            _ => &mut self.kept,
        };
        // Where the configuration or a doubt of the rules keeps it, nothing is known better.
        let whole = matches!(class, Class::Pinned | Class::Frozen);
        let seen = matches!(class, Class::Used | Class::Demanded);
        let takes = |resource: &&String| match (whole, seen) {
            (true, _) => true,
            // What worked is no sign that it is forbidden.
            (false, true) => self.bearing.takes(action, resource),
            (false, false) => allow.takes(self.bearing, action, resource),
        };
        let key = key_of(&condition);
        let pool = pool.entry(key.clone()).or_default();
        for resource in allow.resources.iter().filter(takes) {
            self.needs.insert(Need {
                action: action.to_owned(),
                resource: resource.clone(),
                condition: key.clone(),
                held: held.clone(),
            });
            let ground = pool.entry((action.to_owned(), resource.clone())).or_default();
            ground.add(allow.place, action, class, why);
            ground.common.join(common);
        }
    }

    /// Returns the statements, each with an id that stays while it is about the same things, and
    /// everything that they have to allow.
    pub(crate) fn statements(self, allows: &[Allow<'_>]) -> (Vec<Composed>, BTreeSet<Need>) {
        let Wanted { mut used, mut kept, excepting, narrows, needs, settings, .. } = self;
        // What stays with the same condition, or without any, holds what was used as well.
        drop_covered(&mut used, &mut kept, narrows);
        let mut composed = Vec::new();
        let plain = kept.get(&Key::new()).cloned();
        let everywhere: BTreeSet<(String, Key)> = used
            .iter()
            .filter(|_| !narrows)
            .chain(&kept)
            .flat_map(|(key, pool)| pool.keys().map(move |(action, on)| (key, action, on)))
            .filter(|(_, _, on)| *on == "*")
            .map(|(key, action, _)| (action.clone(), key.clone()))
            .collect();
        let excepting = without_covered(excepting, &everywhere);
        for (pools, footing) in [(used, Footing::Evidence), (kept, Footing::Kept)] {
            for (key, pool) in pools {
                let condition = condition_of(&key);
                let grants: BTreeSet<(String, String)> = pool.keys().cloned().collect();
                for block in cover_under(&grants, condition_chars_of(&condition), Effort::Full) {
                    let mut ground = Ground::default();
                    for action in &block.actions {
                        for resource in &block.resources {
                            if let Some(one) = pool.get(&(action.clone(), resource.clone())) {
                                ground.join(one);
                            }
                        }
                    }
                    let actions = match footing {
                        Footing::Evidence => block.actions.clone(),
                        Footing::Kept => {
                            let also = also_granted(plain.as_ref(), &key, &block.resources);
                            let sources = sources(allows, &ground.from);
                            let what = (&block.actions, &also, &block.resources);
                            shortened(what, &sources, settings)
                        }
                    };
                    let mut statement =
                        Statement::allow(actions.iter().cloned(), block.resources.iter().cloned());
                    statement.condition = condition.clone();
                    if footing == Footing::Evidence {
                        ground.common.narrow(&mut statement.condition);
                    }
                    composed.push(Composed {
                        statement,
                        footing,
                        from: ground.from,
                        reasons: ground.reasons,
                    });
                }
            }
        }
        for ((exceptions, key), ground) in excepting {
            let names: BTreeSet<String> =
                ground.reasons.keys().map(|(action, _)| action.clone()).collect();
            let evident = ground
                .reasons
                .keys()
                .all(|(_, class)| matches!(class, Class::Used | Class::Demanded));
            let footing = if evident { Footing::Evidence } else { Footing::Kept };
            let actions = match footing {
                Footing::Evidence => names,
                // All of its sources have the same exceptions, and so the same resources.
                Footing::Kept => {
                    let none = BTreeSet::new();
                    shortened((&names, &none, &none), &sources(allows, &ground.from), settings)
                }
            };
            let mut statement = Statement::allow(actions, Vec::<String>::new());
            statement.resource = Some(Selector::AllBut(exceptions));
            statement.condition = condition_of(&key);
            composed.push(Composed {
                statement,
                footing,
                from: ground.from,
                reasons: ground.reasons,
            });
        }
        // A condition may ask for all that another one asks for, and more.
        let all: Vec<&Statement> = composed.iter().map(|one| &one.statement).collect();
        let left = ways::without_idle(&all, &needs);
        let kept = composed.into_iter().zip(left);
        let kept = kept.filter_map(|(one, left)| Some(Composed { statement: left?, ..one }));
        let mut composed: Vec<Composed> = kept.collect();
        name(&mut composed);
        (composed, needs)
    }
}

fn condition_chars_of(condition: &Condition) -> usize {
    if condition.is_empty() { 0 } else { condition_chars(condition) }
}

/// Leaves out what something else that is granted covers: grants of the same footing by each other,
/// and what was used by what stays anyway. Where what was used is yet to get conditions, it covers
/// nothing.
fn drop_covered(used: &mut BTreeMap<Key, Pool>, kept: &mut BTreeMap<Key, Pool>, narrows: bool) {
    type Clause = (String, String, Vec<String>);
    fn grants(pools: &BTreeMap<Key, Pool>) -> impl Iterator<Item = Grant<'_, Clause>> {
        pools.iter().flat_map(|(key, pool)| {
            pool.keys()
                .map(move |(action, resource)| (action.as_str(), resource.as_str(), key.as_slice()))
        })
    }
    let needed: BTreeSet<Grant<'_, Clause>> = if narrows {
        let stays: BTreeSet<Grant<'_, Clause>> = grants(kept).collect();
        let covering = Covering::of(&stays);
        let bare = grants(used).filter(|grant| covering.of_grant(*grant).is_empty());
        irredundant(&stays).into_iter().chain(bare).collect()
    } else {
        irredundant(&grants(used).chain(grants(kept)).collect())
    };
    let needed: BTreeSet<(String, String, Key)> = needed
        .into_iter()
        .map(|(action, resource, key)| (action.to_owned(), resource.to_owned(), key.to_vec()))
        .collect();
    let prune = |pools: &mut BTreeMap<Key, Pool>| {
        for (key, pool) in pools.iter_mut() {
            pool.retain(|(action, resource), _| {
                needed.contains(&(action.clone(), resource.clone(), key.clone()))
            });
        }
        pools.retain(|_, pool| !pool.is_empty());
    };
    prune(used);
    prune(kept);
    // The same grant may stand in both: then it stays as it is attached.
    for (key, pool) in kept.iter() {
        if let Some(seen) = used.get_mut(key) {
            seen.retain(|grant, _| !pool.contains_key(grant));
        }
    }
    used.retain(|_, pool| !pool.is_empty());
}

/// Statements with exceptions, by what they except and under what condition.
type Excepting = BTreeMap<Except, Ground>;

/// What is excepted, and under what condition.
type Except = (Vec<String>, Key);

/// Leaves out of statements with exceptions what is granted on everything anyway, or by one with the
/// same exceptions that asks for less.
fn without_covered(all: Excepting, everywhere: &BTreeSet<(String, Key)>) -> Excepting {
    let weaker = |key: &Key, than: &Key| key.iter().all(|clause| than.contains(clause));
    let actions = |ground: &Ground| -> BTreeSet<String> {
        ground.reasons.keys().map(|(action, _)| action.clone()).collect()
    };
    let said: Vec<(&Except, BTreeSet<String>)> =
        all.iter().map(|(place, ground)| (place, actions(ground))).collect();
    let mut left = all.clone();
    for ((exceptions, key), ground) in &mut left {
        let covered = |action: &String| {
            everywhere.iter().any(|(wide, other)| wide == action && weaker(other, key))
                || said.iter().any(|((same, other), actions)| {
                    same == exceptions
                        && other.len() < key.len()
                        && weaker(other, key)
                        && actions.contains(action)
                })
        };
        ground.reasons.retain(|(action, _), _| !covered(action));
    }
    left.retain(|_, ground| !ground.reasons.is_empty());
    left
}

/// Returns the actions that stay on all of some resources without any condition: under one, they
/// may stand in a pattern with others.
fn also_granted(plain: Option<&Pool>, key: &Key, resources: &BTreeSet<String>) -> BTreeSet<String> {
    let Some(plain) = plain.filter(|_| !key.is_empty()) else { return BTreeSet::new() };
    let mut on: BTreeMap<&String, usize> = BTreeMap::new();
    for (action, resource) in plain.keys() {
        if resources.contains(resource) {
            *on.entry(action).or_default() += 1;
        }
    }
    on.into_iter().filter(|(_, on)| *on == resources.len()).map(|(one, _)| one.clone()).collect()
}

/// Returns the statements at some places.
fn sources<'x, 'a>(allows: &'x [Allow<'a>], from: &BTreeSet<Place>) -> Vec<&'x Allow<'a>> {
    allows.iter().filter(|allow| from.contains(&allow.place)).collect()
}

/// Gives each statement an id: what it is about and on what footing.
fn name(composed: &mut [Composed]) {
    let abouts: Vec<(String, u64)> = composed
        .iter()
        .map(|one| {
            let statement = &one.statement;
            let services: BTreeSet<&str> =
                statement.action.listed().iter().map(|action| service(action)).collect();
            let named = match services.iter().collect::<Vec<_>>().as_slice() {
                [only] => service_name(only),
                _ => "Several".to_owned(),
            };
            let kept = if one.footing == Footing::Kept { "Kept" } else { "" };
            let resources = statement.resource.iter().flat_map(|listed| listed.listed());
            let mut listed: BTreeSet<String> = resources.cloned().collect();
            if statement.resource.as_ref().is_some_and(Selector::is_negated) {
                listed.insert("NotResource".to_owned());
            }
            (format!("{kept}{named}"), about(&listed, &statement.condition))
        })
        .collect();
    for (one, sid) in composed.iter_mut().zip(sids(&abouts)) {
        one.statement.sid = Some(sid);
    }
}
