//! Attached beside tightened: what goes, what stays and why, and the draft.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::markup::{code, prose};
use super::{LONGEST_OVERVIEW, NAMES, Section, assemble, folded, line, list, more, some};
use crate::diff::{Diff, DraftView, PrincipalDiff, SharedDiff, StatementDiff, count};
use crate::tighten::Class;

/// Writes a diff as Markdown: CommonMark, with the tables and `<details>` that hosts of code show.
#[must_use]
pub fn markdown(diff: &Diff) -> String {
    let mut out = String::from("## Attached policies, and what was used\n\n");
    overview(&mut out, diff);
    let mut sections: Vec<Section> = diff.principals.iter().map(principal).collect();
    sections.extend(diff.shared.iter().map(shared));
    let mut tail = String::new();
    if !diff.not_in_dump.is_empty() {
        let seen = "Seen, and nothing is known that is attached";
        line(&mut tail, &format!("{seen}: {}\n", some(&diff.not_in_dump)));
    }
    assemble(&mut out, sections, &tail);
    out
}

fn overview(out: &mut String, diff: &Diff) {
    out.push_str("| principal | result | used | stays | goes | findings |\n");
    out.push_str("|---|---|--:|--:|--:|--:|\n");
    let mut rest = diff.principals.iter();
    for one in rest.by_ref() {
        let counts = Counts::of(&one.statements);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            code(&one.arn),
            one.status.told(),
            counts.used,
            counts.stays,
            counts.goes,
            one.findings.len()
        );
        if out.len() > LONGEST_OVERVIEW {
            break;
        }
    }
    let more = rest.count();
    if more > 0 {
        let _ = writeln!(out, "\nand {} more", count(more, "principal"));
    }
    out.push('\n');
}

/// How many actions were used, stay and go.
#[derive(Default)]
struct Counts {
    used: usize,
    stays: usize,
    goes: usize,
}

impl Counts {
    fn of<'s>(statements: impl IntoIterator<Item = &'s StatementDiff>) -> Counts {
        let mut counts = Counts::default();
        for one in statements {
            let used = one.actions.iter().filter(|one| !one.used.is_empty()).count();
            let going = one.actions.iter().filter(|one| one.goes()).count();
            let kept = one.actions.iter().filter(|one| one.used.is_empty() && !one.goes()).count();
            counts.used += used;
            counts.stays += kept + one.unknown_actions.len();
            counts.goes += one.removed.iter().map(|one| one.count).sum::<usize>() + going;
        }
        counts
    }
}

fn principal(one: &PrincipalDiff) -> Section {
    let mut out = format!("### {}\n\n", code(&one.arn));
    let mut summary = format!("**{}**", one.status.told());
    if let (Some(first), Some(last)) = (&one.activity.first_seen, &one.activity.last_seen) {
        let _ = write!(summary, ", seen {} to {}", prose(first), prose(last));
        let _ = write!(summary, " on {}", count(one.activity.days, "day"));
    }
    if let Some(replacement) = one.replacement() {
        let _ = write!(summary, "; draft: {}", prose(&replacement));
    }
    line(&mut out, &format!("{summary}\n"));
    let names: Vec<&str> = one.attached.iter().map(|policy| policy.name.as_str()).collect();
    changes(&mut out, &one.statements, &names);
    let mut details = String::new();
    folded(&mut details, "Statements with evidence", &statements(&one.statements, &names));
    let mut proofs = Vec::new();
    if let Some(all) = &one.proofs {
        proofs.extend(all.told().iter().chain(&all.foretold()).map(|told| prose(told)));
    }
    if let Some(draft) = &one.draft {
        proofs.extend(draft.concessions.iter().map(|told| format!("to fit: {}", prose(told))));
        proofs.extend(draft.obstacle.iter().map(|told| prose(told)));
    }
    folded(&mut details, "Proofs", &list(proofs));
    folded(&mut details, "Blind spots", &list(blind_spots(one)));
    let findings = one.findings.iter().map(|finding| {
        let place = finding.place().map(|place| format!(", {}", code(&place))).unwrap_or_default();
        format!("{}{place}: {}", code(finding.code.as_str()), prose(&finding.told()))
    });
    folded(&mut details, "Findings", &list(findings.collect()));
    let proposed = one.draft.as_ref().filter(|_| one.status.proposes());
    section(out, details, proposed)
}

fn shared(one: &SharedDiff) -> Section {
    let holders = count(one.holders.len(), "principal");
    let mut out = format!("### {}\n\n**shared by {holders}**", code(&one.key));
    let _ = writeln!(out, ": {}\n", some(&one.holders));
    let names: Vec<&str> = one.attached.iter().map(|policy| policy.name.as_str()).collect();
    changes(&mut out, &one.statements, &names);
    let mut details = String::new();
    folded(&mut details, "Statements with evidence", &statements(&one.statements, &names));
    section(out, details, one.draft.as_ref())
}

/// What is always told, with details and draft where there is room.
fn section(short: String, details: String, draft: Option<&DraftView>) -> Section {
    let drafted = draft.map(drafted).unwrap_or_default();
    let left_out = |what: &str| format!("{what} left out, to fit a comment.\n\n");
    let mut forms = vec![format!("{short}{details}{drafted}")];
    if !drafted.is_empty() {
        forms.push(format!("{short}{details}{}", left_out("The draft is")));
    }
    if !details.is_empty() {
        forms.push(format!("{short}{}", left_out("Details are")));
    }
    Section { forms }
}

/// The documents that are proposed, and why there is in them what nothing shows to be needed.
fn drafted(draft: &DraftView) -> String {
    let mut body = String::new();
    for statement in &draft.statements {
        for reason in statement.reasons.iter().filter(|one| one.class != Class::Used) {
            let (class, why) = (reason.class.told(), prose(&reason.why));
            let what =
                format!("- {}, {class}: {}: {why}", code(&statement.sid), some(&reason.actions));
            line(&mut body, &what);
        }
    }
    for document in &draft.documents {
        // No line of JSON begins with a backtick, so nothing in it ends the block.
        let json = document.document.to_json_pretty();
        let _ = write!(body, "\n```json\n{json}\n```\n");
    }
    let mut out = String::new();
    folded(&mut out, "Draft", &body);
    out
}

fn changes(out: &mut String, statements: &[StatementDiff], policies: &[&str]) {
    if statements.is_empty() {
        return;
    }
    out.push_str("| policy | statement | used | stays | goes |\n|---|---|--:|--:|--:|\n");
    for one in statements {
        let counts = Counts::of([one]);
        let policy = policies.get(one.policy).copied().unwrap_or_default();
        let sid = one.sid.as_deref().map(|sid| format!(" {}", code(sid))).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {}{sid} | {} | {} | {} |",
            code(policy),
            one.statement,
            counts.used,
            counts.stays,
            counts.goes
        );
    }
    out.push('\n');
}

fn statements(statements: &[StatementDiff], policies: &[&str]) -> String {
    let mut out = String::new();
    for one in statements {
        let policy = policies.get(one.policy).copied().unwrap_or_default();
        let sid = one.sid.as_deref().map(|sid| format!(" {}", code(sid))).unwrap_or_default();
        line(&mut out, &format!("- {}, statement {}{sid}", code(policy), one.statement));
        if let Some(why) = &one.keeps_resources {
            line(&mut out, &format!("  - {}", prose(why)));
        }
        for action in one.actions.iter().filter(|one| !one.used.is_empty()) {
            let told = prose(&action.told());
            let what = format!("  - {} {}: {told}", code(&action.action), action.class.told());
            line(&mut out, &what);
            for used in action.used.iter().take(NAMES) {
                let events = used.seen.evidence.iter().take(1);
                let event = events.map(|one| format!(", event {}", code(&one.event_id)));
                let mut what = format!("{}: {}", code(&used.resource), prose(&used.told()));
                if let Some(one) = &used.written_as {
                    what += &format!("; written as {}: {}", code(&one.pattern), prose(&one.why));
                }
                line(&mut out, &format!("    - {what}{}", event.collect::<String>()));
            }
            more(&mut out, "    ", action.used.len(), NAMES);
        }
        // What was not used stays for few reasons, and is told by them.
        let mut kept: BTreeMap<(bool, Class, &str), Vec<String>> = BTreeMap::new();
        for one in one.actions.iter().filter(|one| one.used.is_empty()) {
            kept.entry((one.goes(), one.class, &one.why)).or_default().push(one.action.clone());
        }
        for ((goes, class, why), actions) in kept {
            let fate = if goes { "goes" } else { "stays" };
            let what = format!("  - {fate}, {}: {}: {}", class.told(), some(&actions), prose(why));
            line(&mut out, &what);
        }
        if !one.unknown_actions.is_empty() {
            let what = format!("  - stays, unknown to the catalog: {}", some(&one.unknown_actions));
            line(&mut out, &what);
        }
        for one in &one.removed {
            let names = match one.actions.as_slice() {
                [] => format!("{} of {}", count(one.count, "action"), code(&one.service)),
                names => some(names),
            };
            line(&mut out, &format!("  - goes: {names}: {}", prose(&one.why)));
        }
    }
    out
}

/// What the logs or the input could not show, and what stays because of it.
fn blind_spots(one: &PrincipalDiff) -> Vec<String> {
    let mut spots: Vec<String> = one.notes.iter().map(|note| prose(note)).collect();
    let widened = one.widened.iter();
    spots.extend(widened.map(|one| format!("wider than the calls: {}", prose(&one.told()))));
    let frozen = one.frozen.iter();
    spots.extend(
        frozen.map(|(service, why)| format!("{} stays as it is: {}", code(service), prose(why))),
    );
    let unknown = one.unknown_policies.iter();
    spots.extend(unknown.map(|policy| {
        format!("{} stays, its document is not known: {}", code(&policy.name), prose(&policy.why))
    }));
    for used in &one.not_attached {
        let explained = match &used.explanation {
            Some(explanation) => format!("explained: {}", explanation.told()),
            None => "unexplained".to_owned(),
        };
        let what = format!("{} on {}", code(&used.action), code(&used.resource));
        spots.push(format!("{what} is not attached, {}", prose(&explained)));
    }
    let unobservable: Vec<String> = one
        .statements
        .iter()
        .flat_map(|one| &one.actions)
        .filter(|one| one.class == Class::Unobservable)
        .map(|one| one.action.clone())
        .collect();
    if !unobservable.is_empty() {
        spots.push(format!("the log need not have shown: {}", some(&unobservable)));
    }
    spots
}

#[cfg(test)]
mod tests {
    use super::super::tests::parsed;
    use super::*;
    use crate::render::sample::{NASTY, sample};

    #[test]
    fn nothing_from_a_log_is_markup() {
        for nasty in NASTY {
            let text = markdown(&sample(nasty));
            let (seen, folds) = parsed(&text);
            // Five of the principal, two of the shared policy.
            assert_eq!(folds, 7, "{text}");
            // It is there, as it is: in the overview, the heading, a statement and a finding.
            assert!(seen.matches(nasty).count() >= 4, "{nasty} in {seen}");
        }
    }

    #[test]
    fn the_draft_in_it_is_the_draft() {
        let diff = sample("x`y```");
        let text = markdown(&diff);
        let draft = diff.principals[0].draft.as_ref().unwrap();
        let parts: Vec<&str> = text.split("```json\n").skip(1).collect();
        assert_eq!(parts.len(), draft.documents.len() + diff.shared.len());
        let json = parts[0].split("\n```\n").next().unwrap();
        let read = trailtrim_iam::read::read_policy("markdown", json).unwrap();
        assert_eq!(read, draft.documents[0].document);
    }

    #[test]
    fn a_comment_is_never_too_long_and_says_what_is_left_out() {
        let mut diff = sample("plain");
        assert!(!markdown(&diff).contains("left out"));
        diff.principals = vec![diff.principals[0].clone(); 3_000];
        let text = markdown(&diff);
        assert!(text.len() <= super::super::LONGEST, "{}", text.len());
        assert!(text.contains("principals more"), "{text}");
        assert!(text.contains("Left out, to fit a comment"), "{text}");
        assert!(text.contains("nothing is known that is attached"), "{text}");
        parsed(&text);
    }
}
