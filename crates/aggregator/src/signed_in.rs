//! Who signed in, or was seen in another record that is no API call.
//!
//! Such a record grants nothing. But whoever signs in to the console is in use, whether or not the log
//! shows what it then did: so the principal that the record says acted is kept, in a call of its own
//! among those that teach, and asked for where nothing else was recorded of somebody. What failed shows
//! nothing, as anybody may try to sign in by a user's name. Whose calls the user keeps out as foreign
//! evidence is kept in the same way, and none of what it did: it was recorded, so it is in use.
//!
//! A console's own calls are recorded like that as well (`AwsConsoleAction`), under the names of events. That
//! proves no permission, and is no sign that what goes by these names is unused: it counts as tried.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::{Catalog, Kind, Origin};
use trailtrim_ingest::Record;

use crate::activity::{Principal, Row, RowKey, Unmapped};
use crate::call::Call;
use crate::facts::Known;
use crate::identity::{Outsider, PrincipalKey, Reason};
use crate::needed::may_be_of;
use crate::outcome::Outcome;
use crate::stats::{Join as _, Stats};
use crate::told;
use crate::usage::{OtherKind, Usage};

/// The path of the part that names who signed in. No extraction list has it, so that no text out of a
/// log stands there.
const WHO: &str = "caller";

/// The path of the part that has the unique id.
const ID: &str = "caller.id";

/// The path of the part that tells what an endpoint saw.
const ENDPOINT: &str = "caller.endpoint";

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
    let seen_there = kind == OtherKind::NetworkActivity;
    let endpoint = seen_there.then_some((Cow::Borrowed(ENDPOINT), Cow::Borrowed("present")));
    let mut call = told::head(record, [who].into_iter().chain(id).chain(endpoint).collect());
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
    all(usage).map(|one| (one.key, one.stats))
}

/// One call of those that are kept.
struct Kept<'u> {
    key: PrincipalKey,
    call: Call<'u>,
    stats: &'u Stats,
}

impl Kept<'_> {
    fn is_kept_out(&self) -> bool {
        is_kept_out(&self.call)
    }

    /// Tells whether it counts as tried. What an endpoint saw is beside a call, which is recorded by itself.
    fn is_tried(&self) -> bool {
        !self.is_kept_out() && !self.call.parts.iter().any(|(path, _)| path == ENDPOINT)
    }
}

/// Returns the same, each with its call.
fn all(usage: &Usage) -> impl Iterator<Item = Kept<'_>> {
    let part = |call: &Call<'_>, wanted: &str| {
        let mut parts = call.parts.iter();
        parts.find_map(|(path, text)| (path == wanted).then(|| text.clone().into_owned()))
    };
    let calls = usage.lessons.framed(move |frame| part(frame, WHO).is_some());
    calls.filter_map(move |(call, stats)| {
        let (arn, id) = (part(&call, WHO)?.into(), part(&call, ID).map(Into::into));
        Some(Kept { key: PrincipalKey { arn, id }, call, stats })
    })
}

/// Returns who signed in, and whose calls are kept out.
pub(crate) fn sign_ins(usage: &Usage, facts: &Known<'_>) -> (SignIns, SignIns) {
    let (mut signed_in, mut kept_out) = (SignIns::new(), SignIns::new());
    for one in all(usage) {
        let into = if one.is_kept_out() { &mut kept_out } else { &mut signed_in };
        // Of a session without its issuer only the name of the role is known.
        let (arn, _) = facts.principal_arn(&one.key);
        into.entry(arn).or_default().join(one.stats.clone());
    }
    (signed_in, kept_out)
}

/// What records that are no API calls name of what each principal tried, by its ARN.
pub(crate) struct Tried<'u>(BTreeMap<String, Vec<Kept<'u>>>);

impl<'u> Tried<'u> {
    /// Gathers it.
    pub(crate) fn of(usage: &'u Usage, facts: &Known<'_>) -> Tried<'u> {
        let mut by_arn: BTreeMap<String, Vec<Kept<'_>>> = BTreeMap::new();
        for one in all(usage).filter(Kept::is_tried) {
            let arn = facts.principal_arn(&one.key).0;
            // What another account alone recorded tells nothing of what is attached in the principal's own.
            let account = arn.split(':').nth(4).unwrap_or_default();
            if one.call.account.is_empty() || one.call.account == account {
                by_arn.entry(arn).or_default().push(one);
            }
        }
        Tried(by_arn)
    }

    /// Adds it to the principals, in the order of their ARNs: to those that made no call as well.
    pub(crate) fn add(
        &self,
        facts: &Known<'_>,
        catalog: Catalog,
        outsiders: &BTreeMap<Outsider, Stats>,
        principals: &mut Vec<Principal>,
    ) {
        let called: BTreeSet<&str> = principals.iter().map(|one| one.arn.as_str()).collect();
        let elsewhere = |arn: &str| Outsider { reason: Reason::OtherAccount, identity: arn.into() };
        let mut others: Vec<Principal> = Vec::new();
        for (arn, all) in &self.0 {
            // Of one whose calls others alone recorded, what it did is not known.
            if called.contains(arn.as_str()) || outsiders.contains_key(&elsewhere(arn)) {
                continue;
            }
            let Some(mut one) = Principal::new(arn) else { continue };
            one.ids =
                all.iter().filter_map(|kept| kept.key.id.as_deref().map(str::to_owned)).collect();
            one.path_known = all.iter().all(|kept| facts.principal_arn(&kept.key).1);
            others.push(one);
        }
        for one in principals.iter_mut().chain(&mut others) {
            for kept in self.0.get(&one.arn).into_iter().flatten() {
                one.tried(&kept.call, kept.stats, catalog);
            }
        }
        // Whoever only signed in tried nothing.
        others.retain(|one| !one.rows.is_empty() || !one.unmapped.is_empty());
        principals.append(&mut others);
        principals.sort_by(|one, other| one.arn.cmp(&other.arn));
    }
}

impl Principal {
    /// Takes up a record that is no API call, under the name of an event: of what it was on nothing is kept.
    fn tried(&mut self, call: &Call<'_>, stats: &Stats, catalog: Catalog) {
        let operation = catalog.operation(&call.event_source, &call.event_name);
        let kind = match operation.kind() {
            Kind::Mapped => None,
            Kind::NoPermission | Kind::NotAnApiCall => return,
            Kind::Unverified => Some(Unmapped::Unverified),
            _ => Some(Unmapped::Unknown),
        };
        if let Some(kind) = kind {
            let why = "recorded as no API call, and the catalog does not know what it needs";
            let services = may_be_of(call, &operation, catalog);
            let what = (kind, None, why.to_owned());
            return self.lose(call, Outcome::Unknown, stats, what, services);
        }
        for action in operation.actions() {
            let key = RowKey {
                action: action.to_owned(),
                resource: "*".to_owned(),
                conditions: Vec::new(),
                outcome: Outcome::Unknown,
            };
            let origin = Origin::Widened {
                from: call.event_name.to_string(),
                why: "recorded as no API call, which tells of no resources".to_owned(),
            };
            let row = Row {
                certain: operation.always_needs(action),
                origins: [origin].into_iter().collect(),
                ..Row::of(call, Outcome::Unknown, stats)
            };
            self.rows.entry(key).or_default().join(row);
        }
    }
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
    fn what_a_console_did_counts_as_tried() {
        let record = |source: &str, name: &str, kind: &str, id: &str| {
            format!(
                r#"{{"userIdentity":{{"type":"IAMUser","accountId":"111122223333","userName":"jo","arn":"arn:aws:iam::111122223333:user/jo"}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1",
                "eventType":"{kind}","eventID":"{id}","recipientAccountId":"111122223333"}}"#
            )
        };
        let console = "AwsConsoleAction";
        let records = [
            record("sts", "GetCallerIdentity", "AwsApiCall", "1"),
            record("signin", "ConsoleLogin", "AwsConsoleSignIn", "2"),
            record("taxconsole", "GetTaxRegistration", console, "3"),
            record("taxconsole", "GetWhatNobodyKnows", console, "4"),
            record("data-sqs", "GetThing", console, "5"),
            // Of one who made no call as well, and of one who did nothing.
            record("taxconsole", "GetTaxRegistration", console, "6").replace("jo", "ann"),
            record("signin", "ConsoleLogin", "AwsConsoleSignIn", "7").replace("jo", "zoe"),
            // What an endpoint saw, and what another account alone recorded, counts for nothing.
            record("taxconsole", "GetTaxRegistration", "AwsVpceEvent", "8").replace("jo", "net"),
            record("taxconsole", "GetTaxRegistration", console, "9")
                .replace("jo", "ext")
                .replace(r#"Id":"111122223333"}"#, r#"Id":"999988887777"}"#),
        ];
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in &records {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(text).unwrap());
        }
        let activity = crate::resolve::resolve(&observer.into_usage(), Catalog::embedded());
        let [ann, jo] = &activity.principals[..] else { panic!("{activity:#?}") };
        assert!(ann.name == "ann" && ann.unmapped.is_empty() && ann.frozen.is_empty());
        for one in [ann, jo] {
            let keys = one.rows.keys();
            let rows: Vec<_> =
                keys.map(|key| (key.action.as_str(), key.resource.as_str(), key.outcome)).collect();
            assert_eq!(rows, [("tax:GetTaxRegistration", "*", Outcome::Unknown)]);
        }
        // Nobody knows the source; one of its words is a service's prefix.
        assert_eq!(jo.frozen, ["data-sqs", "sqs", "tax"].map(str::to_owned).into());
        let lost = jo.unmapped.keys().filter(|key| key.kind.loses());
        let lost: Vec<_> = lost.map(|key| (key.event_name.as_str(), key.outcome)).collect();
        let expected = ["GetThing", "GetWhatNobodyKnows"].map(|name| (name, Outcome::Unknown));
        assert_eq!(lost, expected);
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
