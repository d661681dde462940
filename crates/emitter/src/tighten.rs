//! From attached to tightened: the smallest restriction of what is attached that still allows what
//! was seen, and whatever the logs could not have shown.
//!
//! Tightening *restricts each attached Allow statement*, its actions and its resources, and never
//! loosens its condition; Deny statements and boundaries stay. [`Lookout`] says what may be called
//! unused, `verdict` what becomes of each action of each statement, `explain` why something worked
//! that nothing attached allows, `compose` makes statements of it. Whether the result is right is
//! for [`proof`](crate::proof) to say, which does not believe this module.

mod allow;
mod assign;
mod bearing;
mod beyond;
mod companions;
mod compose;
mod explain;
mod fence;
mod holders;
mod idle;
mod lookout;
mod partition;
mod passing;
mod rest;
mod settings;
mod shortened;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use trailtrim_aggregator::{Activity, Outcome, Principal, RowKey, Unmapped};
use trailtrim_catalog::{Catalog, undated};
use trailtrim_iam::{Effect, Statement};

use crate::attached::{Attached, Bundle, Inventory};
use crate::circumstance::ConditionKind;
use crate::cover::service;
use crate::taste::{Choice, Taste, is_often};
use crate::ways::Need;
use allow::{Allow, Standing};
use assign::Assigned;
pub(crate) use bearing::Bearing;
use fence::Fences;
use idle::Idling;
use verdict::{Bench, Frozen};

pub use allow::Place;
pub(crate) use allow::{actions as actions_of, holds_action};
pub(crate) use assign::ELSEWHERE;
pub use assign::NotAttached;
pub use compose::{Composed, Footing};
pub use explain::Explanation;
pub use idle::{Idle, InUse};
pub use lookout::Lookout;
pub use rest::Rest;
pub use settings::{Pin, Settings, UNUSED_DAYS};
pub(crate) use verdict::DEAD;
pub use verdict::{Class, Elsewhere, Judged, Seen, Unnamed};

/// How often what is carried is judged anew; chains of carriers are short.
const CARRIED: usize = 4;

/// By statement of a bundle, the verdict on each of its actions; absent where none of its holders was
/// seen.
type Verdicts<'a> = Option<BTreeMap<Place, Vec<Judged<'a>>>>;

/// What everything is judged by.
#[derive(Clone, Copy)]
pub struct Standards<'a> {
    /// Where the trail looked.
    pub lookout: &'a Lookout<'a>,
    /// What the user says.
    pub settings: &'a Settings,
    /// How resources are written, by the IAM prefix of their service.
    pub taste_of: &'a (dyn Fn(&str) -> Taste + Sync),
    /// The conditions that evidence may add.
    pub conditions: &'a BTreeSet<ConditionKind>,
    /// The AWS facts.
    pub catalog: Catalog,
}

/// A bundle with the verdicts on it.
pub struct TightenedBundle<'a> {
    /// What is attached.
    pub bundle: &'a Bundle,
    /// By statement, the verdict on each of its actions; none where none of the holders was seen.
    pub judged: BTreeMap<Place, Vec<Judged<'a>>>,
    /// Action patterns of each statement that the catalog does not know.
    pub foreign: BTreeMap<Place, Vec<String>>,
    /// Why a statement keeps its resources, where something of it stays.
    pub fixed: BTreeMap<Place, &'static str>,
    /// Actions that a statement names, and that can be done to none of its resources.
    pub dead: BTreeMap<Place, Vec<&'static str>>,
    /// Patterns of actions of a service of which the same is true, whatever they mean.
    pub dead_patterns: BTreeMap<Place, Vec<&'a str>>,
    /// Actions of a statement that it surely does not allow to any who has it.
    pub forbidden: BTreeMap<Place, BTreeSet<&'static str>>,
    /// How the resources are written.
    pub choice: Choice,
    /// The Allow statements of the draft; empty where none of the holders was seen.
    pub allows: Vec<Composed>,
    /// Everything that they have to allow: what was seen, and what stays.
    pub needs: BTreeSet<Need>,
    /// The Deny statements, as they are attached.
    pub denies: Vec<Statement>,
    /// Whether some of the holders were seen.
    pub active: bool,
    /// Holders that surely use nothing of what stays, where it is shared, each with the covered days.
    pub idle_holders: BTreeMap<String, usize>,
}

/// A principal that has something attached.
pub struct TightenedPrincipal<'a> {
    /// What is attached.
    pub attached: &'a Attached,
    /// What it did; absent where nothing was recorded.
    pub principal: Option<&'a Principal>,
    /// Whether it is unused; absent where it was seen.
    pub idle: Option<Idle>,
    /// What it did that nothing attached allows, with the explanation there is.
    pub not_attached: Vec<(NotAttached<'a>, Option<Explanation>)>,
    /// Services and actions that stay as they are attached, each with why.
    pub frozen: BTreeMap<String, String>,
}

/// Everything that is attached, tightened.
pub struct Tightened<'a> {
    /// The bundles, in the inventory's order.
    pub bundles: Vec<TightenedBundle<'a>>,
    /// The principals, ordered by ARN.
    pub principals: Vec<TightenedPrincipal<'a>>,
}

/// Tightens everything that is attached to users and roles. Works on the current rayon pool.
pub fn tighten<'a>(
    inventory: &'a Inventory,
    activity: &'a Activity,
    standards: &Standards<'_>,
) -> Tightened<'a> {
    let catalog = standards.catalog;
    let by_arn: BTreeMap<&str, &Principal> =
        activity.principals.iter().map(|principal| (principal.arn.as_str(), principal)).collect();
    let bearing = Bearing::of(catalog);
    let fences = Fences::of(inventory, &bearing);
    let bundles = inventory.bundles.par_iter();
    let allows: Vec<Vec<Allow<'a>>> =
        bundles.map(|bundle| allows(bundle, &fences, &bearing)).collect();
    let written = explain::Written::of(activity, catalog);
    let mut assigned = Assigned::new();
    let mut principals = Vec::new();
    for attached in inventory.principals.values() {
        let principal = by_arn.get(attached.arn.as_str()).copied();
        let mut one = TightenedPrincipal {
            attached,
            principal,
            idle: None,
            not_attached: Vec::new(),
            frozen: BTreeMap::new(),
        };
        if let Some(principal) = principal {
            let own: Vec<(usize, &[Allow<'a>])> = attached
                .bundles
                .iter()
                .filter_map(|at| Some((*at, allows.get(*at)?.as_slice())))
                .collect();
            let gate = fences.gate(inventory, attached);
            assign::assign(principal, &own, (&gate, &bearing), &mut assigned);
            for service in &principal.frozen {
                let why = format!("some calls of {service} could not be mapped to permissions");
                one.frozen.insert(service.clone(), why);
            }
            let own = own.iter().flat_map(|(_, allows)| allows.iter());
            for (action, why) in namesakes(principal, own, catalog) {
                if !one.frozen.contains_key(service(action)) {
                    one.frozen.insert(action.to_owned(), why);
                }
            }
            let all = std::mem::take(&mut assigned.not_attached);
            let missing: BTreeSet<&RowKey> = all.iter().map(|one| one.key).collect();
            let spelled = explain::Spelled::of(principal, &missing);
            for not_attached in all {
                let allowed_else =
                    spelled.explain(&not_attached).or_else(|| spelled.through(&not_attached));
                let explanation = allowed_else.or_else(|| {
                    explain::explain(
                        &not_attached,
                        principal,
                        attached,
                        inventory,
                        activity,
                        &written,
                    )
                });
                if explanation.is_none() {
                    for (service, why) in explain::frozen_by(&not_attached, catalog) {
                        one.frozen.entry(service).or_insert(why);
                    }
                }
                one.not_attached.push((not_attached, explanation));
            }
        }
        principals.push(one);
    }
    let idling = Idling::of(activity, standards, &allows, &bearing);
    principals.par_iter_mut().filter(|one| one.principal.is_none()).for_each(|one| {
        one.idle = Some(idling.judge(one.attached));
    });
    // What shows only through others asks for many actions: they are looked up.
    let held: Vec<BTreeSet<&str>> =
        allows.iter().map(|of| of.iter().flat_map(Allow::allowed).collect()).collect();
    let all = Judging {
        inventory,
        allows: &allows,
        principals: &principals,
        assigned: &assigned,
        fences: &fences,
    };
    let mut verdicts = all.judge(&held, standards, &bearing);
    // What shows only through calls that nobody can make any more goes with them, and what shows
    // through that in turn; what shows in others as well is told of by these alone.
    let mut left = held;
    for _ in 0..CARRIED {
        let stays: Vec<BTreeSet<&str>> = verdicts.iter().map(what_stays).collect();
        let gone: BTreeSet<&str> =
            left.iter().zip(&stays).flat_map(|(had, has)| had.difference(has)).copied().collect();
        if !stays.iter().any(|stays| holds_carried(stays, standards.lookout, &gone)) {
            break;
        }
        verdicts = all.judge(&stays, standards, &bearing);
        left = stays;
    }
    let mut idle_holders = all.idle_holders(&left, &verdicts, standards, &bearing);
    let frozen: Vec<Frozen> =
        inventory.bundles.iter().map(|bundle| frozen(&all.holders(bundle), catalog)).collect();
    // What is left out of what somebody did may be a use of it.
    for of_bundle in &mut idle_holders {
        of_bundle.retain(|arn, _| !activity.excluded.contains_key(arn));
    }
    let composer = Composer {
        taste_of: standards.taste_of,
        conditions: standards.conditions,
        settings: standards.settings,
        catalog,
        bearing: &bearing,
        acting: &by_arn,
    };
    let bundles = verdicts.into_par_iter().zip(&inventory.bundles).zip(&allows).zip(frozen);
    let bundles = bundles.zip(idle_holders);
    let bundles = bundles.map(|((((verdicts, bundle), allows), frozen), idle_holders)| {
        TightenedBundle { idle_holders, ..composer.bundle(bundle, allows, verdicts, &frozen) }
    });
    let bundles = bundles.collect();
    Tightened { bundles, principals }
}

/// What bundles are judged by.
struct Judging<'j, 'a> {
    inventory: &'a Inventory,
    allows: &'j [Vec<Allow<'a>>],
    principals: &'j [TightenedPrincipal<'a>],
    assigned: &'j Assigned<'a>,
    fences: &'j Fences<'a>,
}

impl<'a> Judging<'_, 'a> {
    /// Judges all bundles; `held` are the actions that each allows.
    fn judge(
        &self,
        held: &[BTreeSet<&str>],
        standards: &Standards<'_>,
        bearing: &Bearing,
    ) -> Vec<Verdicts<'a>> {
        let places = 0..self.inventory.bundles.len();
        let judge = |bench: &Bench<'_, 'a>| verdict::judge(bench, self.assigned, standards);
        places.into_par_iter().map(|at| self.on_bench(at, held, bearing, judge)).collect()
    }

    /// Finds the holders of shared bundles that use nothing of what stays.
    fn idle_holders(
        &self,
        held: &[BTreeSet<&str>],
        verdicts: &[Verdicts<'a>],
        standards: &Standards<'_>,
        bearing: &Bearing,
    ) -> Vec<BTreeMap<String, usize>> {
        let idle = |(at, verdicts): (usize, &Verdicts<'a>)| {
            let judged = verdicts.as_ref()?;
            self.on_bench(at, held, bearing, |bench| holders::idle(bench, judged, standards))
        };
        verdicts.par_iter().enumerate().map(|one| idle(one).unwrap_or_default()).collect()
    }

    /// Returns those that have a bundle.
    fn holders(&self, bundle: &Bundle) -> Vec<&TightenedPrincipal<'a>> {
        let all = self.principals.iter();
        all.filter(|one| bundle.holders.contains(&one.attached.arn)).collect()
    }

    /// Does something with a bundle and all that its holders did; nothing where none was seen.
    fn on_bench<T>(
        &self,
        at: usize,
        held: &[BTreeSet<&str>],
        bearing: &Bearing,
        work: impl FnOnce(&Bench<'_, 'a>) -> T,
    ) -> Option<T> {
        let (bundle, allows) = self.inventory.bundles.get(at).zip(self.allows.get(at))?;
        let holders = self.holders(bundle);
        let frozen = frozen(&holders, bearing.catalog());
        let seen: Vec<&'a Principal> = holders.iter().filter_map(|one| one.principal).collect();
        if seen.is_empty() {
            return None;
        }
        let places: BTreeSet<usize> =
            holders.iter().flat_map(|one| one.attached.bundles.iter().copied()).collect();
        let unknown = holders.iter().any(|one| !one.attached.unknown.is_empty());
        // Where calls are not understood, what forbids them may be wrong as well.
        let in_doubt = |action: &str| {
            let mut own = places.iter().filter_map(|at| self.allows.get(*at)).flatten();
            frozen.why(action).is_some() && own.any(|allow| allow.forbidden(action).is_some())
        };
        let can = |action: &str| {
            unknown
                || explain::may_be_granted_elsewhere(action)
                || in_doubt(action)
                || places.iter().any(|at| held.get(*at).is_some_and(|of| of.contains(action)))
        };
        let around = self.fences.around(&bundle.holders);
        let bench = Bench {
            at,
            bundle,
            allows,
            all: self.allows,
            principals: seen,
            frozen: &frozen,
            can: &can,
            bearing,
            around: &around,
        };
        Some(work(&bench))
    }
}

/// Returns the actions of some statements, in whatever service, that have the name of a call that could not be
/// mapped, where nobody knows its source: whose it is, is not known.
fn namesakes<'x>(
    principal: &Principal,
    allows: impl Iterator<Item = &'x Allow<'x>>,
    catalog: Catalog,
) -> BTreeMap<&'static str, String> {
    let mut names = BTreeMap::new();
    for key in principal.unmapped.keys() {
        let unknown = matches!(key.kind, Unmapped::Unknown | Unmapped::Unverified);
        let operation = catalog.operation(&key.event_source, &key.event_name);
        if unknown && key.outcome != Outcome::Denied && !catalog.knows_service_of(&operation) {
            // Events may be named by the version of an API, actions are not.
            for name in [key.event_name.as_str(), undated(&key.event_name)] {
                names.insert(name.to_ascii_lowercase(), &key.event_source);
            }
        }
    }
    let mut found = BTreeMap::new();
    for action in allows.filter(|_| !names.is_empty()).flat_map(Allow::allowed) {
        let name = action.split(':').nth(1).unwrap_or_default().to_ascii_lowercase();
        if let Some(source) = names.get(&name) {
            let why =
                format!("a call of {source} has its name and could not be mapped to permissions");
            found.insert(action, why);
        }
    }
    found
}

/// Returns what of some holders stays as it is attached.
fn frozen(holders: &[&TightenedPrincipal<'_>], catalog: Catalog) -> Frozen {
    let mut frozen = Frozen::default();
    for (name, why) in holders.iter().flat_map(|one| &one.frozen) {
        let into = if name.contains(':') { &mut frozen.actions } else { &mut frozen.services };
        into.entry(name.clone()).or_insert_with(|| why.clone());
    }
    let principals = || holders.iter().filter_map(|one| one.principal);
    frozen.passing = passing::brought(principals(), catalog);
    for key in principals().flat_map(|one| one.unmapped.keys()) {
        let operation = catalog.operation(&key.event_source, &key.event_name);
        if let Some(service) = operation.service()
            && key.kind.loses()
            && key.outcome != Outcome::Denied
        {
            // Events may be named by the version of an API, actions are not.
            for name in [key.event_name.as_str(), undated(&key.event_name)] {
                frozen.calls.insert(format!("{service}:{name}"));
            }
        }
    }
    frozen
}

/// Returns the actions of which something stays.
fn what_stays(verdicts: &Verdicts<'_>) -> BTreeSet<&'static str> {
    let all = verdicts.iter().flat_map(BTreeMap::values).flatten();
    all.filter(|one| one.stays()).map(|one| one.action).collect()
}

/// Tells whether something stays that shows in calls that nobody makes any more.
fn holds_carried(stays: &BTreeSet<&str>, lookout: &Lookout<'_>, gone: &BTreeSet<&str>) -> bool {
    let mut stays = stays.iter();
    stays.any(|action| lookout.carriers(action).any(|carrier| gone.contains(carrier)))
}

/// What makes statements of verdicts, of many bundles at once.
struct Composer<'c> {
    taste_of: &'c (dyn Fn(&str) -> Taste + Sync),
    conditions: &'c BTreeSet<ConditionKind>,
    settings: &'c Settings,
    catalog: Catalog,
    bearing: &'c Bearing,
    /// Whoever did something, by ARN.
    acting: &'c BTreeMap<&'c str, &'c Principal>,
}

impl Composer<'_> {
    fn bundle<'a>(
        &self,
        bundle: &'a Bundle,
        allows: &[Allow<'a>],
        verdicts: Verdicts<'a>,
        frozen: &Frozen,
    ) -> TightenedBundle<'a> {
        let active = verdicts.is_some();
        let judged = verdicts.unwrap_or_default();
        let often = bundle.holders.iter().filter_map(|holder| self.acting.get(holder.as_str()));
        let often = is_often(often.copied());
        let choice = compose::choose(allows, &judged, often, self.taste_of, self.catalog);
        let wanted = compose::gather(
            allows,
            &judged,
            &choice,
            self.conditions,
            (self.bearing, self.settings),
            frozen,
        );
        let (composed, needs) = match active {
            true => wanted.statements(allows),
            false => Default::default(),
        };
        let denies = bundle.policies.iter().flat_map(|policy| &policy.document.statements);
        TightenedBundle {
            bundle,
            foreign: allows
                .iter()
                .filter(|allow| !allow.foreign.is_empty())
                .map(|allow| (allow.place, allow.foreign.clone()))
                .collect(),
            fixed: allows
                .iter()
                .filter(|one| {
                    let judged = judged.get(&one.place).into_iter().flatten();
                    !one.foreign.is_empty() || judged.into_iter().any(Judged::stays)
                })
                .filter_map(|one| Some((one.place, one.fixed?.why())))
                .collect(),
            dead: allows
                .iter()
                .map(|allow| {
                    let dead = allow.dead.iter().copied();
                    (allow.place, dead.filter(|action| allow.names(action)).collect())
                })
                .collect(),
            dead_patterns: allows
                .iter()
                .map(|allow| (allow.place, allow.dead_patterns().collect()))
                .collect(),
            forbidden: allows
                .iter()
                .map(|allow| (allow.place, allow.all_forbidden().collect()))
                .collect(),
            allows: composed,
            needs,
            denies: denies.filter(|statement| statement.effect == Effect::Deny).cloned().collect(),
            judged,
            choice,
            active,
            idle_holders: BTreeMap::new(),
        }
    }
}

fn allows<'b>(bundle: &'b Bundle, fences: &Fences<'_>, bearing: &Bearing) -> Vec<Allow<'b>> {
    let mut allows = Vec::new();
    let around = fences.around(&bundle.holders);
    let roles = around.are_roles();
    for (policy, held) in bundle.policies.iter().enumerate() {
        let standing = Standing {
            policy: &held.name,
            shared: bundle.shared.as_deref(),
            version: held.document.effective_version(),
            roles,
        };
        for (statement, one) in held.document.statements.iter().enumerate() {
            if one.effect == Effect::Allow {
                let place = Place { policy, statement };
                let mut allow = Allow::new(standing, (place, one), bearing);
                allow.bar(&around, bearing);
                allows.push(allow);
            }
        }
    }
    allows
}
