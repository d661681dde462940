//! `denials` against seeded refusals, whose reason is known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::archive::write;
use trailtrim_testkit::trail::denial::Because;
use trailtrim_testkit::trail::event::{Ending, Event};
use trailtrim_testkit::trail::fixture;
use trailtrim_testkit::trail::scenario::{Scenario, Shape, pack};
use trailtrim_testkit::trail::world::Size;

use crate::harness::{list, number, shared, text, text_of, trailtrim};

/// Runs `denials` and returns its lines of JSON.
fn denials(trail: &Path) -> Vec<Value> {
    let output = trailtrim().arg("denials").arg(trail).args(["--format", "json"]).output().unwrap();
    let stderr = text(output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{stderr}");
    text(output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn archive(events: &[&Event]) -> TempDir {
    let archive = TempDir::new().unwrap();
    write(archive.path(), &pack(events, Random::new(1))).unwrap();
    archive
}

/// What the output must say of a refusal: the policy, whether by explicit deny, where to fix it.
fn expected(because: Because) -> (Option<&'static str>, Option<bool>, &'static str, Option<bool>) {
    match because {
        Because::Unsaid => (None, None, "unknown", None),
        Because::NoIdentityPolicy => {
            (Some("identity-based"), Some(false), "identity-policy", Some(true))
        }
        Because::IdentityDeny => {
            (Some("identity-based"), Some(true), "identity-policy", Some(true))
        }
        Because::ServiceControl => {
            (Some("service-control"), Some(true), "service-control-policy", Some(false))
        }
        Because::Boundary => {
            (Some("permissions-boundary"), Some(false), "permissions-boundary", Some(false))
        }
        Because::NoResourcePolicy => {
            (Some("resource-based"), Some(false), "resource-policy", Some(false))
        }
        Because::Endpoint => (Some("vpc-endpoint"), Some(false), "endpoint-policy", Some(false)),
    }
}

/// Who was refused which action, and how, by the ids of the events.
type Refusals = BTreeMap<[String; 6], BTreeSet<String>>;

fn refusals_of(events: &[&Event]) -> Refusals {
    let mut refusals = Refusals::new();
    for event in events {
        let (Ending::Denied(denial), Some(who)) = (&event.ending, event.who.principal()) else {
            continue;
        };
        let action = event.call.needs.first().map_or("", |need| need.action).to_ascii_lowercase();
        let (policy, explicit, fixed_in, here) = expected(denial.because);
        let [policy, explicit, here] =
            [Value::from(policy), explicit.into(), here.into()].map(|told| told.to_string());
        let key = [who, action, policy, explicit, fixed_in.to_owned(), here];
        refusals.entry(key).or_default().insert(event.id.clone());
    }
    refusals
}

/// The same as the output has it; event ids where all are shown.
fn refusals_in(lines: &[Value]) -> Refusals {
    let mut refusals = Refusals::new();
    for line in lines {
        let key = [
            text_of(line, "principal").to_owned(),
            text_of(line, "action").to_ascii_lowercase(),
            line["policy"].to_string(),
            line["explicit"].to_string(),
            text_of(line, "fixed_in").to_owned(),
            line["fixable_here"].to_string(),
        ];
        let ids = list(line, "evidence").iter().map(|one| text_of(one, "event_id").to_owned());
        assert!(number(line, "calls") <= 16, "more than the evidence shows: {line}");
        refusals.entry(key).or_default().extend(ids);
    }
    refusals
}

#[test]
fn every_refusal_of_the_fixture_has_its_reason_and_its_remedy() {
    let events = fixture::events();
    let events: Vec<&Event> = events.iter().collect();
    let archive = archive(&events);
    let expected = refusals_of(&events);
    let kinds: BTreeSet<String> = expected.keys().map(|key| key[2].clone()).collect();
    assert!(kinds.len() >= 4, "the fixture shows only {kinds:?}");
    assert_eq!(refusals_in(&denials(archive.path())), expected);
}

#[test]
fn every_kind_of_refusal_is_told_apart() {
    // One call of a principal, refused in each way there is.
    let shape = Shape { size: Size { accounts: 1, principals: 4, keys: 5 }, days: 1, novelties: 0 };
    let scenario = Scenario::new(2, shape);
    let sample = scenario
        .events
        .iter()
        .find(|event| event.who.principal().is_some() && !event.call.needs.is_empty())
        .unwrap();
    let ways = [
        Because::Unsaid,
        Because::NoIdentityPolicy,
        Because::IdentityDeny,
        Because::ServiceControl,
        Because::Boundary,
        Because::NoResourcePolicy,
        Because::Endpoint,
    ];
    let events: Vec<Event> = ways
        .into_iter()
        .enumerate()
        .map(|(number, because)| {
            let denial = trailtrim_testkit::trail::denial::Denial::of(&sample.call, because);
            let id = format!("00000000-0000-4000-8000-00000000000{number}");
            Event { ending: Ending::Denied(denial), id, shared: None, ..sample.clone() }
        })
        .collect();
    let events: Vec<&Event> = events.iter().collect();
    let archive = archive(&events);
    let lines = denials(archive.path());
    assert_eq!(refusals_in(&lines), refusals_of(&events));
    let fixes: BTreeSet<&str> = lines.iter().map(|line| text_of(line, "fix")).collect();
    assert_eq!(fixes.len(), ways.len(), "each way has its own remedy: {fixes:?}");
}

#[test]
fn a_success_after_the_last_denial_is_told_from_one_before() {
    let shape =
        Shape { size: Size { accounts: 3, principals: 40, keys: 4 }, days: 1, novelties: 0 };
    let scenario = Scenario::new(4, shape);
    let events: Vec<&Event> = scenario.events.iter().collect();
    let archive = archive(&events);
    let (mut later, mut never) = (0, 0);
    for line in denials(archive.path()) {
        let (who, action) = (text_of(&line, "principal"), text_of(&line, "action"));
        let on = text_of(&line, "resource");
        let same = |event: &&Event| {
            event.who.principal().as_deref() == Some(who)
                && event.call.needs.iter().any(|need| {
                    need.action.eq_ignore_ascii_case(action) && (on == "*" || need.resource == on)
                })
        };
        let times = |granted: bool| {
            let ended = move |event: &&Event| match granted {
                true => event.granted(),
                false => matches!(event.ending, Ending::Denied(_)),
            };
            events.iter().copied().filter(ended).filter(same).map(|event| event.time).max()
        };
        let truth = times(true) > times(false);
        assert_eq!(line["succeeded_later"], truth, "{line}");
        later += usize::from(truth);
        never += usize::from(!truth);
    }
    assert!(later >= 3 && never >= 3, "{later} later, {never} not: the test shows little");
}

#[test]
fn human_output_has_every_denial_of_the_shared_events() {
    let Some(events) = shared("events") else { return };
    let lines = denials(&events);
    assert!(!lines.is_empty());
    let human = text(trailtrim().arg("denials").arg(&events).output().unwrap().stdout);
    let fixes = human.lines().filter(|line| line.starts_with("    fix: ")).count();
    assert_eq!(fixes, lines.len());
    assert!(!human.contains('\u{1b}'));
}
