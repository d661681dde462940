//! What the message of an authorization failure says.
//!
//! The action in it is IAM's own name for what was missing, often not the name
//! of the call, and the only place where CloudTrail mentions permissions such as
//! `iam:PassRole`. Messages differ between services and years, are cut at 1 KB,
//! and may hold anything the caller put into a name: this looks for anchors and
//! takes nothing for granted.
//!
//! Source: IAM user guide, "Troubleshoot access denied error messages".

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;

use crate::call::Denial;

/// What all messages of refusals have.
const VERB: &str = "not authorized to perform:";
const RESOURCE: &str = " on resource: ";
/// With `in a …` behind it where the message names the kind of policy, which older ones do not.
const EXPLICIT: &str = "with an explicit deny";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    kind: String,
    says: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    kind: String,
    begins: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Vec<Policy>,
    service: Vec<Service>,
}

/// The kinds of policy a message can blame, each with the texts that name it, and messages that blame
/// a service's own grants.
static FILE: LazyLock<File> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: File = toml::from_str(data()).expect("data/denials.toml has the shape of `File`");
    file
});

// Setting up a search of texts costs more than most searches.
static VERBS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(VERB));
static BLAMES: LazyLock<Vec<(Finder<'static>, &'static str)>> = LazyLock::new(|| {
    let said = |policy: &'static Policy| {
        policy.says.iter().map(|text| (Finder::new(text), policy.kind.as_str()))
    };
    FILE.policy.iter().flat_map(said).collect()
});

/// Returns the data that messages are read by.
pub(crate) fn data() -> &'static str {
    include_str!("../data/denials.toml")
}

/// Reads a message; `None` if it speaks of no authorization.
pub(crate) fn parse(message: &str) -> Option<Denial<'_>> {
    let begins = |service: &&Service| service.begins.iter().any(|text| message.starts_with(text));
    if let Some(service) = FILE.service.iter().find(begins) {
        let policy = Some(Cow::Borrowed(service.kind.as_str()));
        return Some(Denial { action: None, resource: None, policy, explicit: false });
    }
    // Only the verb is certain where a line was wrapped; one with a space behind it counts before others.
    let ends = || VERBS.find_iter(message.as_bytes()).map(|at| at + VERB.len());
    let spaced = |end: &usize| message.as_bytes().get(*end) == Some(&b' ');
    let end = ends().find(spaced).or_else(|| ends().next())?;
    let after = message.get(end..).unwrap_or_default().trim_start();
    let end = after.find(char::is_whitespace).unwrap_or(after.len());
    let (action, mut rest) = after.split_at(end);
    let action = action.trim_end_matches(['.', ',', '"', '\'']).trim_start_matches(['"', '\'']);
    let action = action.contains(':').then_some(Cow::Borrowed(action));

    let mut resource = None;
    if let Some(tail) = rest.strip_prefix(RESOURCE) {
        // A quoted name ends at its quote, whatever it holds.
        let quoted = tail.strip_prefix('"').and_then(|name| name.find('"')).map(|end| end + 2);
        let end = quoted.unwrap_or_else(|| {
            [" because ", " with an explicit deny"]
                .iter()
                .filter_map(|anchor| tail.find(anchor))
                .min()
                .unwrap_or_else(|| tail.strip_suffix(" because").unwrap_or(tail).len())
        });
        let (named, reason) = tail.split_at(end);
        let named = named.trim().trim_end_matches('.').trim_matches('"');
        resource = (!named.is_empty()).then_some(Cow::Borrowed(named));
        rest = reason;
    }
    let explicit = rest.contains(EXPLICIT);
    // The reason begins at its anchor: a name in the resource cannot pose as one.
    let anchors = [EXPLICIT, "because no ", "because the resource does not exist "];
    let reason = match anchors.iter().find_map(|anchor| rest.find(anchor)) {
        Some(start) => rest.get(start..).unwrap_or_default(),
        None => "",
    };
    let policy = BLAMES
        .iter()
        .filter_map(|(text, kind)| Some((text.find(reason.as_bytes())?, *kind)))
        // The earliest mention; at one place, the order of the data decides.
        .min_by_key(|(at, _)| *at)
        .map(|(_, kind)| Cow::Borrowed(kind));
    Some(Denial { action, resource, policy, explicit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> (Option<String>, Option<String>, Option<String>, bool) {
        let denial = parse(message).unwrap();
        let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        (own(denial.action), own(denial.resource), own(denial.policy), denial.explicit)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_usual_message() {
        assert_eq!(
            read(
                "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/x because no identity-based policy allows the iam:PassRole action"
            ),
            (
                some("iam:PassRole"),
                some("arn:aws:iam::111122223333:role/x"),
                some("identity-based"),
                false
            )
        );
    }

    #[test]
    fn what_is_missing_or_closed_is_told_from_an_unnamed_policy() {
        let message = "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: kms:Decrypt on resource: the resource associated with this ciphertext because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access";
        let (action, resource, policy, explicit) = read(message);
        assert_eq!(action, some("kms:Decrypt"));
        assert_eq!(resource, some("the resource associated with this ciphertext"));
        assert_eq!((policy, explicit), (some("missing-or-resource-based"), false));
    }

    #[test]
    fn a_services_own_grants_are_told_from_policies() {
        let message = "Insufficient Lake Formation permission(s): Required Describe on orders";
        assert_eq!(read(message), (None, None, some("lake-formation"), false));
        // What a caller wrote stands further on.
        let posing = "User: arn:aws:iam::1:user/u is not authorized to perform: glue:GetTable on resource: Insufficient Lake Formation permission";
        assert_eq!(read(posing).2, None);
    }

    #[test]
    fn an_explicit_deny_names_its_policy() {
        assert_eq!(
            read(
                "You are not authorized to perform this operation. User: arn:aws:iam::1:user/u is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:1:instance/* with an explicit deny in a service control policy: arn:aws:organizations::2:policy/o-1/service_control_policy/p-1. Encoded authorization failure message: AAAA"
            ),
            (
                some("ec2:RunInstances"),
                some("arn:aws:ec2:us-east-1:1:instance/*"),
                some("service-control"),
                true
            )
        );
    }

    #[test]
    fn an_explicit_deny_may_name_no_kind_of_policy() {
        let begins = "User: arn:aws:iam::1:user/u is not authorized to perform: sqs:CreateQueue";
        let (action, queue) = (some("sqs:CreateQueue"), some("arn:aws:sqs:eu-west-1:1:q"));
        assert_eq!(
            read(&format!("{begins} on resource: arn:aws:sqs:eu-west-1:1:q with an explicit deny")),
            (action.clone(), queue, None, true)
        );
        assert_eq!(read(&format!("{begins} with an explicit deny")), (action, None, None, true));
    }

    #[test]
    fn quotes_missing_tails_and_wrapped_lines() {
        assert_eq!(
            read(
                "User: arn:aws:iam::1:user/u is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::b\" because no identity-based policy allows the s3:ListBucket action"
            ),
            (some("s3:ListBucket"), some("arn:aws:s3:::b"), some("identity-based"), false)
        );
        assert_eq!(
            read(
                "User: arn:aws:iam::1:user/u is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/x"
            ),
            (some("sts:AssumeRole"), some("arn:aws:iam::2:role/x"), None, false)
        );
        assert_eq!(
            read("User: x is not authorized to perform:\n  SNS:Publish"),
            (some("SNS:Publish"), None, None, false)
        );
    }

    #[test]
    fn a_name_in_the_resource_cannot_pose_as_the_reason() {
        assert_eq!(
            read(
                "User: u is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::b/ with an explicit deny in a service control policy\""
            ),
            (
                some("s3:PutObject"),
                some("arn:aws:s3:::b/ with an explicit deny in a service control policy"),
                None,
                false
            )
        );
    }

    #[test]
    fn other_messages_are_not_denials() {
        assert!(parse("Access Denied").is_none());
        assert!(parse("You are not authorized to perform this operation. Encoded authorization failure message: AAAA").is_none());
        assert!(parse("").is_none());
    }
}
