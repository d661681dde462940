//! Things that a role makes and deletes itself, under another name each time.

use serde_json::Value;

use super::beside::{allow, worker};
use super::{ACCOUNT, Log, WEEK, drafted, texts};
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

/// A role that makes a table every other day, looks at it and deletes the one before.
fn tables() -> Log {
    let mut log = Log::alive(ACCOUNT, 8);
    let db = "dynamodb.amazonaws.com";
    for day in 0..8 {
        let of = |day: usize| format!(r#"{{"tableName":"ci-{day}"}}"#);
        log.at(ACCOUNT, "worker", (day, 8), (db, "CreateTable", &of(day)), false);
        log.at(ACCOUNT, "worker", (day, 9), (db, "DescribeTable", &of(day)), true);
        if day > 0 {
            log.at(ACCOUNT, "worker", (day, 10), (db, "DeleteTable", &of(day - 1)), false);
        }
    }
    log
}

#[test]
fn what_has_none_of_the_names_or_means_all_of_the_kind_does_not_stay() {
    let actions = ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:DeleteTable"];
    let on = |name: &str| format!("arn:aws:dynamodb:*:{ACCOUNT}:table/{name}");
    let drafts = |attached: &[&str]| {
        let allow: Vec<Value> = attached.iter().map(|name| allow(&actions, &on(name))).collect();
        let one = worker(&tables(), &allow, &WEEK);
        serde_json::json!(drafted(&one)).to_string()
    };
    assert!(drafts(&["ci-*"]).contains("table/ci-*"));
    let both = drafts(&["ci-*", "prod-*", "orders"]);
    assert!(both.contains("table/ci-*"), "{both}");
    assert!(!both.contains("table/prod-*") && !both.contains("table/orders"), "{both}");
    let all = drafts(&["*"]);
    assert!(!all.contains("table/*") && all.contains("table/ci-3"), "{all}");
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
        assert_eq!(on(&make), [attached.clone()], "{one:#}");
        assert_eq!(on(own).len(), 4, "{one:#}");
        assert!(!on(own).contains(&attached), "{one:#}");
        let told = notes(&one);
        assert!(told.iter().any(|note| note.contains(own.as_str())), "{told:?}");
    }
}
