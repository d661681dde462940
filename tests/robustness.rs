//! Hostile and broken input, in bounded memory.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use trailtrim_testkit::trail::archive::gzip;

use crate::harness::{finish, list, number, text_of, trailtrim};

const MEBIBYTE: usize = 1 << 20;
const GIBIBYTE: u64 = 1 << 30;

fn record(id: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"2026-03-02T10:00:00Z","eventType":"AwsApiCall","eventID":"{id}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","recipientAccountId":"111122223333","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/dana","accountId":"111122223333","principalId":"AIDAEXAMPLE","userName":"dana"}},"requestParameters":{{"bucketName":"bucket","key":"{id}"}},"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::bucket/{id}"}}],"readOnly":true,"managementEvent":false,"eventCategory":"Data"}}"#
    )
}

/// Writes gzip members one behind another: a file that inflates to far more than it takes.
fn write_members(path: &Path, head: &str, body: &str, times: u64, tail: &str) {
    let mut file = File::create(path).unwrap();
    file.write_all(&gzip(head.as_bytes(), 6)).unwrap();
    let member = gzip(body.as_bytes(), 6);
    for _ in 0..times {
        file.write_all(&member).unwrap();
    }
    file.write_all(&gzip(tail.as_bytes(), 6)).unwrap();
}

/// Gives the program less address space than the largest inputs inflate to.
fn bounded(trail: &Path) -> Command {
    let plain = trailtrim();
    if !cfg!(target_os = "linux") {
        eprintln!("memory is not bounded in this run: only Linux limits address space");
        let mut command = plain;
        command.args(["generate", "--threads", "2"]).arg(trail);
        return command;
    }
    // Room for a window, a decompressor and an allocator's arena on each of two threads.
    let kibibytes = 900 << 10;
    let mut command = Command::new("/bin/sh");
    command
        .env_clear()
        .args(["-c", &format!("ulimit -v {kibibytes} && exec \"$@\""), "sh"])
        .arg(plain.get_program())
        .args(["generate", "--threads", "2"])
        .arg(trail);
    command
}

#[test]
fn broken_and_hostile_files_are_listed_and_the_rest_is_read_in_bounded_memory() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);

    let hundred: Vec<String> = (0..100).map(|n| record(&format!("truncated-{n}"))).collect();
    let mut truncated = gzip(format!("{{\"Records\":[{}]}}", hundred.join(",")).as_bytes(), 6);
    truncated.truncate(truncated.len() * 3 / 4);
    fs::write(at("truncated.json.gz"), truncated).unwrap();

    fs::write(at("empty.json.gz"), b"").unwrap();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
    fs::write(at("picture.json"), png).unwrap();

    let letters = "a".repeat(16 * MEBIBYTE);
    let times = 2 * GIBIBYTE / letters.len() as u64;
    write_members(
        &at("one-string.json.gz"),
        "{\"Records\":[{\"eventName\":\"",
        &letters,
        times,
        "\"}]}",
    );

    let one = record("large");
    let per_member = 4 * MEBIBYTE / (one.len() + 1);
    let body = format!("{one},").repeat(per_member);
    let times = GIBIBYTE.div_ceil(body.len() as u64);
    write_members(&at("large.json.gz"), "{\"Records\":[", &body, times, &format!("{one}]}}"));
    let in_large = per_member as u64 * times + 1;

    let mut invalid = format!("{{\"Records\":[{},", record("before")).into_bytes();
    invalid.extend(record("invalid").into_bytes().iter().map(|byte| match byte {
        b'd' => 0xff,
        other => *other,
    }));
    invalid.extend(format!(",{}]}}", record("after")).into_bytes());
    fs::write(at("invalid-utf8.json"), invalid).unwrap();

    fs::write(at("no-fields.json"), format!("{{\"Records\":[{{}},{}]}}", record("beside")))
        .unwrap();

    let run = finish(bounded(folder.path()));
    assert_eq!(run.code, 3, "{}", run.stderr);
    let report = run.report();
    let input = &report["input"];
    let skipped = |name: &str| {
        list(input, "skipped").iter().filter(|s| text_of(s, "path").ends_with(name)).count()
    };
    let records = |name: &str| {
        list(input, "sources")
            .iter()
            .filter(|source| text_of(source, "path").ends_with(name))
            .map(|source| number(source, "records"))
            .sum::<u64>()
    };
    for name in [
        "truncated.json.gz",
        "empty.json.gz",
        "picture.json",
        "one-string.json.gz",
        "invalid-utf8.json",
        "no-fields.json",
    ] {
        assert!(skipped(name) > 0, "{name} is not reported: {}", input["skipped"]);
        assert!(run.stderr.contains(name), "{name} is not named: {}", run.stderr);
    }
    assert_eq!(skipped("large.json.gz"), 0, "{}", input["skipped"]);
    assert_eq!(records("large.json.gz"), in_large);
    assert_eq!(records("one-string.json.gz"), 0);
    assert!((1..100).contains(&records("truncated.json.gz")), "{}", input["sources"]);
    let policy = &run.policies()["arn:aws:iam::111122223333:user/dana"];
    let pairs = crate::policy::pairs(policy);
    for key in ["large", "truncated-0", "before", "after", "beside"] {
        let object = format!("arn:aws:s3:::bucket/{key}");
        assert!(crate::policy::allows(&pairs, "s3:GetObject", &object), "{key}: {policy}");
    }
}

#[test]
fn a_size_in_a_header_is_not_believed() {
    let folder = TempDir::new().unwrap();
    // The last four bytes claim four gigabytes.
    let mut gz = gzip(format!("{{\"Records\":[{}]}}", record("liar")).as_bytes(), 6);
    let end = gz.len();
    gz[end - 4..].fill(0xff);
    fs::write(folder.path().join("liar.json.gz"), gz).unwrap();
    // A zstd frame header that announces four gigabytes, and no content.
    let mut zst = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa4];
    zst.extend(u32::MAX.to_le_bytes());
    fs::write(folder.path().join("liar.json.zst"), zst).unwrap();
    let run = finish(bounded(folder.path()));
    assert_eq!(run.code, 3, "{}", run.stderr);
    let paths: Vec<String> = list(&run.report()["input"], "skipped")
        .iter()
        .map(|skipped| text_of(skipped, "path").to_owned())
        .collect();
    for name in ["liar.json.gz", "liar.json.zst"] {
        assert!(paths.iter().any(|path| path.ends_with(name)), "{name}: {paths:?}");
    }
}
