//! What goes wrong before or after the work, and what the user is told.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::harness::{files, fixture_trail, text, trailtrim, tree};

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

/// A whole file of the fixture's trail.
fn fixture_file() -> std::path::PathBuf {
    let is_plain = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "json");
    files(&fixture_trail()).into_iter().find(is_plain).unwrap()
}

#[test]
fn a_missing_path_is_named() {
    let stderr = failure(&["/no/such/trail"]);
    assert!(stderr.starts_with("error: no such file or directory: `/no/such/trail`"), "{stderr}");
    assert!(stderr.contains("\nhint: name a file or directory of CloudTrail logs"), "{stderr}");
}

#[test]
fn no_record_is_no_answer_and_what_holds_no_calls_is_no_loss() {
    let folder = TempDir::new().unwrap();
    let usage = || {
        let output = trailtrim().arg("usage").arg(folder.path()).output().unwrap();
        (output.status.code(), text(output.stderr))
    };
    std::fs::write(folder.path().join("none.json"), r#"{"Records":[]}"#).unwrap();
    let (code, stderr) = usage();
    assert!(code == Some(2) && stderr.contains("no record of a call was found"), "{stderr}");
    let digest = r#"{"awsAccountId":"111122223333","digestS3Bucket":"b","logFiles":[]}"#;
    std::fs::write(folder.path().join("beside.json"), digest).unwrap();
    std::fs::copy(fixture_file(), folder.path().join("log.json")).unwrap();
    let (code, stderr) = usage();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("nothing is missing for it: 1 place\n"), "{stderr}");
    assert!(stderr.contains("beside.json: a digest file, which holds no calls"), "{stderr}");
    assert!(!stderr.contains("skipped"), "{stderr}");
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
            &["generate", &trail, "--principal", "*", "--format", "terraform"],
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

/// Runs a command line in a folder of wrong files. It must fail with code 2, print no data, and say
/// each of `said`.
fn refused(folder: &Path, arguments: &[&str], said: &[&str]) {
    let output = trailtrim().current_dir(folder).args(arguments).output().unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?} prints data");
    assert!(stderr.contains("error: ") && !stderr.contains("panicked"), "{stderr}");
    for part in said {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
}

/// Where the trail lies is put in the place of `TRAIL`, and of a policy that can be read in `POLICY`.
fn spelled<'a>(arguments: &[&'a str], trail: &'a str, policy: &'a str) -> Vec<&'a str> {
    let spelled = arguments.iter().map(|word| match *word {
        "TRAIL" => trail,
        "POLICY" => policy,
        word => word,
    });
    spelled.collect()
}

#[test]
fn whatever_reads_or_writes_says_what_is_wrong_with_a_file() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("directory")).unwrap();
    for (name, content) in [
        ("text", "no policy"),
        ("odd.json", r#"{"Statement":[{"Effect":"Maybe","Action":"s3:*","Resource":"*"}]}"#),
        ("selectors.json", r#"{"EventSelectors":[]}"#),
        ("pins.toml", "pinn = 3"),
        ("accepted.toml", "[[accept]]\ncode = \"no-such-code\""),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let trail = fixture();
    let policy = fixture_trail().with_file_name("attached").join("orders-api.json");
    let policy = policy.to_str().unwrap();
    let missing = "No such file or directory";
    let path = "\nhint: check the path";
    let file = "\nhint: name a file, not a directory";
    let one = ["diff", "TRAIL", "--principal", "orders-api", "--attached"];
    let tightening = |more: &[&'static str]| [&one[..], more].concat();
    let asking = |file: &'static str| {
        vec!["simulate", "--policy", file, "--action", "s3:GetObject", "--resource", "*"]
    };
    let cases: Vec<(Vec<&str>, Vec<&str>)> = vec![
        (asking("missing.json"), vec!["`missing.json`", missing, path]),
        (asking("directory"), vec!["`directory`", file]),
        (asking("text"), vec!["`text` is not JSON"]),
        (asking("odd.json"), vec!["`odd.json` at `$.Statement[0].Effect`", "`Maybe`"]),
        (
            vec!["compare", "--existing", "POLICY", "--new", "missing.json"],
            vec!["`missing.json`", missing, path],
        ),
        (vec!["compare", "--existing", "text", "--new", "POLICY"], vec!["`text` is not JSON"]),
        (tightening(&["missing.json"]), vec!["`missing.json`", missing, path]),
        (tightening(&["odd.json"]), vec!["`odd.json` at `$.Statement[0].Effect`"]),
        (
            tightening(&["POLICY", "--config", "missing.toml"]),
            vec!["`missing.toml`", missing, path],
        ),
        (tightening(&["POLICY", "--config", "pins.toml"]), vec!["`pins.toml`", "`pinn`"]),
        (
            tightening(&["POLICY", "--check", "--baseline", "missing.toml"]),
            vec!["`missing.toml`", missing, path],
        ),
        (
            tightening(&["POLICY", "--check", "--baseline", "accepted.toml"]),
            vec!["baseline `accepted.toml`"],
        ),
        (
            tightening(&["POLICY", "--event-selectors", "missing.json"]),
            vec!["`missing.json`", missing, path],
        ),
        (
            vec!["diff", "TRAIL", "--account-authorization-details", "missing.json"],
            vec!["`missing.json`", missing, path],
        ),
        (
            vec!["coverage", "TRAIL", "--event-selectors", "selectors.json"],
            vec!["`selectors.json`"],
        ),
        (vec!["coverage", "TRAIL", "--event-selectors", "directory"], vec!["`directory`", file]),
        (vec!["merge", "missing.usage", "-o", "o"], vec!["`missing.usage`", missing, path]),
        (vec!["merge", "directory", "-o", "o"], vec!["`directory`", file]),
        (vec!["merge", "text", "-o", "o"], vec!["`text`", "make one with `trailtrim observe`"]),
        // Before anything is read: the trail is not there either.
        (vec!["observe", "nowhere", "-o", "directory"], vec!["cannot write `directory`", file]),
        (
            vec!["observe", "nowhere", "-o", "text/a.usage"],
            vec!["below `text`, which is no directory"],
        ),
        (vec!["merge", "nowhere", "-o", "directory"], vec!["cannot write `directory`", file]),
        (tightening(&["POLICY", "--out", "text"]), vec!["--out `text` is no directory"]),
        (vec!["man", "--out", "text"], vec!["--out `text` is no directory"]),
    ];
    for (arguments, said) in cases {
        refused(folder.path(), &spelled(&arguments, &trail, policy), &said);
    }
    let left: usize = folder.path().read_dir().unwrap().count();
    assert_eq!(left, 6, "something was written");
}

#[test]
fn every_command_that_reads_a_trail_says_that_it_is_not_there() {
    let folder = TempDir::new().unwrap();
    let fixed = fixture_trail().with_file_name("attached").join("orders-api.json");
    let fixed = fixed.to_str().unwrap();
    for command in [
        &["generate"][..],
        &["usage"],
        &["diff", "--attached", fixed, "--principal", "x"],
        &["explain", "--principal", "x", "--action", "s3:GetObject"],
        &["observe", "-o", "o.usage"],
        &["backtest", "--folds", "2"],
        &["soak"],
        &["denials"],
        &["coverage"],
    ] {
        let mut arguments = vec![command[0], "nowhere"];
        arguments.extend(&command[1..]);
        let said = ["no such file or directory: `nowhere`", "\nhint: name a file or directory of"];
        refused(folder.path(), &arguments, &said);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn every_command_that_takes_principals_says_that_one_is_not_there() {
    let (folder, trail) = (TempDir::new().unwrap(), fixture());
    let fixed = fixture_trail().with_file_name("attached").join("orders-api.json");
    let fixed = fixed.to_str().unwrap();
    for command in [
        &["generate"][..],
        &["usage"],
        &["diff", "--attached", fixed],
        &["explain", "--action", "s3:GetObject"],
        &["backtest", "--split", "2026-03-05"],
        &["soak"],
        &["denials"],
    ] {
        let mut arguments = vec![command[0], &trail, "--principal", "no-such-role"];
        arguments.extend(&command[1..]);
        refused(folder.path(), &arguments, &["--principal `no-such-role`", "\nhint: "]);
    }
}

#[test]
fn a_word_that_is_none_of_an_option_is_quoted_with_what_is_meant() {
    let (folder, trail) = (TempDir::new().unwrap(), fixture());
    let policy = fixture_trail().with_file_name("attached").join("orders-api.json");
    let policy = policy.to_str().unwrap();
    let cases: [(&[&str], &[&str]); 18] = [
        (&["usage", "TRAIL", "--region", "Ireland"], &["`Ireland` is no region", "`eu-west-1`"]),
        (
            &["diff", "TRAIL", "--attached", "POLICY", "--use-region", "eu-*"],
            &["`eu-*` is no region", "`eu-west-1`"],
        ),
        (
            &["diff", "TRAIL", "--attached", "POLICY", "--unused-days", "0"],
            &["'0'", "a number of days from 1 on"],
        ),
        (&["usage", "TRAIL", "--threads", "100000"], &["'100000'", "1..=2048"]),
        (&["usage", "TRAIL", "--since", "tuesday"], &["'tuesday'", "2026-"]),
        (&["usage", "TRAIL", "--account", "shop"], &["'shop'", "12 digits"]),
        (&["usage", "TRAIL", "--exclude-ip", "x"], &["`x`", "203.0.113.0/24"]),
        (&["usage", "TRAIL", "--exclude-time", "x"], &["'x'", "2026-11-23..2026-11-24"]),
        (&["usage", "TRAIL", "--exclude-session", "a[b"], &["`[`", "use `*` and `?`"]),
        (&["usage", "TRAIL", "--name-quota", "0"], &["'0'", "a number from 1 on"]),
        (&["usage", "TRAIL", "--color", "purple"], &["'purple'", "auto, always, never"]),
        (&["generate", "TRAIL", "--format", "yaml"], &["'yaml'", "terraform, cloudformation"]),
        (
            &["diff", "TRAIL", "--attached", "POLICY", "--condition", "x"],
            &["`x`", "requested-region"],
        ),
        (&["backtest", "TRAIL", "--split", "tomorrow"], &["'tomorrow'", "2026-"]),
        (&["completions", "cobol"], &["'cobol'", "bash"]),
        (
            &["simulate", "--policy", "POLICY", "--action", "x", "--resource", "*"],
            &["`x`", "`service:Name`"],
        ),
        (
            &["simulate", "--policy", "POLICY", "--action", "s3:GetObject", "--context", "x"],
            &["'x'", "KEY=VALUE"],
        ),
        (&["frobnicate"], &["frobnicate", "--help"]),
    ];
    for (arguments, said) in cases {
        refused(folder.path(), &spelled(arguments, &trail, policy), said);
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_directory_is_named_with_what_the_system_says() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    let archive = TempDir::new().unwrap();
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(archive.path(), 0o755);
    let path = archive.path().join("locked");
    std::fs::create_dir(&path).unwrap();
    allow(&path, 0o000);
    // The superuser may read every directory, so the program runs as nobody, from where nobody finds it.
    let tools = TempDir::new().unwrap();
    allow(tools.path(), 0o755);
    let powerful = std::fs::read_dir(&path).is_ok();
    let own = tools.path().join("trailtrim");
    if powerful {
        std::fs::copy(env!("CARGO_BIN_EXE_trailtrim"), &own).unwrap();
        allow(&own, 0o755);
    }
    let run = |arguments: &[&str]| {
        let mut command = trailtrim();
        if powerful {
            command = std::process::Command::new(&own);
            command.env_clear().stdin(Stdio::null()).uid(65_534).gid(65_534);
        }
        command.args(arguments).output()
    };
    let locked = path.to_str().unwrap();
    let Ok(named) = run(&["generate", locked]) else {
        eprintln!("skipped: this user may read every directory, and cannot become one who may not");
        return;
    };
    let stderr = text(named.stderr);
    assert_eq!(named.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("cannot read `") && stderr.contains("hint: run it as"), "{stderr}");
    // A place to write to is looked at before the trail, which is not there either.
    let written = run(&["generate", "/no/such/trail", "--out", locked]).unwrap();
    let stderr = text(written.stderr);
    assert_eq!(written.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("cannot write into `") && stderr.contains("hint: run it as"),
        "{stderr}"
    );
    // Inside of what was named it is skipped, and told.
    let inside = run(&["usage", archive.path().to_str().unwrap()]).unwrap();
    let stderr = text(inside.stderr);
    assert_eq!(inside.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("skipped: 1 place") && stderr.contains("locked"), "{stderr}");
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

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for asked in ["--help", "--version"] {
        let output = trailtrim().arg(asked).stdout(full.try_clone().unwrap()).output().unwrap();
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{asked}: {stderr}");
        assert!(stderr.starts_with("error: cannot write to standard output: "), "{stderr}");
    }
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
    let stderr = failure(&[&fixture(), "--principal", "*", "--format", "terraform"]);
    assert!(stderr.contains("--out"), "{stderr}");
    // As JSON they are one object, by ARN.
    let arguments =
        ["generate", &fixture(), "--principal", "batch-worker", "--principal", "role/ci/*"];
    let output = trailtrim().args(arguments).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let arns: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert!(arns.len() > 1 && arns.iter().all(|arn| arn.contains(":role/")), "{arns:?}");
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
fn a_trail_in_which_nobody_has_a_policy_is_done_and_says_so() {
    let archive = TempDir::new().unwrap();
    let root = r#"{"Records":[{"eventVersion":"1.11","eventTime":"2026-03-02T10:00:00Z","eventType":"AwsApiCall",
        "eventID":"e1","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-central-1",
        "recipientAccountId":"111122223333","userIdentity":{"type":"Root","arn":"arn:aws:iam::111122223333:root",
        "accountId":"111122223333"}}]}"#;
    std::fs::write(archive.path().join("root.json"), root).unwrap();
    let output = trailtrim().arg("generate").arg(archive.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(output.stdout).trim(), "{}");
    let stderr = text(output.stderr);
    assert!(stderr.contains("0 principals") && stderr.contains("1 root"), "{stderr}");
}

#[test]
fn where_no_record_was_found_nothing_is_answered_and_nothing_touched() {
    let (work, trail) = (TempDir::new().unwrap(), fixture());
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("empty")).unwrap();
    std::fs::write(path("none.json"), r#"{"Records":[]}"#).unwrap();
    let observed = trailtrim().args(["observe", &trail, "-o", &path("a.usage")]).output().unwrap();
    assert_eq!(observed.status.code(), Some(3), "{}", text(observed.stderr));
    let fixed = fixture_trail().with_file_name("attached").join("orders-api.json");
    let fixed = fixed.to_str().unwrap();
    let declared = ["selectors.json", "trails.json"]
        .map(|name| Path::new(fixed).with_file_name(name).to_str().unwrap().to_owned());
    let attached = [
        "--attached",
        fixed,
        "--event-selectors",
        &declared[0],
        &declared[1],
        "--principal",
        "orders-api",
        "--use-region",
        "eu-central-1",
    ];
    let (made, tightened) = (path("made"), path("tightened"));
    let diff = [&["diff"][..], &attached, &["--unused-days", "4"]].concat();
    for (command, out) in [(&["generate"][..], &made), (&diff[..], &tightened)] {
        let output = trailtrim().args(command).args([&trail, "--out", out]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(output.stderr));
        assert!(tree(Path::new(out)).len() > 1, "{command:?}");
    }
    let before = (tree(Path::new(&made)), tree(Path::new(&tightened)));
    let (empty, none, usage) = (path("empty"), path("none.json"), path("a.usage"));
    let found: &str = "no record of a call was found, so";
    let passed: &str = "no record passed the filters, so";
    // A usage file still tells of callers without a policy, which it cannot limit.
    let trails: [(&[&str], &str, &str); 6] = [
        (&[&empty], found, "name files or directories of CloudTrail logs"),
        (&[&none], found, "name files or directories of CloudTrail logs"),
        (&[&trail, "--region", "eu-west-9"], passed, "look for a slip in --region, or widen it"),
        (&[&usage, "--region", "eu-west-9"], passed, "look for a slip in --region, or widen it"),
        (&[&trail, "--since", "1999-01-01", "--until", "1999-01-02"], passed, "--since, --until"),
        (&[&trail, "--exclude-time", "2000-01-01..2100-01-01"], passed, "--exclude-time"),
    ];
    for (trail, error, hint) in trails {
        let commands: [(&[&str], &str); 8] = [
            (&["generate", "--out", &made], &made),
            (&["generate"], "nothing to answer from"),
            (&["generate", "--format", "html", "--out", &made], &made),
            (&[&diff[..], &["--out", &tightened]].concat(), &tightened),
            (&[&diff[..], &["--check"]].concat(), "nothing to answer from"),
            (&["soak"], "nothing to answer from"),
            (&["denials"], "nothing to answer from"),
            (&["backtest", "--split", "1999-01-01T12:00:00Z", "--check"], "nothing to answer from"),
        ];
        for (command, left) in commands {
            let output = trailtrim().args(command).args(trail).output().unwrap();
            let stderr = text(output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command:?} {trail:?}: {stderr}");
            assert!(output.stdout.is_empty(), "{command:?} {trail:?} prints data");
            for said in [&format!("error: {error}"), left, "\nhint: ", hint] {
                assert!(stderr.contains(said), "{said} in {command:?} {trail:?}: {stderr}");
            }
        }
        // To look is no claim, where there is something to look at.
        for command in ["usage", "coverage"] {
            let output = trailtrim().arg(command).args(trail).output().unwrap();
            let code = output.status.code();
            let as_said = match trail.len() {
                1 => code == Some(2),
                _ => matches!(code, Some(0 | 3)),
            };
            assert!(as_said, "{command} {trail:?}: {}", text(output.stderr));
        }
    }
    assert!(before == (tree(Path::new(&made)), tree(Path::new(&tightened))), "something changed");
}

#[test]
fn a_check_of_nobody_does_not_pass() {
    // After the last record.
    let arguments = ["backtest", &fixture(), "--split", "2027-01-01"];
    let output = trailtrim().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(output.stderr));
    let output = trailtrim().args(arguments).arg("--check").output().unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("no principal was seen on both sides of the split\nhint: "),
        "{stderr}"
    );
}

#[test]
fn a_region_that_nothing_is_of_is_told() {
    let fixed = fixture_trail().with_file_name("attached").join("orders-api.json");
    let attached = ["--attached", fixed.to_str().unwrap(), "--principal", "orders-api"];
    let (diff, trail) = ([&["diff"][..], &attached].concat(), fixture());
    for (command, option) in [(&["generate"][..], "--region"), (&diff[..], "--use-region")] {
        let told = |regions: &[&str]| {
            let mut run = trailtrim();
            run.args(command).arg(&trail);
            for region in regions {
                run.args([option, region]);
            }
            let output = run.output().unwrap();
            assert_eq!(output.status.code(), Some(3), "{}", text(output.stdout));
            text(output.stderr)
        };
        let note = format!("note: no call of a regional service is of {option} `");
        let both = told(&["eu-central-1", "eu-west-9"]);
        assert_eq!(both.matches(&note).count(), 1, "{both}");
        assert!(
            both.contains(&format!("{note}eu-west-9`; there are such of `eu-central-1`")),
            "{both}"
        );
        assert!(!told(&["eu-central-1"]).contains(&note));
    }
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
