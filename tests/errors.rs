//! What goes wrong before or after the work, and what the user is told.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::harness::{fixture_trail, text, trailtrim};

/// Runs `generate` with `arguments`, which must fail with code 2 and print no data.
fn failure(arguments: &[&str]) -> String {
    let output = trailtrim().arg("generate").args(arguments).output().unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?} prints data");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

fn fixture() -> String {
    fixture_trail().to_str().unwrap().to_owned()
}

#[test]
fn a_missing_path_is_named() {
    let stderr = failure(&["/no/such/trail"]);
    assert!(stderr.starts_with("error: no such file or directory: `/no/such/trail`"), "{stderr}");
    assert!(stderr.contains("\nhint: name a file or directory of CloudTrail logs"), "{stderr}");
}

/// A command line, the beginning of the error, and of the hint below it.
type Failing<'a> = (&'a [&'a str], &'a str, &'a str);

#[test]
fn a_failure_says_what_to_do_on_a_line_of_its_own() {
    let trail = fixture();
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    let failures: [Failing<'_>; 8] = [
        (
            &["generate", &trail, "--since", "2026-03-05", "--until", "2026-03-04"],
            "nothing lies between --since `2026-03-05T00:00:00Z` and --until",
            "swap them",
        ),
        (
            &["usage", &trail, "--principal", "no-such-role"],
            "no principal in the trail matches --principal `no-such-role`",
            "leave it out to see all; `trailtrim usage` lists them",
        ),
        (
            &["generate", &trail, "--principal", "*"],
            "--principal matches ",
            "name one with --principal, or give --out for all",
        ),
        (&["generate", &trail, "--out", file], "--out `", "name another"),
        (
            &["catalog", "action", "s3:GetObjekt"],
            "no action `s3:GetObjekt` in the catalog",
            "`trailtrim catalog service s3` lists them",
        ),
        (&["catalog", "service", "s4"], "no service `s4` in the catalog", "name the IAM prefix"),
        (&["backtest", "-", "--folds", "2"], "--folds reads the trail twice", "give --split"),
        (
            &["backtest", &trail, "--folds", "90"],
            "the selected records lie on ",
            "give fewer folds, or --split with a time",
        ),
    ];
    for (arguments, error, hint) in failures {
        let output = trailtrim().args(arguments).output().unwrap();
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?} prints data");
        assert!(stderr.contains(&format!("error: {error}")), "{arguments:?}: {stderr}");
        assert!(stderr.contains(&format!("\nhint: {hint}")), "{arguments:?}: {stderr}");
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_directory_is_named_with_what_the_system_says() {
    use std::os::unix::fs::PermissionsExt as _;
    let archive = TempDir::new().unwrap();
    let path = archive.path().join("locked");
    std::fs::create_dir(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read_dir(&path).is_ok() {
        eprintln!("skipped: this user may read every directory");
        return;
    }
    let stderr = failure(&[path.to_str().unwrap()]);
    assert!(stderr.contains("cannot read `") && stderr.contains("hint: run it as"), "{stderr}");
    // Inside of what was named it is skipped, and told.
    let output = trailtrim().arg("usage").arg(archive.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(output.stderr));
}

#[test]
fn an_output_directory_below_a_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let out = blocked.join("below");
    let stderr = failure(&[&fixture(), "--out", out.to_str().unwrap()]);
    assert!(stderr.contains("which is no directory\nhint: name another"), "{stderr}");
}

#[test]
fn help_into_a_closed_pipe_is_code_4_or_done() {
    let mut child =
        trailtrim().arg("--help").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    // It may have been written before the reader went.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", text(output.stderr));
}

#[test]
fn one_missing_path_among_others_fails_before_anything_is_written() {
    let out = TempDir::new().unwrap();
    let stderr = failure(&[&fixture(), "/no/such/trail", "--out", out.path().to_str().unwrap()]);
    assert!(stderr.contains("/no/such/trail"), "{stderr}");
    assert_eq!(out.path().read_dir().unwrap().count(), 0);
}

#[test]
fn no_trail_at_all_is_wrong_usage() {
    assert!(failure(&[]).contains("TRAIL"));
}

#[test]
fn a_bad_date_is_quoted_with_the_form_that_is_meant() {
    for option in ["--since", "--until"] {
        let stderr = failure(&[&fixture(), option, "last tuesday"]);
        assert!(stderr.contains("last tuesday") && stderr.contains(option), "{stderr}");
        assert!(stderr.contains("2026-"), "no example in: {stderr}");
    }
}

#[test]
fn a_window_that_ends_before_it_begins_is_refused() {
    let stderr = failure(&[&fixture(), "--since", "2026-03-05", "--until", "2026-03-04"]);
    assert!(stderr.contains("--since") && stderr.contains("--until"), "{stderr}");
}

#[test]
fn a_bad_glob_is_refused() {
    let stderr = failure(&[&fixture(), "--principal", "orders-[ap"]);
    assert!(stderr.contains("--principal") && stderr.contains("orders-[ap"), "{stderr}");
}

#[test]
fn a_bad_account_and_a_bad_number_of_threads_are_refused() {
    assert!(failure(&[&fixture(), "--account", "shop"]).contains("12 digits"));
    assert!(failure(&[&fixture(), "--threads", "0"]).contains("--threads"));
}

#[test]
fn a_principal_that_is_not_there_is_a_failure() {
    let stderr = failure(&[&fixture(), "--principal", "no-such-role"]);
    assert!(stderr.contains("--principal"), "{stderr}");
}

#[test]
fn each_principal_has_to_be_there() {
    let present = "orders-api";
    let stderr = failure(&[&fixture(), "--principal", present, "--principal", "no-such-role"]);
    assert!(stderr.contains("--principal `no-such-role`"), "{stderr}");
    assert!(!stderr.contains("--principal `orders-api`"), "{stderr}");
    let output = trailtrim()
        .args(["usage", &fixture(), "--principal", present, "--principal", "no-such-role"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty(), "data in spite of a failure");
}

#[test]
fn two_principals_do_not_fit_into_one_policy_on_standard_output() {
    let stderr = failure(&[&fixture(), "--principal", "*"]);
    assert!(stderr.contains("--out"), "{stderr}");
}

#[test]
fn one_principal_gets_its_policy_on_standard_output() {
    for glob in ["orders-api", "role/service/orders-api", "arn:aws:iam::*:role/service/orders-api"]
    {
        let output =
            trailtrim().args(["generate", &fixture(), "--principal", glob]).output().unwrap();
        // The trail has a file that is cut short.
        assert_eq!(output.status.code(), Some(3), "{glob}: {}", text(output.stderr));
        let policy: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(policy["Statement"].is_array(), "{policy}");
    }
}

#[test]
fn an_archive_without_principals_is_done_and_says_so() {
    let archive = TempDir::new().unwrap();
    std::fs::write(archive.path().join("empty.json"), r#"{"Records":[]}"#).unwrap();
    let output = trailtrim().arg("generate").arg(archive.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(output.stdout).trim(), "{}");
    let stderr = text(output.stderr);
    assert!(stderr.contains("0 principals") && stderr.contains("no records found"), "{stderr}");
}

#[test]
fn filters_that_leave_nothing_are_named() {
    let output = trailtrim()
        .args(["generate", &fixture(), "--since", "1999-01-01", "--until", "1999-01-02"])
        .output()
        .unwrap();
    let stderr = text(output.stderr);
    let said = "no record matched the filters; widen --since, --until";
    assert!(stderr.contains(said), "{stderr}");
}

#[test]
fn an_output_directory_that_is_a_file_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    // Before anything is read: the trail is not there either.
    let stderr = failure(&["/no/such/trail", "--out", path]);
    assert!(stderr.contains(path) && stderr.contains("name another"), "{stderr}");
    assert!(file.path().is_file());
}

#[test]
fn a_reader_that_goes_away_ends_it_silently_with_code_4() {
    // More than a pipe holds, so that the program is still writing when the reader is gone.
    let archive = TempDir::new().unwrap();
    many_policies(archive.path());
    let mut child = trailtrim()
        .arg("generate")
        .arg(archive.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{stderr}");
    assert!(!stderr.contains("error") && !stderr.contains("panicked"), "{stderr}");
}

/// Writes a trail of two thousand users that each read an object of their own.
pub fn many_policies(folder: &Path) {
    let records: Vec<String> = (0..2000)
        .map(|number| {
            let user = format!("arn:aws:iam::111122223333:user/some/rather/long/path/user-{number}");
            format!(
                r#"{{"eventVersion":"1.11","eventTime":"2026-03-02T10:00:00Z","eventType":"AwsApiCall",
                "eventID":"e{number}","eventSource":"s3.amazonaws.com","eventName":"GetObject",
                "awsRegion":"eu-central-1","recipientAccountId":"111122223333",
                "userIdentity":{{"type":"IAMUser","arn":"{user}","accountId":"111122223333"}},
                "requestParameters":{{"bucketName":"bucket","key":"k{number}"}},
                "resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::bucket/k{number}"}}]}}"#
            )
        })
        .collect();
    let text = format!("{{\"Records\":[{}]}}", records.join(","));
    std::fs::write(folder.join("many.json"), text).unwrap();
}
