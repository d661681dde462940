//! `explain`: from event to rule to statement, or why there is none.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{fixture_trail, list, text, text_of, trailtrim};

fn explain(arguments: &[&str]) -> (i32, String, String) {
    let output = trailtrim().arg("explain").arg(fixture_trail()).args(arguments).output().unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn explain_json(arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = explain(&[arguments, &["--format", "json"]].concat());
    // The trail has a file that is cut short.
    assert_eq!(code, 3, "{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Returns the report's principal that ends in `name`.
fn reported(name: &str) -> Value {
    let report = crate::harness::generate(&[fixture_trail()], &[]).report();
    let principals = list(&report, "principals");
    let found = principals.iter().find(|one| text_of(one, "arn").ends_with(name)).unwrap();
    let files = list(&report, "files");
    assert!(files.is_sorted_by(|a, b| a.as_str() < b.as_str()), "{files:?}");
    with_paths(found, files)
}

/// Puts paths in place of their numbers, as an answer about a few permissions has them.
fn with_paths(value: &Value, files: &[Value]) -> Value {
    match value {
        Value::Array(all) => all.iter().map(|one| with_paths(one, files)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let path = (name == "file").then(|| {
                    let place = value.as_u64().unwrap_or_else(|| panic!("{value} is no place"));
                    files[usize::try_from(place).unwrap()].clone()
                });
                (name.clone(), path.unwrap_or_else(|| with_paths(value, files)))
            });
            Value::Object(fields.collect())
        }
        _ => value.clone(),
    }
}

#[test]
fn whatever_the_report_grants_is_explained_as_the_report_has_it() {
    let principal = reported("/orders-api");
    let actions: BTreeSet<&str> =
        list(&principal, "grants").iter().map(|grant| text_of(grant, "action")).collect();
    for action in actions {
        let answer = explain_json(&["--principal", "orders-api", "--action", action]);
        assert_eq!(answer["verdict"], "granted", "{action}");
        let of_it: Vec<&Value> = list(&principal, "grants")
            .iter()
            .filter(|grant| text_of(grant, "action") == action)
            .collect();
        assert_eq!(list(&answer, "grants").iter().collect::<Vec<_>>(), of_it, "{action}");
        for grant in of_it {
            let sid = text_of(grant, "statement");
            let statement = &answer["statements"][sid];
            assert_eq!(statement["Sid"], sid);
            assert!(statement["Action"].to_string().contains(action), "{statement}");
        }
    }
    let grant = &list(&principal, "grants")[0];
    let (action, resource) = (text_of(grant, "action"), text_of(grant, "resource"));
    let arguments = ["--principal", "orders-api", "--action", action, "--resource", resource];
    assert!(list(&explain_json(&arguments), "grants").contains(grant), "{grant}");
}

#[test]
fn a_pattern_finds_the_actions_that_it_means_and_any_case_will_do() {
    let principal = reported("/orders-api");
    let first = text_of(&list(&principal, "grants")[0], "action").to_owned();
    let lower = first.to_ascii_lowercase();
    let answer = explain_json(&["--principal", "orders-api", "--action", &lower]);
    assert_eq!(text_of(&answer, "action"), first);
    let all = explain_json(&["--principal", "orders-api", "--action", "*"]);
    assert_eq!(list(&all, "grants"), list(&principal, "grants"));
    assert_eq!(list(&all, "not_granted"), list(&principal, "not_granted"));
}

#[test]
fn what_was_never_seen_tells_whether_the_trail_could_have_shown_it() {
    let (_, stdout, stderr) = explain(&["--principal", "orders-api", "--action", "iam:GetUser"]);
    assert!(stdout.contains("iam:GetUser: not in the draft: it was not seen"), "{stdout}{stderr}");
    assert!(stdout.contains("CloudTrail shows iam:GetUser as a management event"), "{stdout}");
    let answer = explain_json(&["--principal", "orders-api", "--action", "s3:GetObjectAcl"]);
    assert_eq!(answer["shown"][0]["kind"], "data", "{answer}");
    assert_eq!(answer["shown"][0]["detail"], "AWS::S3::Object", "{answer}");
    // One object's reads prove nothing of other calls on other objects.
    let places = list(&answer["shown"][0], "places");
    assert!(!places.is_empty(), "{answer}");
    assert!(places.iter().all(|place| place["covered_days"] == 0), "{answer}");
}

#[test]
fn another_resource_is_named_where_the_one_asked_for_was_not_used() {
    let principal = reported("/orders-api");
    let grant = list(&principal, "grants")
        .iter()
        .find(|grant| text_of(grant, "resource").starts_with("arn:"))
        .unwrap();
    let answer = explain_json(&[
        "--principal",
        "orders-api",
        "--action",
        text_of(grant, "action"),
        "--resource",
        "arn:aws:nothing:::of-the-kind",
    ]);
    assert_eq!(answer["verdict"], "not-seen");
    let others = list(&answer, "other_resources");
    assert!(others.contains(&json!(text_of(grant, "resource"))), "{answer}");
}

#[test]
fn a_refused_call_and_an_unmapped_event_are_told_apart() {
    let record = |name: &str, error: Option<&str>| {
        let mut record = json!({
            "eventVersion": "1.11", "eventTime": "2026-03-02T10:00:00Z",
            "eventType": "AwsApiCall", "eventID": name,
            "eventSource": "dynamodb.amazonaws.com", "eventName": name,
            "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
                "arn": "arn:aws:iam::111122223333:user/reader"},
            "requestParameters": {"tableName": "a"},
        });
        if let Some(error) = error {
            record["errorCode"] = json!(error);
        }
        record
    };
    let folder = TempDir::new().unwrap();
    let records = [record("DescribeTable", Some("AccessDenied")), record("GetNothing", None)];
    std::fs::write(folder.path().join("a.json"), json!({"Records": records}).to_string()).unwrap();
    let verdict = |action: &str| {
        let output = trailtrim()
            .arg("explain")
            .arg(folder.path())
            .args(["--principal", "reader", "--action", action])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
        text(output.stdout)
    };
    let denied = verdict("dynamodb:DescribeTable");
    assert!(denied.contains("it was tried, and no call proves it"), "{denied}");
    assert!(denied.contains("errors     AccessDenied"), "{denied}");
    let unmapped = verdict("dynamodb:PutItem");
    assert!(
        unmapped.contains("events that are or may be of its service could not be mapped"),
        "{unmapped}"
    );
    assert!(unmapped.contains("dynamodb.amazonaws.com GetNothing"), "{unmapped}");
    let other = verdict("sqs:SendMessage");
    assert!(other.contains("it was not seen") && !other.contains("GetNothing"), "{other}");
}

#[test]
fn wrong_questions_are_told_before_the_trail_is_read() {
    for (arguments, said, hint) in [
        (&["--action", "s3:GetObject"][..], "no principal is named", "--principal role/"),
        (
            &["--principal", "x", "--action", "s3:GetObjekt"],
            "no action `s3:GetObjekt` in the catalog",
            "`trailtrim catalog service s3` lists them",
        ),
        (&["--principal", "x", "--action", "GetObject"], "no action `GetObject`", "s3:GetObject"),
    ] {
        let output =
            trailtrim().args(["explain", "/no/such/trail"]).args(arguments).output().unwrap();
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said) && stderr.contains(hint), "{stderr}");
        assert!(stderr.lines().nth(1).unwrap().starts_with("hint: "), "{stderr}");
    }
}
