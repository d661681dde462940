//! `soak` against a plain count of what seeded principals did on which days.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::archive::write;
use trailtrim_testkit::trail::clock::{DAY, iso};
use trailtrim_testkit::trail::event::Event;
use trailtrim_testkit::trail::scenario::{Scenario, Shape, pack};
use trailtrim_testkit::trail::world::Size;

use crate::harness::{fixture_trail, generate, list, number, text, text_of, trailtrim};

fn soak(trail: &Path, options: &[&str]) -> Vec<Value> {
    let mut command = trailtrim();
    command.arg("soak").arg(trail).args(["--format", "json"]).args(options);
    let output = command.output().unwrap();
    let stderr = text(output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{stderr}");
    text(output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn archive(events: &[&Event]) -> TempDir {
    let archive = TempDir::new().unwrap();
    write(archive.path(), &pack(events, Random::new(1))).unwrap();
    archive
}

const SHAPE: Shape =
    Shape { size: Size { accounts: 2, principals: 8, keys: 6 }, days: 16, novelties: 6 };

#[test]
fn counts_are_those_of_the_days_and_estimates_follow_from_them() {
    let scenario = Scenario::new(1, SHAPE);
    // Two days are missing from all logs.
    let gap = scenario.start + 5 * DAY..scenario.start + 7 * DAY;
    let events: Vec<&Event> =
        scenario.events.iter().filter(|event| !gap.contains(&event.time)).collect();
    let archive = archive(&events);
    let mut days: BTreeMap<String, BTreeMap<&str, BTreeSet<i64>>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.granted()) {
        let Some(who) = event.who.principal() else { continue };
        for need in &event.call.needs {
            days.entry(who.clone())
                .or_default()
                .entry(need.action)
                .or_default()
                .insert(event.time.div_euclid(DAY));
        }
    }
    let mut estimated = 0;
    for line in soak(archive.path(), &["--days", "7"]) {
        let who = text_of(&line, "principal");
        let Some(seen) = days.get(who) else { continue };
        // The silence touches the days before and after it, and the ends of a log prove nothing.
        assert_eq!(number(&line, "days_observed"), 10, "{line}");
        assert_eq!(line["longest_gap"]["days"], 4);
        assert_eq!(text_of(&line["longest_gap"], "first"), &iso(gap.start - DAY)[..10]);
        let actions = &line["actions"];
        // What goes with a call without being in the log is not in testkit's needs.
        assert!(number(actions, "seen") as usize >= seen.len(), "{line}");
        let observed = |day: &i64| {
            let day = day - scenario.start.div_euclid(DAY);
            (1..15).contains(&day) && !(4..8).contains(&day)
        };
        let once =
            seen.values().filter(|days| days.iter().filter(|day| observed(day)).count() == 1);
        let once = once.count();
        assert!(number(actions, "seen_once") as usize >= once, "{line}");
        let weeks: u64 =
            list(&line, "new_grants_by_week").iter().map(|week| week.as_u64().unwrap()).sum();
        assert_eq!(weeks, number(&line["grants"], "seen"));
        if let Some(estimates) = line["grants"].get("estimates") {
            estimated += 1;
            assert_eq!(line["insufficient"], false);
            let (coverage, new) = (&estimates["coverage"], &estimates["new"]);
            assert!((0.0..=1.0).contains(&coverage.as_f64().unwrap()));
            assert_eq!(number(new, "days"), 7);
            assert!(new["low"].as_f64() <= new["high"].as_f64());
            assert!(estimates["total"]["value"].as_f64() >= line["grants"]["seen"].as_f64());
        } else {
            assert_eq!(line["insufficient"], true, "{line}");
        }
    }
    assert!(estimated >= 5, "only {estimated} principals have estimates");
}

#[test]
fn a_week_is_insufficient_and_never_called_complete() {
    let lines = soak(&fixture_trail(), &[]);
    assert!(!lines.is_empty());
    for line in &lines {
        assert_eq!(line["insufficient"], true, "{line}");
        assert!(line["grants"].get("estimates").is_none(), "{line}");
        assert!(!text_of(line, "why").is_empty());
    }
    let output = trailtrim().arg("soak").arg(fixture_trail()).output().unwrap();
    let human = text(output.stdout);
    assert!(human.contains("insufficient") && !human.contains("complete"), "{human}");
}

#[test]
fn days_of_others_in_the_account_are_observed_days() {
    let scenario = Scenario::new(1, SHAPE);
    // One principal is away for all days but the first and the last.
    let away = scenario.events.iter().find_map(|event| event.who.principal()).unwrap();
    let last = scenario.start + (SHAPE.days as i64 - 1) * DAY;
    let events: Vec<&Event> = scenario
        .events
        .iter()
        .filter(|event| {
            event.who.principal().as_deref() != Some(&away)
                || event.time < scenario.start + DAY
                || event.time >= last
        })
        .collect();
    let archive = archive(&events);
    let lines = soak(archive.path(), &["--principal", &away]);
    let [line] = lines.as_slice() else { panic!("{} principals", lines.len()) };
    assert_eq!(number(line, "days_observed"), SHAPE.days as u64 - 2);
    assert_eq!(number(line, "days_active"), 2);
    assert!(line["longest_gap"].is_null());
}

#[test]
fn a_few_busy_days_among_many_are_too_little() {
    let scenario = Scenario::new(1, SHAPE);
    let away = scenario.events.iter().find_map(|event| event.who.principal()).unwrap();
    let busy = scenario.start + 2 * DAY..scenario.start + 8 * DAY;
    let events: Vec<&Event> = scenario
        .events
        .iter()
        .filter(|event| {
            event.who.principal().as_deref() != Some(&away) || busy.contains(&event.time)
        })
        .collect();
    let archive = archive(&events);
    let lines = soak(archive.path(), &["--principal", &away]);
    let [line] = lines.as_slice() else { panic!("{} principals", lines.len()) };
    let observed = number(line, "days_observed");
    assert!(observed >= 10, "{line}");
    assert_eq!(line["insufficient"], true, "{line}");
    let why = format!("6 of {observed} days that count have a grant, 10 are the least");
    assert_eq!(text_of(line, "why"), why);
    for kind in ["grants", "actions"] {
        assert!(line[kind].get("estimates").is_none(), "{line}");
    }
}

#[test]
fn days_ahead_must_be_some() {
    let output =
        trailtrim().arg("soak").arg(fixture_trail()).args(["--days", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(output.stderr).contains("--days"));
}

#[test]
fn keys_under_one_pattern_of_the_draft_are_one_grant() {
    let lines = soak(&fixture_trail(), &["--principal", "orders-api"]);
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let made = generate(&[fixture_trail()], &["--principal", "orders-api"]);
    let report = made.report();
    let [principal] = list(&report, "principals") else { panic!("{report:#}") };
    let written = list(principal, "grants").iter().map(|grant| {
        let resource = grant.get("granted_as").unwrap_or(&grant["resource"]);
        (grant["action"].to_string(), resource.to_string(), grant["conditions"].to_string())
    });
    let written: BTreeSet<_> = written.collect();
    // Invoices, each under its day, are most of what was granted.
    assert!(written.len() * 2 < list(principal, "grants").len(), "{written:?}");
    assert_eq!(number(&line["grants"], "seen") as usize, written.len(), "{line}");
}

#[test]
fn a_log_without_data_events_is_called_so() {
    let scenario = Scenario::new(1, Shape { days: 24, ..SHAPE });
    let switched_on = scenario.start + 12 * DAY;
    let told = |keep: &dyn Fn(&Event) -> bool| {
        let events: Vec<&Event> = scenario.events.iter().filter(|one| keep(one)).collect();
        let archive = archive(&events);
        let lines = soak(archive.path(), &[]);
        assert!(!lines.is_empty());
        let run = generate(&[archive.path()], &[]);
        let missing = run.report().get("missing_data_events").cloned().unwrap_or_default();
        for one in list_of(&missing) {
            let account = text_of(one, "account");
            assert!(
                run.stderr.contains(&format!("not in the log: the log of {account}")),
                "{}",
                run.stderr
            );
            let of = lines.iter().filter(|line| text_of(line, "account") == account);
            of.for_each(|line| assert_eq!(&line["missing_data_events"], one));
        }
        list_of(&missing).to_vec()
    };
    let all_along = |one: &Value| one["all_along"] == Value::Bool(true);
    let all = told(&|_| true);
    let objects = |one: &Value| list(one, "types").iter().any(|of| of["type"] == "AWS::S3::Object");
    assert!(all.iter().all(all_along) && all.iter().any(objects), "{all:#?}");
    let none = told(&|event| !event.call.data);
    assert!(!none.is_empty() && none.iter().all(|one| one.get("first_data_event").is_none()));
    let late = told(&|event| !event.call.data || event.time >= switched_on);
    assert_eq!((late.len(), late.iter().any(all_along)), (none.len(), false));
    assert!(late.iter().all(|one| text_of(one, "first_data_event") >= &iso(switched_on)[..10]));
}

fn list_of(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn who_was_granted_nothing_was_not_seen_on_too_few_days() {
    let records: Vec<String> = (1..=12)
        .map(|day| {
            format!(
                r#"{{"eventTime":"2031-01-{day:02}T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances",
                "awsRegion":"eu-west-1","eventID":"{day}","eventType":"AwsApiCall","recipientAccountId":"111122223333",
                "errorCode":"Client.UnauthorizedOperation","userIdentity":{{"type":"IAMUser","accountId":"111122223333",
                "arn":"arn:aws:iam::111122223333:user/dana"}}}}"#
            )
        })
        .collect();
    let archive = TempDir::new().unwrap();
    let file = archive.path().join("a.json");
    std::fs::write(&file, format!(r#"{{"Records":[{}]}}"#, records.join(","))).unwrap();
    let lines = soak(archive.path(), &[]);
    let [line] = lines.as_slice() else { panic!("{} principals", lines.len()) };
    assert_eq!(text_of(line, "why"), "no grant was seen on any day");
}
