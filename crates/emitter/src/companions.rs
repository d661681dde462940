//! Actions that go with what was used and that a draft from behaviour does not have.
//!
//! They rarely show on their own, so that they were not seen says little. But that they were needed is
//! not known either: a draft never adds them, and says so. Where they are attached, a
//! [diff](crate::diff) keeps them.

use std::collections::BTreeSet;

use trailtrim_aggregator::{Row, RowKey};
use trailtrim_catalog::Catalog;
use trailtrim_iam::{PolicyDocument, pattern};

/// Actions that go with others that were used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingCompanions {
    /// What is not granted.
    pub actions: BTreeSet<&'static str>,
    /// What is granted and speaks for it.
    pub with: BTreeSet<&'static str>,
    /// Why they go together.
    pub reason: &'static str,
}

/// Returns which companions of what a policy allows it does not allow itself, on anything. Of those that
/// go with some events only, `granting` tells which these are.
pub(crate) fn missing_companions(
    policy: &PolicyDocument,
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
            let rows = || granting.iter().filter(|(key, _)| key.action == with);
            let mut events = rows().flat_map(|(_, row)| &row.events);
            !rule.is_of_events() || events.any(|(source, name)| rule.is_shown_by(source, name))
        };
        MissingCompanions {
            actions: rule.actions().filter(|action| !allowed(action)).collect(),
            with: rule.with().filter(|with| allowed(with) && shown(with)).collect(),
            reason: rule.reason(),
        }
    });
    missing.filter(|one| !one.actions.is_empty() && !one.with.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_iam::Statement;

    #[test]
    fn what_goes_with_something_granted_and_is_not_granted_is_told() {
        let of = |actions: &[&str]| {
            let statement = Statement::allow(actions.iter().copied(), ["*"]);
            missing_companions(&PolicyDocument::new(vec![statement]), &[], Catalog::embedded())
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

    #[test]
    fn what_goes_with_some_events_only_is_told_where_these_showed() {
        let of = |event: &str| {
            let key = RowKey {
                action: "s3:GetObject".to_owned(),
                resource: "arn:aws:s3:::b/k".to_owned(),
                conditions: Vec::new(),
                outcome: trailtrim_aggregator::Outcome::Granted,
            };
            let mut row = Row::default();
            row.events.extend([("s3.amazonaws.com".to_owned(), event.to_owned())]);
            let statement = Statement::allow(["s3:GetObject"], ["arn:aws:s3:::b/k"]);
            let policy = PolicyDocument::new(vec![statement]);
            missing_companions(&policy, &[(&key, &row)], Catalog::embedded())
        };
        let tagging = |one: &MissingCompanions| one.actions.contains("s3:GetObjectTagging");
        assert!(of("CopyObject").iter().any(tagging));
        assert!(!of("GetObject").iter().any(tagging));
    }
}
