//! Who did what, one line for each principal, action, resource and outcome.
//!
//! Calls that differ only in a condition (`kms:Decrypt` by itself and through
//! another service) are one line: this tells what was done, not what to grant.

use std::collections::BTreeMap;

use serde::Serialize;
use trailtrim_aggregator::{Activity, Join as _, Outcome, Row};

use crate::report::{Origin, Seen, Workload, origin, seen, workload};

/// What one principal did with one action on one resource, with one outcome.
#[derive(Clone, Debug, Serialize)]
pub struct UsageLine {
    /// The ARN of the role or user.
    pub principal: String,
    /// Its account.
    pub account: String,
    /// Who acted inside the role, where workloads are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// The action.
    pub action: String,
    /// The resource, as a policy names it.
    pub resource: String,
    /// `observed`, `derived`, `assumed`, `widened` or `requires-star`: the surest way it was found.
    pub origin: &'static str,
    /// The rule that derived the resource, or why it was widened.
    pub reason: Option<String>,
    /// What came of the calls: `granted`, `granted-with-error`, `denied`, `not-evaluated` or
    /// `unknown`.
    pub outcome: &'static str,
    /// How the action was named: `exact`, `rule` or `heuristic`.
    pub confidence: &'static str,
    /// Whether the calls only make it likely that the permission is needed.
    pub inferred: bool,
    /// Services that acted on the principal's behalf.
    pub via: Vec<String>,
    /// Error codes seen.
    pub error_codes: Vec<String>,
    /// Kinds of policy that denied, where messages say so.
    pub denied_by: Vec<String>,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Returns the lines, ordered by principal, workload, action, resource and outcome.
pub fn usage_lines(activity: &Activity) -> Vec<UsageLine> {
    let mut lines = Vec::new();
    for principal in &activity.principals {
        let mut rows: BTreeMap<(&str, &str, Outcome), Row> = BTreeMap::new();
        for (key, row) in &principal.rows {
            match rows.get_mut(&(key.action.as_str(), key.resource.as_str(), key.outcome)) {
                Some(known) => known.join(row.clone()),
                None => {
                    rows.insert((&key.action, &key.resource, key.outcome), row.clone());
                }
            }
        }
        for ((action, resource, outcome), row) in rows {
            let (kind, reason) = row.origins.first().map(origin).as_ref().map_or(("", None), told);
            lines.push(UsageLine {
                principal: principal.arn.clone(),
                account: principal.account.clone(),
                workload: workload(principal),
                action: action.to_owned(),
                resource: resource.to_owned(),
                origin: kind,
                reason,
                outcome: outcome.code(),
                confidence: row.confidence.map_or("", |confidence| confidence.as_str()),
                inferred: !row.certain,
                via: row.via.into_iter().collect(),
                error_codes: row.error_codes.into_iter().collect(),
                denied_by: row.denied_by.into_iter().collect(),
                seen: seen(&row.stats),
            });
        }
    }
    lines
}

fn told(origin: &Origin) -> (&'static str, Option<String>) {
    match origin {
        Origin::Observed => ("observed", None),
        Origin::Derived { rule } => ("derived", Some(rule.clone())),
        Origin::Assumed { why } => ("assumed", Some(why.clone())),
        Origin::Widened { why, .. } => ("widened", Some(why.clone())),
        Origin::RequiresStar => ("requires-star", None),
    }
}
