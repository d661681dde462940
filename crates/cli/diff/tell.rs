//! A diff as text for people.
//!
//! Each line begins with a mark that says what becomes of something: `~` scoped, `=` stays, `-` goes,
//! `!` not attached. Colour repeats it.

use std::collections::BTreeMap;

use trailtrim_emitter::diff::{
    ActionDiff, Diff, DraftView, PrincipalDiff, SharedDiff, StatementDiff, Status, count,
};
use trailtrim_emitter::finding::Severity;
use trailtrim_emitter::proof::Proofs;
use trailtrim_emitter::tighten::Class;

use crate::output::{Tone, printable};
use crate::screen::Screen;

/// How many resources of an action are listed.
const LISTED: usize = 6;

/// How many names stand in a row.
const NAMES: usize = 12;

/// How far a level is indented.
const INDENT: usize = 2;

/// Returns the whole diff, as it fits a screen.
pub(super) fn human(diff: &Diff, screen: Screen) -> String {
    let mut page = Page { text: String::new(), screen };
    for one in &diff.principals {
        page.principal(one);
    }
    for one in &diff.shared {
        page.shared(one);
    }
    if !diff.not_in_dump.is_empty() {
        page.line(0, None, "seen, and not in the account dump:");
        for arn in &diff.not_in_dump {
            page.line(1, None, arn);
        }
    }
    page.text
}

/// The text so far.
struct Page {
    text: String,
    screen: Screen,
}

impl Page {
    /// Writes a line. What comes out of a log or a policy cannot break it.
    fn line(&mut self, depth: usize, tone: Option<Tone>, what: &str) {
        self.screen.line(&mut self.text, depth * INDENT, tone, &printable(what));
    }

    fn end(&mut self) {
        self.text.push('\n');
    }

    fn principal(&mut self, one: &PrincipalDiff) {
        let arn = self.screen.paint(Tone::Heading, &printable(&one.arn));
        let status = self.screen.paint(tone_of(one.status), one.status.told());
        self.text.push_str(&format!("{arn}  {status}\n"));
        if let (Some(first), Some(last)) = (&one.activity.first_seen, &one.activity.last_seen) {
            let days = count(one.activity.days, "day");
            self.line(1, None, &format!("seen {first} to {last} on {days}"));
        }
        for note in &one.notes {
            self.line(1, None, &format!("note: {note}"));
        }
        for widened in one.widened.iter().take(LISTED) {
            self.line(1, None, &format!("wider than the calls: {}", widened.told()));
        }
        if let Some(more) = one.widened.len().checked_sub(LISTED).filter(|more| *more > 0) {
            let what =
                format!("wider than the calls: {more} more reasons; --format json lists them");
            self.line(1, None, &what);
        }
        for (service, why) in &one.frozen {
            self.line(1, Some(Tone::Doubtful), &format!("stays as it is: {service}: {why}"));
        }
        let names: Vec<&str> = one.attached.iter().map(|policy| policy.name.as_str()).collect();
        self.statements(&one.statements, &names);
        self.not_attached(one);
        if let Some(replacement) = one.replacement() {
            self.line(1, None, &format!("draft: {replacement}"));
        }
        if let Some(draft) = &one.draft {
            self.conceded(draft);
        }
        if let Some(proofs) = &one.proofs {
            self.proved(proofs);
        }
        for finding in &one.findings {
            let place = finding.place().map(|place| format!(" ({place})")).unwrap_or_default();
            let what = format!("{}: {}{place}", finding.code.as_str(), finding.told());
            let tone = match finding.severity {
                _ if finding.accepted.is_some() => None,
                Severity::Error => Some(Tone::Bad),
                Severity::Warning => Some(Tone::Doubtful),
                Severity::Note => None,
            };
            self.line(1, tone, &what);
        }
        self.end();
    }

    /// Tells what nothing attached allows, each action with a few of the resources that have one explanation.
    fn not_attached(&mut self, one: &PrincipalDiff) {
        let mut causes: BTreeMap<(&str, Option<String>), Vec<&str>> = BTreeMap::new();
        for used in &one.not_attached {
            let explained = used.explanation.as_ref().map(|it| it.told());
            causes.entry((&used.action, explained)).or_default().push(&used.resource);
        }
        for ((action, explained), on) in causes {
            let tone = if explained.is_some() { Tone::Doubtful } else { Tone::Bad };
            let explained = match explained {
                Some(told) => format!("explained: {told}"),
                None => "unexplained".to_owned(),
            };
            for resource in on.iter().take(LISTED) {
                let what = format!("! {action} on {resource}  not attached, {explained}");
                self.line(1, Some(tone), &what);
            }
            if let Some(more) = on.len().checked_sub(LISTED).filter(|more| *more > 0) {
                let what = format!(
                    "! {action} on {more} more  not attached, {explained}; --format json lists them"
                );
                self.line(1, Some(tone), &what);
            }
        }
    }

    fn conceded(&mut self, draft: &DraftView) {
        for concession in draft.concessions.iter().take(LISTED) {
            self.line(2, Some(Tone::Doubtful), &format!("to fit: {concession}"));
        }
        if draft.concessions.len() > LISTED {
            let more = draft.concessions.len() - LISTED;
            let what = format!("to fit: and {more} more; --format json lists them");
            self.line(2, Some(Tone::Doubtful), &what);
        }
        if let Some(obstacle) = &draft.obstacle {
            self.line(1, Some(Tone::Bad), obstacle);
        }
    }

    fn shared(&mut self, one: &SharedDiff) {
        let key = self.screen.paint(Tone::Heading, &printable(&one.key));
        self.text.push_str(&format!("{key}  shared by {}\n", one.holders.len()));
        for holder in &one.holders {
            self.line(1, None, holder);
        }
        let names: Vec<&str> = one.attached.iter().map(|policy| policy.name.as_str()).collect();
        self.statements(&one.statements, &names);
        if let Some(draft) = &one.draft {
            self.conceded(draft);
        }
        self.end();
    }

    fn statements(&mut self, statements: &[StatementDiff], policies: &[&str]) {
        for one in statements {
            let policy = policies.get(one.policy).copied().unwrap_or_default();
            let sid = one.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
            self.line(1, None, &format!("{policy}, statement {}{sid}", one.statement));
            if let Some(why) = &one.keeps_resources {
                self.line(2, None, why);
            }
            for one in one.actions.iter().filter(|one| !one.used.is_empty()) {
                self.used(one);
            }
            // What was not used stays for few reasons, and is told by them.
            let mut kept: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
            for one in one.actions.iter().filter(|one| one.used.is_empty()) {
                let what = format!("{}: {}", one.class.told(), one.why);
                kept.entry((one.goes(), what)).or_default().push(&one.action);
            }
            for ((goes, why), actions) in kept {
                let (mark, tone) = if goes { ('-', Some(Tone::Bad)) } else { ('=', None) };
                self.line(2, tone, &format!("{mark} {why}"));
                self.line(3, None, &some(&actions));
            }
            for one in &one.unknown_actions {
                self.line(2, None, &format!("= {one}  unknown action, stays"));
            }
            for one in &one.removed {
                let names = match one.actions.as_slice() {
                    [] => count(one.count, "action"),
                    names => some(names),
                };
                let what = format!("- {}: {names}  {}", one.service, one.why);
                self.line(2, Some(Tone::Bad), &what);
            }
        }
    }

    fn used(&mut self, one: &ActionDiff) {
        let tone = if one.class == Class::Withheld { Tone::Bad } else { Tone::Good };
        let what = format!("~ {}  {}: {}", one.action, one.class.told(), one.told());
        self.line(2, Some(tone), &what);
        // What the draft has in one pattern stands below it.
        let mut pattern: Option<&str> = None;
        for used in one.used.iter().take(LISTED) {
            let written = used.written_as.as_ref();
            if let Some(written) = written.filter(|one| pattern != Some(&one.pattern)) {
                self.line(3, None, &format!("{}  {}", written.pattern, written.why));
            }
            pattern = written.map(|one| one.pattern.as_str());
            let depth = if pattern.is_some() { 4 } else { 3 };
            self.line(depth, None, &format!("{}  {}", used.resource, used.told()));
        }
        if one.used.len() > LISTED {
            let more = one.used.len() - LISTED;
            self.line(3, None, &format!("and {more} more; --format json lists them"));
        }
    }

    fn proved(&mut self, proofs: &Proofs) {
        let tone = if proofs.failures().is_empty() { Tone::Good } else { Tone::Bad };
        for proof in proofs.told() {
            self.line(1, Some(tone), &proof);
        }
        let Some((backtest, told)) = proofs.backtest.as_ref().zip(proofs.foretold()) else {
            return;
        };
        self.line(1, None, &told);
        for denied in backtest.denied.iter().take(LISTED) {
            self.line(2, None, &format!("{} on {}", denied.action, denied.resource));
        }
    }
}

/// Names the first of a list.
fn some<S: AsRef<str>>(names: &[S]) -> String {
    let listed: Vec<&str> = names.iter().take(NAMES).map(AsRef::as_ref).collect();
    let listed = listed.join(", ");
    match names.len().checked_sub(NAMES).filter(|more| *more > 0) {
        Some(more) => format!("{listed} and {more} more"),
        None => listed,
    }
}

fn tone_of(status: Status) -> Tone {
    match status {
        Status::Tightened | Status::Unchanged | Status::ServiceLinked => Tone::Good,
        Status::Partial | Status::Inactive | Status::NothingAttached => Tone::Doubtful,
        Status::DoesNotFit => Tone::Bad,
    }
}
