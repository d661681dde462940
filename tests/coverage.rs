//! `trailtrim coverage`: the table, its gaps, and what files of selectors do to it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use trailtrim_testkit::trail::clock::{iso, midnight};

const ARN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailtrim")).arg("coverage").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A week of reads of EC2, one every eight hours, except on Thursday.
fn week(folder: &Path) -> String {
    let records: Vec<String> = (0..24 * 7)
        .step_by(8)
        .filter(|hour| hour / 24 != 3)
        .map(|hour| {
            format!(
                r#"{{"eventTime":"{}","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-west-1",
                "recipientAccountId":"111122223333","readOnly":true,"eventCategory":"Management","eventID":"{hour}"}}"#,
                iso(midnight(2026, 3, 2) + hour * 3600)
            )
        })
        .collect();
    let file = folder.join("trail.json");
    fs::write(&file, format!(r#"{{"Records":[{}]}}"#, records.join(","))).unwrap();
    file.to_str().unwrap().to_owned()
}

fn rows(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["rows"].as_array().unwrap().clone()
}

#[test]
fn the_table_shows_days_regions_classes_and_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let trail = week(folder.path());
    let output = run(&[&trail]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "2026-03-02 to 2026-03-08, 7 days\n\
         \n\
         111122223333 eu-west-1\n  \
           management, read   2 of 7 days covered, without 2026-03-02, 2026-03-04 to 2026-03-06, 2026-03-08; seen on 6 days\n  \
           management, write  not covered; never seen\n"
    );
    let rows = rows(&run(&[&trail, "--format", "json"]));
    assert_eq!(rows[0]["access"], "read");
    assert_eq!(
        rows[0]["covered"],
        serde_json::json!([["2026-03-03", "2026-03-03"], ["2026-03-07", "2026-03-07"]])
    );
    assert_eq!(rows[0]["gaps"][1], serde_json::json!(["2026-03-04", "2026-03-06"]));
    assert_eq!(rows[1]["covered_days"], 0);
}

#[test]
fn declared_selectors_of_several_trails_add_what_they_select() {
    let folder = tempfile::tempdir().unwrap();
    let trail = week(folder.path());
    let basic = folder.path().join("basic.json");
    let advanced = folder.path().join("advanced.json");
    fs::write(
        &basic,
        format!(
            r#"{{"TrailARN":"{ARN}","EventSelectors":[{{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true,"DataResources":[],
            "ExcludeManagementEventSources":["kms.amazonaws.com"]}}]}}"#
        ),
    )
    .unwrap();
    fs::write(
        &advanced,
        format!(
            r#"{{"TrailARN":"{ARN}-data","AdvancedEventSelectors":[{{"Name":"objects","FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},
            {{"Field":"resources.type","Equals":["AWS::S3::Object"]}},{{"Field":"resources.ARN","NotStartsWith":["arn:aws:s3:::logs/"]}}]}}]}}"#
        ),
    )
    .unwrap();
    let (basic, advanced) = (basic.to_str().unwrap(), advanced.to_str().unwrap());
    let output = run(&[&trail, "--event-selectors", basic, advanced]);
    let shown = text(&output.stdout);
    for line in [
        "  2 of 7 days covered, without 2026-03-02, 2026-03-04 to 2026-03-06, 2026-03-08; never seen",
        "management of rdsdata.amazonaws.com, write",
        "AWS::S3::Object, read, resources.ARN does not begin with arn:aws:s3:::logs/",
        "eu-west-1:111122223333:trail/main: declared, for its own region only",
    ] {
        assert!(shown.contains(line), "{line} in:\n{shown}");
    }
    assert!(!shown.contains("kms.amazonaws.com"), "{shown}");
    let all = rows(&run(&[&trail, "--format", "json", "--event-selectors", basic]));
    assert!(all.iter().all(|row| row["class"] == "management"));
}

#[test]
fn filters_reduce_coverage() {
    let folder = tempfile::tempdir().unwrap();
    let trail = week(folder.path());
    let covered = |args: &[&str]| {
        let mut all = vec![trail.as_str(), "--format", "json"];
        all.extend(args);
        rows(&run(&all)).first().map_or(0, |row| row["covered_days"].as_u64().unwrap())
    };
    assert_eq!(covered(&[]), 2);
    assert_eq!(covered(&["--since", "2026-03-03T12:00:00Z"]), 1);
    assert_eq!(covered(&["--until", "2026-03-07T12:00:00Z"]), 1);
    assert_eq!(covered(&["--region", "us-east-1"]), 0);
    assert_eq!(covered(&["--account", "444455556666"]), 0);
}

#[test]
fn of_a_usage_file_the_window_is_shown_as_of_its_trail() {
    let folder = tempfile::tempdir().unwrap();
    let trail = week(folder.path());
    let usage = folder.path().join("a.usage");
    let usage = usage.to_str().unwrap();
    let mut observe = Command::new(env!("CARGO_BIN_EXE_trailtrim"));
    assert!(observe.args(["observe", &trail, "-o", usage]).status().unwrap().success());
    for window in [
        ["--since", "2026-03-03", "--until", "2026-03-05"],
        ["--since", "2026-03-06", "--until", "2026-03-20"],
        ["--since", "2027-01-01", "--until", "2027-02-01"],
    ] {
        let shown = |of: &str| text(&run(&[&[of], &window[..]].concat()).stdout);
        let seen = |of: &str| -> Vec<String> {
            let words = shown(of);
            words.lines().map(|line| line.rsplit("; ").next().unwrap_or("").to_owned()).collect()
        };
        assert_eq!(seen(usage), seen(&trail), "{window:?}");
        assert_eq!(shown(usage).lines().next(), shown(&trail).lines().next());
    }
}

#[test]
fn a_capture_of_eventbridge_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let delivered = fs::read_to_string(week(folder.path())).unwrap();
    let delivered: Value = serde_json::from_str(&delivered).unwrap();
    let captured: Vec<String> = delivered["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| format!(r#"{{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{record}}}"#))
        .collect();
    let file = folder.path().join("captured.json");
    fs::write(&file, captured.join("\n")).unwrap();
    let output = run(&[file.to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), ""));
    assert!(text(&output.stderr).contains("proves any coverage"), "{}", text(&output.stderr));
}

#[test]
fn a_file_cut_short_uncovers_the_days_it_may_be_of() {
    let folder = tempfile::tempdir().unwrap();
    let trail = week(folder.path());
    let cut = folder
        .path()
        .join("111122223333_CloudTrail_eu-west-1_20260307T1005Z_0123456789abcdef.json");
    fs::write(&cut, r#"{"Records":[{"eventTime":"2026-03-07T10:00:00Z","eventSou"#).unwrap();
    let output = run(&[&trail, cut.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("1 of 7 days covered"), "{}", text(&output.stdout));
}

#[test]
fn a_file_that_was_not_read_uncovers_all_days_where_its_name_does_not_tell() {
    let record = r#"{"eventTime":"2026-03-05T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject"}"#;
    let bad_first = format!(r#"{{"Records":[{{"eventTime":"2026-03-05T10:00:00Z"}},{record}]}}"#);
    for (name, content, covered) in [
        ("cut.json", r#"{"Records":[{"eventTime":"#, false),
        ("cut.json.gz", "\u{1f}", false),
        ("empty.json", "", false),
        ("page.json", "<html>not found</html>", false),
        ("bad-first.json", bad_first.as_str(), false),
        ("broken.json", "{Records}", false),
        // What no trail has, beside it.
        ("_SUCCESS", "", true),
        ("notes.txt", "this and that", true),
        ("settings.ini", "[section]\na = b", true),
        ("package.json", r#"{"name": "x"}"#, true),
        ("findings.jsonl", "{\"id\": 1}\n{\"id\": 2}\n", true),
        ("list.json", r#"[{"a": 1}, {"b": 2}]"#, true),
        (
            "111122223333_elasticloadbalancing_eu-west-1_app.lb.0a1b_20260305T1000Z_203.0.113.7_x.log",
            "something that a balancer writes",
            true,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        week(folder.path());
        fs::write(folder.path().join(name), content).unwrap();
        let output = run(&[folder.path().to_str().unwrap()]);
        let (out, told) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(out.contains("2 of 7 days covered"), covered, "{name}: {out}{told}");
        assert_eq!(told.contains("note: no day counts as covered"), !covered, "{name}: {told}");
        assert_eq!(output.status.code(), Some(3), "{name}: {told}");
    }
}

#[test]
fn a_wrong_file_of_selectors_is_named_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let trail = week(folder.path());
    let file = folder.path().join("selectors.json");
    let path = file.to_str().unwrap();
    for (content, message) in [
        (
            "{\n  \"TrailARN\": \"main\",\n  \"EventSelectors\": []\n}".to_owned(),
            "line 2, column 20: `main` is not the ARN of a trail",
        ),
        (
            format!(
                "{{\"TrailARN\":\"{ARN}\",\n\"AdvancedEventSelectors\":[{{\"FieldSelectors\":[{{\"Field\":\"readOnly\",\"Matches\":[\"true\"]}}]}}]}}"
            ),
            "line 2, column 74: unknown field `Matches`",
        ),
        ("[{\"Events\":[]}]".to_owned(), "line 1, column 1: neither event selectors nor trails"),
        ("TrailARN: x".to_owned(), "line 1, column 1: expected value"),
        (String::new(), "empty"),
    ] {
        fs::write(&file, content).unwrap();
        let output = run(&[&trail, "--event-selectors", path]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(output.stdout.is_empty());
        let start = format!("error: `{path}` holds no event selectors: ");
        assert!(error.starts_with(&start) && error.contains(message), "{message} in {error}");
        assert_eq!(error.matches('\n').count(), 1, "{error}");
    }
    let output = run(&[&trail, "--event-selectors", "no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot read event selectors `no/such/file`"));
}

#[test]
fn records_that_are_far_behind_all_others_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let week = week(folder.path());
    let late = folder.path().join("late.json");
    fs::write(
        &late,
        r#"{"Records":[{"eventTime":"2031-01-05T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances",
        "awsRegion":"eu-west-1","recipientAccountId":"111122223333","readOnly":true,"eventCategory":"Management","eventID":"late"}]}"#,
    )
    .unwrap();
    let note = "from 2031-01-05 on, and none of the time since 2026-03-08";
    let both = run(&[&week, late.to_str().unwrap()]);
    assert!(text(&both.stderr).contains(note), "{}", text(&both.stderr));
    assert!(text(&both.stderr).contains("--until 2026-03-09"));
    let cut = run(&[&week, late.to_str().unwrap(), "--until", "2026-03-09"]);
    assert!(!text(&cut.stderr).contains("2031"), "{}", text(&cut.stderr));
    assert!(!text(&run(&[&week]).stderr).contains("note"));
}

#[test]
fn what_somebody_may_have_chosen_proves_nothing_beside_declared_selectors() {
    let folder = tempfile::tempdir().unwrap();
    let trail = week(folder.path());
    let selectors = folder.path().join("selectors.json");
    let declared =
        format!(r#"{{"TrailARN":"{ARN}","EventSelectors":[{{"ReadWriteType":"All"}}]}}"#);
    fs::write(&selectors, declared).unwrap();
    let selectors = selectors.to_str().unwrap();
    let found: Value = serde_json::from_str(&fs::read_to_string(&trail).unwrap()).unwrap();
    let entries: Vec<Value> = found["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| serde_json::json!({"CloudTrailEvent": record.to_string()}))
        .collect();
    fs::write(&trail, serde_json::json!({"Events": entries}).to_string()).unwrap();
    let output = run(&[&trail, "--event-selectors", selectors, "--format", "json"]);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("nothing that was read proves any coverage"), "{stderr}");
    for row in rows(&output) {
        assert_eq!(row["covered_days"], 0, "{row:#}");
    }
}
