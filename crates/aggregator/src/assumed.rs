//! Which roles were assumed, by whomever.
//!
//! A role whose own calls are all data events that no trail selects is in use, and the calls that
//! issue its credentials are all that shows it. Which calls these are is data:
//! `data/assumptions.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_catalog::Catalog;

use crate::call::Call;
use crate::outcome::Outcome;
use crate::stats::{Join as _, Stats};
use crate::usage::Usage;

const DATA: &str = include_str!("../data/assumptions.toml");

/// What a record calls the type of a role.
const ROLE: &str = "AWS::IAM::Role";

/// When each role was assumed, by its ARN. Where names were too many to keep, a pattern stands for
/// them.
pub type Assumptions = BTreeMap<String, Stats>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    source: String,
    events: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    assumption: Vec<Rule>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: File = toml::from_str(DATA).expect("data/assumptions.toml has the shape of `File`");
    file.assumption
});

/// The data that observing depends on.
pub(crate) fn data() -> &'static str {
    DATA
}

/// Tells whether an event begins a session of a role.
pub(crate) fn begins_session(source: &str, name: &str) -> bool {
    let mut rules = RULES.iter().filter(|rule| rule.source == source);
    rules.any(|rule| rule.events.iter().any(|one| one == name))
}

/// Returns the roles that were assumed.
pub(crate) fn assumptions(usage: &Usage, catalog: Catalog) -> Assumptions {
    let mut all = Assumptions::new();
    let wanted = move |frame: &Call<'_>| {
        begins_session(&frame.event_source, &frame.event_name)
            && Outcome::of(frame, catalog).grants()
    };
    let of_principals = usage.principals().flat_map(|(_, calls)| calls.framed(wanted));
    for (call, stats) in of_principals.chain(usage.lessons.framed(wanted)) {
        for role in call.resources.iter().filter(|one| one.kind.as_deref() == Some(ROLE)) {
            all.entry(widened(&call, &role.arn)).or_default().join(stats.clone());
        }
    }
    all
}

/// Writes `*` where a name stands for many.
fn widened(call: &Call<'_>, arn: &str) -> String {
    match &call.open {
        Some(open) => arn.replace(&open.stand_in, "*"),
        None => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assumption_is_an_operation_that_the_catalog_knows() {
        let catalog = Catalog::embedded();
        for rule in RULES.iter() {
            for event in &rule.events {
                assert_eq!(catalog.operation(&rule.source, event).name(), event);
            }
        }
    }
}
