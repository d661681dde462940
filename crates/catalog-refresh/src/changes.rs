//! What a refresh changed, in the words of those who use the catalog.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog_compiler::data::{Model, Service};

/// Returns one line for each thing that came, went or changed.
pub(crate) fn changes(
    before: (&[Service], &[Model]),
    after: (&[Service], &[Model]),
) -> Vec<String> {
    let mut lines = Vec::new();
    compare("action", &actions(before.0), &actions(after.0), &mut lines);
    compare("resource type", &types(before.0), &types(after.0), &mut lines);
    compare("operation", &operations(before.1), &operations(after.1), &mut lines);
    lines
}

type Described = BTreeMap<String, String>;

fn compare(what: &str, before: &Described, after: &Described, lines: &mut Vec<String>) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        match (before.get(name), after.get(name)) {
            (None, Some(_)) => lines.push(format!("+ {what} {name}")),
            (Some(_), None) => lines.push(format!("- {what} {name}")),
            (Some(old), Some(new)) if old != new => {
                lines.push(format!("~ {what} {name}: {old} → {new}"));
            }
            _ => {}
        }
    }
}

fn actions(services: &[Service]) -> Described {
    let mut described = Described::new();
    for service in services {
        for action in &service.actions {
            let types: Vec<String> = action
                .types
                .iter()
                .map(|(name, required)| format!("{name}{}", if *required { "*" } else { "" }))
                .collect();
            let text = format!(
                "{:?} on [{}], with {:?}",
                action.level,
                types.join(" "),
                action.dependents
            );
            described.insert(format!("{}:{}", service.prefix, action.name), text);
        }
    }
    described
}

fn types(services: &[Service]) -> Described {
    let mut described = Described::new();
    for service in services {
        for kind in &service.types {
            described.insert(format!("{}/{}", service.prefix, kind.name), kind.arns.join(" "));
        }
    }
    described
}

fn operations(models: &[Model]) -> Described {
    let mut described = Described::new();
    for model in models {
        for operation in &model.operations {
            let id = format!("{}:{}", model.name, operation.name);
            described.insert(id, operation.input.join(" "));
        }
    }
    described
}
