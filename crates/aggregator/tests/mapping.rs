//! From a record to its permissions, end to end, on cases written by hand.
//!
//! Each file of `mapping/` holds cases of one event source, or of one concern
//! of several: an event as CloudTrail logs it and the permissions it needs,
//! from the service's documentation and not from the catalog. They are
//! collected from the directory, so a file cannot be forgotten. All calls are made by `role/app` of account
//! 111122223333 in eu-west-1, unless a case says otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use trailtrim_aggregator::{Observer, Scope, resolve};
use trailtrim_catalog::Catalog;
use trailtrim_ingest::{Provenance, Record};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// `eventSource eventName`.
    event: String,
    /// JSON of `requestParameters`.
    #[serde(default)]
    request: Option<String>,
    /// JSON of `responseElements`.
    #[serde(default)]
    response: Option<String>,
    /// JSON of `additionalEventData`.
    #[serde(default)]
    additional: Option<String>,
    /// JSON of `resources`.
    #[serde(default)]
    resources: Option<String>,
    #[serde(default)]
    region: Option<String>,
    /// The partition of the caller's ARN.
    #[serde(default)]
    partition: Option<String>,
    /// `userIdentity.invokedBy`.
    #[serde(default)]
    via: Option<String>,
    #[serde(default)]
    error: Option<String>,
    /// The permissions: `action resource`, and for a condition `if operator key value`.
    #[serde(default)]
    grants: BTreeSet<String>,
    /// Permissions that may be there as well, because documentation leaves it open.
    #[serde(default)]
    maybe: BTreeSet<String>,
    /// What the event is, where it names no permission.
    #[serde(default)]
    unmapped: Option<String>,
    /// Events before it that teach names: JSON objects of `source`, `name`, `request`, `response`.
    #[serde(default)]
    before: Vec<String>,
}

#[derive(Deserialize)]
struct Before {
    source: String,
    name: String,
    #[serde(default)]
    request: serde_json::Value,
    #[serde(default)]
    response: serde_json::Value,
}

fn record(case: &Case, source: &str, name: &str, request: &str, response: &str) -> String {
    let partition = case.partition.as_deref().unwrap_or("aws");
    let region = case.region.as_deref().unwrap_or("eu-west-1");
    let via = case.via.as_deref().map(|via| format!(r#","invokedBy":"{via}""#)).unwrap_or_default();
    let mut text = format!(
        r#"{{"eventVersion":"1.08","eventType":"AwsApiCall","eventTime":"2026-03-02T10:00:00Z","eventID":"{source}{name}",
        "awsRegion":"{region}","recipientAccountId":"111122223333","eventSource":"{source}","eventName":"{name}",
        "userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE:s","accountId":"111122223333",
        "arn":"arn:{partition}:sts::111122223333:assumed-role/app/s"{via},"sessionContext":{{"sessionIssuer":{{"type":"Role",
        "principalId":"AROAEXAMPLE","arn":"arn:{partition}:iam::111122223333:role/app","accountId":"111122223333"}}}}}},
        "requestParameters":{request},"responseElements":{response}"#
    );
    if name == case.event.split(' ').nth(1).unwrap_or_default() {
        let optional = [("additionalEventData", &case.additional), ("resources", &case.resources)];
        for (field, json) in optional {
            if let Some(json) = json {
                write!(text, r#","{field}":{json}"#).unwrap();
            }
        }
        if let Some(error) = &case.error {
            write!(text, r#","errorCode":"{error}""#).unwrap();
        }
    }
    text.push('}');
    text
}

/// Returns what is wrong with the case.
fn check(case: &Case) -> Result<(), String> {
    let (source, name) = case.event.split_once(' ').ok_or("write `source name`")?;
    let scope = Scope::default();
    let mut observer = Observer::new(Catalog::embedded(), &scope);
    for before in &case.before {
        let before: Before = serde_json::from_str(before).map_err(|e| e.to_string())?;
        let text = record(
            case,
            &before.source,
            &before.name,
            &before.request.to_string(),
            &before.response.to_string(),
        );
        observer.observe(
            &Provenance::bare(&"before".into()),
            &Record::parse(&text).map_err(|e| format!("{e}: {text}"))?,
        );
    }
    let request = case.request.as_deref().unwrap_or("null");
    let response = case.response.as_deref().unwrap_or("null");
    let text = record(case, source, name, request, response);
    observer.observe(
        &Provenance::bare(&"case".into()),
        &Record::parse(&text).map_err(|e| format!("{e}: {text}"))?,
    );

    let activity = resolve(&observer.into_usage(), Catalog::embedded());
    let principal = activity.principals.first().ok_or("no principal")?;
    let found: BTreeSet<String> = principal
        .rows
        .iter()
        .filter(|(_, row)| row.events.contains(&(source.to_owned(), name.to_owned())))
        .map(|(key, _)| {
            let mut text = format!("{} {}", key.action, key.resource);
            for condition in &key.conditions {
                let values = condition.values.join(",");
                write!(text, " if {} {} {values}", condition.operator, condition.key).unwrap();
            }
            text
        })
        .collect();
    let unmapped: Vec<&str> = principal
        .unmapped
        .keys()
        .filter(|key| key.event_name == name)
        .map(|key| key.kind.code())
        .collect();
    let missing: Vec<_> = case.grants.difference(&found).collect();
    let surplus: Vec<_> =
        found.difference(&case.grants).filter(|g| !case.maybe.contains(*g)).collect();
    let unmapped_wanted: Vec<&str> = case.unmapped.iter().map(String::as_str).collect();
    if missing.is_empty() && surplus.is_empty() && unmapped == unmapped_wanted {
        return Ok(());
    }
    Err(format!("missing {missing:#?}, surplus {surplus:#?}, unmapped {unmapped:?}"))
}

#[test]
fn events_need_what_documentation_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mapping");
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let (mut cases, mut wrong) = (0, String::new());
    for path in &files {
        let file: File = toml::from_str(&std::fs::read_to_string(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in &file.case {
            cases += 1;
            if let Err(why) = check(case) {
                let request = case.request.as_deref().unwrap_or("null");
                let name = path.file_stem().unwrap_or_default().display();
                write!(wrong, "\n{name}: {} {request}\n{why}", case.event).unwrap();
            }
        }
    }
    assert!(cases > 0, "no case in {}", directory.display());
    assert!(wrong.is_empty(), "{cases} cases, of them wrong:{wrong}");
}
