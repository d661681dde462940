//! A diff as text for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trailtrim_emitter::diff::{ActionDiff, Diff, PrincipalDiff, SharedDiff, StatementDiff, count};
use trailtrim_emitter::proof::Proofs;

use crate::output::printable;

/// How many resources of an action are listed.
const LISTED: usize = 6;

/// Returns the whole diff.
pub(super) fn human(diff: &Diff) -> String {
    let mut text = String::new();
    for one in &diff.principals {
        principal(&mut text, one);
    }
    for one in &diff.shared {
        shared(&mut text, one);
    }
    if !diff.not_in_dump.is_empty() {
        line(&mut text, 0, "seen, and not in the account dump:");
        for arn in &diff.not_in_dump {
            line(&mut text, 1, &printable(arn));
        }
    }
    text
}

fn line(text: &mut String, depth: usize, what: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:width$}{what}", "", width = depth * 2);
}

fn principal(text: &mut String, one: &PrincipalDiff) {
    line(text, 0, &format!("{}  {}", printable(&one.arn), one.status.told()));
    if let (Some(first), Some(last)) = (&one.activity.first_seen, &one.activity.last_seen) {
        line(text, 1, &format!("seen {first} to {last} on {} days", one.activity.days));
    }
    for note in &one.notes {
        line(text, 1, &format!("note: {}", printable(note)));
    }
    for (service, why) in &one.frozen {
        line(text, 1, &format!("stays as it is: {}: {}", printable(service), printable(why)));
    }
    let names: Vec<&str> = one.attached.iter().map(|policy| policy.name.as_str()).collect();
    statements(text, &one.statements, &names);
    for used in &one.not_attached {
        let explained = match &used.explanation {
            Some(explanation) => format!("explained: {}", explanation.told()),
            None => "unexplained".to_owned(),
        };
        let what = format!("! {} on {}  not attached, {explained}", used.action, used.resource);
        line(text, 1, &printable(&what));
    }
    if let Some(replacement) = one.replacement() {
        line(text, 1, &format!("draft: {replacement}"));
    }
    if let Some(draft) = &one.draft {
        for concession in draft.concessions.iter().take(LISTED) {
            line(text, 2, &printable(&format!("to fit: {concession}")));
        }
        if draft.concessions.len() > LISTED {
            let more = draft.concessions.len() - LISTED;
            line(text, 2, &format!("to fit: and {more} more; --format json lists them"));
        }
        if let Some(obstacle) = &draft.obstacle {
            line(text, 1, &printable(obstacle));
        }
    }
    if let Some(proofs) = &one.proofs {
        proved(text, proofs);
        foretold(text, proofs);
    }
    for finding in &one.findings {
        let place = finding.place().map(|place| format!(" ({place})")).unwrap_or_default();
        let what = format!("{}: {}{place}", finding.code.as_str(), finding.message);
        line(text, 1, &printable(&what));
    }
    line(text, 0, "");
}

fn shared(text: &mut String, one: &SharedDiff) {
    line(text, 0, &format!("{}  shared by {}", printable(&one.key), one.holders.len()));
    for holder in &one.holders {
        line(text, 1, &printable(holder));
    }
    let names: Vec<&str> = one.attached.iter().map(|policy| policy.name.as_str()).collect();
    statements(text, &one.statements, &names);
    line(text, 0, "");
}

fn statements(text: &mut String, statements: &[StatementDiff], policies: &[&str]) {
    for one in statements {
        let policy = policies.get(one.policy).copied().unwrap_or_default();
        let sid = one.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
        let what = format!("{policy}, statement {}{sid}", one.statement);
        line(text, 1, &printable(&what));
        if let Some(why) = &one.keeps_resources {
            line(text, 2, &printable(why));
        }
        for one in one.actions.iter().filter(|one| !one.used.is_empty()) {
            used(text, one);
        }
        // What was not used stays for few reasons, and is told by them.
        let mut kept: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for one in one.actions.iter().filter(|one| one.used.is_empty()) {
            let what = format!("{}: {}", one.class.told(), one.why);
            kept.entry(what).or_default().push(&one.action);
        }
        for (why, actions) in kept {
            line(text, 2, &printable(&format!("= {why}")));
            line(text, 3, &printable(&actions.join(", ")));
        }
        for one in &one.unknown_actions {
            line(text, 2, &printable(&format!("= {one}  unknown action, stays")));
        }
        for one in &one.removed {
            let names = match one.actions.as_slice() {
                [] => count(one.count, "action"),
                names => names.join(", "),
            };
            line(text, 2, &printable(&format!("- {}: {names}  {}", one.service, one.why)));
        }
    }
}

fn used(text: &mut String, one: &ActionDiff) {
    line(text, 2, &printable(&format!("~ {}  {}: {}", one.action, one.class.told(), one.told())));
    for used in one.used.iter().take(LISTED) {
        let what = format!("{}  {}", used.resource, used.told());
        line(text, 3, &printable(&what));
    }
    if one.used.len() > LISTED {
        line(text, 3, &format!("and {} more; --format json lists them", one.used.len() - LISTED));
    }
}

fn proved(text: &mut String, proofs: &Proofs) {
    for proof in proofs.told() {
        line(text, 1, &printable(&proof));
    }
}

fn foretold(text: &mut String, proofs: &Proofs) {
    let Some((backtest, told)) = proofs.backtest.as_ref().zip(proofs.foretold()) else { return };
    line(text, 1, &told);
    for denied in backtest.denied.iter().take(LISTED) {
        line(text, 2, &printable(&format!("{} on {}", denied.action, denied.resource)));
    }
}
