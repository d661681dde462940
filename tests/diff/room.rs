//! What may be attached beside what stays.

use serde_json::{Value, json};

use super::beside::{allow, worker};
use super::{
    ACCOUNT, Files, Log, QUEUE, WEEK, classes, described, drafted, dump, of, policy, texts, week,
};
use crate::harness::{list, number, text_of};

/// A policy of which three large Deny statements stay.
fn heavy() -> Value {
    let mut heavy = policy(&["sqs:GetQueueAttributes", "sqs:PurgeQueue"], &[QUEUE]);
    for bucket in ["a", "b", "c"] {
        let objects: Vec<String> =
            (0..20).map(|n| format!("arn:aws:s3:::bucket-{bucket}/{n:02}/*")).collect();
        let deny = json!({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": objects});
        heavy["Statement"].as_array_mut().unwrap().push(deny);
    }
    heavy
}

#[test]
fn what_stays_attached_takes_away_from_what_a_draft_may_have() {
    let (trail, files) = (week().write(1), Files::new());
    let config = files.write("trailtrim.toml", "[limits]\ndocument = 900\ndocuments = 4\n");
    for (staying, fits) in [(0, true), (1, true), (2, false), (4, false)] {
        let mut account = dump(&[(ACCOUNT, "worker", heavy())]);
        let managed: Vec<Value> = (0..staying)
            .map(|n| json!({"PolicyName": format!("Aws{n}"), "PolicyArn": format!("arn:aws:iam::aws:policy/Aws{n}")}))
            .collect();
        account["RoleDetailList"][0]["AttachedManagedPolicies"] = managed.into();
        let account = files.write("account.json", &account.to_string());
        let options =
            [&WEEK[..], &["--account-authorization-details", &account, "--config", &config]];
        let (_, made) = described(trail.path(), &options.concat());
        let worker = of(&made, "worker");
        let told = &worker["proofs"]["fits"];
        assert_eq!(list(told, "sizes").len(), 3, "{told}");
        assert_eq!(told["holds"], fits, "{staying}: {told}");
        assert_eq!(text_of(worker, "status") != "does-not-fit", fits, "{staying}: {worker:#}");
        let notes = worker["notes"].to_string();
        let taken = format!("{staying} of 4 managed policies that may be attached are taken");
        assert_eq!(notes.contains(&taken), !fits, "{notes}");
        assert_eq!(worker["draft"].get("obstacle").is_some(), !fits);
    }
}

#[test]
fn what_is_shared_takes_away_from_it_too() {
    let (trail, files) = (week().write(1), Files::new());
    let config = files.write("trailtrim.toml", "[limits]\ndocument = 900\ndocuments = 3\n");
    let mut account = dump(&[(ACCOUNT, "worker", heavy())]);
    let arn = "arn:aws:iam::111122223333:policy/queues";
    let other = dump(&[(ACCOUNT, "other", policy(&["sqs:ListQueues"], &["*"]))]);
    let roles = account["RoleDetailList"].as_array_mut().unwrap();
    roles.push(other["RoleDetailList"][0].clone());
    for role in roles {
        role["AttachedManagedPolicies"] = json!([{"PolicyName": "queues", "PolicyArn": arn}]);
    }
    let mut shared = policy(&["sqs:GetQueueUrl"], &[QUEUE]);
    let deny = json!({"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"});
    shared["Statement"].as_array_mut().unwrap().push(deny);
    account["Policies"] = json!([{
        "PolicyName": "queues", "Arn": arn, "DefaultVersionId": "v1", "AttachmentCount": 2,
        "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true,
            "Document": shared}],
    }]);
    let account = files.write("account.json", &account.to_string());
    let options = [&WEEK[..], &["--account-authorization-details", &account, "--config", &config]];
    let (_, made) = described(trail.path(), &options.concat());
    let worker = of(&made, "worker");
    assert_eq!(text_of(worker, "status"), "does-not-fit", "{worker:#}");
}

#[test]
fn an_inline_budget_is_that_of_whoever_gets_the_policy() {
    let (trail, files) = (week().write(1), Files::new());
    let attached = files.write("policy.json", &heavy().to_string());
    for budget in ["inline", "inline-role", "inline-user", "inline-group"] {
        let options = [&WEEK[..], &["--attached", &attached, "--budget", budget]].concat();
        let (_, made) = described(trail.path(), &options);
        let fits = &of(&made, "worker")["proofs"]["fits"];
        assert_eq!(number(fits, "document_limit"), 10_240, "{budget}: {fits}");
    }
}

#[test]
fn what_a_pattern_gives_back_to_fit_is_not_told_as_removed() {
    let names = ["Users", "Roles", "Groups", "Policies", "InstanceProfiles", "AccountAliases"];
    let log = names.iter().fold(Log::alive(ACCOUNT, 8), |log, name| {
        log.daily("worker", "iam.amazonaws.com", &format!("List{name}"), "{}")
    });
    let statements = [allow(&["iam:List*", "iam:DeleteUser"], "*")];
    let files = Files::new();
    let config = files.write("trailtrim.toml", "[limits]\ndocument = 130\ndocuments = 1\n");
    let wide = worker(&log, &statements, &[&WEEK[..], &["--config", &config]].concat());
    let removed = |worker: &Value| -> String {
        list(worker, "statements").iter().map(|one| one["removed"].to_string()).collect()
    };
    assert!(wide["draft"].to_string().contains("iam:List*"), "{wide:#}");
    assert_eq!(classes(&wide).get("iam:ListAccessKeys").copied(), Some("to-fit"), "{wide:#}");
    assert!(!removed(&wide).contains("iam:ListAccessKeys"), "{wide:#}");
    assert!(removed(&wide).contains("iam:DeleteUser"), "{wide:#}");
    let exact = worker(&log, &statements, &WEEK);
    assert!(removed(&exact).contains("iam:ListAccessKeys"), "{exact:#}");
}

/// Lists of which six were called, with statements in a room that a pattern fits.
fn listed(statements: &[Value], config: &str) -> Value {
    let names = ["Users", "Roles", "Groups", "Policies", "InstanceProfiles", "AccountAliases"];
    let log = names.iter().fold(Log::alive(ACCOUNT, 8), |log, name| {
        log.daily("worker", "iam.amazonaws.com", &format!("List{name}"), "{}")
    });
    let log = log.daily("worker", "iam.amazonaws.com", "ListAccessKeys", r#"{"userName":"jo"}"#);
    let files = Files::new();
    let config = files.write("trailtrim.toml", config);
    worker(&log, statements, &[&WEEK[..], &["--config", &config]].concat())
}

const TIGHT: &str = "[limits]\ndocument = 130\ndocuments = 1\n";

#[test]
fn no_pattern_brings_back_what_no_draft_may_hold() {
    let config = format!("never = [\"iam:ListAccessKeys\"]\n{TIGHT}");
    let one = listed(&[allow(&["iam:List*", "iam:DeleteUser"], "*")], &config);
    for document in drafted(&one) {
        let statements = list(document, "Statement").iter();
        for action in statements.flat_map(|one| texts(&one["Action"])) {
            assert!(
                !trailtrim_iam::pattern::covers_action(action, "iam:ListAccessKeys"),
                "{one:#}"
            );
        }
    }
    assert_eq!(classes(&one).get("iam:ListAccessKeys"), Some(&"withheld"), "{one:#}");
}

#[test]
fn what_a_deny_forbids_is_not_there_to_fit() {
    let deny = json!({"Effect": "Deny", "Action": "iam:ListGroupsForUser", "Resource": "*"});
    let config = TIGHT.replace("130", "230");
    let one = listed(&[allow(&["iam:List*", "iam:DeleteUser"], "*"), deny], &config);
    assert!(one["draft"].to_string().contains("iam:List*"), "{one:#}");
    assert_eq!(classes(&one).get("iam:ListGroupsForUser"), None, "{one:#}");
    let removed = list(&one["statements"][0], "removed").iter();
    let forbidden = removed.filter(|removed| removed["class"] == "forbidden");
    let forbidden: Vec<&str> = forbidden.flat_map(|removed| texts(&removed["actions"])).collect();
    assert_eq!(forbidden, ["iam:ListGroupsForUser"], "{one:#}");
}

#[test]
fn what_another_statement_keeps_does_not_go_where_a_pattern_stands_for_it() {
    let user = "arn:aws:iam::111122223333:user/jo";
    let statements =
        [allow(&["iam:ListAccessKeys"], user), allow(&["iam:List*", "iam:DeleteUser"], "*")];
    let one = listed(&statements, &TIGHT.replace("130", "260"));
    assert!(one["draft"].to_string().contains("iam:List*"), "{one:#}");
    let actions = list(&one["statements"][1], "actions").iter();
    let told: Vec<&str> = actions
        .filter(|one| text_of(one, "action") == "iam:ListAccessKeys")
        .map(|one| text_of(one, "class"))
        .collect();
    assert_eq!(told, ["to-fit"], "{one:#}");
}
