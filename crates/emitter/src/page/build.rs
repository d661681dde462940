//! What the pages of a report and of a diff have in common.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Activity, Coverage, Join as _, Principal, Stats};
use trailtrim_catalog::Catalog;
use trailtrim_iam::PolicyDocument;

use super::scribe::Scribe;
use super::{Blind, CoverageLine, Detail, Read, Sighting, evidence};
use crate::coverage;
use crate::diff::count;
use crate::report::{Filters, Input};
use crate::soak::{Soak, soak};

/// How far ahead the picture of a principal is asked for, in days.
const AHEAD: usize = 30;

/// Returns what was read.
pub(super) fn read(input: &Input) -> Read {
    Read { files: input.files, records: input.records, skipped: input.skipped.clone() }
}

/// Returns what the input was limited to.
pub(super) fn limits(filters: &Filters) -> Vec<(&'static str, String)> {
    let one = |name, value: &Option<String>| value.as_ref().map(|value| (name, value.clone()));
    let many = |name, values: &[String]| (!values.is_empty()).then(|| (name, values.join(", ")));
    [
        many("principals", &filters.principals),
        many("accounts", &filters.accounts),
        many("regions", &filters.regions),
        one("since", &filters.since),
        one("until", &filters.until),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns all that a principal did.
pub(super) fn activity_of(principal: &Principal) -> Stats {
    let mut all = Stats::default();
    principal.rows.values().for_each(|row| all.join(row.stats.clone()));
    principal.unmapped.values().for_each(|stats| all.join(stats.clone()));
    all
}

/// Fills in what a principal did beside what it is granted.
pub(super) fn tell_activity(
    detail: &mut Detail,
    principal: &Principal,
    (coverage, catalog): (&Coverage, Catalog),
    scribe: &mut Scribe,
) {
    detail.seen = Some(scribe.sighting(&activity_of(principal)));
    detail.curve = evidence::curve(principal, scribe);
    detail.soak = completeness(&soak(principal, coverage, catalog, AHEAD));
    detail.denials = evidence::denials(principal, scribe);
    detail.tried = evidence::tried(principal, scribe);
    detail.blind.extend(unmapped(principal));
}

/// Returns the events that no rule maps, by why.
fn unmapped(principal: &Principal) -> Vec<Blind> {
    let mut by_why: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for key in principal.unmapped.keys().filter(|key| key.kind.loses()) {
        let name = format!("{} {}", key.event_source, key.event_name);
        by_why.entry(&key.why).or_default().insert(name);
    }
    by_why
        .into_iter()
        .map(|(why, names)| Blind {
            what: format!("{} cannot be mapped to permissions", count(names.len(), "event")),
            why: why.to_owned(),
            names: names.into_iter().collect(),
        })
        .collect()
}

fn completeness(soak: &Soak) -> Vec<(&'static str, String)> {
    let day = |day: &Option<String>| day.clone().unwrap_or_else(|| "unknown".to_owned());
    let mut told = vec![
        (
            "Observed",
            format!(
                "{} all through, {} to {}; active on {}",
                count(soak.days_observed, "day"),
                day(&soak.first_day),
                day(&soak.last_day),
                soak.days_active
            ),
        ),
        (
            "Permissions",
            format!("{} seen, {} of them on one day only", soak.grants.seen, soak.grants.seen_once),
        ),
    ];
    if let Some(estimates) = &soak.grants.estimates {
        let (total, new) = (estimates.total, estimates.new);
        told.push((
            "Estimated",
            format!(
                "at least {:.0} in all ({:.0}–{:.0}); in the next {} {:.1} new ({:.0}–{:.0})",
                total.value,
                total.low,
                total.high,
                count(new.days, "day"),
                new.range.value,
                new.range.low,
                new.range.high
            ),
        ));
    }
    told.extend(soak.why.as_ref().map(|why| ("Too little to estimate", why.clone())));
    if let (Some(new), Some(since)) = (&soak.last_new, soak.days_since_new) {
        let since = count(since, "day");
        let what = format!("{}, {since} before the last day: {} on ", new.day, new.action);
        told.push(("Last new", format!("{what}{}", new.resource)));
    }
    if let Some(gap) = &soak.longest_gap {
        let days = count(gap.days, "day");
        told.push(("Longest gap", format!("{days}, {} to {}", gap.first, gap.last)));
    }
    told
}

/// Returns callers that never get a policy.
pub(super) fn outsiders(activity: &Activity, scribe: &Scribe) -> Vec<(String, String, Sighting)> {
    let told = activity.outsiders.iter().map(|(outsider, stats)| {
        let (who, why) = (outsider.identity.to_string(), outsider.reason.code().to_owned());
        (who, why, scribe.glance(stats))
    });
    told.collect()
}

/// Returns where was looked, and what is known of trails. What is covered of single resources is one
/// line for each kind of call.
pub(super) fn looked(
    coverage: &Coverage,
    scribe: &Scribe,
) -> (Vec<CoverageLine>, Vec<(String, String)>) {
    let report = coverage::Report::of(coverage);
    let mut lines = Vec::new();
    let mut single: BTreeMap<(&str, &str, &str, &str), (usize, usize)> = BTreeMap::new();
    for line in &report.rows {
        if let (Some(_), Some(kind)) = (&line.proof.event_name, &line.resource_type) {
            let key = (line.account.as_str(), line.region.as_str(), kind.as_str(), line.access);
            let (all, covered) = single.entry(key).or_default();
            *all += 1;
            *covered += usize::from(line.covered_days > 0);
            continue;
        }
        lines.push(CoverageLine {
            account: line.account.clone(),
            region: line.region.clone(),
            name: line.name(),
            verdict: line.verdict(report.days),
            covered: scribe.runs(line.covered_on.iter().copied()),
        });
    }
    for ((account, region, kind, access), (all, covered)) in single {
        lines.push(CoverageLine {
            account: account.to_owned(),
            region: region.to_owned(),
            name: format!("{kind}, {access}, by event and resource"),
            verdict: format!("{covered} of {all} covered on some days"),
            covered: Vec::new(),
        });
    }
    lines.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    let trails = report.trails.iter().map(|one| (one.trail.clone(), one.told())).collect();
    (lines, trails)
}

/// Returns the text that searching looks at.
pub(super) fn words<'w>(parts: impl IntoIterator<Item = &'w str>) -> String {
    let words: BTreeSet<String> = parts.into_iter().map(str::to_lowercase).collect();
    words.into_iter().collect::<Vec<_>>().join("\n")
}

/// Returns what a principal did, as words to search for.
pub(super) fn done(principal: &Principal) -> impl Iterator<Item = &str> {
    let rows = principal.rows.keys();
    let used = rows.flat_map(|key| [key.action.as_str(), key.resource.as_str()]);
    used.chain(principal.unmapped.keys().map(|key| key.event_name.as_str()))
}

/// Returns what documents list, as words to search for.
pub(super) fn listed<'d>(
    documents: impl IntoIterator<Item = &'d PolicyDocument>,
) -> impl Iterator<Item = &'d str> {
    let statements = documents.into_iter().flat_map(|document| &document.statements);
    statements.flat_map(|statement| {
        let resources = statement.resource.iter().flat_map(|selector| selector.listed());
        statement.action.listed().iter().chain(resources).chain(&statement.sid).map(String::as_str)
    })
}
