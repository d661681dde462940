//! Things that a role makes and deletes itself, under another name each time.

use std::collections::BTreeSet;

use serde_json::Value;

use super::beside::{allow, worker};
use super::{ACCOUNT, Files, Log, WEEK, described, drafted, dump, texts};
use crate::harness::{list, text_of};

/// A role that makes a topic every other day, reads it and deletes the one before; `own` tells whether it
/// makes them itself.
fn topics(own: bool) -> Log {
    let mut log = Log::alive(ACCOUNT, 8);
    let sns = "sns.amazonaws.com";
    for day in (0..8).step_by(2) {
        let topic = |day: usize| format!("arn:aws:sns:eu-west-1:{ACCOUNT}:pr-{day}");
        let maker = if own { "worker" } else { "somebody" };
        let made = format!(r#"{{"name":"pr-{day}"}}"#);
        log.at(ACCOUNT, maker, (day, 8), (sns, "CreateTopic", &made), false);
        for read in [day, day + 1] {
            let of = format!(r#"{{"topicArn":"{}"}}"#, topic(day));
            log.at(ACCOUNT, "worker", (read, 9), (sns, "GetTopicAttributes", &of), true);
        }
        if day > 0 {
            let of = format!(r#"{{"topicArn":"{}"}}"#, topic(day - 2));
            log.at(ACCOUNT, "worker", (day, 10), (sns, "DeleteTopic", &of), false);
        }
    }
    log
}

/// Returns on what the draft allows to read topics.
fn read_on(one: &Value) -> Vec<String> {
    let statements = drafted(one).into_iter().flat_map(|draft| list(draft, "Statement"));
    let reads = |one: &&Value| {
        texts(&one["Action"])
            .iter()
            .any(|action| trailtrim_iam::pattern::covers_action(action, "sns:GetTopicAttributes"))
    };
    statements.filter(reads).flat_map(|one| texts(&one["Resource"])).map(str::to_owned).collect()
}

fn notes(one: &Value) -> Vec<&str> {
    let notes = one["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    notes.filter(|note| note.contains("names come and go")).collect()
}

const ACTIONS: [&str; 3] = ["sns:CreateTopic", "sns:GetTopicAttributes", "sns:DeleteTopic"];

#[test]
fn what_is_made_anew_each_time_stays_on_the_attached_pattern() {
    let attached = format!("arn:aws:sns:*:{ACCOUNT}:pr-*");
    let one = worker(&topics(true), &[allow(&ACTIONS, &attached)], &WEEK);
    let on =
        ["eu-west-1", "us-east-1"].map(|region| format!("arn:aws:sns:{region}:{ACCOUNT}:pr-*"));
    assert_eq!(read_on(&one), on, "{one:#}");
    let actions = list(&one["statements"][0], "actions").iter();
    let read = actions.filter(|one| text_of(one, "action") == "sns:GetTopicAttributes");
    let why: Vec<&str> = read.map(|one| text_of(one, "why")).collect();
    assert!(why[0].contains("its own calls made each of the 8 names and deleted 6"), "{why:?}");
    assert!(notes(&one).is_empty(), "{one:#}");
    // What somebody else makes may be there to stay.
    let one = worker(&topics(false), &[allow(&ACTIONS, &attached)], &WEEK);
    assert_eq!(read_on(&one).len(), 8, "{one:#}");
}

#[test]
fn where_no_pattern_of_its_kind_is_attached_the_next_name_is_warned_of() {
    for attached in ["*", "arn:aws:sns:*:*:*"] {
        let one = worker(&topics(true), &[allow(&ACTIONS, attached)], &WEEK);
        assert_eq!(read_on(&one).len(), 8, "{one:#}");
        let told = notes(&one);
        let own = |told: &&str| told.contains("on 4 things, that it makes and deletes itself");
        assert_eq!(told.iter().filter(|told| own(told)).count(), 2, "{told:?}");
    }
}

/// A role that makes a table every day, looks at it and deletes the one before, for so many days.
fn tables(days: usize) -> Log {
    let mut log = Log::alive(ACCOUNT, 8);
    let db = "dynamodb.amazonaws.com";
    for day in 0..days {
        let of = |day: usize| format!(r#"{{"tableName":"ci-{day}"}}"#);
        log.at(ACCOUNT, "worker", (day, 8), (db, "CreateTable", &of(day)), false);
        log.at(ACCOUNT, "worker", (day, 9), (db, "DescribeTable", &of(day)), true);
        if day > 0 {
            log.at(ACCOUNT, "worker", (day, 10), (db, "DeleteTable", &of(day - 1)), false);
        }
    }
    log.at(ACCOUNT, "worker", (7, 11), (db, "DeleteTable", r#"{"tableName":"ci-0"}"#), false);
    log
}

const TABLES: [&str; 3] =
    ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:DeleteTable"];

/// A statement about tables.
fn on_tables(name: &str) -> Value {
    allow(&TABLES, &format!("arn:aws:dynamodb:*:{ACCOUNT}:table/{name}"))
}

#[test]
fn what_has_none_of_the_names_or_means_all_of_the_kind_does_not_stay() {
    let drafts = |attached: &[&str]| {
        let allow: Vec<Value> = attached.iter().map(|name| on_tables(name)).collect();
        let one = worker(&tables(8), &allow, &WEEK);
        serde_json::json!(drafted(&one)).to_string()
    };
    assert!(drafts(&["ci-*"]).contains("table/ci-*"));
    let both = drafts(&["ci-*", "prod-*", "orders"]);
    assert!(both.contains("table/ci-*"), "{both}");
    assert!(!both.contains("table/prod-*") && !both.contains("table/orders"), "{both}");
    for wide in ["*", "?*", "??*", "*-*"] {
        let all = drafts(&[wide]);
        assert!(!all.contains(&format!("table/{wide}")) && all.contains("table/ci-3"), "{all}");
    }
}

#[test]
fn what_stands_beside_a_pattern_does_not_decide_on_it() {
    let mut statement = on_tables("ci-*");
    let queues = Value::from(format!("arn:aws:sqs:*:{ACCOUNT}:*"));
    statement["Resource"] = [statement["Resource"].clone(), queues].into_iter().collect();
    let one = worker(&tables(8), &[statement], &WEEK);
    let drafts = serde_json::json!(drafted(&one)).to_string();
    assert!(drafts.contains("table/ci-*"), "{drafts}");
}

#[test]
fn names_are_counted_by_what_is_attached_and_not_by_region() {
    // Two names, in two regions each.
    let one = worker(&tables(2), &[on_tables("ci-*")], &WEEK);
    let drafts = serde_json::json!(drafted(&one)).to_string();
    for region in ["eu-west-1", "us-east-1"] {
        assert!(drafts.contains(&format!(":{region}:{ACCOUNT}:table/ci-*")), "{drafts}");
    }
    // No pattern of which one name is listed is for the next one, be it one in each region.
    let one = worker(&tables(2), &[on_tables("*")], &WEEK);
    let told = notes(&one);
    assert!(told.iter().any(|one| one.contains("makes and deletes itself")), "{one:#}");
}

#[test]
fn a_pattern_that_none_of_the_calls_needed_goes() {
    let mut elsewhere = on_tables("c*");
    elsewhere["Condition"] = serde_json::json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
    for beside in [on_tables("c*"), elsewhere] {
        let one = worker(&tables(8), &[on_tables("ci-*"), beside], &WEEK);
        let drafts = serde_json::json!(drafted(&one)).to_string();
        assert!(drafts.contains("table/ci-*") && !drafts.contains("table/c*"), "{drafts}");
    }
    // What keeps the calls by their names alone is not there for the next one.
    let one = worker(&tables(8), &[on_tables("*"), on_tables("ci-*")], &WEEK);
    let drafts = serde_json::json!(drafted(&one)).to_string();
    assert!(drafts.contains("table/ci-*") && !drafts.contains("table/*"), "{drafts}");
}

#[test]
fn what_was_seen_is_told_as_its_own_statement_writes_it() {
    let files = Files::new();
    let pinned = format!(
        "[[pin]]\naction = \"dynamodb:DescribeTable\"\nreason = \"r\"\nowner = \"o\"\n\
         resource = \"arn:aws:dynamodb:*:{ACCOUNT}:table/c*\"\n"
    );
    let config = files.write("trailtrim.toml", &pinned);
    let mut there = on_tables("c*");
    there["Condition"] = serde_json::json!({"StringEquals": {"aws:RequestedRegion": "sa-east-1"}});
    let options = [&WEEK[..], &["--config", &config]].concat();
    let one = worker(&tables(8), &[on_tables("ci-*"), there], &options);
    assert!(serde_json::json!(drafted(&one)).to_string().contains("table/c*"), "{one:#}");
    let actions = list(&one["statements"][0], "actions").iter();
    let looked = actions.filter(|one| text_of(one, "action") == "dynamodb:DescribeTable");
    let used: Vec<&Value> = looked.flat_map(|one| list(one, "used")).collect();
    assert!(!used.is_empty(), "{one:#}");
    for one in used {
        assert!(text_of(&one["written_as"], "pattern").ends_with("table/ci-*"), "{one:#}");
    }
}

/// A role that makes a role or a user every other day, gives it something and deletes the one before.
fn identities(kind: &str, gives: &str) -> Log {
    let mut log = Log::alive(ACCOUNT, 8);
    let field = format!("{}Name", kind.to_ascii_lowercase());
    for day in (0..8).step_by(2) {
        let mut call = |hour: usize, name: &str, day: usize| {
            let of = serde_json::json!({field.as_str(): format!("pr-{day}"),
                "policyArn": format!("arn:aws:iam::{ACCOUNT}:policy/base")});
            let call = ("iam.amazonaws.com", name, &*of.to_string());
            log.at(ACCOUNT, "worker", (day, hour), call, false);
        };
        call(8, &format!("Create{kind}"), day);
        call(9, gives, day);
        if day > 0 {
            call(10, &format!("Delete{kind}"), day - 2);
        }
    }
    log
}

#[test]
fn what_manages_permissions_or_makes_credentials_stays_on_the_names_and_is_told() {
    let of = |verb: &str, kind: &str| format!("iam:{verb}{kind}");
    for (kind, gives) in [("Role", "AttachRolePolicy"), ("User", "CreateAccessKey")] {
        let own = &format!("iam:{gives}");
        let attached = format!("arn:aws:iam::{ACCOUNT}:{}/pr-*", kind.to_ascii_lowercase());
        let (make, delete) = (of("Create", kind), of("Delete", kind));
        let one =
            worker(&identities(kind, gives), &[allow(&[&make, &delete, own], &attached)], &WEEK);
        let on = |action: &str| -> Vec<String> {
            let all = drafted(&one).into_iter().flat_map(|draft| list(draft, "Statement"));
            let has = all.filter(|one| texts(&one["Action"]).contains(&action));
            has.flat_map(|one| texts(&one["Resource"])).map(str::to_owned).collect()
        };
        assert_eq!(on(&make), std::slice::from_ref(&attached), "{one:#}");
        assert_eq!(on(own).len(), 4, "{one:#}");
        assert!(!on(own).contains(&attached), "{one:#}");
        let told = notes(&one);
        assert!(told.iter().any(|note| note.contains(own.as_str())), "{told:?}");
    }
}

/// Another statement keeps them: by which names, is asked of all of them and of that very statement.
#[test]
fn a_pattern_stays_though_another_statement_keeps_some_of_the_names() {
    let mut log = Log::alive(ACCOUNT, 8);
    let sns = "sns.amazonaws.com";
    for (name, many) in [("pr", 24), ("zz", 6)] {
        for one in 0..many {
            let topic = format!("arn:aws:sns:eu-west-1:{ACCOUNT}:{name}-{one:02}");
            let made = format!(r#"{{"name":"{name}-{one:02}"}}"#);
            let of = format!(r#"{{"topicArn":"{topic}"}}"#);
            for (hour, call, parameters) in [
                (8, "CreateTopic", &made),
                (9, "GetTopicAttributes", &of),
                (10, "DeleteTopic", &of),
            ] {
                log.at(ACCOUNT, "worker", (one % 8, hour), (sns, call, parameters), false);
            }
        }
    }
    let topic = |name: &str| format!("arn:aws:sns:*:{ACCOUNT}:{name}");
    let mut both = allow(&ACTIONS, "");
    both["Resource"] = serde_json::json!([topic("pr-*"), topic("zz-*")]);
    let statements = [allow(&ACTIONS, &topic("pr-*")), allow(&ACTIONS, &topic("*")), both];
    let one = worker(&log, &statements, &WEEK);
    let on: BTreeSet<String> =
        read_on(&one).iter().filter_map(|on| on.rsplit(':').next().map(str::to_owned)).collect();
    assert_eq!(on, BTreeSet::from(["pr-*", "zz-*"].map(str::to_owned)), "{one:#}");
}

/// A shared policy with a role's own one of the same name is another one.
#[test]
fn a_pattern_stays_in_the_policy_that_has_it_whatever_the_others_are_called() {
    let topic = |name: &str| format!("arn:aws:sns:*:{ACCOUNT}:{name}");
    let of = |name: &str, own: &str, managed: &str| -> Vec<String> {
        let document = |on: &str| serde_json::json!({"Version": "2012-10-17", "Statement": [allow(&ACTIONS, &topic(on))]});
        let mut account = dump(&[(ACCOUNT, "worker", document(own))]);
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
        account["RoleDetailList"][0]["AttachedManagedPolicies"] =
            serde_json::json!([{"PolicyName": name, "PolicyArn": arn}]);
        account["Policies"] = serde_json::json!([{"PolicyName": name, "Arn": arn, "Path": "/",
            "DefaultVersionId": "v1", "AttachmentCount": 1, "PolicyVersionList": [{"VersionId": "v1",
            "IsDefaultVersion": true, "CreateDate": "2020-01-01T00:00:00Z", "Document": document(managed)}]}]);
        let (trail, files) = (topics(true).write(1), Files::new());
        let account = files.write("account.json", &account.to_string());
        let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
        let (_, made) = described(trail.path(), &options);
        read_on(super::of(&made, "worker"))
    };
    for name in ["inline", "other"] {
        assert!(of(name, "*", "pr-*").iter().any(|on| on.ends_with("pr-*")), "{name}");
        assert!(of(name, "pr-*", "*").iter().any(|on| on.ends_with("pr-*")), "{name}");
    }
}

/// Rules of a controller are for each group that it makes; what its policy says by tags is for the next one, too.
#[test]
fn a_statement_on_tags_stays_where_the_names_that_another_one_keeps_come_and_go() {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        let group = format!(
            r#"{{"groupId":"sg-{day:017x}","ipPermissions":{{"items":[{{"ipProtocol":"tcp"}}]}}}}"#
        );
        let fixed = r#"{"groupId":"sg-0bb0bb0bb0bb0bb0b","ipPermissions":{"items":[{"ipProtocol":"tcp"}]}}"#;
        let ec2 = "ec2.amazonaws.com";
        log.at(ACCOUNT, "worker", (day, 8), (ec2, "AuthorizeSecurityGroupIngress", &group), false);
        log.at(ACCOUNT, "worker", (day, 9), (ec2, "RevokeSecurityGroupIngress", fixed), false);
    }
    let actions = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"];
    let classes = |key: &str| -> Vec<String> {
        let mut tagged = allow(&actions, "*");
        tagged["Condition"] = serde_json::json!({"Null": {key: "false"}});
        let one = worker(&log, &[allow(&actions, "*"), tagged], &WEEK);
        let judged = list(&one["statements"][1], "actions").iter();
        let judged =
            judged.map(|one| format!("{} {}", text_of(one, "action"), text_of(one, "class")));
        assert!(!notes(&one).iter().any(|note| note.contains("Authorize")) || key != TAG);
        judged.collect()
    };
    const TAG: &str = "aws:ResourceTag/elbv2.k8s.aws/cluster";
    let elsewhere = "ec2:RevokeSecurityGroupIngress allowed-elsewhere";
    assert_eq!(classes(TAG), ["ec2:AuthorizeSecurityGroupIngress companion", elsewhere]);
    let none = "ec2:AuthorizeSecurityGroupIngress allowed-elsewhere";
    assert_eq!(classes("aws:SourceVpce"), [none, elsewhere]);
}
