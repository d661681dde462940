//! What a Deny statement or the boundary surely forbids is not allowed, whatever an Allow says.

use serde_json::{Value, json};

use super::{
    ACCOUNT, Files, Log, QUEUE, WEEK, classes, described, drafted, dump, managed_week, of, texts,
    week,
};
use crate::harness::{list, number, text_of};

/// An account with the role `worker` of one inline policy, and a boundary where one is given.
fn account(statements: &[Value], boundary: Option<&[Value]>) -> String {
    let document = |statements: &[Value]| json!({"Version": "2012-10-17", "Statement": statements});
    let mut account = dump(&[(ACCOUNT, "worker", document(statements))]);
    if let Some(statements) = boundary {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/limit");
        account["RoleDetailList"][0]["PermissionsBoundary"] =
            json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
        account["Policies"] = json!([{
            "PolicyName": "limit", "Arn": arn, "DefaultVersionId": "v1",
            "PolicyVersionList": [
                {"VersionId": "v1", "IsDefaultVersion": true, "Document": document(statements)}
            ],
        }]);
    }
    account.to_string()
}

fn judged(statements: &[Value], boundary: Option<&[Value]>) -> Value {
    judged_by(week(), statements, boundary)
}

fn judged_by(mut log: Log, statements: &[Value], boundary: Option<&[Value]>) -> Value {
    // What others do shows that the trail was looking at IAM.
    let call = ("iam.amazonaws.com", "GetRole", r#"{"roleName":"somebody"}"#);
    for day in 0..8 {
        for hour in (0..24).step_by(4) {
            for reads in [true, false] {
                log.at(ACCOUNT, "somebody", (day, hour), call, reads);
            }
        }
    }
    let (trail, files) = (log.write(1), Files::new());
    let account = files.write("account.json", &account(statements, boundary));
    let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
    of(&described(trail.path(), &options).1, "worker").clone()
}

fn codes(one: &Value) -> Vec<&str> {
    list(one, "findings").iter().map(|finding| text_of(finding, "code")).collect()
}

/// Returns what is said of an action that goes.
pub(super) fn gone<'d>(one: &'d Value, action: &str) -> Vec<&'d str> {
    let all = list(one, "statements").iter().flat_map(|statement| list(statement, "removed"));
    let of = all.filter(|removed| texts(&removed["actions"]).contains(&action));
    of.map(|removed| text_of(removed, "why")).collect()
}

fn allow(actions: &[&str]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": "*"})
}

const HOLES: [&str; 5] = [
    "sqs:GetQueueAttributes",
    "iam:PutRolePolicy",
    "iam:PassRole",
    "kafka-cluster:Connect",
    "kafka-cluster:ReadData",
];

#[test]
fn what_an_own_deny_forbids_is_no_hole_and_needs_not_stay() {
    let open = judged(&[allow(&HOLES)], None);
    assert!(codes(&open).contains(&"privilege-escalation"), "{open:#}");
    assert!(codes(&open).contains(&"pass-role-star"), "{open:#}");
    assert_eq!(classes(&open).get("kafka-cluster:Connect"), Some(&"unobservable"));

    let deny =
        json!({"Effect": "Deny", "Action": ["iam:*", "kafka-cluster:Con*"], "Resource": "*"});
    let one = judged(&[allow(&HOLES), deny.clone()], None);
    assert_eq!(codes(&one), ["resource-star"], "{one:#}");
    assert_eq!(
        gone(&one, "kafka-cluster:Connect"),
        ["the Deny of inline, statement 1, forbids it"]
    );
    assert_eq!(classes(&one).get("kafka-cluster:ReadData"), Some(&"unobservable"));
    let [draft] = drafted(&one)[..] else { panic!("{one:#}") };
    let statements = list(draft, "Statement");
    assert_eq!(texts(&statements.last().unwrap()["Action"]), texts(&deny["Action"]), "{draft:#}");
    assert!(!draft.to_string().contains("kafka-cluster:Connect"), "{draft:#}");

    // One with a condition, or on some resources, does not surely forbid it.
    for less in [
        json!({"Effect": "Deny", "Action": "iam:*", "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}),
        json!({"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:role/admin"}),
        json!({"Effect": "Deny", "Action": "iam:*", "NotResource": "arn:aws:iam::*:role/admin"}),
    ] {
        let one = judged(&[allow(&HOLES), less], None);
        assert!(codes(&one).contains(&"privilege-escalation"), "{one:#}");
    }
}

#[test]
fn a_deny_of_all_but_some_things_spares_what_can_be_about_these() {
    let what = ["sqs:GetQueueAttributes", "dynamodb:DescribeEndpoints", "kafka-cluster:Connect"];
    let of = |but: &str| {
        let deny = json!({"Effect": "Deny", "Action": ["dynamodb:*", "kafka-cluster:*"],
            "NotResource": but});
        let one = judged(&[allow(&what), deny], None);
        let forbidden = |action: &&&str| {
            gone(&one, action).contains(&"the Deny of inline, statement 1, forbids it")
        };
        what[1..].iter().filter(forbidden).map(|action| (*action).to_owned()).collect::<Vec<_>>()
    };
    let [_, endpoints, connect] = what;
    // No connection to a cluster is about a table, and what has no resource is not about one of a name.
    assert_eq!(of("arn:aws:dynamodb:*:*:table/ok"), [endpoints, connect]);
    assert_eq!(of("arn:aws:kafka:*:*:cluster/ok/1"), [endpoints]);
    // What has no resource may be asked for on all of a collection, as IAM does with `role/`.
    assert_eq!(of("arn:aws:dynamodb:*:*:table/*"), [connect]);
    for but in ["*", "arn:aws:dynamodb:*:*:table/${aws:userid}"] {
        assert_eq!(of(but), Vec::<String>::new(), "{but}");
    }
}

#[test]
fn a_deny_of_all_but_some_services_leaves_a_small_draft() {
    let wide = json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"});
    let deny = json!({"Effect": "Deny", "NotAction": ["sqs:*", "sns:*"], "Resource": "*"});
    let one = judged(&[wide, deny], None);
    assert_eq!(text_of(&one, "status"), "tightened", "{one:#}");
    assert_eq!(codes(&one), ["action-star", "unused-access"], "{one:#}");
    let services = |listed: &Value| listed.as_array().unwrap().len();
    assert!(services(&one["statements"][0]["removed"]) > 100, "{one:#}");
}

#[test]
fn of_several_resources_those_that_a_deny_names_do_not_stay() {
    let held = [QUEUE, "arn:aws:sqs:us-east-1:111122223333:other"];
    let wide = json!({"Effect": "Allow", "Action": ["sqs:GetQueueAttributes", "sqs:PurgeQueue"],
        "Resource": held});
    let deny = json!({"Effect": "Deny", "Action": "sqs:*", "Resource": held[1]});
    // Of the other region nothing is known.
    let one = judged(std::slice::from_ref(&wide), None);
    assert!(drafted(&one)[0].to_string().contains(held[1]), "{one:#}");
    let one = judged(&[wide, deny], None);
    let [draft] = drafted(&one)[..] else { panic!("{one:#}") };
    let statements = list(draft, "Statement").iter();
    for statement in statements.filter(|one| text_of(one, "Effect") == "Allow") {
        assert_eq!(texts(&statement["Resource"]), [QUEUE], "{draft:#}");
    }
}

#[test]
fn what_the_boundary_does_not_allow_is_no_hole_and_needs_not_stay() {
    let one = judged(&[allow(&HOLES)], Some(&[allow(&["sqs:*"])]));
    assert_eq!(codes(&one), ["resource-star"], "{one:#}");
    assert_eq!(gone(&one, "kafka-cluster:Connect"), ["the boundary limit does not allow it"]);
    assert_eq!(number(&one["proofs"]["replay"], "allowed"), 8);
    assert_eq!(number(&one["proofs"]["irredundant"], "tried"), 2, "{one:#}");
    // Under a condition it may.
    let perhaps = json!({"Effect": "Allow", "Action": ["iam:*", "sqs:*"], "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}}});
    let one = judged(&[allow(&HOLES)], Some(&[perhaps]));
    assert!(codes(&one).contains(&"privilege-escalation"), "{one:#}");
    let replay = &one["proofs"]["replay"];
    assert_eq!((number(replay, "allowed"), number(replay, "conditional")), (0, 8), "{replay:#}");
}

/// What EC2 does without a resource, it is asked for on `*` alone.
#[test]
fn a_boundary_on_arns_does_not_allow_what_takes_no_resource() {
    let action = "ec2:DescribeVerifiedAccessInstanceWebAclAssociations";
    let limit = json!({"Effect": "Allow", "Action": ["ec2:*", "sqs:*"],
        "Resource": ["arn:aws:ec2:*:*:instance/*", QUEUE]});
    let one = judged(&[allow(&["sqs:GetQueueAttributes", action])], Some(&[limit]));
    assert_eq!(gone(&one, action), ["the boundary limit does not allow it"], "{one:#}");
}

#[test]
fn what_worked_although_the_boundary_forbids_it_is_unexplained() {
    let held = allow(&["sqs:GetQueueAttributes", "sqs:PurgeQueue"]);
    let one = judged(std::slice::from_ref(&held), Some(&[allow(&["s3:*"])]));
    assert!(codes(&one).contains(&"unexplained-access"), "{one:#}");
    assert!(one["frozen"].get("sqs").is_some(), "{one:#}");
    let replay = &one["proofs"]["replay"];
    assert_eq!((number(replay, "allowed"), number(replay, "not_attached")), (0, 8), "{replay:#}");
    // What is not understood stays, whatever seems to forbid it.
    assert_eq!(classes(&one).get("sqs:PurgeQueue"), Some(&"frozen"));
    // One that reaches a part of what the call may have been on explains it.
    let queue = json!({"Effect": "Allow", "Action": "sqs:*", "Resource": QUEUE});
    let one = judged(&[held], Some(&[queue]));
    assert!(!codes(&one).contains(&"unexplained-access"), "{one:#}");
}

/// The record leaves open which secret it was, and the boundary says which of the statements it can have been.
#[test]
fn what_a_boundary_forbids_of_what_the_record_leaves_open_is_asked_of_no_draft() {
    let make = |effect: &str, on: &str| {
        let on = format!("arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{on}");
        json!({"Effect": effect, "Action": "secretsmanager:CreateSecret", "Resource": on})
    };
    let statements = [make("Allow", "db-a*"), make("Allow", "db-b*")];
    let lists = vec![make("Allow", "db-b*")];
    let denies = vec![allow(&["*"]), make("Deny", "db-a*")];
    for boundary in [lists, denies] {
        let (source, name) = ("secretsmanager.amazonaws.com", r#"{"name":"db"}"#);
        let log = Log::alive(ACCOUNT, 8).daily("worker", source, "CreateSecret", name);
        let one = judged_by(log, &statements, Some(&boundary));
        let draft = json!(drafted(&one)).to_string();
        assert!(draft.contains("db-b") && !draft.contains("db-a"), "{draft}");
    }
}

#[test]
fn what_is_beside_the_name_of_a_user_is_scoped_as_ever_for_a_role() {
    let held = json!({"Effect": "Allow", "Action": ["sqs:UntagQueue", "sqs:SendMessage"],
        "Resource": ["arn:aws:sqs:*:*:home-${aws:username}", "arn:aws:sqs:*:*:*"]});
    let one = judged_by(managed_week(), &[held], None);
    let [draft] = drafted(&one)[..] else { panic!("{one:#}") };
    assert!(!draft.to_string().contains("aws:username"), "{draft:#}");
    let statements = list(draft, "Statement").iter();
    let evident: Vec<&str> = statements
        .filter(|one| texts(&one["Action"]) == ["sqs:UntagQueue"])
        .flat_map(|one| texts(&one["Resource"]))
        .collect();
    assert_eq!(evident, [QUEUE], "{draft:#}");
    assert!(one["statements"][0].get("keeps_resources").is_none(), "{one:#}");
}
