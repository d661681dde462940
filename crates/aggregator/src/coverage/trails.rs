//! What is known of each trail: what it was declared to log, and what the log
//! itself shows of changes to it.
//!
//! Only a declared trail adds coverage: a trail that the log merely mentions may
//! deliver its files to somebody else. What the log shows of a declared trail
//! bounds the declaration, which was written down after the last change and says
//! nothing of the time before.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};
use trailtrim_ingest::{Json, Record};

use super::declaration;
use super::selector::Selector;
use super::services::GLOBAL;
use crate::stats::Join;

/// A trail, as `region:account:trail/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrailKey(Box<str>);

impl TrailKey {
    /// Reads `arn:aws:cloudtrail:region:account:trail/name`; returns the partition beside it.
    pub(crate) fn from_arn(arn: &str) -> Option<(TrailKey, &str)> {
        let (partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
        let rest = rest.strip_prefix("cloudtrail:")?;
        let mut parts = rest.splitn(3, ':');
        let (region, account) = (parts.next()?, parts.next()?);
        let name = parts.next()?.strip_prefix("trail/")?;
        let whole = is_region(region) && is_account(account) && !name.is_empty();
        whole.then(|| (TrailKey(rest.into()), partition))
    }

    /// Returns the account that owns the trail.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// Returns the region in which the trail was created.
    pub fn region(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Returns `region:account:trail/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says whether text is an account id: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Says whether text looks like a region's code.
pub(crate) fn is_region(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len()) && text != GLOBAL && text.bytes().all(plain)
}

/// How far a trail reaches beyond its own account and region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reach {
    /// It logs every region.
    pub regions: bool,
    /// It logs every account of the organization.
    pub organization: bool,
    /// It logs global service events.
    pub global: bool,
}

/// What a record says was done to a trail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Made, not yet logging, with the selectors of a new trail.
    Created,
    /// Logging begins.
    Started,
    /// Logging ends.
    Stopped,
    /// Gone.
    Deleted,
    /// Reach or destination changed.
    Updated,
    /// New selectors.
    Selectors(BTreeSet<Selector>),
    /// New selectors that could not be read.
    Unreadable,
}

/// What is known of one trail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// What people declared; where two declarations differ, only what both say counts.
    declared: BTreeSet<BTreeSet<Selector>>,
    /// What is known of the reach; only what all agree on counts.
    reaches: BTreeSet<Reach>,
    /// Changes by time, seconds since 1970.
    changes: BTreeMap<i64, BTreeSet<Change>>,
}

impl Trail {
    pub(crate) fn declare(&mut self, selectors: BTreeSet<Selector>) {
        self.declared.insert(selectors);
    }

    pub(crate) fn reach_to(&mut self, reach: Reach) {
        self.reaches.insert(reach);
    }

    /// Returns whether somebody said that this trail's log is what is read.
    pub fn is_declared(&self) -> bool {
        !self.declared.is_empty()
    }

    /// Returns how far the trail surely reaches from a time on; `None` where nobody said.
    ///
    /// Whatever is known of the reach is of the time after the last change to it.
    pub fn reach(&self, from: i64) -> Option<Reach> {
        let mut later = from.checked_add(1).map(|after| self.changes.range(after..));
        let changed = later.iter_mut().flatten().any(|(_, set)| set.contains(&Change::Updated));
        let all = |flag: fn(&Reach) -> bool| !changed && self.reaches.iter().all(flag);
        (!self.reaches.is_empty()).then(|| Reach {
            regions: all(|reach| reach.regions),
            organization: all(|reach| reach.organization),
            global: all(|reach| reach.global || reach.regions),
        })
    }

    /// Returns the changes that were seen, by time in seconds since 1970.
    pub fn changes(&self) -> &BTreeMap<i64, BTreeSet<Change>> {
        &self.changes
    }

    /// Returns every selector that was in force at some time.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let changed = self.changes.values().flatten().filter_map(|change| match change {
            Change::Selectors(selectors) => Some(selectors),
            _ => None,
        });
        self.declared.iter().chain(changed).flatten()
    }

    /// Returns whether something that may have interrupted the log happened to it in this time.
    pub(crate) fn disturbed(&self, time: Range<i64>) -> bool {
        self.changes.range(time).any(|(_, changes)| changes.iter().any(|c| *c != Change::Created))
    }

    /// Returns whether the trail was logging, with selectors that `want` approves of, during all
    /// of the time.
    pub(crate) fn logs(&self, time: Range<i64>, want: &dyn Fn(&Selector) -> bool) -> bool {
        let inside =
            self.changes.range(time.clone()).map(|(at, _)| *at).filter(|at| *at > time.start);
        std::iter::once(time.start)
            .chain(inside)
            .all(|at| self.logging_at(at) && self.selects_at(at, want))
    }

    fn logging_at(&self, at: i64) -> bool {
        let switches = |change: &Change| {
            matches!(change, Change::Created | Change::Started | Change::Stopped | Change::Deleted)
        };
        match self.last(at, &switches) {
            Some(mut changes) => changes.all(|change| *change == Change::Started),
            // Where logging is stopped later, it went on until then.
            None => match self.next(at, &switches) {
                Some(mut changes) => {
                    changes.all(|change| matches!(change, Change::Stopped | Change::Deleted))
                }
                None => true,
            },
        }
    }

    fn selects_at(&self, at: i64, want: &dyn Fn(&Selector) -> bool) -> bool {
        let sets = |change: &Change| {
            matches!(change, Change::Created | Change::Selectors(_) | Change::Unreadable)
        };
        let declared =
            || !self.declared.is_empty() && self.declared.iter().all(|set| set.iter().any(want));
        let next = self.next(at, &sets).is_some();
        match self.last(at, &sets) {
            Some(mut changes) => {
                let seen = changes.all(|change| match change {
                    Change::Selectors(selectors) => selectors.iter().any(want),
                    // A new trail logs all management events and no others.
                    Change::Created => want(&declaration::of_new_trail()),
                    _ => false,
                });
                // After the last change that was seen there may be one that was not.
                seen && self.is_declared() && (next || declared())
            }
            None => !next && declared(),
        }
    }

    /// Returns the last changes of a kind at or before a time; those of one second have no order.
    fn last<'t>(
        &'t self,
        at: i64,
        kind: &'t dyn Fn(&Change) -> bool,
    ) -> Option<impl Iterator<Item = &'t Change>> {
        let mut before = self.changes.range(..=at).rev().map(|(_, changes)| changes);
        let found = before.find(|changes| changes.iter().any(kind))?;
        Some(found.iter().filter(move |change| kind(change)))
    }

    /// Returns the first changes of a kind after a time.
    fn next<'t>(
        &'t self,
        at: i64,
        kind: &'t dyn Fn(&Change) -> bool,
    ) -> Option<impl Iterator<Item = &'t Change>> {
        let mut after = self.changes.range(at.checked_add(1)?..).map(|(_, changes)| changes);
        let found = after.find(|changes| changes.iter().any(kind))?;
        Some(found.iter().filter(move |change| kind(change)))
    }
}

impl Join for Trail {
    fn join(&mut self, other: Self) {
        self.declared.extend(other.declared);
        self.reaches.extend(other.reaches);
        for (time, changes) in other.changes {
            self.changes.entry(time).or_default().extend(changes);
        }
    }
}

/// Takes the change that a record tells of, if it does, into the trail that it happened to.
pub(crate) fn note(trails: &mut BTreeMap<TrailKey, Trail>, record: &Record<'_>) {
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().is_none_or(str::is_empty);
    let failed = !(text(&record.error_code) && text(&record.error_message));
    let Some(time) = record.time().map(|time| time.timestamp()).filter(|_| !failed) else { return };
    let change = match &*record.event_name {
        "CreateTrail" => Change::Created,
        "StartLogging" => Change::Started,
        "StopLogging" => Change::Stopped,
        "DeleteTrail" => Change::Deleted,
        "UpdateTrail" => Change::Updated,
        "PutEventSelectors" => Change::Unreadable,
        _ => return,
    };
    let Some((key, partition)) = key(record) else { return };
    let trail = trails.entry(key).or_default();
    let tellers = || record.response_elements.iter().chain(&record.request_parameters);
    let change = match change {
        Change::Unreadable => tellers()
            .find_map(|json| declaration::recorded_selectors(json.text(), &partition))
            .map_or(Change::Unreadable, Change::Selectors),
        Change::Created | Change::Updated => {
            let reach = record.response_elements.as_ref();
            let reach = reach.and_then(|json| declaration::recorded_reach(json.text()));
            trail.reach_to(reach.unwrap_or_default());
            change
        }
        change => change,
    };
    trail.changes.entry(time).or_default().insert(change);
}

/// Names the trail that a record is about: the response has its ARN, the request an ARN or a name.
///
/// A name is one of the trails of the account and region that was called.
fn key(record: &Record<'_>) -> Option<(TrailKey, String)> {
    let member = |json: &Option<Json<'_>>, names: &[&str]| {
        let json = json.as_ref()?;
        names.iter().find_map(|name| Some(json.get(name)?.as_text()?.into_owned()))
    };
    let arn = member(&record.response_elements, &["trailARN"]);
    let named = arn.or_else(|| member(&record.request_parameters, &["trailName", "name"]))?;
    if let Some((key, partition)) = TrailKey::from_arn(&named) {
        let partition = partition.to_owned();
        return Some((key, partition));
    }
    let region = record.aws_region.as_deref()?;
    let account = record.recipient_account_id.as_deref()?;
    // The partition decides only whether `arn:aws:s3` means every bucket; an unknown one never does.
    let (key, _) =
        TrailKey::from_arn(&format!("arn:-:cloudtrail:{region}:{account}:trail/{named}"))?;
    Some((key, "-".to_owned()))
}
