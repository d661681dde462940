//! Where CloudTrail was looking: without it, nothing may be called unused.
//!
//! A [`Coverage`] is joined facts: what was recorded where and when, what was
//! done to trails, what people declared of them. Whether some place is covered
//! is decided when asking ([`Coverage::covers`]), and the answer is yes only
//! where it is proved, in one of two ways:
//!
//! - *by presence*: records of the very kind that is asked about (account,
//!   region, read or write; for data events also resource and event name) stand
//!   close together all through the day ([`LONGEST_SILENCE`], and no more than three times what is usual at those hours);
//! - *by declaration*: a trail that somebody declared selects all of it and was
//!   logging the whole day, and the account's records of that region, of any
//!   kind, stand close together all through the day: its files are here.
//!
//! Surprising here:
//! - The first and the last day are never covered: what came before the first
//!   record and after the last is not known.
//! - A day on which a trail of the account was switched or changed proves
//!   nothing by presence.
//! - Global services (IAM) have a place of their own, [`GLOBAL`], since a trail
//!   of us-east-1 may or may not have them.
//! - Only records as the trail delivered them prove anything ([`trailtrim_ingest::Framing::is_delivered`]). Of the results of
//!   queries, of subscriptions, captures of EventBridge and answers of `lookup-events` somebody may have
//!   chosen what is in them, and the last never have data events.
//! - A selector on callers (`userIdentity.arn`) does not show in what is
//!   present; declare it. Then presence proves nothing of whom it may leave out.

mod action;
mod declaration;
mod hours;
mod memo;
mod presence;
mod selector;
mod services;
mod table;
mod trails;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use trailtrim_ingest::Record;

use crate::listed::{self, Listed};
use crate::stats::Join;
pub(crate) use memo::Seen;
use presence::{Area, Events, Resources, change, join_maps, stream};
use services::{Recorded, home, recorded};
use trails::{is_account, is_region};

pub use action::{ActionEvents, Asked, Lack, Place};
pub use declaration::{Declaration, DeclarationError};
pub use hours::{Hours, LONGEST_SILENCE};
pub use presence::RESOURCES as MOST_RESOURCES;
pub use selector::{Condition, Selector};
pub use services::GLOBAL;
pub use table::{Kind, Proof, Row};
pub use trails::{Change, Reach, Trail, TrailKey};

/// Whether a call reads or writes, by the record's `readOnly`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// It changes nothing.
    Read,
    /// It changes something.
    Write,
}

impl Access {
    /// Returns as what such events are recorded, in a word.
    #[must_use]
    pub fn recorded_as(self) -> &'static str {
        match self {
            Access::Read => "reading",
            Access::Write => "writing",
        }
    }

    /// Returns what `readOnly` is in records.
    pub(crate) fn read_only(self) -> &'static str {
        match self {
            Access::Read => "true",
            Access::Write => "false",
        }
    }
}

/// What sort of event a call leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class<'q> {
    /// A management event.
    Management,
    /// A data event of this resource type, as `AWS::S3::Object`.
    Data(&'q str),
}

impl Class<'_> {
    pub(crate) fn category(self) -> &'static str {
        match self {
            Class::Management => "Management",
            Class::Data(_) => "Data",
        }
    }
}

/// What is asked about: calls of one class, account and region.
///
/// What is left out (`None`, `*`) stands for all there is: the answer is then about each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'q> {
    /// Twelve digits: whose trail would have the record.
    pub account: &'q str,
    /// The region that is called. For global services it does not matter.
    pub region: &'q str,
    /// The class of event.
    pub class: Class<'q>,
    /// Reads or writes.
    pub access: Access,
    /// For data events the resource, an ARN or a pattern of a policy.
    pub resource: &'q str,
    /// `eventSource`, as `kms.amazonaws.com`.
    pub event_source: Option<&'q str>,
    /// `eventName`, as `Invoke`.
    pub event_name: Option<&'q str>,
    /// The ARN of the role or user that calls.
    pub principal: Option<&'q str>,
}

impl<'q> Question<'q> {
    /// Asks about management events of any service; set `event_source` for those of one.
    pub fn management(account: &'q str, region: &'q str, access: Access) -> Self {
        Question {
            account,
            region,
            class: Class::Management,
            access,
            resource: "*",
            event_source: None,
            event_name: None,
            principal: None,
        }
    }

    /// Asks about data events on resources of a type; `resource` is an ARN or a pattern.
    pub fn data(
        account: &'q str,
        region: &'q str,
        kind: &'q str,
        access: Access,
        resource: &'q str,
    ) -> Self {
        let class = Class::Data(kind);
        Question { class, resource, ..Question::management(account, region, access) }
    }
}

/// What is known of where CloudTrail was looking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By account and region; global service events under [`GLOBAL`].
    areas: Areas<Box<str>, Area>,
    trails: BTreeMap<TrailKey, Trail>,
    /// Times from which evidence was left out: from, until, in seconds since 1970.
    holes: BTreeSet<(i64, i64)>,
}

/// By account and region.
type Areas<K, A> = BTreeMap<K, BTreeMap<K, A>>;

/// A piece of a coverage, as it is written: joined, all pieces are the whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Piece<'c> {
    /// One area.
    Areas(Areas<&'c str, &'c Area>),
    Trails(&'c BTreeMap<TrailKey, Trail>),
    Holes(&'c BTreeSet<(i64, i64)>),
}

/// The same as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OwnedPiece {
    Areas(Areas<Box<str>, Area>),
    Trails(BTreeMap<TrailKey, Trail>),
    Holes(BTreeSet<(i64, i64)>),
}

impl From<OwnedPiece> for Coverage {
    fn from(piece: OwnedPiece) -> Coverage {
        let nothing = Coverage::default();
        match piece {
            OwnedPiece::Areas(areas) => Coverage { areas, ..nothing },
            OwnedPiece::Trails(trails) => Coverage { trails, ..nothing },
            OwnedPiece::Holes(holes) => Coverage { holes, ..nothing },
        }
    }
}

/// Days without any record that are a long silence.
const SILENCE: i32 = 31;

/// Days with records that are few behind a long silence: of as many in a row none is covered.
const FEW: usize = 2;

impl Coverage {
    /// Returns it in pieces, since the whole may be large.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let areas = self.areas.iter().flat_map(|(account, regions)| {
            regions.iter().map(move |(region, area)| {
                Piece::Areas([(&**account, [(&**region, area)].into())].into())
            })
        });
        areas.chain([Piece::Trails(&self.trails), Piece::Holes(&self.holes)])
    }

    /// Takes note of what a record says of a trail, be it within the scope or not: a change is
    /// one, whatever is looked at.
    pub fn note(&mut self, record: &Record<'_>) {
        if record.event_source == "cloudtrail.amazonaws.com" {
            trails::note(&mut self.trails, record);
        }
    }

    /// Takes a record as proof that its kind was recorded at its time.
    ///
    /// Records that do not say whose trail they are of, or when they happened, prove nothing.
    pub fn see(&mut self, record: &Record<'_>) {
        self.see_listed(record, &listed::of(record));
    }

    /// Does so with what the record has in `resources[]`.
    pub(crate) fn see_listed(&mut self, record: &Record<'_>, listed: &[Listed<'_>]) {
        let account = record.recipient_account_id.as_deref().unwrap_or_default();
        let region = match recorded(&record.event_source) {
            Some(Recorded::Always) => GLOBAL,
            Some(Recorded::Maybe) => return,
            None => record.aws_region.as_deref().filter(|text| is_region(text)).unwrap_or_default(),
        };
        let Some(time) = record.time() else { return };
        if region.is_empty() || !is_account(account) {
            return;
        }
        change(&mut self.areas, account, |regions| {
            change(regions, region, |area: &mut Area| area.add(record, listed, time.timestamp()));
        });
    }

    /// Takes up what people declared of the trails whose log this is.
    pub fn declare(&mut self, declaration: Declaration) {
        for (key, selectors) in declaration.selectors {
            self.trails.entry(key).or_default().declare(selectors);
        }
        for (key, reach) in declaration.reaches {
            self.trails.entry(key).or_default().reach_to(reach);
        }
    }

    /// Takes out a time (from, until, in seconds since 1970) from which evidence is left out: no
    /// day that it touches is covered.
    pub fn exclude(&mut self, from: i64, until: i64) {
        if from < until {
            self.holes.insert((from, until));
        }
    }

    /// Returns the trails that were declared or seen to change.
    pub fn trails(&self) -> &BTreeMap<TrailKey, Trail> {
        &self.trails
    }

    /// Returns whether every call that the question is about would surely have been recorded, and
    /// the record read, on a day (since 1970-01-01, UTC).
    pub fn covers(&self, question: &Question<'_>, day: i32) -> bool {
        if self.is_holed(day) {
            return false;
        }
        regions(question).iter().all(|region| {
            self.is_present(question, region, day)
                || self.is_declared(question.account, region, day, &|selector| {
                    selector.selects(question)
                })
        })
    }

    /// Returns whether presence alone proves it.
    fn shows(&self, question: &Question<'_>, day: i32) -> bool {
        !self.is_holed(day)
            && regions(question).iter().all(|region| self.is_present(question, region, day))
    }

    /// Returns the days (since 1970-01-01, UTC) on which all of it is covered.
    pub fn covered_days(&self, question: &Question<'_>) -> BTreeSet<i32> {
        let days = self.account_days(question.account);
        days.filter(|day| self.covers(question, *day)).collect()
    }

    /// Returns the days (since 1970-01-01, UTC) on which an account's files ran all through: of each
    /// of the places (see [`place`]) records of any kind stand close together, and no trail was
    /// changed. What the log has of such a day it has of each: not all there is, but always the
    /// same kinds.
    ///
    /// Calls of global services come with the files of some region: [`GLOBAL`] is only asked for
    /// where no other place is.
    pub fn delivered_days<'p>(
        &self,
        account: &str,
        places: impl IntoIterator<Item = &'p str>,
    ) -> BTreeSet<i32> {
        let mut places: BTreeSet<&str> = places.into_iter().collect();
        if places.len() > 1 {
            places.remove(GLOBAL);
        }
        if places.is_empty() {
            return BTreeSet::new();
        }
        let alive: Vec<Hours> =
            places.into_iter().map(|place| self.alive(account, place)).collect();
        let runs = |day: i32| {
            alive.iter().all(|hours| hours.unbroken(day))
                && !self.is_holed(day)
                && !self.is_disturbed(account, day)
        };
        self.account_days(account).filter(|day| runs(*day)).collect()
    }

    /// Returns when there are records of a place, of any kind; global service events are delivered
    /// with the files of their home region, and these with them.
    fn alive(&self, account: &str, place: &str) -> Hours {
        let Some(areas) = self.areas.get(account) else { return Hours::default() };
        let with = |region: &str| {
            region == place
                || (place == GLOBAL && home(region) == Some(region))
                || (region == GLOBAL && home(place) == Some(place))
        };
        let mut hours = Hours::default();
        for (_, area) in areas.iter().filter(|(region, _)| with(region)) {
            hours.join(area.alive.clone());
        }
        hours
    }

    /// Keeps what is known of these accounts and regions; empty sets mean no limit. Global service
    /// events name a region that they are not of: with a limit on regions they are not kept.
    pub(crate) fn limit(&mut self, accounts: &BTreeSet<String>, regions: &BTreeSet<String>) {
        self.areas.retain(|account, _| accounts.is_empty() || accounts.contains(&**account));
        for areas in self.areas.values_mut() {
            areas.retain(|region, _| regions.is_empty() || regions.contains(&**region));
        }
        self.areas.retain(|_, areas| !areas.is_empty());
    }

    /// Returns the accounts of which there are records, in order.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.areas.keys().map(|account| &**account)
    }

    /// Returns the regions of which an account has records, in order; calls of global services
    /// stand under [`GLOBAL`]. Of any other region nothing is ever covered.
    pub fn regions(&self, account: &str) -> impl Iterator<Item = &str> {
        self.areas.get(account).into_iter().flat_map(|regions| regions.keys().map(|name| &**name))
    }

    /// Returns the last day (since 1970-01-01, UTC) of which there are records of an account, not
    /// counting what lies behind the end of the window.
    pub fn last_day(&self, account: &str) -> Option<i32> {
        let open = self.holes.iter().filter(|(_, until)| *until == i64::MAX);
        let end = open.map(|(from, _)| *from).min().unwrap_or(i64::MAX);
        let (first, last) = self.account_span(account)?;
        let begun = |day: i32| seconds(day).0 < end;
        match (begun(first), begun(last)) {
            (false, _) => None,
            (true, true) => Some(last),
            (true, false) => Some(crate::stats::day(end - 1)),
        }
    }

    /// Returns the last day (since 1970-01-01, UTC) before a long silence of more than a month behind
    /// which only a few records are left, and the day of the first of these: a wrong clock, or a file
    /// that does not belong here. What is used is looked for at the end, so nothing counts as unused
    /// then.
    pub fn stray_end(&self, account: &str) -> Option<(i32, i32)> {
        let end = self.last_day(account)?;
        let areas = self.areas.get(account).into_iter().flat_map(BTreeMap::values);
        let days: BTreeSet<i32> =
            areas.flat_map(|area| area.alive.days()).filter(|day| *day <= end).collect();
        let mut behind = days.iter().rev().copied();
        let mut first = behind.next()?;
        for day in behind.take(FEW) {
            if first - day > SILENCE {
                return Some((day, first));
            }
            first = day;
        }
        None
    }

    /// Returns the first day (since 1970-01-01, UTC) of which there are records of an account.
    pub fn first_day(&self, account: &str) -> Option<i32> {
        self.account_span(account).map(|(first, _)| first)
    }

    /// Returns the first and the last day with a record of the account.
    fn account_span(&self, account: &str) -> Option<(i32, i32)> {
        let areas = self.areas.get(account).into_iter().flat_map(BTreeMap::values);
        areas
            .filter_map(|area| Some((area.alive.days().next()?, area.alive.days().next_back()?)))
            .reduce(|(from, to), (first, last)| (from.min(first), to.max(last)))
    }

    /// Returns the days with a record of the account, ascending: no other can be covered. A log may tell of
    /// days that are millions of days apart.
    fn account_days(&self, account: &str) -> impl Iterator<Item = i32> {
        days_of(self.areas.get(account).into_iter().flat_map(BTreeMap::values))
    }

    /// Returns the days (since 1970-01-01, UTC) of the window with a record of the account, and those with a
    /// data event of whatever kind.
    pub fn days_seen(&self, account: &str) -> (BTreeSet<i32>, BTreeSet<i32>) {
        let areas = || self.areas.get(account).into_iter().flat_map(BTreeMap::values);
        let within = |day: &i32| !self.is_holed(*day);
        let all = areas().flat_map(|area| area.alive.days()).filter(within).collect();
        let data = areas().flat_map(|area| area.any_data.days()).filter(within).collect();
        (all, data)
    }

    /// Returns the types of the data events that an account has in the window, with the first and the last of the days
    /// (since 1970-01-01, UTC) that are known, and whether all are: not where there are more resources than are
    /// remembered. An event that names several resources tells no type.
    pub fn data_types(&self, account: &str) -> BTreeMap<&str, (i32, i32, bool)> {
        let mut types: BTreeMap<&str, (i32, i32, bool)> = BTreeMap::new();
        let areas = self.areas.get(account).into_iter().flat_map(BTreeMap::values);
        for (kind, events) in areas.flat_map(|area| &area.data) {
            let all = [Access::Read, Access::Write].map(|access| &events.of(access).0);
            let all = || all.into_iter().flat_map(BTreeMap::values);
            let spans = all().flat_map(Resources::sorted).filter_map(|(_, hours)| {
                let mut days = hours.days().filter(|day| !self.is_holed(*day));
                let first = days.next()?;
                Some((first, days.next_back().unwrap_or(first)))
            });
            let whole = all().all(|resources| resources.len() < MOST_RESOURCES);
            let join = |(first, last): (i32, i32), (from, until): (i32, i32)| {
                (first.min(from), last.max(until))
            };
            let Some((first, last)) = spans.reduce(join) else { continue };
            let known = types.entry(kind).or_insert((first, last, whole));
            *known = (known.0.min(first), known.1.max(last), known.2 && whole);
        }
        types
    }

    fn area(&self, account: &str, region: &str) -> Option<&Area> {
        self.areas.get(account)?.get(region)
    }

    fn is_holed(&self, day: i32) -> bool {
        let (start, end) = seconds(day);
        self.holes.iter().any(|(from, until)| *from < end && start < *until)
    }

    /// Returns whether all of a day lies before the window or behind it.
    fn is_beyond(&self, day: i32) -> bool {
        let (start, end) = seconds(day);
        let open =
            self.holes.iter().filter(|(from, until)| *from == i64::MIN || *until == i64::MAX);
        open.into_iter().any(|(from, until)| *from <= start && end <= *until)
    }

    /// Says whether presence alone proves it for a region, or for global services.
    fn is_present(&self, question: &Question<'_>, region: &str, day: i32) -> bool {
        let Some(area) = self.area(question.account, region) else { return false };
        if self.is_disturbed(question.account, day) || self.may_leave_out(question) {
            return false;
        }
        let unbroken = |name: &str| {
            let hours = area.management.get(name);
            hours.is_some_and(|hours| hours.of(question.access).unbroken(day))
        };
        match (question.class, question.event_source) {
            (Class::Management, Some(source)) => unbroken(stream(source)),
            (Class::Management, None) => unbroken("") && services::excludable().all(unbroken),
            (Class::Data(kind), _) => {
                // A selector may choose by event name: what others show proves nothing.
                let Some(name) = question.event_name else { return false };
                // A log may hold a key that reads like a pattern: it proves nothing of others.
                if selector::is_pattern(question.resource) {
                    return false;
                }
                let events: Option<&Events> =
                    area.data.get(kind).map(|events| events.of(question.access));
                events
                    .and_then(|events| events.0.get(name)?.get(question.resource))
                    .is_some_and(|hours| hours.unbroken(day))
            }
        }
    }

    /// Says whether something was done on the day to a trail that may have logged the account.
    fn is_disturbed(&self, account: &str, day: i32) -> bool {
        let (start, end) = seconds(day);
        self.trails.iter().any(|(key, trail)| {
            let concerns = key.account() == account
                || trail.reach(start).is_some_and(|reach| reach.organization);
            concerns && trail.disturbed(start..end)
        })
    }

    /// Says whether a trail takes calls like these of some callers only, so that those of others prove
    /// nothing of the one that is asked about. Whether it reaches the account is not asked: that is
    /// rarely sure, and of a trail that does not the records are not here.
    fn may_leave_out(&self, question: &Question<'_>) -> bool {
        let mut selectors = self.trails.values().flat_map(Trail::selectors);
        selectors.any(|selector| selector.picks_callers() && selector.may_leave_out(question))
    }

    /// Returns whether a trail takes calls of some callers only: then it matters who is asked about.
    pub fn picks_callers(&self) -> bool {
        self.trails.values().flat_map(Trail::selectors).any(Selector::picks_callers)
    }

    /// Says whether a declared trail logged what `want` approves of, and its files are here.
    fn is_declared(
        &self,
        account: &str,
        region: &str,
        day: i32,
        want: &dyn Fn(&Selector) -> bool,
    ) -> bool {
        let (start, end) = seconds(day);
        let alive =
            |region: &str| self.area(account, region).is_some_and(|area| area.alive.unbroken(day));
        self.trails.iter().filter(|(_, trail)| trail.is_declared()).any(|(key, trail)| {
            let reach = trail.reach(start).unwrap_or_default();
            let here = if region == GLOBAL {
                // A trail of all regions has global events in the files of one of them.
                let home = home(key.region()).filter(|_| reach.regions);
                reach.global && (alive(GLOBAL) || home.is_some_and(alive))
            } else {
                (reach.regions || key.region() == region) && alive(region)
            };
            here && (reach.organization || key.account() == account) && trail.logs(start..end, want)
        })
    }
}

impl Join for Coverage {
    fn join(&mut self, other: Self) {
        for (account, regions) in other.areas {
            join_maps(self.areas.entry(account).or_default(), regions);
        }
        join_maps(&mut self.trails, other.trails);
        self.holes.extend(other.holes);
    }
}

/// Returns where coverage counts a call: its region, or [`GLOBAL`] for global services.
pub fn place<'r>(event_source: &str, region: &'r str) -> &'r str {
    if recorded(event_source).is_some() { GLOBAL } else { region }
}

/// Returns the places in which all records of a question would stand.
fn regions<'q>(question: &Question<'q>) -> Vec<&'q str> {
    match (question.class, question.event_source.map(recorded)) {
        (_, Some(Some(Recorded::Always))) => vec![GLOBAL],
        (Class::Data(_), None) | (_, Some(None)) => vec![question.region],
        // It may be either, so it is covered where both are.
        (_, Some(Some(Recorded::Maybe))) | (Class::Management, None) => {
            vec![GLOBAL, question.region]
        }
    }
}

/// Returns what usages depend on beside the code: the text of the data.
pub(crate) fn data() -> &'static str {
    services::DATA
}

/// Returns the days with any record of some areas, ascending.
fn days_of<'a>(areas: impl Iterator<Item = &'a Area>) -> impl Iterator<Item = i32> {
    let mut days: Vec<i32> = areas.flat_map(|area| area.alive.days()).collect();
    days.sort_unstable();
    days.dedup();
    days.into_iter()
}

/// Returns the first second of a day and the first of the next.
fn seconds(day: i32) -> (i64, i64) {
    let start = i64::from(day) * 86_400;
    (start, start + 86_400)
}

#[cfg(test)]
mod tests;
