//! What was recorded where and when: proof that CloudTrail was looking.
//!
//! A record proves that its own kind was recorded at its moment, and no more: a
//! read nothing about writes, an event of one account or region nothing about
//! another, a data event nothing about other resources or event names, since
//! selectors may choose by each of these. Sources that a trail may leave out
//! (KMS) stand for themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trailtrim_ingest::Record;

use super::Access;
use super::hours::Hours;
use super::services;
use crate::listed::Listed;
use crate::stats::Join;

/// How many resources of one kind are remembered; the first by name are.
///
/// Whatever is beyond counts as not covered, which is always safe. What has more resources than
/// this, such as the objects of a bucket, no policy names one by one.
pub const RESOURCES: usize = 1000;

/// Reads and writes apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadWrite<T> {
    read: T,
    write: T,
}

impl<T> ReadWrite<T> {
    pub(crate) fn of(&self, access: Access) -> &T {
        match access {
            Access::Read => &self.read,
            Access::Write => &self.write,
        }
    }

    fn of_mut(&mut self, access: Access) -> &mut T {
        match access {
            Access::Read => &mut self.read,
            Access::Write => &mut self.write,
        }
    }
}

impl<T: Join> Join for ReadWrite<T> {
    fn join(&mut self, other: Self) {
        self.read.join(other.read);
        self.write.join(other.write);
    }
}

/// When each of a bounded number of resources was seen, by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Resources(BTreeMap<Box<str>, Hours>);

impl Resources {
    fn add(&mut self, arn: &str, time: i64) {
        // Before it is sought: of very many resources most are beyond the last one kept.
        let full = self.0.len() >= RESOURCES;
        if full && self.0.last_key_value().is_some_and(|(last, _)| arn > &**last) {
            return;
        }
        if let Some(hours) = self.0.get_mut(arn) {
            return hours.add(time);
        }
        self.0.entry(arn.into()).or_default().add(time);
        self.bound();
    }

    /// Keeps the first by name: whatever is among them in the whole is so in each part, so nothing
    /// of it is ever lost on the way.
    fn bound(&mut self) {
        while self.0.len() > RESOURCES {
            self.0.pop_last();
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Hours)> {
        self.0.iter().map(|(arn, hours)| (&**arn, hours))
    }

    pub(crate) fn get(&self, arn: &str) -> Option<&Hours> {
        self.0.get(arn)
    }
}

impl Join for Resources {
    fn join(&mut self, other: Self) {
        join_maps(&mut self.0, other.0);
        self.bound();
    }
}

/// By event name, the resources of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Events(pub(crate) BTreeMap<Box<str>, Resources>);

impl Join for Events {
    fn join(&mut self, other: Self) {
        join_maps(&mut self.0, other.0);
    }
}

/// What was recorded in one account and region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Area {
    /// Any record at all: files were delivered and read.
    pub(crate) alive: Hours,
    /// Management events: those of sources that may be left out by source, all others under "".
    pub(crate) management: BTreeMap<Box<str>, ReadWrite<Hours>>,
    /// Data events by resource type.
    pub(crate) data: BTreeMap<Box<str>, ReadWrite<Events>>,
    /// Any data event, of whatever resources.
    pub(crate) any_data: Hours,
}

impl Area {
    /// Takes up a record of this area.
    pub(crate) fn add(&mut self, record: &Record<'_>, listed: &[Listed<'_>], time: i64) {
        self.alive.add(time);
        let category = record.event_category.as_deref();
        let is = (category, record.management_event);
        if matches!(is, (Some("Data"), _) | (None, Some(false))) {
            self.any_data.add(time);
        }
        let access = match record.read_only {
            Some(true) => Access::Read,
            Some(false) => Access::Write,
            None => return,
        };
        match is {
            (Some("Management"), _) | (None, Some(true)) => {
                let stream = stream(&record.event_source);
                change(&mut self.management, stream, |hours| hours.of_mut(access).add(time));
            }
            (Some("Data"), _) | (None, Some(false)) => {
                let Some((kind, arn)) = only_resource(listed) else { return };
                change(&mut self.data, kind, |events| {
                    change(&mut events.of_mut(access).0, &record.event_name, |resources| {
                        resources.add(arn, time);
                    });
                });
            }
            _ => {}
        }
    }
}

impl Join for Area {
    fn join(&mut self, other: Self) {
        self.alive.join(other.alive);
        join_maps(&mut self.management, other.management);
        join_maps(&mut self.data, other.data);
        self.any_data.join(other.any_data);
    }
}

/// Returns what management events of a source are counted under.
pub(crate) fn stream(source: &str) -> &str {
    if services::is_excludable(source) { source } else { "" }
}

/// Returns type and ARN of the resource that a data event was surely selected by.
///
/// Of one that names several it is not known by which it was selected.
fn only_resource<'l>(listed: &'l [Listed<'_>]) -> Option<(&'l str, &'l str)> {
    let mut only = None;
    for Listed { kind, arn, .. } in listed {
        let kind = kind.as_deref()?;
        if services::is_unselectable(kind) {
            continue;
        }
        let before = only.replace((kind, arn.as_deref()?));
        if before.is_some() {
            return None;
        }
    }
    only
}

/// Changes the value of a key, which is copied only where it is new.
pub(crate) fn change<T: Default>(
    map: &mut BTreeMap<Box<str>, T>,
    key: &str,
    change: impl FnOnce(&mut T),
) {
    match map.get_mut(key) {
        Some(value) => change(value),
        None => change(map.entry(key.into()).or_default()),
    }
}

pub(crate) fn join_maps<K: Ord, V: Join + Default>(
    map: &mut BTreeMap<K, V>,
    other: BTreeMap<K, V>,
) {
    for (key, value) in other {
        map.entry(key).or_default().join(value);
    }
}
