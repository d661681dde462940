//! Usage files: however archives are split, repeated, merged or interrupted, they come out the same.
//!
//! `scripts/usage-files` does the same with a million events and more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::archive;
use trailtrim_testkit::trail::corpus::{self, Plan};
use trailtrim_testkit::trail::event::Event;
use trailtrim_testkit::trail::scenario::{Scenario, Shape, pack};
use trailtrim_testkit::trail::world::Size;

fn trailtrim() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trailtrim"))
}

fn run(arguments: &[&str]) -> Output {
    trailtrim().args(arguments).output().unwrap()
}

/// Runs to a success, skipped input included.
fn done(arguments: &[&str]) -> Output {
    let output = run(arguments);
    let code = output.status.code();
    assert!(
        matches!(code, Some(0 | 3)),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn corpus(events: usize) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let size = Size { accounts: 2, principals: 8, keys: 60 };
    corpus::make(&Plan { size, ..Plan::new(3, events) }, out.path()).unwrap();
    out
}

fn files(below: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Observes `parts` shares of the files, some twice, and merges them backwards.
fn sharded(all: &[PathBuf], parts: usize, work: &Path) -> Vec<u8> {
    let mut shards = Vec::new();
    for part in 0..parts {
        let shard = work.join(format!("{parts}-{part}.usage"));
        let mut arguments = vec!["observe", "-o", text(&shard)];
        let share = all.iter().enumerate();
        let share = share.filter(|(at, _)| at % parts == part || (at + 1) % parts == part);
        arguments.extend(share.map(|(_, path)| text(path)));
        if arguments.len() > 3 {
            done(&arguments);
            shards.push(shard);
        }
    }
    shards.reverse();
    let merged = work.join(format!("{parts}.usage"));
    let mut arguments = vec!["merge", "-o", text(&merged)];
    arguments.extend(shards.iter().chain(shards.first()).map(|path| text(path)));
    done(&arguments);
    fs::read(merged).unwrap()
}

#[test]
fn any_split_by_files_gives_the_same_bytes() {
    let (made, work) = (corpus(12_000), tempfile::tempdir().unwrap());
    let all = files(made.path());
    let whole = work.path().join("whole.usage");
    let mut arguments = vec!["observe", "-o", text(&whole), "--threads", "1"];
    arguments.extend(all.iter().map(|path| text(path)));
    done(&arguments);
    let whole = fs::read(whole).unwrap();
    for parts in [1, 3, 7] {
        assert!(sharded(&all, parts, work.path()) == whole, "{parts} parts");
    }
}

#[test]
fn real_events_split_by_files_give_the_same_bytes() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/events");
    if !data.is_dir() {
        eprintln!("skipped: there are no shared event files beside the repository");
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let all = files(&data);
    let whole = work.path().join("whole.usage");
    let mut arguments = vec!["observe", "-o", text(&whole)];
    arguments.extend(all.iter().map(|path| text(path)));
    done(&arguments);
    let whole = fs::read(whole).unwrap();
    assert!(sharded(&all, 5, work.path()) == whole);
}

/// Takes the names of files out of what was said of events.
fn without_files(lines: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(lines).unwrap();
    let mut all: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut all {
        for event in line["evidence"].as_array_mut().unwrap() {
            event.as_object_mut().unwrap().remove("file").unwrap();
        }
    }
    all
}

#[test]
fn the_same_records_in_other_files_give_the_same_sources_aside() {
    let shape =
        Shape { size: Size { accounts: 2, principals: 8, keys: 40 }, days: 12, novelties: 3 };
    let scenario = Scenario::new(7, shape);
    let events: Vec<&Event> = scenario.events.iter().collect();
    let [first, second] = [1, 2].map(|seed| {
        let out = tempfile::tempdir().unwrap();
        archive::write(out.path(), &pack(&events, Random::new(seed))).unwrap();
        out
    });
    // A third one has all records in a single file, the last first.
    let single = tempfile::tempdir().unwrap();
    let records: Vec<String> = events
        .iter()
        .rev()
        .map(|event| {
            let mut text = String::new();
            event.write(&mut text);
            text
        })
        .collect();
    let text_of_all = format!(r#"{{"Records":[{}]}}"#, records.join(","));
    fs::write(single.path().join("all.json"), text_of_all).unwrap();
    assert!(files(first.path()).len() > 20, "{:?}", files(first.path()));
    assert_ne!(all_bytes(first.path()), all_bytes(second.path()));

    let usage = |trail: &Path, options: &[&str]| {
        let arguments: Vec<&str> = ["usage", "--format", "json", text(trail)]
            .into_iter()
            .chain(options.to_vec())
            .collect();
        without_files(&done(&arguments).stdout)
    };
    let plain =
        |command: &str, trail: &Path| done(&[command, "--format", "json", text(trail)]).stdout;
    for quota in ["512", "8"] {
        let options = ["--by", "workload", "--name-quota", quota];
        let expected = usage(first.path(), &options);
        assert!(expected.len() > 100, "{}", expected.len());
        for other in [&second, &single] {
            assert_eq!(usage(other.path(), &options), expected);
        }
    }
    for command in ["coverage", "soak"] {
        let expected = plain(command, first.path());
        for other in [&second, &single] {
            assert!(plain(command, other.path()) == expected, "{command}");
        }
    }
}

fn all_bytes(below: &Path) -> Vec<Vec<u8>> {
    files(below).iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn what_cloudtrail_amended_later_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let record = |id: &str, rest: &str| {
        format!(
            r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1",
            "recipientAccountId":"111122223333","eventType":"AwsApiCall","eventID":"{id}"{rest}}}"#
        )
    };
    let first = record("e1", r#","resources":[{"ARN":"arn:aws:s3:::b/first"}]"#);
    let second = record(
        "e2",
        r#","resources":[{"ARN":"arn:aws:s3:::b/second"}],"addendum":{"reason":"UPDATED_DATA","originalEventID":"e1"}"#,
    );
    let file = folder.path().join("trail.json");
    fs::write(&file, format!(r#"{{"Records":[{first},{second}]}}"#)).unwrap();
    let out = folder.path().join("out");
    let run = done(&["generate", text(&file), "--out", text(&out)]);
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("amended later by CloudTrail") && told.contains(": 1 event"), "{told}");
    let report = fs::read(out.join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["amended"]["calls"], 1, "{}", report["amended"]);
    assert_eq!(report["amended"]["evidence"][0]["event_id"], "e2");
    // Both accounts of the event count, as one event.
    let grants = report["principals"][0]["grants"].as_array().unwrap();
    let resources: Vec<&str> =
        grants.iter().map(|grant| grant["resource"].as_str().unwrap()).collect();
    assert_eq!(resources, ["arn:aws:s3:::b/first", "arn:aws:s3:::b/second"]);
    assert_eq!(grants[0]["evidence"][0]["event_id"], "e1");
}

#[test]
fn a_usage_file_says_what_it_was_limited_to() {
    let (made, work) = (corpus(500), tempfile::tempdir().unwrap());
    let usage = work.path().join("a.usage");
    done(&["observe", "-o", text(&usage), "--region", "eu-west-1", text(made.path())]);
    // Of that region there is nothing, which is told as well.
    let output = trailtrim().args(["usage", text(&usage)]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("was observed with limits: region eu-west-1"), "{told}");
    assert!(!told.contains("other parts of calls"), "{told}");
}

#[test]
fn a_usage_file_stands_for_its_archive_beside_others() {
    let (made, work) = (corpus(4_000), tempfile::tempdir().unwrap());
    let all = files(made.path());
    let (some, rest) = all.split_at(all.len() / 2);
    // Told by content: the name says nothing.
    let usage = work.path().join("half.json");
    let mut arguments = vec!["observe", "-o", text(&usage)];
    arguments.extend(some.iter().map(|path| text(path)));
    done(&arguments);
    let mut mixed = vec!["usage", "--format", "json", text(&usage)];
    mixed.extend(rest.iter().map(|path| text(path)));
    let expected = done(&["usage", "--format", "json", text(made.path())]).stdout;
    assert!(!expected.is_empty());
    assert!(done(&mixed).stdout == expected);
}

#[test]
fn appending_reads_only_what_is_new() {
    let (made, work) = (corpus(4_000), tempfile::tempdir().unwrap());
    let all = files(made.path());
    let usage = work.path().join("a.usage");
    let (first, last) = (text(&all[0]), text(&all[1]));
    done(&["observe", "--append", "-o", text(&usage), first]);
    let second = done(&["observe", "--append", "-o", text(&usage), first, last]);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("read 1 file ") && told.contains("known before: 1 file"), "{told}");
    let at_once = work.path().join("b.usage");
    done(&["observe", "-o", text(&at_once), last, first]);
    assert!(fs::read(&usage).unwrap() == fs::read(&at_once).unwrap());
    // Another filter is another epoch: the file is read again for it.
    let other = done(&["observe", "--append", "-o", text(&usage), "--region", "eu-west-1", first]);
    let told = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(!told.contains("known before"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_unicode_is_known_by_its_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let (made, work) = (corpus(2_000), tempfile::tempdir().unwrap());
    let all = files(made.path());
    let folder = work.path().join("archive");
    fs::create_dir(&folder).unwrap();
    let usage = work.path().join("a.usage");
    let observe = || {
        let told = done(&["observe", "--append", "-o", text(&usage), text(&folder)]).stderr;
        String::from_utf8_lossy(&told).into_owned()
    };
    // Both have one label, size and time.
    let [one, two] = [&b"a\xfe.json"[..], b"a\xff.json"]
        .map(|name| folder.join(std::ffi::OsStr::from_bytes(name)));
    let pad = |path: &Path, from: &Path| {
        let gz = fs::read(from).unwrap();
        let mut content = String::new();
        std::io::Read::read_to_string(
            &mut flate2::read::MultiGzDecoder::new(gz.as_slice()),
            &mut content,
        )
        .unwrap();
        content.push_str(&" ".repeat(3_000_000 - content.len()));
        fs::write(path, content).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
            .unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3_000_000);
    };
    pad(&one, &all[0]);
    assert!(observe().contains("read 1 file "));
    pad(&two, &all[1]);
    let told = observe();
    assert!(told.contains("read 1 file ") && told.contains("known before: 1 file"), "{told}");
    let told = observe();
    assert!(told.contains("read 0 files ") && told.contains("known before: 2 files"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_usage_file_that_comes_through_a_pipe_is_one() {
    use std::io::Write as _;
    let (made, work) = (corpus(500), tempfile::tempdir().unwrap());
    let usage = work.path().join("a.usage");
    done(&["observe", "-o", text(&usage), text(made.path())]);
    let piped = |content: &[u8], options: &[&str]| {
        let mut child = trailtrim()
            .args(["usage", "--format", "json", "/dev/stdin"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(content).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let expected = done(&["usage", "--format", "json", text(&usage)]).stdout;
    assert!(!expected.is_empty());
    assert!(piped(&fs::read(&usage).unwrap(), &[]) == expected);
    // What is no usage file is read as it was, from its first byte, and but once.
    let archive = &files(made.path())[0];
    let line = done(&["usage", "--format", "json", text(archive)]).stdout;
    let line = without_files(&line);
    let archive = fs::read(archive).unwrap();
    assert_eq!(without_files(&piped(&archive, &[])), line);
    assert_eq!(without_files(&piped(&archive, &["--general-road"])), line);
    assert_eq!(without_files(&piped(&archive, &["--principal", "*"])), line);
}

#[test]
fn what_a_killed_run_left_is_no_part_of_an_archive() {
    let (made, work) = (corpus(500), tempfile::tempdir().unwrap());
    let usage = work.path().join("a.usage");
    done(&["observe", "-o", text(&usage), text(made.path())]);
    let whole = fs::read(&usage).unwrap();
    // Beside the archive, as where somebody keeps both in one place.
    let beside = made.path().join("b.usage");
    for name in [".trailtrim-b.usage-Ab12Cd", ".trailtrim-other.usage-Ab12Cd", ".trailtrim-Ab12Cd"]
    {
        fs::write(made.path().join(name), &whole[..whole.len() / 2]).unwrap();
    }
    done(&["observe", "-o", text(&beside), text(made.path())]);
    assert!(fs::read(&beside).unwrap() == whole);
    assert!(!made.path().join(".trailtrim-b.usage-Ab12Cd").exists());
    assert!(made.path().join(".trailtrim-other.usage-Ab12Cd").exists(), "that is another file's");
    // Named, it is read, and is damaged.
    let named = run(&["usage", text(&made.path().join(".trailtrim-other.usage-Ab12Cd"))]);
    assert_eq!(named.status.code(), Some(2));
}

fn start(archive: &Path, usage: &Path) -> Child {
    trailtrim()
        .args(["observe", "--append", "-o", text(usage), text(archive)])
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_and_concurrent_runs_lose_nothing() {
    let (made, work) = (corpus(6_000), tempfile::tempdir().unwrap());
    let undisturbed = work.path().join("undisturbed.usage");
    done(&["observe", "-o", text(&undisturbed), text(made.path())]);
    let undisturbed = fs::read(undisturbed).unwrap();

    let killed = work.path().join("killed.usage");
    for turn in 0..12u32 {
        let mut child = start(made.path(), &killed);
        // Some die before they begin, some after they wrote.
        (0..turn * turn * 2000).for_each(|n| drop(std::hint::black_box(n.to_string())));
        child.kill().unwrap();
        child.wait().unwrap();
        if killed.exists() {
            done(&["usage", text(&killed)]);
        }
    }
    done(&["observe", "--append", "-o", text(&killed), text(made.path())]);
    assert!(fs::read(&killed).unwrap() == undisturbed);

    let shared = work.path().join("shared.usage");
    let mut runs: Vec<Child> = (0..3).map(|_| start(made.path(), &shared)).collect();
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    assert!(fs::read(&shared).unwrap() == undisturbed);
}

#[test]
fn what_cannot_be_done_is_said() {
    let (made, work) = (corpus(500), tempfile::tempdir().unwrap());
    let usage = work.path().join("a.usage");
    done(&["observe", "-o", text(&usage), text(made.path())]);
    let refused = run(&["usage", "--exclude-session", "x*", text(&usage)]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("give --exclude-… when observing"), "{told}");
    let hour = run(&["usage", "--since", "2026-03-02T10:00:00Z", text(&usage)]);
    let told = String::from_utf8_lossy(&hour.stderr).into_owned();
    assert!(told.contains("takes all of that day"), "{told}");
    let bytes = fs::read(&usage).unwrap();
    fs::write(&usage, &bytes[..bytes.len() / 2]).unwrap();
    let damaged = run(&["merge", text(&usage), "-o", text(&usage)]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&damaged.stderr).contains("damaged usage file"));
    assert!(fs::read(&usage).unwrap() == bytes[..bytes.len() / 2]);
}

#[test]
fn what_was_kept_out_of_a_usage_file_does_not_come_in_by_adding_to_it() {
    let (made, work) = (corpus(500), tempfile::tempdir().unwrap());
    let path = |name: &str| work.path().join(name);
    let (without, all) = (path("without.usage"), path("all.usage"));
    let exclude = ["--exclude-session", "*-1"];
    done(&[&["observe", "-o", text(&without)], &exclude[..], &[text(made.path())]].concat());
    done(&["observe", "-o", text(&all), text(made.path())]);
    let bytes = fs::read(&without).unwrap();
    for (to, options, said) in [
        (&without, &[][..], "it was observed with --exclude-session *-1"),
        (&all, &exclude, "it was observed without --exclude-… options"),
    ] {
        let add = ["observe", "--append", "-o", text(to)];
        let refused = run(&[&add, options, &[text(made.path())]].concat());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && told.contains(said), "{told}");
    }
    assert!(fs::read(&without).unwrap() == bytes);
    let again = ["observe", "--append", "-o", text(&without)];
    done(&[&again, &exclude[..], &[text(made.path())]].concat());

    // Nor by reading it into a new one, which would not know of it.
    let anew = ["observe", text(&without), "-o", text(&path("anew.usage"))].map(str::to_owned);
    let refused = run(&anew.each_ref().map(String::as_str));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && told.contains("trailtrim merge"), "{told}");
    assert!(!path("anew.usage").exists());
    let copied = path("copied.usage");
    done(&["observe", text(&all), "-o", text(&copied)]);

    let joined = path("joined.usage");
    let merged = done(&["merge", text(&without), text(&all), "-o", text(&joined)]);
    let read = done(&["usage", text(&joined)]);
    for output in [merged, read] {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("exclude different sessions"), "{told}");
    }
}

#[test]
fn foreign_evidence_is_kept_out_and_listed() {
    let made = corpus(2_000);
    let all = done(&["usage", "--format", "json", text(made.path())]).stdout;
    let none = done(&[
        "usage",
        "--format",
        "json",
        "--exclude-time",
        "2000-01-01..2100-01-01",
        text(made.path()),
    ]);
    assert!(!all.is_empty() && none.stdout.is_empty());
}
