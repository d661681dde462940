//! What one call needed of its caller, and what came of it.
//!
//! The error of a call and the message of a denial decide together: a message is IAM's own word for what was
//! missing, and that is often another permission than the event's. What the log leaves out of a call is not
//! guessed: it is noted, and freezes the service.

use std::collections::BTreeSet;

use trailtrim_catalog::{
    Catalog, Condition, FactKind, Grant, Kind, Operation, Origin, Request, Resolution, ResourceRef,
    Unresolved,
};

use crate::activity::{Brought, Principal, PrincipalKind, Row, RowKey, Unmapped, UnmappedKey};
use crate::call::{Call, Open};
use crate::facts::Known;
use crate::outcome::Outcome;
use crate::stats::{Join, Stats};

/// What is said of a call whose parameters the log does not have.
const CUT_SHORT: &str = "the log leaves out the call's parameters, as too long or as secret: what else it needs is not known";
const ANSWER_CUT_SHORT: &str = "the log leaves out the call's answer, as too long or as secret: what only that tells of is not known";

/// What is said of a permission on whatever there is, also of others.
const ANYBODYS: &str =
    "the record does not say on which: it would be granted on everybody's, of all accounts";

/// How a call was made.
#[derive(Clone, Copy)]
pub(crate) struct Made<'c> {
    /// Whether it is the copy of an event of which the caller's own account has a fuller one.
    pub(crate) poorer: bool,
    /// The caller's ARN then, where it is nobody's now.
    pub(crate) given_up: Option<&'c str>,
}

/// One of the calls of a principal, with all that is needed to tell what it asked for.
pub(crate) struct Taken<'c> {
    pub(crate) call: &'c Call<'c>,
    pub(crate) stats: &'c Stats,
    pub(crate) operation: &'c Operation,
    /// What came of it, by its error.
    pub(crate) outcome: Outcome,
    pub(crate) made: Made<'c>,
    pub(crate) facts: &'c Known<'c>,
    pub(crate) catalog: Catalog,
}

/// What a message of denial says beside the error.
enum Word {
    /// Nothing that the call does not say itself.
    None,
    /// Which of the call's own permissions it was, on what the call itself tells of.
    Own(RowKey),
    /// All that there is to it.
    All,
}

impl Taken<'_> {
    fn request<'r>(&'r self, principal: &'r str) -> CallRequest<'r> {
        CallRequest { call: self.call, principal, facts: self.facts }
    }

    /// Returns the services of which nothing is known where one of the call's permissions could not be told: its own,
    /// and that of the permission.
    fn services_of(&self, action: &str) -> BTreeSet<String> {
        let of_action = action.split_once(':').map(|(prefix, _)| prefix);
        self.operation.service().into_iter().chain(of_action).map(str::to_owned).collect()
    }

    /// Tells whether a message of denial names a resource.
    fn is_told_on_what(&self) -> bool {
        self.call.denial.as_ref().is_some_and(|denial| denial.resource.is_some())
    }

    /// Tells why it is no call that permissions are known of.
    fn unmapped(&self) -> Option<(Unmapped, &'static str)> {
        match self.operation.kind() {
            Kind::Mapped => None,
            Kind::NoPermission => Some((Unmapped::NoPermission, "the call needs no permission")),
            Kind::NotAnApiCall => Some((Unmapped::NotAnApiCall, "not a call that IAM authorizes")),
            Kind::Unverified => {
                Some((Unmapped::Unverified, "the operation's action is not in the catalog"))
            }
            _ => Some((Unmapped::Unknown, "the catalog does not know this event")),
        }
    }

    /// Tells whether the message of denial names the permission by something that a policy could name.
    fn is_named(&self, key: &RowKey) -> bool {
        self.is_told_on_what() && is_arn(&key.resource)
    }

    /// Of what a call needs, leaves what the message of its denial says was missing; nothing where that is none of it.
    fn narrow(&self, grants: &mut Vec<Grant>, missing: &RowKey) {
        grants.retain(|grant| grant.action == missing.action);
        if !self.is_told_on_what() {
            return;
        }
        // Of several things that the call is on, the message names one.
        let name = missing.resource.rsplit(' ').next().unwrap_or_default();
        if grants.iter().any(|grant| is_called(&grant.resource, name)) {
            grants.retain(|grant| is_called(&grant.resource, name));
        } else if grants.iter().all(|grant| matches!(grant.origin, Origin::Widened { .. })) {
            grants.clear();
        }
    }
}

/// Tells whether an ARN is that of something with a name. What a service adds to a name is no other name: a secret's
/// ARN ends in more.
fn is_called(arn: &str, name: &str) -> bool {
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
}

impl Principal {
    /// Adds what a call needed, with what came of it.
    pub(crate) fn take_up(&mut self, mut taken: Taken<'_>) {
        let missing = match self.hear(&mut taken) {
            Word::None => None,
            Word::Own(key) => Some(key),
            Word::All => return,
        };
        if let Some((kind, why)) = taken.unmapped() {
            return self.take_up_unmapped(&taken, kind, why);
        }
        let mut resolution = taken.operation.resolve(&taken.request(&self.arn));
        // Who writes less of an ARN than there is to it means nothing by it. In a policy it would mean all of it.
        for grant in resolution.grants.extract_if(.., |grant| is_incomplete(&grant.resource)) {
            let why = format!("`{}` is an incomplete ARN", grant.resource);
            resolution.unresolved.push(Unresolved { action: Some(grant.action), why });
        }
        // What it did with itself under a former name, it would do under the present one.
        for grant in &mut resolution.grants {
            if taken.made.given_up == Some(&*grant.resource) {
                grant.resource.clone_from(&self.arn);
            }
        }
        self.note_untold(&taken, &mut resolution);
        let mut grants = resolution.grants;
        if let Some(missing) = missing {
            taken.narrow(&mut grants, &missing);
            if grants.is_empty() {
                self.refused(taken.call, taken.stats, missing);
            }
        }
        for grant in grants {
            self.add(&taken, grant);
        }
    }

    /// Hears what the message of a denial says: it may be of another permission than the call's own, and then of what
    /// came of that.
    fn hear(&mut self, taken: &mut Taken<'_>) -> Word {
        if !matches!(taken.outcome, Outcome::Denied | Outcome::GrantedWithError) {
            return Word::None;
        }
        let Some(key) = denied_by_message(taken.call, taken.catalog) else { return Word::None };
        let own = taken.operation.actions().any(|action| action == key.action);
        // `role r`, as IAM writes it, or nothing at all: the call itself tells which.
        if own && !taken.is_named(&key) && matches!(taken.operation.kind(), Kind::Mapped) {
            taken.outcome = Outcome::Denied;
            return Word::Own(key);
        }
        self.refused(taken.call, taken.stats, key);
        if own {
            return Word::All;
        }
        // What the call itself needs was perhaps held, and perhaps never asked.
        if taken.outcome == Outcome::Denied {
            taken.outcome = Outcome::Unknown;
        }
        Word::None
    }

    /// Notes a call of which no permission is known.
    fn take_up_unmapped(&mut self, taken: &Taken<'_>, kind: Unmapped, why: &str) {
        let Taken { call, stats, operation, outcome, catalog, .. } = *taken;
        let named = call.denial.as_ref().and_then(|denial| denial.action.as_deref());
        let named = named.filter(|_| outcome == Outcome::Denied).map(str::to_owned);
        let what = (kind, named, why.to_owned());
        self.lose(call, outcome, stats, what, may_be_of(call, operation, catalog));
        if !kind.loses() || outcome == Outcome::Denied {
            return;
        }
        // Nothing is granted for a role that it brings, and the passing of it is not taken away. Which members of
        // an event nobody knows hold roles is not known either, and none of them was kept.
        let untold = match kind {
            Unmapped::Unknown => catalog.may_pass_roles(&call.event_name),
            _ => call.is_cut() && operation.passes_roles(),
        };
        let roles = match call.is_cut() {
            true => BTreeSet::new(),
            false => operation.passed(&taken.request(&self.arn)),
        };
        if untold || !roles.is_empty() {
            let event = (call.event_source.to_string(), call.event_name.to_string());
            self.brought.entry(event).or_default().join(Brought { roles, untold });
        }
    }

    /// Notes what the log leaves out of a call, and what of its permissions cannot be told.
    fn note_untold(&mut self, taken: &Taken<'_>, resolution: &mut Resolution) {
        let Taken { call, stats, operation, outcome, .. } = *taken;
        if (call.is_cut() || call.is_answer_cut()) && outcome != Outcome::Denied {
            let services = operation.actions().filter_map(|action| action.split(':').next());
            let of_roles = operation.passes_roles().then_some("iam");
            self.frozen.extend(services.chain(of_roles).map(str::to_owned));
        }
        let untold = if call.is_cut() {
            // What the call needs whatever it has is certain. What hangs on its members (a role that it
            // passes, tags, ACLs) is open, and perhaps of another service.
            resolution.grants.retain(|grant| operation.always_needs(&grant.action));
            Some(CUT_SHORT)
        } else if call.is_answer_cut() {
            // What the request names is certain. What only the answer tells of is open.
            Some(ANSWER_CUT_SHORT)
        } else if resolution.grants.is_empty() && resolution.unresolved.is_empty() {
            // Each permission hangs on a parameter, and the call has none of them.
            Some("no rule of the event fits the call's parameters")
        } else {
            None
        };
        if let Some(why) = untold {
            let what = (Unmapped::Unresolved, None, why.to_owned());
            self.lose(call, outcome, stats, what, taken.services_of(""));
        }
        for unresolved in resolution.unresolved.drain(..) {
            let services = taken.services_of(unresolved.action.as_deref().unwrap_or_default());
            let what = (Unmapped::Unresolved, unresolved.action, unresolved.why);
            self.lose(call, outcome, stats, what, services);
        }
    }

    /// Adds one permission that a call needed.
    fn add(&mut self, taken: &Taken<'_>, mut grant: Grant) {
        let Taken { call, stats, outcome, catalog, .. } = *taken;
        if let Some(open) = &call.open {
            (grant.resource, grant.origin) = open.widen(grant.resource, grant.origin);
            grant.conditions.retain_mut(|condition| open.widen_condition(condition));
        }
        if taken.made.poorer && matches!(grant.origin, Origin::Widened { .. }) {
            return;
        }
        let folded = match &grant.origin {
            Origin::Widened { why, .. } if call.open.is_some() => {
                is_anybodys(&grant, catalog).then(|| why.clone())
            }
            _ => None,
        };
        let untold = folded.or_else(|| grant.anybodys.then(|| ANYBODYS.to_owned()));
        if let Some(why) = untold.filter(|_| outcome != Outcome::Denied) {
            let services = taken.services_of(&grant.action);
            let what = (Unmapped::Unresolved, Some(grant.action), why);
            return self.lose(call, outcome, stats, what, services);
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

/// Tells whether a grant is on everybody's, since names were folded whose owners ARNs do not tell: buckets.
fn is_anybodys(grant: &Grant, catalog: Catalog) -> bool {
    let name = grant.resource.splitn(6, ':').nth(5).unwrap_or(&grant.resource);
    let is_open = name == "*" || name.starts_with("*/");
    is_open && catalog.action(&grant.action).is_some_and(|facts| facts.is_unbounded())
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
