//! `generate` for what deploys: policies that IAM takes, or that say in the file that it does not.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Run, generate, list, text_of};

const WORKER: &str = "arn:aws:iam::111122223333:role/worker";

fn of_set(account: &str) -> String {
    let hash = &format!("{account}abcd")[..16];
    format!(
        "arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Power_{hash}"
    )
}

/// A trail in which roles describe so many tables of their own.
fn tables(roles: &[&str], number: usize) -> TempDir {
    let mut records: Vec<Value> = Vec::new();
    for arn in roles {
        let account = arn.split(':').nth(4).unwrap();
        let name = arn.rsplit('/').next().unwrap();
        for table in 0..number {
            records.push(json!({
                "eventVersion": "1.11", "eventTime": "2026-03-02T10:00:00Z",
                "eventType": "AwsApiCall", "eventID": format!("{account}-{table}"),
                "eventSource": "dynamodb.amazonaws.com", "eventName": "DescribeTable",
                "awsRegion": "eu-west-1", "recipientAccountId": account,
                "userIdentity": {"type": "AssumedRole", "accountId": account, "principalId": "AROAEXAMPLE:s",
                    "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/s"),
                    "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE",
                        "arn": arn, "accountId": account, "userName": name}}},
                "requestParameters": {"tableName": format!("table-{}-{table:03}", table % 7)},
            }));
        }
    }
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.json"), json!({"Records": records}).to_string()).unwrap();
    folder
}

fn drafted(trail: &TempDir, options: &[&str]) -> Run {
    generate(&[trail.path()], &[&["--resources", "exact"], options].concat())
}

/// Returns the one file beside the report.
fn file(run: &Run) -> String {
    let mut files = run.tree();
    files.remove("report.json");
    assert_eq!(files.len(), 1, "{:?}", files.keys());
    String::from_utf8(files.pop_first().unwrap().1).unwrap()
}

#[test]
fn what_is_too_large_for_one_policy_is_written_as_several() {
    let trail = tables(&[WORKER], 200);
    let template: Value =
        serde_json::from_str(&file(&drafted(&trail, &["--format", "cloudformation-json"])))
            .unwrap();
    let resources: Vec<&Value> = template["Resources"].as_object().unwrap().values().collect();
    let (mut names, mut tables) = (BTreeSet::new(), BTreeSet::new());
    for one in &resources {
        let properties = &one["Properties"];
        names.insert(text_of(properties, "ManagedPolicyName"));
        assert_eq!(properties["Roles"], json!(["worker"]));
        let document = &properties["PolicyDocument"];
        assert!(document.to_string().chars().count() <= 6_144);
        for statement in list(document, "Statement") {
            tables.extend(list(statement, "Resource").iter().filter_map(Value::as_str));
        }
    }
    assert!(resources.len() > 1 && names.len() == resources.len(), "{names:?}");
    assert_eq!(tables.len(), 200);
    let terraform = file(&drafted(&trail, &["--format", "terraform"]));
    assert_eq!(terraform.matches("resource \"aws_iam_policy\"").count(), resources.len());
    let report = drafted(&trail, &[]).report();
    let worker = &list(&report, "principals")[0];
    assert_eq!(text_of(worker, "status"), "complete");
    let told = format!("as Terraform and CloudFormation it is {} policies", resources.len());
    assert!(worker["notes"].to_string().contains(&told), "{worker:#}");
}

#[test]
fn what_does_not_fit_says_so_in_the_file_and_on_the_terminal() {
    let trail = tables(&[&of_set("111122223333")], 200);
    let run = drafted(&trail, &["--format", "terraform"]);
    let told = "AWS refuses it: it has ";
    assert!(file(&run).contains(&format!("# Caution: {told}")), "{}", file(&run));
    assert!(run.stderr.contains("caution: ") && run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn a_permission_set_of_several_accounts_is_drafted_together_or_told() {
    let (one, other) = (of_set("111122223333"), of_set("444455556666"));
    let trail = tables(&[&one, &other], 2);
    let contents = |options: &[&str]| -> (Run, Vec<String>) {
        let run = drafted(&trail, options);
        let files = run.tree().into_iter().filter(|(path, _)| path != "report.json");
        let files = files.map(|(_, text)| String::from_utf8(text).unwrap()).collect();
        (run, files)
    };
    let (run, files) = contents(&["--format", "terraform"]);
    assert_eq!(files.len(), 2);
    for file in &files {
        assert!(file.contains("# Caution: the permission set `Power` is in "), "{file}");
    }
    assert!(run.stderr.contains("--group-by permission-set"), "{}", run.stderr);
    let notes = list(&run.report(), "principals")[0]["notes"].to_string();
    assert!(notes.contains("is in 444455556666 as well"), "{notes}");
    // A set refers to managed policies by their names, which must be one in all accounts.
    let (_, templates) = contents(&["--format", "cloudformation"]);
    for template in &templates {
        assert!(template.contains("ManagedPolicyName: \"trailtrim-permission-set-Power\""));
    }
    let (run, files) = contents(&["--format", "terraform", "--group-by", "permission-set"]);
    assert_eq!(files[0], files[1]);
    for file in &files {
        let both = file.contains(":111122223333:table/") && file.contains(":444455556666:table/");
        assert!(both && !file.contains("Caution"), "{file}");
    }
    assert!(!run.stderr.contains("caution"), "{}", run.stderr);
    let notes = list(&run.report(), "principals")[1]["notes"].to_string();
    assert!(notes.contains("in any of 111122223333, 444455556666"), "{notes}");
    // What was not looked at may use the set as well.
    let unknown = "in which other accounts the permission set `Power` is";
    let account = ["--format", "terraform", "--account", "111122223333"];
    for options in [&account[..], &[&account[..], &["--group-by", "permission-set"]].concat()] {
        let (run, files) = contents(options);
        assert!(files.len() == 1 && files[0].contains(unknown), "{files:?}");
        assert!(run.stderr.contains(unknown), "{}", run.stderr);
        let notes = list(&run.report(), "principals")[0]["notes"].to_string();
        assert!(notes.contains(unknown), "{notes}");
    }
}
