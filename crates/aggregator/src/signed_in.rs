//! Who signed in, or was seen in another record that is no API call.
//!
//! Such a record grants nothing. But whoever signs in to the console is in use, whether or not the log
//! shows what it then did: so the principal that the record says acted is kept, in a call of its own
//! among those that teach, and asked for where nothing else was recorded of somebody. What failed shows
//! nothing, as anybody may try to sign in by a user's name. Whose calls the user keeps out as foreign
//! evidence is kept in the same way, and none of what it did: it was recorded, so it is in use.

use std::borrow::Cow;
use std::collections::BTreeMap;

use trailtrim_ingest::Record;

use crate::call::Call;
use crate::facts::Known;
use crate::identity::PrincipalKey;
use crate::stats::{Join as _, Stats};
use crate::told;
use crate::usage::{OtherKind, Usage};

/// The path of the part that names who signed in. No extraction list has it, so that no text out of a
/// log stands there.
const WHO: &str = "caller";

/// The path of the part that has the unique id.
const ID: &str = "caller.id";

/// The name, of no event, under which one is kept whose calls the user keeps out.
const KEPT_OUT: &str = "KeptOut";

/// When each principal signed in, by its ARN.
pub type SignIns = BTreeMap<String, Stats>;

/// Returns what is kept of a record that is no API call of this principal, or that the user keeps out.
pub(crate) fn sign_in<'r>(
    record: &'r Record<'_>,
    kind: OtherKind,
    key: &'r PrincipalKey,
) -> Option<Call<'r>> {
    let kept_out = kind == OtherKind::Excluded;
    let shows = match kind {
        OtherKind::NotAnApiCall | OtherKind::NetworkActivity => !told::failed(record),
        OtherKind::Excluded => true,
        OtherKind::Aggregated | OtherKind::NoTime => false,
    };
    if !shows {
        return None;
    }
    let who = (Cow::Borrowed(WHO), Cow::Borrowed(&*key.arn));
    let id = key.id.as_deref().map(|id| (Cow::Borrowed(ID), Cow::Borrowed(id)));
    let mut call = told::head(record, [who].into_iter().chain(id).collect());
    if kept_out {
        // What it did is foreign evidence, and teaches nothing.
        call.event_source = Cow::Borrowed("");
        call.event_name = Cow::Borrowed(KEPT_OUT);
    }
    Some(call)
}

fn is_kept_out(call: &Call<'_>) -> bool {
    call.event_source.is_empty() && call.event_name == KEPT_OUT
}

/// Returns who signed in or is kept out, by what the records say, with when.
pub(crate) fn seen(usage: &Usage) -> impl Iterator<Item = (PrincipalKey, &Stats)> {
    all(usage).map(|(key, stats, _)| (key, stats))
}

/// Returns the same, each with whether it is kept out.
fn all(usage: &Usage) -> impl Iterator<Item = (PrincipalKey, &Stats, bool)> {
    let part = |call: &Call<'_>, wanted: &str| {
        let mut parts = call.parts.iter();
        parts.find_map(|(path, text)| (path == wanted).then(|| text.clone().into_owned()))
    };
    let calls = usage.lessons.framed(move |frame| part(frame, WHO).is_some());
    calls.filter_map(move |(call, stats)| {
        let (arn, id) = (part(&call, WHO)?.into(), part(&call, ID).map(Into::into));
        Some((PrincipalKey { arn, id }, stats, is_kept_out(&call)))
    })
}

/// Returns who signed in, and whose calls are kept out.
pub(crate) fn sign_ins(usage: &Usage, facts: &Known<'_>) -> (SignIns, SignIns) {
    let (mut signed_in, mut kept_out) = (SignIns::new(), SignIns::new());
    for (key, stats, is_kept_out) in all(usage) {
        let into = if is_kept_out { &mut kept_out } else { &mut signed_in };
        // Of a session without its issuer only the name of the role is known.
        let (arn, _) = facts.principal_arn(&key);
        into.entry(arn).or_default().join(stats.clone());
    }
    (signed_in, kept_out)
}

#[cfg(test)]
mod tests {
    use trailtrim_catalog::Catalog;
    use trailtrim_ingest::Provenance;

    use super::*;
    use crate::observe::Observer;
    use crate::scope::Scope;

    #[test]
    fn who_signed_in_is_kept_and_who_failed_is_not() {
        let login = |user: &str, rest: &str| {
            format!(
                r#"{{"userIdentity":{{"type":"IAMUser","accountId":"111122223333","userName":"{user}","arn":"arn:aws:iam::111122223333:user/{user}"}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1",
                "eventType":"AwsConsoleSignIn","eventID":"{user}","recipientAccountId":"111122223333",{rest}}}"#
            )
        };
        let records = [
            login("jo", r#""responseElements":{"ConsoleLogin":"Success"}"#),
            login(
                "al",
                r#""errorMessage":"Failed authentication","responseElements":{"ConsoleLogin":"Failure"}"#,
            ),
        ];
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in &records {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(text).unwrap());
        }
        let usage = observer.into_usage();
        assert!(usage.principals.is_empty());
        let activity = crate::resolve::resolve(&usage, Catalog::embedded());
        let found: Vec<_> = activity.signed_in.into_keys().collect();
        assert_eq!(found, ["arn:aws:iam::111122223333:user/jo"]);
    }

    #[test]
    fn whose_calls_are_kept_out_is_kept_and_not_what_they_did() {
        let call = |session: &str, error: &str| {
            format!(
                r#"{{"userIdentity":{{"type":"AssumedRole","accountId":"111122223333","principalId":"AROAEXAMPLE:{session}",
                "arn":"arn:aws:sts::111122223333:assumed-role/app/{session}","sessionContext":{{"sessionIssuer":{{"type":"Role",
                "principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/app"}}}}}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"iam.amazonaws.com","eventName":"CreateRole","awsRegion":"us-east-1",
                "requestParameters":{{"roleName":"other"}},"responseElements":{{"role":{{"arn":"arn:aws:iam::111122223333:role/x/other"}}}},
                "eventType":"AwsApiCall","eventID":"{session}","recipientAccountId":"111122223333"{error}}}"#
            )
        };
        let scope = Scope {
            excluded: crate::scope::Excluded {
                sessions: ["foreign*".to_owned()].into(),
                ..Default::default()
            },
            ..Scope::default()
        };
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in [call("foreign", ""), call("foreign-2", r#","errorCode":"AccessDenied""#)] {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
        }
        let activity = crate::resolve::resolve(&observer.into_usage(), Catalog::embedded());
        assert!(activity.principals.is_empty() && activity.signed_in.is_empty());
        let found: Vec<_> = activity
            .excluded
            .iter()
            .map(|(arn, stats)| (arn.as_str(), stats.calls().value))
            .collect();
        assert_eq!(found, [("arn:aws:iam::111122223333:role/app", 2)]);
    }
}
