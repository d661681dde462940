//! `generate --format` and `diff --format`: the forms in which policies are deployed and read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Run, files, fixture_trail, generate, list, text, text_of, trailtrim, tree};

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
        files(folder.path()).len()
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
    let record = json!({"Records": [{
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

fn attached(file: &str) -> PathBuf {
    fixture_trail().with_file_name("attached").join(file)
}

/// Tightens the fixture's function, with all that is known of the trail.
fn tighten(options: &[&str]) -> Output {
    let mut command = trailtrim();
    command.arg("diff").arg(fixture_trail()).args(["--principal", "orders-api", "--attached"]);
    command.arg(attached("orders-api.json")).arg("--event-selectors");
    command.args([attached("selectors.json"), attached("trails.json")]);
    command.args(["--unused-days", "4", "--use-region", "eu-central-1"]).args(options);
    let output = command.output().unwrap();
    // The trail has a file that is cut short.
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Tightens it into a directory.
fn tighten_into(directory: &Path, format: &str) -> Output {
    tighten(&["--format", format, "--out", directory.to_str().unwrap()])
}

const DRAFT: &str = "111122223333/role/service/orders-api";

#[test]
fn a_tightened_policy_is_the_same_in_every_form() {
    let folder = TempDir::new().unwrap();
    let written = |format: &str, file: &str| -> String {
        let output = tighten_into(folder.path(), format);
        let names: BTreeSet<String> = tree(folder.path()).into_keys().collect();
        let path = format!("{DRAFT}/{file}");
        assert_eq!(names, BTreeSet::from([path.clone(), "diff.json".to_owned()]), "{format}");
        let diff = fs::read(folder.path().join("diff.json")).unwrap();
        let diff: Value = serde_json::from_slice(&diff).unwrap();
        assert_eq!(diff["principals"][0]["draft"]["paths"], json!([path]));
        let text = fs::read_to_string(folder.path().join(&path)).unwrap();
        // Without a directory it is what standard output gets.
        let alone = tighten(&["--format", format]);
        if format != "json" {
            assert_eq!(self::text(alone.stdout), text, "{format}");
        }
        assert!(self::text(output.stderr).contains("no new access: proved"));
        text
    };
    let policy: Value = serde_json::from_str(&written("json", "policy-1.json")).unwrap();
    let template: Value =
        serde_json::from_str(&written("cloudformation-json", "template.json")).unwrap();
    let resource = &template["Resources"]["RoleOrdersApi"];
    assert_eq!(resource["Properties"]["Roles"], json!(["orders-api"]));
    let replaced = attached("orders-api.json");
    assert_eq!(template["Metadata"]["InPlaceOf"], json!([replaced.to_str().unwrap()]));
    assert_eq!(listed(&resource["Properties"]["PolicyDocument"]), listed(&policy));
    let terraform = written("terraform", "policy.tf");
    assert!(terraform.contains("# They take the place of "), "{terraform}");
    for statement in policy["Statement"].as_array().unwrap() {
        let sid = format!("sid    = \"{}\"", text_of(statement, "Sid"));
        assert!(terraform.contains(&sid), "{sid} in {terraform}");
    }
    let yaml = written("cloudformation", "template.yaml");
    assert!(yaml.contains("Type: \"AWS::IAM::ManagedPolicy\""), "{yaml}");
}

/// A policy in which every text that may stand alone is a list of one.
fn listed(policy: &Value) -> Value {
    let mut policy = policy.clone();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        for field in ["Action", "Resource"] {
            if statement[field].is_string() {
                statement[field] = json!([statement[field].take()]);
            }
        }
    }
    policy
}

#[test]
fn drafts_of_an_earlier_diff_are_removed_and_told() {
    let folder = TempDir::new().unwrap();
    tighten_into(folder.path(), "json");
    let mine = folder.path().join(DRAFT).join("notes.txt");
    fs::write(&mine, "mine").unwrap();
    let output = tighten_into(folder.path(), "terraform");
    let said = format!(
        "removed, written by an earlier run and not by this one: 1 policy\n  {DRAFT}/policy-1.json\n"
    );
    let stderr = text(output.stderr);
    assert!(stderr.contains(&said), "{stderr}");
    assert!(mine.is_file() && !folder.path().join(DRAFT).join("policy-1.json").exists());
}

#[test]
fn an_inline_budget_makes_inline_policies() {
    let terraform = text(tighten(&["--format", "terraform", "--budget", "inline-role"]).stdout);
    assert!(
        terraform.contains("resource \"aws_iam_role_policy\" \"role_orders_api\""),
        "{terraform}"
    );
    // What is made for a permission set cannot be attached to a role that has none.
    let output = tighten(&["--format", "terraform", "--budget", "permission-set"]);
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
    let stderr = text(output.stderr);
    assert!(stderr.contains("belongs to no permission set"), "{stderr}");
}

#[test]
fn what_is_read_stands_beside_the_drafts() {
    let folder = TempDir::new().unwrap();
    for (format, file, begin) in
        [("markdown", "diff.md", "## Attached policies"), ("sarif", "diff.sarif", "{\n")]
    {
        tighten_into(folder.path(), format);
        let written = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(written.starts_with(begin), "{written}");
        assert_eq!(text(tighten(&["--format", format]).stdout), written);
        assert!(folder.path().join(DRAFT).join("policy-1.json").is_file());
    }
    let sarif = fs::read(folder.path().join("diff.sarif")).unwrap();
    let sarif: Value = serde_json::from_slice(&sarif).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, DRAFT);
    let found = |code: &str| results.iter().any(|one| one["ruleId"] == code);
    assert!(found("unused-access") && found("resource-star"), "{results:?}");
}

#[test]
fn several_drafts_do_not_fit_on_standard_output_nor_does_none() {
    let unproved = trailtrim()
        .arg("diff")
        .arg(fixture_trail())
        .args(["--principal", "orders-api", "--format", "terraform", "--attached"])
        .arg(attached("orders-api.json"))
        .output()
        .unwrap();
    let stderr = text(unproved.stderr);
    assert_eq!(unproved.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("error: no draft is proposed\nhint: leave --format out"), "{stderr}");

    let roles = ["service/orders-api", "batch-worker"].map(|name| {
        let bare = name.rsplit('/').next().unwrap();
        json!({"RoleName": bare, "Arn": format!("arn:aws:iam::111122223333:role/{name}"),
            "RoleId": "", "Path": "/", "CreateDate": "2020-01-01T00:00:00Z",
            "RolePolicyList": [{"PolicyName": "all", "PolicyDocument": {"Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}}],
            "AttachedManagedPolicies": [], "AssumeRolePolicyDocument": {"Version": "2012-10-17",
                "Statement": []}})
    });
    let dump = json!({"UserDetailList": [], "GroupDetailList": [], "Policies": [],
        "RoleDetailList": roles});
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("account.json");
    fs::write(&path, dump.to_string()).unwrap();
    let output = trailtrim()
        .arg("diff")
        .arg(fixture_trail())
        .args(["--format", "terraform", "--account-authorization-details"])
        .arg(&path)
        .arg("--event-selectors")
        .args([attached("selectors.json"), attached("trails.json")])
        .args(["--unused-days", "4", "--use-region", "eu-central-1"])
        .output()
        .unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    assert!(
        stderr.contains("error: 2 files come of it, among them `111122223333/role/"),
        "{stderr}"
    );
    assert!(stderr.contains("\nhint: name one principal with --principal"), "{stderr}");
}

#[test]
fn everybody_fits_into_one_comment() {
    let output =
        trailtrim().arg("generate").arg(fixture_trail()).args(["--format", "markdown"]).output();
    let output = output.unwrap();
    let stdout = text(output.stdout);
    assert_eq!(output.status.code(), Some(3), "{}", text(output.stderr));
    assert!(stdout.starts_with("## What was used, and the policies that grant it"), "{stdout}");
    for part in
        ["### `arn:aws:iam::111122223333:role/service/orders-api`", "<summary>Statements with"]
    {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
    assert!(stdout.len() < 65_536);
    let run = generate(&[fixture_trail()], &["--format", "markdown"]);
    let tree = run.tree();
    assert!(tree.contains_key("report.md") && tree.contains_key("report.json"));
    // There, it says where each policy is.
    let page = text(tree["report.md"].clone());
    let path = paths(&run).swap_remove(0);
    assert!(page.contains(&format!("in `{path}`")), "{page}");
}
