//! What a policy document allows, read as plainly as can be.
//!
//! The product has an evaluator of its own; this one is a dozen lines and shares
//! nothing with it. Conditions are not looked at: a test that cares says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// An action and a resource that a statement allows, both as written.
pub type Pair = (String, String);

/// Returns every pair of a policy, after checking that IAM would take it.
///
/// # Panics
/// Where the document is not one of plain Allow statements, or holds something idle.
pub fn pairs(policy: &Value) -> BTreeSet<Pair> {
    assert_eq!(policy["Version"], "2012-10-17", "{policy}");
    let statements = policy["Statement"].as_array().unwrap();
    assert!(!statements.is_empty(), "{policy}");
    let (mut pairs, mut sids) = (BTreeMap::<Pair, usize>::new(), BTreeSet::new());
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        for field in statement.as_object().unwrap().keys() {
            let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
            assert!(known.contains(&field.as_str()), "{field} in {statement}");
        }
        if let Some(sid) = statement.get("Sid") {
            let sid = sid.as_str().unwrap();
            assert!(sid.bytes().all(|byte| byte.is_ascii_alphanumeric()), "Sid `{sid}`");
            assert!(sids.insert(sid), "Sid `{sid}` stands twice in {policy}");
        }
        let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
        for pair in product(&actions, &resources) {
            *pairs.entry(pair).or_default() += 1;
        }
    }
    // A cover may grant a pair twice where that is shorter, but no action and no resource of a
    // statement may be idle: each grants something that no other statement does.
    for statement in statements.iter().filter(|statement| statement.get("Condition").is_none()) {
        let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
        let only_here = |pair: &Pair| pairs.get(pair) == Some(&1);
        for action in &actions {
            let own = product(std::slice::from_ref(action), &resources);
            assert!(own.iter().any(only_here), "{action} is idle in {statement} of {policy}");
        }
        for resource in &resources {
            let own = product(&actions, std::slice::from_ref(resource));
            assert!(own.iter().any(only_here), "{resource} is idle in {statement} of {policy}");
        }
    }
    pairs.into_keys().collect()
}

fn product(actions: &[String], resources: &[String]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for action in actions {
        pairs.extend(resources.iter().map(|resource| (action.clone(), resource.clone())));
    }
    pairs
}

/// Says whether some pair allows `action` on `resource`.
pub fn allows(pairs: &BTreeSet<Pair>, action: &str, resource: &str) -> bool {
    pairs.iter().any(|(allowed, on)| {
        glob(&allowed.to_ascii_lowercase(), &action.to_ascii_lowercase()) && glob(on, resource)
    })
}

/// Returns one text or a list of them, and sees to it that none stands twice.
fn texts(value: &Value) -> Vec<String> {
    let texts: Vec<String> = match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        other => panic!("neither text nor list: {other}"),
    };
    let distinct: BTreeSet<_> = texts.iter().collect();
    assert_eq!(distinct.len(), texts.len(), "twice the same in {texts:?}");
    assert!(!texts.is_empty());
    texts
}

/// Returns a resource without wildcards as it is called: the escaped characters themselves.
pub fn literal(resource: &str) -> String {
    resource.replace("${*}", "*").replace("${?}", "?").replace("${$}", "$")
}

/// Matches `*` and `?`; `${*}`, `${?}` and `${$}` stand for the characters themselves.
pub fn glob(pattern: &str, text: &str) -> bool {
    for literal in ["*", "?", "$"] {
        if let Some(rest) = pattern.strip_prefix(&format!("${{{literal}}}")) {
            return text.strip_prefix(literal).is_some_and(|text| glob(rest, text));
        }
    }
    let mut characters = pattern.chars();
    match characters.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = characters.as_str();
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| glob(rest, &text[at..]))
        }
        Some(character) => {
            let mut text = text.chars();
            text.next().is_some_and(|first| first == character || character == '?')
                && glob(characters.as_str(), text.as_str())
        }
    }
}

#[test]
fn globs_match_as_iam_says() {
    for (pattern, text, matches) in [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b", true),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/ab", false),
        ("secret:x-??????", "secret:x-abcdef", true),
        ("b/${*}", "b/*", true),
        ("b/${*}", "b/x", false),
        ("*", "", true),
        ("a*c*", "abcd", true),
        ("a", "ab", false),
    ] {
        assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
    }
}
