//! Usage files: however archives are split, repeated, merged or interrupted, they come out the same.
//!
//! `scripts/usage-files` does the same with a million events and more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use trailtrim_testkit::trail::corpus::{self, Plan};
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
