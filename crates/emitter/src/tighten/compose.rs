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

/// Tells whether what an action pattern means is attached on all of some resources. What several statements
/// allow may stand in one of the draft, and then none of them need have the pattern on all that this is about.
fn is_attached(wide: &str, resources: &BTreeSet<String>, sources: &[&Allow<'_>]) -> bool {
    let holding: Vec<&&Allow<'_>> = sources.iter().filter(|one| one.holds_action(wide)).collect();
    resources.iter().all(|resource| holding.iter().any(|one| one.holds(resource)))
}

/// Writes actions that stay on some resources in the attached patterns, where all that such a pattern means
/// stays; `also` are granted beside them anyway.
fn shortened(
    (actions, also, resources): (&BTreeSet<String>, &BTreeSet<String>, &BTreeSet<String>),
    sources: &[&Allow<'_>],
    settings: &Settings,
) -> BTreeSet<String> {
    let mut left = actions.clone();
    let mut written = BTreeSet::new();
    // What the statements allow on none of their resources, they do not by a pattern either; but no pattern
    // means what no draft may hold.
    let dead = |one: &str| {
        let mut meaning = sources.iter().filter(|allow| allow.holds_action(one));
        !settings.withheld(one) && meaning.all(|allow| allow.dead.contains(one))
    };
    let stays = |one: &&str| actions.contains(*one) || also.contains(*one);
    // Of other services than these nothing stays, so a pattern over services needs no look at them.
    let services: BTreeSet<&str> =
        actions.iter().chain(also).map(|action| service(action)).collect();
    for allow in sources {
        let Selector::Only(patterns) = &allow.statement.action else { continue };
        let mut by_service: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for facts in allow.actions.iter().filter(|facts| services.contains(service(facts.id()))) {
            by_service.entry(service(facts.id())).or_default().push(facts.id());
        }
        let means = |wide: &str, prefix: &str| -> Vec<&str> {
            let listed = by_service.get(prefix).into_iter().flatten().copied();
            listed.filter(|action| pattern::covers_action(wide, action)).collect()
        };
        for wide in patterns.iter().filter(|wide| wide.contains(['*', '?'])) {
            let prefix = service(wide).to_ascii_lowercase();
            let named = wide.contains(':') && !prefix.contains(['*', '?']);
            let written_as: Vec<(String, Vec<&str>)> = if named {
                vec![(wide.clone(), means(wide, &prefix))]
            } else {
                let whole: Vec<(&str, Vec<&str>)> = by_service
                    .keys()
                    .map(|prefix| (*prefix, means(wide, prefix)))
                    .filter(|(_, means)| !means.is_empty())
                    .collect();
                let all = allow.actions.iter().map(|facts| facts.id());
                if all.filter(|one| pattern::covers_action(wide, one)).all(|one| stays(&one)) {
                    let means = whole.into_iter().flat_map(|(_, means)| means).collect();
                    vec![(wide.clone(), means)]
                } else {
                    // A pattern over services of which some goes is written service by service.
                    let names = wide.split_once(':').map_or("*", |(_, names)| names);
                    let narrow = |(prefix, means)| (format!("{prefix}:{names}"), means);
                    whole.into_iter().map(narrow).collect()
                }
            };
            for (narrow, means) in written_as {
                let whole = means.iter().all(|one| stays(one) || dead(one));
                let shorter = means.len() > 1 && whole;
                if shorter
                    && means.iter().any(|one| left.contains(*one))
                    && is_attached(&narrow, resources, sources)
                {
                    means.iter().for_each(|one| {
                        left.remove(*one);
                    });
                    written.insert(narrow);
                }
            }
        }
    }
    written.extend(left);
    without_idle(written, actions)
}

/// Leaves out what the others of a list say already of the actions that are meant: attached patterns
/// may overlap.
fn without_idle(mut written: BTreeSet<String>, actions: &BTreeSet<String>) -> BTreeSet<String> {
    let wild: Vec<&String> = written.iter().filter(|one| one.contains(['*', '?'])).collect();
    if wild.len() < 2 && wild.len() == written.len() {
        return written;
    }
    // There may be a pattern for each service: only those of the action's own are looked at.
    let mut by_service: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for &one in &wild {
        let prefix = service(one).to_ascii_lowercase();
        let prefix = if prefix.contains(['*', '?']) { String::new() } else { prefix };
        by_service.entry(prefix).or_default().push(one);
    }
    let mut ways: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for action in actions {
        let prefixes = [service(action).to_ascii_lowercase(), String::new()];
        let near = prefixes.iter().filter_map(|prefix| by_service.get(prefix)).flatten().copied();
        let holding = near.filter(|wide| pattern::covers_action(wide, action));
        ways.entry(action).or_default().extend(holding.chain(written.get(action)));
    }
    let mut standing: BTreeMap<&String, Vec<&BTreeSet<&String>>> = BTreeMap::new();
    for ways in ways.values() {
        for way in ways {
            standing.entry(way).or_default().push(ways);
        }
    }
    let mut idle: BTreeSet<String> = BTreeSet::new();
    for one in &written {
        let needed = standing
            .get(one)
            .into_iter()
            .flatten()
            .any(|ways| ways.iter().all(|way| *way == one || idle.contains(*way)));
        if !needed {
            idle.insert(one.clone());
        }
    }
    written.retain(|one| !idle.contains(one));
    written
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
