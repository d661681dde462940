//! How many of all operations are named, and how.

use std::collections::BTreeMap;

use trailtrim_catalog::{Catalog, Confidence, Kind};
use trailtrim_catalog_compiler::data::Model;

use crate::shared::share;

pub fn measure(models: &[Model], lists: bool) {
    let catalog = Catalog::embedded();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut outside = 0;
    let mut unnamed = Vec::new();
    let mut all = 0;
    for model in models {
        for operation in &model.operations {
            let of =
                |label: &str| catalog.operation(&format!("{label}.amazonaws.com"), &operation.name);
            let found = [&model.signing, &model.endpoint]
                .into_iter()
                .map(|label| of(label))
                .find(|found| found.kind() != Kind::Unknown)
                .unwrap_or_else(|| of(&model.signing));
            let known = found.service().is_some_and(|prefix| catalog.service(prefix).is_some());
            if !known {
                outside += 1;
                continue;
            }
            all += 1;
            let kind = match (found.kind(), found.confidence()) {
                (Kind::Mapped, Confidence::Exact) => "exact",
                (Kind::Mapped, Confidence::Rule) => "rule",
                (Kind::Mapped, Confidence::Heuristic) => "heuristic",
                (Kind::NoPermission | Kind::NotAnApiCall, _) => "no permission",
                _ => "unverified",
            };
            *kinds.entry(kind).or_default() += 1;
            if kind == "unverified" {
                unnamed.push(format!("{}:{}", model.name, operation.name));
            }
            for action in found.actions() {
                assert!(catalog.action(action).is_some(), "`{action}` does not exist");
            }
        }
    }
    println!(
        "naming: operations of services in the catalog ({outside} more are of services outside it)"
    );
    for (kind, count) in &kinds {
        share(kind, *count, all);
    }
    if lists {
        let mut by_model: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in &unnamed {
            if let Some((model, operation)) = name.split_once(':') {
                by_model.entry(model).or_default().push(operation);
            }
        }
        for (model, operations) in by_model {
            println!("    {model}: {}", operations.join(" "));
        }
    }
}
