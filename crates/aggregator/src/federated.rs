//! Roles that many people act in, each of whom is to reach what is its own.
//!
//! The log shows what all of them did, and a policy of a role allows each of them what any did. Who is
//! such a role is AWS's word: records of a session say by which provider of web identities it was begun,
//! and which identity it is of. Whether the ids in what a call names were the caller's own is found out
//! here, where both stand side by side; no id is kept. Providers are data: `data/federated.toml`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::Finder;
use serde::Deserialize;
use trailtrim_catalog::Catalog;
use trailtrim_ingest::{Json, Record};

use crate::activity::{Own, Principal};
use crate::call::{Call, Denial};
use crate::facts::Known;
use crate::identity::{PrincipalKey, object_of, text_of};
use crate::outcome::Outcome;
use crate::told;
use crate::usage::Usage;
use crate::workload::Attribution;

const DATA: &str = include_str!("../data/federated.toml");

/// The paths of the parts that name the role and its provider, and say what its record shows. No extraction list has
/// them, so that no text out of a log stands there.
const WHO: &str = "federated";
const PROVIDER: &str = "provider";
const OWN: &str = "own";
const OTHERS: &str = "others";

/// A provider of web identities in whose sessions of one role many people act.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// As records and trust policies call it.
    #[serde(rename = "provider")]
    pub name: String,
    /// Who acts, in words.
    pub who: String,
    /// The context key that has an identity's id.
    pub key: String,
    /// Whether an id is known wherever it stands.
    pub ids: bool,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    federated: Vec<Provider>,
}

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let data: Data = toml::from_str(DATA).expect("data/federated.toml has the shape of `Data`");
    data.federated
});

/// To look for their names.
static NAMES: LazyLock<Vec<Finder<'static>>> =
    LazyLock::new(|| PROVIDERS.iter().map(|one| Finder::new(&one.name)).collect());

/// The data that observing depends on.
pub(crate) fn data() -> &'static str {
    DATA
}

/// Returns the provider of a name, if many people act in its sessions of one role.
pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|one| one.name == name)
}

/// Whose ids stood in what sessions named, as far as calls worked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The caller's own.
    pub own: bool,
    /// Another identity's, or nobody knows whose.
    pub others: bool,
}

/// By which providers the sessions of a role were begun, by their names.
pub type Federated = BTreeMap<String, Named>;

/// Whom a session is of.
#[derive(Debug)]
pub(crate) struct Identity {
    provider: &'static Provider,
    /// What the record has of the identity: its id, and other ids that are nobody's (the pool's).
    id: Option<Box<str>>,
    beside: Vec<Box<str>>,
}

impl Identity {
    /// Reads it out of `userIdentity`, which most sessions do not have it in.
    pub(crate) fn of(json: &Json<'_>) -> Option<Identity> {
        // Nearly none names a provider, however that may be spelled.
        let text = json.text().as_bytes();
        if !NAMES.iter().any(|name| name.find(text).is_some()) && memchr(b'\\', text).is_none() {
            return None;
        }
        let context = object_of(Some(json), "sessionContext")?;
        let web = object_of(Some(&context), "webIdFederationData")?;
        let provider = provider(&text_of(Some(&web), "federatedProvider")?)?;
        let attributes = object_of(Some(&web), "attributes");
        let id = text_of(attributes.as_ref(), &provider.key);
        let all = attributes.iter().flat_map(Json::members);
        let beside = all.filter(|(key, _)| !key.eq_ignore_ascii_case(&provider.key));
        let beside = beside.filter_map(|(_, value)| Some(value.as_text()?.into_owned().into()));
        Some(Identity {
            provider,
            id: id.map(|id| id.into_owned().into()),
            beside: beside.collect(),
        })
    }

    /// Returns the provider's name.
    pub(crate) fn provider(&self) -> &'static str {
        &self.provider.name
    }

    /// Returns whose ids stand in what a record's request names.
    fn named(&self, record: &Record<'_>) -> Named {
        let mut named = Named::default();
        let own = self.id.as_deref();
        let texts = [&record.request_parameters, &record.resources];
        for text in texts.into_iter().flatten().map(Json::text) {
            // Ids have nothing that JSON escapes, and names may have their colon escaped as in a URL.
            let text = match text.contains("%3A") {
                true => Cow::Owned(text.replace("%3A", ":")),
                false => Cow::Borrowed(text),
            };
            match self.provider.ids {
                true => ids(&text).for_each(|id| match Some(id) == own {
                    true => named.own = true,
                    false => named.others |= !self.beside.iter().any(|one| **one == *id),
                }),
                false => named.own |= parts(&text).any(|part| Some(part) == own),
            }
        }
        named
    }

    /// Returns what is kept of a record of a session of a role. Whether it worked is asked when reading.
    pub(crate) fn told<'r>(&'r self, record: &'r Record<'_>, arn: &'r str) -> Call<'r> {
        let Named { own, others } = self.named(record);
        let flags = [(OWN, own), (OTHERS, others)];
        let shown = flags.into_iter().filter(|(_, shown)| *shown);
        let provider = Cow::Borrowed(self.provider.name.as_str());
        let mut parts =
            vec![(Cow::Borrowed(WHO), Cow::Borrowed(arn)), (Cow::Borrowed(PROVIDER), provider)];
        parts.extend(shown.map(|(path, _)| (Cow::Borrowed(path), Cow::Borrowed("true"))));
        let (error_code, denial) = told::error(record);
        let denial = denial.map(|denial| Denial { resource: None, ..denial });
        let mut call = Call { error_code, denial, ..told::head(record, parts) };
        call.canonicalise();
        call
    }
}

/// Tells whether a call is what was kept of a record for whom its session is of.
pub(crate) fn is_told(call: &Call<'_>) -> bool {
    call.parts.iter().any(|(path, _)| path == WHO)
}

/// Returns the parts of the names in a text of JSON.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(['/', '"', '\\', ','])
}

/// Returns the ids of identities in a resource, or any text, that consist of a region and a UUID.
pub fn ids(text: &str) -> impl Iterator<Item = &str> {
    parts(text).flat_map(|part| {
        part.match_indices(':').filter_map(move |(colon, _)| {
            let region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let before = part.get(..colon)?;
            let start = before.trim_end_matches(region).len();
            let id = part.get(start..colon + 1 + UUID)?;
            is_identity(id).then_some(id)
        })
    })
}

/// The length of a UUID.
const UUID: usize = 36;

/// Tells whether a part of a name is an identity's id: a region and a UUID.
fn is_identity(part: &str) -> bool {
    let Some((region, id)) = part.split_once(':') else { return false };
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    let named = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    region.split('-').count() > 2
        && region.bytes().all(named)
        && lengths == [8, 4, 4, 4, 12]
        && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Notes of what worked on things of one identity whose it was, where it is sure that nobody reached the things
/// of another: all sessions are of one provider, and AWS says so of each.
pub(crate) fn mark_own(principal: &mut Principal) {
    // Of a session that is not said to be anyone's nobody knows whose ids it named.
    if principal.workloads.keys().any(|one| one.attribution != Attribution::Provider) {
        principal.federated.values_mut().for_each(|named| named.others |= named.own);
    }
    let mut providers = principal.federated.iter();
    let (Some((name, named)), None) = (providers.next(), providers.next()) else { return };
    let Some(provider) = provider(name).filter(|one| one.ids) else { return };
    if !named.own || named.others {
        return;
    }
    let worked = principal.rows.iter_mut().filter(|(key, _)| key.outcome.grants());
    for (key, row) in worked {
        let ids: BTreeSet<&str> = ids(&key.resource).collect();
        if let Some(id) = ids.first().filter(|_| ids.len() == 1) {
            row.own = Some(Box::new(Own { key: &provider.key, id: (*id).to_owned() }));
        }
    }
}

/// Returns the roles whose sessions were begun by such providers, by ARN.
pub(crate) fn federated(
    usage: &Usage,
    facts: &Known<'_>,
    catalog: Catalog,
) -> BTreeMap<String, Federated> {
    let mut all: BTreeMap<String, Federated> = BTreeMap::new();
    let part = |call: &Call<'_>, wanted: &str| {
        let mut parts = call.parts.iter();
        parts.find_map(|(path, value)| (path == wanted).then(|| value.clone().into_owned()))
    };
    for (call, _) in usage.lessons.framed(move |frame| part(frame, WHO).is_some()) {
        let Some((arn, provider)) = part(&call, WHO).zip(part(&call, PROVIDER)) else { continue };
        let (arn, _) = facts.principal_arn(&PrincipalKey { arn: arn.into(), id: None });
        let of = all.entry(arn).or_default();
        let named = of.entry(provider).or_default();
        let worked = Outcome::of(&call, catalog).grants();
        named.own |= worked && part(&call, OWN).is_some();
        named.others |= worked && part(&call, OTHERS).is_some();
    }
    all
}

#[cfg(test)]
mod tests {
    use trailtrim_ingest::Provenance;

    use super::*;
    use crate::observe::Observer;
    use crate::scope::Scope;

    const OWN_ID: &str = "eu-west-1:3fad229d-b8f4-4d58-a757-fe7832a6d92e";
    const OTHER_ID: &str = "eu-west-1:0bacbe42-b8f4-4d58-a757-fe7832a6d92e";
    const POOL: &str = "eu-west-1:11112222-b8f4-4d58-a757-fe7832a6d92e";
    const ROLE: &str = "arn:aws:iam::111122223333:role/app/guest";

    fn record(web: &str, rest: &str) -> String {
        format!(
            r#"{{"userIdentity":{{"type":"AssumedRole","accountId":"111122223333","principalId":"AROAX:CognitoIdentityCredentials",
            "arn":"arn:aws:sts::111122223333:assumed-role/guest/CognitoIdentityCredentials",
            "sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAX","arn":"{ROLE}"}},"webIdFederationData":{web}}}}},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1",
            "eventType":"AwsApiCall","eventID":"e","recipientAccountId":"111122223333"{rest}}}"#
        )
    }

    fn resolved(records: &[String]) -> Vec<Principal> {
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in records {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(text).unwrap());
        }
        let activity = crate::resolve::resolve(&observer.into_usage(), Catalog::embedded());
        assert!(activity.signed_in.is_empty() && activity.assumed.is_empty());
        activity.principals
    }

    fn read(web: &str, rest: &str) -> BTreeMap<String, Federated> {
        let all = resolved(&[record(web, rest)]);
        let of = all.into_iter().map(|one| (one.arn, one.federated));
        of.filter(|(_, federated)| !federated.is_empty()).collect()
    }

    fn cognito() -> String {
        let name = "cognito-identity.amazonaws.com";
        format!(
            r#"{{"federatedProvider":"{name}","attributes":{{"{name}:sub":"{OWN_ID}","{name}:aud":"{POOL}","{name}:amr":"[\"authenticated\"]"}}}}"#
        )
    }

    #[test]
    fn who_acts_in_a_role_and_on_whose_things_is_told_by_its_sessions() {
        for (rest, own, others) in [
            (String::new(), false, false),
            (
                format!(
                    r#","requestParameters":{{"bucketName":"b","key":"private/{OWN_ID}/a.jpg"}}"#
                ),
                true,
                false,
            ),
            (
                format!(
                    r#","requestParameters":{{"bucketName":"b","key":"private/{OTHER_ID}/a.jpg"}}"#
                ),
                false,
                true,
            ),
            (
                format!(r#","resources":[{{"ARN":"arn:aws:s3:::b/{OWN_ID}/{OTHER_ID}"}}]"#),
                true,
                true,
            ),
            (
                format!(r#","requestParameters":{{"key":"{}"}}"#, OWN_ID.replace(':', "%3A")),
                true,
                false,
            ),
            // The pool's id is nobody's, and what was refused shows nothing.
            (format!(r#","requestParameters":{{"identityPoolId":"{POOL}"}}"#), false, false),
            (
                format!(
                    r#","errorCode":"AccessDenied","requestParameters":{{"key":"{OTHER_ID}"}}"#
                ),
                false,
                false,
            ),
            (
                format!(r#","errorCode":"NoSuchKey","requestParameters":{{"key":"{OTHER_ID}"}}"#),
                false,
                true,
            ),
        ] {
            let all = read(&cognito(), &rest);
            let of = all.get(ROLE).unwrap_or_else(|| panic!("{rest}: {all:?}"));
            let named = Named { own, others };
            assert_eq!(
                of,
                &BTreeMap::from([("cognito-identity.amazonaws.com".to_owned(), named)]),
                "{rest}"
            );
        }
    }

    #[test]
    fn whose_an_id_is_nobody_knows_where_the_record_does_not_have_the_callers() {
        let web = r#"{"federatedProvider":"cognito-identity.amazonaws.com","attributes":{}}"#;
        let all = read(web, &format!(r#","requestParameters":{{"key":"{OWN_ID}"}}"#));
        let named = all.get(ROLE).and_then(|of| of.get("cognito-identity.amazonaws.com"));
        assert_eq!(named, Some(&Named { own: false, others: true }));
    }

    #[test]
    fn an_id_is_the_callers_own_only_where_every_session_says_who_it_is_of() {
        let key = |id: &str| {
            format!(r#","requestParameters":{{"bucketName":"b","key":"private/{id}/a.jpg"}}"#)
        };
        let own = |records: &[String]| {
            let all = resolved(records);
            let [one] = all.as_slice() else { panic!("{all:?}") };
            one.rows.values().filter(|row| row.own.is_some()).count()
        };
        let of_caller = record(&cognito(), &key(OWN_ID));
        assert_eq!(own(std::slice::from_ref(&of_caller)), 1);
        // Somebody who may assume the role as well, under whatever name.
        for web in ["{}", r#"{"federatedProvider":"www.amazon.com","attributes":{}}"#] {
            assert_eq!(own(&[of_caller.clone(), record(web, &key(OTHER_ID))]), 0, "{web}");
        }
        // Whatever stands before the id.
        let odd = record(&cognito(), &key(&format!("é{OTHER_ID}")));
        assert_eq!(own(&[of_caller, odd]), 0);
    }

    #[test]
    fn a_session_is_of_many_people_by_its_provider_alone() {
        // Not by its name, which anyone may choose, and not of a cluster's workload.
        let cluster =
            "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A";
        for web in ["{}", &format!(r#"{{"federatedProvider":"{cluster}","attributes":{{}}}}"#)] {
            assert_eq!(read(web, ""), BTreeMap::new(), "{web}");
        }
        // Exports may have names in lower case.
        let lower = cognito().replace("federatedProvider", "federatedprovider");
        assert!(read(&lower, "").contains_key(ROLE));
    }

    #[test]
    fn people_of_other_providers_have_ids_of_any_form() {
        let web = r#"{"federatedProvider":"www.amazon.com","attributes":{"www.amazon.com:user_id":"amzn1.account.X","www.amazon.com:app_id":"app"}}"#;
        let all =
            read(web, r#","requestParameters":{"bucketName":"b","key":"users/amzn1.account.X/a"}"#);
        let named = all.get(ROLE).and_then(|of| of.get("www.amazon.com"));
        assert_eq!(named, Some(&Named { own: true, others: false }));
    }
}
