//! In which patterns of actions a draft says what stays: one is attached on what its statement is about, and not
//! on what another statement names by its actions.

use serde_json::{Value, json};

use super::beside::{allow, worker};
use super::{ACCOUNT, Files, Log, WEEK, drafted, texts, week};
use crate::harness::{list, text_of};

const DESCRIBE: &str = "dynamodb:DescribeTable";

/// Lacks a colon, which its `*` may run past.
const RUNS_ON: &str = "arn:aws:sqs:*:jobs";

/// The week of a worker that looks at one table.
fn looks() -> Log {
    let table = r#"{"tableName":"x"}"#;
    Log::alive(ACCOUNT, 8).daily("worker", "dynamodb.amazonaws.com", "DescribeTable", table)
}

fn table(name: &str) -> String {
    format!("arn:aws:dynamodb:*:{ACCOUNT}:table/{name}")
}

/// Returns the actions and patterns that a draft has on a table.
fn on<'d>(one: &'d Value, name: &str) -> Vec<&'d str> {
    let statements = drafted(one).into_iter().flat_map(|draft| list(draft, "Statement"));
    let meant = statements.filter(|one| texts(&one["Resource"]).contains(&table(name).as_str()));
    meant.flat_map(|one| texts(&one["Action"])).collect()
}

#[test]
fn a_pattern_is_written_only_where_it_is_attached() {
    let updates = ["dynamodb:UpdateTable", "dynamodb:UpdateTableReplicaAutoScaling"];
    let wide = "dynamodb:UpdateTable*";
    // Nothing is unused after so few days: all of it stays, and may stand in one statement.
    let early = ["--unused-days", "100", "--principal", "worker", "--use-region", "eu-west-1"];
    let statements = [
        allow(&[DESCRIBE, wide], &table("x")),
        allow(&[&[DESCRIBE][..], &updates].concat(), &table("y")),
    ];
    let one = worker(&looks(), &statements, &early);
    let expected = [&[DESCRIBE][..], &updates].concat();
    assert_eq!(on(&one, "y"), expected, "{one:#}");
    let statements = ["x", "y"].map(|name| allow(&[DESCRIBE, wide], &table(name)));
    let one = worker(&looks(), &statements, &early);
    assert_eq!(on(&one, "y"), [DESCRIBE, wide], "{one:#}");
}

/// Tables are listed on no table, but a pattern may mean more than tables.
#[test]
fn a_pattern_means_nothing_that_goes_from_another_of_its_statements() {
    let files = Files::new();
    let pinned =
        "[[pin]]\naction = \"dynamodb:ListTagsOfResource\"\nreason = \"r\"\nowner = \"o\"\n";
    let config = files.write("trailtrim.toml", pinned);
    let options = [&WEEK[..], &["--config", &config]].concat();
    let statements = [
        allow(&[DESCRIBE], &table("x")),
        allow(&["dynamodb:ListT*"], &table("x")),
        allow(&["dynamodb:ListT*"], &table("y*")),
    ];
    let one = worker(&looks(), &statements, &options);
    assert_eq!(on(&one, "y*"), ["dynamodb:ListTagsOfResource"], "{one:#}");
}

/// An incomplete ARN means what it says and any of the parts that it lacks, with or without a `*` at its end.
#[test]
fn what_is_used_of_an_incomplete_arn_is_scoped_as_of_a_complete_one() {
    let actions = ["sqs:GetQueueAttributes", "sqs:TagQueue"];
    let whole = allow(&actions, "arn:aws:sqs:*:*:*");
    let scoped = drafted(&worker(&week(), &[whole], &WEEK))[0].clone();
    for wide in ["arn:aws:sqs:*", "arn:*", "arn:aws:sqs", "arn:aws"] {
        let one = worker(&week(), &[allow(&actions, wide)], &WEEK);
        let [draft] = drafted(&one)[..] else { panic!("{one:#}") };
        assert_eq!(*draft, scoped, "{wide}");
        assert!(list(&one["proofs"]["no_new_access"], "failures").is_empty(), "{one:#}");
    }
}

#[test]
fn an_incomplete_arn_forbids_what_it_means_alone() {
    for (listed, forbids) in [("Resource", true), ("NotResource", false)] {
        let deny = json!({"Effect": "Deny", "Action": "sqs:SendMessage", listed: "arn:aws:sqs"});
        let looks = allow(&["sqs:GetQueueAttributes"], "*");
        let statements = [looks, allow(&["sqs:SendMessage"], super::QUEUE), deny];
        let one = worker(&week(), &statements, &WEEK);
        let mut gone = list(&one, "statements").iter().flat_map(|one| list(one, "removed"));
        let forbidden = gone.any(|one| text_of(one, "why").contains("forbids it"));
        assert_eq!(forbidden, forbids, "{listed}: {one:#}");
    }
}

/// Whether the `*` of `arn:aws:sqs:*:jobs` runs past the colon that it lacks AWS's pages leave open, so that no queue
/// is surely on it.
#[test]
fn what_is_used_of_a_pattern_without_all_colons_stays_on_it_and_is_told_as_that() {
    let actions = ["sqs:GetQueueAttributes", "sqs:TagQueue"];
    // The narrower of two is idle, and not told either.
    for attached in [&[RUNS_ON][..], &["arn:aws:sqs:*:*jobs", RUNS_ON]] {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": attached});
        let one = worker(&week(), &[statement], &WEEK);
        let [draft] = drafted(&one)[..] else { panic!("{one:#}") };
        let [statement] = list(draft, "Statement") else { panic!("{draft:#}") };
        assert_eq!(texts(&statement["Action"]), actions[..1]);
        assert_eq!(texts(&statement["Resource"]), attached[..1], "{one:#}");
        let used = &one["statements"][0]["actions"][0]["used"][0];
        assert_eq!(used["written_as"]["pattern"], attached[0], "{one:#}");
        assert!(list(&one["proofs"]["no_new_access"], "failures").is_empty(), "{one:#}");
    }
}

#[test]
fn every_role_is_every_role_however_its_pattern_ends() {
    let own = |rest: &str| (format!("arn:aws:iam::{ACCOUNT}:{rest}"), true);
    let all = ["arn:aws:iam::*", "arn:aws:iam"].map(|one| (one.to_owned(), true));
    let every = ["*", "role/?*", "role/**", "role*", "*/*"].map(own);
    let some =
        ["arn:aws:iam::*:role/a*", "arn:aws:iam::*:user/*"].map(|one| (one.to_owned(), false));
    for (wide, every) in all.into_iter().chain(every).chain(some) {
        let wide = wide.as_str();
        let one = worker(&week(), &[allow(&["iam:PassRole"], wide)], &WEEK);
        let mut codes = list(&one, "findings").iter().map(|one| text_of(one, "code"));
        assert_eq!(codes.any(|code| code == "pass-role-star"), every, "{one:#}");
    }
}

/// What did not work shows nothing of how the pattern is read.
#[test]
fn what_stays_on_a_pattern_without_all_colons_is_told_as_that() {
    let mut log = week();
    for record in log.records.iter_mut().filter(|one| one.contains("GetQueueAttributes")) {
        *record = record.replacen('{', r#"{"errorCode":"ThrottlingException","#, 1);
    }
    let statements = [allow(&["sqs:GetQueueAttributes", "sqs:TagQueue"], RUNS_ON)];
    let one = worker(&log, &statements, &WEEK);
    let [draft] = drafted(&one)[..] else { panic!("{one:#}") };
    let [statement] = list(draft, "Statement") else { panic!("{draft:#}") };
    assert_eq!(texts(&statement["Resource"]), [RUNS_ON], "{one:#}");
    let used = &one["statements"][0]["actions"][0]["used"][0];
    assert_eq!(used["written_as"]["pattern"], RUNS_ON, "{one:#}");
}

/// Of names that are folded into one a `NotResource` may except a part.
#[test]
fn what_cannot_be_written_in_patterns_is_told_as_it_is_attached() {
    let mut log = Log::alive(ACCOUNT, 8);
    for number in 0..320 {
        let get = format!(r#"{{"bucketName":"b","key":"in/x{number:03}"}}"#);
        let call = ("s3.amazonaws.com", "GetObject", get.as_str());
        log.at(ACCOUNT, "worker", (number / 40, 9), call, true);
    }
    let statement = json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
        "NotResource": "arn:aws:s3:::b/in/secret*"});
    let options = [&WEEK[..], &["--name-quota", "32"]].concat();
    let one = worker(&log, &[statement], &options);
    let [draft] = drafted(&one)[..] else { panic!("{one:#}") };
    let [drafted] = list(draft, "Statement") else { panic!("{draft:#}") };
    assert_eq!(texts(&drafted["NotResource"]), ["arn:aws:s3:::b/in/secret*"], "{draft:#}");
    let statement = &list(&one, "statements")[0];
    let used = &list(&list(statement, "actions")[0], "used")[0];
    let written = text_of(&used["written_as"], "pattern");
    assert_eq!(written, "all but arn:aws:s3:::b/in/secret*", "{used:#}");
}
