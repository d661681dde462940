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
fn run(events: &[Event], seed: u64, resources: &str) -> Run {
    let archive = TempDir::new().unwrap();
    let events: Vec<&Event> = events.iter().collect();
    write(archive.path(), &pack(&events, Random::new(seed))).unwrap();
    generate(&[archive.path()], &["--resources", resources])
}

#[test]
fn every_need_of_a_seeded_history_is_met_and_nothing_else_is_granted() {
    let mut wrong = Vec::new();
    for seed in 0..6 {
        let scenario = Scenario::new(seed, SHAPE);
        let run = run(&scenario.events, seed, "exact");
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
    let run = run(&events, 0, "exact");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let wrong: Vec<String> = falsehoods(&run, &needs).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Patterns in the place of names are no surplus by themselves: what they add is told. But each
/// must be what some need became, and no taste may lose one.
#[test]
fn every_need_is_met_in_every_taste_and_each_reaches_as_far_as_the_one_before() {
    let scenario = Scenario::new(7, SHAPE);
    let runs = ["exact", "balanced", "prefix", "type"].map(|resources| {
        let run = run(&scenario.events, 7, resources);
        assert_eq!(run.code, 0, "{resources}: {}", run.stderr);
        let wrong: Vec<_> = falsehoods(&run, &scenario.needs()).collect();
        assert!(wrong.is_empty(), "{resources}: {}", wrong.join("\n"));
        crate::golden::assert_minimal(&run);
        run.policies()
    });
    for pair in runs.windows(2) {
        for (arn, narrow) in &pair[0] {
            let wide = policy::pairs(&pair[1][arn]);
            for (action, resource) in policy::pairs(narrow) {
                // A star of the narrow one is a text like any other to the wide one.
                assert!(allows(&wide, &action, &literal(&resource)), "{arn}: {action} {resource}");
            }
        }
    }
    assert!(runs.windows(2).all(|pair| pair[0] != pair[1]), "nothing was generalised");
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
