//! The road from archive to policy on the fixture trail, step by step.
//!
//! `cargo bench --bench pipeline`. Measures only: nothing here is asserted.

#![expect(clippy::expect_used, reason = "a bench without its trail has nothing to measure")]

use std::path::PathBuf;

use divan::Bencher;
use trailtrim_aggregator::{Activity, Join as _, Observer, Scope, Usage, resolve};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::{DraftOptions, draft};
use trailtrim_ingest::{Input, Prune, fold};

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
