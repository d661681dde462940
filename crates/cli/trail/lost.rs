//! What is lost with what was not read: the days that do not count as covered for it.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use trailtrim_aggregator::Sources;
use trailtrim_ingest::{SkipKind, Skipped};

use super::Observed;
use crate::output::{printable, tell};

impl Observed {
    /// Takes the days out of what is covered of which records are lost with what was not read. It is done
    /// whenever there is something to be told and kept nowhere: what cannot be read today may be tomorrow.
    pub(super) fn uncover(&mut self) {
        let (mut unknown, mut times) = (None, BTreeSet::new());
        for skipped in self.sources.skipped() {
            let Some((from, until)) = lost(&skipped, &self.sources) else { continue };
            times.insert((from, until));
            if from == i64::MIN {
                unknown.get_or_insert(skipped.path);
            }
        }
        // Every day is asked of each of them, and what is cut comes every few minutes.
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (from, until) in times {
            match joined.last_mut() {
                Some((_, end)) if from <= *end => *end = until.max(*end),
                _ => joined.push((from, until)),
            }
        }
        for (from, until) in joined {
            self.usages.iter_mut().for_each(|usage| usage.coverage_mut().exclude(from, until));
        }
        if let Some(path) = unknown {
            tell(&format!(
                "note: no day counts as covered, since of which days `{}` has records is not known; mend \
                 it, or leave it out if it has none\n",
                printable(&path)
            ));
        }
    }
}

/// Returns the time (from, until, in seconds since 1970) of which records are lost with what was
/// skipped: the day before a file's delivery, or all there is where its name does not tell.
fn lost(skipped: &Skipped, sources: &Sources) -> Option<(i64, i64)> {
    if skipped.kind.is_expected() || skipped.kind == SkipKind::OddField {
        return None;
    }
    let name = skipped.path.rsplit('/').next().unwrap_or_default();
    // Other services deliver by such names as well, and what they log is no record.
    let is_none =
        matches!(skipped.kind, SkipKind::NotATrail | SkipKind::NotARecord | SkipKind::Empty);
    let source = name.split('_').nth(1).filter(|_| name.matches('_').count() >= 4);
    if is_none && source.is_some_and(|source| source != "CloudTrail") {
        return None;
    }
    let delivered = name
        .split('_')
        .find_map(|part| NaiveDateTime::parse_from_str(part, "%Y%m%dT%H%MZ").ok())
        .map(|time| time.and_utc().timestamp());
    match delivered {
        Some(delivered) => Some((delivered - 86_400, delivered + 60)),
        None => may_be_of_a_trail(skipped, name, sources).then_some((i64::MIN, i64::MAX)),
    }
}

/// Tells whether records may be lost with something that was skipped in a file without CloudTrail's name.
/// It is no trail's where nothing of it looks like one: text, an image, the JSON of another tool.
fn may_be_of_a_trail(skipped: &Skipped, name: &str, sources: &Sources) -> bool {
    let extension = name.rsplit('.').next().unwrap_or_default();
    let named_so = || LOGS.iter().any(|log| extension.eq_ignore_ascii_case(log));
    let has_records = || {
        let facts = skipped.source.and_then(|source| sources.facts().get(&source));
        facts.is_none_or(|facts| facts.records > 0)
    };
    match skipped.kind {
        SkipKind::SpecialFile => false,
        SkipKind::Empty | SkipKind::NotATrail => named_so(),
        // The objects of another tool, unless there are records among them.
        SkipKind::NotARecord => has_records(),
        SkipKind::NotJson => {
            let begins = skipped.position.is_some_and(|at| at.byte <= 1 && at.record == 0);
            !begins || named_so() || has_records()
        }
        _ => true,
    }
}

/// How files of records are named, whoever exported them.
const LOGS: [&str; 6] = ["gz", "zst", "json", "jsonl", "ndjson", "log"];
