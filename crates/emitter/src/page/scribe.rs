//! Statistics as the page has them: days counted from its first one, files by number.

use std::collections::BTreeMap;

use trailtrim_aggregator::{Activity, Coverage, Stats};

use super::{Event, Sighting};
use crate::report::{first, last, time};

/// How many events of one line are shown.
const EVENTS: usize = 3;

/// Writes statistics down.
pub(super) struct Scribe {
    first: i32,
    /// Days of the page.
    pub(super) days: i32,
    files: BTreeMap<String, usize>,
}

impl Scribe {
    /// Looks for the first and the last day that anything speaks of.
    pub(super) fn new(activity: &Activity, coverage: &Coverage) -> Scribe {
        let seen = activity.principals.iter().flat_map(|principal| principal.days());
        let outside = activity.outsiders.values().flat_map(|stats| stats.days().each());
        let covered = coverage.window().into_iter().flat_map(|(first, last)| [first, last]);
        let (mut first, mut last) = (i32::MAX, i32::MIN);
        for day in seen.chain(outside).chain(covered) {
            (first, last) = (first.min(day), last.max(day));
        }
        let days = if first > last { 0 } else { last - first + 1 };
        Scribe { first: if days == 0 { 0 } else { first }, days, files: BTreeMap::new() }
    }

    /// Returns the first day as `2026-11-23`; nothing where there is no day.
    pub(super) fn first_day(&self) -> Option<String> {
        let day = time(i64::from(self.first) * 86_400).filter(|_| self.days > 0)?;
        day.get(..10).map(str::to_owned)
    }

    /// Returns a day as the page counts it.
    pub(super) fn day(&self, day: i32) -> i32 {
        day - self.first
    }

    /// Returns the runs of days that follow one another, ascending: the first and how many.
    pub(super) fn runs(&self, days: impl IntoIterator<Item = i32>) -> Vec<(i32, i32)> {
        let mut runs: Vec<(i32, i32)> = Vec::new();
        for day in days {
            let day = self.day(day);
            match runs.last_mut() {
                Some((first, length)) if *first + *length == day => *length += 1,
                _ => runs.push((day, 1)),
            }
        }
        runs
    }

    /// Returns statistics without their events.
    pub(super) fn glance(&self, stats: &Stats) -> Sighting {
        let calls = stats.calls();
        Sighting {
            first: first(stats),
            last: last(stats),
            calls: calls.value,
            about: calls.estimated,
            days: self.runs(stats.days().iter()),
            events: Vec::new(),
        }
    }

    /// Returns statistics with the first of their events.
    pub(super) fn sighting(&mut self, stats: &Stats) -> Sighting {
        let mut seen = self.glance(stats);
        for event in stats.evidence().into_iter().take(EVENTS) {
            seen.events.push(Event {
                id: event.event_id.to_string(),
                time: event.time.and_then(time),
                region: event.region.to_string(),
                file: self.file(&event.file.to_string()),
            });
        }
        seen
    }

    fn file(&mut self, path: &str) -> usize {
        if let Some(known) = self.files.get(path) {
            return *known;
        }
        let number = self.files.len();
        self.files.insert(path.to_owned(), number);
        number
    }

    /// Returns the files by their numbers.
    pub(super) fn into_files(self) -> Vec<String> {
        let mut files: Vec<(usize, String)> =
            self.files.into_iter().map(|(path, number)| (number, path)).collect();
        files.sort();
        files.into_iter().map(|(_, path)| path).collect()
    }
}
