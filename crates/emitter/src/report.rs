//! The report of a run: a versioned model that every output format is made
//! from, and nothing else.
//!
//! It holds no time of its making and no machine's name, so that equal input
//! gives equal bytes. Times are UTC, `2026-11-23T10:00:00Z`; days are
//! `2026-11-23`. Counts of calls are estimates beyond a few hundred and say so.
//! "Minimal" always means: for the events observed.

mod build;
mod described;
mod json;

pub use build::report;
pub(crate) use build::{
    baseline, condition, first, generalisation, last, origin, permission, seen, time, tool,
    unmapped, workload,
};
pub use described::Described;

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use trailtrim_aggregator::Label;

use crate::MissingDataEvents;

/// The version of the model. It grows when a reader would have to change.
pub const SCHEMA_VERSION: u32 = 2;

/// A run, but for its principals: these are many, and [`Described`] one by one.
#[derive(Clone, Debug)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What made the report.
    pub tool: Tool,
    /// What the input was limited to.
    pub filters: Filters,
    /// The policies that are written, below the output directory: the `policy_path` of each principal.
    pub policies: Vec<String>,
    /// What was read.
    pub input: Input,
    /// How resources are written: `exact`, `balanced`, `prefix` or `type`.
    pub resources: String,
    /// The files that events of the report stand in, in their order.
    pub files: Vec<String>,
    /// Callers that never get a policy, with the reason.
    pub excluded: Vec<Excluded>,
    /// Records that are no API calls.
    pub other_events: Vec<OtherEvent>,
    /// The accounts of the principals, with what their logs do not have of data events.
    pub missing_data_events: Vec<MissingDataEvents>,
    /// Events that CloudTrail amended later (`UPDATED_DATA`), if there are any: where the records of
    /// one differ, what either says was taken up.
    pub amended: Option<Seen>,
}

/// What made the report.
#[derive(Clone, Debug, Serialize)]
pub struct Tool {
    /// `trailtrim`.
    pub name: String,
    /// The tool's version.
    pub version: String,
    /// The sources of the catalog.
    pub catalog: Vec<CatalogSource>,
    /// The digest of the catalog's facts and rules.
    pub catalog_digest: String,
}

/// A package that the catalog's facts were taken from.
#[derive(Clone, Debug, Serialize)]
pub struct CatalogSource {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What the input was limited to; empty means everything.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filters {
    /// Globs over principals.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<String>,
    /// Accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The first moment that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The first moment that does not count any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Input {
    /// Distinct files that hold records.
    pub files: u64,
    /// Records in them.
    pub records: u64,
    /// Their size on disk, in bytes.
    pub bytes: u64,
    /// Their size after decompression, in bytes.
    pub inflated_bytes: u64,
    /// Files not opened, because their key lies outside the filters.
    pub pruned: u64,
    /// Each distinct file, by path.
    pub sources: Vec<Source>,
    /// What was not read, by path and position.
    pub skipped: Vec<Skipped>,
}

/// A file.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// The path as it was given; the smallest of several with the same content.
    pub path: String,
    /// The hash of its content (BLAKE3, hexadecimal).
    pub content: String,
    /// `gzip`, `zstd` or `plain`.
    pub compression: String,
    /// How the records were packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framing: Option<String>,
    /// Whether somebody may have chosen which records are in it (a query, a subscription, a search): it
    /// proves no coverage.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
    /// Records in it.
    pub records: u64,
    /// Size on disk, in bytes.
    pub bytes: u64,
}

/// Something that was not read.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// The file.
    pub path: String,
    /// Offset after decompression, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Number of records of the file before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// The stable code of the reason.
    pub kind: String,
    /// Whether something may be missing from the result because of it.
    pub loses: bool,
    /// The reason in words.
    pub detail: String,
    /// How many such places the entry stands for: the last of a long series sums up the rest.
    pub count: u64,
}

/// Whether a principal's draft holds all that its calls needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every call was mapped.
    Complete,
    /// Some call could not be mapped: what it needed is not in the policy.
    Partial,
    /// Nothing was granted on this evidence: there is no policy.
    NoPolicy,
    /// The policy is more than IAM lets anyone attach.
    DoesNotFit,
}

/// A role or user.
#[derive(Clone, Debug, Serialize)]
pub struct Principal {
    /// The ARN, with its path.
    pub arn: String,
    /// The account.
    pub account: String,
    /// `role` or `user`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Path and name.
    pub name: String,
    /// The unique ids seen; more than one means that it was made anew.
    pub ids: Vec<String>,
    /// The Identity Center permission set that the role belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// The workload that all this is of, where workloads are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// Whether the draft holds everything.
    pub status: Status,
    /// What a reader has to know about this principal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where the policy is written, below the output directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_path: Option<String>,
    /// The policy's size as AWS counts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_size: Option<usize>,
    /// The patterns that the policy has in the place of names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generalisations: Vec<Generalisation>,
    /// What the policy has beyond what was seen, since the principal's workloads need it whatever
    /// they do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Baseline>,
    /// Actions that go with something granted and rarely show on their own: they are not granted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_companions: Vec<MissingCompanions>,
    /// What is granted.
    pub grants: Vec<Permission>,
    /// What was tried and is not granted.
    pub not_granted: Vec<Permission>,
    /// Events that name no permission.
    pub unmapped: Vec<Unmapped>,
    /// Services of which not every call could be mapped.
    pub frozen_services: Vec<String>,
}

/// A pattern that stands for names that were seen.
#[derive(Clone, Debug, Serialize)]
pub struct Generalisation {
    /// The pattern.
    pub to: String,
    /// The actions that are granted on it.
    pub actions: Vec<String>,
    /// The stable code of the rule: `attached-pattern`, `one-run`, `short-lived`, `dated-key`,
    /// `varying-key`, `passing-directory`, `written-key`, `one-day-key`, `several-keys`,
    /// `parent-prefix` or `whole-type`.
    pub rule: &'static str,
    /// Why.
    pub why: String,
    /// What it adds to what was seen.
    pub adds: String,
    /// How many different names it stands for.
    pub names: usize,
    /// How many of them were seen on one day only.
    pub names_of_one_day: usize,
    /// Some of them.
    pub from: Vec<String>,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Who acts inside a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Workload {
    /// By what it is known: `scope` (AWS says for which function or instance the credentials were
    /// issued), `provider` (AWS says whose identities the sessions are of), `session` (the session's name),
    /// or `none`.
    pub attribution: String,
    /// Whether its name is what a caller chose to write.
    pub chosen_by_caller: bool,
    /// The ARN or the name, with `#` for what differs with every run. Absent where nothing is
    /// known, and where it stands for more names than are kept apart.
    pub name: Option<String>,
    /// How many names it stands for; 0 where nothing is known.
    pub names: u64,
    /// Whether `names` is an estimate.
    pub names_estimated: bool,
}

/// What a workload needs whatever it does.
#[derive(Clone, Debug, Serialize)]
pub struct Baseline {
    /// The ARN to which credentials were issued, or the name of the session. `#` stands for what
    /// differs with every run.
    pub workload: String,
    /// By what it is known: `scope`, AWS's word, or `session`, a name that the caller chose.
    pub known_by: String,
    /// What is added.
    pub needs: Vec<BaselineNeed>,
    /// Why.
    pub reason: String,
    /// From where that is known.
    pub source: String,
    /// The event that tells that this workload is set up so, where not all of its kind are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_by: Option<ToldBy>,
}

/// The event that tells something last.
#[derive(Clone, Debug, Serialize)]
pub struct ToldBy {
    /// Its `eventSource`.
    pub event_source: String,
    /// Its `eventName`.
    pub event_name: String,
    /// When, RFC 3339.
    pub time: String,
}

/// Actions that go with others, and are not granted.
#[derive(Clone, Debug, Serialize)]
pub struct MissingCompanions {
    /// The actions.
    pub actions: Vec<String>,
    /// What is granted and speaks for them.
    pub with: Vec<String>,
    /// Why they go together.
    pub reason: String,
}

/// An action with the resources it is added on.
#[derive(Clone, Debug, Serialize)]
pub struct BaselineNeed {
    /// The action.
    pub action: String,
    /// The resources.
    pub resources: Vec<String>,
}

/// An action on a resource, with one outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Permission {
    /// The action.
    pub action: String,
    /// The resource as it was seen, in the form that a policy has.
    pub resource: String,
    /// The pattern that the policy has in its place, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted_as: Option<String>,
    /// Conditions of the grant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The statement of the policy that grants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// How the resource was found, the surest way first.
    pub origins: Vec<Origin>,
    /// How the action was named: `exact`, `rule` or `heuristic`.
    pub confidence: &'static str,
    /// Whether the calls only make it likely that the permission is needed.
    pub inferred: bool,
    /// What came of the calls.
    pub outcome: &'static str,
    /// The events behind it.
    pub events: Vec<EventName>,
    /// Services that acted on the principal's behalf.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Error codes seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_codes: Vec<String>,
    /// Kinds of policy that denied, where messages say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_by: Vec<String>,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A condition of a grant.
#[derive(Clone, Debug, Serialize)]
pub struct Condition {
    /// The operator.
    pub operator: String,
    /// The context key.
    pub key: String,
    /// The values.
    pub values: Vec<String>,
}

/// How a resource was found.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// The ARN stands in the record.
    Observed,
    /// The ARN was built from what stands in the record.
    Derived {
        /// By which rule.
        rule: String,
    },
    /// The same, with something that nothing tells and that was taken to be as it mostly is.
    Assumed {
        /// What was taken, and why.
        why: String,
    },
    /// Part of the ARN is a wildcard.
    Widened {
        /// From what.
        from: String,
        /// Why.
        why: String,
    },
    /// The action takes no resource, or the call was on none.
    RequiresStar,
}

impl Origin {
    /// Returns it in words.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Origin::Observed => "stands in the record".to_owned(),
            Origin::Derived { rule } => format!("derived: {rule}"),
            Origin::Assumed { why } => format!("assumed: {why}"),
            Origin::Widened { from, why } => format!("widened from {from}: {why}"),
            Origin::RequiresStar => {
                "the call is on nothing that has an ARN, so only `*` grants it".to_owned()
            }
        }
    }
}

/// The name of an event.
#[derive(Clone, Debug, Serialize)]
pub struct EventName {
    /// `eventSource`.
    pub source: String,
    /// `eventName`.
    pub name: String,
}

/// When, how often, by which events.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// Time of the first event; its day, as `2026-11-23`, where no more is known.
    pub first_seen: Option<String>,
    /// Time of the last event; its day where no more is known.
    pub last_seen: Option<String>,
    /// Number of days with events.
    pub days: usize,
    /// Number of distinct events.
    pub calls: u64,
    /// Whether `calls` is an estimate.
    pub calls_estimated: bool,
    /// Some of the events.
    pub evidence: Vec<Evidence>,
}

/// An event.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// `eventID`.
    pub event_id: Box<str>,
    /// `eventTime`.
    pub time: Option<String>,
    /// `awsRegion`.
    #[serde(serialize_with = "shared")]
    pub region: Arc<str>,
    /// The file that holds it.
    pub file: EventFile,
}

fn shared<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// The file that holds an event: a trail has few of them beside its events.
#[derive(Clone, Debug)]
pub enum EventFile {
    /// Its path.
    Path(Label),
    /// Its place among the report's files, counted from 0.
    Place(usize),
}

impl fmt::Display for EventFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventFile::Path(path) => path.fmt(f),
            EventFile::Place(place) => write!(f, "file {place}"),
        }
    }
}

impl Serialize for EventFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            EventFile::Path(path) => serializer.collect_str(path),
            EventFile::Place(place) => serializer.serialize_u64(*place as u64),
        }
    }
}

/// Events that name no permission.
#[derive(Clone, Debug, Serialize)]
pub struct Unmapped {
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// `no-permission`, `not-an-api-call`, `unverified`, `unknown` or `unresolved`.
    pub kind: &'static str,
    /// The action of which no resource is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Why.
    pub why: String,
    /// What came of the calls.
    pub outcome: &'static str,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A caller that never gets a policy.
#[derive(Clone, Debug, Serialize)]
pub struct Excluded {
    /// The caller.
    pub identity: String,
    /// The stable code of the reason.
    pub reason: &'static str,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Records that are no API calls.
#[derive(Clone, Debug, Serialize)]
pub struct OtherEvent {
    /// Why they are not.
    pub kind: &'static str,
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// `eventType`.
    pub event_type: String,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}
