//! Policies that people and AWS wrote: all read, round-trip, and behave under
//! containment as anyone would expect.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail loudly, and says what it counted"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use trailtrim_iam::{
    Action, Context, Effect, Limits, Outcome, Policies, PolicyDocument, Request, Selector, compare,
    read::{Contents, Document, PolicyKind, ReadError, read, read_policy},
};

fn folder(name: &str) -> Option<PathBuf> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/policies").join(name);
    if !path.exists() {
        println!("skipped: `{name}` is not here");
        return None;
    }
    Some(path)
}

fn files(name: &str) -> Vec<(String, String)> {
    let Some(folder) = folder(name) else { return Vec::new() };
    let (mut open, mut found) = (vec![folder], Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn managed() -> Vec<(String, PolicyDocument)> {
    let read = |(name, text): (String, String)| {
        let file: Value = serde_json::from_str(&text).unwrap();
        let policy = read_policy(&name, &file["document"].to_string()).unwrap();
        (name, policy)
    };
    files("managed-sample").into_iter().map(read).collect()
}

fn known(contents: &Contents) -> impl Iterator<Item = (&str, &PolicyDocument)> {
    contents.policies.iter().filter_map(|p| Some((p.name.as_str(), p.document.known()?)))
}

/// The account dumps: whatever file has the lists of one.
fn dumps() -> Vec<(String, Contents)> {
    let is_dump = |text: &str| {
        serde_json::from_str::<Value>(text).is_ok_and(|file| file.get("UserDetailList").is_some())
    };
    let dumps = files("cloudsplaining").into_iter().filter(|(_, text)| is_dump(text));
    dumps.map(|(name, text)| (name.clone(), read(&name, &text).unwrap())).collect()
}

fn everything() -> Vec<(String, PolicyDocument)> {
    let mut all = managed();
    for (file, contents) in dumps() {
        all.extend(
            known(&contents).map(|(name, policy)| (format!("{file} {name}"), policy.clone())),
        );
    }
    all
}

fn answer(existing: &PolicyDocument, new: &PolicyDocument) -> Option<bool> {
    let found = compare(&[existing], &[new], &Limits::default());
    for witness in &found.witnesses {
        let outcome = |policy| Policies::compile([policy]).decide(&witness.request).outcome;
        assert_eq!(outcome(new), Outcome::Allowed);
        assert_ne!(outcome(existing), Outcome::Allowed);
    }
    found.new_access()
}

#[test]
fn every_policy_reads_and_round_trips() {
    let all = everything();
    for (name, policy) in &all {
        assert_eq!(&read_policy(name, &policy.to_json()).unwrap(), policy, "{name}");
        assert_eq!(&read_policy(name, &policy.to_json_pretty()).unwrap(), policy, "{name}");
        assert_eq!(policy.size(), policy.to_json().chars().count());
    }
    println!("{} policies round-trip", all.len());
}

#[test]
fn dumps_hold_their_principals() {
    for (file, contents) in dumps() {
        let unknown = |document: &Document| document.known().is_none();
        let attached = || contents.principals.iter().flat_map(|principal| &principal.policies);
        println!(
            "{file}: {} principals, {} attached policies, {} of them unknown",
            contents.principals.len(),
            attached().count(),
            attached().filter(|policy| unknown(&policy.document)).count()
        );
        for policy in attached() {
            // Whatever has no document is a managed policy or a missing group.
            assert!(
                !unknown(&policy.document) || policy.arn.is_some() || policy.via_group.is_some()
            );
        }
    }
}

#[test]
fn samples_and_plans_read() {
    for (name, text) in files("aws-access-analyzer-samples") {
        let contents = match read(&name, &text) {
            Ok(contents) => contents,
            // One sample has a spelling mistake, which IAM would refuse too.
            Err(ReadError::UnknownElement { element, .. }) if element == "NotResouce" => continue,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(contents.policies.len(), 1, "{name}");
        let is_resource =
            matches!(contents.policies[0].kind, PolicyKind::Resource | PolicyKind::Trust);
        assert_eq!(is_resource, text.contains("\"Principal\""), "{name}");
    }
    let plans: Vec<_> = files("tf-iam-policy-validator")
        .into_iter()
        .filter(|(_, text)| text.contains("\"planned_values\""))
        .map(|(name, text)| (read(&name, &text).unwrap_or_else(|error| panic!("{error}")), name))
        .collect();
    let policies: usize = plans.iter().map(|(contents, _)| contents.policies.len()).sum();
    println!("{} plans hold {policies} policies", plans.len());
    assert!(plans.is_empty() || policies > 0);
}

#[test]
fn policies_contain_themselves_with_less() {
    let (mut whole, mut less) = (0, 0);
    for (name, policy) in everything() {
        assert_eq!(answer(&policy, &policy), Some(false), "{name}");
        whole += 1;
        for index in 0..policy.statements.len() {
            if policy.statements[index].effect == Effect::Allow {
                let mut smaller = policy.clone();
                smaller.statements.remove(index);
                assert_eq!(answer(&policy, &smaller), Some(false), "{name} without {index}");
                less += 1;
            }
        }
    }
    println!("{whole} policies contain themselves, and {less} without one Allow");
}

/// Requests that a statement is about, by the plainest names.
fn requests(policy: &PolicyDocument, index: usize, probe: Option<&str>) -> Vec<Request> {
    let statement = &policy.statements[index];
    let (Selector::Only(actions), Some(Selector::Only(resources))) =
        (&statement.action, &statement.resource)
    else {
        return Vec::new();
    };
    let names = |action: &String| match probe {
        Some(probe) => format!("{}:{probe}", action.split(':').next().unwrap()),
        None => action.replace(['*', '?'], "x"),
    };
    let mut out = Vec::new();
    for action in actions.iter().map(names).filter_map(|name| Action::parse(&name).ok()) {
        for resource in resources {
            let resource = if resource == "*" { "arn:aws:x:r:111122223333:x" } else { resource };
            let mut request = Request::new(action.clone(), resource.replace(['*', '?'], "x"));
            for (operator, key, values) in statement.condition.iter() {
                if !operator.contains("Not") && operator != "Null" {
                    request.context.add(key, values[0].replace(['*', '?'], "x"));
                }
            }
            out.push(request);
        }
    }
    out
}

#[test]
fn widening_an_action_or_dropping_a_deny_is_seen() {
    let (mut widened, mut dropped, mut without_effect) = (0, 0, 0);
    for (name, policy) in everything() {
        for index in 0..policy.statements.len() {
            let mut other = policy.clone();
            let probe = match policy.statements[index].effect {
                Effect::Deny => {
                    other.statements.remove(index);
                    None
                }
                Effect::Allow => {
                    let Selector::Only(actions) = &mut other.statements[index].action else {
                        continue;
                    };
                    let Some((service, _)) = actions[0].split_once(':') else { continue };
                    actions[0] = format!("{service}:*");
                    Some("TrailtrimProbe")
                }
            };
            let outcome = |policy: &PolicyDocument, request: &Request| {
                Policies::compile([policy]).decide(request).outcome
            };
            let first = if probe.is_some() { 1 } else { usize::MAX };
            let seen = requests(&policy, index, probe).iter().take(first).any(|request| {
                outcome(&other, request) == Outcome::Allowed
                    && outcome(&policy, request) != Outcome::Allowed
            });
            let found = answer(&policy, &other);
            if seen {
                assert_eq!(found, Some(true), "{name} statement {index}");
                if probe.is_some() { widened += 1 } else { dropped += 1 }
            } else {
                assert!(found.is_some(), "{name} statement {index}");
                without_effect += 1;
            }
        }
    }
    println!(
        "{widened} widened actions and {dropped} dropped denies seen; {without_effect} changes without a plain effect"
    );
}

#[test]
fn an_open_context_leaves_conditions_open() {
    for (name, policy) in managed() {
        for (index, statement) in policy.statements.iter().enumerate() {
            if statement.effect != Effect::Allow || statement.condition.is_empty() {
                continue;
            }
            let alone = PolicyDocument::new(vec![statement.clone()]);
            for mut request in requests(&policy, index, None) {
                request.context = Context::open();
                let decision = Policies::compile([&alone]).decide(&request);
                assert_ne!(decision.outcome, Outcome::Allowed, "{name} statement {index}");
            }
        }
    }
}
