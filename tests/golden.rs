//! The fixtures: whatever folder stands in `fixtures/` is run and compared.
//!
//! Policies are compared byte for byte. Of the report a summary is kept, one line
//! a fact, so that a change can be read; versions of tool and catalog are not in
//! it. `TRAILTRIM_BLESS=1` writes what was made instead of comparing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Run, finish, list, number, text_of, trailtrim, tree};
use crate::policy;

fn cases() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut cases: Vec<PathBuf> = fs::read_dir(fixtures)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

fn run(case: &Path) -> Run {
    // From within, so that the paths in the report are the same on every machine.
    let mut command = trailtrim();
    command.current_dir(case).args(["generate", "input"]);
    finish(command)
}

#[test]
fn golden_every_fixture_gives_what_is_expected() {
    for case in cases() {
        for part in ["input", "README.md"] {
            assert!(case.join(part).exists(), "{} has no {part}", case.display());
        }
        let run = run(&case);
        let mut made = run.tree();
        made.remove("report.json");
        made.insert("summary.txt".into(), summary(&run).into_bytes());
        let expected = case.join("expected");
        if std::env::var_os("TRAILTRIM_BLESS").is_some() {
            let _ = fs::remove_dir_all(&expected);
            for (path, bytes) in &made {
                let path = expected.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
        }
        let expected = tree(&expected);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&made), names(&expected), "{}", case.display());
        for (path, bytes) in made {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(&bytes), text(&expected[&path]), "{}: {path}", case.display());
        }
    }
}

/// One line for each fact of the report.
fn summary(run: &Run) -> String {
    let report = run.report();
    let input = &report["input"];
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").unwrap();
    line(format!("exit code {}", run.code));
    line(format!("{} records in {} files", number(input, "records"), number(input, "files")));
    for skipped in list(input, "skipped") {
        line(format!("skipped {} {}", text_of(skipped, "kind"), text_of(skipped, "path")));
    }
    for principal in list(&report, "principals") {
        line(format!("\n{} {}", text_of(principal, "arn"), text_of(principal, "status")));
        for field in ["grants", "not_granted"] {
            for row in list(principal, field) {
                let origins: Vec<_> =
                    list(row, "origins").iter().map(|origin| text_of(origin, "kind")).collect();
                let granted_as = row.get("granted_as").and_then(|pattern| pattern.as_str());
                line(format!(
                    "  {} {} on {}{} ({}, {} calls on {} days)",
                    text_of(row, "outcome"),
                    text_of(row, "action"),
                    text_of(row, "resource"),
                    granted_as.map(|pattern| format!(" as {pattern}")).unwrap_or_default(),
                    origins.join(", "),
                    number(row, "calls"),
                    number(row, "days"),
                ));
            }
        }
        for one in list(principal, "generalisations") {
            line(format!(
                "  pattern {} for {} names, {} of one day ({}): adds {}",
                text_of(one, "to"),
                number(one, "names"),
                number(one, "names_of_one_day"),
                text_of(one, "rule"),
                text_of(one, "adds"),
            ));
        }
        for one in list(principal, "baseline") {
            let (workload, known_by) = (text_of(one, "workload"), text_of(one, "known_by"));
            for need in list(one, "needs") {
                let resources: Vec<_> = list(need, "resources")
                    .iter()
                    .map(|resource| resource.as_str().unwrap())
                    .collect();
                line(format!(
                    "  baseline {} on {} for {workload} ({known_by})",
                    text_of(need, "action"),
                    resources.join(", "),
                ));
            }
        }
        for row in list(principal, "unmapped") {
            line(format!(
                "  {} {} {}: {}",
                text_of(row, "kind"),
                text_of(row, "event_source"),
                text_of(row, "event_name"),
                text_of(row, "why")
            ));
        }
        for service in list(principal, "frozen_services") {
            line(format!("  frozen {}", service.as_str().unwrap()));
        }
    }
    line(String::new());
    for caller in list(&report, "excluded") {
        line(format!("excluded {} {}", text_of(caller, "reason"), text_of(caller, "identity")));
    }
    for event in list(&report, "other_events") {
        line(format!(
            "other {} {} {}",
            text_of(event, "kind"),
            text_of(event, "event_source"),
            text_of(event, "event_name")
        ));
    }
    out
}

#[test]
fn policies_are_valid_and_hold_nothing_that_was_not_seen() {
    for case in cases() {
        assert_minimal(&run(&case));
    }
}

/// Checks every policy of a run against the grants that its report gives for it: each pair of the
/// policy is a grant as it was seen, the pattern in its place, or of the baseline, and the report
/// tells of these.
pub fn assert_minimal(run: &Run) {
    let (report, policies) = (run.report(), run.policies());
    for principal in list(&report, "principals") {
        let arn = text_of(principal, "arn");
        let mut granted: BTreeSet<policy::Pair> = BTreeSet::new();
        for grant in list(principal, "grants") {
            let (action, resource) = (text_of(grant, "action"), text_of(grant, "resource"));
            let mut written = resource;
            if let Some(pattern) = grant.get("granted_as").and_then(|pattern| pattern.as_str()) {
                let told = list(principal, "generalisations").iter().any(|one| {
                    text_of(one, "to") == pattern && list(one, "actions").contains(&action.into())
                });
                assert!(told, "{arn}: nothing is told of {pattern}");
                assert!(policy::glob(pattern, &policy::literal(resource)), "{pattern}: {resource}");
                written = pattern;
            }
            granted.insert((action.to_owned(), written.to_owned()));
        }
        for need in list(principal, "baseline").iter().flat_map(|one| list(one, "needs")) {
            let action = text_of(need, "action");
            for resource in list(need, "resources") {
                let pair = (action.to_owned(), resource.as_str().unwrap().to_owned());
                assert!(granted.insert(pair), "{arn}: {need} was seen, and is no baseline");
            }
        }
        let Some(document) = policies.get(arn) else {
            assert!(granted.is_empty(), "{arn} has grants and no policy");
            continue;
        };
        let pairs = policy::pairs(document);
        for pair in &pairs {
            assert!(granted.contains(pair), "{arn}: {pair:?} was not seen");
        }
        for (action, resource) in &granted {
            // A grant may be covered by a wider one that was seen too.
            let covered = pairs.contains(&(action.clone(), resource.clone()))
                || policy::allows(&pairs, action, &policy::literal(resource));
            assert!(covered, "{arn}: {action} on {resource} is granted and not in the policy");
        }
    }
}
