//! What the authorization reference lists as needed along with an action: is any of it left out?
//!
//! Each pair of an operation and such a dependent has to be one of these: the operation's grants
//! have it (always, or when the call asks for it); a service makes it as a call of its own on the
//! caller's behalf, so that its own event tells; or `lists/dependents.toml` says why it is not
//! granted. Calls within the same service, data events and permissions that are no call have no
//! such event.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Deserialize;
use trailtrim_catalog::{Catalog, Kind, Operation, Visibility};

use crate::naming::find;
use crate::shared::{Reasons, models, share};

/// Dependents that are not granted, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    dependents: BTreeSet<String>,
    /// The actions that list them; without, all.
    #[serde(default)]
    of: BTreeSet<String>,
    #[expect(dead_code, reason = "it is for people")]
    reason: String,
}

impl Reason {
    fn holds(&self, action: &str, dependent: &str) -> bool {
        self.dependents.contains(dependent) && (self.of.is_empty() || self.of.contains(action))
    }
}

/// An operation, its action and a dependent of that.
type Pair = (String, &'static str, &'static str);

/// What became of all pairs.
#[derive(Default)]
struct Pairs {
    granted: BTreeSet<Pair>,
    own_event: BTreeSet<Pair>,
    listed: BTreeSet<Pair>,
    open: BTreeSet<Pair>,
    /// Numbers of the listed reasons that no pair needs.
    idle: Vec<usize>,
}

/// The events by which actions show, as service and action.
fn shown(catalog: Catalog) -> BTreeSet<(String, &'static str)> {
    let mut shown = BTreeSet::new();
    for (_, operation) in catalog.events() {
        for action in operation.actions() {
            let seen = catalog.action(action).is_some_and(|facts| {
                matches!(facts.visibility(), Visibility::Management | Visibility::Through(_))
            });
            if let Some(service) = operation.service().filter(|_| seen) {
                shown.insert((service.to_owned(), action));
            }
        }
    }
    shown
}

fn is_granted(operation: &Operation, dependent: &str) -> bool {
    operation.actions().any(|own| own == dependent)
        || dependent == "iam:PassRole" && operation.passes_roles()
}

fn pairs(catalog: Catalog) -> Result<Pairs> {
    let mut reasons = Reasons::<Reason>::of("dependents.toml")?;
    let shown = shown(catalog);
    let mut pairs = Pairs::default();
    for model in models()? {
        for called in &model.operations {
            let operation = find(catalog, &model, called);
            if operation.kind() != Kind::Mapped {
                continue;
            }
            for (action, dependent) in listed(catalog, &operation) {
                let (service, _) = action.split_once(':').unwrap_or_default();
                let (prefix, _) = dependent.split_once(':').unwrap_or_default();
                let of = if is_granted(&operation, dependent) {
                    &mut pairs.granted
                } else if service != prefix && shown.contains(&(prefix.to_owned(), dependent)) {
                    &mut pairs.own_event
                } else if reasons
                    .find(|reason| reason.holds(action, dependent).then_some(()))
                    .is_some()
                {
                    &mut pairs.listed
                } else {
                    &mut pairs.open
                };
                of.insert((format!("{}:{}", model.name, called.name), action, dependent));
            }
        }
    }
    pairs.idle = reasons.idle();
    Ok(pairs)
}

/// Returns what the reference lists beside an operation's actions, each with the action.
fn listed(catalog: Catalog, operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let own = format!("{}:{}", operation.service().unwrap_or_default(), operation.name());
    let has_own = operation.actions().any(|action| action.eq_ignore_ascii_case(&own));
    operation
        .actions()
        .filter(|action| !has_own || action.eq_ignore_ascii_case(&own))
        .filter_map(|action| catalog.action(action))
        .flat_map(|facts| facts.dependents().map(move |dependent| (facts.id(), dependent)))
        .filter(|(action, dependent)| action != dependent)
        .collect()
}

/// Prints what became of the dependents; with `lists` those that have an event of their own, and
/// those that are left out without a reason.
pub fn measure(catalog: Catalog, lists: bool) -> Result<()> {
    let pairs = pairs(catalog)?;
    let all = pairs.granted.len() + pairs.own_event.len() + pairs.listed.len() + pairs.open.len();
    println!("dependents: what the reference lists as needed along with an operation's action");
    share("granted with the call", pairs.granted.len(), all);
    share("shown by events of their own", pairs.own_event.len(), all);
    share("not granted for a listed reason", pairs.listed.len(), all);
    share("left out", pairs.open.len(), all);
    if lists {
        for (word, pairs) in [("own event", &pairs.own_event), ("LEFT OUT", &pairs.open)] {
            for (operation, action, dependent) in pairs {
                println!("    {word}: {operation} ({action}): {dependent}");
            }
        }
        for at in pairs.idle {
            println!("    no pair needs reason {at}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use trailtrim_catalog::Catalog;

    use super::pairs;

    /// The reference's dependents are granted, seen on their own, or left out for a reason.
    #[test]
    fn no_dependent_is_left_out_in_silence() {
        let pairs = pairs(Catalog::embedded()).unwrap();
        assert!(pairs.granted.len() > 1000, "only {} are granted", pairs.granted.len());
        assert!(pairs.open.is_empty(), "left out: {:#?}", pairs.open);
        assert!(pairs.idle.is_empty(), "reasons that nothing needs: {:?}", pairs.idle);
    }
}
