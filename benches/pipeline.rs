//! The road from archive to policy, step by step; matching and containment are measured in `iam`.
//!
//! `cargo bench --bench pipeline`. Measures only: nothing here is asserted. What is done for each record
//! is measured on a seeded archive of 3,000 events, the rest on the fixture trail.

#![expect(clippy::expect_used, reason = "a bench without its trail has nothing to measure")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use divan::Bencher;
use flate2::read::MultiGzDecoder;
use trailtrim_aggregator::{
    Activity, Body, Epoch, Join as _, Observer, Scope, Usage, UsageFile, resolve,
};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::{DraftOptions, draft};
use trailtrim_ingest::{Input, Provenance, Prune, Quiet, Record, Road, Scratch, fold, read_stream};
use trailtrim_testkit::trail::corpus::{self, Plan};

fn main() {
    divan::main();
}

fn trail() -> Vec<Input> {
    vec![Input::Path(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/trail/input")))]
}

fn observed(scope: &Scope) -> Usage {
    let (observer, _) = fold(
        &trail(),
        &Prune::default(),
        || Observer::new(Catalog::embedded(), scope),
        |observer, provenance, record| observer.observe(provenance, record),
        |mut left, right| {
            left.join(right);
            left
        },
    )
    .expect("the fixture trail stands in the repository");
    observer.into_usage()
}

#[divan::bench]
fn read_only() -> u64 {
    let (records, _) = fold(&trail(), &Prune::default(), || 0, |n, _, _| *n += 1, |a, b| a + b)
        .expect("the fixture trail stands in the repository");
    records
}

#[divan::bench]
fn observe() -> Usage {
    observed(&Scope::default())
}

#[divan::bench]
fn resolve_usage(bencher: Bencher<'_, '_>) {
    let usage = observed(&Scope::default());
    bencher.bench(|| resolve(&usage, Catalog::embedded()));
}

#[divan::bench]
fn draft_policies(bencher: Bencher<'_, '_>) {
    let activity: Activity = resolve(&observed(&Scope::default()), Catalog::embedded());
    let (catalog, options) = (Catalog::embedded(), DraftOptions::default());
    let principals = || activity.principals.iter();
    bencher.bench(|| principals().map(|one| draft(one, catalog, options)).collect::<Vec<_>>());
}

/// The log files of a seeded archive, unpacked.
fn logs() -> Vec<String> {
    let archive = tempfile::tempdir().expect("a directory for the archive");
    corpus::make(&Plan::new(1, 3000), archive.path()).expect("the archive");
    let mut logs = Vec::new();
    unpack(archive.path(), &mut logs);
    logs
}

fn unpack(folder: &Path, logs: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the archive") {
        let path = entry.expect("a file of the archive").path();
        if path.is_dir() {
            unpack(&path, logs);
        } else {
            let mut log = String::new();
            let packed = fs::File::open(path).expect("a log file");
            MultiGzDecoder::new(packed).read_to_string(&mut log).expect("JSON");
            logs.push(log);
        }
    }
}

/// The text of each record of some logs.
fn records(logs: &[String]) -> Vec<String> {
    let mut records = Vec::new();
    for log in logs {
        let log: serde_json::Value = serde_json::from_str(log).expect("JSON");
        let list = log.get("Records").and_then(serde_json::Value::as_array);
        records.extend(list.into_iter().flatten().map(ToString::to_string));
    }
    records
}

fn observed_from(records: &[Record<'_>]) -> Usage {
    let scope = Scope::default();
    let mut observer = Observer::new(Catalog::embedded(), &scope);
    let log = "log".into();
    records.iter().for_each(|record| observer.observe(&Provenance::bare(&log), record));
    observer.into_usage()
}

/// From bytes to records.
#[divan::bench(args = [Road::Fast, Road::General])]
fn scan(bencher: Bencher<'_, '_>, road: Road) {
    let logs = logs();
    let label = "log".into();
    let mut scratch = Scratch::new(road, false);
    bencher.bench_local(|| {
        let mut count = 0;
        for log in &logs {
            read_stream(&label, log.as_bytes(), &mut scratch, &Quiet, &mut |_, _| count += 1);
        }
        count
    });
}

/// From records to usage: who, what, on what, and joining it to what is known.
#[divan::bench]
fn extract_and_intern(bencher: Bencher<'_, '_>) {
    let texts = records(&logs());
    let records: Vec<_> = texts.iter().map(|text| Record::parse(text).expect("a record")).collect();
    bencher.bench_local(|| observed_from(&records));
}

/// Two usages of one archive into one.
#[divan::bench]
fn merge(bencher: Bencher<'_, '_>) {
    let texts = records(&logs());
    let records: Vec<_> = texts.iter().map(|text| Record::parse(text).expect("a record")).collect();
    let (left, right) = records.split_at(records.len() / 2);
    let (left, right) = (observed_from(left), observed_from(right));
    bencher.with_inputs(|| (left.clone(), right.clone())).bench_local_values(|(mut all, more)| {
        all.join(more);
        all
    });
}

#[divan::bench]
fn write_usage_file(bencher: Bencher<'_, '_>) {
    let scope = Scope::default();
    let epoch = Epoch::of(Catalog::embedded(), &scope);
    let body = Body { scope: scope.told(), usage: observed(&scope) };
    let file = UsageFile { epochs: [(epoch, body)].into() };
    bencher.bench_local(|| {
        let mut bytes = Vec::new();
        file.write(&mut bytes).expect("memory to write to");
        bytes
    });
}
