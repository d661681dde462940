//! What goes with what was used and rarely shows on its own, and what workloads need whatever they do: it
//! is not unused because it was not seen.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Row, RowKey};
use trailtrim_catalog::{Catalog, Part};
use trailtrim_iam::pattern;

use super::allow::Allow;
use super::bearing::Bearing;
use super::rest::Rest;
use super::verdict::{Unnamed, beside};
use crate::baseline::{baseline, workload_companions};
use crate::companions::{places, speaks};
use crate::renewed::{NAMES, is_never, is_of_all, renewed};
use crate::turnover::{changing, kind};

/// What brought a companion.
struct Brought {
    /// The action that it goes with.
    with: &'static str,
    /// What that was used on.
    resources: BTreeSet<String>,
    /// The service that a role would be passed to, where the companion is the passing of one.
    passed_to: Option<&'static str>,
    /// Whether that was done without a word of the companion, so that what was seen of it elsewhere tells
    /// nothing.
    is_untold: bool,
    /// Whether it goes with some events or calls only, so that where these were is where it is needed.
    is_of_events: bool,
    /// Whether these resources are those that the companion is needed on, whatever their type.
    has_place: bool,
    /// Whether these resources are all of the kind of what was used: the next one has another name.
    is_of_kind: bool,
    /// The names that it was used on, where it stays on what names that kind and has some of them, and not on
    /// whatever a statement means.
    names: Option<BTreeSet<String>>,
    why: String,
}

/// Why some workloads of a kind need an action.
struct OfKind {
    why: String,
    /// Whether that may be on anything: one of them did not use it itself, and most may need it.
    is_open: bool,
    /// Whether most may.
    is_usual: bool,
}

/// What goes with the things that were used.
pub(super) struct Companions {
    /// What was used of those, in lower case, each with on what.
    used: BTreeMap<String, BTreeSet<String>>,
    /// Companion → what brought it.
    by_action: BTreeMap<String, Vec<Brought>>,
    /// Action → on what workloads need it whatever they do, and why.
    by_workload: BTreeMap<String, (BTreeSet<String>, String)>,
    /// What some workloads of a kind need, on what the log may not show, by action.
    by_kind: BTreeMap<String, OfKind>,
    /// Actions on names that come and go.
    changing: BTreeSet<String>,
    /// Actions called like an event that succeeded and is mapped to others, each with why.
    namesakes: BTreeMap<&'static str, String>,
    catalog: Catalog,
}

/// Returns what takes back what a service did with the principal's credentials. It is needed on whatever
/// that makes next, so on all of the kind, whatever was taken back up to now.
fn undoing(
    action: &str,
    rows: &[(&RowKey, &Row)],
    catalog: Catalog,
) -> Vec<(&'static str, Brought)> {
    let mut found = Vec::new();
    for rule in catalog.undoing() {
        let via = rows.iter().filter(|(_, row)| row.went_through(rule.via()));
        let all_of_kind = |resource: &str| kind(resource).map(|kind| format!("{kind}*"));
        let resources: BTreeSet<String> = via
            .map(|(key, _)| all_of_kind(&key.resource).unwrap_or_else(|| "*".to_owned()))
            .collect();
        let Some(with) = catalog.action(action).filter(|_| !resources.is_empty()) else { continue };
        for undoes in rule.of(with.id()) {
            let brought = Brought {
                with: with.id(),
                resources: resources.clone(),
                passed_to: None,
                is_untold: true,
                is_of_events: true,
                has_place: false,
                is_of_kind: true,
                names: None,
                why: format!("takes back {}: {}", with.id(), rule.reason()),
            };
            found.push((undoes, brought));
        }
    }
    found
}

impl Companions {
    pub(super) fn of(principals: &[&Principal], catalog: Catalog) -> Companions {
        let mut used: BTreeMap<&str, Vec<(&RowKey, &Row)>> = BTreeMap::new();
        let mut events: BTreeSet<(&str, &str)> = BTreeSet::new();
        for principal in principals {
            for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
                used.entry(&key.action).or_default().push((key, row));
                events.extend(row.events.iter().map(|(source, name)| (&**source, &**name)));
            }
        }
        let mut by_action: BTreeMap<String, Vec<Brought>> = BTreeMap::new();
        for companion in catalog.companions() {
            for with in companion.with() {
                let rows = used.get(with).into_iter().flatten();
                let used = rows.filter(|(key, row)| speaks(companion, key, row));
                let own = |used: &str| companion.resource(used).unwrap_or_else(|| used.to_owned());
                let resources: BTreeSet<String> = used.map(|(key, _)| own(&key.resource)).collect();
                if resources.is_empty() {
                    continue;
                }
                for action in companion.actions().filter(|action| *action != with) {
                    by_action.entry(action.to_ascii_lowercase()).or_default().push(Brought {
                        with,
                        resources: resources.clone(),
                        passed_to: companion.passed_to(),
                        is_untold: companion.is_untold(),
                        is_of_events: companion.is_of_events() || companion.via().is_some(),
                        has_place: companion.resource("").is_some(),
                        is_of_kind: false,
                        names: None,
                        why: format!("goes with {with}: {}", companion.reason()),
                    });
                }
            }
        }
        for (with, rows) in &used {
            for (action, brought) in undoing(with, rows, catalog) {
                by_action.entry(action.to_ascii_lowercase()).or_default().push(brought);
            }
        }
        let renewed = principals.iter().flat_map(|one| renewed(one, catalog));
        for (action, names) in renewed.filter(|(action, _)| !is_never(catalog, action)) {
            let Some(facts) = catalog.action(action) else { continue };
            let kinds = names.names.iter().filter_map(|name| kind(name));
            by_action.entry(action.to_ascii_lowercase()).or_default().push(Brought {
                with: facts.id(),
                resources: kinds.map(|kind| format!("{kind}*")).collect(),
                passed_to: None,
                is_untold: false,
                is_of_events: true,
                has_place: false,
                is_of_kind: true,
                names: Some(names.names.iter().map(|&name| name.to_owned()).collect()),
                why: names.told(),
            });
        }
        let mut by_workload: BTreeMap<String, (BTreeSet<String>, String)> = BTreeMap::new();
        for one in principals.iter().flat_map(|principal| baseline(principal, &BTreeMap::new())) {
            for (action, resources) in one.needs {
                let why = || format!("needed by {}: {}", one.workload, one.reason);
                let entry = by_workload.entry(action.to_ascii_lowercase());
                entry.or_insert_with(|| (BTreeSet::new(), why())).0.extend(resources);
            }
        }
        let mut by_kind: BTreeMap<String, OfKind> = BTreeMap::new();
        for principal in principals {
            let uses = |action: &str| {
                let mut keys = principal.rows.keys().filter(|key| key.outcome.grants());
                keys.any(|key| key.action.eq_ignore_ascii_case(action))
            };
            for one in workload_companions(principal) {
                for action in one.actions {
                    let why = || format!("goes with {}: {}", one.with, one.reason);
                    let new = || OfKind { why: why(), is_open: false, is_usual: false };
                    let entry = by_kind.entry(action.to_ascii_lowercase()).or_insert_with(new);
                    if !one.named && !entry.is_usual {
                        (entry.why, entry.is_usual) = (why(), true);
                    }
                    entry.is_open |= !one.named && !uses(action);
                }
            }
        }
        let mut namesakes = BTreeMap::new();
        // If the mapping were wrong, an action of the event's own name would be what is needed.
        for (source, name) in events {
            let operation = catalog.operation(source, name);
            let Some(service) = operation.service() else { continue };
            let namesake = format!("{service}:{}", operation.name());
            let Some(facts) = catalog.action(&namesake) else { continue };
            if operation.actions().all(|action| action != facts.id()) {
                namesakes.entry(facts.id()).or_insert_with(|| {
                    format!(
                        "{source} {name} succeeded: the rules say that it needs {}, and it has this \
                         action's name",
                        operation.actions().collect::<Vec<_>>().join(", ")
                    )
                });
            }
        }
        let used = used.iter().map(|(action, rows)| (action.to_ascii_lowercase(), rows));
        let used = used.filter(|(action, _)| by_action.contains_key(action));
        let on = |rows: &Vec<(&RowKey, &Row)>| {
            rows.iter().map(|(key, _)| key.resource.clone()).collect::<BTreeSet<String>>()
        };
        let used = used.map(|(action, rows)| (action, on(rows))).collect();
        let changing = principals.iter().flat_map(|one| changing(one));
        let changing = changing.map(str::to_ascii_lowercase).collect();
        Companions { used, by_action, by_workload, by_kind, changing, namesakes, catalog }
    }

    /// Returns why all of a statement stays of an action whose uses another statement keeps by their names: the next
    /// name is another, and what this one allows it on is told by tags that things have, and not by names.
    pub(super) fn of_tagged(&self, action: &str, allow: &Allow<'_>) -> Option<String> {
        let changes = self.changing.contains(&action.to_ascii_lowercase());
        (changes && allow.is_by_tag()).then(|| {
            "what it is used on comes and goes, and the next has another name: its condition on tags means that too"
                .to_owned()
        })
    }

    /// Returns why an action may be what some event needs, whatever the rules say of that event.
    pub(super) fn namesake(&self, action: &str) -> Option<&String> {
        self.namesakes.get(action)
    }

    /// Returns on what a companion stays in a statement, and why. A role is passed by statements only whose
    /// conditions may let it go to that service. On the resources of what it goes with where both take the same
    /// type of resource, else on all that is attached; where it was seen itself, on what those are in (an object's
    /// bucket), and else its own calls tell on what it is used, wherever they were allowed. `is_used` tells whether new names of what its user makes
    /// anew each time may be this statement's to allow.
    pub(super) fn of_action(
        &self,
        action: &str,
        allow: &Allow<'_>,
        is_used: bool,
    ) -> Option<(Rest, String)> {
        let name = action.to_ascii_lowercase();
        let brought = self.by_action.get(&name)?.iter();
        // In China a service may have a principal of its own.
        let goes = |service: &str| {
            allow.may_pass_to(service) || allow.may_pass_to(&format!("{service}.cn"))
        };
        let may = |one: &&Brought| {
            one.passed_to.is_none_or(goes)
                && (one.names.is_none() || is_used && allow.naming_kinds().next().is_some())
        };
        let brought: Vec<&Brought> = brought.filter(may).collect();
        let (on, why) = self.on(action, &brought, allow)?;
        // The reason for passing a role to one service is none for passing it to another.
        let services: Option<BTreeSet<&str>> = brought.iter().map(|one| one.passed_to).collect();
        if let Some(services) = services {
            let rest = allow.passing(&services);
            return Some((if rest == Rest::Nothing { Rest::All } else { rest }, why));
        }
        // Of other passes of a role nothing follows for those that none is known of.
        let is_told = |one: &&Brought| one.passed_to.is_none() && !one.is_untold;
        match self.used.get(&name).filter(|_| brought.iter().all(is_told)) {
            Some(used) if on == Rest::All => self.beside_used(action, &brought, used, allow),
            _ => Some((on, why)),
        }
    }

    /// Returns on what of a statement a companion stays that was used, beside that use: on what tells of itself
    /// only by what it goes with (the bucket of an object that is read).
    fn beside_used(
        &self,
        action: &str,
        brought: &[&Brought],
        used: &BTreeSet<String>,
        allow: &Allow<'_>,
    ) -> Option<(Rest, String)> {
        let mut on: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut told = None;
        for Brought { with, resources, why, .. } in brought {
            let each = resources.iter().map(|one| places(self.catalog, action, with, one));
            let needed: BTreeSet<String> =
                each.flatten().filter(|one| !used.contains(one)).collect();
            for place in needed {
                let common = allow.common(&place);
                let kept = common.as_ref().is_none_or(|common| !common.is_empty());
                if kept {
                    told.get_or_insert_with(|| why.clone());
                }
                match common.filter(|_| allow.fixed.is_none()) {
                    Some(common) => on.extend(common.into_iter().map(|one| (one, BTreeSet::new()))),
                    None if kept => return Some((Rest::All, why.clone())),
                    None => {}
                }
            }
        }
        told.map(|why| (Rest::on(on), why))
    }

    /// Returns what workloads of a kind need on what an action was not seen on, and whose name nothing tells, where
    /// only patterns of the statement allow it.
    pub(super) fn unnamed(
        &self,
        action: &str,
        allow: &Allow<'_>,
        bearing: &Bearing,
    ) -> Option<Unnamed> {
        let of_kind = self.by_kind.get(&action.to_ascii_lowercase())?;
        let patterns = allow.resources.iter().filter(|one| !pattern::is_name(one));
        let patterns: Vec<String> =
            patterns.filter(|one| bearing.may_mean(action, one)).cloned().collect();
        (of_kind.is_usual && !of_kind.is_open && !patterns.is_empty())
            .then(|| Unnamed { why: of_kind.why.clone(), patterns })
    }

    /// Returns on what workloads need an action whatever they do, or some of their kind, of what a statement
    /// has beside what `is_seen`, and why.
    pub(super) fn of_workload(
        &self,
        action: &str,
        allow: &Allow<'_>,
        is_seen: &dyn Fn(&str) -> bool,
    ) -> Option<(Rest, String)> {
        let of_kind = self.of_kind(action, allow, is_seen);
        // What is told of one is not all that they need.
        match (self.of_told(action, allow), of_kind) {
            (Some(told), Some(of_kind)) => Some(beside(told, of_kind)),
            (told, of_kind) => told.or(of_kind),
        }
    }

    /// Returns on what workloads of a kind may need an action, that the log need not show.
    fn of_kind(
        &self,
        action: &str,
        allow: &Allow<'_>,
        is_seen: &dyn Fn(&str) -> bool,
    ) -> Option<(Rest, String)> {
        let OfKind { why, is_open, .. } = self.by_kind.get(&action.to_ascii_lowercase())?;
        if *is_open {
            return Some((Rest::All, why.clone()));
        }
        // Whoever used it itself is known by its own calls, but for what somebody wrote down by its
        // whole name, or all that is in that: of a function that sends to one queue, another is likely
        // for what it failed at, of a stream that writes into a bucket another prefix.
        let named = allow
            .resources
            .iter()
            .filter(|one| allow.fixed.is_none() && self.is_named(action, one) && !is_seen(one));
        let on: BTreeMap<_, _> = named.map(|one| (one.clone(), BTreeSet::new())).collect();
        (!on.is_empty()).then(|| (Rest::on(on), why.clone()))
    }

    /// Returns on what workloads surely need an action, as they are set up or whatever they do.
    fn of_told(&self, action: &str, allow: &Allow<'_>) -> Option<(Rest, String)> {
        let (resources, why) = self.by_workload.get(&action.to_ascii_lowercase())?;
        if allow.fixed.is_some() {
            return Some((Rest::All, why.clone()));
        }
        let mut on = BTreeMap::new();
        for resource in resources {
            match allow.common(resource) {
                Some(common) => on.extend(common.into_iter().map(|one| (one, BTreeSet::new()))),
                None => return Some((Rest::All, why.clone())),
            }
        }
        (!on.is_empty()).then(|| (Rest::on(on), why.clone()))
    }

    /// Tells whether a resource is written down by its whole name, or as all that is in what is so, and the action
    /// takes it. `event-bus/*` is no name of a bus, as `arn:aws:s3:::bucket/*` is one of a bucket.
    fn is_named(&self, action: &str, resource: &str) -> bool {
        let is_name = pattern::is_name;
        let Some(facts) = self.catalog.action(action) else { return is_name(resource) };
        let Some(shape) = facts.shape(resource) else {
            return is_name(resource) && facts.resource_types().next().is_none();
        };
        let mut parts = shape.parts().iter().rev();
        let of_all = match (parts.next(), parts.next()) {
            (Some(Part::Variable("*")), Some(Part::Literal(before))) => before.contains(':'),
            _ => false,
        };
        is_name(resource) || (resource.strip_suffix("/*").is_some_and(is_name) && !of_all)
    }

    fn on(&self, action: &str, brought: &[&Brought], allow: &Allow<'_>) -> Option<(Rest, String)> {
        let why = brought.first().map(|one| one.why.clone())?;
        let mut on: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for Brought { with, resources, has_place, is_of_kind, names, .. } in brought {
            let has_some = |on: &String| match names {
                Some(names) => !resources.contains(on) && self.has_some(names, action, on, allow),
                None => true,
            };
            if !(*has_place || self.same_type(action, with)) || allow.fixed.is_some() {
                return Some((Rest::All, why));
            }
            for resource in resources {
                match allow.common(resource) {
                    Some(common) => common.into_iter().filter(has_some).for_each(|one| {
                        let brought_by = on.entry(one).or_default();
                        // What has a place of its own is not written as what it goes with.
                        if !(*has_place || *is_of_kind) {
                            brought_by.insert((*with).to_owned());
                        }
                    }),
                    None => return Some((Rest::All, why)),
                }
            }
        }
        if on.is_empty() && brought.iter().all(|one| one.is_of_events || one.has_place) {
            return None;
        }
        // What it goes with is elsewhere: it may still be wanted here.
        Some(if on.is_empty() { (Rest::All, why) } else { (Rest::on(on), why) })
    }

    /// Tells whether what is attached, cut to one kind of one region and account, is for names that are made anew
    /// each time: the pattern has several of them, some are of that kind, and it says which names are meant.
    fn has_some(
        &self,
        names: &BTreeSet<String>,
        action: &str,
        on: &str,
        allow: &Allow<'_>,
    ) -> bool {
        let within = |wide: &str| names.iter().filter(|name| pattern::covers(wide, name)).count();
        let mut attached = allow.naming_kinds().filter(|wide| pattern::covers(wide, on));
        within(on) > 0
            && !is_of_all(self.catalog, action, on)
            && attached.any(|wide| within(wide) >= NAMES)
    }

    /// Tells whether a statement keeps a pattern for the next name of a thing, as its user makes that anew each
    /// time.
    pub(super) fn renews(&self, action: &str, resource: &str, allow: &Allow<'_>) -> bool {
        let brought = self.by_action.get(&action.to_ascii_lowercase()).into_iter().flatten();
        let brought: Vec<&Brought> = brought.filter(|one| one.names.is_some()).collect();
        if brought.is_empty() || allow.naming_kinds().next().is_none() {
            return false;
        }
        let Some((Rest::On { resources, .. }, _)) = self.on(action, &brought, allow) else {
            return false;
        };
        resources.keys().any(|wide| pattern::covers(wide, resource))
    }

    fn same_type(&self, a: &str, b: &str) -> bool {
        let types = |action: &str| -> Option<BTreeSet<&'static str>> {
            let facts = self.catalog.action(action)?;
            Some(facts.resource_types().map(|kind| kind.name()).collect())
        };
        let service = |action: &str| action.split(':').next().unwrap_or_default().to_owned();
        match (types(a), types(b)) {
            (Some(x), Some(y)) => !x.is_empty() && x == y && service(a) == service(b),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_kind_is_no_name() {
        let companions = Companions::of(&[], Catalog::embedded());
        let on =
            |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:111122223333:{rest}");
        for (action, resource, expected) in [
            ("events:PutEvents", on("events", "event-bus/a"), true),
            ("events:PutEvents", on("events", "event-bus/*"), false),
            ("events:PutEvents", on("events", "event-bus/a*"), false),
            ("ec2:DeleteNetworkInterface", on("ec2", "network-interface/*"), false),
            ("lambda:InvokeFunction", on("events", "event-bus/a"), false),
            ("lambda:InvokeFunction", on("lambda", "function:f"), true),
            ("s3:PutObject", "arn:aws:s3:::b/*".to_owned(), true),
            ("s3:PutObject", "arn:aws:s3:::b/in/*".to_owned(), true),
            ("s3:PutObject", "arn:aws:s3:::b*/*".to_owned(), false),
        ] {
            assert_eq!(companions.is_named(action, &resource), expected, "{action} {resource}");
        }
    }
}
