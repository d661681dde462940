//! From usage to grants: what each principal used, in IAM's words.
//!
//! This is where everything is decided that [`observe`](crate::observe) left
//! open: outcomes, which copy of a shared event to believe, which role a bare
//! session belongs to, and with the catalog the actions and ARNs of each call.
//! It runs over distinct calls, so it costs little beside reading the archive.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;
use trailtrim_catalog::{
    Catalog, Condition, FactKind, Kind, Operation, Origin, Request, ResourceRef,
};

use crate::activity::{
    Activity, Brought, Principal, PrincipalKind, Row, RowKey, Unmapped, UnmappedKey,
};
use crate::assumed::assumptions;
use crate::call::{Call, Copy, Open};
use crate::facts::{Background, Facts, Known};
use crate::federated::{self, federated};
use crate::history::{self, policy_changes};
use crate::identity::{Outsider, PrincipalKey, Reason};
use crate::lives;
use crate::outcome::Outcome;
use crate::signed_in::{Tried, sign_ins};
use crate::sketch::{Hash, Sketch};
use crate::stats::{Join, Stats};
use crate::usage::Usage;
use crate::workload::{self, Acted, Part, Workload, Workloads};

/// What is said of a call whose parameters the log does not have.
const CUT_SHORT: &str = "the log leaves out the call's parameters, as too long or as secret: what else it needs is not known";
const ANSWER_CUT_SHORT: &str = "the log leaves out the call's answer, as too long or as secret: what only that tells of is not known";

/// The keys that one principal was seen under, with the calls of each.
type Keys<'u> = Vec<(&'u PrincipalKey, &'u Workloads)>;

/// Names the permissions behind everything observed.
pub fn resolve(usage: &Usage, catalog: Catalog) -> Activity {
    resolve_knowing(usage, Background::default(), catalog)
}

/// Does the same with what is known about names beside what the usage itself teaches.
pub fn resolve_knowing(usage: &Usage, background: Background<'_>, catalog: Catalog) -> Activity {
    resolve_as(usage, &Known::new(Facts::learn(usage, catalog), background), catalog, |_| None)
}

/// Does the same for each workload by itself: a principal comes once for each of its workloads, in
/// their order.
pub fn resolve_by_workload(usage: &Usage, catalog: Catalog) -> Activity {
    let known = Known::new(Facts::learn(usage, catalog), Background::default());
    resolve_as(usage, &known, catalog, |workload| Some(workload.clone()))
}

/// Names the permissions behind what was observed of some principals only; nothing where the answer
/// may be another one with what is known of everybody.
pub fn resolve_some(usage: &Usage, catalog: Catalog) -> Option<Activity> {
    let facts = Known::new(Facts::learn(usage, catalog), Background::default());
    let activity = resolve_as(usage, &facts, catalog, |_| None);
    (!facts.were_asked()).then_some(activity)
}

/// How a call was made.
#[derive(Clone, Copy)]
struct Made<'c> {
    /// Whether it is the copy of an event of which the caller's own account has a fuller one.
    poorer: bool,
    /// The caller's ARN then, where it is nobody's now.
    given_up: Option<&'c str>,
}

/// What becomes of everyone who goes by one ARN.
enum Resolved {
    /// One role or user, in as many parts as it is split into.
    Principals(Vec<Principal>),
    /// Seen from the resource owner's side only, or no role or user at all.
    Outside(Outsider, Stats),
}

/// Returns the other ARNs that a user went by, each with when it last did.
fn former(arn: &str, keys: &Keys<'_>) -> BTreeMap<String, i64> {
    let others = keys.iter().filter(|(key, _)| *key.arn != *arn && key.arn.contains(":user/"));
    let mut former = BTreeMap::new();
    for (key, calls) in others {
        let last = calls.iter().filter_map(|(_, seen)| seen.last()).max();
        let at = former.entry(key.arn.to_string()).or_insert(i64::MIN);
        *at = last.map_or(*at, |last| last.max(*at));
    }
    former
}

/// Returns when the last one of several that had an ARN, each with an id of its own, was first seen.
fn reborn(keys: &Keys<'_>) -> Option<i64> {
    let mut first: BTreeMap<&str, i64> = BTreeMap::new();
    for (key, calls) in keys {
        let seen = calls.iter().filter_map(|(_, seen)| seen.first()).min();
        if let Some((id, seen)) = key.id.as_deref().zip(seen) {
            let known = first.entry(id).or_insert(seen);
            *known = seen.min(*known);
        }
    }
    first.values().max().copied().filter(|_| first.len() > 1)
}

fn resolve_one(
    arn: &str,
    keys: &Keys<'_>,
    path_known: bool,
    facts: &Known<'_>,
    catalog: Catalog,
    split: &(impl Fn(&Workload) -> Option<Workload> + Sync),
) -> Resolved {
    let own = keys.iter().any(|(_, calls)| calls.any_frame(|frame| frame.copy == Copy::Caller));
    let Some(mut principal) = Principal::new(arn).filter(|_| own) else {
        let reason = if own { Reason::Unidentified } else { Reason::OtherAccount };
        let mut stats = Stats::default();
        let calls = keys.iter().flat_map(|(_, calls)| calls.iter());
        calls.for_each(|(_, seen)| stats.join(seen.clone()));
        return Resolved::Outside(Outsider { reason, identity: arn.into() }, stats);
    };
    principal.ids =
        keys.iter().filter_map(|(key, _)| key.id.as_deref().map(str::to_owned)).collect();
    principal.reborn = reborn(keys);
    principal.former = former(arn, keys);
    principal.path_known = path_known;
    let parts = workload::parts(keys.iter().map(|(key, workloads)| (&*key.arn, *workloads)));
    let mut gathered: BTreeMap<Option<Workload>, Vec<&Part<'_>>> = BTreeMap::new();
    for part in &parts {
        principal.workloads.entry(part.workload.clone()).or_default().join(Acted::of(part));
        gathered.entry(split(&part.workload)).or_default().push(part);
    }
    let own_copies = OwnCopies::of(&parts);
    let of_workloads = gathered.into_iter().map(|(workload, parts)| {
        let mut principal = Principal { workload, ..principal.clone() };
        for part in parts {
            // The name that whoever made them had then, unless it is somebody else's since.
            let former = principal.former.get_key_value(part.by).map(|(arn, _)| arn.clone());
            let given_up = former.filter(|arn| !facts.is_of_another(arn, &principal.ids));
            let before = std::mem::take(&mut principal.rows);
            for (frame, calls) in part.calls.by_frame() {
                // Nothing of these hangs on a name.
                let (operation, outcome) = (frame.operation(catalog), Outcome::of(&frame, catalog));
                for (call, stats) in calls {
                    let poorer = call.copy == Copy::Owner && own_copies.hold(&call, stats);
                    let made = Made { poorer, given_up: given_up.as_deref() };
                    principal.take_up(&call, stats, (&operation, outcome), made, facts, catalog);
                }
            }
            if !principal.former.is_empty() {
                let rows = principal.rows.values_mut();
                rows.for_each(|row| row.by.extend([part.by.to_owned()]));
            }
            let since = std::mem::replace(&mut principal.rows, before);
            since
                .into_iter()
                .for_each(|(key, row)| principal.rows.entry(key).or_default().join(row));
        }
        principal
    });
    Resolved::Principals(of_workloads.collect())
}

/// `split` says what the calls of a workload are gathered under.
fn resolve_as(
    usage: &Usage,
    facts: &Known<'_>,
    catalog: Catalog,
    split: impl Fn(&Workload) -> Option<Workload> + Sync,
) -> Activity {
    let mut outsiders = usage.outsiders.clone();
    // One principal can hide behind several keys: ids of a recreated role, sessions without path.
    let mut grouped: BTreeMap<String, Keys<'_>> = BTreeMap::new();
    let mut pathless = BTreeSet::new();
    for (key, calls) in usage.principals() {
        let (arn, path_known) = facts.principal_arn(key);
        if !path_known {
            pathless.insert(arn.clone());
        }
        grouped.entry(arn).or_default().push((key, calls));
    }
    // Each by itself, on as many threads as there are: the order stays.
    let grouped: Vec<(String, Keys<'_>)> = grouped.into_iter().collect();
    let resolved: Vec<Resolved> = grouped
        .into_par_iter()
        .map(|(arn, keys)| {
            let path_known = !pathless.contains(&arn);
            resolve_one(&arn, &keys, path_known, facts, catalog, &split)
        })
        .collect();
    let mut principals = Vec::new();
    for one in resolved {
        match one {
            Resolved::Principals(of_workloads) => principals.extend(of_workloads),
            Resolved::Outside(outsider, stats) => {
                outsiders.entry(outsider).or_default().join(stats)
            }
        }
    }
    Tried::of(usage, facts).add(facts, catalog, &outsiders, &mut principals);
    let federated = federated(usage, facts, catalog);
    for principal in principals.iter_mut().filter(|_| !federated.is_empty()) {
        principal.federated = federated.get(&principal.arn).cloned().unwrap_or_default();
        federated::mark_own(principal);
    }
    let settings = facts.settings();
    let settings = settings.by_workload();
    for principal in &mut principals {
        principal.set_up = settings.of(principal);
        principal.set_up_untold = settings.untold(principal);
    }
    lives::mark(&mut principals);
    let mut policy_changes = policy_changes(usage, catalog);
    for principal in principals.iter().filter(|principal| !principal.former.is_empty()) {
        history::of_former_names(&mut policy_changes, principal);
    }
    let (signed_in, excluded) = sign_ins(usage, facts);
    Activity {
        principals,
        outsiders,
        other_events: usage.other.clone(),
        amended: usage.amended.clone(),
        policy_changes,
        assumed: assumptions(usage, catalog),
        signed_in,
        excluded,
    }
}

/// The events of which the caller's own copy was delivered. They are told by hash while few equal ones
/// are, and by sketches else: where those do not show it, the owner's copy is believed as well.
#[derive(Debug, Default)]
struct OwnCopies {
    hashes: HashSet<Hash>,
    /// All events of an operation, by the source and the name of its events.
    all: HashMap<(String, String), Sketch>,
}

impl OwnCopies {
    fn of(parts: &[Part<'_>]) -> Self {
        let owned = |frame: &Call<'_>| frame.copy == Copy::Owner;
        let of_owners = parts.iter().flat_map(|part| part.calls.framed(owned));
        let mut all: HashMap<_, _> =
            of_owners.map(|(call, _)| (operation(&call), Sketch::default())).collect();
        let mut hashes = HashSet::new();
        if !all.is_empty() {
            let own = |frame: &Call<'_>| frame.copy != Copy::Owner;
            for (call, stats) in parts.iter().flat_map(|part| part.calls.framed(own)) {
                if let Some(all) = all.get_mut(&operation(&call)) {
                    hashes.extend(stats.hashes());
                    all.join(&stats.counted());
                }
            }
        }
        OwnCopies { hashes, all }
    }

    /// Says whether all these events are among them.
    fn hold(&self, call: &Call<'_>, stats: &Stats) -> bool {
        let counted = stats.counted();
        let few = counted.hashes();
        few.is_some_and(|few| few.iter().all(|hash| self.hashes.contains(hash)))
            || self.all.get(&operation(call)).is_some_and(|own| own.shows(&counted))
    }
}

/// Returns the source and the name of a call's events.
fn operation(call: &Call<'_>) -> (String, String) {
    (call.event_source.to_string(), call.event_name.to_string())
}

impl Principal {
    fn take_up(
        &mut self,
        call: &Call<'_>,
        stats: &Stats,
        (operation, mut outcome): (&Operation, Outcome),
        Made { poorer, given_up }: Made<'_>,
        facts: &Known<'_>,
        catalog: Catalog,
    ) {
        let told = call.denial.as_ref().is_some_and(|denial| denial.resource.is_some());
        // What a message of denial names without an ARN, and the call itself tells of.
        let mut unnamed = None;
        if matches!(outcome, Outcome::Denied | Outcome::GrantedWithError)
            && let Some(key) = denied_by_message(call, catalog)
        {
            let own = operation.actions().any(|action| action == key.action);
            // `role r`, as IAM writes it, or nothing at all: the call itself tells which.
            if own && !(told && is_arn(&key.resource)) && matches!(operation.kind(), Kind::Mapped) {
                (unnamed, outcome) = (Some(key), Outcome::Denied);
            } else {
                self.refused(call, stats, key);
                if own {
                    return;
                }
                // What the call itself needs was perhaps held, and perhaps never asked.
                if outcome == Outcome::Denied {
                    outcome = Outcome::Unknown;
                }
            }
        }
        let kind = match operation.kind() {
            Kind::Mapped => None,
            Kind::NoPermission => Some((Unmapped::NoPermission, "the call needs no permission")),
            Kind::NotAnApiCall => Some((Unmapped::NotAnApiCall, "not a call that IAM authorizes")),
            Kind::Unverified => {
                Some((Unmapped::Unverified, "the operation's action is not in the catalog"))
            }
            _ => Some((Unmapped::Unknown, "the catalog does not know this event")),
        };
        if let Some((kind, why)) = kind {
            let named = call.denial.as_ref().and_then(|denial| denial.action.as_deref());
            let named = named.filter(|_| outcome == Outcome::Denied).map(str::to_owned);
            self.lose(
                call,
                outcome,
                stats,
                (kind, named, why.to_owned()),
                may_be_of(call, operation, catalog),
            );
            // Nothing is granted for a role that it brings, and the passing of it is not taken away. Which members of
            // an event nobody knows hold roles is not known either, and none of them was kept.
            if kind.loses() && outcome != Outcome::Denied {
                let request = CallRequest { call, principal: &self.arn, facts };
                let untold = match kind {
                    Unmapped::Unknown => catalog.may_pass_roles(&call.event_name),
                    _ => call.is_cut() && operation.passes_roles(),
                };
                let roles =
                    if call.is_cut() { BTreeSet::new() } else { operation.passed(&request) };
                if untold || !roles.is_empty() {
                    let event = (call.event_source.to_string(), call.event_name.to_string());
                    self.brought.entry(event).or_default().join(Brought { roles, untold });
                }
            }
            return;
        }
        let service = operation.service().map(str::to_owned);
        let mut resolution = operation.resolve(&CallRequest { call, principal: &self.arn, facts });
        // Who writes less of an ARN than there is to it means nothing by it. In a policy it would mean all of it.
        for grant in resolution.grants.extract_if(.., |grant| is_incomplete(&grant.resource)) {
            let why = format!("`{}` is an incomplete ARN", grant.resource);
            resolution
                .unresolved
                .push(trailtrim_catalog::Unresolved { action: Some(grant.action), why });
        }
        // What it did with itself under a former name, it would do under the present one.
        for grant in &mut resolution.grants {
            if given_up == Some(&*grant.resource) {
                grant.resource.clone_from(&self.arn);
            }
        }
        if (call.is_cut() || call.is_answer_cut()) && outcome != Outcome::Denied {
            let services = operation.actions().filter_map(|action| action.split(':').next());
            let of_roles = operation.passes_roles().then_some("iam");
            self.frozen.extend(services.chain(of_roles).map(str::to_owned));
        }
        if call.is_cut() {
            // What the call needs whatever it has is certain. What hangs on its members (a role that it
            // passes, tags, ACLs) is open, and perhaps of another service.
            resolution.grants.retain(|grant| operation.always_needs(&grant.action));
            let what = (Unmapped::Unresolved, None, CUT_SHORT.to_owned());
            self.lose(call, outcome, stats, what, service.clone());
        } else if call.is_answer_cut() {
            // What the request names is certain. What only the answer tells of is open.
            let what = (Unmapped::Unresolved, None, ANSWER_CUT_SHORT.to_owned());
            self.lose(call, outcome, stats, what, service.clone());
        } else if resolution.grants.is_empty() && resolution.unresolved.is_empty() {
            // Each permission hangs on a parameter, and the call has none of them.
            let why = "no rule of the event fits the call's parameters".to_owned();
            self.lose(call, outcome, stats, (Unmapped::Unresolved, None, why), service.clone());
        }
        for unresolved in resolution.unresolved {
            let what = (Unmapped::Unresolved, unresolved.action, unresolved.why);
            self.lose(call, outcome, stats, what, service.clone());
        }
        let mut grants = resolution.grants;
        if let Some(key) = unnamed {
            grants.retain(|grant| grant.action == key.action);
            // Of several things that the call is on, the message names one.
            let name = key.resource.rsplit(' ').next().unwrap_or_default();
            // What a service adds to a name is no other name: a secret's ARN ends in more.
            let is = |arn: &str| {
                let ends = |arn: &str| {
                    let before = arn.strip_suffix(name).filter(|_| !name.is_empty());
                    before.is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']))
                };
                let own = match arn.strip_suffix('?') {
                    Some(_) => arn.trim_end_matches('?').strip_suffix('-'),
                    // Where a name may have the ending already.
                    None => arn.strip_suffix('*'),
                };
                ends(arn) || own.is_some_and(ends)
            };
            if told && grants.iter().any(|grant| is(&grant.resource)) {
                grants.retain(|grant| is(&grant.resource));
            } else if told
                && grants.iter().all(|grant| matches!(grant.origin, Origin::Widened { .. }))
            {
                grants.clear();
            }
            if grants.is_empty() {
                self.refused(call, stats, key);
            }
        }
        for mut grant in grants {
            if let Some(open) = &call.open {
                (grant.resource, grant.origin) = open.widen(grant.resource, grant.origin);
                grant.conditions.retain_mut(|condition| open.widen_condition(condition));
            }
            if poorer && matches!(grant.origin, Origin::Widened { .. }) {
                continue;
            }
            if self.kind == PrincipalKind::User {
                grant.conditions.extend(via_condition(call, &grant.action, catalog));
                grant.conditions.sort();
            }
            let key = RowKey {
                action: grant.action,
                resource: grant.resource,
                conditions: grant.conditions,
                outcome,
            };
            let row = Row {
                certain: !grant.inferred,
                confidence: Some(grant.confidence),
                origins: [grant.origin].into_iter().collect(),
                ..Row::of(call, outcome, stats)
            };
            self.rows.entry(key).or_default().join(row);
        }
    }

    /// Takes up what a message says was missing. It is IAM's own word for it, and often another action
    /// than the event's: `iam:PassRole` behind `RunInstances`. It is also the only word there is where
    /// the event itself cannot be mapped.
    fn refused(&mut self, call: &Call<'_>, stats: &Stats, key: RowKey) {
        let (key, origin) = match is_arn(&key.resource) {
            true => (key, Origin::Observed),
            false => {
                let why = "the message of the denial names it by no ARN".to_owned();
                let origin = Origin::Widened { from: key.resource, why };
                (RowKey { resource: "*".to_owned(), ..key }, origin)
            }
        };
        let (key, origin) = match &call.open {
            Some(open) => {
                let (resource, origin) = open.widen(key.resource, origin);
                (RowKey { resource, ..key }, origin)
            }
            None => (key, origin),
        };
        let row = Row {
            origins: [origin].into_iter().collect(),
            ..Row::of(call, Outcome::Denied, stats)
        };
        self.rows.entry(key).or_default().join(row);
    }

    pub(crate) fn lose(
        &mut self,
        call: &Call<'_>,
        outcome: Outcome,
        stats: &Stats,
        (kind, action, why): (Unmapped, Option<String>, String),
        services: impl IntoIterator<Item = String>,
    ) {
        // A denied call needs no permission to go on failing.
        if kind.loses() && outcome != Outcome::Denied {
            self.frozen.extend(services);
        }
        let key = UnmappedKey {
            kind,
            event_source: call.event_source.to_string(),
            event_name: call.event_name.to_string(),
            outcome,
            action,
            why,
        };
        self.unmapped.entry(key).or_default().join(stats.clone());
    }
}

/// Returns the services that a call may be of which could not be mapped: that of its source, and where nobody knows
/// that, those that a word of the source is the prefix of (`metrics-sagemaker`).
pub(crate) fn may_be_of(
    call: &Call<'_>,
    operation: &Operation,
    catalog: Catalog,
) -> BTreeSet<String> {
    let own = operation.service();
    let is_known = catalog.knows_service_of(operation);
    let label = call.event_source.trim().trim_end_matches(".cn");
    let label = label.strip_suffix(".amazonaws.com").unwrap_or(label);
    let words = label.split(['-', '.']).filter(|_| !is_known);
    let words = words.filter_map(|word| Some(catalog.service(word)?.prefix()));
    own.into_iter().chain(words).map(str::to_owned).collect()
}

/// How many names are kept, as it is told of what has more.
const KEPT: &str = "are kept one by one there: a larger `--name-quota` keeps more, of which each level of \
                    `/` has half of the one above";

impl Open {
    /// Writes `*` where the names of a call that stands for many differ.
    fn widen(&self, resource: String, origin: Origin) -> (String, Origin) {
        if !resource.contains(&self.stand_in) {
            return (resource, origin);
        }
        let mut widened = resource.replace(&self.stand_in, "*");
        while widened.contains("**") {
            widened = widened.replace("**", "*");
        }
        let about = if self.names.estimated { "≈" } else { "" };
        let why = match self.beginning.as_str() {
            "" => format!("{about}{} names, more than {KEPT}", self.names.value),
            beginning => {
                format!("{about}{} names under {beginning}, more than {KEPT}", self.names.value)
            }
        };
        (widened, Origin::Widened { from: self.beginning.clone(), why })
    }

    /// Does the same in a condition; `false` where it cannot be kept, which widens.
    fn widen_condition(&self, condition: &mut Condition) -> bool {
        if !condition.values.iter().any(|value| value.contains(&self.stand_in)) {
            return true;
        }
        let like = match condition.operator.as_str() {
            "StringEquals" | "StringLike" => "StringLike",
            "ArnEquals" | "ArnLike" => "ArnLike",
            _ => return false,
        };
        like.clone_into(&mut condition.operator);
        for value in &mut condition.values {
            // As everywhere in patterns, what the log wrote stands for itself.
            *value = value.replace(&self.stand_in, "*");
        }
        true
    }
}

/// Returns how a policy tells a call that a service made on a user's behalf, where that is certain.
///
/// Only of users: behind a role's `invokedBy` there may be a service that uses the role as its own,
/// and then none of these keys is set.
fn via_condition(call: &Call<'_>, action: &str, catalog: Catalog) -> Option<Condition> {
    let invoked_by = call.via.as_deref()?;
    let label = invoked_by.strip_suffix(".amazonaws.com")?;
    let via = catalog.via(invoked_by);
    let condition = |operator: &str, key: &str, value: String| Condition {
        operator: operator.to_owned(),
        key: key.to_owned(),
        values: vec![value],
    };
    // What the value looks like outside of the aws partition is not documented.
    let plain = !call.region.starts_with("cn-") && !call.region.starts_with("us-iso");
    if action.starts_with("kms:") && via.kms_via && plain {
        let value = format!("{label}.{}.amazonaws.com", call.region);
        return Some(condition("StringEquals", "kms:ViaService", value));
    }
    if via.called_via {
        let value = invoked_by.to_owned();
        return Some(condition("ForAnyValue:StringEquals", "aws:CalledVia", value));
    }
    Some(condition("Bool", "aws:ViaAWSService", "true".to_owned()))
}

/// Returns what the message of a denial says was missing, where the catalog knows the action.
fn denied_by_message(call: &Call<'_>, catalog: Catalog) -> Option<RowKey> {
    let denial = call.denial.as_ref()?;
    let action = catalog.action(denial.action.as_deref()?)?.id().to_owned();
    Some(RowKey {
        action,
        resource: denial.resource.as_deref().unwrap_or("*").to_owned(),
        conditions: Vec::new(),
        outcome: Outcome::Denied,
    })
}

/// Tells whether a policy could name a resource like that.
fn is_arn(resource: &str) -> bool {
    resource == "*" || (resource.starts_with("arn:") && !is_incomplete(resource))
}

/// Tells whether a text is an ARN with fewer than the six parts that one has.
fn is_incomplete(resource: &str) -> bool {
    resource.starts_with("arn:") && resource.matches(':').count() < 5
}

/// A call as the catalog's rules read it.
struct CallRequest<'a> {
    call: &'a Call<'a>,
    principal: &'a str,
    facts: &'a Known<'a>,
}

impl Request for CallRequest<'_> {
    fn account(&self) -> &str {
        &self.call.account
    }

    fn region(&self) -> &str {
        &self.call.region
    }

    fn partition(&self) -> &str {
        match self.principal.split(':').nth(1) {
            Some(partition) if !partition.is_empty() => partition,
            _ => "aws",
        }
    }

    fn caller(&self) -> &str {
        self.principal
    }

    fn via(&self) -> Option<&str> {
        self.call.via.as_deref()
    }

    fn error_code(&self) -> Option<&str> {
        self.call.error_code.as_deref()
    }

    fn values(&self, path: &str, each: &mut dyn FnMut(&str)) {
        self.call.values(path, each);
    }

    fn arns(&self, each: &mut dyn FnMut(&str, &str)) {
        for (path, value) in &self.call.parts {
            if value.starts_with("arn:") && path.starts_with("request.") {
                each(path, value);
            }
        }
    }

    fn resources(&self, each: &mut dyn FnMut(ResourceRef<'_>)) {
        for resource in &self.call.resources {
            each(ResourceRef {
                arn: &resource.arn,
                is_prefix: resource.is_prefix,
                resource_type: resource.kind.as_deref(),
                account: resource.account.as_deref(),
            });
        }
    }

    fn fact(&self, kind: FactKind, key: &str) -> Option<String> {
        self.facts.get_for(self.call, kind, key).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use trailtrim_ingest::{Provenance, Record};

    use super::*;
    use crate::observe::Observer;
    use crate::scope::Scope;

    /// Copies of one event, by the account they were delivered to: the caller's names the secret, the
    /// owner's does not.
    fn copy(id: usize, owner: bool) -> String {
        let (recipient, request) = if owner {
            ("444455556666", "null".to_owned())
        } else {
            let secret = id / 30;
            let arn =
                format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:s{secret}-a1B2c3");
            ("111122223333", format!(r#"{{"secretId":"{arn}"}}"#))
        };
        format!(
            r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue",
            "awsRegion":"eu-west-1","recipientAccountId":"{recipient}","eventID":"{recipient}-{id}","sharedEventID":"e{id}",
            "requestParameters":{request}}}"#
        )
    }

    fn resources(copies: impl IntoIterator<Item = String>) -> Vec<String> {
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in copies {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
        }
        let activity = resolve(&observer.into_usage(), Catalog::embedded());
        let rows = activity.principals.iter().flat_map(|principal| principal.rows.keys());
        rows.map(|row| row.resource.clone()).collect()
    }

    #[test]
    fn who_was_made_anew_is_there_since_the_last_id_was_seen() {
        let call = |id: &str, day: u8| {
            format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333",
                "principalId":"{id}","userName":"jo"}},"eventTime":"2026-03-0{day}T10:00:00Z","eventSource":"sqs.amazonaws.com",
                "eventName":"ListQueues","awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"{id}{day}"}}"#
            )
        };
        let reborn = |calls: &[(&str, u8)]| {
            let scope = Scope::default();
            let mut observer = Observer::new(Catalog::embedded(), &scope);
            for (id, day) in calls {
                let text = call(id, *day);
                observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
            }
            let activity = resolve(&observer.into_usage(), Catalog::embedded());
            let at = activity.principals.first().unwrap().reborn?;
            Some(at.div_euclid(86_400) - 20_513)
        };
        assert_eq!(reborn(&[("AIDAOLD", 1), ("AIDAOLD", 3)]), None);
        assert_eq!(reborn(&[("AIDANEW", 4), ("AIDANEW", 6), ("AIDAOLD", 1)]), Some(3));
    }

    /// What one call tells of whoever made it.
    fn who_called((source, name): (&str, &str), request: &str, error: &str) -> Principal {
        let text = format!(
            r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"{source}","eventName":"{name}",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"e","requestParameters":{request}{error}}}"#
        );
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
        let activity = resolve(&observer.into_usage(), Catalog::embedded());
        activity.principals.into_iter().next().unwrap()
    }

    #[test]
    fn what_is_named_by_less_than_an_arn_is_not_granted_by_it() {
        // In a policy it would be every resource of the service.
        let of = |arn: &str| {
            let request = format!(r#"{{"resourceArn":"{arn}"}}"#);
            who_called(("memorydb.amazonaws.com", "ListTags"), &request, "")
        };
        let whole = of("arn:aws:memorydb:eu-west-1:111122223333:cluster/c");
        assert!(whole.rows.keys().any(|row| row.resource.ends_with(":cluster/c")));
        for arn in ["arn:aws:memorydb", "arn:aws:memorydb:eu-west-1:111122223333"] {
            let principal = of(arn);
            assert!(principal.rows.is_empty() && principal.frozen.contains("memorydb"), "{arn}");
        }
    }

    #[test]
    fn of_parameters_that_were_left_out_nothing_is_concluded() {
        let frozen = |request: &str, error: &str| {
            let principal =
                who_called(("lambda.amazonaws.com", "CreateFunction20150331"), request, error);
            assert!(principal.rows.keys().any(|row| row.action == "lambda:CreateFunction"));
            assert!(!principal.rows.keys().any(|row| row.action == "iam:PassRole"));
            principal.frozen
        };
        let omitted =
            r#"{"omitted":true,"originalSize":120000,"reason":"Field size exceeds limit"}"#;
        for request in [omitted, r#""HIDDEN_DUE_TO_SECURITY_REASONS""#] {
            let frozen = frozen(request, "");
            // The role that it passed may be called unused as little as what else it made.
            assert!(frozen.contains("lambda") && frozen.contains("iam"), "{request}: {frozen:?}");
        }
        // What was refused needed nothing, and a member of the name says nothing of the others.
        assert!(frozen(omitted, r#","errorCode":"AccessDenied""#).is_empty());
        assert!(frozen(r#"{"functionName":"f","omitted":false}"#, "").is_empty());
    }

    #[test]
    fn a_role_that_an_unverified_call_brings_may_be_passed() {
        let frozen = |request: &str, error: &str| {
            let principal = who_called(
                ("glue.amazonaws.com", "CreateDataQualityEvaluationConfig"),
                request,
                error,
            );
            assert!(principal.rows.is_empty());
            let brought = principal.brought.into_values();
            let roles: Vec<String> = brought.flat_map(|brought| brought.roles).collect();
            (principal.frozen.into_iter().collect::<Vec<_>>(), roles)
        };
        let role = "arn:aws:iam::111122223333:role/quality";
        let with = format!(r#"{{"name":"q","role":"{role}"}}"#);
        let glue = || vec!["glue".to_owned()];
        assert_eq!(frozen(&with, ""), (glue(), vec![role.to_owned()]));
        assert_eq!(frozen(r#"{"name":"q"}"#, ""), (glue(), Vec::new()));
        assert_eq!(frozen(&with, r#","errorCode":"AccessDenied""#), Default::default());
    }

    #[test]
    fn an_event_that_nobody_knows_may_have_passed_a_role() {
        let perhaps = |name: &str, error: &str| {
            let role = r#"{"name":"q","role":"arn:aws:iam::111122223333:role/quality"}"#;
            let principal = who_called(("glue.amazonaws.com", name), role, error);
            assert!(principal.unmapped.keys().any(|key| key.kind == Unmapped::Unknown));
            let mut brought = principal.brought.into_values();
            brought.next().map(|brought| (brought.roles.len(), brought.untold))
        };
        assert_eq!(perhaps("CreateSomethingNew", ""), Some((0, true)));
        assert_eq!(perhaps("Getaway", ""), Some((0, true)));
        assert_eq!(perhaps("GetSomethingNew", ""), None);
        assert_eq!(perhaps("CreateSomethingNew", r#","errorCode":"AccessDenied""#), None);
    }

    #[test]
    fn of_an_answer_that_was_left_out_nothing_is_concluded() {
        let of = |response: &str| {
            let text = format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances",
                "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"e","requestParameters":{{
                "instancesSet":{{"items":[{{"imageId":"ami-0a1b2c3d4e5f60718"}}]}}}},"responseElements":{response}}}"#
            );
            let scope = Scope::default();
            let mut observer = Observer::new(Catalog::embedded(), &scope);
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
            let activity = resolve(&observer.into_usage(), Catalog::embedded());
            let principal = activity.principals.into_iter().next().unwrap();
            // What the request names is needed all the same.
            assert!(
                principal.rows.keys().any(|row| row.resource.ends_with("ami-0a1b2c3d4e5f60718"))
            );
            principal.frozen
        };
        let omitted =
            r#"{"omitted":true,"originalSize":150000,"reason":"responseElements too large"}"#;
        assert!(of(omitted).contains("ec2"));
        assert!(of(r#"{"instancesSet":{"items":[]}}"#).is_empty() && of("null").is_empty());
    }

    #[test]
    fn what_was_denied_is_told_by_the_call_where_the_message_names_nothing() {
        let record = |project: &str, error: &str| {
            format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"codebuild.amazonaws.com","eventName":"StartBuild",
                "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"{project}",
                "requestParameters":{{"projectName":"{project}"}}{error}}}"#
            )
        };
        let message = "User: arn:aws:iam::111122223333:user/jo is not authorized to perform: codebuild:StartBuild";
        let error = format!(r#","errorCode":"AccessDeniedException","errorMessage":"{message}""#);
        let project =
            |name: &str| format!("arn:aws:codebuild:eu-west-1:111122223333:project/{name}");
        let denied = resources([record("p1", &error), record("p2", &error)]);
        assert_eq!(denied, [project("p1"), project("p2")]);
        // A secret's ARN has more than its name.
        let secret = r#"{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"s","requestParameters":{"secretId":"x"},
            "errorCode":"AccessDenied","errorMessage":"User: arn:aws:iam::111122223333:user/jo is not authorized to perform: secretsmanager:GetSecretValue on resource: x because no identity-based policy allows the secretsmanager:GetSecretValue action"}"#;
        let named = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-??????";
        assert_eq!(resources([secret.to_owned()]), [named]);
        // Its name may have slashes, or what looks like the ending.
        for (name, tail) in [("prod/db", "-??????"), ("prod/app/db", "-??????"), ("db-abcdef", "*")]
        {
            let of = secret.replace(r#""secretId":"x""#, &format!(r#""secretId":"{name}""#));
            let of = of.replace("resource: x because", &format!("resource: {name} because"));
            assert_eq!(resources([of]), [named.replace("x-??????", &format!("{name}{tail}"))]);
        }
        // Where the call names nothing either, what is made there may be any of its kind.
        let bare = record("p1", &error).replace(r#"{"projectName":"p1"}"#, "null");
        assert_eq!(resources([bare]), [project("*")]);
    }

    #[test]
    fn an_owners_copy_widens_nothing_where_the_caller_has_its_own() {
        // Few and many events; the caller's copies are of ten calls, the owner's of one.
        for events in [100, 300] {
            let all = 0..events;
            let copies =
                all.clone().map(|id| copy(id, false)).chain(all.clone().map(|id| copy(id, true)));
            let resources = resources(copies);
            assert_eq!(resources.len(), events.div_ceil(30), "{resources:?}");
            assert!(!resources.iter().any(|resource| resource.ends_with('*')), "{resources:?}");
        }
        // Half of them came without: then what they tell is all there is.
        let copies = (0..300).map(|id| copy(id, false)).chain((150..450).map(|id| copy(id, true)));
        assert!(resources(copies).iter().any(|resource| resource.ends_with('*')));
    }
}
