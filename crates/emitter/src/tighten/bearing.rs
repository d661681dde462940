//! Which resources an action can be about at all.
//!
//! A policy that lists queues and tables beside the actions of both allows, by its letter, to send
//! to a table. Nobody can: no action takes a resource of another service that none of its resource types is
//! of. A draft that kept such pairs would say nothing by them, and `Action: "*"`
//! on one queue would become a statement for each service there is. Nor does an action without resource
//! types take what an ARN calls by one name: services ask for it on `*`, or on the whole of a collection. But
//! of the last it is not sure: who names such an action beside an ARN meant something by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;
use trailtrim_catalog::{Catalog, ServiceFacts};

use crate::cover::service;

const ALL_OR_NOTHING: &str = include_str!("../../data/all-or-nothing.toml");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    service: Vec<AllOrNothing>,
    asked: Vec<Asked>,
}

/// Actions that are asked for on ARNs of a service, though the reference has none for them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    actions: Vec<String>,
    on: String,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllOrNothing {
    prefix: String,
    #[serde(rename = "reason")]
    _reason: String,
}

fn data() -> &'static Data {
    static READ: OnceLock<Data> = OnceLock::new();
    // A test reads the data; without it more may be allowed by an ARN than is.
    READ.get_or_init(|| toml::from_str(ALL_OR_NOTHING).unwrap_or_default())
}

/// Tells whether what a service does without resource types is asked for on `*` alone.
fn is_all_or_nothing(prefix: &str) -> bool {
    data().service.iter().any(|one| one.prefix == prefix)
}

/// Tells whether an action is known to be asked for on ARNs of a service, whatever the reference has.
fn is_asked_on(action: &str, service: &str) -> bool {
    let named = |one: &Asked| one.on == service && one.actions.iter().any(|name| name == action);
    data().asked.iter().any(named)
}

/// The services of whose resources each service's actions speak, as they stand in an ARN.
pub(crate) struct Bearing {
    catalog: Catalog,
    /// By IAM prefix; services that may speak of any are absent.
    on: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// By action, the same of its own resource types; absent where these do not tell.
    own: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Actions that are new to the catalog, of which nothing is known but the name.
    untold: BTreeSet<&'static str>,
    /// Actions that are known to have no resource types.
    limitless: BTreeSet<&'static str>,
}

impl Bearing {
    /// Takes the resource types of all services.
    pub(crate) fn of(catalog: Catalog) -> Bearing {
        Bearing::of_services(catalog, catalog.services())
    }

    /// Takes the resource types of an action's service; nothing is known of others.
    pub(crate) fn of_action(catalog: Catalog, action: &str) -> Bearing {
        Bearing::of_services(catalog, catalog.service(service(action)))
    }

    fn of_services(catalog: Catalog, services: impl IntoIterator<Item = ServiceFacts>) -> Bearing {
        let mut bearing = Bearing {
            catalog,
            on: BTreeMap::new(),
            own: BTreeMap::new(),
            untold: BTreeSet::new(),
            limitless: BTreeSet::new(),
        };
        for facts in services {
            let limitless = facts.actions().filter(|action| {
                action.resource_types_are_known() && action.resource_types().next().is_none()
            });
            bearing.limitless.extend(limitless.map(|action| action.id()));
            let untold = facts.actions().filter(|action| !action.resource_types_are_known());
            bearing.untold.extend(untold.map(|action| action.id()));
            for action in facts.actions().filter(|action| action.resource_types_are_known()) {
                let templates = action.resource_types().flat_map(|kind| kind.templates());
                let named: Option<BTreeSet<&str>> = templates.map(service_of).collect();
                if let Some(mut named) = named.filter(|named| !named.is_empty()) {
                    named.insert(facts.prefix());
                    bearing.own.insert(action.id(), named);
                }
            }
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

    /// Tells whether an action is known to have no resource types.
    pub(crate) fn is_limitless(&self, action: &str) -> bool {
        self.limitless.contains(action)
    }

    /// Tells whether an action can be about anything that a resource pattern means: as [`Bearing::takes`]
    /// tells it, and by the action itself where it has no resource types. It is yes where that is not known.
    pub(crate) fn may_mean(&self, action: &str, resource: &str) -> bool {
        let on_none = self.is_limitless(action) && is_on_none(action, resource);
        !on_none && self.takes(action, resource)
    }

    /// Tells whether an action can be about some resource that a pattern means: one of its service, or of
    /// another that its resource types are of; where it has none, that those of any action of its service
    /// are of. It is yes where that is not known: what has no resource types by the reference may be asked for
    /// on an ARN all the same, unless its service wants `*` alone.
    pub(crate) fn takes(&self, action: &str, resource: &str) -> bool {
        if self.is_limitless(action) && is_all_or_nothing(service(action)) {
            return service_of(resource).is_none();
        }
        let own = self.own.get(action).or_else(|| self.on.get(service(action)));
        match (own, service_of(resource)) {
            (Some(known), Some(named)) => {
                known.contains(named) || self.untold.contains(action) || is_asked_on(action, named)
            }
            _ => true,
        }
    }
}

/// Tells whether an action without resource types is asked for on nothing that a resource pattern means.
fn is_on_none(action: &str, resource: &str) -> bool {
    service_of(resource).is_some_and(|named| !is_asked_on(action, named))
        && (names_one(resource) || is_all_or_nothing(service(action)))
}

/// Tells whether a pattern of ARNs means things of one name only, wherever they are. What ends in a slash is a
/// path, which IAM asks for as it stands; so does what begins with one (`/v1/clusters`, of Kafka), and what leaves
/// a name empty (`log-group::log-stream:`, of CloudWatch Logs).
fn names_one(resource: &str) -> bool {
    let last = resource.splitn(6, ':').nth(5).unwrap_or_default();
    let is_path = last.starts_with('/') || last.ends_with(['/', ':']) || last.contains("::");
    !last.is_empty() && !is_path && !last.contains(['*', '?', '$'])
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
            // What another action of its service takes is nothing to it.
            ("lambda:InvokeFunction", "arn:aws:s3:::other", false),
            ("lambda:InvokeFunction", "arn:aws:events:eu-west-1:111122223333:event-bus/*", false),
            ("lambda:InvokeFunction", "arn:aws:lambda:*:*:event-source-mapping:*", true),
            ("sqs:SendMessage", "arn:aws:sns:*:*:topic", false),
            ("ssm:StartSession", "arn:aws:ec2:*:*:instance/*", true),
        ] {
            assert_eq!(bearing.takes(action, resource), expected, "{action} {resource}");
        }
    }

    #[test]
    fn what_has_no_resource_types_is_on_no_thing_of_a_name() {
        let bearing = Bearing::of(Catalog::embedded());
        for (action, resource, expected) in [
            // What has no resource types is on everything, or on a collection, as IAM asks for it.
            ("dynamodb:DescribeEndpoints", "*", true),
            ("dynamodb:DescribeEndpoints", "arn:aws:dynamodb:*:*:table/orders", false),
            ("dynamodb:DescribeEndpoints", "arn:aws:dynamodb:*:*:table/*", true),
            ("dynamodb:DescribeEndpoints", "arn:aws:dynamodb:*:*:table/${aws:userid}", true),
            ("dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/orders", true),
            ("iam:ListRoles", "arn:aws:iam::111122223333:role/*", true),
            ("iam:ListRoles", "arn:aws:iam::111122223333:role/team/", true),
            ("iam:ListRoles", "arn:aws:iam::111122223333:role/app", false),
            ("kafka:ListClusters", "arn:aws:kafka:eu-west-1:111122223333:/v1/clusters", true),
            ("states:SendTaskSuccess", "arn:aws:states:eu-west-1:1:stateMachine:orders", true),
            ("ssmmessages:OpenDataChannel", "arn:aws:ssm:*:*:session/jo-1", true),
            ("ssmmessages:OpenDataChannel", "arn:aws:sqs:*:*:jo-1", false),
            // EC2 asks for it on everything and on nothing else.
            ("ec2:DescribeInstances", "arn:aws:ec2:*:*:instance/*", false),
            ("ec2:DescribeInstances", "arn:aws:ec2:*", false),
            ("ec2:DescribeInstances", "*", true),
            ("ec2:StartInstances", "arn:aws:ec2:*:*:instance/*", true),
            ("dynamodb:DescribeEndpoints", "arn:aws:sqs:*:*:*", false),
        ] {
            assert_eq!(bearing.may_mean(action, resource), expected, "{action} {resource}");
        }
    }

    #[test]
    fn what_has_no_resource_types_may_be_asked_for_on_an_arn_all_the_same() {
        let bearing = Bearing::of(Catalog::embedded());
        for (action, resource, expected) in [
            ("ssmmessages:OpenDataChannel", "arn:aws:ssm:*:*:session/${aws:userid}-*", true),
            ("dynamodb:DescribeEndpoints", "arn:aws:dynamodb:*:*:table/orders", true),
            ("dynamodb:DescribeEndpoints", "arn:aws:sqs:*:*:orders", false),
            ("ec2:DescribeInstances", "arn:aws:ec2:*:*:instance/i-1", false),
            ("ec2:DescribeInstances", "*", true),
        ] {
            assert_eq!(bearing.takes(action, resource), expected, "{action} {resource}");
        }
    }

    #[test]
    fn the_data_is_read_and_its_services_are_known() {
        let data: Data = toml::from_str(ALL_OR_NOTHING).unwrap();
        let catalog = Catalog::embedded();
        assert!(data.service.iter().all(|one| catalog.service(&one.prefix).is_some()));
        for one in &data.asked {
            assert!(catalog.service(&one.on).is_some(), "{}", one.on);
            assert!(one.actions.iter().all(|action| catalog.action(action).is_some()), "{one:?}");
        }
    }

    #[test]
    fn most_services_are_known() {
        let catalog = Catalog::embedded();
        let bearing = Bearing::of(catalog);
        assert!(bearing.on.len() * 10 > catalog.services().count() * 9, "{}", bearing.on.len());
    }
}
