//! What the page shows that people read: an overview, and for each principal or shared policy the
//! details that unfold.
//!
//! The model of `--format html`, for a [report](crate::report) and for a [diff](crate::diff) alike. It
//! is made for one reader, the script in the page, and is no interface for programs: those read the
//! report and the diff as JSON. What is long is cut, and says by how much: of many equal resources a
//! few are shown one by one, of many events the first.
//!
//! Days are counted from the page's first day, and files are numbers in the overview's list.

mod build;
mod counts;
mod evidence;
mod of_diff;
mod of_report;
mod scribe;

pub use of_diff::of_diff;
pub use of_report::{Sources, of_report};

use serde::Serialize;
use trailtrim_iam::Statement;

use crate::attached::Hold;
use crate::finding::Severity;
use crate::report::{Skipped, Tool};

/// All that the page shows.
#[derive(Debug, Serialize)]
pub struct Page {
    /// What is shown first.
    pub overview: Overview,
    /// The details, in the order of [`Overview::entries`].
    pub details: Vec<Detail>,
}

/// What is shown first.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// Whether something attached stands beside what was used.
    pub compares: bool,
    /// What made it.
    pub tool: Tool,
    /// What was read.
    pub input: Read,
    /// What the input was limited to and what was asked for: a name and its value.
    pub options: Vec<(&'static str, String)>,
    /// The page's first day, as `2026-11-23`.
    pub first_day: Option<String>,
    /// Days from the first to the last.
    pub days: i32,
    /// The files that events are in.
    pub files: Vec<String>,
    /// Principals ordered by ARN, then policies that several share.
    pub entries: Vec<Entry>,
    /// Where was looked.
    pub coverage: Vec<CoverageLine>,
    /// What is known of trails: a trail and what is known.
    pub trails: Vec<(String, String)>,
    /// Callers that never get a policy: who, why, calls.
    pub outsiders: Vec<(String, String, Sighting)>,
    /// Roles and users that were seen, and of which nothing is known that is attached.
    pub not_in_dump: Vec<String>,
}

/// What was read.
#[derive(Debug, Serialize)]
pub struct Read {
    /// Files.
    pub files: u64,
    /// Records.
    pub records: u64,
    /// What was not read.
    pub skipped: Vec<Skipped>,
}

/// One kind of call in one place, and when none can have been missed.
#[derive(Debug, Serialize)]
pub struct CoverageLine {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Which calls.
    pub name: String,
    /// Whether and when they are covered.
    pub verdict: String,
    /// The covered days: first and number of each run.
    pub covered: Vec<(i32, i32)>,
}

/// A line of the overview.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The ARN, or the key of a shared policy.
    pub name: String,
    /// `role`, `user` or `shared`.
    pub kind: String,
    /// The account.
    pub account: String,
    /// The workload, where workloads are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// What became of it, in one word.
    pub status: String,
    /// How much of what.
    pub numbers: Numbers,
    /// Distinct events.
    pub calls: u64,
    /// Whether that is an estimate.
    #[serde(skip_serializing_if = "is_false")]
    pub about: bool,
    /// Days with events: first and number of each run.
    pub days: Vec<(i32, i32)>,
    /// How many findings there are: errors, warnings, notes.
    pub findings: [usize; 3],
    /// What searching looks at, in lower case.
    pub words: String,
}

/// How much is allowed and was used. Actions are those of the catalog, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Actions that are allowed today; absent where nothing attached is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<usize>,
    /// Actions that the draft allows; absent where there is no draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<usize>,
    /// Those of the draft that were used.
    pub used: usize,
    /// Those of the draft that the log need not have shown.
    pub unobservable: usize,
    /// Actions that can be limited to resources and are allowed on every one today.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anywhere_before: Option<usize>,
    /// The same of the draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anywhere_after: Option<usize>,
    /// What was tried and not granted.
    pub refused: usize,
    /// Events that no rule maps.
    pub unmapped: usize,
}

/// The details of a principal or a shared policy.
#[derive(Debug, Default, Serialize)]
pub struct Detail {
    /// What became of it, in words.
    pub told: String,
    /// What a reader has to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// All it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Sighting>,
    /// The policies that are attached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<AttachedPolicy>,
    /// The documents of the draft.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drafts: Vec<DraftDocument>,
    /// Shared policies that it has, as places in the list of entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<usize>,
    /// Who has a shared policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<String>,
    /// Statements: an attached one, with what takes its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// What was given up to keep AWS's limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub concessions: Vec<String>,
    /// New permissions by day: the day, and how many were first used on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<(i32, usize)>,
    /// How complete the picture is: a name and its value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub soak: Vec<(&'static str, String)>,
    /// What was denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<Denial>,
    /// What else was tried and is not granted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Used>,
    /// What was proved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<Proof>,
    /// How an earlier draft would have done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backtest: Option<Backtest>,
    /// What the log or the input could not show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blind: Vec<Blind>,
    /// What is wrong with what is attached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Wrong>,
}

/// An attached policy.
#[derive(Debug, Serialize)]
pub struct AttachedPolicy {
    /// The name.
    pub name: String,
    /// The ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// How it is held.
    pub hold: Hold,
    /// The group that brings it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Since when it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Its size as AWS counts it.
    pub size: usize,
}

/// A document of the draft.
#[derive(Debug, Serialize)]
pub struct DraftDocument {
    /// A name for it.
    pub name: String,
    /// Its size as AWS counts it.
    pub size: usize,
}

/// An attached statement with what takes its place.
#[derive(Debug, Default, Serialize)]
pub struct Group {
    /// What is attached; absent where the draft comes of behaviour alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached: Option<AttachedStatement>,
    /// What takes its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drafted: Vec<DraftedStatement>,
    /// Statements of the draft that restrict it as well, and are shown elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<String>,
}

/// A statement that is attached.
#[derive(Debug, Serialize)]
pub struct AttachedStatement {
    /// The policy's place in the list.
    pub policy: usize,
    /// The statement's place in the policy, from 0.
    pub at: usize,
    /// The statement.
    pub statement: Statement,
    /// Why it keeps its resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keeps: Option<String>,
    /// What becomes of its actions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fates: Vec<Fate>,
}

/// What becomes of some actions of a statement.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fate {
    /// Whether they go.
    pub goes: bool,
    /// What they are.
    pub class: String,
    /// What of them stays.
    pub what: String,
    /// How many there are.
    pub count: usize,
    /// Their names; none where nothing of a service was used and there are many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

/// A statement of the draft.
#[derive(Debug, Serialize)]
pub struct DraftedStatement {
    /// The document, and the place in it.
    pub place: (usize, usize),
    /// The statement.
    pub statement: Statement,
    /// Whether it stays without evidence.
    #[serde(skip_serializing_if = "is_false")]
    pub kept: bool,
    /// Other attached statements that it restricts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Why actions are in it that were not used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Why each pattern is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stars: Vec<Star>,
    /// What was seen of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<Used>,
}

/// Why some actions are in a statement.
#[derive(Debug, Serialize)]
pub struct Reason {
    /// What they are.
    pub class: String,
    /// Why.
    pub why: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// Why a pattern is in a statement.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Star {
    /// The pattern.
    pub pattern: String,
    /// Why.
    pub why: String,
}

/// An action on a resource, as it was seen.
#[derive(Debug, Serialize)]
pub struct Used {
    /// Who did it, where several have the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The action.
    pub action: String,
    /// The resource; absent where it stands for several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// How many resources it stands for.
    pub names: usize,
    /// The pattern that the policy has in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// What came of the calls, where they did not plainly succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// Whether it was allowed only if a condition held.
    #[serde(skip_serializing_if = "is_false")]
    pub perhaps: bool,
    /// How the resource was found.
    pub how: Vec<String>,
    /// The events behind it, and how surely they name the action.
    pub events: Vec<String>,
    /// Services that acted on its behalf.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Error codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// When, how often, which events.
    pub seen: Sighting,
}

/// When, how often, by which events.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sighting {
    /// Time of the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Time of the last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Distinct events.
    pub calls: u64,
    /// Whether that is an estimate.
    #[serde(skip_serializing_if = "is_false")]
    pub about: bool,
    /// Days with events: first and number of each run.
    pub days: Vec<(i32, i32)>,
    /// Some of the events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// An event.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// `eventID`.
    pub id: String,
    /// `eventTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// `awsRegion`.
    pub region: String,
    /// The file that holds it.
    pub file: usize,
}

/// Something that was denied.
#[derive(Debug, Serialize)]
pub struct Denial {
    /// The action; absent where nothing names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The resource.
    pub resource: String,
    /// The events.
    pub events: Vec<String>,
    /// Who denied it.
    pub by: String,
    /// What would fix it.
    pub fix: &'static str,
    /// What else the refusal may mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<&'static str>,
    /// Whether it worked later, or before.
    pub worked: String,
    /// When, how often, which events.
    pub seen: Sighting,
}

/// Something that was proved, or was not.
#[derive(Debug, Serialize)]
pub struct Proof {
    /// What.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// In words.
    pub told: String,
}

/// How a draft from the earlier part of the trail would have done.
#[derive(Debug, Serialize)]
pub struct Backtest {
    /// In words.
    pub told: String,
    /// What it would have denied: action and resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<(String, String)>,
}

/// Something that the log or the input could not show.
#[derive(Debug, Serialize)]
pub struct Blind {
    /// What.
    pub what: String,
    /// Why, and what follows.
    pub why: String,
    /// The actions or events that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// Something that is wrong with what is attached.
#[derive(Debug, Serialize)]
pub struct Wrong {
    /// The code.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What is the matter.
    pub message: String,
    /// What the code means.
    pub means: &'static str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
