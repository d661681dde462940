//! The policy that grants what was used, and nothing else.
//!
//! No action gains a resource that it was not seen with: actions share a
//! statement only where their resources and conditions are the same set.
//! Actions that take no resource stand in one statement of their own, where
//! their `*` widens nothing.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Row, RowKey};
use trailtrim_catalog::{Condition, Origin};
use trailtrim_iam::{PolicyDocument, Statement, wildcard};
use xxhash_rust::xxh3::xxh3_64;

/// Characters a customer managed policy may have, white space not counted
/// (IAM user guide, "IAM and AWS STS quotas").
pub const MANAGED_POLICY_LIMIT: usize = 6_144;

/// The id of the statement whose actions take no resource.
const NO_RESOURCE_SID: &str = "ActionsWithoutResource";

/// A letter that no pattern holds: a private-use character cannot stand in a policy.
pub(crate) const ANY: char = '\u{E000}';

/// The policy of one principal, and which statement each grant went into.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The policy; `None` where nothing was granted.
    pub policy: Option<PolicyDocument>,
    /// For each granting row the id of the statement that covers it.
    pub statements: BTreeMap<RowKey, String>,
}

/// One thing to grant: an action on a resource under conditions.
type Grant<'p> = (&'p str, &'p str, &'p [Condition]);

/// What a statement's actions share: service, conditions, resources.
type Group<'p> = (&'p str, &'p [Condition], BTreeSet<&'p str>);

/// Drafts the policy of a principal from what it used.
pub fn draft(principal: &Principal) -> Draft {
    let granting: Vec<(&RowKey, &Row)> =
        principal.rows.iter().filter(|(key, _)| key.outcome.grants()).collect();
    let grants: BTreeSet<Grant<'_>> = granting
        .iter()
        .map(|(key, _)| (key.action.as_str(), key.resource.as_str(), key.conditions.as_slice()))
        .collect();
    let starred: BTreeSet<&str> = granting
        .iter()
        .filter(|(_, row)| row.origins.contains(&Origin::RequiresStar))
        .map(|(key, _)| key.action.as_str())
        .collect();

    // (service, conditions, resources) → actions; the actions without resource share one group.
    let mut resources_of: BTreeMap<(&str, &[Condition]), BTreeSet<&str>> = BTreeMap::new();
    for &grant in irredundant(&grants).iter() {
        let (action, resource, conditions) = grant;
        resources_of.entry((action, conditions)).or_default().insert(resource);
    }
    let mut groups: BTreeMap<Group<'_>, BTreeSet<&str>> = BTreeMap::new();
    let mut without_resource = BTreeSet::new();
    for ((action, conditions), resources) in resources_of {
        if starred.contains(action) && conditions.is_empty() && resources.contains("*") {
            without_resource.insert(action);
            continue;
        }
        let service = action.split(':').next().unwrap_or_default();
        groups.entry((service, conditions, resources)).or_default().insert(action);
    }

    let mut statements = Vec::new();
    for ((service, conditions, resources), actions) in &groups {
        let mut statement = Statement::allow(actions.iter().copied(), resources.iter().copied())
            .with_sid(sid(service, resources, conditions));
        for condition in *conditions {
            statement = statement.with_condition(
                condition.operator.as_str(),
                condition.key.as_str(),
                condition.values.iter().map(String::as_str),
            );
        }
        statements.push(statement);
    }
    if !without_resource.is_empty() {
        statements.push(Statement::allow(without_resource, ["*"]).with_sid(NO_RESOURCE_SID));
    }

    let placed = granting
        .iter()
        .filter_map(|(key, _)| {
            let statement = statements.iter().find(|statement| covers_row(statement, key))?;
            Some(((*key).clone(), statement.sid.clone()?))
        })
        .collect();
    let policy = (!statements.is_empty()).then(|| PolicyDocument::new(statements));
    Draft { policy, statements: placed }
}

/// Leaves out what another grant of the same action covers.
fn irredundant<'p>(grants: &BTreeSet<Grant<'p>>) -> BTreeSet<Grant<'p>> {
    let mut by_action: BTreeMap<&str, Vec<Grant<'p>>> = BTreeMap::new();
    for &grant in grants {
        by_action.entry(grant.0).or_default().push(grant);
    }
    let mut kept = BTreeSet::new();
    for grants in by_action.values() {
        // Only a wildcard, or the lack of a condition, can make another grant idle.
        let wide: Vec<&Grant<'p>> = grants
            .iter()
            .filter(|(_, resource, conditions)| {
                resource.contains(['*', '?']) || conditions.is_empty()
            })
            .collect();
        for &grant in grants {
            let (_, resource, conditions) = grant;
            let idle = wide.iter().any(|&&other| {
                other != grant
                    && (other.2.is_empty() || other.2 == conditions)
                    && covers(other.1, resource)
            });
            if !idle {
                kept.insert(grant);
            }
        }
    }
    kept
}

fn covers_row(statement: &Statement, key: &RowKey) -> bool {
    let listed = |patterns: &[String], what: &str, by: fn(&str, &str) -> bool| {
        patterns.iter().any(|pattern| by(pattern, what))
    };
    let conditions: BTreeSet<(&str, &str, &[String])> = statement.condition.iter().collect();
    let wanted: BTreeSet<(&str, &str, &[String])> = key
        .conditions
        .iter()
        .map(|condition| {
            (condition.operator.as_str(), condition.key.as_str(), condition.values.as_slice())
        })
        .collect();
    (conditions.is_empty() || conditions == wanted)
        && listed(statement.action.listed(), &key.action, |pattern, action| pattern == action)
        && statement
            .resource
            .as_ref()
            .is_some_and(|resources| listed(resources.listed(), &key.resource, covers))
}

/// Returns whether every resource that `narrow` means, `wide` means too. It may
/// say no where the answer is yes, and then only leaves an idle resource in.
///
/// In a `wide` whose only wildcard is `*`, a letter that no pattern holds can
/// only be taken by a star, which then takes any other text as well: so a `*` of
/// `narrow` lies inside iff that letter does. A `?` in `wide` breaks this (`b/?*`
/// does not hold `b/`), and an escape in it is no wildcard.
fn covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow || wide == "*" {
        return true;
    }
    if !wide.contains('*') || wide.contains(['?', '$']) {
        return false;
    }
    let mut text = String::with_capacity(narrow.len());
    let mut rest = narrow;
    while let Some(c) = rest.chars().next() {
        if let Some((literal, after)) = escaped(rest) {
            text.push(literal);
            rest = after;
            continue;
        }
        match c {
            '*' | '?' => text.push(ANY),
            c => text.push(c),
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    wildcard::matches(wide, &text)
}

/// Reads `${*}`, `${?}` or `${$}` at the start of `text`.
pub(crate) fn escaped(text: &str) -> Option<(char, &str)> {
    let inner = text.strip_prefix("${")?;
    let c = inner.chars().next().filter(|c| matches!(c, '*' | '?' | '$'))?;
    Some((c, inner.get(1..)?.strip_prefix('}')?))
}

/// Names a statement by its service and by what it is about, so that the id
/// stays when an action joins or another statement comes or goes.
fn sid(service: &str, resources: &BTreeSet<&str>, conditions: &[Condition]) -> String {
    let mut about = String::new();
    for resource in resources {
        about.push_str(resource);
        about.push('\n');
    }
    for condition in conditions {
        about.push_str(&condition.operator);
        about.push('\n');
        about.push_str(&condition.key);
        for value in &condition.values {
            about.push('\n');
            about.push_str(value);
        }
        about.push('\0');
    }
    // Ids hold letters and digits only.
    let mut name: String = service.chars().filter(char::is_ascii_alphanumeric).collect();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{name}{:08x}", xxh3_64(about.as_bytes()) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_lies_inside_it() {
        for (wide, narrow, expected) in [
            ("b/*", "b/a", true),
            ("b/*", "b/a/*", true),
            ("b/a/*", "b/*", false),
            ("b/?", "b/*", false),
            ("b/?*", "b/*", false),
            ("*", "anything", true),
            ("b/*", "b/${*}", true),
            ("b/${*}", "b/${?}", false),
            ("b/${*}", "b/x", false),
            ("b/${*}", "b/${*}", true),
            ("b/*", "b/secret-??????", true),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    fn grants<'a>(list: &[Grant<'a>]) -> BTreeSet<Grant<'a>> {
        list.iter().copied().collect()
    }

    #[test]
    fn what_another_grant_covers_is_left_out() {
        let via = [Condition {
            operator: "StringEquals".into(),
            key: "kms:ViaService".into(),
            values: vec!["s3.eu-west-1.amazonaws.com".into()],
        }];
        let list: [Grant<'_>; 6] = [
            ("s3:GetObject", "b/*", &[]),
            ("s3:GetObject", "b/a", &[]),
            ("s3:GetObject", "c/a", &[]),
            ("kms:Decrypt", "key/1", &via),
            ("kms:Decrypt", "key/1", &[]),
            ("kms:Decrypt", "key/2", &via),
        ];
        let all = grants(&list);
        let kept = irredundant(&all);
        assert_eq!(
            kept,
            grants(&[
                ("s3:GetObject", "b/*", &[]),
                ("s3:GetObject", "c/a", &[]),
                ("kms:Decrypt", "key/1", &[]),
                ("kms:Decrypt", "key/2", &via),
            ])
        );
    }
}
