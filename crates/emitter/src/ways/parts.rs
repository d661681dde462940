//! Cuts what has to be allowed into parts, by the values that conditions tell apart.
//!
//! A statement for one region and one for all but that region allow together what neither allows
//! alone. So a way is looked for in each part: in the values that a key is asked to have or not to
//! have, and in all others. Parts may be too few, and then something idle is not found; whatever the
//! parts, all of them together are the whole: a key has one value in a request or none, as AWS asks of
//! keys under these operators.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::Condition;

/// How many keys cut. Others come after these in their order, whether these cut or not: so a key that
/// cuts goes on to while conditions go, and what had a way through its parts keeps it.
const KEYS: usize = 2;

/// The most parts that one key makes; one that would make more cuts nothing.
const MOST: usize = 32;

/// What is known of the context in which something has to be allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Context {
    /// What it fulfils.
    pub(super) condition: Vec<(String, String, Vec<String>)>,
    /// What all of its calls had of a key.
    pub(super) held: BTreeMap<&'static str, BTreeSet<String>>,
}

/// A clause that tells values of a key apart: whether it asks for them, or rules them out.
type Clause<'c> = (bool, &'c [String]);

/// Returns the parts of a context that conditions tell apart.
pub(super) fn parts(whole: Context, telling: &[&Condition]) -> Vec<Context> {
    let mut by_key: BTreeMap<String, BTreeSet<Clause<'_>>> = BTreeMap::new();
    for (operator, key, values) in telling.iter().flat_map(|condition| condition.iter()) {
        let text = !key.eq_ignore_ascii_case(super::SOURCE_IP);
        if let Some(clause) = clause(operator, values).filter(|_| text) {
            by_key.entry(key.to_owned()).or_default().insert(clause);
        }
    }
    let keys =
        by_key.iter().take(KEYS).filter(|(key, of_key)| cut(&whole, key, of_key).len() <= MOST);
    let keys: Vec<(&String, &BTreeSet<Clause<'_>>)> = keys.collect();
    keys.into_iter().fold(vec![whole], |parts, (key, clauses)| {
        parts.iter().flat_map(|part| cut(part, key, clauses)).collect()
    })
}

/// Reads a clause that holds or does not by the text of a value alone.
fn clause<'c>(operator: &str, values: &'c [String]) -> Option<Clause<'c>> {
    let asks = match operator {
        "StringEquals" => true,
        "StringNotEquals" => false,
        _ => return None,
    };
    let plain = values.iter().all(|value| !value.contains(['*', '?', '$']));
    plain.then_some((asks, values))
}

/// Cuts a context by one key.
fn cut(whole: &Context, key: &str, clauses: &BTreeSet<Clause<'_>>) -> Vec<Context> {
    let own = whole.condition.iter().filter(|(_, name, _)| name == key);
    let own: Vec<Clause<'_>> =
        own.filter_map(|(operator, _, values)| clause(operator, values)).collect();
    let held = whole.held.get(key);
    let told = clauses.iter().chain(&own).flat_map(|(_, values)| values.iter());
    let values: BTreeSet<&String> =
        held.map_or_else(|| told.collect(), |held| held.iter().collect());
    // Values that no clause tells apart stay together.
    let mut groups: BTreeMap<Vec<bool>, Vec<String>> = BTreeMap::new();
    for value in &values {
        let all = clauses.iter().chain(&own);
        let listed = all.map(|(_, values)| values.contains(value)).collect();
        groups.entry(listed).or_default().push((*value).clone());
    }
    let may_be = |group: &[String]| {
        own.iter().all(|(asks, values)| {
            *asks == group.first().is_some_and(|value| values.contains(value))
        })
    };
    let with = |operator: &str, values: Vec<String>| {
        let mut part = whole.clone();
        part.condition.push((operator.to_owned(), key.to_owned(), values));
        part
    };
    let groups = groups.into_values().filter(|group| may_be(group));
    let mut parts: Vec<Context> = groups.map(|group| with("StringEquals", group)).collect();
    // Others than these, or none at all.
    if held.is_none() && own.iter().all(|(asks, _)| !asks) {
        parts.push(with("StringNotEquals", values.into_iter().cloned().collect()));
    }
    // What contradicts itself is not cut.
    if parts.is_empty() { vec![whole.clone()] } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "aws:RequestedRegion";

    fn condition(operator: &str, values: &[&str]) -> Condition {
        let mut condition = Condition::default();
        condition.add(operator, KEY, values.iter().map(|value| (*value).to_owned()));
        condition
    }

    fn context(clauses: &[(&str, &[&str])], held: &[&str]) -> Context {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let clauses = clauses.iter();
        Context {
            condition: clauses
                .map(|(operator, values)| ((*operator).to_owned(), KEY.to_owned(), owned(values)))
                .collect(),
            held: (!held.is_empty())
                .then(|| (KEY, held.iter().map(|value| (*value).to_owned()).collect()))
                .into_iter()
                .collect(),
        }
    }

    /// Returns the last clause of each part.
    fn told(parts: &[Context]) -> Vec<(&str, Vec<&str>)> {
        let last = parts.iter().filter_map(|part| part.condition.last());
        last.map(|(operator, _, values)| {
            (operator.as_str(), values.iter().map(String::as_str).collect())
        })
        .collect()
    }

    #[test]
    fn values_are_told_apart_where_a_clause_does() {
        let (is, not) = ("StringEquals", "StringNotEquals");
        let one = condition(is, &["eu"]);
        let but = condition(not, &["eu", "sa", "us"]);
        for (whole, expected) in [
            (
                context(&[], &[]),
                vec![(is, vec!["sa", "us"]), (is, vec!["eu"]), (not, vec!["eu", "sa", "us"])],
            ),
            (
                context(&[(not, &["eu"])], &[]),
                vec![(is, vec!["sa", "us"]), (not, vec!["eu", "sa", "us"])],
            ),
            (context(&[(is, &["eu"])], &[]), vec![(is, vec!["eu"])]),
            (context(&[], &["eu", "ap"]), vec![(is, vec!["ap"]), (is, vec!["eu"])]),
        ] {
            assert_eq!(told(&parts(whole.clone(), &[&one, &but])), expected, "{whole:?}");
        }
    }

    #[test]
    fn what_no_text_tells_cuts_nothing() {
        let whole = context(&[], &[]);
        for (operator, values) in
            [("StringLike", ["eu-*"]), ("StringEquals", ["${aws:username}"]), ("Bool", ["true"])]
        {
            let telling = condition(operator, &values);
            assert_eq!(parts(whole.clone(), &[&telling]), std::slice::from_ref(&whole));
        }
    }

    #[test]
    fn a_context_that_contradicts_itself_stays_whole() {
        let whole = context(&[("StringEquals", &["eu"]), ("StringNotEquals", &["eu"])], &[]);
        let telling = condition("StringEquals", &["sa"]);
        assert_eq!(parts(whole.clone(), &[&telling]), [whole]);
    }

    #[test]
    fn a_key_of_too_many_values_cuts_nothing() {
        let names: Vec<String> = (0..MOST).map(|n| n.to_string()).collect();
        let all: Vec<Condition> =
            names.iter().map(|name| condition("StringEquals", &[name])).collect();
        let whole = context(&[], &[]);
        let telling: Vec<&Condition> = all.iter().collect();
        assert_eq!(parts(whole.clone(), &telling), std::slice::from_ref(&whole));
        assert_eq!(parts(whole, telling.get(1..).unwrap_or_default()).len(), MOST);
    }
}
