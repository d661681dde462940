//! Many files at once: the result does not depend on who reads what, or how often it is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::DateTime;
use trailtrim_ingest::{
    Files, IngestError, Ingested, Input, Mentions, Progress, Prune, Quiet, SkipKind, fold,
    fold_files, fold_reporting,
};

use crate::{gzip, log};

type Names = BTreeMap<(String, u64), String>;

fn read(inputs: &[Input], prune: &Prune, threads: usize) -> Result<(Names, Ingested), IngestError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        fold(
            inputs,
            prune,
            Names::new,
            |names, at, record| {
                names.insert((at.path.to_string(), at.record), record.event_name.to_string());
            },
            |mut left, right| {
                left.extend(right);
                left
            },
        )
    })
}

fn paths(paths: &[PathBuf]) -> Vec<Input> {
    paths.iter().cloned().map(Input::Path).collect()
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A directory with logs, copies, and things that are none.
fn archive() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..40 {
        let log = log(&[&format!("first{n}"), &format!("second{n}")]);
        write(&dir.path().join(format!("{}/{n}.json.gz", n % 3)), gzip(log.as_bytes()));
    }
    write(&dir.path().join("copy/b.json"), log(&["same"]));
    write(&dir.path().join("copy/a.json"), log(&["same"]));
    write(&dir.path().join("picture.png"), b"\x89PNG\r\n\x1a\n\0");
    write(&dir.path().join("empty.json"), b"");
    write(&dir.path().join("cut.json.gz"), &gzip(log(&["a", "b"]).as_bytes())[..60]);
    dir
}

#[test]
fn threads_order_and_repetition_change_nothing() {
    let archive = archive();
    let dir = archive.path().to_owned();
    let twice = [dir.clone(), dir.clone(), dir.join("1"), dir.join("copy/a.json")];
    let mut shuffled = twice.clone();
    shuffled.reverse();
    let once = read(&paths(&[dir]), &Prune::default(), 1).unwrap();
    for threads in [1, 2, 8] {
        for inputs in [&twice, &shuffled] {
            assert_eq!(read(&paths(inputs), &Prune::default(), threads).unwrap(), once);
        }
    }
    let (names, ingested) = once;
    assert!(names.len() >= 82);
    let copies = ingested.sources.values().filter(|facts| facts.path.to_string().contains("copy"));
    let copies: Vec<_> = copies.map(|facts| facts.path.to_string()).collect();
    assert_eq!(copies.len(), 1, "one content is one source");
    assert!(copies[0].ends_with("a.json"), "under its smallest label");
    let kinds: Vec<_> = ingested.skipped.iter().map(|skipped| skipped.kind).collect();
    assert_eq!(kinds, [SkipKind::Truncated, SkipKind::Empty, SkipKind::NotATrail]);
}

#[test]
fn the_same_directory_under_two_names_is_read_once() {
    let archive = archive();
    let dotted = archive.path().join(".").join("0").join("..");
    let (names, _) =
        read(&paths(&[archive.path().to_owned(), dotted.clone()]), &Prune::default(), 2).unwrap();
    let (alone, _) = read(&paths(&[archive.path().to_owned()]), &Prune::default(), 2).unwrap();
    assert_eq!(names.len(), alone.len());
    let label =
        archive.path().to_string_lossy().into_owned().min(dotted.to_string_lossy().into_owned());
    assert!(names.keys().all(|(path, _)| path.starts_with(&label)));
}

#[test]
fn a_missing_argument_fails_the_run_and_is_named() {
    let error = read(&paths(&[PathBuf::from("no/such/trail")]), &Prune::default(), 1).unwrap_err();
    assert!(matches!(error, IngestError::Missing { .. }));
    assert!(error.to_string().contains("`no/such/trail`"));
}

#[test]
fn nothing_to_read_gives_the_neutral_value() {
    let dir = tempfile::tempdir().unwrap();
    let (names, ingested) = read(&paths(&[dir.path().to_owned()]), &Prune::default(), 2).unwrap();
    assert_eq!((names.len(), ingested), (0, Ingested::default()));
}

#[test]
fn files_are_pruned_by_key_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let key = |account: &str, day: &str| {
        format!(
            "AWSLogs/{account}/CloudTrail/eu-west-1/2024/03/{day}/{account}_CloudTrail_eu-west-1_202403{day}T1015Z_x.json"
        )
    };
    for (account, day) in [("111122223333", "05"), ("111122223333", "06"), ("444455556666", "05")] {
        write(&dir.path().join(key(account, day)), log(&[&format!("{account}-{day}")]));
    }
    let prune = Prune {
        accounts: vec!["111122223333".to_owned()],
        since: Some(DateTime::from_timestamp(1_709_683_200, 0).unwrap()),
        ..Prune::default()
    };
    let (names, ingested) = read(&paths(&[dir.path().to_owned()]), &prune, 2).unwrap();
    assert_eq!(names.values().collect::<Vec<_>>(), ["111122223333-06"]);
    assert_eq!(ingested.pruned, 2);
}

#[test]
fn progress_adds_up() {
    #[derive(Default)]
    struct Sums([AtomicU64; 5]);
    impl Progress for Sums {
        fn found(&self, files: u64, bytes: u64) {
            self.0[0].fetch_add(files, Ordering::Relaxed);
            self.0[1].fetch_add(bytes, Ordering::Relaxed);
        }
        fn read(&self, bytes: u64) {
            self.0[2].fetch_add(bytes, Ordering::Relaxed);
        }
        fn done(&self, records: u64) {
            self.0[3].fetch_add(1, Ordering::Relaxed);
            self.0[4].fetch_add(records, Ordering::Relaxed);
        }
    }
    let archive = archive();
    let inputs = paths(&[archive.path().to_owned()]);
    let sums = Sums::default();
    let (records, _) = fold_reporting(
        &inputs,
        &Prune::default(),
        &sums,
        || 0,
        |count, _, _| *count += 1,
        |a, b| a + b,
    )
    .unwrap();
    let [files, bytes, read, done, told] = sums.0.map(AtomicU64::into_inner);
    assert_eq!((files, done), (45, 45));
    assert_eq!(bytes, read);
    assert_eq!(told, records);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_once_and_loops_end() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        write(&dir.path().join("elsewhere/far.json"), log(&["far"]));
        write(&root.join("deep/near.json"), log(&["near"]));
        symlink(dir.path().join("elsewhere"), root.join("deep/out")).unwrap();
        symlink(dir.path().join("elsewhere"), root.join("out")).unwrap();
        symlink(&root, root.join("deep/loop")).unwrap();
        symlink(root.join("deep"), root.join("again")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        let (names, ingested) =
            read(&paths(std::slice::from_ref(&root)), &Prune::default(), 2).unwrap();
        assert_eq!(names.values().collect::<Vec<_>>(), ["near", "far"]);
        let skipped: Vec<_> =
            ingested.skipped.iter().map(|one| (one.path.clone(), one.kind)).collect();
        let dangling = root.join("dangling").to_string_lossy().into_owned();
        assert_eq!(skipped, [(dangling, SkipKind::Unreadable)]);
    }

    #[test]
    fn sockets_and_the_like_are_never_opened() {
        let dir = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let (_, ingested) = read(&paths(&[dir.path().to_owned()]), &Prune::default(), 1).unwrap();
        let kinds: Vec<_> = ingested.skipped.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [SkipKind::SpecialFile]);
    }
}

#[test]
fn what_is_looked_for_is_all_that_is_visited() {
    let dir = tempfile::tempdir().unwrap();
    let of = |names: &[&str]| log(names).replace("\"E", "\"\\u0045");
    write(&dir.path().join("a.json.gz"), gzip(of(&["Alpha", "Beta", "Alpha"]).as_bytes()));
    // An escape may spell what is looked for.
    write(&dir.path().join("b.json.gz"), gzip(of(&["Beta", "Eta"]).as_bytes()));
    write(&dir.path().join("c.json.gz"), gzip(of(&["Beta"]).as_bytes()));
    let mut files = Files::find(&paths(&[dir.path().to_owned()]), &Prune::default()).unwrap();
    files.look_for(Mentions::new(["Alpha"]).unwrap());
    let (names, ingested) = fold_files(
        &files,
        &Quiet,
        Names::new,
        |names, at, record| {
            let file = at.path.to_string().rsplit('/').next().unwrap().to_owned();
            names.insert((file, at.record), record.event_name.to_string());
        },
        |mut left, right| {
            left.extend(right);
            left
        },
    );
    let names: Vec<_> =
        names.iter().map(|((file, at), name)| format!("{file} {at} {name}")).collect();
    assert_eq!(names, ["a.json.gz 0 Alpha", "a.json.gz 2 Alpha", "b.json.gz 1 Eta"]);
    assert_eq!(ingested.passed, 1);
    let records: Vec<_> = ingested.sources.values().map(|facts| facts.records).collect();
    assert_eq!(records.iter().sum::<u64>(), 5, "those that are not visited are counted");
}
