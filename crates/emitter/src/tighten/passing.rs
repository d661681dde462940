//! To which services what stays of `iam:PassRole` may pass roles.
//!
//! What keeps it without evidence is often about one service: a call that passes roles to ECS, or one that
//! leaves no event. Then the rest is limited to that, where the statement's condition can say so.

use std::collections::BTreeSet;

use trailtrim_iam::Condition;

use super::rest::{Passes, Rest};

/// The context key of the service that a role is passed to.
const PASSED_TO: &str = "iam:PassedToService";

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
}
