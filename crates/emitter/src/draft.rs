//! The policy that grants what was used, and nothing else.
//!
//! No action gains a resource that it was not seen with ([`cover`](crate::cover)), but for the
//! patterns that the [taste](crate::taste) puts in the place of names, which are listed. Grants under
//! different conditions share no statement. What a workload needs whatever it does stands in statements
//! of its own ([`Baseline`]), beside what was seen. Actions that take no resource stand in one statement
//! of their own, where their `*` widens nothing.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Join as _, Principal, Row, RowKey};
use trailtrim_catalog::{Catalog, Condition, Origin};
use trailtrim_iam::{PolicyDocument, Statement};

use crate::baseline::{Baseline, baseline};
use crate::companions::{MissingCompanions, missing_companions};
use crate::cover::{Block, Effort, Grants, condition_chars, cover_under, service};
use crate::dated::{DatedKeys, dated_keys};
use crate::irredundant::{Covering, Grant, irredundant};
use crate::refused::{Regranted, regranted};
use crate::sid::{about, service_name, sids};
use crate::taste::{Choice, Seen, Taste, choose, is_often};
use crate::turnover::{Turnover, turnover};

/// Characters a customer managed policy may have, white space not counted
/// (IAM user guide, "IAM and AWS STS quotas").
pub const MANAGED_POLICY_LIMIT: usize = 6_144;

/// The id of the statement whose actions take no resource.
pub(crate) const NO_RESOURCE_SID: &str = "ActionsWithoutResource";

/// What ids of statements begin with that hold what a workload needs whatever it does.
pub(crate) const BASELINE_SID: &str = "Baseline";

/// How to draft.
#[derive(Clone, Copy, Debug)]
pub struct DraftOptions {
    /// How to write the resources that were seen.
    pub taste: Taste,
    /// Whether to add what workloads need whatever they do.
    pub baseline: bool,
}

impl Default for DraftOptions {
    fn default() -> Self {
        DraftOptions { taste: Taste::default(), baseline: true }
    }
}

/// The policy of one principal, and which statement each grant went into.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The policy; `None` where nothing was granted.
    pub policy: Option<PolicyDocument>,
    /// Its size as AWS counts it.
    pub size: Option<usize>,
    /// For each granting row the id of a statement that covers it.
    pub statements: BTreeMap<RowKey, String>,
    /// How the resources of the rows are written.
    pub choice: Choice,
    /// What the policy has beyond that, since workloads need it whatever they do.
    pub baseline: Vec<Baseline>,
    /// What their workloads were set up with, and that may be over.
    pub left_out: Vec<Baseline>,
    /// What goes with something that the policy allows, and that it does not allow.
    pub missing_companions: Vec<MissingCompanions>,
    /// What was only ever refused and is granted by a pattern.
    pub regranted: Vec<Regranted>,
    /// Names that come and go, and that the policy lists.
    pub turnover: Vec<Turnover>,
    /// Keys that hold a date, and that the policy lists.
    pub dated: Vec<DatedKeys>,
    /// The accounts whose roles it was made for together, where they are one permission set's.
    pub together: BTreeSet<String>,
}

/// What is covered apart: a service's grants under the same conditions.
type Partition<'p> = (&'p str, &'p [Condition]);

/// Drafts the policy of a principal from what it used.
pub fn draft(principal: &Principal, catalog: Catalog, options: DraftOptions) -> Draft {
    let granting: Vec<(&RowKey, &Row)> =
        principal.rows.iter().filter(|(key, _)| key.outcome.grants()).collect();
    let seen = granting.iter().map(|(key, row)| Seen::of(key, row));
    let often = is_often([principal]);
    let choice = choose(seen, often, &|_| options.taste, &|_| Vec::new(), catalog);
    let (mut policy, statements) = write(&granting, &choice);
    let (baseline, left_out) = match &mut policy {
        Some(policy) if options.baseline => add_baseline(policy, principal),
        _ => (Vec::new(), Vec::new()),
    };
    let size = policy.as_ref().map(PolicyDocument::size);
    let missing_companions = policy
        .as_ref()
        .map(|policy| missing_companions(policy, principal, &granting, catalog))
        .unwrap_or_default();
    let listing: Vec<&PolicyDocument> = match options.taste {
        // As was asked for.
        Taste::Exact => Vec::new(),
        _ => policy.iter().collect(),
    };
    let turnover = turnover(principal, &listing, catalog);
    let dated = dated_keys(principal, &listing, &[], catalog);
    let regranted =
        regranted(principal, &|key| choice.resource(&key.action, &key.resource).to_owned());
    Draft {
        policy,
        size,
        statements,
        choice,
        baseline,
        left_out,
        missing_companions,
        regranted,
        turnover,
        dated,
        together: BTreeSet::new(),
    }
}

/// Drafts one policy for several roles that are one permission set's: what any of them used. Nothing
/// without roles.
pub fn draft_together(
    roles: &[&Principal],
    catalog: Catalog,
    options: DraftOptions,
) -> Option<Draft> {
    let (first, others) = roles.split_first()?;
    let mut all = Principal { workloads: BTreeMap::new(), ..(*first).clone() };
    for (key, row) in others.iter().flat_map(|one| &one.rows) {
        all.rows.entry(key.clone()).or_default().join(row.clone());
    }
    let together = roles.iter().map(|one| one.account.clone()).collect();
    Some(Draft { together, ..draft(&all, catalog, options) })
}

/// Adds what the principal's workloads need and the policy does not allow. Returns that, and what is left out since it
/// may be over.
fn add_baseline(
    policy: &mut PolicyDocument,
    principal: &Principal,
) -> (Vec<Baseline>, Vec<Baseline>) {
    let mut allowed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for statement in policy.statements.iter().filter(|one| one.condition.is_empty()) {
        let resources = || statement.resource.iter().flat_map(|selector| selector.listed());
        for action in statement.action.listed() {
            allowed.entry(action).or_default().extend(resources().map(String::as_str));
        }
    }
    let (left_out, baseline): (Vec<Baseline>, Vec<Baseline>) =
        baseline(principal, &allowed).into_iter().partition(|one| one.may_be_over.is_some());
    let mut resources_of: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (action, resources) in baseline.iter().flat_map(|one| &one.needs) {
        resources_of.entry(action).or_default().extend(resources.iter().cloned());
    }
    let mut groups: BTreeMap<(&str, BTreeSet<String>), BTreeSet<&str>> = BTreeMap::new();
    for (action, resources) in resources_of {
        groups.entry((service(action), resources)).or_default().insert(action);
    }
    let abouts = groups.keys().map(|(service, resources)| {
        (
            format!("{BASELINE_SID}{}", service_name(service)),
            about(resources, &trailtrim_iam::Condition::default()),
        )
    });
    let sids = sids(&abouts.collect::<Vec<_>>());
    let statements = groups.iter().zip(sids).map(|(((_, resources), actions), sid)| {
        Statement::allow(actions.iter().copied(), resources).with_sid(sid)
    });
    let statements: Vec<Statement> = statements.collect();
    policy.statements.extend(statements);
    (baseline, left_out)
}

/// Writes the policy, and says where each row went.
fn write(
    granting: &[(&RowKey, &Row)],
    choice: &Choice,
) -> (Option<PolicyDocument>, BTreeMap<RowKey, String>) {
    let grants: BTreeSet<Grant<'_, Condition>> =
        granting.iter().map(|(key, _)| grant(key, choice)).collect();
    let starred: BTreeSet<&str> = granting
        .iter()
        .filter(|(_, row)| row.origins.contains(&Origin::RequiresStar))
        .map(|(key, _)| key.action.as_str())
        .collect();

    let kept = irredundant(&grants);
    let mut without_resource = BTreeSet::new();
    let mut partitions: BTreeMap<Partition<'_>, Grants> = BTreeMap::new();
    for &(action, resource, conditions) in &kept {
        if resource == "*" && conditions.is_empty() && starred.contains(action) {
            without_resource.insert(action);
            continue;
        }
        let partition = partitions.entry((service(action), conditions)).or_default();
        partition.insert((action.to_owned(), resource.to_owned()));
    }
    let mut groups: Vec<(&str, &[Condition], Block)> = Vec::new();
    for ((service, conditions), grants) in partitions {
        let mut blocks = cover_under(&grants, condition_chars(&block_of(conditions)), Effort::Full);
        blocks.sort_by(|a, b| (&a.resources, &a.actions).cmp(&(&b.resources, &b.actions)));
        groups.extend(blocks.into_iter().map(|block| (service, conditions, block)));
    }

    let abouts = groups.iter().map(|(service, conditions, block)| {
        (service_name(service), about(&block.resources, &block_of(conditions)))
    });
    let sids = sids(&abouts.collect::<Vec<_>>());
    let mut statements = Vec::new();
    let mut places: BTreeMap<Grant<'_, Condition>, usize> = BTreeMap::new();
    for ((_, conditions, block), sid) in groups.iter().zip(sids) {
        let mut statement = Statement::allow(&block.actions, &block.resources).with_sid(sid);
        statement.condition = block_of(conditions);
        for action in &block.actions {
            for resource in &block.resources {
                places.entry((action, resource, conditions)).or_insert(statements.len());
            }
        }
        statements.push(statement);
    }
    if !without_resource.is_empty() {
        places.extend(without_resource.iter().map(|&action| {
            let grant: Grant<'_, Condition> = (action, "*", &[]);
            (grant, statements.len())
        }));
        statements.push(Statement::allow(without_resource, ["*"]).with_sid(NO_RESOURCE_SID));
    }

    let covering = Covering::of(&kept);
    let placed = granting
        .iter()
        .filter_map(|(key, _)| {
            let grant = grant(key, choice);
            // What was left out is in the first statement that holds something wider.
            let at = places.get(&grant).copied().or_else(|| {
                covering.of_grant(grant).iter().filter_map(|wide| places.get(wide).copied()).min()
            })?;
            Some(((*key).clone(), statements.get(at)?.sid.clone()?))
        })
        .collect();
    ((!statements.is_empty()).then(|| PolicyDocument::new(statements)), placed)
}

/// Returns what a row grants.
fn grant<'p>(key: &'p RowKey, choice: &'p Choice) -> Grant<'p, Condition> {
    (&key.action, choice.resource(&key.action, &key.resource), &key.conditions)
}

/// Returns the conditions as a policy says them.
fn block_of(conditions: &[Condition]) -> trailtrim_iam::Condition {
    let mut block = trailtrim_iam::Condition::default();
    for Condition { operator, key, values } in conditions {
        block.add(operator.as_str(), key.as_str(), values.iter().map(String::as_str));
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::irredundant::covers;
    use trailtrim_aggregator::Outcome;

    const EXACT: DraftOptions = DraftOptions { taste: Taste::Exact, baseline: true };

    fn granted(action: &str, resource: &str, conditions: &[Condition]) -> (RowKey, Row) {
        let key = RowKey {
            action: action.into(),
            resource: resource.into(),
            conditions: conditions.to_vec(),
            outcome: Outcome::Granted,
        };
        (key, Row::default())
    }

    fn principal(rows: impl IntoIterator<Item = (RowKey, Row)>) -> Principal {
        let named = Principal::new("arn:aws:iam::111122223333:role/a").unwrap();
        Principal { rows: rows.into_iter().collect(), ..named }
    }

    #[test]
    fn each_row_is_placed_also_where_another_covers_it() {
        let via = [Condition {
            operator: "StringEquals".into(),
            key: "kms:ViaService".into(),
            values: vec!["s3.eu-west-1.amazonaws.com".into()],
        }];
        let principal = principal([
            granted("s3:GetObject", "b/*", &[]),
            granted("s3:GetObject", "b/a", &[]),
            granted("s3:PutObject", "b/a", &[]),
            granted("kms:Decrypt", "key/1", &[]),
            granted("kms:Decrypt", "key/1", &via),
            granted("kms:Decrypt", "key/2", &via),
        ]);
        let draft = draft(&principal, Catalog::embedded(), EXACT);
        let statements = draft.policy.unwrap().statements;
        assert_eq!(statements.len(), 4);
        assert_eq!(draft.statements.len(), principal.rows.len());
        for (key, sid) in &draft.statements {
            let by = statements.iter().find(|one| one.sid.as_ref() == Some(sid)).unwrap();
            assert!(by.action.listed().contains(&key.action), "{key:?} in {by:?}");
            let resources = by.resource.as_ref().unwrap().listed();
            assert!(resources.iter().any(|wide| covers(wide, &key.resource)), "{key:?} in {by:?}");
            assert!(by.condition.is_empty() || !key.conditions.is_empty(), "{key:?} in {by:?}");
        }
    }

    #[test]
    fn many_resources_are_no_burden() {
        // Compared pair by pair, this would take minutes.
        let rows = (0..60_000).map(|n| {
            let star = if n % 2 == 0 { "" } else { ":*" };
            granted("logs:PutLogEvents", &format!("arn:aws:logs:::log-group:{n:06}{star}"), &[])
        });
        let draft = draft(&principal(rows), Catalog::embedded(), EXACT);
        assert_eq!(draft.statements.len(), 60_000);
    }

    #[test]
    fn roles_of_one_permission_set_get_what_any_of_them_used() {
        let one = principal([granted("s3:GetObject", "b/a", &[]), granted("sqs:A", "q", &[])]);
        let other = principal([granted("s3:GetObject", "b/a", &[]), granted("sns:B", "t", &[])]);
        let other = Principal { account: "444455556666".to_owned(), ..other };
        let joint = draft_together(&[&one, &other], Catalog::embedded(), EXACT).unwrap();
        assert_eq!(joint.policy.unwrap().statements.len(), 3);
        assert_eq!(joint.statements.len(), 3);
        assert_eq!(joint.together.len(), 2);
        assert!(draft_together(&[], Catalog::embedded(), EXACT).is_none());
    }
}
