//! From a record to usage: a pure function of one record, joined.
//!
//! Nothing here looks at a second record. Whatever needs two (which copy of a
//! shared event to believe, the role behind an instance profile) is kept as it
//! is and decided when reading.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use foldhash::fast::RandomState;
use ipnet::IpNet;
use trailtrim_catalog::Catalog;
use trailtrim_iam::wildcard;
use trailtrim_ingest::{Framing, Json, Provenance, Record, Value};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::call::{Call, Category, Copy, Denial, Part, Resource};
use crate::callers::{Callers, Identified};
use crate::calls::{Buffers, Calls, Event};
use crate::context::{Contexts, Texts};
use crate::coverage::Seen;
use crate::denial;
use crate::extract::Extractor;
use crate::identity::Caller;
use crate::record_kind::other_kind;
use crate::shards::{SHARDS, Shards};
use crate::stats::{EventKey, Join, Origin};
use crate::trie::{NAME_QUOTA, Quota};
use crate::usage::{OtherEvent, OtherKind, Usage};
use crate::wanted::Wanted;

/// Which records count. Empty sets and absent times mean no limit.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The first moment that counts.
    pub since: Option<DateTime<Utc>>,
    /// The first moment that does not count any more.
    pub until: Option<DateTime<Utc>>,
    /// `awsRegion`s that count.
    pub regions: BTreeSet<String>,
    /// Accounts whose trails count: those that records were delivered to.
    pub accounts: BTreeSet<String>,
    /// Foreign evidence: it is listed and gives nobody anything.
    pub excluded: Excluded,
}

/// Which calls are foreign evidence: an attacker's, a break-glass session's.
#[derive(Clone, Debug, Default)]
pub struct Excluded {
    /// Session names, with `*` and `?`.
    pub sessions: BTreeSet<String>,
    /// Networks of `sourceIPAddress`.
    pub networks: BTreeSet<IpNet>,
    /// Times, each from a first moment up to one that is not in it any more.
    pub times: BTreeSet<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Excluded {
    /// Returns whether nothing is excluded.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.networks.is_empty() && self.times.is_empty()
    }

    fn holds(&self, session: Option<&str>, source: &str, time: Option<i64>) -> bool {
        let session = || {
            let session = session?;
            self.sessions.iter().any(|glob| wildcard::matches(glob, session)).then_some(())
        };
        let network = || {
            let address = source.parse::<IpAddr>().ok()?;
            self.networks.iter().any(|network| network.contains(&address)).then_some(())
        };
        let within = |time: i64| {
            self.times.iter().any(|(from, to)| (from.timestamp()..to.timestamp()).contains(&time))
        };
        (!self.sessions.is_empty() && session().is_some())
            || (!self.networks.is_empty() && network().is_some())
            || time.is_some_and(within)
    }
}

impl Scope {
    pub(crate) fn has_window(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    fn holds_time(&self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since.timestamp())
            && self.until.is_none_or(|until| time < until.timestamp())
    }

    pub(crate) fn holds_region(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.contains(region)
    }

    pub(crate) fn holds_account(&self, account: Option<&str>) -> bool {
        self.accounts.is_empty() || account.is_some_and(|account| self.accounts.contains(account))
    }
}

/// What is known of an operation while observing.
#[derive(Debug)]
struct Known {
    extractor: Extractor,
    teaches: bool,
    /// What tells its calls from others' when they are spread.
    seed: usize,
}

/// More than there are; a log may claim any number.
const REGIONS: usize = 64;

/// Where the records of the file at hand are from, so that events share it.
#[derive(Debug, Default)]
struct Origins {
    file: Arc<str>,
    /// Of that file: one for each region, which are few.
    here: Vec<Arc<Origin>>,
    regions: Texts,
}

impl Origins {
    fn of(&mut self, region: &str, file: &Arc<str>) -> &Arc<Origin> {
        if !Arc::ptr_eq(&self.file, file) {
            self.file = Arc::clone(file);
            self.here.clear();
        }
        let at = match self.here.iter().position(|origin| *origin.region == *region) {
            Some(at) => at,
            None => {
                if self.here.len() >= REGIONS {
                    self.here.clear();
                }
                let region = self.regions.share(region);
                self.here.push(Arc::new(Origin { region, file: Arc::clone(&self.file) }));
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
    known: HashMap<String, Known, RandomState>,
    contexts: Contexts,
    origins: Origins,
    seen: Seen,
    name: String,
    spelling: String,
    buffers: Buffers,
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
            name: String::new(),
            spelling: String::new(),
            buffers: Buffers::default(),
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
        self.usage.coverage.note(record);
        let event_source = &*record.event_source;
        let event_name = &*record.event_name;
        let region = record.aws_region.as_deref().unwrap_or_default();
        let time = record.time().map(|time| time.timestamp());
        let outside = time.is_some_and(|time| !self.scope.holds_time(time));
        if outside || !self.scope.holds_region(region) {
            return;
        }
        let caller = self.callers.identify(record.user_identity.as_ref());
        if let Some(wanted) = self.wanted {
            let is_wanted = || match &caller.caller {
                Caller::Principal(key) => wanted.wants(key),
                Caller::Outside(_) => false,
            };
            let is_wanted = caller.wanted.unwrap_or_else(is_wanted);
            caller.wanted = Some(is_wanted);
            if !is_wanted {
                return;
            }
        }
        let recipient =
            record.recipient_account_id.as_deref().filter(|account| !account.is_empty());
        let caller_account = caller.account.as_deref();
        // By the account it was delivered to, as archives are laid out: so that leaving files closed
        // by their key changes nothing.
        if !self.scope.holds_account(recipient.or(caller_account)) {
            return;
        }
        // What a rule of EventBridge has chosen tells nothing of what it has not.
        if at.framing != Framing::EventBridge && self.seen.is_new(record, time) {
            let account = xxh3_64(recipient.unwrap_or_default().as_bytes());
            let area = account ^ xxh3_64(region.as_bytes());
            self.shards.shard(area as usize).coverage.see(record);
        }
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
        if addendum.amends {
            self.usage.amended.add_from(event, origin);
        }

        // A record without a time cannot be shown to lie inside the window.
        let no_time = (time.is_none() && self.scope.has_window()).then_some(OtherKind::NoTime);
        let source = record.source_ip_address.as_deref().unwrap_or_default();
        let other = || {
            other_kind(
                record.event_category.as_deref().unwrap_or_default(),
                record.event_type.as_deref().unwrap_or_default(),
            )
        };
        let excluded = || {
            let session = caller.session.as_deref();
            let excluded = self.scope.excluded.holds(session, source, time);
            excluded.then_some(OtherKind::Excluded)
        };
        if let Some(kind) = no_time.or_else(other).or_else(excluded) {
            let other = OtherEvent {
                kind,
                event_source: event_source.into(),
                event_name: event_name.into(),
                event_type: record.event_type.as_deref().unwrap_or_default().into(),
            };
            self.usage.other.entry(other).or_default().add_from(event, origin);
            return;
        }

        self.name.clear();
        self.name.push_str(event_source);
        self.name.push('\0');
        self.name.push_str(event_name);
        if !self.known.contains_key(&self.name) {
            let operation = self.catalog.operation(event_source, event_name);
            let known = Known {
                extractor: Extractor::new(operation.extraction()),
                teaches: operation.lessons().next().is_some(),
                seed: xxh3_64(self.name.as_bytes()) as usize,
            };
            self.known.insert(self.name.clone(), known);
        }
        let Some(known) = self.known.get(&self.name) else { return };

        if let Caller::Outside(outsider) = &caller.caller {
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
        let account = recipient.or(caller_account);
        let call = make_call(record, caller, account, &known.extractor, &mut self.spelling);
        let context = self.contexts.of(record);
        let event = Event { key: event, origin, context };
        let (quota, buffers) = (self.quota, &mut self.buffers);
        let Caller::Principal(key) = &caller.caller else {
            return self.usage.lessons.add(&call, event, quota, buffers);
        };
        let shard = (caller.seed ^ known.seed) % SHARDS;
        let mut held = self.shards.shard(shard);
        let principals = &mut held.principals;
        let place = match caller.places.get(shard) {
            Some(Some(place)) => *place as usize,
            _ => {
                let entry = principals.entry(key.clone());
                let place = entry.index();
                entry.or_default();
                place
            }
        };
        let path = [caller.attribution.segment(), &*caller.workload];
        if let Some((_, workloads)) = principals.get_index_mut(place) {
            let add = |calls: &mut Calls| calls.add(&call, event, quota, buffers);
            workloads.0.update(&path, quota, Calls::default, add);
        }
        drop(held);
        drop(call);
        if let Some(known) = caller.places.get_mut(shard) {
            *known = u32::try_from(place).ok();
        }
    }

    /// Returns what was observed, by all who gather in the same place.
    pub fn into_usage(mut self) -> Usage {
        self.shards.pour(&mut self.usage);
        self.usage
    }
}

impl Join for Observer<'_> {
    fn join(&mut self, other: Self) {
        if !self.shards.is(&other.shards) {
            other.shards.pour(&mut self.usage);
        }
        self.usage.join(other.usage);
    }
}

fn make_call<'r>(
    record: &'r Record<'_>,
    caller: &'r Identified,
    account: Option<&'r str>,
    extractor: &Extractor,
    spelling: &mut String,
) -> Call<'r> {
    let mut parts: Vec<Part<'r>> = Vec::with_capacity(8);
    let roots = [
        ("request", &record.request_parameters),
        ("response", &record.response_elements),
        ("additional", &record.additional_event_data),
    ];
    for (root, json) in roots {
        if let Some(json) = json {
            extractor.extract(root, json.value(), spelling, &mut parts);
        }
    }
    let mut resources = Vec::new();
    for entry in record.resources.iter().flat_map(|json| json.value().elements()) {
        resources.extend(resource(entry));
    }
    let (error_code, denial) = error(record);
    // Without a recipient there is but one account to speak of.
    let owner = record.recipient_account_id.as_deref().is_some_and(|recipient| {
        !recipient.is_empty() && caller.account.as_deref().is_some_and(|own| own != recipient)
    });
    let data = match record.event_category.as_deref() {
        Some(category) => category.eq_ignore_ascii_case("Data"),
        None => record.management_event == Some(false),
    };
    let borrow =
        |text: &'r Option<Cow<'_, str>>| Cow::Borrowed(text.as_deref().unwrap_or_default());
    let mut call = Call {
        event_source: Cow::Borrowed(&record.event_source),
        event_name: Cow::Borrowed(&record.event_name),
        region: borrow(&record.aws_region),
        account: Cow::Borrowed(account.unwrap_or_default()),
        category: if data { Category::Data } else { Category::Management },
        copy: if owner { Copy::Owner } else { Copy::Caller },
        via: caller.invoked_by.as_deref().map(Cow::Borrowed),
        error_code,
        denial,
        parts,
        resources,
        piece: false,
        open: None,
    };
    call.canonicalise();
    call
}

/// Returns the error code, empty where there is an error without a readable code, and what a
/// message says of a denial.
fn error<'r>(record: &'r Record<'_>) -> (Option<Cow<'r, str>>, Option<Denial<'r>>) {
    let message = record.error_message.as_deref().filter(|message| !message.is_empty());
    let denial = message.and_then(denial::parse);
    if let Some(code) = record.error_code.as_deref().filter(|code| !code.is_empty()) {
        return (Some(Cow::Borrowed(code)), denial);
    }
    // A code of an unexpected type is an error all the same.
    let odd = record.odd_fields().any(|field| ["errorCode", "errorMessage"].contains(&field));
    if message.is_some() || odd {
        return (Some(Cow::Borrowed("")), denial);
    }
    // Some services put the error where the response would be.
    let response = record.response_elements.as_ref();
    let (code, denial) = response.map(|json| error_in_response(json.value())).unwrap_or_default();
    match (code, denial) {
        (None, None) => (None, None),
        (code, denial) => (Some(Cow::Owned(code.unwrap_or_default())), denial),
    }
}

/// Finds an error in a response. Any text there that speaks of authorization counts; other texts
/// are only believed under a name that means an error.
fn error_in_response(response: Value<'_>) -> (Option<String>, Option<Denial<'static>>) {
    let (mut code, mut denial) = (None, None);
    for (name, value) in response.members() {
        let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is(&["error"]) && value.is_object() {
            let (inner, refusal) = error_in_response(value);
            let named = value.members().find(|(key, _)| key.eq_ignore_ascii_case("code"));
            let named = named.and_then(|(_, code)| Some(code.as_text()?.into_owned()));
            code = code.or(inner).or(named).or_else(|| Some(String::new()));
            denial = denial.or(refusal);
            continue;
        }
        let Some(text) = value.as_text().filter(|text| !text.is_empty()) else { continue };
        if is(&["errorCode"]) {
            code = Some(text.into_owned());
        } else if is(&["errorMessage", "message"]) {
            denial = denial.or_else(|| denial::parse(&text).map(Denial::into_owned));
        }
    }
    (code, denial)
}

/// Reads one entry of `resources[]`, in CloudTrail's spelling or a table export's.
fn resource(entry: Value<'_>) -> Option<Resource<'_>> {
    let (mut arn, mut prefix, mut kind, mut account) = (None, None, None, None);
    for (name, value) in entry.members() {
        let slot = if name.eq_ignore_ascii_case("ARN") {
            &mut arn
        } else if name.eq_ignore_ascii_case("ARNPrefix") {
            &mut prefix
        } else if name.eq_ignore_ascii_case("type") {
            &mut kind
        } else if name.eq_ignore_ascii_case("accountId") {
            &mut account
        } else {
            continue;
        };
        *slot = value.as_text().filter(|text| !text.is_empty());
    }
    let is_prefix = arn.is_none();
    Some(Resource { arn: arn.or(prefix)?, is_prefix, kind, account })
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
    use super::*;
    use crate::workload::Workloads;
    use proptest::prelude::*;

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
        assert_eq!(stats.evidence().first().map(|evidence| &*evidence.file), Some("a"));
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

    proptest! {
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
