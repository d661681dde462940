//! The product against the naive reference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use trailtrim_testkit::reference::{self, Outcome, Reading};
use trailtrim_testkit::trail::corpus::{self, Plan};
use trailtrim_testkit::trail::world::Size;

use crate::harness::{Run, files, fixture_trail, generate, list, number, shared, text_of};

/// Records in each folder of the shared events, as SOURCES.md there says.
const SHARED_RECORDS: [(&str, u64); 7] = [
    ("aws-docs", 50),
    ("cloud-custodian", 24),
    ("invictus", 2900),
    ("otrf", 103),
    ("plaso", 6),
    ("stratus-red-team", 310),
    ("trailscraper", 7),
];

/// Principal, event source, event name.
type Did<'a> = (&'a str, &'a str, &'a str);

#[test]
fn the_shared_events_are_read_as_the_reference_reads_them() {
    let Some(events) = shared("events") else { return };
    let run = generate(&[&events], &[]);
    let reading = reference::read(&[&events]).unwrap();
    assert_agreement(&run, &reading, &events);

    let report = run.report();
    for (folder, expected) in SHARED_RECORDS {
        let below = |path: &Path| path.starts_with(events.join(folder));
        let read: u64 = list(&report["input"], "sources")
            .iter()
            .filter(|source| below(Path::new(text_of(source, "path"))))
            .map(|source| number(source, "records"))
            .sum();
        let by_reference: usize =
            reading.files.iter().filter(|file| below(&file.path)).map(|file| file.records).sum();
        assert_eq!((read, by_reference as u64), (expected, expected), "{folder}");
    }
}

#[test]
fn the_fixture_trail_is_read_as_the_reference_reads_it() {
    let trail = fixture_trail();
    let run = generate(&[&trail], &[]);
    assert_agreement(&run, &reference::read(&[&trail]).unwrap(), &trail);
}

#[test]
fn seeded_archives_are_read_as_the_reference_reads_them() {
    for seed in 0..4 {
        let archive = TempDir::new().unwrap();
        let size = Size { accounts: 3, principals: 10, keys: 40 };
        corpus::make(&Plan { size, ..Plan::new(seed, 1500) }, archive.path()).unwrap();
        let run = generate(&[archive.path()], &[]);
        assert_eq!(run.code, 0, "seed {seed}: {}", run.stderr);
        assert_agreement(&run, &reference::read(&[archive.path()]).unwrap(), archive.path());
    }
}

#[test]
fn a_call_whose_parameters_fit_no_rule_is_told() {
    let record = r#"{"Records":[{"eventVersion":"1.11","eventTime":"2026-03-02T10:00:00Z",
        "eventType":"AwsApiCall","eventID":"odd","eventSource":"dynamodb.amazonaws.com",
        "eventName":"TransactWriteItems","awsRegion":"eu-central-1",
        "recipientAccountId":"111122223333","requestParameters":{"of":"an unknown shape"},
        "userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/dana",
        "accountId":"111122223333"}}]}"#;
    let trail = TempDir::new().unwrap();
    std::fs::write(trail.path().join("odd.json"), record).unwrap();
    let run = generate(&[trail.path()], &[]);
    assert_agreement(&run, &reference::read(&[trail.path()]).unwrap(), trail.path());
}

fn assert_agreement(run: &Run, reading: &Reading, root: &Path) {
    assert!(matches!(run.code, 0 | 3), "exit code {}: {}", run.code, run.stderr);
    let report = run.report();
    assert_files(&report, reading, root);
    assert_principals(&report, run, reading);
    assert_evidence(&report, reading);
    assert_nothing_vanishes(&report, reading);
    assert_wildcards_have_reasons(&report);
    crate::golden::assert_minimal(run);
}

/// Every file is read or listed, and the numbers of records are the reference's.
fn assert_files(report: &Value, reading: &Reading, root: &Path) {
    let input = &report["input"];
    let mut records = BTreeMap::new();
    for source in list(input, "sources") {
        records.insert(text_of(source, "path").to_owned(), number(source, "records"));
    }
    let mut skipped = BTreeSet::new();
    for entry in list(input, "skipped") {
        assert!(!text_of(entry, "kind").is_empty() && !text_of(entry, "detail").is_empty());
        skipped.insert(text_of(entry, "path").to_owned());
    }
    // Copies of one file count once, under the smallest path. What is no log file by its key is
    // left closed, and only counted.
    let mut contents = BTreeSet::new();
    let mut closed = 0;
    for path in files(root) {
        let shown = path.to_str().unwrap().to_owned();
        let copy = !contents.insert(std::fs::read(&path).unwrap());
        if ["/CloudTrail-Digest/", "/CloudTrail-Insight/"].iter().any(|kind| shown.contains(kind)) {
            closed += 1;
            continue;
        }
        assert!(
            copy || records.contains_key(&shown) || skipped.contains(&shown),
            "{shown} is neither read nor listed"
        );
    }
    assert_eq!(number(input, "pruned"), closed);
    for file in &reading.files {
        let shown = file.path.to_str().unwrap();
        if let Some(read) = records.get(shown) {
            assert_eq!(*read, file.records as u64, "records of {shown}");
        }
        assert!(file.whole || skipped.contains(shown), "{shown} is not whole, and not listed");
    }
}

/// The principals with a policy are those of the reference, and no one else has any.
fn assert_principals(report: &Value, run: &Run, reading: &Reading) {
    let by_reference: BTreeSet<&str> =
        reading.observations.iter().map(|seen| seen.principal.as_str()).collect();
    let listed: BTreeSet<&str> =
        list(report, "principals").iter().map(|principal| text_of(principal, "arn")).collect();
    let less: Vec<_> = by_reference.difference(&listed).collect();
    assert!(less.is_empty(), "not listed: {less:?}");
    for principal in list(report, "principals") {
        // Who only signed in is listed as having done so.
        let arn = text_of(principal, "arn");
        let only_signed_in = list(principal, "grants").is_empty()
            && list(principal, "unmapped").iter().all(|row| row["kind"] == "not-an-api-call");
        assert!(by_reference.contains(arn) || only_signed_in, "{arn} is no principal");
    }

    let granted: BTreeSet<&str> = reading.granted().map(|seen| seen.principal.as_str()).collect();
    for arn in run.policies().keys() {
        assert!(granted.contains(arn.as_str()), "{arn} has a policy and no granted call");
        assert!(!arn.contains(":role/aws-service-role/") && !arn.ends_with(":root"), "{arn}");
    }
    for principal in list(report, "principals") {
        let arn = text_of(principal, "arn");
        // Only calls that need no permission, or whose permission is unknown, leave no policy.
        if granted.contains(arn) && !run.policies().contains_key(arn) {
            assert!(!list(principal, "unmapped").is_empty(), "{arn} lost its policy");
        }
    }
    assert_eq!(
        reading.excluded.is_empty(),
        list(report, "excluded").is_empty() && list(report, "other_events").is_empty()
    );
}

/// What is granted was done, by that principal, with an outcome that proves it.
fn assert_evidence(report: &Value, reading: &Reading) {
    let proofs: BTreeSet<(&str, &str)> =
        reading.granted().map(|seen| (seen.principal.as_str(), seen.id.as_str())).collect();
    for principal in list(report, "principals") {
        let arn = text_of(principal, "arn");
        for grant in list(principal, "grants") {
            let action = text_of(grant, "action");
            let evidence = list(grant, "evidence");
            assert!(!evidence.is_empty(), "{arn}: {action} without evidence");
            for event in evidence {
                let id = text_of(event, "event_id");
                assert!(
                    proofs.contains(&(arn, id)),
                    "{arn}: {action} by {id}, which proves nothing"
                );
            }
        }
    }
}

/// A `*` or `?` of a resource is told of: it was widened, or the action takes no resource. The ARN of a log group
/// ends in `:*` in some of its spellings, which widens nothing.
fn assert_wildcards_have_reasons(report: &Value) {
    for principal in list(report, "principals") {
        for grant in list(principal, "grants") {
            let resource = text_of(grant, "resource");
            let is_group = resource.contains(":log-group:") && !resource.contains(":log-stream:");
            let whole = resource.strip_suffix(":*").filter(|_| is_group).unwrap_or(resource);
            let open = ["${*}", "${?}"]
                .iter()
                .fold(whole.to_owned(), |text, escape| text.replace(escape, ""));
            let told = list(grant, "origins")
                .iter()
                .any(|origin| ["widened", "requires-star"].contains(&text_of(origin, "kind")));
            let action = text_of(grant, "action");
            assert!(told || !open.contains(['*', '?']), "{action} on {resource} without a reason");
        }
    }
}

/// Every granted call is in a grant, or it is told why not.
fn assert_nothing_vanishes(report: &Value, reading: &Reading) {
    let (mut granted, mut told): (BTreeSet<Did<'_>>, BTreeSet<Did<'_>>) = Default::default();
    for principal in list(report, "principals") {
        let arn = text_of(principal, "arn");
        for (field, into) in [("grants", &mut granted), ("not_granted", &mut told)] {
            for row in list(principal, field) {
                for event in list(row, "events") {
                    into.insert((arn, text_of(event, "source"), text_of(event, "name")));
                }
            }
        }
        for row in list(principal, "unmapped") {
            told.insert((arn, text_of(row, "event_source"), text_of(row, "event_name")));
        }
    }
    let mut unmapped = BTreeSet::new();
    for principal in list(report, "principals") {
        for row in list(principal, "unmapped") {
            unmapped.insert((
                text_of(principal, "arn"),
                text_of(row, "event_source"),
                text_of(row, "event_name"),
            ));
        }
    }
    for seen in &reading.observations {
        let did = (seen.principal.as_str(), seen.source.as_str(), seen.name.as_str());
        let found = match seen.outcome {
            Outcome::Granted | Outcome::GrantedWithError => {
                granted.contains(&did) || unmapped.contains(&did)
            }
            _ => granted.contains(&did) || told.contains(&did),
        };
        assert!(found, "{did:?} ({:?}) is nowhere in the report", seen.outcome);
    }
}
