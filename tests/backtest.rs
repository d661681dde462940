//! `backtest` against histories whose novelties are known.
//!
//! What the second part needed is testkit's word; whether the first part's
//! policies allow it is said by the dozen lines of `policy`, not by the product.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tempfile::TempDir;
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::archive::write;
use trailtrim_testkit::trail::clock::{DAY, iso};
use trailtrim_testkit::trail::event::Event;
use trailtrim_testkit::trail::scenario::{Novelty, Scenario, Shape, pack};
use trailtrim_testkit::trail::world::Size;

use crate::harness::{fixture_trail, generate, list, number, shared, text, text_of, trailtrim};
use crate::policy::{self, allows, glob, literal};

const SHAPE: Shape =
    Shape { size: Size { accounts: 2, principals: 8, keys: 12 }, days: 8, novelties: 8 };

fn archive(scenario: &Scenario, seed: u64) -> TempDir {
    let archive = TempDir::new().unwrap();
    let events: Vec<&Event> = scenario.events.iter().collect();
    write(archive.path(), &pack(&events, Random::new(seed))).unwrap();
    archive
}

/// Runs `backtest`, which must end with `code`, and returns its JSON.
fn backtest(trail: &std::path::Path, options: &[&str], code: i32) -> Value {
    let mut command = trailtrim();
    command.arg("backtest").arg(trail).args(["--format", "json"]).args(options);
    let output = command.output().unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(code), "{options:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Who needed what on which side of the split.
type Needs<'s> = BTreeSet<(String, &'static str, &'s str)>;

fn needs<'s>(scenario: &'s Scenario, when: impl Fn(&Event) -> bool) -> Needs<'s> {
    let mut needs = Needs::new();
    for event in scenario.events.iter().filter(|event| event.granted() && when(event)) {
        if let Some(principal) = event.who.principal() {
            for need in &event.call.needs {
                needs.insert((principal.clone(), need.action, need.resource.as_str()));
            }
        }
    }
    needs
}

#[test]
fn just_what_the_first_policies_lack_is_denied() {
    for seed in 0..4 {
        let scenario = Scenario::new(seed, SHAPE);
        let archive = archive(&scenario, seed);
        let split = scenario.start + (3 + seed as i64 % 3) * DAY;
        let at = iso(split);
        let drafted = generate(&[archive.path()], &["--until", &at]);
        let policies = drafted.policies();
        // What a draft of the whole lacks too is a matter of the mapping, which `truth` looks at.
        let whole = generate(&[archive.path()], &[]).policies();
        let result = backtest(archive.path(), &["--split", &at], 0);
        let fold = &list(&result, "folds")[0];

        let mut wrong = Vec::new();
        let after = needs(&scenario, |event| event.time >= split);
        for replayed in list(fold, "principals") {
            let arn = text_of(replayed, "principal");
            let (pairs, mapped) = (policy::pairs(&policies[arn]), policy::pairs(&whole[arn]));
            let lacking: Vec<_> = after
                .iter()
                .filter(|(who, action, on)| who == arn && !allows(&pairs, action, on))
                .collect();
            let denied: Vec<_> =
                list(replayed, "denied").iter().filter(|row| row["inferred"] == false).collect();
            let is = |row: &Value, action: &str, resource: &str| {
                // Either may be a pattern: a need by its nature, a row by widening.
                let on = text_of(row, "resource");
                text_of(row, "action").eq_ignore_ascii_case(action)
                    && (glob(on, resource) || glob(resource, &literal(on)))
            };
            for (_, action, resource) in &lacking {
                let mapped = allows(&mapped, action, resource);
                if mapped && !denied.iter().any(|row| is(row, action, resource)) {
                    wrong.push(format!("not found: {arn}: {action} on {resource}"));
                }
            }
            for row in denied {
                if !lacking.iter().any(|(_, action, resource)| is(row, action, resource)) {
                    wrong.push(format!("not so: {arn}: {row}"));
                }
            }
            assert_eq!(number(replayed, "calls_unmapped"), 0, "{replayed}");
        }
        assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
        // Nobody is left out: whoever needed something on both sides was tested.
        let tested: BTreeSet<&str> =
            list(fold, "principals").iter().map(|one| text_of(one, "principal")).collect();
        for (who, ..) in &after {
            assert_eq!(tested.contains(who.as_str()), policies.contains_key(who), "{who}");
        }
    }
}

#[test]
fn planted_novelties_are_found_on_their_days_and_nothing_else_is_new() {
    let mut planted = 0;
    for seed in 10..16 {
        let scenario = Scenario::new(seed, SHAPE);
        let archive = archive(&scenario, seed);
        let split = scenario.start + 4 * DAY;
        let result = backtest(archive.path(), &["--split", &iso(split)], 0);
        let fold = &list(&result, "folds")[0];

        let actions = |needs: Needs<'_>| -> BTreeSet<(String, String)> {
            needs.into_iter().map(|(who, action, _)| (who, action.to_owned())).collect()
        };
        let known = actions(needs(&scenario, |event| event.time < split));
        let expected: BTreeSet<(String, String)> =
            actions(needs(&scenario, |event| event.time >= split))
                .difference(&known)
                .filter(|(who, _)| known.iter().any(|(other, _)| other == who))
                .cloned()
                .collect();
        let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
        for replayed in list(fold, "principals") {
            for row in list(replayed, "denied") {
                if row["action_drafted"] == true || row["inferred"] == true {
                    continue;
                }
                let action = text_of(row, "action").to_owned();
                let first = text_of(row, "first_seen")[..10].to_owned();
                found
                    .entry((text_of(replayed, "principal").to_owned(), action))
                    .and_modify(|known| *known = first.clone().min(known.clone()))
                    .or_insert(first);
            }
        }
        for ((who, action), first) in &found {
            let on_its_day = |novelty: &Novelty| {
                novelty.principal == *who
                    && iso(scenario.start + novelty.day as i64 * DAY)[..10] == **first
            };
            assert!(
                scenario.novelties.iter().any(on_its_day),
                "seed {seed}: nothing was planted for {who} on {first}, when {action} was first seen"
            );
        }
        let found: BTreeSet<(String, String)> = found.into_keys().collect();
        assert_eq!(found, expected, "seed {seed}");
        planted += expected.len();
    }
    assert!(planted >= 10, "only {planted} new actions in all: the test shows little");
}

#[test]
fn a_history_without_news_passes_and_the_check_agrees() {
    let shape = Shape { novelties: 0, ..SHAPE };
    let scenario = Scenario::new(3, shape);
    let archive = archive(&scenario, 3);
    let split = iso(scenario.start + 4 * DAY);
    let result = backtest(archive.path(), &["--split", &split], 0);
    let fold = &list(&result, "folds")[0];
    let steady = list(fold, "principals").iter().find(|one| list(one, "denied").is_empty());
    let steady = steady.unwrap();
    assert_eq!(steady["share_of_calls"], 1.0);
    assert_eq!(steady["share_of_days"], 1.0);
    assert_eq!(number(steady, "days"), 4);
    let arn = text_of(steady, "principal").to_owned();
    backtest(archive.path(), &["--split", &split, "--check", "--principal", &arn], 0);
    let denied = list(fold, "principals").iter().find(|one| !list(one, "denied").is_empty());
    let arn = text_of(denied.unwrap(), "principal").to_owned();
    backtest(archive.path(), &["--split", &split, "--check", "--principal", &arn], 1);
}

#[test]
fn calls_are_counted_once_however_many_permissions_they_need() {
    let scenario = Scenario::new(5, SHAPE);
    let archive = archive(&scenario, 5);
    let split = scenario.start + 4 * DAY;
    let result = backtest(archive.path(), &["--split", &iso(split)], 0);
    for replayed in list(&list(&result, "folds")[0], "principals") {
        let arn = text_of(replayed, "principal");
        let calls = scenario
            .events
            .iter()
            .filter(|event| event.granted() && event.time >= split && !event.call.needs.is_empty())
            .filter(|event| event.who.principal().as_deref() == Some(arn))
            .count() as u64;
        let counted = number(replayed, "calls");
        if replayed["calls_estimated"] == false {
            assert_eq!(counted, calls, "{arn}");
        } else {
            assert!(counted.abs_diff(calls) < calls / 4, "{arn}: {counted} for {calls}");
        }
        let share = replayed["share_of_calls"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share) && number(replayed, "calls_denied") <= counted);
    }
}

/// One record of a role, on a day.
fn record(day: u32, name: &str, (parameters, response): (&str, &str)) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventID":"{name}-{day}","eventTime":"2026-01-{day:02}T09:00:00Z",
        "eventSource":"iam.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7",
        "userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/ci/s","accountId":"111122223333",
            "principalId":"AROAEXAMPLECI:s","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLECI",
            "arn":"arn:aws:iam::111122223333:role/ci","accountId":"111122223333","userName":"ci"}}}}}},
        "requestParameters":{parameters},"responseElements":{response},"eventType":"AwsApiCall","managementEvent":true,
        "recipientAccountId":"111122223333","eventCategory":"Management"}}"#
    )
}

#[test]
fn a_path_that_was_learned_before_names_what_comes_later_and_none_from_later_helps_the_draft() {
    let made = (
        r#"{"roleName":"app","path":"/infra/"}"#,
        r#"{"role":{"path":"/infra/","roleName":"app","arn":"arn:aws:iam::111122223333:role/infra/app"}}"#,
    );
    let named = (r#"{"roleName":"app"}"#, "null");
    let denied = |making: u32| {
        let mut records = vec![record(making, "CreateRole", made)];
        records.extend((2..9).map(|day| record(day, "GetRole", named)));
        let trail = TempDir::new().unwrap();
        let body = format!("{{\"Records\":[{}]}}", records.join(","));
        std::fs::write(trail.path().join("1.json"), body).unwrap();
        let result = backtest(trail.path(), &["--split", "2026-01-05"], 0);
        let replayed = &list(&list(&result, "folds")[0], "principals")[0];
        let denied = list(replayed, "denied").iter();
        denied.map(|one| text_of(one, "action").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(denied(1), Vec::<String>::new());
    // A draft of the first days would have named the role without its path.
    assert_eq!(denied(6), ["iam:CreateRole", "iam:GetRole"]);
}

#[test]
fn of_a_usage_file_the_day_of_the_split_is_not_drafted_from() {
    let named = (r#"{"roleName":"app"}"#, "null");
    let records = [record(1, "GetRole", named), record(2, "DeleteRole", named)];
    let trail = TempDir::new().unwrap();
    let body = format!("{{\"Records\":[{}]}}", records.join(","));
    std::fs::write(trail.path().join("1.json"), body).unwrap();
    let usage = trail.path().join("a.usage");
    let observed = trailtrim().arg("observe").arg(trail.path()).arg("-o").arg(&usage).status();
    assert!(observed.unwrap().success());
    // What it did in the morning is not known to be before the split.
    for split in ["2026-01-02", "2026-01-02T12:00:00Z"] {
        let result = backtest(&usage, &["--split", split], 0);
        let replayed = &list(&list(&result, "folds")[0], "principals")[0];
        let denied = list(replayed, "denied").iter();
        let denied: Vec<&str> = denied.map(|one| text_of(one, "action")).collect();
        assert_eq!(denied, ["iam:DeleteRole"], "{split}");
    }
}

#[test]
fn folds_draft_from_all_before_and_replay_what_is_next() {
    let scenario = Scenario::new(7, SHAPE);
    let archive = archive(&scenario, 7);
    let result = backtest(archive.path(), &["--folds", "3"], 0);
    let folds = list(&result, "folds");
    let splits: Vec<&str> = folds.iter().map(|fold| text_of(fold, "split")).collect();
    let on = |day: i64| iso(scenario.start + day * DAY);
    assert_eq!(splits, [on(2), on(4), on(6)]);
    assert_eq!(text_of(&folds[0], "until"), on(4));
    assert!(folds[2].get("until").is_none());
    // A fold is a backtest of its window.
    let alone = backtest(archive.path(), &["--split", &on(4), "--until", &on(6)], 0);
    assert_eq!(list(&alone, "folds")[0], folds[1]);
}

#[test]
fn what_cannot_be_cut_is_refused_with_what_to_do() {
    let trail = fixture_trail();
    let cases: [(&[&str], &str); 5] = [
        (&["--split", "2026-03-04", "--since", "2026-03-05"], "--since"),
        (&["--folds", "500"], "fewer folds"),
        (&["--folds", "2", "--split", "2026-03-04"], "--folds"),
        (&[], "--split"),
        (&["--split", "2026-03-04", "--principal", "nobody"], "--principal"),
    ];
    for (options, said) in cases {
        let output = trailtrim().arg("backtest").arg(&trail).args(options).output().unwrap();
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {stderr}");
        assert!(stderr.contains(said) && !stderr.contains("panicked"), "{options:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{options:?} prints data");
    }
    let output = trailtrim().args(["backtest", "-", "--folds", "2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(output.stderr).contains("standard input"));
}

#[test]
fn the_attack_on_a_real_account_is_replayed() {
    // All of it happened within one day.
    const SPLIT: &str = "2023-07-10T12:00:00Z";
    let Some(trail) = shared("events/invictus/CloudTrail") else { return };
    let result = backtest(&trail, &["--split", SPLIT], 0);
    let human = trailtrim().arg("backtest").arg(&trail).args(["--split", SPLIT]).output().unwrap();
    let human = text(human.stdout);
    let fold = &list(&result, "folds")[0];
    for replayed in list(fold, "principals") {
        assert!(human.contains(text_of(replayed, "principal")));
        assert!(number(replayed, "calls_denied") <= number(replayed, "calls"));
    }
    assert!(!list(fold, "principals").is_empty() || !list(fold, "untested").is_empty());
}
