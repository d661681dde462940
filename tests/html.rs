//! `--format html`: one file that shows everything, and is opened in a browser where there is one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{fixture_trail, text, trailtrim};

const HOSTILE: [&str; 3] =
    ["<script>alert(1)</script>", "</script><!--", "x\"'><img src=x onerror=alert(1)>\u{202e}"];

/// Runs a command for the page that it writes to standard output.
fn page(command: &mut Command) -> String {
    let output = command.args(["--format", "html"]).output().unwrap();
    let stderr = text(output.stderr);
    // The fixture's last file is cut short on purpose.
    assert!([Some(0), Some(3)].contains(&output.status.code()), "{stderr}");
    text(output.stdout)
}

fn attached() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trail/attached")
}

/// A diff of the fixture's trail with what stands beside it.
fn diff() -> Command {
    let mut command = trailtrim();
    command.arg("diff").arg("--account-authorization-details").arg(attached().join("account.json"));
    command
        .arg("--event-selectors")
        .args(["selectors.json", "trails.json"].map(|f| attached().join(f)));
    command.args(["--use-region", "eu-central-1", "--unused-days", "3"]);
    command
}

/// Returns the data of a page: the overview, then the details.
fn data(page: &str) -> Vec<Value> {
    page.split("<script type=\"application/json\" class=\"")
        .skip(1)
        .map(|rest| {
            let (_, json) = rest.split_once("</script>").unwrap().0.split_once("\">").unwrap();
            serde_json::from_str(json).unwrap()
        })
        .collect()
}

/// A trail in which everything that a caller chooses is markup.
fn hostile_trail(folder: &Path) {
    let records: Vec<Value> = HOSTILE
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let role = format!("arn:aws:iam::111122223333:role/{name}");
            json!({
                "eventVersion": "1.11", "eventTime": format!("2026-03-0{}T10:00:00Z", at + 2),
                "eventType": "AwsApiCall", "eventID": format!("{name}{at}"),
                "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
                "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
                "userIdentity": {
                    "type": "AssumedRole", "accountId": "111122223333",
                    "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{name}"),
                    "sessionContext": {"sessionIssuer": {
                        "type": "Role", "arn": role, "accountId": "111122223333", "userName": name,
                    }},
                },
                "requestParameters": {"bucketName": "bucket", "key": name},
                "resources": [{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::bucket/{name}")}],
            })
        })
        .collect();
    fs::write(folder.join("a.json"), json!({"Records": records}).to_string()).unwrap();
}

#[test]
fn the_page_of_a_diff_shows_what_the_diff_says() {
    let data = data(&page(diff().arg(fixture_trail())));
    let output = diff().arg(fixture_trail()).args(["--format", "json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (principals, shared) =
        (told["principals"].as_array().unwrap(), told["shared"].as_array().unwrap());
    let entries = data[0]["entries"].as_array().unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    let expected =
        principals.iter().map(|one| &one["arn"]).chain(shared.iter().map(|one| &one["key"]));
    assert_eq!(names, expected.map(|name| name.as_str().unwrap()).collect::<Vec<_>>());
    assert_eq!(data.len(), 1 + entries.len());
    for (one, (entry, detail)) in principals.iter().zip(entries.iter().zip(data.iter().skip(1))) {
        let numbers = &entry["numbers"];
        let number = |name: &str| numbers[name].as_u64();
        if one["status"] == "inactive" {
            assert_eq!(number("after"), None, "{}", one["arn"]);
            continue;
        }
        let (before, after) = (number("before").unwrap(), number("after").unwrap());
        assert!(after <= before, "{} {numbers}", one["arn"]);
        assert!(number("used").unwrap() + number("unobservable").unwrap() <= after, "{numbers}");
        assert!(number("used").unwrap() > 0, "{} {numbers}", one["arn"]);
        // Every statement of the draft stands beside an attached one, once.
        let drafted = |group: &Value| group["drafted"].as_array().map_or(0, Vec::len);
        let groups = detail["groups"].as_array().cloned().unwrap_or_default();
        assert!(groups.iter().all(|group| group["attached"].is_object()), "{groups:?}");
        let shown: usize = groups.iter().map(drafted).sum();
        let documents = one["draft"]["documents"].as_array().cloned().unwrap_or_default();
        let statements: usize = documents
            .iter()
            .map(|one| one["document"]["Statement"].as_array().unwrap().len())
            .sum();
        assert_eq!(shown, statements, "{}", one["arn"]);
        assert_eq!(detail["seen"]["calls"], one["activity"]["calls"]);
        assert!(detail["proofs"].as_array().unwrap().iter().all(|proof| proof["holds"] == true));
    }
}

#[test]
fn evidence_stands_under_the_statement_that_it_is_for() {
    let data = data(&page(trailtrim().arg("generate").arg(fixture_trail())));
    let entries = data[0]["entries"].as_array().unwrap();
    let at = entries
        .iter()
        .position(|entry| entry["name"].as_str().unwrap().ends_with("role/batch-worker"))
        .unwrap();
    let groups = data[at + 1]["groups"].as_array().unwrap();
    let statements: Vec<&Value> = groups.iter().map(|group| &group["drafted"][0]).collect();
    let objects = statements
        .iter()
        .find(|one| one["statement"]["Action"] == "s3:GetObject")
        .unwrap_or_else(|| panic!("{statements:?}"));
    let used = objects["used"].as_array().unwrap();
    // Fourteen names under one pattern: five are shown, and the rest is one line.
    let names: u64 = used.iter().map(|one| one["names"].as_u64().unwrap()).sum();
    assert_eq!((used.len(), names), (6, 14), "{used:?}");
    assert!(used.iter().all(|one| one["written"] == "arn:aws:s3:::shop-documents/invoices/*"));
    let last = used.last().unwrap();
    assert_eq!(last["seen"]["calls"], 18);
    assert_eq!(last["seen"]["days"], json!([[2, 5]]));
    assert_eq!(last["seen"]["events"].as_array().unwrap().len(), 3);
    let star = &objects["stars"][0];
    assert_eq!(star["pattern"], "arn:aws:s3:::shop-documents/invoices/*");
    assert!(star["why"].as_str().unwrap().contains("14 names"), "{star}");
}

#[test]
fn equal_input_gives_equal_pages() {
    let trail = fixture_trail();
    let mut parts: Vec<PathBuf> = fs::read_dir(trail.join("AWSLogs/o-exampleorg1"))
        .unwrap()
        .map(|one| one.unwrap().path())
        .collect();
    parts.sort();
    let one = page(diff().args(&parts).args(["--threads", "1"]));
    parts.reverse();
    assert!(one == page(diff().args(&parts).args(["--threads", "4"])), "the pages differ");
}

#[test]
fn beside_other_files_the_page_has_a_name() {
    let folder = TempDir::new().unwrap();
    for (mut command, name) in [(diff(), "diff"), (generate(), "report")] {
        let output = command
            .arg(fixture_trail())
            .args(["--format", "html", "--out"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(output.stdout.is_empty(), "{}", text(output.stderr));
        let html = fs::read_to_string(folder.path().join(format!("{name}.html"))).unwrap();
        assert_eq!(data(&html)[0]["compares"], name == "diff");
        assert!(folder.path().join(format!("{name}.json")).exists());
    }
}

fn generate() -> Command {
    let mut command = trailtrim();
    command.arg("generate");
    command
}

#[test]
fn what_a_log_says_is_text_and_never_markup() {
    let folder = TempDir::new().unwrap();
    hostile_trail(folder.path());
    let html = page(generate().arg(folder.path()));
    let data = data(&html);
    let entries = data[0]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), HOSTILE.len());
    for name in HOSTILE {
        assert!(!html.contains(name), "{name}");
        let arn = format!("arn:aws:iam::111122223333:role/{name}");
        assert!(entries.iter().any(|entry| entry["name"] == *arn), "{entries:?}");
    }
}

/// Opens pages in a browser: see `tests/html/page.mjs`. The environment says where the browser is
/// and where `playwright-core` is installed.
#[test]
fn the_pages_work_in_a_browser() {
    let (Some(browser), Some(packages)) =
        (std::env::var_os("TRAILTRIM_CHROMIUM"), std::env::var_os("TRAILTRIM_NODE_MODULES"))
    else {
        eprintln!(
            "skipped: TRAILTRIM_CHROMIUM and TRAILTRIM_NODE_MODULES do not name a Chromium and a folder with playwright-core"
        );
        return;
    };
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let pages = [
        write("diff.html", page(diff().arg(fixture_trail()))),
        write("report.html", page(generate().arg(fixture_trail()))),
    ];
    let trail = TempDir::new().unwrap();
    hostile_trail(trail.path());
    let hostile = write("hostile.html", page(generate().arg(trail.path())));
    let mut node = Command::new("node");
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/html/page.mjs"));
    node.arg(browser).arg("--hostile").arg(hostile);
    if let Some(screenshots) = std::env::var_os("TRAILTRIM_SCREENSHOTS") {
        node.arg("--screenshots").arg(screenshots);
    }
    let output = node.args(pages).env("NODE_PATH", packages).output().unwrap();
    assert!(output.status.success(), "{}{}", text(output.stdout), text(output.stderr));
}
