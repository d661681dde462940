//! The page of a report: drafts from behaviour alone.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{self as aggregator, Activity, Coverage, Workload};
use trailtrim_catalog::Catalog;

use super::build::{done, limits, listed, looked, outsiders, read, tell_activity, words};
use super::counts::Counter;
use super::evidence::{Sight, allows, stars, used};
use super::scribe::Scribe;
use super::{
    Backtest, Blind, Detail, DraftDocument, DraftedStatement, Entry, Group, Numbers, Overview,
    Page, Reason,
};
use crate::Draft;
use crate::backtest::{Fold, Replayed};
use crate::diff::count;
use crate::report::{Generalisation, Principal, Report, Status};

/// What the page of a report is made of, beside the report.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// What was done; its principals are the report's, in their order.
    pub activity: &'a Activity,
    /// The drafts, in the same order.
    pub drafts: &'a [Draft],
    /// Where the trail looked.
    pub coverage: &'a Coverage,
    /// The AWS facts.
    pub catalog: Catalog,
    /// Drafts from the earlier part of the trail, put to the later one, where it is long enough.
    pub backtest: Option<&'a Fold>,
}

/// Makes the page of a report and the principals in it.
pub fn of_report(report: &Report, described: &[Principal], sources: &Sources<'_>) -> Page {
    let mut scribe = Scribe::new(sources.activity, sources.coverage);
    let mut counter = Counter::new(sources.catalog);
    let replayed: BTreeMap<&str, &Replayed> = sources
        .backtest
        .iter()
        .flat_map(|fold| &fold.principals)
        .map(|one| (one.principal.as_str(), one))
        .collect();
    let principals = sources.activity.principals.iter().zip(sources.drafts);
    let (mut entries, mut details) = (Vec::new(), Vec::new());
    for (one, (principal, draft)) in described.iter().zip(principals) {
        let mut detail = Detail {
            told: told(one.status).to_owned(),
            notes: one.notes.clone(),
            groups: groups(one, principal, draft, &mut scribe),
            ..Detail::default()
        };
        if let (Some(_), Some(size)) = (&draft.policy, one.policy_size) {
            detail.drafts.push(DraftDocument { name: one.name.clone(), size });
        }
        if let Some(fold) = sources.backtest {
            let replayed = replayed.get(one.arn.as_str());
            detail.backtest = Some(backtest(&fold.split, replayed.copied()));
        }
        detail.blind.extend(one.frozen_services.iter().map(|service| {
            Blind {
                what: format!("{service} is frozen"),
                why: "some of its calls could not be mapped, so the draft may lack what they need"
                    .to_owned(),
                names: Vec::new(),
            }
        }));
        let missing = report.missing_data_events.iter().find(|lacks| lacks.account == one.account);
        detail.blind.extend(missing.map(|missing| Blind {
            what: "data events".to_owned(),
            why: missing.told(),
            names: Vec::new(),
        }));
        detail.blind.extend(one.missing_companions.iter().map(|missing| Blind {
            what: format!("not granted, goes with {}", missing.with.join(", ")),
            why: missing.reason.clone(),
            names: missing.actions.clone(),
        }));
        tell_activity(&mut detail, principal, (sources.coverage, sources.catalog), &mut scribe);
        entries.push(entry(one, principal, draft, &detail, &mut counter));
        details.push(detail);
    }
    let (coverage, trails) = looked(sources.coverage, &scribe);
    let mut options = limits(&report.filters);
    options.push(("resources", report.resources.clone()));
    let overview = Overview {
        compares: false,
        tool: report.tool.clone(),
        input: read(&report.input),
        options,
        first_day: scribe.first_day(),
        days: scribe.days,
        entries,
        coverage,
        trails,
        outsiders: outsiders(sources.activity, &scribe),
        not_in_dump: Vec::new(),
        files: scribe.into_files(),
    };
    Page { overview, details }
}

fn told(status: Status) -> &'static str {
    match status {
        Status::Complete => "complete: every call was mapped to permissions",
        Status::Partial => "partial: some calls could not be mapped, and what they need is missing",
        Status::NoPolicy => "no policy: nothing that was seen proves a permission",
        Status::DoesNotFit => "does not fit: the policy is more than IAM lets anyone attach",
    }
}

fn entry(
    one: &Principal,
    principal: &aggregator::Principal,
    draft: &Draft,
    detail: &Detail,
    counter: &mut Counter,
) -> Entry {
    let allowed = draft.policy.as_ref().map(|policy| counter.allowed([policy]));
    let used = principal.rows.keys().filter(|key| key.outcome.grants());
    let used: BTreeSet<&str> = used.map(|key| key.action.as_str()).collect();
    let seen = detail.seen.as_ref();
    let status = match one.status {
        Status::Complete => "complete",
        Status::Partial => "partial",
        Status::NoPolicy => "no policy",
        Status::DoesNotFit => "does not fit",
    };
    let label = principal.workload.as_ref().map(Workload::label);
    let names = [one.arn.as_str(), status].into_iter().chain(label.as_deref());
    Entry {
        name: one.arn.clone(),
        kind: one.kind.to_owned(),
        account: one.account.clone(),
        status: status.to_owned(),
        numbers: Numbers {
            before: None,
            after: allowed.as_ref().map(|allowed| allowed.all.len()),
            used: used.len(),
            unobservable: 0,
            anywhere_before: None,
            anywhere_after: allowed.as_ref().map(|allowed| allowed.anywhere.len()),
            refused: one.not_granted.len(),
            unmapped: one.unmapped.iter().filter(|one| one.kind != "no-permission").count(),
        },
        calls: seen.map_or(0, |seen| seen.calls),
        about: seen.is_some_and(|seen| seen.about),
        days: seen.map(|seen| seen.days.clone()).unwrap_or_default(),
        findings: [0; 3],
        words: words(names.chain(done(principal)).chain(listed(&draft.policy))),
        workload: label.clone(),
    }
}

fn groups(
    one: &Principal,
    principal: &aggregator::Principal,
    draft: &Draft,
    scribe: &mut Scribe,
) -> Vec<Group> {
    let Some(policy) = &draft.policy else { return Vec::new() };
    let mut by_statement: BTreeMap<&str, Vec<Sight<'_>>> = BTreeMap::new();
    for (key, row) in &principal.rows {
        let Some(sid) = draft.statements.get(key) else { continue };
        let written = draft.choice.resource(&key.action, &key.resource);
        let sight = Sight { principal: None, key, row, written, perhaps: false };
        by_statement.entry(sid).or_default().push(sight);
    }
    let patterns = patterns(&one.generalisations);
    let statements = policy.statements.iter().enumerate();
    let groups = statements.map(|(at, statement)| {
        let sights = statement.sid.as_deref().and_then(|sid| by_statement.get(sid));
        let sights = sights.map(Vec::as_slice).unwrap_or_default();
        // What was not used is there because workloads need it.
        let baseline = one.baseline.iter().filter(|_| sights.is_empty()).filter_map(|line| {
            let needs = line.needs.iter().filter(|need| {
                need.resources.iter().any(|resource| allows(statement, &need.action, resource))
            });
            let actions: Vec<String> = needs.map(|need| need.action.clone()).collect();
            (!actions.is_empty()).then(|| Reason {
                class: "baseline".to_owned(),
                why: format!("{} ({}, {})", line.reason, line.workload, line.source),
                actions,
            })
        });
        let drafted = DraftedStatement {
            place: (0, at),
            statement: statement.clone(),
            kept: sights.is_empty(),
            also: Vec::new(),
            reasons: baseline.collect(),
            stars: stars(statement, sights, &patterns),
            used: used(sights, scribe),
        };
        Group { drafted: vec![drafted], ..Group::default() }
    });
    groups.collect()
}

/// Returns why each pattern stands in the place of names.
fn patterns(all: &[Generalisation]) -> BTreeMap<&str, String> {
    let told = all.iter().map(|one| {
        let names = count(one.names, "name");
        let why = format!("stands for {names} that were seen ({}); adds {}", one.why, one.adds);
        (one.to.as_str(), why)
    });
    told.collect()
}

fn backtest(split: &str, replayed: Option<&Replayed>) -> Backtest {
    let Some(one) = replayed else {
        let told = format!("not tested: nothing to draft from before {split}, or to replay since");
        return Backtest { told, denied: Vec::new() };
    };
    let passage = &one.passage;
    let about = if passage.calls_estimated { "≈" } else { "" };
    let mut told = format!(
        "the draft as of {split}, made from {}, would have denied {about}{} of {about}{} later calls",
        count(one.drafted_from_days, "day"),
        passage.calls_denied,
        passage.calls
    );
    if passage.calls_unmapped > 0 {
        told.push_str(&format!("; {about}{} no rule maps", passage.calls_unmapped));
    }
    let denied = one.denied.iter().map(|one| (one.action.clone(), one.resource.clone()));
    Backtest { told, denied: denied.collect() }
}
