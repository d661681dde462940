//! A baseline: findings that are known and accepted, each until a day.
//!
//! ```toml
//! [[accept]]
//! principal = "role/legacy-*"
//! code = "unused-access"
//! until = 2027-03-31
//! reason = "the role goes with the old system"
//! owner = "team-platform"
//! ```
//!
//! The day is compared with the last day that the trail shows, not with the clock: equal input
//! gives equal answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use toml::{Table, Value};
use trailtrim_emitter::diff::Diff;
use trailtrim_emitter::finding::{Code, Finding};

use crate::config::{known, one_line};
use crate::exit::hinted;
use crate::globs::Globs;
use crate::output::printable;
use crate::summary::{LINES, count};

const KEYS: &[&str] = &["principal", "code", "until", "reason", "owner"];

/// What is accepted.
#[derive(Debug, Default)]
pub(super) struct Accepted(Vec<Accept>);

#[derive(Debug, Deserialize)]
struct Accept {
    principal: String,
    code: String,
    until: toml::value::Datetime,
    reason: String,
    owner: String,
}

impl Accept {
    fn is_of(&self, arn: &str, finding: &Finding) -> bool {
        self.code == finding.code.as_str()
            && Globs::new(std::slice::from_ref(&self.principal)).match_arn(arn)
    }

    fn lasts(&self, day: &str) -> bool {
        self.until.date.is_some_and(|until| *day <= *until.to_string())
    }
}

/// Tells whether `--check` fails for a finding of this code.
fn counts(code: Code) -> bool {
    matches!(code, Code::UnusedAccess | Code::UnexplainedAccess)
}

/// Tells whether a finding is left that `--check` fails for.
pub(super) fn is_concern(diff: &Diff) -> bool {
    let mut findings = diff.principals.iter().flat_map(|one| &one.findings);
    findings.any(|finding| counts(finding.code) && finding.accepted.is_none())
}

impl Accepted {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Accepted> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the baseline `{}`", path.display()))?;
        Accepted::parse(&text).with_context(|| format!("baseline `{}`", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Accepted> {
        let one_line = |error| one_line(&error);
        let table: Table = text.parse().map_err(one_line)?;
        known(&table, "", &["accept"])?;
        let mut all = Vec::new();
        for value in table.get("accept").and_then(Value::as_array).into_iter().flatten() {
            let entry = value.as_table().context("`accept` is a table: write `[[accept]]`")?;
            known(entry, "accept.", KEYS)?;
            let accept: Accept = value.clone().try_into().map_err(one_line)?;
            let is_code = |code: &Code| code.as_str() == accept.code;
            if !Code::ALL.iter().any(is_code) {
                let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
                return Err(hinted(
                    format!("`{}` is no code of a finding", accept.code),
                    format!("known codes are `{}`", known.join("`, `")),
                ));
            }
            if accept.until.date.is_none() {
                return Err(hinted("`until` is no day", "write a day, such as 2027-03-31"));
            }
            all.push(accept);
        }
        Ok(Accepted(all))
    }

    /// Marks the findings that are accepted on a day (`2026-11-23`).
    pub(super) fn mark(&self, diff: &mut Diff, day: &str) {
        for one in &mut diff.principals {
            for finding in &mut one.findings {
                let by = self.0.iter().find(|by| by.is_of(&one.arn, finding) && by.lasts(day));
                finding.accepted = by.map(|by| {
                    format!("accepted until {} by {}: {}", by.until, by.owner, by.reason)
                });
            }
        }
    }

    /// Says why `--check` ends as it does: which findings fail it, how many are accepted, and which
    /// entries are over or good for nothing. Of principals that were not asked for, no finding is
    /// there, and of records that were kept out none may be: `limits` are the options that do so.
    pub(super) fn tell(&self, diff: &Diff, day: &str, limits: &[&str]) -> String {
        let mut failing: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut accepted = 0;
        let all = diff
            .principals
            .iter()
            .flat_map(|one| one.findings.iter().map(move |finding| (one.arn.as_str(), finding)));
        for (arn, finding) in all.clone() {
            match finding.accepted {
                Some(_) => accepted += 1,
                None if counts(finding.code) => {
                    *failing.entry((arn, finding.code.as_str())).or_default() += 1;
                }
                None => {}
            }
        }
        // Writing to a string cannot fail.
        let mut text = String::new();
        let number: usize = failing.values().sum();
        let _ = writeln!(
            text,
            "check: {} that it fails for{}",
            count(number as u64, "finding", "findings"),
            match self.0.is_empty() {
                true => String::new(),
                false => format!(", {accepted} accepted by the baseline"),
            }
        );
        for ((arn, code), number) in failing.iter().take(LINES) {
            let _ = writeln!(text, "  {code}, {number} of {}", printable(arn));
        }
        if let Some(more) = failing.len().checked_sub(LINES).filter(|more| *more > 0) {
            let _ = writeln!(text, "  … and {more} more; --format json has all");
        }
        for by in &self.0 {
            let matches = all.clone().any(|(arn, finding)| by.is_of(arn, finding));
            let why = match (matches, by.lasts(day)) {
                (true, true) => continue,
                (true, false) => format!("ended on {}, and the trail ends on {day}", by.until),
                (false, _) if limits.contains(&"--principal") => continue,
                (false, _) if !limits.is_empty() => format!(
                    "accepts nothing of the part that is looked at here ({}): without a limit it may",
                    limits.join(", ")
                ),
                (false, _) => "accepts nothing: no finding matches it, so take it out".to_owned(),
            };
            let _ =
                writeln!(text, "  baseline: {} of `{}` {why}", by.code, printable(&by.principal));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_accepted_until_its_day() {
        let entry = "[[accept]]\nprincipal = \"role/legacy-*\"\ncode = \"unused-access\"\n\
                     until = 2027-03-31\nreason = \"r\"\nowner = \"o\"\n";
        let accepted = Accepted::parse(entry).unwrap();
        let finding = Finding::new(Code::UnusedAccess, "x");
        let arn = "arn:aws:iam::111122223333:role/legacy-a";
        let holds = |arn: &str, finding: &Finding, day: &str| {
            accepted.0.iter().any(|by| by.is_of(arn, finding) && by.lasts(day))
        };
        assert!(holds(arn, &finding, "2027-03-31"));
        assert!(!holds(arn, &finding, "2027-04-01"));
        assert!(!holds("arn:aws:iam::111122223333:role/new", &finding, "2027-01-01"));
        let other = Finding::new(Code::UnexplainedAccess, "x");
        assert!(!holds(arn, &other, "2027-01-01"));
        let odd = Accepted::parse(&entry.replace("unused-access", "unused")).unwrap_err();
        assert!(odd.to_string().contains("`unused` is no code"), "{odd}");
        let slip = Accepted::parse(&entry.replace("owner", "ovner")).unwrap_err();
        assert!(slip.to_string().contains("did you mean `accept.owner`"), "{slip}");
    }
}
