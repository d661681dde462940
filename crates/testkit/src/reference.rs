//! A slow, obviously right reading of an archive, to hold the product against.
//!
//! Written from CloudTrail's documentation and the raw JSON alone: whole files in
//! memory, `serde_json::Value` for everything, one function a rule. It says who
//! did what with which outcome; it maps nothing to IAM actions and knows no
//! catalog. Its inflater is another one than the product's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

pub mod framing;
pub mod identity;
pub mod inflate;
pub mod outcome;

pub use identity::{Excluded, Who};
pub use outcome::Outcome;

/// One call by one principal, as one record tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observation {
    /// The ARN of the principal, with its path.
    pub principal: String,
    /// The service's host name.
    pub source: String,
    /// The event's name.
    pub name: String,
    /// The region; empty where the record has none.
    pub region: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What makes the event one event, however often and to whomever it was delivered.
    pub key: String,
    /// The record's own id; empty where it has none.
    pub id: String,
    /// The ARNs in `resources[]`, in their order.
    pub resources: Vec<String>,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReading {
    /// The file.
    pub path: PathBuf,
    /// How many CloudTrail records it holds.
    pub records: usize,
    /// Whether all of it could be understood as JSON.
    pub whole: bool,
}

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The files, in the order of their paths.
    pub files: Vec<FileReading>,
    /// The calls of principals that may have a policy.
    pub observations: BTreeSet<Observation>,
    /// The records that are nobody's permission, by the reason, with who it was.
    pub excluded: BTreeMap<Excluded, BTreeSet<String>>,
}

impl Reading {
    /// Returns the calls that prove a permission.
    pub fn granted(&self) -> impl Iterator<Item = &Observation> {
        self.observations.iter().filter(|observation| observation.outcome.grants())
    }
}

/// Reads files, and directories to any depth.
///
/// # Errors
/// Where a file or directory cannot be opened at all.
pub fn read(paths: &[&Path]) -> std::io::Result<Reading> {
    let mut files = BTreeSet::new();
    for path in paths {
        walk(path, &mut files)?;
    }
    let mut reading = Reading::default();
    let mut records = Vec::new();
    for path in files {
        let bytes = std::fs::read(&path)?;
        let (text, complete) = inflate::text(&bytes);
        let (found, parsed) = framing::records(&text);
        let whole = complete && parsed;
        reading.files.push(FileReading { path, records: found.len(), whole });
        records.extend(found);
    }
    attribute(&records, &mut reading);
    Ok(reading)
}

/// Finds the principal behind each record.
///
/// A principal of another account counts only where its own account's records
/// were read too: else it is no more than somebody who came by.
fn attribute(records: &[Value], reading: &mut Reading) {
    let roles: BTreeSet<&str> = records.iter().filter_map(identity::role).collect();
    let callers: Vec<Who> =
        records.iter().map(|record| identity::principal(record, &roles)).collect();
    let at_home = |record: &Value, arn: &str| {
        let recipient = text(record, "recipientAccountId");
        let account = match record.pointer("/userIdentity/accountId").and_then(Value::as_str) {
            Some(account) => Some(account),
            None => identity::account(arn),
        };
        recipient.is_empty() || account == Some(recipient)
    };
    let homely: BTreeSet<&str> = records
        .iter()
        .zip(&callers)
        .filter_map(|(record, who)| match who {
            Who::Principal(arn) if at_home(record, arn) => Some(arn.as_str()),
            _ => None,
        })
        .collect();
    for (record, who) in records.iter().zip(&callers) {
        let (reason, who) = match who {
            Who::Principal(arn) if homely.contains(arn.as_str()) => {
                reading.observations.insert(observation(record, arn));
                continue;
            }
            Who::Principal(arn) => (Excluded::OtherAccount, arn),
            Who::Excluded(reason, who) => (*reason, who),
        };
        reading.excluded.entry(reason).or_default().insert(who.clone());
    }
}

fn walk(path: &Path, files: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            walk(&entry?.path(), files)?;
        }
    } else {
        files.insert(path.to_owned());
    }
    Ok(())
}

fn observation(record: &Value, principal: &str) -> Observation {
    Observation {
        principal: principal.to_owned(),
        source: text(record, "eventSource").to_owned(),
        name: text(record, "eventName").to_owned(),
        region: text(record, "awsRegion").to_owned(),
        outcome: outcome::outcome(record),
        key: key(record),
        id: text(record, "eventID").to_owned(),
        resources: arns(record),
    }
}

/// Returns what makes the event one: an updated event stands for its original, copies in several
/// accounts are tied by a shared id.
fn key(record: &Value) -> String {
    let original = record.get("addendum").map_or("", |addendum| text(addendum, "originalEventID"));
    [original, text(record, "sharedEventID"), text(record, "eventID")]
        .into_iter()
        .find(|id| !id.is_empty())
        .map_or_else(|| record.to_string(), str::to_owned)
}

fn arns(record: &Value) -> Vec<String> {
    let resources = record.get("resources").and_then(Value::as_array);
    resources
        .into_iter()
        .flatten()
        .map(|resource| text(resource, "ARN"))
        .filter(|arn| !arn.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns a string field, or nothing where it is absent or of another type.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
