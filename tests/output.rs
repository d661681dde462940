//! The output directory and standard output: nothing lost, nothing stale, nothing that acts.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{generate, list, text, text_of, trailtrim, tree};

/// Returns a call that reads an item of the table `table` in the partition and account of `arn`.
fn read_item(arn: &str, table: &str) -> Value {
    let account = arn.split(':').nth(4).unwrap();
    json!({
        "eventVersion": "1.11", "eventTime": "2026-03-02T10:00:00Z", "eventType": "AwsApiCall",
        "eventID": format!("{arn} {table}"), "eventSource": "dynamodb.amazonaws.com",
        "eventName": "GetItem", "awsRegion": "eu-central-1", "recipientAccountId": account,
        "userIdentity": {"type": "IAMUser", "arn": arn, "accountId": account},
        "requestParameters": {"tableName": table},
    })
}

/// Returns an archive of these records.
fn archive(records: &[Value]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.json"), json!({ "Records": records }).to_string()).unwrap();
    folder
}

fn generate_into(archive: &Path, out: &Path) -> Output {
    trailtrim().arg("generate").arg(archive).arg("--out").arg(out).output().unwrap()
}

#[test]
fn one_name_in_two_partitions_is_two_policies() {
    let arns = ["arn:aws-cn:iam::111122223333:user/api", "arn:aws:iam::111122223333:user/api"];
    let archive = archive(&[read_item(arns[0], "china"), read_item(arns[1], "world")]);
    let run = generate(&[archive.path()], &[]);
    let policies = run.policies();
    for (arn, table) in arns.iter().zip(["china", "world"]) {
        let policy = policies[*arn].to_string();
        assert!(policy.contains(&format!("table/{table}\"")), "{arn}: {policy}");
    }
    let files: Vec<String> = run.tree().into_keys().collect();
    assert_eq!(
        files,
        [
            "111122223333/user/api/policy.json",
            "aws-cn/111122223333/user/api/policy.json",
            "report.json"
        ]
    );
}

#[test]
fn names_that_differ_in_case_only_are_told_apart_and_nobody_else() {
    let arns = ["user/Api", "user/api", "user/other"]
        .map(|name| format!("arn:aws:iam::111122223333:{name}"));
    let records: Vec<Value> = arns.iter().map(|arn| read_item(arn, "a")).collect();
    let trail = archive(&records);
    let run = generate(&[trail.path()], &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        run.stderr.matches("another name differs from it in case only").count(),
        2,
        "{}",
        run.stderr
    );
    let files: Vec<String> = run.tree().into_keys().collect();
    let folder = "111122223333/user/";
    assert!(files[0].starts_with(&format!("{folder}Api~")), "{files:?}");
    assert!(files[1].starts_with(&format!("{folder}api~")), "{files:?}");
    assert_eq!(files[2..], [format!("{folder}other/policy.json"), "report.json".to_owned()]);
    assert_eq!(run.policies().len(), 3);
    // What the names are follows from who is there, not from the order.
    let turned: Vec<Value> = records.into_iter().rev().collect();
    assert!(generate(&[archive(&turned).path()], &[]).tree().keys().eq(files.iter()));
}

#[test]
fn a_path_that_is_too_long_stops_nobody() {
    let long = format!("arn:aws:iam::111122223333:user/{}x", "a-long-segment/".repeat(400));
    let trail =
        archive(&[read_item(&long, "a"), read_item("arn:aws:iam::111122223333:user/api", "a")]);
    let run = generate(&[trail.path()], &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("its own path is longer than file systems take"), "{}", run.stderr);
    let files: Vec<String> = run.tree().into_keys().collect();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files.contains(&"111122223333/user/api/policy.json".to_owned()), "{files:?}");
    assert!(run.policies().contains_key(&long));
}

#[test]
fn what_a_failed_write_left_is_removed_by_the_next_run() {
    let arn = |name: &str| format!("arn:aws:iam::111122223333:user/{name}");
    let trail = |names: &[&str]| {
        archive(&names.iter().map(|name| read_item(&arn(name), "a")).collect::<Vec<_>>())
    };
    let root = TempDir::new().unwrap();
    let out = root.path().join("out");
    assert_eq!(generate_into(trail(&["first", "kept"]).path(), &out).status.code(), Some(0));
    // A file in the place of a directory: the second of three policies cannot be written.
    let (user, blocked) = (out.join("111122223333/user"), out.join("111122223333/user/b"));
    fs::write(&blocked, "mine").unwrap();
    let failed = generate_into(trail(&["a", "b", "kept"]).path(), &out);
    assert_eq!(failed.status.code(), Some(2), "{}", text(failed.stderr));
    assert!(user.join("a/policy.json").is_file() && !user.join("first/policy.json").exists());
    assert!(out.join("report.json.unfinished").is_file() && !out.join("report.json").exists());
    // And once more, so that what is known is not that of the last run only.
    let failed = generate_into(trail(&["0", "b", "kept"]).path(), &out);
    assert_eq!(failed.status.code(), Some(2), "{}", text(failed.stderr));
    fs::remove_file(&blocked).unwrap();
    let output = generate_into(trail(&["kept"]).path(), &out);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    let files: Vec<String> = tree(&out).into_keys().collect();
    assert_eq!(files, ["111122223333/user/kept/policy.json", "report.json"]);
}

#[cfg(unix)]
#[test]
fn results_are_as_readable_as_other_files_whatever_the_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let trail = archive(&[read_item("arn:aws:iam::111122223333:user/api", "a")]);
    let out = TempDir::new().unwrap();
    let usual = out.path().join("usual");
    fs::write(&usual, "").unwrap();
    for folder in [0o1777, 0o700] {
        fs::set_permissions(out.path(), fs::Permissions::from_mode(folder)).unwrap();
        assert_eq!(generate_into(trail.path(), out.path()).status.code(), Some(0));
        for name in ["report.json", "111122223333/user/api/policy.json"] {
            assert_eq!(mode(&out.path().join(name)), mode(&usual), "{name} in {folder:o}");
        }
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let trail = archive(&[read_item("arn:aws:iam::111122223333:user/api", "a")]);
    let root = TempDir::new().unwrap();
    let (out, outside) = (root.path().join("out"), root.path().join("outside"));
    fs::create_dir(&out).unwrap();
    fs::create_dir(&outside).unwrap();
    let link = out.join("111122223333");
    for target in [outside.clone(), root.path().join("missing")] {
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let output = generate_into(trail.path(), &out);
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("leads out of --out `") && stderr.contains("\nhint: "), "{stderr}");
        assert_eq!(out.read_dir().unwrap().count(), 1, "something is written beside the link");
        assert!(tree(&outside).is_empty() && !root.path().join("missing").exists());
        fs::remove_file(&link).unwrap();
    }
    // Inside of it a link is the user's own matter, and so is one to the directory itself.
    fs::create_dir(out.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &link).unwrap();
    let named = root.path().join("named");
    std::os::unix::fs::symlink(&out, &named).unwrap();
    assert_eq!(generate_into(trail.path(), &named).status.code(), Some(0));
    assert!(out.join("elsewhere/user/api/policy.json").is_file());
}

#[test]
fn what_an_earlier_run_wrote_and_this_one_does_not_is_removed() {
    let (kept, gone) =
        ("arn:aws:iam::111122223333:user/kept", "arn:aws:iam::111122223333:user/gone");
    let (first, second) =
        (archive(&[read_item(kept, "a"), read_item(gone, "a")]), archive(&[read_item(kept, "a")]));
    let root = TempDir::new().unwrap();
    let out = root.path().join("out");
    assert_eq!(generate_into(first.path(), &out).status.code(), Some(0));
    assert!(out.join("111122223333/user/gone/policy.json").is_file());

    // What is not of that run stays, whatever a report says.
    fs::write(root.path().join("policy.json"), "mine").unwrap();
    fs::write(out.join("111122223333/user/gone/notes.txt"), "mine").unwrap();
    fs::create_dir(out.join("other")).unwrap();
    fs::write(out.join("other/policy.json"), "mine").unwrap();
    let report = out.join("report.json");
    let mut forged: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    for path in ["../policy.json", "111122223333/user/gone/notes.txt"] {
        forged["policies"].as_array_mut().unwrap().push(json!(path));
    }
    fs::write(&report, forged.to_string()).unwrap();

    let output = generate_into(second.path(), &out);
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let said = "removed, written by an earlier run and not by this one: 1 policy\n  \
                111122223333/user/gone/policy.json\n";
    assert!(stderr.contains(said), "{stderr}");
    let files: Vec<String> = tree(root.path()).into_keys().collect();
    assert_eq!(
        files,
        [
            "out/111122223333/user/gone/notes.txt",
            "out/111122223333/user/kept/policy.json",
            "out/other/policy.json",
            "out/report.json",
            "policy.json",
        ]
    );
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let listed: Vec<&str> =
        list(&report, "principals").iter().map(|one| text_of(one, "policy_path")).collect();
    assert_eq!(listed, ["111122223333/user/kept/policy.json"]);
}

#[test]
fn a_list_that_is_damaged_is_told() {
    let trail = archive(&[read_item("arn:aws:iam::111122223333:user/api", "a")]);
    let root = TempDir::new().unwrap();
    let out = root.path().join("out");
    let told = || text(generate_into(trail.path(), &out).stderr);
    assert!(!told().contains("damaged") && !told().contains("damaged"));
    let report = out.join("report.json");
    let whole = fs::read(&report).unwrap();
    fs::write(&report, &whole[..100]).unwrap();
    assert!(told().contains("report.json` of an earlier run is damaged"));
    assert!(!told().contains("damaged"), "it was written anew");
}

#[test]
fn a_report_of_old_names_policies_with_their_principals() {
    let arn = "arn:aws:iam::111122223333:user/api";
    let archive = archive(&[read_item(arn, "a")]);
    let out = TempDir::new().unwrap();
    let gone = out.path().join("111122223333/user/gone/policy.json");
    fs::create_dir_all(gone.parent().unwrap()).unwrap();
    fs::write(&gone, "{}").unwrap();
    let old = json!({"schema_version": 1, "principals": [
        {"arn": "arn:aws:iam::111122223333:user/none"},
        {"policy_path": "111122223333/user/gone/policy.json"},
    ]});
    fs::write(out.path().join("report.json"), old.to_string()).unwrap();
    assert_eq!(generate_into(archive.path(), out.path()).status.code(), Some(0));
    let files: Vec<String> = tree(out.path()).into_keys().collect();
    assert_eq!(files, ["111122223333/user/api/policy.json", "report.json"]);
}

#[cfg(unix)]
#[test]
fn what_an_earlier_run_wrote_stays_where_the_report_cannot_be_written() {
    let arn = "arn:aws:iam::111122223333:user/api";
    let (first, second) =
        (archive(&[read_item(arn, "a")]), archive(&[read_item(arn, "a"), read_item(arn, "b")]));
    let out = TempDir::new().unwrap();
    assert_eq!(generate_into(first.path(), out.path()).status.code(), Some(0));
    let before = tree(out.path());
    let sizes: Vec<usize> = before.values().map(Vec::len).collect();
    let [policy, report] = sizes.as_slice() else { panic!("{before:?}") };
    // Policies fit into what a file may have, the report does not.
    assert!(*policy < 1024 && *report > 2048, "{policy} {report}");
    let limited = "trap '' XFSZ; ulimit -f 2; exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_trailtrim"), "generate", "--out"]);
    let output = command.args([out.path(), second.path()]).output().unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("cannot write") && stderr.contains("report.json"), "{stderr}");
    assert!(tree(out.path()) == before, "something of the earlier run is gone");
}

#[test]
fn policies_on_standard_output_are_indented_in_the_order_of_the_grammar() {
    let arn = "arn:aws:iam::111122223333:user/api";
    let archive = archive(&[read_item(arn, "a")]);
    let output = trailtrim().arg("generate").arg(archive.path()).output().unwrap();
    let stdout = text(output.stdout);
    let opening = format!(
        "{{\n  \"{arn}\": {{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n      {{\n        \
         \"Sid\": "
    );
    assert!(stdout.starts_with(&opening), "{stdout}");
    let order = ["Version", "Statement", "Sid", "Effect", "Action", "Resource"];
    let places: Vec<usize> =
        order.iter().map(|field| stdout.find(&format!("\"{field}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{stdout}");
}

#[test]
fn a_terminal_never_sees_a_raw_control_character() {
    let arn = "arn:aws:iam::111122223333:user/a\u{9b}31m";
    let archive = archive(&[read_item(arn, "t\u{9b}31m")]);
    let raw = |text: &str| text.contains(|c: char| c.is_control() && c != '\n');
    for arguments in [&["generate"][..], &["usage"], &["usage", "--format", "json"]] {
        let output = trailtrim().args(arguments).arg(archive.path()).output().unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(stdout.contains("31m"), "{arguments:?}: {stdout}\n{stderr}");
        assert!(!raw(&stdout) && !raw(&stderr), "{arguments:?}: {stdout:?}\n{stderr:?}");
    }
    for (path, bytes) in generate(&[archive.path()], &[]).tree() {
        assert!(!raw(&text(bytes)), "{path}");
    }
}

#[test]
fn the_summary_tells_what_is_so_and_nothing_more() {
    let users: Vec<String> =
        (0..30).map(|number| format!("arn:aws:iam::111122223333:user/u{number}")).collect();
    let mut records: Vec<Value> = users.iter().map(|arn| read_item(arn, "a")).collect();
    // One event that is unknown and was only denied, one that was not, and one sign-in.
    for (name, error) in [("GetNothing", Some("AccessDenied")), ("GetSomething", None)] {
        let mut record = read_item(&users[0], name);
        record["eventName"] = json!(name);
        if let Some(error) = error {
            record["errorCode"] = json!(error);
        }
        records.push(record);
    }
    let mut sign_in = read_item(&users[0], "b");
    sign_in["eventType"] = json!("AwsConsoleSignIn");
    sign_in["eventID"] = json!("sign-in");
    records.push(sign_in);
    // More than a managed policy holds.
    records.extend((0..200).map(|number| read_item(&users[1], &format!("table-{number}"))));
    let archive = archive(&records);
    let stderr =
        |command: &str| text(trailtrim().arg(command).arg(archive.path()).output().unwrap().stderr);
    let (generated, used) = (stderr("generate"), stderr("usage"));
    let hint = "… and 10 more";
    assert!(generated.contains(&format!("{hint}; report.json has all (--out)")), "{generated}");
    assert!(used.contains(hint) && !used.contains("--out"), "{used}");
    assert!(generated.contains("1 over 6,144 characters"), "{generated}");
    for said in [generated, used] {
        assert!(said.contains("30 principals: 1 of them partial"), "{said}");
        assert!(said.contains("GetSomething") && !said.contains("GetNothing"), "{said}");
        assert!(said.contains("records that grant nothing: not-an-api-call (1 name)"), "{said}");
    }
}
