//! Which resources an action can be about at all.
//!
//! A policy that lists queues and tables beside the actions of both allows, by its letter, to send
//! to a table. Nobody can: no action of a service takes a resource of a service that none of its
//! resource types is of. A draft that kept such pairs would say nothing by them, and `Action: "*"`
//! on one queue would become a statement for each service there is.
//!
//! An action without resource types (`dynamodb:ListTables`) is asked for on everything. That is `*`, and
//! with some services an ARN whose names are left out, or stars: `iam:ListRoles` asks for `role/`, and
//! `dynamodb:ListTables` for `table/*`, letter by letter. So a pattern that only means things with some
//! name of their own (`table/*-orders`) allows it nowhere.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::Catalog;
use trailtrim_iam::wildcard;

use crate::cover::service;

/// The services of whose resources each service's actions speak, as they stand in an ARN.
pub(crate) struct Bearing {
    catalog: Catalog,
    /// By IAM prefix; services that may speak of any are absent.
    on: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Actions that are new to the catalog, of which nothing is known but the name.
    untold: BTreeSet<&'static str>,
    /// Actions that no resource types are told of, and take none.
    whole: BTreeSet<&'static str>,
    /// By IAM prefix, how everything may be spelled at the end of an ARN.
    all: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Bearing {
    /// Takes the resource types of all services.
    pub(crate) fn of(catalog: Catalog) -> Bearing {
        let mut bearing = Bearing {
            catalog,
            on: BTreeMap::new(),
            untold: BTreeSet::new(),
            whole: BTreeSet::new(),
            all: BTreeMap::new(),
        };
        for facts in catalog.services() {
            let whole = facts.actions().filter(|action| {
                action.resource_types_are_known() && action.resource_types().next().is_none()
            });
            bearing.whole.extend(whole.map(|action| action.id()));
            let types = facts.actions().flat_map(|action| action.resource_types());
            let mut all: BTreeSet<String> = types
                .flat_map(|kind| kind.templates())
                .filter_map(|template| template.splitn(6, ':').nth(5))
                .flat_map(without_names)
                .collect();
            all.extend(["", "*"].map(str::to_owned));
            bearing.all.insert(facts.prefix(), all);
            let untold = facts.actions().filter(|action| !action.resource_types_are_known());
            bearing.untold.extend(untold.map(|action| action.id()));
            let types = facts.actions().flat_map(|action| action.resource_types());
            let templates = types.flat_map(|kind| kind.templates());
            let named: Option<BTreeSet<&str>> = templates.map(service_of).collect();
            if let Some(mut named) = named {
                named.insert(facts.prefix());
                bearing.on.insert(facts.prefix(), named);
            }
        }
        bearing
    }

    pub(crate) fn catalog(&self) -> Catalog {
        self.catalog
    }

    /// Tells whether some action of an action's service can be about some resource that a pattern
    /// means. It is yes where that is not known.
    pub(crate) fn takes(&self, action: &str, resource: &str) -> bool {
        let may = match (self.on.get(service(action)), service_of(resource)) {
            (Some(known), Some(named)) => known.contains(named) || self.untold.contains(action),
            _ => true,
        };
        may && (!self.takes_none(action) || self.may_mean_all(action, resource))
    }

    /// Tells whether an action takes no resource: it is asked for on everything.
    pub(crate) fn takes_none(&self, action: &str) -> bool {
        self.whole.contains(action)
    }

    /// Tells whether a pattern may match what an action without resource types asks for.
    fn may_mean_all(&self, action: &str, resource: &str) -> bool {
        // Where colons are missing, a star stands for more than one part.
        let end = resource.splitn(6, ':').nth(5).filter(|_| service_of(resource).is_some());
        let (Some(end), Some(all)) = (end, self.all.get(service(action))) else { return true };
        end.contains('$') || all.iter().any(|one| wildcard::matches(end, one))
    }
}

/// Returns the ways to spell all of a type at the end of an ARN, by the template of that end: with
/// nothing or a star for each name, or with the last one a star; and up to the first name.
fn without_names(template: &str) -> BTreeSet<String> {
    let mut fixed = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        fixed.push(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    fixed.push(rest);
    let start = fixed.first().copied().unwrap_or_default();
    let mut spelled = BTreeSet::from([fixed.concat(), fixed.join("*")]);
    if let Some((last, front)) = fixed.split_last() {
        spelled.insert(format!("{}*{last}", front.concat()));
    }
    spelled.extend([start.to_owned(), format!("{start}*")]);
    spelled.insert(start.trim_end_matches(['/', ':']).to_owned());
    spelled
}

/// Returns the service that an ARN, or a pattern of ARNs, names; nothing where that is open.
fn service_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |part: &str| !part.is_empty() && !part.contains(['*', '?']);
    // Where colons are missing, a star in front may stand for the service as well. A template's
    // partition is a variable.
    let in_place = parts.count() == 3 || plain(partition);
    (arn == "arn" && in_place && plain(service) && !service.contains('$')).then_some(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_about_what_its_service_has_types_of() {
        let bearing = Bearing::of(Catalog::embedded());
        let queue = "arn:aws:sqs:eu-west-1:111122223333:jobs";
        for (action, resource, expected) in [
            ("sqs:SendMessage", queue, true),
            ("s3:GetObject", queue, false),
            ("ec2:DescribeInstances", queue, false),
            ("s3:GetObject", "*", true),
            ("s3:GetObject", "arn:aws:*:eu-west-1:111122223333:jobs", true),
            ("s3:GetObject", "arn:aws:s*:eu-west-1:111122223333:jobs", true),
            ("s3:GetObject", "arn:aws:${aws:PrincipalTag/s}:eu-west-1:111122223333:jobs", true),
            ("s3:GetObject", "arn:aws:sqs:*", false),
            // Where colons are missing, a star may stand for more than one part.
            ("s3:GetObject", "arn:*:sqs:*", true),
            ("s3:GetObject", "arn:*:sqs:eu-west-1:111122223333:jobs", false),
            ("s3:GetObject", "sqs", true),
            ("nosuch:Thing", queue, true),
        ] {
            assert_eq!(bearing.takes(action, resource), expected, "{action} {resource}");
        }
    }

    #[test]
    fn an_action_without_resource_types_is_about_everything() {
        let bearing = Bearing::of(Catalog::embedded());
        for (action, resource, expected) in [
            ("dynamodb:ListTables", "*", true),
            ("dynamodb:ListTables", "arn:aws:dynamodb:*", true),
            ("dynamodb:ListTables", "arn:aws:dynamodb:eu-west-1:111122223333:*", true),
            ("dynamodb:ListTables", "arn:aws:dynamodb:eu-west-1:111122223333:table/*", true),
            (
                "dynamodb:ListTables",
                "arn:aws:dynamodb:eu-west-1:111122223333:table/*-orders",
                false,
            ),
            (
                "dynamodb:ListTables",
                "arn:aws:dynamodb:eu-west-1:111122223333:table/a/index/*",
                false,
            ),
            (
                "dynamodb:ListTables",
                "arn:aws:dynamodb:eu-west-1:111122223333:${aws:username}",
                true,
            ),
            ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/*-orders", true),
            ("iam:ListRoles", "arn:aws:iam::111122223333:role/", true),
            ("iam:ListRoles", "arn:aws:iam::111122223333:role/*", true),
            ("iam:ListRoles", "arn:aws:iam::111122223333:role/app", false),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::*", true),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::logs", false),
        ] {
            assert_eq!(bearing.takes(action, resource), expected, "{action} {resource}");
        }
    }

    #[test]
    fn most_services_are_known() {
        let catalog = Catalog::embedded();
        let bearing = Bearing::of(catalog);
        assert!(bearing.on.len() * 10 > catalog.services().count() * 9, "{}", bearing.on.len());
    }
}
