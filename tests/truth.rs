//! The policies against what testkit's actors really needed.
//!
//! The needs were written down by hand beside each call, without a catalog. A
//! need that no policy meets is an outage; a permission that nobody needed is a
//! hole. Both are failures here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tempfile::TempDir;
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::archive::write;
use trailtrim_testkit::trail::event::{Event, Need};
use trailtrim_testkit::trail::fixture;
use trailtrim_testkit::trail::scenario::{Scenario, Shape, pack};
use trailtrim_testkit::trail::world::Size;

use crate::harness::{Run, generate, list, text_of};
use crate::policy::{self, allows, glob, literal};

const SHAPE: Shape =
    Shape { size: Size { accounts: 3, principals: 8, keys: 12 }, days: 3, novelties: 2 };

/// Runs `generate` on events that are all delivered.
fn run(events: &[Event], seed: u64) -> Run {
    let archive = TempDir::new().unwrap();
    let events: Vec<&Event> = events.iter().collect();
    write(archive.path(), &pack(&events, Random::new(seed))).unwrap();
    generate(&[archive.path()], &[])
}

#[test]
fn every_need_of_a_seeded_history_is_met_and_nothing_else_is_granted() {
    let mut wrong = Vec::new();
    for seed in 0..6 {
        let scenario = Scenario::new(seed, SHAPE);
        let run = run(&scenario.events, seed);
        assert_eq!(run.code, 0, "seed {seed}: {}", run.stderr);
        wrong
            .extend(falsehoods(&run, &scenario.needs()).map(|what| format!("seed {seed}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_need_of_the_fixture_is_met_and_nothing_else_is_granted() {
    let events = fixture::events();
    let mut needs: BTreeMap<String, BTreeSet<&Need>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.granted()) {
        if let Some(principal) = event.who.principal() {
            needs.entry(principal).or_default().extend(&event.call.needs);
        }
    }
    // Whole, without the file that is cut short.
    let run = run(&events, 0);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let wrong: Vec<String> = falsehoods(&run, &needs).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns each need that is not met, and each grant that nobody needs.
fn falsehoods(
    run: &Run,
    needs: &BTreeMap<String, BTreeSet<&Need>>,
) -> impl Iterator<Item = String> {
    let (report, policies) = (run.report(), run.policies());
    let mut wrong = Vec::new();
    for (principal, needs) in needs.iter().filter(|(_, needs)| !needs.is_empty()) {
        let Some(document) = policies.get(principal) else {
            wrong.push(format!("{principal} has no policy"));
            continue;
        };
        let pairs = policy::pairs(document);
        for Need { action, resource } in needs {
            if !allows(&pairs, action, resource) {
                wrong.push(format!("missing: {principal}: {action} on {resource}"));
            }
        }
    }
    for principal in list(&report, "principals") {
        let arn = text_of(principal, "arn");
        let empty = BTreeSet::new();
        let needs = needs.get(arn).unwrap_or(&empty);
        for grant in list(principal, "grants") {
            if !needs.iter().any(|need| meets(grant, need)) {
                wrong.push(format!(
                    "surplus: {arn}: {} on {}",
                    text_of(grant, "action"),
                    text_of(grant, "resource")
                ));
            }
        }
    }
    wrong.into_iter()
}

/// Says whether a grant is there for a need.
fn meets(grant: &Value, need: &Need) -> bool {
    let (action, resource) = (text_of(grant, "action"), text_of(grant, "resource"));
    if grant["inferred"] == true {
        // What goes with a need without being in the log is named by a rule, and tested there.
        return true;
    }
    // A secret that is called by its name has six characters more, which the record does not tell.
    let is_pattern = resource.ends_with("-??????")
        || list(grant, "origins").iter().any(|origin| origin["kind"] == "widened");
    action.eq_ignore_ascii_case(need.action)
        && (literal(resource) == need.resource || is_pattern && glob(resource, &need.resource))
}
