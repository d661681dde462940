//! How long matching, evaluating, containing and reading take.

#![expect(clippy::expect_used, reason = "a bench of broken input shall stop")]

use divan::{Bencher, black_box};
use trailtrim_iam::{
    Action, Limits, Policies, PolicyDocument, Request, Selector, Statement, compare, pattern,
    read::read_policy, wildcard,
};

fn main() {
    divan::main();
}

/// A policy of the size of a broad role: statements × (actions, resources).
fn role(statements: usize) -> PolicyDocument {
    let statement = |n: usize| {
        let actions = (0..12).map(|k| format!("service{n}:Do{k}*"));
        let resources = (0..6).map(|k| format!("arn:aws:service{n}:*:111122223333:thing/{k}/*"));
        Statement::allow(actions, resources).with_condition("Bool", "aws:SecureTransport", ["true"])
    };
    PolicyDocument::new((0..statements).map(statement).collect())
}

fn request(statements: usize) -> Request {
    let action = Action::parse(&format!("service{}:Do11Now", statements - 1)).expect("an action");
    let resource = format!("arn:aws:service{}:eu-west-1:111122223333:thing/5/x", statements - 1);
    let mut request = Request::new(action, resource);
    request.context.add("aws:SecureTransport", "true");
    request
}

#[divan::bench]
fn match_plain() -> bool {
    wildcard::matches(
        black_box("arn:aws:s3:::bucket/*/logs/*.gz"),
        black_box("arn:aws:s3:::bucket/AWSLogs/111122223333/logs/2024/01/01/file.json.gz"),
    )
}

#[divan::bench(args = ["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:*Object"])]
fn cover_an_action(bencher: Bencher<'_, '_>, wide: &str) {
    bencher.bench(|| pattern::covers_action(black_box(wide), black_box("s3:GetObject")));
}

#[divan::bench(args = [100, 10_000])]
fn match_many_stars(bencher: Bencher<'_, '_>, length: usize) {
    let (pattern, text) = ("a*".repeat(length / 10) + "b", "a".repeat(length));
    bencher.bench(|| wildcard::matches(black_box(&pattern), black_box(&text)));
}

#[divan::bench(args = [5, 50])]
fn evaluate(bencher: Bencher<'_, '_>, statements: usize) {
    let (policies, request) = (Policies::compile([&role(statements)]), request(statements));
    bencher.bench(|| policies.decide(black_box(&request)));
}

#[divan::bench(args = [5, 50])]
fn contain_narrower(bencher: Bencher<'_, '_>, statements: usize) {
    let existing = role(statements);
    let mut new = existing.clone();
    for statement in &mut new.statements {
        statement.resource = Some(Selector::Only(
            statement
                .resource
                .iter()
                .flat_map(|resource| resource.listed())
                .map(|resource| resource.replace("/*", "/some/*"))
                .collect(),
        ));
    }
    let run = || compare(&[black_box(&existing)], &[black_box(&new)], &Limits::default());
    assert_eq!(run().new_access(), Some(false));
    bencher.bench(run);
}

#[divan::bench(args = [5, 50])]
fn contain_with_denies(bencher: Bencher<'_, '_>, statements: usize) {
    let mut existing = role(statements);
    existing.statements.push(Statement::deny(["*:*11"], ["arn:aws:*:*:*:thing/5/*"]));
    let new = role(statements);
    let run = || compare(&[black_box(&existing)], &[black_box(&new)], &Limits::default());
    assert_eq!(run().new_access(), Some(true));
    bencher.bench(run);
}

#[divan::bench(args = [5, 50])]
fn read(bencher: Bencher<'_, '_>, statements: usize) {
    let text = role(statements).to_json();
    bencher.bench(|| read_policy("bench", black_box(&text)));
}
