//! Policies made to take long. The engine ends within its budget of steps and
//! says so; it does not hang and does not guess.

#![expect(clippy::print_stdout, reason = "a test says what it counted")]

use trailtrim_iam::{Comparison, Limits, PolicyDocument, Reason, Selector, Statement, compare};

/// One comparison of tokens may overshoot the budget by its own length.
const SLACK: u64 = 2_000_000;

fn run(name: &str, existing: &PolicyDocument, new: &PolicyDocument, steps: u64) -> Comparison {
    let found = compare(&[existing], &[new], &Limits { steps, ..Limits::default() });
    println!(
        "{name}: {:?} in {} steps, {} undecided ({})",
        found.new_access(),
        found.steps,
        found.undecided.len(),
        found.undecided.first().map_or_else(String::new, |u| u.reason.to_string())
    );
    assert!(found.steps <= steps + SLACK, "{name} took {} steps", found.steps);
    found
}

fn resources(of: impl Fn(usize) -> String, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("arn:aws:s3:::{}", of(n))).collect()
}

#[test]
fn hundreds_of_statements_with_thousands_of_wildcards() {
    let stars =
        |n: usize| (0..8).map(|k| format!("*{}", (n * 7 + k) % 97)).collect::<String>() + "*";
    let statement = |n: usize| {
        Statement::allow([format!("s3:{}", stars(n))], resources(|k| stars(n * 5 + k), 10))
    };
    let policy = PolicyDocument::new((0..300).map(statement).collect());
    let mut wider = policy.clone();
    wider.statements.push(Statement::allow(["s3:Get*"], ["arn:aws:s3:::*"]));
    assert_eq!(run("itself", &policy, &policy, 50_000_000).new_access(), Some(false));
    assert_eq!(run("widened", &policy, &wider, 50_000_000).new_access(), Some(true));
}

#[test]
fn nested_exceptions() {
    let all = |n: usize| {
        let mut statement = Statement::allow(["x"], ["x"]);
        statement.action = Selector::AllBut(vec![format!("s3:*{n}*"), format!("*:{n}*")]);
        statement.resource = Some(Selector::AllBut(resources(|k| format!("*{n}*{k}*"), 4)));
        statement
    };
    let deny = |n: usize| {
        let mut statement = Statement::deny(["x"], ["x"]);
        statement.action = Selector::Only(vec![format!("s3:*{n}*{}*", n + 1)]);
        statement.resource = Some(Selector::AllBut(resources(|k| format!("*{k}*{n}*"), 3)));
        statement
    };
    let existing = PolicyDocument::new((0..60).map(all).chain((0..60).map(deny)).collect());
    let new = PolicyDocument::new((60..120).map(all).chain((60..120).map(deny)).collect());
    run("nested exceptions", &existing, &new, 2_000_000);
    run(
        "nested exceptions, fewer denies",
        &existing,
        &PolicyDocument::new((0..60).map(all).collect()),
        2_000_000,
    );
}

#[test]
fn many_keys_with_many_values() {
    let statement = |n: usize| {
        let mut statement = Statement::allow(["s3:*"], ["*"]);
        for key in 0..20 {
            let values: Vec<String> = (0..6).map(|v| format!("v{}", v * n)).collect();
            let operator = if key % 3 == 0 { "ForAnyValue:StringLike" } else { "StringNotEquals" };
            statement = statement.with_condition(operator, format!("aws:RequestTag/{key}"), values);
        }
        statement
    };
    let existing = PolicyDocument::new((1..12).map(statement).collect());
    let new = PolicyDocument::new(vec![Statement::allow(["s3:GetObject"], ["*"]).with_condition(
        "StringNotEquals",
        "aws:RequestTag/1",
        ["v0"],
    )]);
    let found = run("many keys", &existing, &new, 3_000_000);
    assert_ne!(found.new_access(), Some(false), "a request without any tag is new");
}

#[test]
fn question_marks_multiply_cases() {
    let existing = PolicyDocument::new(vec![Statement::allow(
        ["s3:*"],
        resources(|n| format!("{}*{}", "?".repeat(n), "a?".repeat(n + 1)), 30),
    )]);
    let new = PolicyDocument::new(vec![Statement::allow(
        ["s3:*"],
        resources(|n| format!("*a*{n}*a*"), 30),
    )]);
    run("question marks", &existing, &new, 2_000_000);
}

#[test]
fn stars_against_stars() {
    let existing = PolicyDocument::new(vec![
        Statement::allow(["*"], ["*"]),
        Statement::deny(["*"], resources(|n| "a*b*".repeat(20 + n) + "c", 40)),
    ]);
    let new = PolicyDocument::new(vec![
        Statement::allow(["*"], resources(|n| "*a*b".repeat(20 + n), 40)),
        Statement::deny(["*"], resources(|n| "*b*a".repeat(20 + n), 40)),
    ]);
    run("stars against stars", &existing, &new, 3_000_000);
}

#[test]
fn a_budget_that_is_used_up_is_said() {
    let existing =
        PolicyDocument::new(vec![Statement::allow(["s3:*"], resources(|n| format!("{n}*"), 200))]);
    let new = PolicyDocument::new(vec![Statement::allow(
        ["s3:Get*"],
        resources(|n| format!("{n}x*"), 200),
    )]);
    assert_eq!(run("enough", &existing, &new, 10_000_000).new_access(), Some(false));
    let found = run("too few steps", &existing, &new, 1_000);
    assert_eq!(found.new_access(), None);
    assert_eq!(found.undecided[0].reason, Reason::Steps(1_000));
}
