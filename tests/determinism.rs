//! Same input, same bytes: any order, any number of threads, any repetition.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::corpus::{self, Plan};
use trailtrim_testkit::trail::world::Size;

use crate::harness::{files, fixture_trail, generate, shared, text, trailtrim};

/// Everything a run gives: exit code, streams, files.
#[derive(PartialEq, Eq)]
struct Everything {
    code: i32,
    stderr: String,
    policies: Vec<u8>,
    tree: BTreeMap<String, Vec<u8>>,
}

impl Everything {
    fn of<T: AsRef<std::ffi::OsStr>>(trails: &[T], threads: &str) -> Self {
        let run = generate(trails, &["--threads", threads]);
        let to_stdout =
            trailtrim().arg("generate").args(trails).args(["--threads", threads]).output().unwrap();
        assert_eq!(to_stdout.status.code(), Some(run.code));
        assert_eq!(text(to_stdout.stderr), run.stderr);
        let tree = run.tree();
        Self { code: run.code, stderr: run.stderr, policies: to_stdout.stdout, tree }
    }

    fn assert_same(&self, other: &Self, how: &str) {
        assert_eq!(self.code, other.code, "{how}");
        assert_eq!(self.stderr, other.stderr, "{how}");
        assert_eq!(text(self.policies.clone()), text(other.policies.clone()), "{how}");
        assert!(
            self.tree.keys().eq(other.tree.keys()),
            "{how}: other files: {:?} and {:?}",
            self.tree.keys(),
            other.tree.keys()
        );
        for (path, bytes) in &self.tree {
            assert!(*bytes == other.tree[path], "{how}: `{path}` differs");
        }
    }
}

fn always_the_same(root: &Path) {
    let whole = Everything::of(&[root], "1");
    for threads in ["2", "8"] {
        whole.assert_same(&Everything::of(&[root], threads), &format!("{threads} threads"));
    }
    whole.assert_same(&Everything::of(&[root, root], "2"), "the directory twice");
    let mut paths: Vec<OsString> = files(root).into_iter().map(PathBuf::into_os_string).collect();
    for seed in 0..2 {
        Random::new(seed).shuffle(&mut paths);
        whole.assert_same(&Everything::of(&paths, "2"), "its files, shuffled");
    }
    let mut parts: Vec<OsString> = paths.iter().take(5).cloned().collect();
    parts.push(root.into());
    whole.assert_same(&Everything::of(&parts, "8"), "files that are in the directory too");
}

#[test]
fn the_fixture_trail_always_gives_the_same_bytes() {
    always_the_same(&fixture_trail());
}

#[test]
fn a_seeded_archive_always_gives_the_same_bytes() {
    let archive = TempDir::new().unwrap();
    let size = Size { accounts: 4, principals: 12, keys: 100 };
    corpus::make(&Plan { size, ..Plan::new(5, 6_000) }, archive.path()).unwrap();
    always_the_same(archive.path());
}

#[test]
fn the_shared_events_always_give_the_same_bytes() {
    if let Some(events) = shared("events") {
        always_the_same(&events);
    }
}
