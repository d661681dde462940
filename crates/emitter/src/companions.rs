//! Actions that go with what was used and that a draft from behaviour does not have.
//!
//! They rarely show on their own, so that they were not seen says little. But that they were needed is
//! not known either: a draft never adds them, and says so. Where they are attached, a
//! [diff](crate::diff) keeps them.

use std::collections::BTreeSet;

use trailtrim_aggregator::{Principal, Row, RowKey};
use trailtrim_catalog::{Catalog, Companion};
use trailtrim_iam::{PolicyDocument, pattern};

use crate::baseline::workload_companions;

/// Actions that go with others that were used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingCompanions {
    /// What is not granted.
    pub actions: BTreeSet<&'static str>,
    /// What is granted and speaks for it, or what the principal acts as.
    pub with: BTreeSet<&'static str>,
    /// Why they go together.
    pub reason: &'static str,
}

/// Returns which companions of what a policy allows it does not allow itself, on anything, and which of what
/// the principal's workloads go with. Of those that go with some events or resources only, `granting` tells
/// which these are.
pub(crate) fn missing_companions(
    policy: &PolicyDocument,
    principal: &Principal,
    granting: &[(&RowKey, &Row)],
    catalog: Catalog,
) -> Vec<MissingCompanions> {
    let listed: BTreeSet<&str> = policy
        .statements
        .iter()
        .flat_map(|statement| statement.action.listed())
        .map(String::as_str)
        .collect();
    // Drafts have the catalog's case, and next to never a wildcard in an action.
    let wild: Vec<&str> = listed.iter().copied().filter(|one| one.contains(['*', '?'])).collect();
    let allowed = |action: &str| {
        listed.contains(action) || wild.iter().any(|one| pattern::covers_action(one, action))
    };
    let missing = catalog.companions().map(|rule| {
        let shown = |with: &str| {
            let mut rows = granting.iter().filter(|(key, _)| key.action == with);
            rule.is_of_any_use() || rows.any(|(key, row)| speaks(rule, key, row))
        };
        MissingCompanions {
            actions: rule.actions().filter(|action| !allowed(action)).collect(),
            with: rule.with().filter(|with| allowed(with) && shown(with)).collect(),
            reason: rule.reason(),
        }
    });
    let undoing = catalog.undoing().map(|rule| {
        let via = granting.iter().filter(|(_, row)| row.went_through(rule.via()));
        let did: BTreeSet<&'static str> = via
            .filter_map(|(key, _)| catalog.action(&key.action))
            .map(|facts| facts.id())
            .collect();
        let undone = |did: &&str| rule.of(did).into_iter().any(|undoes| !allowed(undoes));
        MissingCompanions {
            actions: did
                .iter()
                .flat_map(|did| rule.of(did))
                .filter(|action| !allowed(action))
                .collect(),
            with: did.iter().copied().filter(undone).collect(),
            reason: rule.reason(),
        }
    });
    let workloads = workload_companions(principal).into_iter().map(|one| MissingCompanions {
        actions: one.actions.iter().map(|a| &**a).filter(|action| !allowed(action)).collect(),
        with: BTreeSet::from([one.with]),
        reason: one.reason,
    });
    let all = missing.chain(undoing).chain(workloads);
    all.filter(|one| !one.actions.is_empty() && !one.with.is_empty()).collect()
}

/// Tells whether a use speaks for the companions of a rule, by its action.
pub(crate) fn speaks(rule: Companion, key: &RowKey, row: &Row) -> bool {
    rule.is_of(&key.resource)
        && row.events.iter().any(|(source, name)| rule.is_shown_by(source, name))
        && rule.via().is_none_or(|service| row.went_through(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_iam::Statement;

    #[test]
    fn what_goes_with_something_granted_and_is_not_granted_is_told() {
        let of = |actions: &[&str]| {
            let statement = Statement::allow(actions.iter().copied(), ["*"]);
            let policy = PolicyDocument::new(vec![statement]);
            let principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
            missing_companions(&policy, &principal, &[], Catalog::embedded())
        };
        let missing = of(&["logs:CreateLogStream", "logs:CreateLogGroup"]);
        assert_eq!(missing.len(), 1);
        let one = missing.first().unwrap();
        assert_eq!(one.actions, BTreeSet::from(["logs:PutLogEvents"]));
        assert_eq!(one.with, BTreeSet::from(["logs:CreateLogStream"]));
        assert!(
            of(&["logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents"]).is_empty()
        );
        assert!(of(&["logs:DescribeLogGroups"]).is_empty());
    }

    /// Returns what goes with one use and is not granted.
    fn beside(action: &str, resource: &str, event: (&str, &str)) -> Vec<MissingCompanions> {
        let key = RowKey {
            action: action.to_owned(),
            resource: resource.to_owned(),
            conditions: Vec::new(),
            outcome: trailtrim_aggregator::Outcome::Granted,
        };
        let mut row = Row::default();
        row.events.extend([(event.0.to_owned(), event.1.to_owned())]);
        let policy = PolicyDocument::new(vec![Statement::allow([action], [resource])]);
        let principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        missing_companions(&policy, &principal, &[(&key, &row)], Catalog::embedded())
    }

    #[test]
    fn what_goes_with_some_events_only_is_told_where_these_showed() {
        for (with, missing, events) in [
            ("s3:GetObject", "s3:GetObjectTagging", ["CopyObject", "GetObject"]),
            ("s3:DeleteObject", "s3:DeleteObjectVersion", ["DeleteObjects", "DeleteObject"]),
        ] {
            let of = |event: &str| {
                let all = beside(with, "arn:aws:s3:::b/k", ("s3.amazonaws.com", event));
                all.iter().any(|one| one.actions.contains(missing))
            };
            assert_eq!(events.map(of), [true, false], "{missing}");
        }
    }

    #[test]
    fn what_a_launch_template_carries_is_told_where_one_is_used() {
        let of = |id: &str| -> BTreeSet<&str> {
            let resource = format!("arn:aws:ec2:eu-west-1:111122223333:{id}");
            let all = beside("ec2:RunInstances", &resource, ("ec2.amazonaws.com", "RunInstances"));
            all.into_iter().flat_map(|one| one.actions).collect()
        };
        let carried = BTreeSet::from(["ec2:CreateTags", "iam:PassRole"]);
        assert_eq!(of("launch-template/lt-0aa"), carried);
        assert_eq!(of("instance/*"), BTreeSet::new());
    }
}
