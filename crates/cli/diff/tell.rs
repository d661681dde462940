//! A diff as text for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trailtrim_emitter::diff::{
    ActionDiff, Diff, PrincipalDiff, RestView, SharedDiff, StatementDiff, Status,
};
use trailtrim_emitter::proof::Proofs;
use trailtrim_emitter::tighten::Class;

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
    let status = match one.status {
        Status::Tightened => "tightened",
        Status::Partial => "partly tightened: some services stay as they are attached",
        Status::Unchanged => "unchanged: nothing can be taken away",
        Status::Inactive => "inactive: no draft",
        Status::DoesNotFit => "the draft does not fit AWS's limits: none is proposed",
        Status::NothingAttached => "nothing is attached",
    };
    line(text, 0, &format!("{}  {status}", printable(&one.arn)));
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
            Some(explanation) => format!("explained: {}", explained(explanation)),
            None => "unexplained".to_owned(),
        };
        let what = format!("! {} on {}  not attached, {explained}", used.action, used.resource);
        line(text, 1, &printable(&what));
    }
    if let Some(draft) = &one.draft
        && matches!(one.status, Status::Tightened | Status::Partial)
    {
        let before: usize = one.attached.iter().map(|policy| policy.size).sum();
        let after: usize = draft.documents.iter().map(|document| document.size).sum();
        line(
            text,
            1,
            &format!(
                "draft: {} of {after} characters, in place of {} of {before}",
                count(draft.documents.len(), "document"),
                count(one.attached.len(), "policy"),
            ),
        );
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
        let place = match (&finding.policy, finding.statement) {
            (Some(policy), Some(at)) => format!(" ({policy}, statement {at})"),
            _ => String::new(),
        };
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
            let what = format!("{}: {}", class(one.class), one.why);
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

fn class(class: Class) -> &'static str {
    match class {
        Class::Used => "used",
        Class::Demanded => "demanded",
        Class::Companion => "companion",
        Class::Unobservable => "unobservable",
        Class::TooNew => "too new",
        Class::Pinned => "pinned",
        Class::Frozen => "frozen",
        Class::Unused => "unused",
        Class::Withheld => "withheld",
    }
}

fn used(text: &mut String, one: &ActionDiff) {
    let rest = match (&one.rest, one.class) {
        (_, Class::Withheld) => "goes".to_owned(),
        (RestView::AsAttached, _) => format!("stays as attached, {}", one.why),
        (RestView::Nothing, _) => "scoped to".to_owned(),
        (RestView::Outside { .. } | RestView::On { .. }, _) => format!("scoped, {}", one.why),
    };
    line(text, 2, &printable(&format!("~ {}  {}: {rest}", one.action, class(one.class))));
    for used in one.used.iter().take(LISTED) {
        let last = used.seen.last_seen.as_deref().unwrap_or("an unknown time");
        let about = if used.seen.calls_estimated { "≈" } else { "" };
        let perhaps = if used.surely { "" } else { ", if the condition held" };
        let what = format!(
            "{}  {}: {about}{} calls on {} days, last {last}{perhaps}",
            used.resource, used.outcome, used.seen.calls, used.seen.days
        );
        line(text, 3, &printable(&what));
    }
    if one.used.len() > LISTED {
        line(text, 3, &format!("and {} more; --format json lists them", one.used.len() - LISTED));
    }
}

fn explained(explanation: &trailtrim_emitter::tighten::Explanation) -> String {
    use trailtrim_emitter::tighten::Explanation;
    match explanation {
        Explanation::PolicyChanged { at } => format!("its policies changed at {at}"),
        Explanation::ResourcePolicy { action, resource } => {
            format!("{action} wrote the policy of {resource}")
        }
        Explanation::UnknownPolicy { name } => format!("the document of {name} was not given"),
        Explanation::Inferred => "nothing proves that the call needed it".to_owned(),
    }
}

fn proved(text: &mut String, proofs: &Proofs) {
    let replay = &proofs.replay;
    let about = if replay.estimated { "≈" } else { "" };
    let mut told =
        format!("replay: {about}{} of {about}{} calls allowed", replay.allowed, replay.calls);
    for (number, what) in [
        (replay.conditional, "under a condition that no log tells"),
        (replay.not_attached, "not attached"),
        (replay.withheld, "withheld as asked"),
        (replay.unmapped, "not mapped"),
    ] {
        if number > 0 {
            let _ = write!(told, ", {about}{number} {what}");
        }
    }
    line(text, 1, &told);
    let access = match proofs.no_new_access.failures.first() {
        None => format!("no new access: proved in {} steps", proofs.no_new_access.steps),
        Some(first) => format!("NEW ACCESS: {first}"),
    };
    line(text, 1, &printable(&access));
    match proofs.irredundant.idle.first() {
        None => line(
            text,
            1,
            &format!(
                "nothing idle: each of {} actions and resources is needed",
                proofs.irredundant.tried
            ),
        ),
        Some(first) => line(text, 1, &printable(&format!("IDLE: {first}"))),
    }
}

fn foretold(text: &mut String, proofs: &Proofs) {
    let Some(backtest) = &proofs.backtest else { return };
    let about = if backtest.estimated { "≈" } else { "" };
    let told = format!(
        "backtest: the draft as of {} would have denied {about}{} of {about}{} later calls",
        backtest.split, backtest.denied_calls, backtest.calls
    );
    line(text, 1, &told);
    for denied in backtest.denied.iter().take(LISTED) {
        line(text, 2, &printable(&format!("{} on {}", denied.action, denied.resource)));
    }
}

fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {what}s"),
    }
}
