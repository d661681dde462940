//! From a record to usage: a pure function of one record, joined.
//!
//! Nothing here looks at a second record. Whatever needs two (which copy of a
//! shared event to believe, the role behind an instance profile) is kept as it
//! is and decided when reading.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use trailtrim_catalog::Catalog;
use trailtrim_ingest::{Json, Label, Provenance, Record};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::assumed::names_role;
use crate::callers::{Called, Callers};
use crate::context::{Contexts, Texts};
use crate::coverage::Seen;
use crate::extract::{Extractor, Spelling};
use crate::filed::Filing;
use crate::history;
use crate::identity::Caller;
use crate::listed;
use crate::recent::{Entry, Recent};
use crate::record_kind::other_kind;
use crate::scope::Scope;
use crate::shards::{SHARDS, Shards};
use crate::signed_in::sign_in;
use crate::stats::{EventKey, Join, Origin, Stats};
use crate::told::Told;
use crate::trie::{NAME_QUOTA, Quota};
use crate::usage::{OtherEvent, OtherKind, Usage};
use crate::wanted::Wanted;

/// What is known of an operation while observing.
#[derive(Debug)]
struct Known {
    extractor: Extractor,
    teaches: bool,
    number: usize,
    /// What tells its calls from others' when they are spread.
    seed: usize,
}

/// More than there are; a log may claim any number.
const REGIONS: usize = 64;

/// Where the records of the file at hand are from, so that events share it.
#[derive(Debug, Default)]
struct Origins {
    file: Option<Label>,
    /// Of that file: one for each region, which are few.
    here: Vec<Arc<Origin>>,
    regions: Texts,
}

impl Origins {
    fn of(&mut self, region: &str, file: &Label) -> &Arc<Origin> {
        if !self.file.as_ref().is_some_and(|known| known.is(file)) {
            self.file = Some(file.clone());
            self.here.clear();
        }
        let at = match self.here.iter().position(|origin| *origin.region == *region) {
            Some(at) => at,
            None => {
                if self.here.len() >= REGIONS {
                    self.here.clear();
                }
                let region = self.regions.share(region);
                self.here.push(Arc::new(Origin { region, file: file.clone() }));
                self.here.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found, or just put there")]
        &self.here[at]
    }
}

/// Turns records into usage; one for each thread.
#[derive(Debug)]
pub struct Observer<'s> {
    catalog: Catalog,
    scope: &'s Scope,
    wanted: Option<&'s Wanted>,
    /// All but what is gathered in the shards.
    usage: Usage,
    shards: Shards,
    quota: Quota,
    callers: Callers,
    known: HashMap<Vec<u8>, Known, RandomState>,
    contexts: Contexts,
    origins: Origins,
    seen: Seen,
    recent: Recent,
    name: Vec<u8>,
    key: Vec<u8>,
    spelling: Spelling,
    filing: Filing,
}

impl<'s> Observer<'s> {
    /// Starts with nothing observed, and the usual quota of names.
    pub fn new(catalog: Catalog, scope: &'s Scope) -> Self {
        Observer::with_quota(catalog, scope, Quota::new(NAME_QUOTA))
    }

    /// Starts with nothing observed.
    pub fn with_quota(catalog: Catalog, scope: &'s Scope, quota: Quota) -> Self {
        Observer {
            catalog,
            scope,
            wanted: None,
            usage: Usage { quota, ..Usage::default() },
            shards: Shards::default(),
            quota,
            callers: Callers::default(),
            known: HashMap::default(),
            contexts: Contexts::default(),
            origins: Origins::default(),
            seen: Seen::default(),
            recent: Recent::default(),
            name: Vec::new(),
            key: Vec::new(),
            spelling: Spelling::default(),
            filing: Filing::default(),
        }
    }

    /// Gathers what is most of a usage together with others, in one place: only the last of them, into
    /// which the others were joined, is to be asked for its usage.
    #[must_use]
    pub fn gathering(self, shards: &Shards) -> Self {
        Observer { shards: shards.clone(), ..self }
    }

    /// Takes up nothing but calls of some principals. What is observed then is theirs alone: it tells
    /// nothing of coverage, and is no usage to keep.
    #[must_use]
    pub fn only(self, wanted: &'s Wanted) -> Self {
        Observer { wanted: Some(wanted), ..self }
    }

    /// Takes up one record, found at `at`.
    pub fn observe(&mut self, at: &Provenance<'_>, record: &Record<'_>) {
        let callers = self.callers.are_many();
        if callers || self.recent.are_many() {
            self.put_away();
        }
        if callers {
            self.callers.forget();
        }
        self.usage.coverage.note(record);
        let event_source = &*record.event_source;
        let event_name = &*record.event_name;
        let region = record.aws_region.as_deref().unwrap_or_default();
        let time = record.time().map(|time| time.timestamp());
        let outside = time.is_some_and(|time| !self.scope.holds_time(time));
        // What changes somebody's policies counts wherever and whenever it is recorded, and whoever made it.
        let is_change = history::is_change(event_source, event_name);
        let elsewhere = outside || !self.scope.holds_region(region);
        if elsewhere && !is_change {
            return;
        }
        let Some(called) = self.callers.identify(record.user_identity.as_ref()) else { return };
        let Called { number, who, wanted, session, federated } = called;
        if let Some(names) = self.wanted {
            let is_wanted = *wanted.get_or_insert_with(|| match &who.caller {
                Caller::Principal(key) => names.wants(key),
                Caller::Outside(_) => false,
            });
            if !is_wanted {
                return;
            }
        }
        let recipient =
            record.recipient_account_id.as_deref().filter(|account| !account.is_empty());
        // By the account it was delivered to, as archives are laid out: so that leaving files closed
        // by their key changes nothing.
        if !self.scope.holds_account(recipient.or(who.account.as_deref())) {
            return;
        }
        // What somebody may have chosen tells nothing of what is not among it.
        let covers = at.framing.is_delivered();
        let listed = OnceCell::new();
        let listed = || listed.get_or_init(|| listed::of(record)).as_slice();
        let shards = &self.shards;
        let see = || {
            let account = xxh3_64(recipient.unwrap_or_default().as_bytes());
            let area = account ^ xxh3_64(region.as_bytes());
            shards.shard(area as usize).coverage.see_listed(record, listed());
        };
        let origin = self.origins.of(region, at.path);

        let addendum = record.addendum.as_ref().map(Addendum::read).unwrap_or_default();
        let hashed;
        let event_id = record.event_id.as_deref().unwrap_or_default();
        let key = [
            addendum.original_event_id.as_deref(),
            record.shared_event_id.as_deref(),
            Some(event_id),
        ]
        .into_iter()
        .flatten()
        .find(|key| !key.is_empty());
        let key = match key {
            Some(key) => key,
            None => {
                hashed = fingerprint(record);
                &hashed
            }
        };
        let event = EventKey { key, event_id, time, region };
        if addendum.amends && !elsewhere {
            self.usage.amended.add_from(event, origin);
        }

        // A record without a time cannot be shown to lie inside the window, or outside what is excluded.
        let no_time = (time.is_none() && self.scope.times_count()).then_some(OtherKind::NoTime);
        let source = record.source_ip_address.as_deref().unwrap_or_default();
        let other = || {
            other_kind(
                record.event_category.as_deref().unwrap_or_default(),
                record.event_type.as_deref().unwrap_or_default(),
            )
        };
        let excluded = || {
            let excluded = self.scope.excluded.holds(session, source, time);
            excluded.then_some(OtherKind::Excluded)
        };
        let other = no_time.or_else(other).or_else(excluded);
        let outsider = match &who.caller {
            Caller::Principal(_) => None,
            Caller::Outside(outsider) => Some(outsider),
        };
        if (other.is_some() || outsider.is_some())
            && covers
            && !elsewhere
            && self.seen.is_new(record, time)
        {
            see();
        }

        // The length keeps the two apart.
        self.name.clear();
        self.name.extend(event_source.len().to_le_bytes());
        self.name.extend(event_source.bytes().chain(event_name.bytes()));
        if !self.known.contains_key(&self.name) {
            let operation = self.catalog.operation(event_source, event_name);
            let role = names_role(event_source, event_name);
            let known = Known {
                extractor: Extractor::new(
                    operation.extraction(),
                    role.into_iter().chain(history::kept(event_source, event_name)),
                ),
                teaches: operation.lessons().next().is_some() || role.is_some() || is_change,
                number: self.known.len(),
                seed: xxh3_64(&self.name) as usize,
            };
            self.known.insert(self.name.clone(), known);
        }
        let Some(known) = self.known.get(&self.name) else { return };

        if is_change && (elsewhere || other == Some(OtherKind::Excluded)) {
            let mut stats = Stats::default();
            stats.add_from(event, origin);
            let told = Told::of(record, who, &known.extractor);
            let call = self.filing.file(&told.call(listed(), &mut self.spelling));
            self.usage.lessons.add(&call, stats, self.quota);
        }
        if elsewhere {
            return;
        }
        if let Some(kind) = other {
            let other = OtherEvent {
                kind,
                event_source: event_source.into(),
                event_name: event_name.into(),
                event_type: record.event_type.as_deref().unwrap_or_default().into(),
            };
            self.usage.other.entry(other).or_default().add_from(event, origin);
            if let Caller::Principal(key) = &who.caller
                && let Some(call) = sign_in(record, kind, key)
            {
                let mut stats = Stats::default();
                stats.add_from(event, origin);
                self.usage.lessons.add(&self.filing.file(&call), stats, self.quota);
            }
            return;
        }

        if let Some(outsider) = outsider {
            match self.usage.outsiders.get_mut(outsider) {
                Some(stats) => stats.add_from(event, origin),
                None => {
                    let stats = self.usage.outsiders.entry(outsider.clone()).or_default();
                    stats.add_from(event, origin);
                }
            }
            if !known.teaches {
                return;
            }
        }
        let told = Told::of(record, who, &known.extractor);
        let context = self.contexts.of(record);
        if outsider.is_some() {
            let mut stats = Stats::default();
            stats.add_from(event, origin);
            stats.add_context(context);
            let call = self.filing.file(&told.call(listed(), &mut self.spelling));
            return self.usage.lessons.add(&call, stats, self.quota);
        }
        if let (Some(identity), Caller::Principal(key)) = (federated, &who.caller) {
            let mut stats = Stats::default();
            stats.add_from(event, origin);
            let call = self.filing.file(&identity.told(record, &key.arn));
            self.usage.lessons.add(&call, stats, self.quota);
        }
        self.key.clear();
        self.key.extend(number.to_le_bytes());
        self.key.extend(known.number.to_le_bytes());
        told.key(&mut self.key);
        let (spelling, filing) = (&mut self.spelling, &mut self.filing);
        let entry = self.recent.entry(&self.key, || {
            let shard = (who.seed ^ known.seed) % SHARDS;
            Entry::new(number, shard, filing.file(&told.call(listed(), spelling)))
        });
        let Some(entry) = entry else { return };
        if covers
            && let Some(hour) = time.map(|time| time.div_euclid(3600))
            && entry.hour.replace(hour) != Some(hour)
        {
            see();
        }
        entry.add(event, origin, context);
    }

    /// Puts the calls of late where they belong.
    fn put_away(&mut self) {
        let Observer { recent, callers, shards, quota, .. } = self;
        recent.put_away(callers, shards, *quota);
    }

    /// Returns what was observed, by all who gather in the same place.
    pub fn into_usage(mut self) -> Usage {
        self.put_away();
        self.shards.pour(&mut self.usage);
        self.usage
    }
}

impl Join for Observer<'_> {
    fn join(&mut self, mut other: Self) {
        other.put_away();
        if !self.shards.is(&other.shards) {
            other.shards.pour(&mut self.usage);
        }
        self.usage.join(other.usage);
    }
}

/// What `addendum` says of the relation to an earlier record.
#[derive(Debug, Default)]
struct Addendum {
    amends: bool,
    original_event_id: Option<String>,
}

impl Addendum {
    fn read(json: &Json<'_>) -> Addendum {
        let text = |name: &str| Some(json.get(name)?.as_text()?.into_owned());
        let amends = text("reason").is_some_and(|reason| reason == "UPDATED_DATA");
        Addendum { amends, original_event_id: text("originalEventID").filter(|_| amends) }
    }
}

/// Names a record without any id by what it says.
fn fingerprint(record: &Record<'_>) -> String {
    let mut text = String::new();
    text.push_str(&record.event_source);
    text.push('\0');
    text.push_str(&record.event_name);
    text.push('\0');
    let scalars = [
        &record.event_time,
        &record.aws_region,
        &record.source_ip_address,
        &record.user_agent,
        &record.error_code,
        &record.error_message,
        &record.recipient_account_id,
        &record.request_id,
    ];
    for scalar in scalars {
        text.push_str(scalar.as_deref().unwrap_or_default());
        text.push('\0');
    }
    for json in [&record.user_identity, &record.request_parameters, &record.response_elements] {
        text.push_str(json.as_ref().map(Json::text).unwrap_or_default());
        text.push('\0');
    }
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scope::Excluded;
    use crate::workload::Workloads;
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use trailtrim_ingest::Framing;

    fn observe_all<'t>(
        scope: &Scope,
        records: impl IntoIterator<Item = (&'t str, String)>,
    ) -> Usage {
        let mut observer = Observer::new(Catalog::embedded(), scope);
        for (file, text) in records {
            observer.observe(&Provenance::bare(&file.into()), &Record::parse(&text).unwrap());
        }
        observer.into_usage()
    }

    fn record(fields: &str) -> String {
        format!(
            r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"s3.amazonaws.com","awsRegion":"eu-west-1","recipientAccountId":"111122223333"{fields}}}"#
        )
    }

    fn calls(usage: &Usage) -> &Workloads {
        let mut all = usage.principals.values();
        let calls = all.next().unwrap();
        assert!(all.next().is_none());
        calls
    }

    #[test]
    fn equal_calls_share_one_entry_and_duplicates_count_once() {
        let get = |id: &str| {
            record(&format!(
                r#","eventName":"GetObject","eventID":"{id}","resources":[{{"ARN":"arn:aws:s3:::b/k","type":"AWS::S3::Object"}}]"#
            ))
        };
        let scope = Scope::default();
        let usage = observe_all(&scope, [("a", get("1")), ("a", get("2")), ("b", get("1"))]);
        assert_eq!(calls(&usage).len(), 1);
        let (call, stats) = calls(&usage).iter().next().unwrap();
        assert_eq!(stats.calls().value, 2);
        assert_eq!(call.resources.len(), 1);
        assert_eq!(
            stats.evidence().first().map(|evidence| evidence.file.to_string()),
            Some("a".to_owned())
        );
    }

    #[test]
    fn a_name_that_is_itself_over_and_over_takes_no_stack() {
        let name = "a/".repeat(50_000);
        let get = record(&format!(
            r#","eventName":"GetObject","eventID":"1","requestParameters":{{"bucketName":"{name}","key":"k"}}"#
        ));
        let usage = observe_all(&Scope::default(), [("f", get)]);
        assert_eq!(calls(&usage).iter().count(), 1);
    }

    #[test]
    fn an_amended_record_counts_as_the_one_it_amends() {
        let original = record(r#","eventName":"GetObject","eventID":"1""#);
        let amended = record(
            r#","eventName":"GetObject","eventID":"2","addendum":{"reason":"UPDATED_DATA","originalEventID":"1"}"#,
        );
        let usage = observe_all(&Scope::default(), [("a", original), ("a", amended)]);
        assert_eq!(calls(&usage).iter().next().unwrap().1.calls().value, 1);
        assert_eq!(usage.amended().calls().value, 1);
    }

    #[test]
    fn records_without_ids_are_told_apart_by_what_they_say() {
        let at = |minute: u8| {
            record(r#","eventName":"GetObject""#).replace("10:00:00", &format!("10:{minute:02}:00"))
        };
        let usage = observe_all(&Scope::default(), [("a", at(1)), ("a", at(2)), ("b", at(1))]);
        assert_eq!(calls(&usage).iter().next().unwrap().1.calls().value, 2);
    }

    #[test]
    fn what_is_no_api_call_is_listed_apart() {
        let usage = observe_all(
            &Scope::default(),
            [
                ("a", record(r#","eventName":"ConsoleLogin","eventType":"AwsConsoleSignIn""#)),
                (
                    "a",
                    record(
                        r#","eventName":"GetObject","eventType":"AwsVpceEvent","eventCategory":"NetworkActivity""#,
                    ),
                ),
                (
                    "a",
                    record(
                        r#","eventName":"GetObject","eventCategory":"Aggregated","eventType":"AwsApiCall""#,
                    ),
                ),
            ],
        );
        assert!(usage.principals.is_empty());
        let kinds: Vec<_> = usage.other_events().keys().map(|event| event.kind.code()).collect();
        assert_eq!(kinds, ["not-an-api-call", "network-activity", "aggregated"]);
    }

    #[test]
    fn the_error_is_found_wherever_it_stands() {
        for (fields, code, denied) in [
            ("", None, false),
            (r#","errorCode":"NoSuchKey","errorMessage":"gone""#, Some("NoSuchKey"), false),
            (
                r#","errorMessage":"User: u is not authorized to perform: s3:GetObject""#,
                Some(""),
                true,
            ),
            (r#","responseElements":{"errorCode":"AccessDenied"}"#, Some("AccessDenied"), false),
            (r#","responseElements":{"ErrorCode":"AccessDenied"}"#, Some("AccessDenied"), false),
            (
                r#","responseElements":{"error":{"code":"AccessDenied"}}"#,
                Some("AccessDenied"),
                false,
            ),
            (
                r#","responseElements":{"message":"User: u is not authorized to perform: s3:GetObject"}"#,
                Some(""),
                true,
            ),
            (r#","responseElements":{"message":"hello"}"#, None, false),
            (r#","errorCode":["AccessDenied"]"#, Some(""), false),
        ] {
            let usage = observe_all(
                &Scope::default(),
                [("a", record(&format!(r#","eventName":"GetObject"{fields}"#)))],
            );
            let (call, _) = calls(&usage).iter().next().unwrap();
            assert_eq!(
                (call.error_code.as_deref(), call.denial.is_some()),
                (code, denied),
                "{fields}"
            );
        }
    }

    #[test]
    fn the_scope_decides_by_the_record() {
        let one = || [("a", record(r#","eventName":"GetObject","eventID":"1""#))];
        let time = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let set = |text: &str| BTreeSet::from([text.to_owned()]);
        for (scope, kept) in [
            (Scope { since: time("2026-03-02T10:00:00Z"), ..Scope::default() }, true),
            (Scope { since: time("2026-03-02T10:00:01Z"), ..Scope::default() }, false),
            (Scope { until: time("2026-03-02T10:00:00Z"), ..Scope::default() }, false),
            (Scope { regions: set("us-east-1"), ..Scope::default() }, false),
            (Scope { accounts: set("111122223333"), ..Scope::default() }, true),
            (Scope { accounts: set("444455556666"), ..Scope::default() }, false),
        ] {
            assert_eq!(!observe_all(&scope, one()).principals.is_empty(), kept, "{scope:?}");
        }
    }

    #[test]
    fn a_record_without_a_time_is_listed_when_a_window_counts() {
        let timeless = || {
            [("a", record(r#","eventName":"GetObject""#).replace("2026-03-02T10:00:00Z", "soon"))]
        };
        let scope = Scope { since: Some(DateTime::UNIX_EPOCH), ..Scope::default() };
        assert_eq!(
            observe_all(&scope, timeless()).other_events().keys().next().map(|event| event.kind),
            Some(OtherKind::NoTime)
        );
        let excluded = Excluded { times: [Default::default()].into(), ..Excluded::default() };
        let usage = observe_all(&Scope { excluded, ..Scope::default() }, timeless());
        assert!(usage.principals.is_empty());
        assert!(observe_all(&Scope::default(), timeless()).other_events().is_empty());
    }

    prop_compose! {
        fn any_record()(
            id in 0u8..40, name in 0u8..4, user in 0u8..3, minute in 0u8..60, error in any::<bool>(), kind in 0u8..6,
        ) -> String {
            let error = if error { r#","errorCode":"AccessDenied""# } else { "" };
            let kind = match kind { 0 => "AwsServiceEvent", _ => "AwsApiCall" };
            let user = match user {
                0 => r#"{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}"#.to_owned(),
                n => format!(r#"{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/u{n}","accountId":"111122223333"}}"#),
            };
            format!(
                r#"{{"userIdentity":{user},"eventTime":"2026-03-02T10:{minute:02}:00Z","eventSource":"s3.amazonaws.com",
                "eventName":"Get{name}","eventID":"e{id}","eventType":"{kind}","awsRegion":"eu-west-1"{error}}}"#
            )
        }
    }

    prop_compose! {
        /// Few enough to be alike, with all that may tell one from another.
        fn alike()(
            (id, user, session) in (0u16..400, 0u8..2, 0u8..3),
            (name, key) in (prop::sample::select(vec![
                r#""eventSource":"s3.amazonaws.com","eventName":"GetObject""#,
                r#""eventSource":"s3.amazonaws.com","eventName":"PutObject""#,
                r#""eventSource":"s3.amazonaws.com\u0000Get","eventName":"Object""#,
                r#""eventSource":"s3.amazonaws.com","eventName":"Get\u0000Object""#,
                r#""eventSource":"s3.amazonaws.com\u0000","eventName":"GetObject""#,
            ]), 0u8..3),
            (hour, region) in (0u8..3, 0u8..2),
            fields in prop::collection::vec(prop::sample::select(vec![
                r#","eventCategory":"Data""#, r#","eventCategory":"Management""#,
                r#","managementEvent":false"#, r#","readOnly":true"#, r#","readOnly":false"#,
                r#","errorCode":"NoSuchKey""#, r#","errorCode":"AccessDenied""#,
                r#","errorMessage":"User: u is not authorized to perform: s3:GetObject""#,
                r#","responseElements":{"errorCode":"AccessDenied"}"#,
                r#","responseElements":{"x":1}"#,
                r#","recipientAccountId":"444455556666""#, r#","vpcEndpointId":"vpce-1""#,
                r#","sourceIPAddress":"203.0.113.7""#, r#","additionalEventData":{"x":1}"#,
            ]), 0..3),
        ) -> String {
            let fields = fields.concat();
            format!(
                r#"{{"userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/r{user}/s{session}","accountId":"111122223333",
                "sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::111122223333:role/r{user}","principalId":"AROA{user}"}}}}}},
                "eventTime":"2026-03-02T1{hour}:00:00Z",{name},"eventID":"e{id}","awsRegion":"eu-west-{region}",
                "requestParameters":{{"bucketName":"b","key":"k{key}"}},
                "resources":[{{"ARN":"arn:aws:s3:::b/k{key}","type":"AWS::S3::Object"}}]{fields}}}"#
            )
        }
    }

    proptest! {
        #[test]
        fn when_calls_are_put_away_shows_nowhere(
            records in prop::collection::vec((alike(), any::<bool>()), 0..200),
        ) {
            let (scope, file) = (Scope::default(), Label::from("a"));
            let take = |each: bool| {
                let mut observer = Observer::new(Catalog::embedded(), &scope);
                for (text, bridge) in &records {
                    let framing = if *bridge { Framing::EventBridge } else { Framing::Bare };
                    let at = Provenance { framing, ..Provenance::bare(&file) };
                    observer.observe(&at, &Record::parse(text).unwrap());
                    if each {
                        observer.put_away();
                        observer.callers.forget();
                    }
                }
                observer.into_usage()
            };
            prop_assert_eq!(take(false), take(true));
        }

        #[test]
        fn any_split_of_the_records_joins_to_the_same_usage(
            records in prop::collection::vec((any_record(), 0u8..3, 0usize..4), 0..60),
        ) {
            const FILES: [&str; 3] = ["a", "b", "c"];
            let scope = Scope::default();
            let take = |part: Option<usize>| {
                observe_all(&scope, records.iter().filter(|(.., at)| part.is_none_or(|part| part == *at))
                    .map(|(text, file, _)| (FILES[usize::from(*file)], text.clone())))
            };
            let whole = take(None);
            let mut joined = Usage::default();
            // Backwards, and one part twice: neither may show.
            for part in [3, 1, 2, 0, 1] {
                joined.join(take(Some(part)));
            }
            prop_assert_eq!(joined, whole);
        }
    }
}
