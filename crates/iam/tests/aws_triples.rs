//! AWS's own verdicts on pairs of policies, as published with its samples of
//! custom policy checks: reference, candidate, and what CheckNoNewAccess says.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail loudly, and says what it counted"
)]

use std::path::Path;

use serde_json::Value;
use trailtrim_iam::{Limits, Outcome, Policies, PolicyDocument, compare, read::read_policy};

const FILE: &str = "../../../shared/data/policies/aws-check-no-new-access.dev.json";

/// A placeholder that the samples' readers are asked to replace.
const ACCOUNT: (&str, &str) = ("<ACCOUNT ID>", "111111111111");

fn document(triple: &Value, key: &str) -> PolicyDocument {
    let text = triple[key].to_string().replace(ACCOUNT.0, ACCOUNT.1);
    read_policy(key, &text).unwrap()
}

#[test]
fn aws_verdicts_are_met() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: the AWS-written triples are not here");
        return;
    };
    let triples: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (mut proved, mut witnessed, mut misses, mut steps) = (0, 0, Vec::new(), 0);
    for triple in &triples {
        let title = format!("{}: {}", triple["source"], triple["title"]);
        let (reference, candidate) = (document(triple, "reference"), document(triple, "candidate"));
        let found = compare(&[&reference], &[&candidate], &Limits::default());
        steps = steps.max(found.steps);
        for witness in &found.witnesses {
            let outcome = |policy| Policies::compile([policy]).decide(&witness.request).outcome;
            assert_eq!(outcome(&candidate), Outcome::Allowed, "{title}");
            assert_ne!(outcome(&reference), Outcome::Allowed, "{title}");
        }
        match (triple["verdict"].as_str().unwrap(), found.new_access()) {
            ("PASS", Some(false)) => proved += 1,
            ("FAIL", Some(true)) => witnessed += 1,
            ("FAIL", Some(false)) => panic!("proved what AWS refutes: {title}"),
            (verdict, answer) => {
                misses.push(format!("{verdict} but {answer:?}: {title}: {found:?}"))
            }
        }
    }
    println!(
        "{} triples: {proved} PASS proved, {witnessed} FAIL with a witness, {} missed; at most {steps} steps each",
        triples.len(),
        misses.len()
    );
    misses.iter().for_each(|miss| println!("missed: {miss}"));
    assert!(misses.len() <= 3, "{misses:#?}");
}
