//! How long covering and fitting take.
//!
//! Each bench counts what it was given as items, and checks what came out, so that wrong and fast
//! is not taken for fast.

use divan::Bencher;
use divan::counter::ItemsCount;
use trailtrim_catalog::Catalog;
use trailtrim_emitter::cover::{Grants, cover};
use trailtrim_emitter::fit::{Fit, Limits, Partition, Wanted, fit};
use trailtrim_iam::Condition;

fn main() {
    divan::main();
}

fn table(n: usize) -> String {
    format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{n:04}")
}

/// A generator that gives the same numbers everywhere.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 1_u64;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// One action on many objects.
fn objects(count: usize) -> Grants {
    let key = |n: usize| format!("arn:aws:s3:::documents/{}/object-{n:05}", n % 40);
    (0..count).map(|n| ("s3:GetObject".to_owned(), key(n))).collect()
}

/// Actions that have runs of tables, with gaps, each its own.
fn runs(actions: usize, tables: usize) -> Grants {
    let mut next = numbers();
    let mut grants = Grants::new();
    for action in 0..actions {
        let (start, length) = (next(tables), 1 + next(50));
        for n in (start..start + length).filter(|n| n % (1 + action % 3) == 0) {
            grants.insert((format!("dynamodb:Action{action}"), table(n)));
        }
    }
    grants
}

/// A square of which `of_ten` tenths are granted at random.
fn random(side: usize, of_ten: usize) -> Grants {
    let mut next = numbers();
    let mut grants = Grants::new();
    for action in 0..side {
        for n in 0..side {
            if next(10) < of_ten {
                grants.insert((format!("dynamodb:Action{action}"), table(n)));
            }
        }
    }
    grants
}

/// Real actions, each on a resource of its own and on some that it shares.
fn real(actions: usize) -> Grants {
    let service = Catalog::embedded().service("ec2");
    let all = service.into_iter().flat_map(|service| service.actions()).take(actions);
    let shared = |n: usize| [n % 7, 7 + n % 11, 18 + n];
    let thing = |n: usize| format!("arn:aws:ec2:eu-west-1:111122223333:thing/{n:04}");
    all.enumerate()
        .flat_map(|(n, one)| shared(n).map(|k| (one.id().to_owned(), thing(k))))
        .collect()
}

fn covered(bencher: Bencher<'_, '_>, grants: &Grants) {
    bencher.counter(ItemsCount::new(grants.len())).bench_local(|| {
        let blocks = cover(grants);
        let pairs: usize = blocks.iter().map(|one| one.actions.len() * one.resources.len()).sum();
        assert!(pairs >= grants.len());
        blocks.len()
    });
}

#[divan::bench(sample_count = 20)]
fn cover_one_action_on_5000(bencher: Bencher<'_, '_>) {
    covered(bencher, &objects(5_000));
}

#[divan::bench(sample_count = 5)]
fn cover_400_actions_on_runs_of_300(bencher: Bencher<'_, '_>) {
    covered(bencher, &runs(400, 300));
}

#[divan::bench(args = [2, 5, 8], sample_count = 10)]
fn cover_10_by_10(bencher: Bencher<'_, '_>, of_ten: usize) {
    covered(bencher, &random(10, of_ten));
}

#[divan::bench(args = [2, 5, 8], sample_count = 5)]
fn cover_60_by_60(bencher: Bencher<'_, '_>, of_ten: usize) {
    covered(bencher, &random(60, of_ten));
}

fn fitted(bencher: Bencher<'_, '_>, grants: &Grants) {
    let everything = |_: &str, _: &str| true;
    bencher.counter(ItemsCount::new(grants.len())).bench_local(|| {
        let partition = Partition {
            grants: grants.clone(),
            condition: Condition::default(),
            ceiling: Some(&everything),
            patterns: Vec::new(),
        };
        let wanted = Wanted { partitions: vec![partition], fixed: Vec::new() };
        let fit = fit(&wanted, &Limits::managed(), Catalog::embedded());
        assert!(matches!(fit, Fit::Fitted { .. }));
        fit
    });
}

#[divan::bench(sample_count = 5)]
fn fit_one_action_on_5000(bencher: Bencher<'_, '_>) {
    fitted(bencher, &objects(5_000));
}

#[divan::bench(sample_count = 3)]
fn fit_400_actions(bencher: Bencher<'_, '_>) {
    fitted(bencher, &real(400));
}
