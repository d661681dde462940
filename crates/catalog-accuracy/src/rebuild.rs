//! ARNs rebuilt from parameters, with `resources[]` withheld and then compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trailtrim_catalog::{Catalog, Kind, Operation, Origin};

use crate::record::{Record, operation, text};
use crate::shared::{is_call, share};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Right,
    Wrong,
    Nothing,
}

pub fn measure(events: &[Value], lists: bool) {
    let calls: Vec<&Value> = events.iter().filter(|event| is_call(event)).collect();
    let explained = calls.iter().filter(|event| operation(event).kind() != Kind::Unknown).count();
    println!("rebuild: {} API calls", calls.len());
    share("mapped or explained", explained, calls.len());
    if lists {
        for event in &calls {
            if operation(event).kind() == Kind::Unknown {
                println!(
                    "    unknown: {} {}",
                    text(event, "/eventSource"),
                    text(event, "/eventName")
                );
            }
        }
    }
    let mut shapes: BTreeMap<(String, String, String), BTreeSet<(Verdict, String)>> =
        BTreeMap::new();
    let mut aside: BTreeMap<&str, usize> = BTreeMap::new();
    for event in calls {
        let operation = operation(event);
        let listed: Vec<&str> = event
            .get("resources")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|resource| resource.get("ARN")?.as_str())
            .filter(|arn| arn.starts_with("arn:"))
            .collect();
        if listed.is_empty() || operation.kind() != Kind::Mapped {
            continue;
        }
        if let Some(why) = no_witness(event, &operation, &listed) {
            *aside.entry(why).or_default() += 1;
            continue;
        }
        let source = text(event, "/eventSource").trim_end_matches(".amazonaws.com").to_owned();
        let parameters = event.get("requestParameters");
        // Nothing but resources[] can tell which key an alias or a bare ciphertext stands for.
        let key = parameters.and_then(|parameters| parameters.get("keyId")).and_then(Value::as_str);
        if source == "kms" && key.is_none_or(|key| key.contains("alias/")) {
            continue;
        }
        let keys: Vec<&str> = parameters
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect();
        let mut record = Record::new(event, operation.extraction());
        record.with_resources = false;
        let concrete: Vec<String> = operation
            .resolve(&record)
            .grants
            .into_iter()
            .filter(|grant| !matches!(grant.origin, Origin::Widened { .. } | Origin::RequiresStar))
            .filter(|grant| grant.action != "iam:PassRole")
            .map(|grant| grant.resource)
            .collect();
        let fits =
            |arn: &String| listed.iter().any(|listed| listed == arn || matches_star(arn, listed));
        let verdict = if concrete.is_empty() {
            Verdict::Nothing
        } else if concrete.iter().all(fits) {
            Verdict::Right
        } else {
            Verdict::Wrong
        };
        let shape = (source, text(event, "/eventName").to_owned(), keys.join(","));
        let detail = format!("{concrete:?} for {listed:?}");
        let entry = shapes.entry(shape).or_default();
        if !entry.iter().any(|(known, _)| *known == verdict) {
            entry.insert((verdict, detail));
        }
    }
    for (why, count) in &aside {
        println!("  set aside, {why}: {count} events");
    }
    let mut services: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for ((source, name, keys), verdicts) in &shapes {
        // A shape is as bad as its worst event.
        let worst = [Verdict::Wrong, Verdict::Nothing, Verdict::Right]
            .into_iter()
            .find(|verdict| verdicts.iter().any(|(known, _)| known == verdict));
        let counts = services.entry(source).or_default();
        match worst {
            Some(Verdict::Right) => counts[0] += 1,
            Some(Verdict::Wrong) => counts[1] += 1,
            _ => counts[2] += 1,
        }
        if lists && worst != Some(Verdict::Right) {
            for (_, detail) in verdicts.iter().filter(|(verdict, _)| *verdict != Verdict::Right) {
                println!("    {source} {name} ({keys}): {detail}");
            }
        }
    }
    let mut total = [0; 3];
    for (service, counts) in &services {
        for (sum, count) in total.iter_mut().zip(counts) {
            *sum += count;
        }
        println!("  {service}: {} right, {} wrong, {} without", counts[0], counts[1], counts[2]);
    }
    let [right, wrong, without] = total;
    share("precision, distinct operation and parameters", right, right + wrong);
    share("recall", right, right + wrong + without);
}

/// Returns why an event's `resources[]` cannot say what the ARN should be. These are contradictions
/// within one record, such as making a sample anonymous leaves; none looks at what we answer.
fn no_witness(event: &Value, operation: &Operation, listed: &[&str]) -> Option<&'static str> {
    let region = text(event, "/awsRegion");
    let is_region = region.split('-').count() >= 3
        && region.rsplit('-').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if !is_region {
        return Some("`awsRegion` has no region's form");
    }
    let resources = event.get("resources").and_then(Value::as_array).into_iter().flatten();
    for resource in resources {
        let owner = resource.get("accountId").and_then(Value::as_str).unwrap_or_default();
        let arn = resource.get("ARN").and_then(Value::as_str).unwrap_or_default();
        let account = arn.split(':').nth(4).unwrap_or_default();
        if !account.is_empty() && !account.bytes().all(|b| b.is_ascii_digit()) {
            return Some("the ARN has letters for an account");
        }
        if !owner.is_empty() && !account.is_empty() && owner != account {
            return Some("the ARN's account is not the `accountId` beside it");
        }
    }
    let templates: Vec<String> = operation
        .actions()
        .filter_map(|action| Catalog::embedded().action(action))
        .flat_map(|facts| facts.resource_types().collect::<Vec<_>>())
        .flat_map(|kind| kind.templates().map(starred).collect::<Vec<_>>())
        .collect();
    let taken = |arn: &&str| templates.iter().any(|template| matches_star(template, arn));
    (!listed.iter().any(taken)).then_some("no ARN is of a type that the action takes")
}

/// Returns a template with stars for its variables.
fn starred(template: &str) -> String {
    let mut pattern = String::new();
    for (at, part) in template.split("${").enumerate() {
        match part.split_once('}') {
            Some((_, rest)) if at > 0 => {
                pattern.push('*');
                pattern.push_str(rest);
            }
            _ => pattern.push_str(part),
        }
    }
    pattern
}

/// Returns whether a pattern with stars for what a server made up fits an ARN.
fn matches_star(pattern: &str, arn: &str) -> bool {
    let Some((head, tail)) = pattern.split_once(['*', '?']) else { return pattern == arn };
    arn.strip_prefix(head).is_some_and(|rest| {
        (0..=rest.len()).any(|at| {
            rest.get(at..).is_some_and(|rest| matches_star(tail.trim_start_matches('?'), rest))
        })
    })
}
