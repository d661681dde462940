//! Which resources an action can be about at all.
//!
//! A policy that lists queues and tables beside the actions of both allows, by its letter, to send
//! to a table. Nobody can: no action of a service takes a resource of a service that none of its
//! resource types is of. A draft that kept such pairs would say nothing by them, and `Action: "*"`
//! on one queue would become a statement for each service there is.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::Catalog;

use crate::cover::service;

/// The services of whose resources each service's actions speak, as they stand in an ARN.
pub(crate) struct Bearing {
    catalog: Catalog,
    /// By IAM prefix; services that may speak of any are absent.
    on: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Actions that are new to the catalog, of which nothing is known but the name.
    untold: BTreeSet<&'static str>,
}

impl Bearing {
    /// Takes the resource types of all services.
    pub(crate) fn of(catalog: Catalog) -> Bearing {
        let mut bearing = Bearing { catalog, on: BTreeMap::new(), untold: BTreeSet::new() };
        for facts in catalog.services() {
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
        match (self.on.get(service(action)), service_of(resource)) {
            (Some(known), Some(named)) => known.contains(named) || self.untold.contains(action),
            _ => true,
        }
    }
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
    fn most_services_are_known() {
        let catalog = Catalog::embedded();
        let bearing = Bearing::of(catalog);
        assert!(bearing.on.len() * 10 > catalog.services().count() * 9, "{}", bearing.on.len());
    }
}
