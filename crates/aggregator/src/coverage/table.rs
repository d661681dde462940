//! The coverage as rows for people: what was seen, and which days are covered.

use std::collections::BTreeSet;

use super::presence::{Area, Resources};
use super::selector::Selector;
use super::{Access, Class, Coverage, Question, Trail, TrailKey, services};

/// One kind of calls, and when it was covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Twelve digits.
    pub account: String,
    /// The region, or [`GLOBAL`](super::GLOBAL).
    pub region: String,
    /// Which calls.
    pub kind: Kind,
    /// Reads or writes.
    pub access: Access,
    /// Days since 1970 with a record of the kind, UTC.
    pub seen: BTreeSet<i32>,
    /// Days since 1970 on which every call of the kind would have been seen.
    pub covered: BTreeSet<i32>,
}

/// Which calls a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Management events of one source that trails may leave out; of all others where `None`.
    Management(Option<String>),
    /// Data events of a type.
    Data(String, Proof),
}

/// Which data events of a type a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// On any resource; so many were seen (up to a thousand for each event name).
    Any(usize),
    /// Those that a selector of this trail takes.
    Selected(TrailKey, Selector),
    /// Those of this event name on this resource.
    Present(String, String),
}

impl Coverage {
    /// Returns the first and the last day with any record within the limits of time, since 1970 in UTC.
    pub fn window(&self) -> Option<(i32, i32)> {
        let within = |day: &i32| !self.is_beyond(*day);
        let days = || {
            let areas = self.areas.values().flat_map(|regions| regions.values());
            areas.map(|area| area.alive.days().filter(within))
        };
        let first = days().filter_map(|mut days| days.next()).min()?;
        let last = days().filter_map(|mut days| days.next_back()).max()?;
        Some((first, last))
    }

    /// Returns what was seen and what is covered, by account, region and kind, ordered.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.window().is_none() {
            return rows;
        }
        let areas = self.areas.values().flat_map(|regions| regions.values());
        let table = Table { coverage: self, days: super::days_of(areas).collect() };
        for (account, regions) in &self.areas {
            for (region, area) in regions {
                for access in [Access::Read, Access::Write] {
                    let place = Question::management(account, region, access);
                    table.management(place, area, &mut rows);
                }
                for access in [Access::Read, Access::Write] {
                    let place = Question::management(account, region, access);
                    table.data(place, area, &mut rows);
                }
            }
        }
        rows
    }
}

struct Table<'c> {
    coverage: &'c Coverage,
    /// With any record: no other is covered.
    days: Vec<i32>,
}

impl Table<'_> {
    fn days(&self, covers: impl Fn(i32) -> bool) -> BTreeSet<i32> {
        self.days.iter().copied().filter(|day| covers(*day)).collect()
    }

    fn management(&self, place: Question<'_>, area: &Area, rows: &mut Vec<Row>) {
        let sources = std::iter::once("").chain(services::excludable());
        for source in sources {
            let hours = area.management.get(source).map(|hours| hours.of(place.access));
            let within = |day: &i32| !self.coverage.is_beyond(*day);
            let seen = hours.into_iter().flat_map(super::Hours::days);
            let seen: BTreeSet<i32> = seen.filter(within).collect();
            // An empty source stands for any that has no row of its own, which is what a selector
            // takes it for too.
            let question = Question { event_source: Some(source), ..place };
            let covered = self.days(|day| self.coverage.covers(&question, day));
            if !source.is_empty() && covered.is_empty() && seen.is_empty() {
                continue;
            }
            let name = Some(source).filter(|source| !source.is_empty());
            rows.push(Row {
                kind: Kind::Management(name.map(str::to_owned)),
                seen,
                covered,
                ..row(&place)
            });
        }
    }

    fn data(&self, place: Question<'_>, area: &Area, rows: &mut Vec<Row>) {
        let selected: Vec<(&TrailKey, &Selector, &str)> = self
            .coverage
            .trails
            .iter()
            .filter(|(_, trail)| trail.is_declared())
            .flat_map(|(key, trail)| selectors(trail).map(move |(one, kind)| (key, one, kind)))
            .collect();
        let seen = area.data.keys().map(|kind| &**kind);
        let kinds: BTreeSet<&str> = seen.chain(selected.iter().map(|(.., kind)| *kind)).collect();
        for kind in kinds {
            let place = Question { class: Class::Data(kind), ..place };
            let events = area.data.get(kind).map(|events| events.of(place.access));
            let resources = || {
                events.into_iter().flat_map(|events| &events.0).flat_map(|(_, all)| all.sorted())
            };
            let row = |proof, seen, covered| Row {
                kind: Kind::Data(kind.to_owned(), proof),
                seen,
                covered,
                ..row(&place)
            };
            let within = |day: &i32| !self.coverage.is_beyond(*day);
            let seen: BTreeSet<i32> =
                resources().flat_map(|(_, hours)| hours.days()).filter(within).collect();
            let known = resources().filter(|(_, hours)| hours.days().any(|day| within(&day)));
            let known: BTreeSet<&str> = known.map(|(arn, _)| arn).collect();
            let any = self.days(|day| self.coverage.covers(&place, day));
            let whole = !any.is_empty();
            rows.push(row(Proof::Any(known.len()), seen, any));
            for (key, selector, _) in selected.iter().filter(|(.., of)| *of == kind) {
                if whole || !selector.takes(place.access) {
                    continue;
                }
                let covered = self.days(|day| {
                    !self.coverage.is_holed(day)
                        && self
                            .coverage
                            .is_declared(place.account, place.region, day, &|one| one == *selector)
                });
                if covered.is_empty() {
                    continue;
                }
                let proof = Proof::Selected((*key).clone(), (*selector).clone());
                rows.push(row(proof, BTreeSet::new(), covered));
            }
            for (name, all) in events.into_iter().flat_map(|events| &events.0) {
                self.present(&Question { event_name: Some(name), ..place }, all, rows);
            }
        }
    }

    /// Adds the resources that presence alone covers on some day.
    fn present(&self, place: &Question<'_>, all: &Resources, rows: &mut Vec<Row>) {
        let (Class::Data(kind), Some(name)) = (place.class, place.event_name) else { return };
        for (arn, hours) in all.sorted() {
            let question = Question { resource: arn, ..*place };
            let covered = self.days(|day| {
                hours.unbroken(day)
                    && !self.coverage.is_holed(day)
                    && self.coverage.is_present(&question, place.region, day)
            });
            if !covered.is_empty() {
                let proof = Proof::Present(name.to_owned(), arn.to_owned());
                rows.push(Row {
                    kind: Kind::Data(kind.to_owned(), proof),
                    seen: hours.days().filter(|day| !self.coverage.is_beyond(*day)).collect(),
                    covered,
                    ..row(place)
                });
            }
        }
    }
}

fn row(place: &Question<'_>) -> Row {
    Row {
        account: place.account.to_owned(),
        region: place.region.to_owned(),
        kind: Kind::Management(None),
        access: place.access,
        seen: BTreeSet::new(),
        covered: BTreeSet::new(),
    }
}

/// Returns the selectors of data events with the types they take, each once.
fn selectors(trail: &Trail) -> impl Iterator<Item = (&Selector, &str)> {
    let all: BTreeSet<&Selector> = trail.selectors().collect();
    all.into_iter().flat_map(|selector| {
        let kinds = selector.conditions().get("resources.type");
        kinds
            .into_iter()
            .flat_map(move |kinds| kinds.equals.iter().map(move |kind| (selector, &**kind)))
    })
}
