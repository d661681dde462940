//! Fills the model from what was resolved.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat};
use trailtrim_aggregator::{self as aggregator, Activity, Attribution, RowKey, Stats, UnmappedKey};
use trailtrim_catalog as catalog;

use super::ToldBy;
use super::{
    Baseline, BaselineNeed, CatalogSource, Condition, Described, EventFile, EventName, Evidence,
    Excluded, Filters, Generalisation, Input, MissingCompanions, Origin, OtherEvent, Permission,
    Principal, Report, SCHEMA_VERSION, Seen, Status, Tool, Unmapped, Workload,
};
use crate::baseline::{baseline_is_incomplete, left_out, set_up_is_incomplete};
use crate::fit::Limits;
use crate::{
    Caveats, DatedKeys, Draft, DraftOptions, MANAGED_POLICY_LIMIT, MissingDataEvents, Packed,
    PermissionSets, Regranted, Turnover, made_anew, packed, renamed, taste,
};

/// Makes the report of a run, of which `principals` were drafted for with `options`.
pub fn report(
    tool_version: &str,
    catalog: catalog::Catalog,
    filters: Filters,
    input: Input,
    principals: &Described<'_>,
    options: DraftOptions,
    missing_data_events: Vec<MissingDataEvents>,
) -> Report {
    let Activity { outsiders, other_events, amended, .. } = principals.activity();
    let files = principals.files();
    Report {
        schema_version: SCHEMA_VERSION,
        tool: tool(tool_version, catalog),
        filters,
        policies: principals.paths().map(str::to_owned).collect(),
        input,
        resources: options.taste.code().to_owned(),
        files: files.paths().iter().map(ToString::to_string).collect(),
        excluded: outsiders
            .iter()
            .map(|(outsider, stats)| Excluded {
                identity: outsider.identity.to_string(),
                reason: outsider.reason.code(),
                seen: files.named(seen(stats)),
            })
            .collect(),
        other_events: other_events
            .iter()
            .map(|(event, stats)| OtherEvent {
                kind: event.kind.code(),
                event_source: event.event_source.to_string(),
                event_name: event.event_name.to_string(),
                event_type: event.event_type.to_string(),
                seen: files.named(seen(stats)),
            })
            .collect(),
        missing_data_events,
        amended: Some(files.named(seen(amended))).filter(|seen| seen.calls > 0),
    }
}

/// Describes what makes a report.
pub(crate) fn tool(tool_version: &str, catalog: catalog::Catalog) -> Tool {
    let version = catalog.version();
    Tool {
        name: "trailtrim".to_owned(),
        version: tool_version.to_owned(),
        catalog: version
            .packages()
            .map(|package| CatalogSource {
                name: package.name.to_owned(),
                version: package.version.to_owned(),
            })
            .collect(),
        catalog_digest: version.digest().to_owned(),
    }
}

pub(super) fn describe(
    principal: &aggregator::Principal,
    draft: &Draft,
    path: Option<&str>,
    sets: &PermissionSets,
) -> Principal {
    let large = draft.policy.as_ref().filter(|_| draft.size > Some(MANAGED_POLICY_LIMIT));
    let packed = large.map(|policy| packed(policy, &Limits::managed()));
    let fits = packed.as_ref().is_none_or(|packed| packed.misfit.is_none());
    let (mut grants, mut not_granted) = (Vec::new(), Vec::new());
    for (key, row) in &principal.rows {
        let to = if key.outcome.grants() { &mut grants } else { &mut not_granted };
        to.push(permission(key, row, draft));
    }
    Principal {
        arn: principal.arn.clone(),
        account: principal.account.clone(),
        kind: principal.kind.code(),
        name: principal.name.clone(),
        ids: principal.ids.iter().cloned().collect(),
        permission_set: principal.permission_set.clone(),
        workload: workload(principal),
        status: match (&draft.policy, principal.frozen.is_empty()) {
            (Some(_), _) if !fits => Status::DoesNotFit,
            (None, _) => Status::NoPolicy,
            (Some(_), true) => Status::Complete,
            (Some(_), false) => Status::Partial,
        },
        notes: notes(principal, draft, packed.as_ref(), sets),
        policy_path: path.map(str::to_owned),
        policy_size: draft.size,
        generalisations: draft.choice.generalisations().iter().map(generalisation).collect(),
        baseline: draft.baseline.iter().map(baseline).collect(),
        missing_companions: draft.missing_companions.iter().map(missing_companions).collect(),
        grants,
        not_granted,
        unmapped: principal.unmapped.iter().map(|(key, stats)| unmapped(key, stats)).collect(),
        frozen_services: principal.frozen.iter().cloned().collect(),
    }
}

fn notes(
    principal: &aggregator::Principal,
    draft: &Draft,
    packed: Option<&Packed>,
    sets: &PermissionSets,
) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(set) = &principal.permission_set {
        notes.push(format!(
            "the role belongs to the permission set `{set}`: change the set in Identity Center, not the role"
        ));
        match draft.together.is_empty() {
            true => notes.extend(sets.caveat(&principal.arn, set)),
            false => {
                notes.push(format!(
                    "the policy is the set's: it holds what was used of it in any of {}",
                    draft.together.iter().cloned().collect::<Vec<_>>().join(", ")
                ));
                notes.extend(sets.unseen(set));
            }
        }
    }
    notes.extend(made_anew(principal));
    notes.extend(renamed(principal));
    if !principal.path_known {
        notes
            .push("only sessions were seen, so the path of the role's ARN is not known".to_owned());
    }
    match workload(principal) {
        Some(one) if one.chosen_by_caller => notes.push(
            "the workload is told by its session name, which whoever assumes the role chooses: \
             anyone may pass for it"
                .to_owned(),
        ),
        _ => {}
    }
    if principal.workload.is_some() && principal.workloads.len() > 1 {
        notes.push(format!(
            "one of {} workloads that share the role: give it a role of its own before this policy \
             replaces what the role has",
            principal.workloads.len()
        ));
    }
    if draft.policy.is_some() && baseline_is_incomplete(principal) {
        notes.push(
            "there are more workloads than are kept apart, so the baseline of some is missing"
                .to_owned(),
        );
    }
    if draft.policy.is_some() && set_up_is_incomplete(principal) {
        notes.push(
            "more workloads of its account are set up by one principal than are kept apart (--name-quota), so what its \
             own are set up with is not all known"
                .to_owned(),
        );
    }
    notes.extend(left_out(&draft.left_out));
    notes.extend(Caveats::of(principal).notes());
    notes.extend(draft.regranted.iter().map(Regranted::told));
    notes.extend(draft.turnover.iter().map(Turnover::told));
    notes.extend(draft.choice.listed_undecided());
    notes.extend(draft.dated.iter().map(DatedKeys::told));
    if let Some((size, Packed { documents, misfit })) = draft.size.zip(packed) {
        notes.push(format!(
            "the policy has {size} characters; one managed policy holds {MANAGED_POLICY_LIMIT}"
        ));
        notes.push(match misfit {
            Some(misfit) => misfit.clone(),
            None => format!(
                "as Terraform and CloudFormation it is {} policies, as JSON one document to be split",
                documents.len()
            ),
        });
    }
    notes
}

pub(crate) fn unmapped(key: &UnmappedKey, stats: &Stats) -> Unmapped {
    Unmapped {
        event_source: key.event_source.clone(),
        event_name: key.event_name.clone(),
        kind: key.kind.code(),
        action: key.action.clone(),
        why: key.why.clone(),
        outcome: key.outcome.code(),
        seen: seen(stats),
    }
}

pub(crate) fn permission(key: &RowKey, row: &aggregator::Row, draft: &Draft) -> Permission {
    let written = draft.choice.resource(&key.action, &key.resource);
    let generalised = key.outcome.grants() && written != key.resource;
    Permission {
        action: key.action.clone(),
        resource: key.resource.clone(),
        granted_as: generalised.then(|| written.to_owned()),
        conditions: key.conditions.iter().map(condition).collect(),
        statement: draft.statements.get(key).cloned(),
        origins: row.origins.iter().map(origin).collect(),
        confidence: row.confidence.map(|confidence| confidence.as_str()).unwrap_or_default(),
        inferred: !row.certain,
        outcome: key.outcome.code(),
        events: row
            .events
            .iter()
            .map(|(source, name)| EventName { source: source.clone(), name: name.clone() })
            .collect(),
        via: row.via.iter().cloned().collect(),
        error_codes: row.error_codes.iter().cloned().collect(),
        denied_by: row.denied_by.iter().cloned().collect(),
        seen: seen(&row.stats),
    }
}

pub(crate) fn baseline(one: &crate::Baseline) -> Baseline {
    let needs = one.needs.iter().map(|(action, resources)| BaselineNeed {
        action: action.clone(),
        resources: resources.iter().cloned().collect(),
    });
    Baseline {
        workload: one.workload.clone(),
        known_by: one.known_by.code().to_owned(),
        needs: needs.collect(),
        reason: one.reason.to_owned(),
        source: one.source.to_owned(),
        told_by: one.told.as_ref().map(|(event_source, event_name, at)| ToldBy {
            event_source: event_source.clone(),
            event_name: event_name.clone(),
            time: time(*at).unwrap_or_default(),
        }),
    }
}

fn missing_companions(one: &crate::MissingCompanions) -> MissingCompanions {
    let named =
        |actions: &BTreeSet<&str>| actions.iter().map(|&action| action.to_owned()).collect();
    MissingCompanions {
        actions: named(&one.actions),
        with: named(&one.with),
        reason: one.reason.to_owned(),
    }
}

pub(crate) fn generalisation(one: &taste::Generalisation) -> Generalisation {
    Generalisation {
        to: one.to.clone(),
        actions: one.actions.iter().cloned().collect(),
        rule: one.rule.code(),
        why: one.why.clone(),
        adds: one.adds.clone(),
        names: one.names,
        names_of_one_day: one.names_of_one_day,
        from: one.from.clone(),
        seen: seen(&one.stats),
    }
}

/// Describes the workload that a principal's rows are of.
pub(crate) fn workload(principal: &aggregator::Principal) -> Option<Workload> {
    let one = principal.workload.as_ref()?;
    let names = principal.workloads.get(one).map(aggregator::Acted::names);
    let known = one.attribution != Attribution::None;
    Some(Workload {
        attribution: one.attribution.code().to_owned(),
        chosen_by_caller: one.attribution.chosen_by_caller(),
        name: one.name.as_deref().map(str::to_owned),
        names: names.filter(|_| known).map_or(0, |names| names.value),
        names_estimated: names.is_some_and(|names| names.estimated),
    })
}

pub(crate) fn condition(condition: &catalog::Condition) -> Condition {
    Condition {
        operator: condition.operator.clone(),
        key: condition.key.clone(),
        values: condition.values.clone(),
    }
}

pub(crate) fn origin(origin: &catalog::Origin) -> Origin {
    match origin {
        catalog::Origin::Observed => Origin::Observed,
        catalog::Origin::Derived { rule } => Origin::Derived { rule: rule.clone() },
        catalog::Origin::Assumed { why } => Origin::Assumed { why: why.clone() },
        catalog::Origin::Widened { from, why } => {
            Origin::Widened { from: from.clone(), why: why.clone() }
        }
        catalog::Origin::RequiresStar => Origin::RequiresStar,
    }
}

pub(crate) fn seen(stats: &Stats) -> Seen {
    let calls = stats.calls();
    Seen {
        first_seen: first(stats),
        last_seen: last(stats),
        days: stats.days().len(),
        calls: calls.value,
        calls_estimated: calls.estimated,
        evidence: stats
            .evidence()
            .into_iter()
            .map(|evidence| Evidence {
                event_id: evidence.event_id,
                time: evidence.time.and_then(time),
                region: evidence.region,
                file: EventFile::Path(evidence.file),
            })
            .collect(),
    }
}

/// Writes the time of the first event, or its day where no more is known.
pub(crate) fn first(stats: &Stats) -> Option<String> {
    let write = if stats.knows_first() { time } else { date };
    stats.first().and_then(write)
}

/// Writes the time of the last event, or its day where no more is known.
pub(crate) fn last(stats: &Stats) -> Option<String> {
    let write = if stats.knows_last() { time } else { date };
    stats.last().and_then(write)
}

/// Writes the day of a time as `2026-11-23`.
fn date(seconds: i64) -> Option<String> {
    Some(DateTime::from_timestamp(seconds, 0)?.date_naive().to_string())
}

/// Writes a time as `2026-11-23T10:00:00Z`.
pub(crate) fn time(seconds: i64) -> Option<String> {
    Some(DateTime::from_timestamp(seconds, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true))
}
