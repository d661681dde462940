//! What goes with a call, or with a workload, and does not show: that it was not seen makes nothing unused.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ACCOUNT, Files, Log, WEEK, classes, described, diff, of, policy, week};
use crate::harness::{text, trailtrim};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:worker";

/// Returns what the actions of statements are of which a worker's policy is made, where a trail took every
/// management event and every call on objects.
fn judged(log: &Log, statements: &[Value]) -> BTreeMap<String, String> {
    // Global services write their records in another region.
    let global = log.records.iter().map(|record| {
        let elsewhere = record.replace("eu-west-1", "us-east-1");
        elsewhere.replace(r#""eventID":""#, r#""eventID":"global-"#)
    });
    let records = log.records.iter().cloned().chain(global).collect();
    let (trail, files) = (Log { records, ..*log }.write(1), Files::new());
    let attached = json!({"Version": "2012-10-17", "Statement": statements});
    let attached = files.write("worker.json", &attached.to_string());
    let arn = format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/t");
    let all = |category: &str| json!({"Field": "eventCategory", "Equals": [category]});
    let objects = json!({"Field": "resources.type", "Equals": ["AWS::S3::Object"]});
    let selectors = json!({"TrailARN": arn, "AdvancedEventSelectors": [
        {"FieldSelectors": [all("Management")]},
        {"FieldSelectors": [all("Data"), objects]},
    ]});
    let selectors = files.write("selectors.json", &selectors.to_string());
    let trails = json!({"trailList": [{"TrailARN": arn, "IsMultiRegionTrail": true,
        "IsOrganizationTrail": false, "HomeRegion": "eu-west-1", "S3BucketName": "b",
        "IncludeGlobalServiceEvents": true, "Name": "t"}]});
    let trails = files.write("trails.json", &trails.to_string());
    let given = ["--attached", &attached, "--event-selectors", &selectors, &trails];
    let (_, made) = described(trail.path(), &[&WEEK[..], &given].concat());
    let worker = of(&made, "worker");
    classes(worker).into_iter().map(|(action, class)| (action.into(), class.into())).collect()
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

#[test]
fn a_copy_keeps_what_takes_the_tags_along_and_a_read_does_not() {
    let statements = [
        allow(&["s3:GetObject", "s3:GetObjectTagging"], "arn:aws:s3:::from/*"),
        allow(&["s3:PutObject", "s3:PutObjectTagging"], "arn:aws:s3:::to/*"),
        // Nothing was copied from there.
        allow(&["s3:GetObjectVersionTagging"], "arn:aws:s3:::other/*"),
    ];
    let copy = r#"{"bucketName":"to","key":"k","x-amz-copy-source":"from/k"}"#;
    let copies = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "CopyObject", copy);
    let judged_so = judged(&copies, &statements);
    for action in ["s3:GetObjectTagging", "s3:PutObjectTagging"] {
        assert_eq!(judged_so.get(action).map(String::as_str), Some("companion"), "{judged_so:?}");
    }
    assert_eq!(judged_so.get("s3:GetObjectVersionTagging"), None);
    let read = r#"{"bucketName":"from","key":"k"}"#;
    let write = r#"{"bucketName":"to","key":"k"}"#;
    let moves = Log::alive(ACCOUNT, 8)
        .daily("worker", "s3.amazonaws.com", "GetObject", read)
        .daily("worker", "s3.amazonaws.com", "PutObject", write);
    // What is unused stands among what is removed.
    let judged_so = judged(&moves, &statements);
    assert_eq!(judged_so.keys().collect::<Vec<_>>(), ["s3:GetObject", "s3:PutObject"]);
}

#[test]
fn passing_roles_to_tasks_stays_for_who_changes_services_and_passing_to_others_does_not() {
    let change = r#"{"cluster":"c","service":"s","taskDefinition":"web:3"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "ecs.amazonaws.com", "UpdateService", change);
    let pass = |to: &str| {
        let mut pass = allow(&["iam:PassRole"], "*");
        pass["Condition"] = json!({"StringEquals": {"iam:PassedToService": to}});
        let judged = judged(&log, &[allow(&["ecs:UpdateService"], "*"), pass]);
        judged.get("iam:PassRole").cloned()
    };
    assert_eq!(pass("ecs-tasks.amazonaws.com").as_deref(), Some("companion"));
    assert_eq!(pass("lambda.amazonaws.com"), None);
}

/// The log of a function that reads an object on every day, and never makes its log group.
fn function() -> Log {
    let read = r#"{"bucketName":"b","key":"k"}"#;
    let mut log = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "GetObject", read);
    let scope = json!({"sourceArn": FUNCTION, "sourceAccount": ACCOUNT,
        "issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": FUNCTION});
    let id = r#""principalId":"AROAEXAMPLEworker:s","#;
    for record in &mut log.records {
        *record = record.replace(id, &format!(r#"{id}"inScopeOf":{scope},"#));
    }
    log
}

#[test]
fn what_a_function_needs_whatever_it_does_is_not_unused() {
    let logs = allow(&["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DeleteLogGroup"], "*");
    let judged_so = judged(&function(), &[allow(&["s3:GetObject"], "*"), logs.clone()]);
    for action in ["logs:CreateLogGroup", "logs:CreateLogStream"] {
        assert_eq!(judged_so.get(action).map(String::as_str), Some("companion"), "{judged_so:?}");
    }
    assert_eq!(judged_so.get("logs:DeleteLogGroup"), None);
}

#[test]
fn what_a_function_needs_whatever_it_does_is_explained_as_the_draft_has_it() {
    let trail = function().write(1);
    let asked = |options: &[&str]| {
        let mut command = trailtrim();
        command.arg("explain").arg(trail.path()).args(["--principal", "worker"]);
        let output = command.args(["--action", "logs:createlogstream"]).args(options).output();
        text(output.unwrap().stdout)
    };
    let told = asked(&[]);
    assert!(told.contains("in the draft: no call proves it, and a workload needs it"), "{told}");
    assert!(told.contains(FUNCTION) && told.contains("\"Sid\": \"BaselineLogs"), "{told}");
    assert!(asked(&["--no-baseline"]).contains("not in the draft: it was not seen"));
}

#[test]
fn what_only_some_calls_show_is_explained_by_what_the_diff_counts() {
    let (trail, files) = (week().write(1), Files::new());
    let explained = |action: &str| {
        let mut command = trailtrim();
        command.arg("explain").arg(trail.path());
        let output = command.args(["--principal", "worker", "--action", action]).output().unwrap();
        text(output.stdout)
    };
    let attached = files.write("policy.json", &policy(&["ec2:CreateTags"], &["*"]).to_string());
    let ran = diff(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    assert!(ran.stdout.contains("not seen in 6 covered days"), "{}", ran.stdout);
    // What the policies allow is not known here, so neither is how many days are covered.
    let said = explained("ec2:CreateTags");
    assert!(said.contains("eu-west-1: 0 to 6 of 8 days covered"), "{said}");
    assert!(said.contains("`trailtrim diff` asks what is attached"), "{said}");
    assert!(!said.contains("says nothing"), "{said}");
    assert!(explained("sqs:ListQueues").contains("eu-west-1: 6 of 8 days covered"));
}
