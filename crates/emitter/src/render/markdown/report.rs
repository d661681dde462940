//! Drafts from behaviour alone: who needs what, with the evidence for each statement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{LONGEST_OVERVIEW, Section, assemble, folded, line, list, more, some};
use crate::diff::count;
use crate::report::{Permission, Principal, Report, Status};

use super::super::markup::{code, prose};

/// How many grants of a statement, and lines of another kind, are listed.
const LISTED: usize = 20;

/// Writes a report and the principals in it as Markdown: CommonMark, with the tables and `<details>`
/// that hosts of code show.
#[must_use]
pub fn report_markdown(report: &Report, principals: &[Principal]) -> String {
    let mut out = String::from("## What was used, and the policies that grant it\n\n");
    overview(&mut out, principals);
    let sections = principals.iter().map(|one| {
        let (short, others) = (heading(one), others(one));
        let left_out = |what: &str| format!("Left out, to fit a comment: {what}.\n\n");
        let mut forms = vec![format!("{short}{}{others}", statements(one))];
        let without = left_out("the statements with evidence");
        forms.push(format!("{short}{without}{others}"));
        let without = left_out("the evidence, and all but the blind spots");
        forms.push(format!("{short}{without}{}", unknown(one)));
        forms.push(format!("{short}{}", left_out("everything else of this principal")));
        Section { forms }
    });
    let sections: Vec<Section> = sections.collect();
    assemble(&mut out, sections, &tail(report));
    out
}

fn overview(out: &mut String, principals: &[Principal]) {
    out.push_str("| principal | result | statements | actions | resources | characters |\n");
    out.push_str("|---|---|--:|--:|--:|--:|\n");
    let mut rest = principals.iter();
    for one in rest.by_ref() {
        let distinct = |of: fn(&Permission) -> &str| {
            one.grants.iter().map(of).collect::<BTreeSet<&str>>().len()
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            name(one),
            told(one.status),
            by_statement(one).len(),
            distinct(|grant| &grant.action),
            distinct(|grant| &grant.resource),
            one.policy_size.map(|size| size.to_string()).unwrap_or_default(),
        );
        if out.len() > LONGEST_OVERVIEW {
            break;
        }
    }
    let left = rest.count();
    if left > 0 {
        let _ = writeln!(out, "\nand {left} more");
    }
    out.push('\n');
}

fn told(status: Status) -> &'static str {
    match status {
        Status::Complete => "complete",
        Status::Partial => "partial: not every call could be mapped",
        Status::NoPolicy => "no policy: nothing is granted",
        Status::DoesNotFit => "does not fit: more than IAM lets anyone attach",
    }
}

/// The ARN, and the workload where one role has several policies.
fn name(one: &Principal) -> String {
    let workload = one.workload.as_ref().map(|workload| match &workload.name {
        Some(name) => format!(" {} {}", prose(&workload.attribution), code(name)),
        None => format!(" {}", prose(&workload.attribution)),
    });
    format!("{}{}", code(&one.arn), workload.unwrap_or_default())
}

fn heading(one: &Principal) -> String {
    let mut out = format!("### {}\n\n**{}**", name(one), told(one.status));
    if let Some(path) = &one.policy_path {
        let _ = write!(out, ", in {}", code(path));
    }
    out.push_str("\n\n");
    out
}

/// Grants by the statement that holds them.
fn by_statement(one: &Principal) -> BTreeMap<&str, Vec<&Permission>> {
    let mut statements: BTreeMap<&str, Vec<&Permission>> = BTreeMap::new();
    for grant in &one.grants {
        let sid = grant.statement.as_deref().unwrap_or_default();
        statements.entry(sid).or_default().push(grant);
    }
    statements
}

/// Grants by action and by what the policy names, which may be a pattern for many.
fn by_pattern<'g>(grants: &[&'g Permission]) -> BTreeMap<(&'g str, &'g str), Vec<&'g Permission>> {
    let mut patterns: BTreeMap<_, Vec<&Permission>> = BTreeMap::new();
    for grant in grants {
        let named = grant.granted_as.as_deref().unwrap_or(&grant.resource);
        patterns.entry((grant.action.as_str(), named)).or_default().push(grant);
    }
    patterns
}

fn statements(one: &Principal) -> String {
    let mut out = String::new();
    let mut statements = String::new();
    for (sid, grants) in by_statement(one) {
        line(&mut statements, &format!("- {}", code(sid)));
        let grants = by_pattern(&grants);
        for ((action, pattern), all) in grants.iter().take(LISTED) {
            let names: BTreeSet<&str> = all.iter().map(|one| one.resource.as_str()).collect();
            let told = match names.len() {
                // With several outcomes, or under several conditions.
                1 => all.iter().map(|one| permission(one)).collect(),
                several => {
                    let latest = all.iter().max_by_key(|one| &one.seen.last_seen);
                    let latest = latest.map(|one| permission(one)).unwrap_or_default();
                    let names = count(several, "resource");
                    vec![format!(
                        "{} on {}, seen on {names}; the last: {latest}",
                        code(action),
                        code(pattern)
                    )]
                }
            };
            told.iter().for_each(|grant: &String| line(&mut statements, &format!("  - {grant}")));
        }
        more(&mut statements, "  ", grants.len(), LISTED);
    }
    folded(&mut out, "Statements with evidence", &statements);
    out
}

/// What is told beside the statements.
fn others(one: &Principal) -> String {
    let mut out = String::new();
    let baseline = one.baseline.iter().flat_map(|known| {
        known.needs.iter().map(|need| {
            let why = prose(&known.reason);
            let told = known.told_by.as_ref().map(|told| {
                format!(", as {} of {} tells", code(&told.event_name), prose(&told.time))
            });
            let (action, told) = (code(&need.action), told.unwrap_or_default());
            format!("{action} on {}: {why}{told}", some(&need.resources))
        })
    });
    folded(&mut out, "Needed whatever it does", &list(baseline.collect()));
    let patterns = one.generalisations.iter().map(|pattern| {
        let (why, adds) = (prose(&pattern.why), prose(&pattern.adds));
        let names = count(pattern.names, "name");
        format!(
            "{} for {names}, such as {}: {why}; it adds {adds}",
            code(&pattern.to),
            some(&pattern.from)
        )
    });
    folded(&mut out, "Patterns in the place of names", &list(patterns.collect()));
    let refused = one.not_granted.iter().take(LISTED).map(permission);
    let mut refused = list(refused.collect());
    more(&mut refused, "", one.not_granted.len(), LISTED);
    folded(&mut out, "Tried, and not granted", &refused);
    out + &unknown(one)
}

fn unknown(one: &Principal) -> String {
    let mut out = String::new();
    folded(&mut out, "Blind spots", &list(blind_spots(one)));
    out
}

/// One grant or refusal with what shows it.
fn permission(one: &Permission) -> String {
    let mut out = format!("{} on {}", code(&one.action), code(&one.resource));
    if let Some(pattern) = &one.granted_as {
        let _ = write!(out, " as {}", code(pattern));
    }
    let _ = write!(out, ": {}, {}", prose(one.outcome), prose(&one.seen.told()));
    if one.inferred {
        out.push_str("; likely needed, and not certainly");
    }
    if let Some(origin) = one.origins.first() {
        let _ = write!(out, "; {}", prose(&origin.told()));
    }
    if let Some(event) = one.seen.evidence.first() {
        let _ = write!(out, "; event {}", code(&event.event_id));
    }
    out
}

/// What the policy lacks because it could not be told.
fn blind_spots(one: &Principal) -> Vec<String> {
    let mut spots: Vec<String> = one.notes.iter().map(|note| prose(note)).collect();
    spots.extend(one.missing_companions.iter().map(|missing| {
        let (actions, with) = (some(&missing.actions), some(&missing.with));
        format!("not granted, goes with {with}: {actions}: {}", prose(&missing.reason))
    }));
    if !one.frozen_services.is_empty() {
        spots.push(format!("not every call could be mapped of {}", some(&one.frozen_services)));
    }
    spots.extend(one.unmapped.iter().take(LISTED).map(|event| {
        let what = code(&format!("{} {}", event.event_source, event.event_name));
        format!("{what}: {}: {}", prose(&event.why), prose(&event.seen.told()))
    }));
    if one.unmapped.len() > LISTED {
        spots.push(format!("and {} more events", one.unmapped.len() - LISTED));
    }
    spots
}

fn tail(report: &Report) -> String {
    let input = &report.input;
    let records = count(usize::try_from(input.records).unwrap_or(usize::MAX), "record");
    let files = count(usize::try_from(input.files).unwrap_or(usize::MAX), "file");
    let mut out = format!("Read: {records} in {files}.\n");
    let unknown = report.missing_data_events.iter().map(|one| prose(&one.told()));
    let unknown: Vec<String> = unknown.collect();
    if !unknown.is_empty() {
        let _ = writeln!(out, "Not in the log:\n");
        out.push_str(&list(unknown.iter().take(LISTED).cloned().collect()));
        more(&mut out, "", unknown.len(), LISTED);
        out.push('\n');
    }
    let skipped = input.skipped.iter().filter(|one| one.loses);
    let skipped = skipped.map(|one| format!("{}: {}", code(&one.path), prose(&one.detail)));
    let skipped: Vec<String> = skipped.collect();
    if !skipped.is_empty() {
        let _ = writeln!(out, "Not read to its end, so something may be missing:\n");
        out.push_str(&list(skipped.iter().take(LISTED).cloned().collect()));
        more(&mut out, "", skipped.len(), LISTED);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::parsed;
    use super::*;
    use crate::render::sample::{NASTY, report};

    #[test]
    fn nothing_from_a_log_is_markup() {
        for nasty in NASTY {
            let (report, principal) = report(nasty);
            let text = report_markdown(&report, &[principal]);
            let (seen, folds) = parsed(&text);
            assert_eq!(folds, 5, "{text}");
            // In the overview, the heading, a statement, a pattern, a blind spot and what was skipped.
            assert!(seen.matches(nasty).count() >= 6, "{nasty} in {seen}");
        }
    }

    #[test]
    fn it_fits_a_comment() {
        let (report, principal) = report("plain");
        let text = report_markdown(&report, &vec![principal; 2_000]);
        assert!(text.len() <= super::super::LONGEST, "{}", text.len());
        assert!(text.contains("Left out, to fit a comment"), "{text}");
        assert!(text.contains("Not read to its end"), "{text}");
    }

    #[test]
    fn what_had_several_outcomes_on_one_thing_is_told_of_each() {
        let (report, mut principal) = report("plain");
        let grant = principal.grants.first().cloned().unwrap();
        principal.grants.push(Permission { outcome: "granted-with-error", ..grant.clone() });
        let text = report_markdown(&report, std::slice::from_ref(&principal));
        assert!(text.contains("granted-with-error") && !text.contains("seen on"), "{text}");
        principal.grants = ["a", "b"]
            .map(|name| Permission { resource: name.to_owned(), ..grant.clone() })
            .to_vec();
        let text = report_markdown(&report, &[principal]);
        assert!(text.contains("seen on 2 resources; the last"), "{text}");
    }

    #[test]
    fn what_is_left_out_of_a_principal_is_said() {
        let (report, mut principal) = report("plain");
        let grant = principal.grants.first().cloned().unwrap();
        let grant = |n: usize| Permission {
            statement: Some(format!("S{n}")),
            inferred: true,
            ..grant.clone()
        };
        principal.grants = vec![grant(0)];
        let text = report_markdown(&report, std::slice::from_ref(&principal));
        assert!(text.contains("likely needed"), "{text}");
        assert!(!text.contains("Left out"), "{text}");
        principal.grants = (0..2_000).map(grant).collect();
        let text = report_markdown(&report, std::slice::from_ref(&principal));
        assert!(text.contains("comment: the statements with evidence"), "{text}");
        assert!(text.contains("Blind spots"), "{text}");
        principal.notes = vec!["word ".repeat(20_000)];
        let text = report_markdown(&report, &[principal]);
        assert!(text.contains("comment: everything else of this principal"), "{text}");
    }
}
