//! How many of all operations are named, and how; and why the others are not.
//!
//! An operation that the pinned API models have and the pinned catalog has no action for is either
//! newer than the catalog (`lists/newer.txt`, which is the difference of two releases of the
//! models), or somebody looked and found none (`lists/unnamed.toml`). One that is in neither list
//! is printed as such. What is newer and named counts in the share of all and not in that of the
//! old ones.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use serde::Deserialize;
use trailtrim_catalog::{Catalog, Confidence, Kind, Operation};
use trailtrim_catalog_compiler::data::{Model, ModelOperation};

use crate::newer;
use crate::shared::share;

/// Models whose service is gone while another one has its prefix.
const GONE: [&str; 1] = ["cloudhsm"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unnamed {
    model: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    name: String,
    operations: BTreeSet<String>,
    reason: String,
}

/// Finds what the catalog says of an operation, under either source its model can write.
pub fn find(catalog: Catalog, model: &Model, operation: &ModelOperation) -> Operation {
    let of = |label: &str| catalog.operation(&format!("{label}.amazonaws.com"), &operation.name);
    [&model.signing, &model.endpoint]
        .into_iter()
        .map(|label| of(label))
        .find(|found| found.kind() != Kind::Unknown)
        .unwrap_or_else(|| of(&model.signing))
}

/// Returns whether the service of an operation is in the catalog.
pub fn inside(catalog: Catalog, model: &Model, found: &Operation) -> bool {
    !GONE.contains(&model.name.as_str())
        && found.service().is_some_and(|prefix| catalog.service(prefix).is_some())
}

/// Returns how an operation is named, in a word.
pub fn how(found: &Operation) -> &'static str {
    match (found.kind(), found.confidence()) {
        (Kind::Mapped, Confidence::Exact) => "exact",
        (Kind::Mapped, Confidence::Rule) => "rule",
        (Kind::Mapped, Confidence::Heuristic) => "heuristic",
        (Kind::NoPermission | Kind::NotAnApiCall, _) => "no permission",
        _ => "unverified",
    }
}

pub fn measure(models: &[Model], lists: bool) -> Result<()> {
    let catalog = Catalog::embedded();
    let newer = newer::kept();
    let unnamed: Unnamed = toml::from_str(include_str!("../lists/unnamed.toml"))?;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut outside, mut all, mut all_newer) = (0, 0, 0);
    let mut lines = [const { Vec::new() }; 3];
    let mut counts = [0; 3];
    for model in models {
        let looked = unnamed.model.iter().find(|reason| reason.name == model.name);
        let mut names = [const { Vec::new() }; 3];
        for operation in &model.operations {
            let found = find(catalog, model, operation);
            if !inside(catalog, model, &found) {
                outside += 1;
                continue;
            }
            all += 1;
            let name = operation.name.as_str();
            let is_newer = newer.get(model.name.as_str()).is_some_and(|own| own.contains(name));
            all_newer += usize::from(is_newer);
            let kind = how(&found);
            *kinds.entry(kind).or_default() += 1;
            if let Some(action) = found.actions().find(|action| catalog.action(action).is_none()) {
                bail!("`{action}` does not exist");
            }
            if kind != "unverified" {
                continue;
            }
            let cause = if is_newer {
                0
            } else if looked.is_some_and(|reason| reason.operations.contains(name)) {
                1
            } else {
                2
            };
            if let Some(list) = names.get_mut(cause) {
                list.push(name);
            }
        }
        for (cause, names) in names.into_iter().enumerate().filter(|(_, names)| !names.is_empty()) {
            let why = if cause == 1 { looked.map_or("", |reason| &reason.reason) } else { "" };
            let line = format!("    {}: {} {why}", model.name, names.join(" "));
            if let (Some(count), Some(lines)) = (counts.get_mut(cause), lines.get_mut(cause)) {
                *count += names.len();
                lines.push(line);
            }
        }
    }
    println!(
        "naming: operations of services in the catalog ({outside} more are of services outside it)"
    );
    for (kind, count) in &kinds {
        share(kind, *count, all);
    }
    let open: usize = counts.iter().sum();
    let old = all - all_newer;
    share("named, of all", all - open, all);
    share("named, of those that are newer than the catalog", all_newer - counts[0], all_newer);
    share("named, of those that are no newer", old - counts[1] - counts[2], old);
    let causes = ["newer than the catalog", "older, and no action found", "not looked at"];
    for ((cause, count), lines) in causes.iter().zip(counts).zip(lines) {
        println!("  unverified, {cause}: {count}");
        if lists {
            lines.iter().for_each(|line| println!("{line}"));
        }
    }
    Ok(())
}
