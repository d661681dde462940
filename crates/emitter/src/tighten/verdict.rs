//! What becomes of each attached statement and action.
//!
//! Two things are decided apart: which resources were used, and what of the rest
//! stays. An action can be used on one table while nothing proves that the trail
//! would have shown it on another: then the rest stays as it is attached.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Row, RowKey};

use super::Standards;
use super::allow::{Allow, Barred, Place};
use super::assign::{Assigned, Keeper};
use super::bearing::Bearing;
use super::companions::Companions;
use super::fence::Around;
use super::lookout::{Inquiry, Lookout, Sight, Whose};
use super::passing::Passing;
use super::rest::Rest;
use crate::attached::{Bundle, Policy};
use crate::cover::service;

/// What an attached action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It was used, with evidence.
    Used,
    /// It was tried, and nothing proves that it was allowed.
    Demanded,
    /// It goes with something that was used, or a workload needs it whatever it does.
    Companion,
    /// The log need not have shown it.
    Unobservable,
    /// It would have shown, but not for long enough.
    TooNew,
    /// The configuration keeps it.
    Pinned,
    /// Calls of its service are not understood, so all of the service stays.
    Frozen,
    /// The log would have shown it for long enough, and did not.
    Unused,
    /// It was used on what another statement allows as well, which keeps that; the log would have
    /// shown more for long enough, and did not.
    AllowedElsewhere,
    /// It was used, and the configuration never proposes it.
    Withheld,
    /// A Deny statement or the boundary of whoever has it surely forbids it, or its resource means nothing
    /// to them, so that its statement does not allow it.
    Forbidden,
    /// The log would have shown it for long enough, and did not, or only on what another statement keeps; the
    /// draft allows it all the same, by a pattern that it has to keep AWS's limits.
    ToFit,
}

/// What was seen of an action and is allowed by a statement.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The principal that did it.
    pub principal: &'a str,
    /// What it did.
    pub key: &'a RowKey,
    /// What is known of it.
    pub row: &'a Row,
    /// What it has in common with the statement's resources; absent where these stay.
    pub common: Option<Vec<String>>,
    /// Whether the statement surely allowed it.
    pub surely: bool,
}

/// What was seen of an action that a statement allows, where another statement keeps it: what is kept
/// once need not be kept twice.
#[derive(Clone, Debug)]
pub struct Elsewhere<'a> {
    /// The principal that did it.
    pub principal: &'a str,
    /// What it did.
    pub key: &'a RowKey,
    /// What is known of it.
    pub row: &'a Row,
    /// The name of the policy that keeps it.
    pub policy: &'a str,
    /// That policy's bundle, where several principals share it.
    pub shared: Option<&'a str>,
    /// The statement that keeps it, by its place in the policy.
    pub statement: usize,
}

impl Elsewhere<'_> {
    /// Names the statement that keeps it.
    pub(crate) fn place(&self) -> String {
        match self.shared {
            Some(shared) if shared.ends_with(self.policy) => {
                format!("{shared}, statement {}", self.statement)
            }
            Some(shared) => format!("{} of {shared}, statement {}", self.policy, self.statement),
            None => format!("{}, statement {}", self.policy, self.statement),
        }
    }
}

/// The verdict on one action of one statement.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// The action, in canonical case.
    pub action: &'static str,
    /// What it is.
    pub class: Class,
    /// What was seen of it, and stays because of this statement.
    pub seen: Vec<Seen<'a>>,
    /// What was seen of it, and stays because of another statement.
    pub elsewhere: Vec<Elsewhere<'a>>,
    /// What of the rest stays.
    pub rest: Rest,
    /// What the rest is; what the action is, where nothing was seen.
    pub rest_class: Class,
    /// Why the rest stays, or goes.
    pub why: String,
    /// Why workloads of its user's kind need it on something whose name nothing tells, where the pattern that
    /// allowed that goes.
    pub unnamed: Option<Unnamed>,
}

/// What workloads need on something whose name nothing tells.
#[derive(Clone, Debug)]
pub struct Unnamed {
    /// Why.
    pub why: String,
    /// The attached patterns that allowed it.
    pub patterns: Vec<String>,
}

impl Judged<'_> {
    /// Tells whether some of it stays.
    pub(crate) fn stays(&self) -> bool {
        self.class != Class::Withheld && (self.rest != Rest::Nothing || !self.seen.is_empty())
    }
}

/// What stays as it is attached because calls are not understood.
#[derive(Default)]
pub(crate) struct Frozen {
    /// The services of which some call is not, each with why.
    pub(crate) services: BTreeMap<String, String>,
    /// Actions that one of them may be, each with why.
    pub(crate) actions: BTreeMap<String, String>,
    /// Those calls that no rule maps, as the actions of their names.
    pub(crate) calls: BTreeSet<String>,
    /// Those of them that brought roles.
    pub(crate) passing: Vec<Passing>,
}

impl Frozen {
    /// Returns why an action stays as it is attached.
    pub(super) fn why(&self, action: &str) -> Option<&str> {
        let whole = self.services.get(service(action));
        whole.or_else(|| self.actions.get(action)).map(String::as_str)
    }

    /// Returns what of a statement on the passing of roles stays for what some of those calls brought, and why.
    fn passing(&self, allow: &Allow<'_>) -> Option<(Rest, String)> {
        let kept = self.passing.iter().filter_map(|Passing { what, brought, to }| {
            let rest = match to.as_ref().map_or(Rest::All, |to| allow.passing(to)) {
                // Where a record was cut, or nobody knows what is in it, it may be about any role.
                rest if rest == Rest::Nothing || brought.untold => rest,
                rest => allow.passing_of(&brought.roles, rest),
            };
            (rest != Rest::Nothing).then(|| (rest, what.clone()))
        });
        kept.reduce(|one, other| (one.0.beside(other.0), format!("{}; {}", one.1, other.1)))
    }
}

/// A bundle that is judged, with all that its holders did.
pub(crate) struct Bench<'b, 'a> {
    /// Its place.
    pub(crate) at: usize,
    pub(crate) bundle: &'a Bundle,
    pub(crate) allows: &'b [Allow<'a>],
    /// Those of all bundles.
    pub(crate) all: &'b [Vec<Allow<'a>>],
    /// The holders that were seen.
    pub(crate) principals: Vec<&'a Principal>,
    pub(crate) frozen: &'b Frozen,
    /// Whether something that the holders have allows an action, or may: a policy that was not given, or
    /// one of the resource.
    pub(crate) can: &'b dyn Fn(&str) -> bool,
    pub(crate) bearing: &'b Bearing,
    /// What stands around all holders.
    pub(crate) around: &'b Around<'b, 'a>,
}

/// Judges every action of every Allow statement of a bundle.
pub(crate) fn judge<'a>(
    bench: &Bench<'_, 'a>,
    assigned: &Assigned<'a>,
    standards: &Standards<'_>,
) -> BTreeMap<Place, Vec<Judged<'a>>> {
    let judge = Judge {
        bench,
        standards,
        holders: bench.bundle.holders.iter().map(|arn| standards.lookout.whose(arn)).collect(),
        companions: Companions::of(&bench.principals, standards.catalog),
    };
    let mut judged = BTreeMap::new();
    for allow in bench.allows {
        let limited = allow.regions();
        let actions = allow.actions.iter().filter_map(|facts| {
            let action = facts.id();
            let place = (bench.at, allow.place, action);
            let (seen, elsewhere) = assigned.of(&place);
            // What a pattern means and cannot do to anything here, nobody meant.
            let meant = !seen.is_empty() || !allow.dead.contains(action) || allow.names(action);
            let used = (seen, elsewhere, assigned.keepers(&place));
            meant.then(|| judge.one(allow, action, limited.as_ref(), used))
        });
        let mut actions: Vec<Judged<'a>> = actions.collect();
        stay_together(&mut actions);
        judged.insert(allow.place, actions);
    }
    judged
}

/// Lets a companion stay wherever what brought it does: of what stays as it is attached, the names that
/// were seen are not all.
fn stay_together(actions: &mut [Judged<'_>]) {
    let whole: BTreeSet<&str> =
        actions.iter().filter(|one| one.rest == Rest::All).map(|one| one.action).collect();
    for one in actions.iter_mut().filter(|one| one.rest_class == Class::Companion) {
        let Rest::On { resources, .. } = &one.rest else { continue };
        let brought = resources.values().flatten().map(String::as_str);
        if let Some(with) = brought.into_iter().find(|with| whole.contains(with)) {
            one.why = format!("{}; {with} stays as it is attached", one.why.trim_end_matches('.'));
            one.rest = Rest::All;
        }
    }
}

struct Judge<'j, 'b, 'a> {
    bench: &'j Bench<'b, 'a>,
    standards: &'j Standards<'j>,
    holders: BTreeSet<Whose<'a>>,
    companions: Companions,
}

/// What is said of an action that none of its statement's resources takes.
pub(crate) const DEAD: &str = "can be done to none of the resources, which are of other services";

/// What is said of an action that takes no resource, where each of its statement's is one.
const ON_NOTHING: &str = "it takes no resource, and an ARN allows nothing of it";

/// What of an action stays, as what, and why.
type Verdict = (Rest, Class, String);

impl<'a> Judge<'_, '_, 'a> {
    fn one(
        &self,
        allow: &Allow<'_>,
        action: &'static str,
        limited: Option<&BTreeSet<&str>>,
        (seen, elsewhere, keepers): (Vec<Seen<'a>>, Vec<Elsewhere<'a>>, &[Keeper<'a>]),
    ) -> Judged<'a> {
        let settings = self.standards.settings;
        let (mut rest, mut rest_class, mut why) = match self.bench.frozen.why(action) {
            Some(why) => (Rest::All, Class::Frozen, why.to_owned()),
            None if allow.dead.contains(action) => {
                let why = match self.bench.bearing.is_limitless(action) {
                    true => ON_NOTHING.to_owned(),
                    false => format!("it {DEAD}"),
                };
                (Rest::Nothing, Class::Unused, why)
            }
            // What worked all the same is no sign that it is forbidden.
            None if seen.is_empty()
                && let Some(why) = allow.forbidden(action) =>
            {
                (Rest::Nothing, Class::Forbidden, why.to_owned())
            }
            None => self.by_coverage(allow, action, limited, !seen.is_empty()),
        };
        if rest != Rest::All
            && let Some((on, reason)) = self.by_pin(allow, action)
        {
            (rest, why) = beside((on, reason), (rest, why));
            rest_class = Class::Pinned;
        }
        let is_seen = |resource: &str| {
            seen.iter().flat_map(|one| one.common.iter().flatten()).any(|one| one == resource)
        };
        // What other calls tell of a namesake does not tell what this one needs. Nor is it
        // unobservable: something of its name was seen.
        if matches!(rest_class, Class::Unused | Class::Unobservable)
            && let Some(reason) = self.companions.namesake(action)
        {
            (rest, rest_class, why) = (Rest::All, Class::Companion, reason.clone());
        }
        let is_used = || !seen.is_empty() || self.is_stale_elsewhere(action, keepers);
        if matches!(rest_class, Class::Unused | Class::Pinned)
            && rest != Rest::All
            && let Some((on, reason)) = self
                .companions
                .of_action(action, allow, is_used())
                .or_else(|| self.companions.of_workload(action, allow, &is_seen))
        {
            match self.not_forbidden(action, on) {
                Ok(on) => {
                    if rest_class == Class::Unused || on == Rest::All {
                        rest_class = Class::Companion;
                    }
                    (rest, why) = beside((on, reason), (rest, why));
                }
                Err(forbids) if rest == Rest::Nothing => {
                    (rest_class, why) = (Class::Forbidden, forbids);
                }
                Err(_) => {}
            }
        }
        if rest_class == Class::Unused
            && seen.is_empty()
            && !elsewhere.is_empty()
            && let Some(reason) = self.companions.of_tagged(action, allow)
        {
            (rest, rest_class, why) = (Rest::All, Class::Companion, reason);
        }
        // Each reason for passing roles reaches to services of its own.
        if let (Rest::PassedTo(passes), Class::Unobservable) = (&mut rest, rest_class)
            && let Some((on, reason)) = self.companions.of_action(action, allow, is_used())
        {
            rest_class = Class::Companion;
            why = format!("{reason}; beside that {why}");
            match on {
                more @ Rest::PassedTo(_) => {
                    rest = Rest::PassedTo(std::mem::take(passes)).beside(more);
                }
                _ => rest = Rest::All,
            }
        }
        if action == "iam:PassRole"
            && rest != Rest::All
            && rest_class != Class::Forbidden
            && !allow.dead.contains(action)
            && let Some(kept) = self.bench.frozen.passing(allow)
        {
            (rest, why) = beside(kept, (rest, why));
            if rest_class == Class::Unused {
                rest_class = Class::Frozen;
            }
        }
        // In China a service may have a principal of its own.
        if self.is_in_china() {
            rest = rest.into_any_service();
        }
        if rest_class == Class::Unobservable && settings.unobservable_goes(action) {
            (rest, rest_class) = (Rest::Nothing, Class::Unused);
            why = format!("dropped as asked, though it need not have shown: {why}");
        }
        let withheld = settings.withheld(action);
        if withheld && rest_class != Class::Forbidden {
            (rest, rest_class) = (Rest::Nothing, Class::Unused);
            "the configuration never proposes it".clone_into(&mut why);
        }
        let used = seen.iter().any(grants);
        let class = match (seen.is_empty(), used) {
            (true, _) if elsewhere.is_empty() => rest_class,
            (_, _) if withheld => Class::Withheld,
            (true, _) if rest_class == Class::Unused => Class::AllowedElsewhere,
            (true, _) => rest_class,
            (false, true) => Class::Used,
            (false, false) => Class::Demanded,
        };
        if matches!(class, Class::AllowedElsewhere | Class::TooNew)
            && let Some(told) = by_others(&elsewhere)
        {
            why = format!("{told}; beside that {why}");
        }
        if (matches!(rest, Rest::All | Rest::PassedTo(_)) || rest.outside().is_some())
            && !matches!(rest_class, Class::Frozen | Class::Pinned)
            && let Some(Barred::On(on, reason)) = allow.barred(action)
        {
            let on: Vec<&str> = on.iter().map(String::as_str).collect();
            why = format!("{why}; not on {}: {reason}", on.join(", "));
        }
        // What stays of it is named, or in other regions.
        let goes = match rest {
            Rest::Nothing | Rest::Outside(_) => rest_class == Class::Unused,
            Rest::On { .. } => rest_class == Class::Companion,
            Rest::All | Rest::PassedTo(_) => false,
        } && matches!(class, Class::Used | Class::Demanded | Class::AllowedElsewhere);
        let unnamed = goes.then(|| self.companions.unnamed(action, allow, self.bench.bearing));
        let unnamed = unnamed.flatten();
        Judged { action, class, seen, elsewhere, rest, rest_class, why, unnamed }
    }

    fn by_coverage(
        &self,
        allow: &Allow<'_>,
        action: &'static str,
        limited: Option<&BTreeSet<&str>>,
        was_seen: bool,
    ) -> Verdict {
        let policy = self.bench.bundle.policies.get(allow.place.policy);
        let since = policy.and_then(Policy::allows_since);
        let lookout = self.standards.lookout;
        // It is about those that it can be about; at least one is, or it is dead.
        let all = allow.resources.iter().map(String::as_str);
        let resources: Vec<&str> =
            all.filter(|one| allow.takes(self.bench.bearing, action, one)).collect();
        // Of several accounts, the one where least was seen decides.
        let several = self
            .holders
            .iter()
            .any(|whose| self.holders.first().is_some_and(|first| first.account != whose.account));
        let sight = |since: Option<i64>| {
            let sights = self.holders.iter().map(|whose| {
                let (whose, resources, can) = (*whose, resources.as_slice(), self.bench.can);
                match lookout.judge(Inquiry { whose, action, resources, since, limited, can }) {
                    Sight::Unobservable { why } if several => {
                        Sight::Unobservable { why: format!("in account {}: {why}", whose.account) }
                    }
                    sight => sight,
                }
            });
            sights.reduce(worse)
        };
        match sight(since) {
            // What was recorded is no sign that all of it is, and none that it never is.
            Some(Sight::Unobservable { .. }) if was_seen && !lookout.is_known(action) => {
                let why = "it is not known whether CloudTrail shows all of its calls";
                (Rest::All, Class::Unobservable, why.to_owned())
            }
            // To others of these services the statement may let no role go.
            Some(Sight::UnshownTo { services, days, why }) => match allow.passing(&services) {
                Rest::Nothing => rest_of(Some(Sight::Unused { days }), lookout, was_seen),
                rest => (rest, Class::Unobservable, why),
            },
            // Where the policy was as it is for longer, it is the trail that was not looking before.
            Some(Sight::TooNew { days }) if sight(None) == Some(Sight::TooNew { days }) => {
                let not_seen = not_seen(was_seen);
                let enough = lookout.enough();
                let why = format!("{not_seen}, but covered for {days} of {enough} days only");
                (Rest::All, Class::TooNew, why)
            }
            // It has been attached for longer, and something else may have forbidden it.
            Some(Sight::TooNew { days }) if policy.is_some_and(|one| one.since < since) => {
                let (not_seen, enough) = (not_seen(was_seen), lookout.enough());
                let why = format!(
                    "{not_seen}, but covered for {days} of {enough} days only since what may have forbidden it \
                     (a Deny, the boundary) changed or went"
                );
                (Rest::All, Class::TooNew, why)
            }
            sight => rest_of(sight, lookout, was_seen),
        }
    }

    /// Tells whether some of what other statements keep of an action is kept there by the names up to now, and
    /// by no pattern that is attached for the next ones.
    fn is_stale_elsewhere(&self, action: &str, keepers: &[Keeper<'_>]) -> bool {
        let is_renewed = |(key, (bundle, place)): &Keeper<'_>| {
            let mut allows = self.bench.all.get(*bundle).into_iter().flatten();
            let keeper = allows.find(|allow| allow.place == *place);
            keeper.is_some_and(|allow| self.companions.renews(action, &key.resource, allow))
        };
        !keepers.iter().all(is_renewed)
    }

    fn is_in_china(&self) -> bool {
        self.bench.bundle.holders.iter().any(|holder| holder.starts_with("arn:aws-cn:"))
    }

    /// Returns what of some companions is not surely forbidden; why, if all of it is.
    fn not_forbidden(&self, action: &'static str, on: Rest) -> Result<Rest, String> {
        let Rest::On { mut resources, outside } = on else { return Ok(on) };
        let around = self.bench.around;
        let forbids = |one: &String| around.forbids(action, one, self.bench.bearing);
        let first = resources.keys().find_map(forbids);
        resources.retain(|one, _| forbids(one).is_none());
        match first.filter(|_| resources.is_empty()) {
            Some(first) => Err(first),
            None => Ok(Rest::On { resources, outside }),
        }
    }

    /// Returns on what pins keep an action of a statement, and what they say.
    fn by_pin(&self, allow: &Allow<'_>, action: &str) -> Option<(Rest, String)> {
        let mut kept = Rest::Nothing;
        let mut told: Vec<String> = Vec::new();
        for pin in self.standards.settings.pins(&self.bench.bundle.holders, action) {
            let common = match (&pin.resource, allow.fixed) {
                (Some(resource), None) => allow.common(resource),
                _ => None,
            };
            let on = match common {
                None => Rest::All,
                Some(common) if common.is_empty() => continue,
                Some(common) => {
                    Rest::on(common.into_iter().map(|one| (one, BTreeSet::new())).collect())
                }
            };
            kept = on.beside(kept);
            told.push(pin.told());
        }
        (kept != Rest::Nothing).then(|| (kept, told.join("; ")))
    }
}

/// Joins what stays for one reason and for another, and says why.
pub(super) fn beside(
    (rest, why): (Rest, String),
    (other, before): (Rest, String),
) -> (Rest, String) {
    let why = match (&rest, &other) {
        (Rest::All, _) | (_, Rest::Nothing) => why,
        _ => format!("{}; beside that {before}", why.trim_end_matches('.')),
    };
    (rest.beside(other), why)
}

/// Says which statements keep what was seen, and was allowed by others as well.
fn by_others(elsewhere: &[Elsewhere<'_>]) -> Option<String> {
    let mut places: Vec<String> = elsewhere.iter().map(Elsewhere::place).collect();
    places.sort();
    places.dedup();
    let used = elsewhere.iter().any(|one| one.key.outcome.grants());
    let keeps = match places.len() {
        0 => return None,
        1 => "keeps",
        _ => "keep",
    };
    let done = if used { "used" } else { "tried" };
    Some(format!(
        "{done} on what another statement allows as well: {} {keeps} that",
        places.join("; ")
    ))
}

fn grants(seen: &Seen<'_>) -> bool {
    seen.key.outcome.grants()
}

/// Says what was not seen: the rest, beside what was.
fn not_seen(was_seen: bool) -> &'static str {
    if was_seen { "on nothing else seen" } else { "not seen" }
}

fn rest_of(sight: Option<Sight>, lookout: &Lookout<'_>, was_seen: bool) -> Verdict {
    let not_seen = not_seen(was_seen);
    match sight {
        Some(Sight::Unused { days }) => {
            (Rest::Nothing, Class::Unused, format!("{not_seen} in {days} covered days"))
        }
        Some(Sight::UnusedIn { regions, days }) => {
            let names: Vec<&str> = regions.iter().map(String::as_str).collect();
            let why = format!(
                "{not_seen} in {days} covered days in {}; of other regions nothing is known",
                names.join(", ")
            );
            (Rest::Outside(regions), Class::Unused, why)
        }
        Some(Sight::TooNew { days }) => {
            let why = format!(
                "{not_seen}, but covered for {days} of {} days only since it is attached as it is",
                lookout.enough()
            );
            (Rest::All, Class::TooNew, why)
        }
        Some(Sight::Unobservable { why } | Sight::UnshownTo { why, .. }) => {
            (Rest::All, Class::Unobservable, why)
        }
        None => (Rest::All, Class::Unobservable, "nobody is known to have it".to_owned()),
    }
}

/// Returns the sight of which less may be concluded.
pub(super) fn worse(a: Sight, b: Sight) -> Sight {
    match (a, b) {
        (blind @ Sight::Unobservable { .. }, _) | (_, blind @ Sight::Unobservable { .. }) => blind,
        (Sight::TooNew { days: a }, Sight::TooNew { days: b }) => Sight::TooNew { days: a.min(b) },
        (new @ Sight::TooNew { .. }, _) | (_, new @ Sight::TooNew { .. }) => new,
        (
            Sight::UnshownTo { services: a, days: x, why },
            Sight::UnshownTo { services: b, days: y, .. },
        ) => Sight::UnshownTo { services: &a | &b, days: x.min(y), why },
        (Sight::UnshownTo { services, days: x, why }, Sight::Unused { days: y })
        | (Sight::Unused { days: y }, Sight::UnshownTo { services, days: x, why }) => {
            Sight::UnshownTo { services, days: x.min(y), why }
        }
        (Sight::UnshownTo { why, .. }, _) | (_, Sight::UnshownTo { why, .. }) => {
            Sight::Unobservable { why }
        }
        (Sight::UnusedIn { regions: a, days: x }, Sight::UnusedIn { regions: b, days: y }) => {
            let both: BTreeSet<String> = &a & &b;
            match both.is_empty() {
                true => Sight::Unobservable {
                    why: "no region was covered in each of the accounts".to_owned(),
                },
                false => Sight::UnusedIn { regions: both, days: x.min(y) },
            }
        }
        (some @ Sight::UnusedIn { .. }, _) | (_, some @ Sight::UnusedIn { .. }) => some,
        (Sight::Unused { days: a }, Sight::Unused { days: b }) => Sight::Unused { days: a.min(b) },
    }
}
