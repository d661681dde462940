//! What makes a run fast changes nothing that it says: the fast road of reading, and reading no more
//! than a named principal needs.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use trailtrim_testkit::trail::corpus::{self, Plan};
use trailtrim_testkit::trail::world::Size;

use crate::harness::{fixture_trail, shared, text, text_of, trailtrim};

fn seeded(seed: u64) -> TempDir {
    let archive = TempDir::new().unwrap();
    let size = Size { accounts: 3, principals: 10, keys: 40 };
    corpus::make(&Plan { size, ..Plan::new(seed, 1500) }, archive.path()).unwrap();
    archive
}

/// A usage file of a trail, and what was said.
fn observe(trail: &Path, options: &[&str]) -> (Vec<u8>, Option<i32>) {
    let out = TempDir::new().unwrap();
    let usage = out.path().join("trail.usage");
    let run =
        trailtrim().arg("observe").arg(trail).arg("-o").arg(&usage).args(options).output().unwrap();
    (std::fs::read(usage).unwrap(), run.status.code())
}

fn usage<T: AsRef<OsStr>>(trail: &Path, options: &[T]) -> (Vec<Value>, String) {
    let run = trailtrim()
        .arg("usage")
        .arg(trail)
        .args(["--format", "json"])
        .args(options)
        .output()
        .unwrap();
    let lines = text(run.stdout);
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), text(run.stderr))
}

#[test]
fn the_general_road_observes_the_same() {
    let mut trails = vec![fixture_trail()];
    trails.extend(shared("events"));
    let archives: Vec<TempDir> = (0..2).map(seeded).collect();
    trails.extend(archives.iter().map(|archive| archive.path().to_owned()));
    for trail in trails {
        let (fast, code) = observe(&trail, &[]);
        let (general, general_code) = observe(&trail, &["--general-road"]);
        assert!(fast == general && code == general_code, "{}", trail.display());
    }
}

#[test]
fn one_principal_read_alone_is_what_everyone_read_tells_of_it() {
    let archive = seeded(7);
    for trail in [archive.path(), &fixture_trail()] {
        let (everyone, _) = usage::<&str>(trail, &[]);
        let mut principals: Vec<&str> =
            everyone.iter().map(|line| text_of(line, "principal")).collect();
        principals.dedup();
        assert!(principals.len() > 4);
        for principal in principals {
            let expected: Vec<&Value> =
                everyone.iter().filter(|line| text_of(line, "principal") == principal).collect();
            let name = principal.rsplit('/').next().unwrap();
            for glob in [principal, name] {
                let (alone, _) = usage(trail, &["--principal", glob]);
                let alone: Vec<&Value> =
                    alone.iter().filter(|line| text_of(line, "principal") == principal).collect();
                assert_eq!(alone, expected, "{glob}");
            }
        }
    }
}

/// A log file with one record, of a role's session in a text that is told.
fn record(identity: &str, event: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"2026-03-02T10:00:00Z","eventType":"AwsApiCall",
        "eventSource":"iam.amazonaws.com","awsRegion":"us-east-1","recipientAccountId":"111122223333",
        "userIdentity":{identity},{event}}}"#
    )
}

#[test]
fn escapes_do_not_hide_a_principal_and_what_others_teach_is_not_lost() {
    let trail = TempDir::new().unwrap();
    let write =
        |name: &str, record: String| std::fs::write(trail.path().join(name), record).unwrap();
    let user =
        |arn: &str| format!(r#"{{"type":"IAMUser","arn":"{arn}","accountId":"111122223333"}}"#);
    let get = |id: &str, role: &str| {
        format!(
            r#""eventName":"GetRole","eventID":"{id}","requestParameters":{{"roleName":"{role}"}}"#
        )
    };
    write("plain", record(&user("arn:aws:iam::111122223333:user/ops/dana"), &get("1", "a")));
    write(
        "escaped",
        record(&user(r"arn:aws:iam::111122223333:user\/ops\/d\u0061na"), &get("2", "b")),
    );
    // The role's session alone does not say where the role lies; someone else's call does.
    let session = r#"{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/worker/s",
        "accountId":"111122223333"}"#;
    write("session", record(session, &get("3", "c")));
    let taught = get("4", "worker").replace(
        "\"eventID\"",
        r#""responseElements":{"role":{"arn":"arn:aws:iam::111122223333:role/batch/worker"}},"eventID""#,
    );
    write("other", record(&user("arn:aws:iam::111122223333:user/eve"), &taught));
    let (everyone, _) = usage::<&str>(trail.path(), &[]);
    for (glob, principal) in [
        ("dana", "arn:aws:iam::111122223333:user/ops/dana"),
        (
            "*/worker",
            text_of(
                everyone
                    .iter()
                    .find(|line| text_of(line, "principal").ends_with("/worker"))
                    .unwrap(),
                "principal",
            ),
        ),
    ] {
        let expected: Vec<&Value> =
            everyone.iter().filter(|line| text_of(line, "principal") == principal).collect();
        let (alone, _) = usage(trail.path(), &["--principal", glob]);
        assert!(!alone.is_empty());
        assert_eq!(alone.iter().collect::<Vec<_>>(), expected, "{glob}");
    }
}

#[test]
fn files_without_a_mention_are_not_parsed_and_that_is_said() {
    let trail = TempDir::new().unwrap();
    let of = |user: &str| {
        let identity = format!(
            r#"{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/{user}","accountId":"111122223333"}}"#
        );
        record(&identity, r#""eventName":"ListUsers","eventID":"1""#)
    };
    for user in ["dana", "eve"] {
        let packed = trailtrim_testkit::trail::archive::gzip(of(user).as_bytes(), 6);
        std::fs::write(trail.path().join(format!("{user}.json.gz")), packed).unwrap();
    }
    let (lines, told) = usage(trail.path(), &["--principal", "dana"]);
    assert_eq!(lines.len(), 1);
    assert!(told.contains("not parsed, without a mention of --principal: 1 file\n"), "{told}");
}
