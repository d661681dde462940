//! Whose permission a call used.

use std::collections::BTreeSet;

use serde_json::Value;

use super::text;

/// Why a record is nobody's permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// The root user, which no identity policy binds.
    Root,
    /// A role that belongs to a service and whose policy nobody can edit.
    ServiceLinkedRole,
    /// A service in its own name.
    Service,
    /// An act of a service without any request: no identity, or no API call.
    ServiceEvent,
    /// A caller from another account, seen from the resource owner's side.
    OtherAccount,
    /// The bearer of a web identity token or SAML assertion, which a trust policy admits.
    Federation,
    /// A sign-in, a console action, a summary: no API call that a policy allows.
    NoCall,
    /// An identity that names no principal.
    Unnamed,
}

/// The answer: a principal's ARN, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The ARN of a role or a user, with its path.
    Principal(String),
    /// Nobody, and who it was.
    Excluded(Excluded, String),
}

/// Returns the ARN of the role whose session made the call, where the record has it.
pub fn role(record: &Value) -> Option<&str> {
    record.pointer("/userIdentity/sessionContext/sessionIssuer/arn").and_then(Value::as_str)
}

/// Returns whose policies were asked.
///
/// `roles` are all roles that are known by their whole ARN: a session that does not name its
/// issuer belongs to the only one of its account and name, or else is taken to have no path.
pub fn principal(record: &Value, roles: &BTreeSet<&str>) -> Who {
    let null = Value::Null;
    let identity = record.get("userIdentity").unwrap_or(&null);
    let issuer = identity.pointer("/sessionContext/sessionIssuer").unwrap_or(&null);
    let shown = [text(identity, "arn"), text(identity, "principalId"), text(identity, "invokedBy")]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or("unnamed")
        .to_owned();
    let excluded = |reason| Who::Excluded(reason, shown.clone());

    match text(record, "eventType") {
        // Before version 1.02 there was none. The Data API has a type of its own for some clusters.
        "AwsApiCall" | "Rds Data Service" | "" => {}
        "AwsServiceEvent" => return excluded(Excluded::ServiceEvent),
        _ => return excluded(Excluded::NoCall),
    }
    if text(record, "eventSource") == "signin.amazonaws.com" {
        return excluded(Excluded::NoCall);
    }
    if !matches!(text(record, "eventCategory"), "" | "Management" | "Data") {
        return excluded(Excluded::NoCall);
    }
    let arn = match text(identity, "type") {
        "IAMUser" | "Role" => text(identity, "arn"),
        "AssumedRole" if text(issuer, "arn").is_empty() => text(identity, "arn"),
        "AssumedRole" => text(issuer, "arn"),
        "FederatedUser" if text(issuer, "type") == "Root" => return excluded(Excluded::Root),
        "FederatedUser" => text(issuer, "arn"),
        "Root" => return excluded(Excluded::Root),
        "AWSService" => return excluded(Excluded::Service),
        "AWSAccount" => return excluded(Excluded::OtherAccount),
        "SAMLUser" | "WebIdentityUser" => return excluded(Excluded::Federation),
        "" => return excluded(Excluded::ServiceEvent),
        _ => return excluded(Excluded::Unnamed),
    };
    // Whatever its type says, a session's ARN is no principal's.
    let of_session = role_of_session(arn, roles);
    let arn = of_session.as_deref().unwrap_or(arn);
    let Some((account, resource)) = iam(arn) else {
        return excluded(Excluded::Unnamed);
    };
    if resource.starts_with("role/aws-service-role/")
        || resource.starts_with("role/AWSServiceRoleFor")
    {
        return excluded(Excluded::ServiceLinkedRole);
    }
    if resource.starts_with("role/aws:") {
        return excluded(Excluded::Service);
    }
    let is_named = ["role/", "user/"].iter().any(|kind| resource.starts_with(kind));
    if account.is_empty() || !is_named {
        return excluded(Excluded::Unnamed);
    }
    Who::Principal(arn.to_owned())
}

fn role_of_session(arn: &str, roles: &BTreeSet<&str>) -> Option<String> {
    let (head, tail) = arn.split_once(":assumed-role/")?;
    let name = tail.split('/').next()?;
    let account = head.rsplit(':').next()?;
    let known: Vec<_> = roles
        .iter()
        .filter(|role| {
            iam(role).is_some_and(|(owner, resource)| {
                owner == account && resource.rsplit('/').next() == Some(name)
            })
        })
        .collect();
    match known.as_slice() {
        [role] => Some((**role).to_owned()),
        _ => {
            let partition = head.split(':').nth(1)?;
            Some(format!("arn:{partition}:iam::{account}:role/{name}"))
        }
    }
}

/// Returns the account of an IAM ARN.
pub fn account(arn: &str) -> Option<&str> {
    iam(arn).map(|(account, _)| account)
}

/// Takes an IAM ARN apart: account and resource.
fn iam(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    (scheme == "arn" && service == "iam").then_some((account, resource))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trail::fixture;

    #[test]
    fn what_the_generator_meant_is_what_the_reference_reads() {
        for event in fixture::events() {
            let mut line = String::new();
            event.write(&mut line);
            let record: Value = serde_json::from_str(&line).unwrap();
            match (principal(&record, &BTreeSet::new()), event.who.principal()) {
                (Who::Principal(read), Some(meant)) => assert_eq!(read, meant),
                (Who::Excluded(..), None) => {}
                (read, meant) => panic!("read {read:?}, meant {meant:?}: {line}"),
            }
        }
    }

    #[test]
    fn a_role_keeps_the_path_that_its_session_has_lost() {
        let record = json!({"userIdentity": {
            "type": "AssumedRole",
            "arn": "arn:aws:sts::111122223333:assumed-role/orders/x",
            "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/a/orders"}}
        }});
        assert_eq!(
            principal(&record, &BTreeSet::new()),
            Who::Principal("arn:aws:iam::111122223333:role/a/orders".into())
        );
    }
}
