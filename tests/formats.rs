//! `generate --format`: the forms in which policies are deployed.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Run, fixture_trail, generate, list, text, text_of, trailtrim};

/// Returns the paths of the policies that a report names.
fn paths(run: &Run) -> Vec<String> {
    let report = run.report();
    list(&report, "principals")
        .iter()
        .filter_map(|principal| principal.get("policy_path").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_form_has_files_of_its_own_and_the_report_names_them() {
    let json = paths(&generate(&[fixture_trail()], &[]));
    assert!(!json.is_empty());
    for (format, file) in [
        ("json", "policy.json"),
        ("terraform", "policy.tf"),
        ("cloudformation", "template.yaml"),
        ("cloudformation-json", "template.json"),
    ] {
        let run = generate(&[fixture_trail()], &["--format", format]);
        let mut written: Vec<String> = run.tree().into_keys().collect();
        written.retain(|path| path != "report.json");
        let named = paths(&run);
        assert_eq!(written, named, "{format}");
        let expected: Vec<String> =
            json.iter().map(|path| path.replace("policy.json", file)).collect();
        assert_eq!(named, expected, "{format}");
    }
}

#[test]
fn another_form_in_the_same_directory_takes_the_place_of_the_first() {
    let folder = TempDir::new().unwrap();
    let run = |format: &str| {
        let output = trailtrim()
            .arg("generate")
            .arg(fixture_trail())
            .args(["--principal", "orders-api", "--format", format, "--out"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(output.stderr));
        let files = crate::harness::files(folder.path());
        files.len()
    };
    assert_eq!((run("json"), run("terraform"), run("cloudformation")), (2, 2, 2));
}

#[test]
fn one_principal_goes_to_standard_output_in_every_form() {
    let trail = fixture_trail();
    for (format, part) in [
        ("terraform", "resource \"aws_iam_role_policy_attachment\" \"role_orders_api\""),
        ("cloudformation", "Type: \"AWS::IAM::ManagedPolicy\""),
        ("cloudformation-json", "\"Type\": \"AWS::IAM::ManagedPolicy\""),
    ] {
        let output = trailtrim()
            .args(["generate", trail.to_str().unwrap(), "--principal", "orders-api"])
            .args(["--format", format])
            .output()
            .unwrap();
        let stdout = text(output.stdout);
        assert!(stdout.contains(part), "{format}: {stdout}");
        // Without a name, one file cannot hold everyone.
        let output = trailtrim()
            .args(["generate", trail.to_str().unwrap(), "--format", format])
            .output()
            .unwrap();
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("hint: name one with --principal"), "{stderr}");
    }
}

#[test]
fn what_cloudformation_would_look_up_is_written_as_json_and_told() {
    let folder = TempDir::new().unwrap();
    let arn = "arn:aws:iam::111122223333:user/reader";
    let object = "arn:aws:s3:::bucket/{{resolve:secretsmanager:x}}";
    let record = serde_json::json!({"Records": [{
        "eventVersion": "1.11", "eventTime": "2026-03-02T10:00:00Z", "eventType": "AwsApiCall",
        "eventID": "e1", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
        "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": arn, "accountId": "111122223333"},
        "requestParameters": {"bucketName": "bucket", "key": "{{resolve:secretsmanager:x}}"},
        "resources": [{"type": "AWS::S3::Object", "ARN": object}],
    }]});
    fs::write(folder.path().join("a.json"), record.to_string()).unwrap();
    let run = generate(&[folder.path()], &["--format", "cloudformation"]);
    assert_eq!(paths(&run), ["111122223333/user/reader/policy.json"]);
    let said = format!("note: the policy of {arn} is written as JSON: ");
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    let policy = run.policies()[arn].to_string();
    assert!(policy.contains(object), "{policy}");
    let report = run.report();
    assert_eq!(text_of(&list(&report, "principals")[0], "status"), "complete");
}
