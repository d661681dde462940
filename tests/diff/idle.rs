//! Principals that nothing is known to use.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    ACCOUNT, Files, Log, WEEK, classes, described, drafted, dump, of, policy, texts, week,
};
use crate::harness::{list, text_of};

/// Makes the last record of a log one of a service that assumes a role.
fn by_service(log: &mut Log, role: &str) {
    let record = log.records.pop().unwrap();
    let (before, rest) = record.split_once(r#""userIdentity":"#).unwrap();
    let (_, after) = rest.split_once(r#""requestParameters":"#).unwrap();
    let (_, after) = after.split_once(r#","readOnly""#).unwrap();
    log.records.push(format!(
        r#"{before}"userIdentity":{{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}},
        "requestParameters":{{"roleArn":"arn:aws:iam::{ACCOUNT}:role/{role}","roleSessionName":"f"}},
        "resources":[{{"ARN":"arn:aws:iam::{ACCOUNT}:role/{role}","accountId":"{ACCOUNT}","type":"AWS::IAM::Role"}}],
        "readOnly"{after}"#
    ));
}

#[test]
fn a_principal_is_unused_only_where_nothing_says_otherwise() {
    // Sessions are begun at the global endpoint, too.
    let mut log = of_two_regions();
    for day in 0..8 {
        log.at(ACCOUNT, "x", (day, 9), ("sts.amazonaws.com", "AssumeRole", "{}"), true);
        by_service(&mut log, "assumed");
        log.at(ACCOUNT, "signed", (day, 9), ("signin.amazonaws.com", "ConsoleLogin", "{}"), false);
        let record = log.records.pop().unwrap();
        log.records.push(record.replace("AwsApiCall", "AwsConsoleSignIn"));
    }
    let function = format!(r#"{{"functionName":"f","role":"arn:aws:iam::{ACCOUNT}:role/handed"}}"#);
    let made = ("lambda.amazonaws.com", "CreateFunction20150331", function.as_str());
    log.at(ACCOUNT, "x", (5, 9), made, false);
    let (trail, files) = (log.write(1), Files::new());
    let names = ["assumed", "fresh", "handed", "idle", "signed", "stale", "used"];
    let table = policy(&["dynamodb:GetItem"], &["*"]);
    let mut dump = dump(&names.map(|name| (ACCOUNT, name, table.clone())));
    let role = |dump: &mut Value, name: &str, key: &str, value: Value| {
        let at = names.iter().position(|one| *one == name).unwrap();
        dump["RoleDetailList"][at][key] = value;
    };
    role(&mut dump, "fresh", "CreateDate", "2026-01-06T10:00:00Z".into());
    role(&mut dump, "used", "RoleLastUsed", json!({"LastUsedDate": "2026-01-07T10:00:00+00:00"}));
    role(&mut dump, "stale", "RoleLastUsed", json!({"LastUsedDate": "2025-01-07T10:00:00+00:00"}));
    let dump = files.write("account.json", &dump.to_string());
    let trail_arn = format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/t");
    let selectors = json!({"TrailARN": trail_arn, "EventSelectors": [
        {"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": []}
    ]});
    let selectors = files.write("selectors.json", &selectors.to_string());
    let trails = json!({"trailList": [{"TrailARN": trail_arn, "Name": "t", "HomeRegion": "eu-west-1",
        "IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": true}]});
    let trails = files.write("trails.json", &trails.to_string());
    let given = ["--use-region", "eu-west-1", "--event-selectors", &selectors, &trails];
    let given = [&given[..], &["--account-authorization-details", &dump]].concat();
    let kinds = |days: &str| -> BTreeMap<String, Vec<String>> {
        let options = [&given[..], &["--unused-days", days]].concat();
        let (_, made) = described(trail.path(), &options);
        let told = names.iter().map(|name| {
            let one = of(&made, &format!("role/{name}"));
            let mut findings = list(one, "findings").iter();
            let unused = findings.any(|one| text_of(one, "code") == "unused-principal");
            let reasons = one["perhaps_in_use"].as_array().into_iter().flatten();
            let mut kinds: Vec<String> =
                reasons.map(|reason| text_of(reason, "kind").to_owned()).collect();
            assert_eq!(unused, kinds.is_empty(), "{one:#}");
            kinds.extend(unused.then(|| "unused".to_owned()));
            ((*name).to_owned(), kinds)
        });
        told.collect()
    };
    let expected = |rows: [(&str, &[&str]); 7]| -> BTreeMap<String, Vec<String>> {
        let row = |(name, kinds): (&str, &[&str])| {
            (name.to_owned(), kinds.iter().map(|&kind| kind.to_owned()).collect())
        };
        rows.map(row).into()
    };
    assert_eq!(
        kinds("4"),
        expected([
            ("assumed", &["assumed"]),
            ("fresh", &["too-new"]),
            ("handed", &["passed"]),
            ("idle", &["unused"]),
            ("signed", &["signed-in"]),
            ("stale", &["unused"]),
            ("used", &["last-used"]),
        ])
    );
    // In a week, nothing was unused for a month.
    assert_eq!(
        kinds("30"),
        expected([
            ("assumed", &["assumed", "not-covered"]),
            ("fresh", &["not-covered"]),
            ("handed", &["passed", "not-covered"]),
            ("idle", &["not-covered"]),
            ("signed", &["signed-in", "not-covered"]),
            ("stale", &["not-covered"]),
            ("used", &["last-used", "not-covered"]),
        ])
    );
}

#[test]
fn an_action_that_is_named_beside_an_arn_stays_while_nothing_shows_that_it_is_unused() {
    // By the reference it takes no resource, and AWS's own policies have it on such ARNs.
    let (channel, on) = ("ssmmessages:OpenDataChannel", "arn:aws:ssm:*:*:session/${aws:userid}-*");
    let (trail, files) = (week().write(1), Files::new());
    let attached = files.write("policy.json", &policy(&[channel], &[on]).to_string());
    let options = [&WEEK[..], &["--attached", &attached]].concat();
    let (_, made) = described(trail.path(), &options);
    let worker = of(&made, "worker");
    assert_eq!(classes(worker), [(channel, "unobservable")].into(), "{worker:#}");
    let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
    assert_eq!(texts(&draft["Statement"][0]["Resource"]), [on]);
    // What would have shown goes for that, and for nothing that the reference has of ARNs.
    let machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:orders";
    let attached =
        files.write("policy.json", &policy(&["states:SendTaskSuccess"], &[machine]).to_string());
    let options = [&WEEK[..], &["--attached", &attached]].concat();
    let (_, made) = described(trail.path(), &options);
    let removed = of(&made, "worker")["statements"][0]["removed"].to_string();
    assert!(removed.contains("covered days"), "{removed}");
    // What no service has said to take anything but `*` is nothing but that.
    let instance = "arn:aws:ec2:eu-west-1:111122223333:instance/*";
    let attached =
        files.write("policy.json", &policy(&["ec2:DescribeInstances"], &[instance]).to_string());
    let options = [&WEEK[..], &["--attached", &attached]].concat();
    let (_, made) = described(trail.path(), &options);
    assert!(drafted(of(&made, "worker")).is_empty(), "{made:#}");
}

/// Returns the kinds of reasons why the roles are not called unused, or `unused`.
fn kinds(made: &Value, names: &[&str]) -> Vec<String> {
    let told = names.iter().map(|name| {
        let one = of(made, &format!("role/{name}"));
        let unused =
            list(one, "findings").iter().any(|one| text_of(one, "code") == "unused-principal");
        let reasons = one["perhaps_in_use"].as_array().into_iter().flatten();
        let kinds: Vec<&str> = reasons.map(|reason| text_of(reason, "kind")).collect();
        assert_eq!(unused, kinds.is_empty(), "{one:#}");
        if unused { "unused".to_owned() } else { kinds.join(" ") }
    });
    told.collect()
}

/// Writes selectors of a trail of all regions, and the dump of some roles; returns the options.
fn given(files: &Files, names: &[&str], last_used: Option<&str>) -> Vec<String> {
    let table = policy(&["dynamodb:GetItem"], &["*"]);
    let roles: Vec<_> = names.iter().map(|name| (ACCOUNT, *name, table.clone())).collect();
    let mut dump = dump(&roles);
    if let Some(at) = last_used {
        dump["RoleDetailList"][0]["RoleLastUsed"] = json!({ "LastUsedDate": at });
    }
    let trail = format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/t");
    let selectors = json!({"TrailARN": trail, "EventSelectors": [
        {"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": []}
    ]});
    let trails = json!({"trailList": [{"TrailARN": trail, "Name": "t", "HomeRegion": "eu-west-1",
        "IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": true}]});
    [
        "--unused-days".to_owned(),
        "4".to_owned(),
        "--account-authorization-details".to_owned(),
        files.write("account.json", &dump.to_string()),
        "--event-selectors".to_owned(),
        files.write("selectors.json", &selectors.to_string()),
        files.write("trails.json", &trails.to_string()),
    ]
    .to_vec()
}

/// A log with records of the global endpoint's region as well.
fn of_two_regions() -> Log {
    let mut log = Log::alive(ACCOUNT, 8);
    let there = log.records.iter().map(|record| {
        let there = record.replace(r#""awsRegion":"eu-west-1""#, r#""awsRegion":"us-east-1""#);
        there.replace(&format!("{ACCOUNT}-"), "there-")
    });
    let there: Vec<String> = there.collect();
    log.records.extend(there);
    log
}

#[test]
fn a_principal_is_unused_only_where_each_region_in_use_is_covered() {
    let (trail, files) = (of_two_regions().write(1), Files::new());
    let base = given(&files, &["idle"], Some("2025-01-07T10:00:00Z"));
    let run = |regions: &[&str]| {
        let more = regions.iter().flat_map(|region| ["--use-region", region]);
        let options: Vec<&str> = base.iter().map(String::as_str).chain(more).collect();
        described(trail.path(), &options).1
    };
    let covered = run(&["eu-west-1", "us-east-1"]);
    assert_eq!(kinds(&covered, &["idle"]), ["unused"]);
    let told = text_of(&list(of(&covered, "role/idle"), "findings")[0], "message");
    assert!(told.contains("last used at 2025-01-07T10:00:00Z"), "{told}");
    let partly = run(&["eu-west-1", "us-east-1", "eu-central-1"]);
    assert_eq!(kinds(&partly, &["idle"]), ["not-covered"]);
    let why = text_of(&of(&partly, "role/idle")["perhaps_in_use"][0], "why");
    assert!(why.contains("in eu-west-1, us-east-1; of eu-central-1, which is said"), "{why}");
    // Where none is said to be in use, it may be any.
    let open = run(&[]);
    assert_eq!(kinds(&open, &["idle"]), ["not-covered"]);
    let why = text_of(&of(&open, "role/idle")["perhaps_in_use"][0], "why");
    assert!(why.contains("of other regions nothing is known"), "{why}");
}

#[test]
fn who_is_left_out_as_foreign_evidence_is_not_called_unused() {
    let mut log = of_two_regions();
    for day in 0..8 {
        log.at(ACCOUNT, "x", (day, 9), ("sts.amazonaws.com", "AssumeRole", "{}"), true);
        by_service(&mut log, "foreign");
        log.at(ACCOUNT, "foreign", (day, 9), ("ec2.amazonaws.com", "DescribeRegions", "{}"), true);
        let record = log.records.pop().unwrap();
        log.records.push(record.replace("foreign/s\"", "foreign/attacker\""));
    }
    let (trail, files) = (log.write(1), Files::new());
    let base = given(&files, &["foreign", "idle"], None);
    let more = ["--use-region", "eu-west-1", "--exclude-session", "attacker"];
    let options: Vec<&str> = base.iter().map(String::as_str).chain(more).collect();
    let (_, made) = described(trail.path(), &options);
    assert_eq!(kinds(&made, &["foreign", "idle"]), ["excluded", "unused"]);
    let notes = of(&made, "role/foreign")["notes"].to_string();
    assert!(notes.contains("it was recorded 8 times on 8 days"), "{notes}");
    assert!(!notes.contains("was not recorded"), "{notes}");
}
