//! Policies that several have.

use serde_json::{Value, json};

use super::{
    ACCOUNT, Files, Log, QUEUE, WEEK, classes, described, drafted, dump, managed_week, of, policy,
    texts, week,
};
use crate::harness::{list, text_of};

#[test]
fn one_role_of_several_accounts_is_judged_by_what_all_of_them_did() {
    let other = "444455556666";
    let mut log = managed_week();
    let mut elsewhere = Log::alive(other, 8);
    let call = (
        "sqs.amazonaws.com",
        "TagQueue",
        r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/444455556666/jobs"}"#,
    );
    for day in 0..8 {
        elsewhere.at(other, "worker", (day, 9), call, true);
    }
    log.records.append(&mut elsewhere.records);
    let (trail, files) = (log.write(2), Files::new());
    let attached = policy(&["sqs:UntagQueue", "sqs:TagQueue", "sqs:PurgeQueue"], &["*"]);
    let roles = [(ACCOUNT, "worker", attached.clone()), (other, "worker", attached)];
    let dump = files.write("dump.json", &dump(&roles).to_string());
    let apart = [&WEEK[..], &["--account-authorization-details", &dump]].concat();
    let (_, alone) = described(trail.path(), &apart);
    assert_eq!(list(&alone, "shared").len(), 0);
    let first = of(&alone, &format!("{ACCOUNT}:role/worker"));
    assert_eq!(classes(first), [("sqs:UntagQueue", "used")].into());
    let (_, grouped) =
        described(trail.path(), &[&apart[..], &["--group-by", "role-name"]].concat());
    let [shared] = list(&grouped, "shared") else { panic!("{grouped:#}") };
    assert_eq!(text_of(shared, "key"), "role name worker");
    assert_eq!(list(shared, "holders").len(), 2);
    let used = [("sqs:UntagQueue", "used"), ("sqs:TagQueue", "used")];
    assert_eq!(classes(shared), used.into(), "{shared:#}");
}

#[test]
fn a_policy_that_others_have_of_whom_the_dump_says_nothing_is_replaced_and_not_rewritten() {
    let (trail, files) = (week().write(1), Files::new());
    let arn = "arn:aws:iam::111122223333:policy/queues";
    for (attachments, boundaries, replaced) in [(1, 0, false), (2, 0, true), (1, 1, true)] {
        let mut account = dump(&[(ACCOUNT, "worker", policy(&["sqs:ListQueues"], &["*"]))]);
        let role = &mut account["RoleDetailList"][0];
        role["RolePolicyList"] = json!([]);
        role["AttachedManagedPolicies"] = json!([{"PolicyName": "queues", "PolicyArn": arn}]);
        account["Policies"] = json!([{
            "PolicyName": "queues", "Arn": arn, "DefaultVersionId": "v1",
            "AttachmentCount": attachments, "PermissionsBoundaryUsageCount": boundaries,
            "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true,
                "Document": policy(&["sqs:GetQueueAttributes", "sqs:PurgeQueue"], &[QUEUE])}],
        }]);
        let account = files.write("account.json", &account.to_string());
        let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
        let (_, made) = described(trail.path(), &options);
        let worker = of(&made, "worker");
        assert_eq!(text_of(worker, "status"), "tightened", "{worker:#}");
        let hold = text_of(&list(worker, "attached")[0], "hold");
        assert_eq!(hold, if replaced { "held-elsewhere" } else { "customer-managed" });
        let notes: Vec<&str> = list(worker, "notes").iter().filter_map(Value::as_str).collect();
        assert_eq!(notes.iter().any(|note| note.contains("do not rewrite: queues")), replaced);
        let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
        assert_eq!(texts(&draft["Statement"][0]["Action"]), ["sqs:GetQueueAttributes"]);
    }
}

#[test]
fn a_policy_that_a_group_has_as_well_is_replaced_for_whoever_has_it_directly() {
    let (trail, files) = (week().write(1), Files::new());
    let arn = "arn:aws:iam::111122223333:policy/queues";
    let held = json!([{"PolicyName": "queues", "PolicyArn": arn}]);
    let mut account = dump(&[(ACCOUNT, "worker", policy(&["sqs:ListQueues"], &["*"]))]);
    account["RoleDetailList"][0]["RolePolicyList"] = json!([]);
    account["RoleDetailList"][0]["AttachedManagedPolicies"] = held.clone();
    account["Policies"] = json!([{
        "PolicyName": "queues", "Arn": arn, "DefaultVersionId": "v1", "AttachmentCount": 2,
        "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true,
            "Document": policy(&["sqs:GetQueueAttributes", "sqs:PurgeQueue"], &[QUEUE])}],
    }]);
    account["GroupDetailList"] = json!([{
        "Path": "/", "GroupName": "dev", "GroupId": "AGPAEXAMPLE",
        "Arn": "arn:aws:iam::111122223333:group/dev", "GroupPolicyList": [],
        "AttachedManagedPolicies": held,
    }]);
    let account = files.write("account.json", &account.to_string());
    let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
    let (_, made) = described(trail.path(), &options);
    let attached = &list(of(&made, "worker"), "attached")[0];
    assert_eq!(text_of(attached, "hold"), "held-elsewhere", "{attached:#}");
}

#[test]
fn the_account_of_which_nothing_is_covered_is_named() {
    let (trail, files, other) = (managed_week().write(1), Files::new(), "444455556666");
    let attached = policy(&["sqs:UntagQueue", "sqs:PurgeQueue"], &["*"]);
    let roles = [(ACCOUNT, "worker", attached.clone()), (other, "worker", attached)];
    let dump = files.write("dump.json", &dump(&roles).to_string());
    let given = ["--account-authorization-details", &dump, "--group-by", "role-name"];
    let (_, made) = described(trail.path(), &[&WEEK[..], &given].concat());
    let [shared] = list(&made, "shared") else { panic!("{made:#}") };
    assert_eq!(classes(shared).get("sqs:PurgeQueue"), Some(&"unobservable"), "{shared:#}");
    assert!(shared.to_string().contains("in account 444455556666: "), "{shared:#}");
    assert!(!shared.to_string().contains("in account 111122223333: "), "{shared:#}");
}

#[test]
fn what_a_policy_allows_since_its_version_of_today_was_not_looked_for_before() {
    let (trail, files) = (week().write(1), Files::new());
    for (owner, made, expected) in [
        (ACCOUNT, "2025-12-01T00:00:00Z", None),
        (ACCOUNT, "2026-01-06T10:00:00Z", Some("too-new")),
        // AWS's own change every few weeks.
        ("aws", "2026-01-06T10:00:00Z", None),
    ] {
        let arn = format!("arn:aws:iam::{owner}:policy/queues");
        let mut account = dump(&[(ACCOUNT, "worker", policy(&["sqs:ListQueues"], &["*"]))]);
        let role = &mut account["RoleDetailList"][0];
        role["RolePolicyList"] = json!([]);
        role["AttachedManagedPolicies"] = json!([{"PolicyName": "queues", "PolicyArn": arn}]);
        account["Policies"] = json!([{
            "PolicyName": "queues", "Arn": arn, "DefaultVersionId": "v2", "AttachmentCount": 1,
            "PolicyVersionList": [
                {"VersionId": "v2", "IsDefaultVersion": true, "CreateDate": made,
                    "Document": policy(&["sqs:GetQueueAttributes", "sqs:PurgeQueue"], &[QUEUE])},
                {"VersionId": "v1", "IsDefaultVersion": false, "CreateDate": "2025-11-01T00:00:00Z",
                    "Document": policy(&["sqs:GetQueueAttributes"], &[QUEUE])},
            ],
        }]);
        let account = files.write("account.json", &account.to_string());
        let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
        let (_, diff) = described(trail.path(), &options);
        let worker = of(&diff, "worker");
        assert_eq!(classes(worker).get("sqs:PurgeQueue").copied(), expected, "{made}: {worker:#}");
    }
}

#[test]
fn who_uses_nothing_of_a_policy_that_others_use_is_told_so_where_it_would_have_shown() {
    let arn = "arn:aws:iam::111122223333:policy/queues";
    let call = ("sts.amazonaws.com", "GetCallerIdentity", "{}");
    let mut log = managed_week();
    for day in 0..8 {
        log.at(ACCOUNT, "other", (day, 9), call, true);
    }
    let (trail, files) = (log.write(1), Files::new());
    let looked = |actions: &[&str]| {
        let none = || policy(&["sts:GetSessionToken"], &["*"]);
        let mut account = dump(&[(ACCOUNT, "worker", none()), (ACCOUNT, "other", none())]);
        for role in 0..2 {
            let role = &mut account["RoleDetailList"][role];
            role["RolePolicyList"] = json!([]);
            role["AttachedManagedPolicies"] = json!([{"PolicyName": "queues", "PolicyArn": arn}]);
        }
        account["Policies"] = json!([{
            "PolicyName": "queues", "Arn": arn, "DefaultVersionId": "v1",
            "AttachmentCount": 2, "PermissionsBoundaryUsageCount": 0,
            "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true,
                "Document": policy(actions, &[QUEUE])}],
        }]);
        let account = files.write("account.json", &account.to_string());
        let options = ["--unused-days", "3", "--account-authorization-details", &account];
        described(trail.path(), &options).1
    };
    let told = |made: &Value, name: &str| -> Vec<String> {
        let findings = list(of(made, name), "findings").iter();
        let unused = findings.filter(|one| text_of(one, "code") == "unused-access");
        unused.map(|one| text_of(one, "message").to_owned()).collect()
    };
    let made = looked(&["sqs:UntagQueue"]);
    let [finding] = &told(&made, "role/other")[..] else { panic!("{made:#}") };
    assert!(finding.starts_with("used nothing of queues in "), "{finding}");
    assert!(finding.ends_with("detach it from this one"), "{finding}");
    let idle = &of(&made, "role/other")["proofs"]["irredundant"]["for_others"];
    assert_eq!(texts(idle), ["queues"]);
    assert!(told(&made, "role/worker").is_empty());
    // Messages are data events, which this trail need not have taken.
    let made = looked(&["sqs:UntagQueue", "sqs:SendMessage"]);
    assert!(told(&made, "role/other").is_empty(), "{made:#}");
}
