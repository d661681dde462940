//! A diff as Markdown, for a comment on a pull request.
//!
//! A comment may have 65,536 characters. The overview comes first; then whoever fits is told in
//! full, else in short, and how many are left out is said. Details are folded.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::markup::{code, html, prose};
use crate::diff::{Diff, PrincipalDiff, SharedDiff, StatementDiff, count};
use crate::tighten::Class;

/// Bytes that a comment is kept within; characters are fewer.
const LONGEST: usize = 64_000;

/// Bytes that the overview may take.
const LONGEST_OVERVIEW: usize = 16_000;

/// How many resources of an action, or names in a row, are listed.
const LISTED: usize = 6;

/// Writes a diff as Markdown: CommonMark, with the tables and `<details>` that hosts of code show.
#[must_use]
pub fn markdown(diff: &Diff) -> String {
    let mut out = String::from("## Attached policies, and what was used\n\n");
    overview(&mut out, diff);
    let full = diff.principals.iter().map(|one| (principal(one, true), principal(one, false)));
    let shared = diff.shared.iter().map(|one| (shared(one, true), shared(one, false)));
    let mut left_out = 0;
    for (full, short) in full.chain(shared) {
        match [full, short].into_iter().find(|part| out.len() + part.len() <= LONGEST) {
            Some(part) => out.push_str(&part),
            None => left_out += 1,
        }
    }
    if left_out > 0 {
        line(&mut out, &format!("Left out, to fit a comment: {left_out} of these sections.\n"));
    }
    if !diff.not_in_dump.is_empty() {
        let seen = "Seen, and nothing is known that is attached";
        line(&mut out, &format!("{seen}: {}\n", some(&diff.not_in_dump)));
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
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
            let withheld = one.actions.iter().filter(|one| one.class == Class::Withheld).count();
            counts.used += used;
            counts.stays += one.actions.len() - used + one.unknown_actions.len();
            counts.goes += one.removed.iter().map(|one| one.count).sum::<usize>() + withheld;
        }
        counts
    }
}

fn principal(one: &PrincipalDiff, full: bool) -> String {
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
    if !full {
        line(&mut out, "Details are left out, to fit a comment.\n");
        return out;
    }
    folded(&mut out, "Statements with evidence", &statements(&one.statements, &names));
    let mut proofs = Vec::new();
    if let Some(all) = &one.proofs {
        proofs.extend(all.told().iter().chain(&all.foretold()).map(|told| prose(told)));
    }
    if let Some(draft) = &one.draft {
        proofs.extend(draft.concessions.iter().map(|told| format!("to fit: {}", prose(told))));
        proofs.extend(draft.obstacle.iter().map(|told| prose(told)));
    }
    folded(&mut out, "Proofs", &list(proofs));
    folded(&mut out, "Blind spots", &list(blind_spots(one)));
    let findings = one.findings.iter().map(|finding| {
        let place = finding.place().map(|place| format!(", {}", code(&place))).unwrap_or_default();
        format!("{}{place}: {}", code(finding.code.as_str()), prose(&finding.message))
    });
    folded(&mut out, "Findings", &list(findings.collect()));
    out
}

fn shared(one: &SharedDiff, full: bool) -> String {
    let holders = count(one.holders.len(), "principal");
    let mut out = format!("### {}\n\n**shared by {holders}**", code(&one.key));
    let _ = writeln!(out, ": {}\n", some(&one.holders));
    let names: Vec<&str> = one.attached.iter().map(|policy| policy.name.as_str()).collect();
    changes(&mut out, &one.statements, &names);
    if full {
        folded(&mut out, "Statements with evidence", &statements(&one.statements, &names));
    } else {
        line(&mut out, "Details are left out, to fit a comment.\n");
    }
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

/// Writes a part that is unfolded by who wants it; nothing where there is nothing in it.
fn folded(out: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        let _ =
            write!(out, "<details>\n<summary>{}</summary>\n\n{body}\n</details>\n\n", html(title));
    }
}

fn list(items: Vec<String>) -> String {
    items.into_iter().map(|item| format!("- {item}\n")).collect()
}

/// Writes the first names of a list.
fn some(names: &[String]) -> String {
    let mut all: Vec<String> = names.iter().take(LISTED).map(|name| code(name)).collect();
    if names.len() > LISTED {
        all.push(format!("and {} more", names.len() - LISTED));
    }
    all.join(", ")
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
            for used in action.used.iter().take(LISTED) {
                let events = used.seen.evidence.iter().take(1);
                let event = events.map(|one| format!(", event {}", code(&one.event_id)));
                let what = format!("{}: {}", code(&used.resource), prose(&used.told()));
                line(&mut out, &format!("    - {what}{}", event.collect::<String>()));
            }
            if action.used.len() > LISTED {
                line(&mut out, &format!("    - and {} more", action.used.len() - LISTED));
            }
        }
        // What was not used stays for few reasons, and is told by them.
        let mut kept: BTreeMap<(Class, &str), Vec<String>> = BTreeMap::new();
        for one in one.actions.iter().filter(|one| one.used.is_empty()) {
            kept.entry((one.class, &one.why)).or_default().push(one.action.clone());
        }
        for ((class, why), actions) in kept {
            let what = format!("  - stays, {}: {}: {}", class.told(), some(&actions), prose(why));
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
    use super::*;
    use crate::render::sample::{NASTY, sample};
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    /// Parses, and returns the text that is seen and the HTML that is in it.
    fn parsed(markdown: &str) -> (String, Vec<String>) {
        let (mut seen, mut html, mut cells) = (String::new(), Vec::new(), 0);
        let mut columns = 0;
        for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
            match event {
                Event::Text(text) | Event::Code(text) => seen.push_str(&text),
                Event::Html(text) | Event::InlineHtml(text) => html.push(text.trim().to_owned()),
                Event::Start(Tag::Table(of)) => columns = of.len(),
                Event::End(TagEnd::TableCell) => cells += 1,
                Event::End(TagEnd::TableRow | TagEnd::TableHead) => {
                    assert_eq!(cells, columns, "{markdown}");
                    cells = 0;
                    seen.push('\n');
                }
                Event::Start(
                    tag @ (Tag::Link { .. }
                    | Tag::Image { .. }
                    | Tag::Emphasis
                    | Tag::CodeBlock(_)
                    | Tag::BlockQuote(_)
                    | Tag::Strikethrough
                    | Tag::FootnoteDefinition(_)),
                ) => panic!("{tag:?} in {markdown}"),
                Event::SoftBreak | Event::HardBreak | Event::End(_) => seen.push('\n'),
                _ => {}
            }
        }
        (seen, html)
    }

    #[test]
    fn nothing_from_a_log_is_markup() {
        let titles = ["Statements with evidence", "Proofs", "Blind spots", "Findings"];
        for nasty in NASTY {
            let text = markdown(&sample(nasty));
            let (seen, html) = parsed(&text);
            for tag in html.iter().filter(|tag| !tag.is_empty()) {
                let ours = ["<details>", "</details>", "<code>", "</code>"].contains(&tag.as_str())
                    || titles.iter().any(|title| *tag == format!("<summary>{title}</summary>"));
                assert!(ours, "{tag} in {text}");
            }
            // It is there, as it is: in the overview, the heading, a statement and a finding.
            assert!(seen.matches(nasty).count() >= 4, "{nasty} in {seen}");
            let open = html.iter().filter(|tag| *tag == "<details>").count();
            let closed = html.iter().filter(|tag| *tag == "</details>").count();
            assert_eq!((open, closed), (5, 5), "{text}");
        }
    }

    #[test]
    fn a_comment_is_never_too_long_and_says_what_is_left_out() {
        let mut diff = sample("plain");
        assert!(!markdown(&diff).contains("left out"));
        diff.principals = vec![diff.principals[0].clone(); 3_000];
        let text = markdown(&diff);
        assert!(text.len() <= LONGEST + 1_000);
        assert!(text.contains("principals more"), "{text}");
        assert!(text.contains("Left out, to fit a comment"), "{text}");
        parsed(&text);
    }
}
