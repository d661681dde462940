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

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use toml::{Table, Value};
use trailtrim_emitter::finding::{Code, Finding};

use crate::config::{known, one_line};
use crate::exit::hinted;
use crate::globs::Globs;

const KEYS: &[&str] = &["principal", "code", "until", "reason", "owner"];

/// What is accepted.
#[derive(Debug, Default)]
pub(super) struct Accepted(Vec<Accept>);

#[derive(Debug, Deserialize)]
struct Accept {
    principal: String,
    code: String,
    until: toml::value::Datetime,
    #[serde(rename = "reason")]
    _reason: String,
    #[serde(rename = "owner")]
    _owner: String,
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

    /// Returns whether a finding is accepted on a day (`2026-11-23`).
    pub(super) fn holds(&self, arn: &str, finding: &Finding, day: &str) -> bool {
        self.0.iter().any(|accept| {
            accept.code == finding.code.as_str()
                && Globs::new(std::slice::from_ref(&accept.principal)).match_arn(arn)
                && accept.until.date.is_some_and(|until| *day <= *until.to_string())
        })
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
        assert!(accepted.holds(arn, &finding, "2027-03-31"));
        assert!(!accepted.holds(arn, &finding, "2027-04-01"));
        assert!(!accepted.holds("arn:aws:iam::111122223333:role/new", &finding, "2027-01-01"));
        let other = Finding::new(Code::UnexplainedAccess, "x");
        assert!(!accepted.holds(arn, &other, "2027-01-01"));
        let odd = Accepted::parse(&entry.replace("unused-access", "unused")).unwrap_err();
        assert!(odd.to_string().contains("`unused` is no code"), "{odd}");
        let slip = Accepted::parse(&entry.replace("owner", "ovner")).unwrap_err();
        assert!(slip.to_string().contains("did you mean `accept.owner`"), "{slip}");
    }
}
