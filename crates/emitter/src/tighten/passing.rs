//! To which services what stays of `iam:PassRole` may pass roles.
//!
//! What keeps it without evidence is often about one service: a call that passes roles to ECS, or one that
//! leaves no event. Then the rest is limited to that, where the statement's condition can say so.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Brought, Principal};
use trailtrim_catalog::Catalog;
use trailtrim_iam::Condition;

use super::rest::{Passes, Rest};
use crate::caveats::brings;

/// The context key of the service that a role is passed to.
const PASSED_TO: &str = "iam:PassedToService";

/// What calls of one name brought that are not understood.
pub(crate) struct Passing {
    /// That, in words.
    pub(crate) what: String,
    /// The roles, of all holders.
    pub(crate) brought: Brought,
    /// The services that they would be passed to; nothing where it is not known to which.
    pub(crate) to: Option<BTreeSet<&'static str>>,
}

/// Returns what calls that are not understood brought, of all who hold something.
pub(super) fn brought<'p>(
    holders: impl Iterator<Item = &'p Principal>,
    catalog: Catalog,
) -> Vec<Passing> {
    let mut all = BTreeMap::<_, Brought>::new();
    for (event, own) in holders.flat_map(|one| &one.brought) {
        all.entry(event).or_default().join(own.clone());
    }
    let all = all.into_iter().map(|(event, brought)| Passing {
        what: brings(event, &brought),
        to: catalog.operation(&event.0, &event.1).passed_to(),
        brought,
    });
    all.collect()
}

/// Returns what stays of a statement where only passing to some services may, by its condition.
pub(super) fn rest(condition: &Condition, services: &BTreeSet<&'static str>) -> Rest {
    match narrowed(condition, services) {
        Some(narrowed) if narrowed != *condition => {
            Rest::PassedTo(Passes::from([(None, services.clone())]))
        }
        _ => Rest::All,
    }
}

/// Limits a condition to the passing of roles to some services; nothing where it speaks of them in another
/// way than by a list.
pub(super) fn narrowed(
    condition: &Condition,
    services: &BTreeSet<&'static str>,
) -> Option<Condition> {
    let mut narrowed = Condition::default();
    let mut to: Vec<&str> = services.iter().copied().collect();
    let mut written = ("StringEquals", PASSED_TO);
    let mut clauses = 0;
    for (operator, key, values) in condition.iter() {
        if !key.eq_ignore_ascii_case(PASSED_TO) {
            narrowed.add(operator, key, values.iter().cloned());
            continue;
        }
        if !operator.eq_ignore_ascii_case("StringEquals") {
            return None;
        }
        written = (operator, key);
        clauses += 1;
        to.retain(|service| values.iter().any(|value| value == service));
    }
    (clauses < 2 && !to.is_empty()).then(|| {
        narrowed.add(written.0, written.1, to);
        narrowed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_limited_to_services_where_it_can_say_so() {
        let to = BTreeSet::from(["ecs-tasks.amazonaws.com"]);
        let of = |operator: &str, values: &[&str]| {
            let mut condition = Condition::default();
            condition.add(operator, "iam:passedToService", values.iter().copied());
            condition
        };
        let plain = Condition::default();
        let limited = narrowed(&plain, &to).unwrap();
        let said: Vec<_> = limited.iter().collect();
        assert_eq!(
            said,
            [("StringEquals", PASSED_TO, &["ecs-tasks.amazonaws.com".to_owned()][..])]
        );
        assert_eq!(rest(&plain, &to), Rest::PassedTo(Passes::from([(None, to.clone())])));
        let two = of("StringEquals", &["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]);
        assert_eq!(narrowed(&two, &to), Some(of("StringEquals", &["ecs-tasks.amazonaws.com"])));
        assert_eq!(rest(&of("StringEquals", &["ecs-tasks.amazonaws.com"]), &to), Rest::All);
        assert_eq!(rest(&of("StringLike", &["*.amazonaws.com"]), &to), Rest::All);
    }

    #[test]
    fn what_each_holder_brought_counts_where_the_words_of_it_are_the_same() {
        let event = || ("glue.amazonaws.com".into(), "CreateDataQualityEvaluationConfig".into());
        let holder = |last: &str, untold: bool| {
            let mut one = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
            let names = (0..5).map(|at| format!("q{at}")).chain([last.to_owned()]);
            let roles = names.map(|name| format!("arn:aws:iam::111122223333:role/{name}"));
            one.brought.insert(event(), Brought { roles: roles.collect(), untold });
            one
        };
        let of = |holders: &[Principal]| {
            let mut found = brought(holders.iter(), Catalog::embedded());
            assert_eq!(found.len(), 1);
            found.remove(0)
        };
        let two = [holder("q5", false), holder("z9", false)];
        let each = of(&two[..1]).what;
        assert_eq!(each, of(&two[1..]).what);
        let both = of(&two);
        assert_eq!((both.brought.roles.len(), both.brought.untold), (7, false));
        // Where the record of one was cut, none of the others makes up for it.
        for cut in
            [[holder("q5", true), holder("z9", false)], [holder("q5", false), holder("z9", true)]]
        {
            let both = of(&cut);
            assert!(both.brought.untold && both.what.contains("perhaps others"), "{}", both.what);
        }
    }
}
