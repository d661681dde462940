//! What was recorded where and when: proof that CloudTrail was looking.
//!
//! A record proves that its own kind was recorded at its moment, and no more: a
//! read nothing about writes, an event of one account or region nothing about
//! another, a data event nothing about other resources or event names, since
//! selectors may choose by each of these. Sources that a trail may leave out
//! (KMS) stand for themselves.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
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
///
/// Most of a log's resources are new, and they are not sought in order but once each: so they are hashed, and
/// what is beyond the bound is let go of a few hundred at a time. Nothing shows the difference: all that is
/// asked is asked of the first by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    hours: HashMap<Box<str>, Hours, RandomState>,
    /// What comes after it is beyond the bound; nothing was let go of where there is none.
    last: Option<Box<str>>,
}

/// How many more than are kept may be held before they are let go.
const SLACK: usize = RESOURCES / 4;

impl Resources {
    fn add(&mut self, arn: &str, time: i64) {
        if self.last.as_deref().is_some_and(|last| arn > last) {
            return;
        }
        if let Some(hours) = self.hours.get_mut(arn) {
            return hours.add(time);
        }
        self.hours.entry(arn.into()).or_default().add(time);
        if self.hours.len() > RESOURCES + SLACK {
            self.bound();
        }
    }

    /// Keeps the first by name: whatever is among them in the whole is so in each part, so nothing
    /// of it is ever lost on the way.
    fn bound(&mut self) {
        if self.hours.len() <= RESOURCES {
            return;
        }
        let mut all: Vec<&str> = self.hours.keys().map(|arn| &**arn).collect();
        let (_, last, _) = all.select_nth_unstable(RESOURCES - 1);
        let last: Box<str> = (*last).into();
        self.hours.retain(|arn, _| *arn <= last);
        self.last = Some(last);
    }

    /// Returns those that are kept, ascending by ARN.
    pub(crate) fn sorted(&self) -> Vec<(&str, &Hours)> {
        let mut all: Vec<_> = self.hours.iter().map(|(arn, hours)| (&**arn, hours)).collect();
        all.sort_unstable_by_key(|(arn, _)| *arn);
        all.truncate(RESOURCES);
        all
    }

    /// Returns how many are kept.
    pub(crate) fn len(&self) -> usize {
        self.hours.len().min(RESOURCES)
    }

    pub(crate) fn get(&self, arn: &str) -> Option<&Hours> {
        let hours = self.hours.get(arn)?;
        let before = || self.hours.keys().filter(|known| &***known < arn).count();
        (self.hours.len() <= RESOURCES || before() < RESOURCES).then_some(hours)
    }
}

impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Eq for Resources {}

impl Serialize for Resources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.sorted())
    }
}

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut resources = Resources { hours: HashMap::deserialize(deserializer)?, last: None };
        resources.bound();
        Ok(resources)
    }
}

impl Join for Resources {
    fn join(&mut self, mut other: Self) {
        if self.hours.len() < other.hours.len() {
            std::mem::swap(self, &mut other);
        }
        for (arn, hours) in other.hours {
            self.hours.entry(arn).or_default().join(hours);
        }
        let last = self.last.take().into_iter().chain(other.last).min();
        if let Some(last) = &last {
            self.hours.retain(|arn, _| arn <= last);
        }
        self.last = last;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(seen: &[(u16, i64)]) -> Resources {
        let mut resources = Resources::default();
        seen.iter().for_each(|(name, time)| resources.add(&format!("{name:05}"), *time));
        resources
    }

    #[test]
    fn as_many_as_may_be_are_kept_when_others_are_let_go_of() {
        let most = u16::try_from(RESOURCES + SLACK + 1).unwrap();
        let seen: Vec<(u16, i64)> = (0..most).map(|name| (name, 0)).collect();
        let names = |resources: &Resources| {
            resources.sorted().iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()
        };
        let first: Vec<String> = (0..RESOURCES).map(|name| format!("{name:05}")).collect();
        assert_eq!(names(&of(&seen)), first);
        let mut joined = of(seen.get(..RESOURCES).unwrap());
        joined.join(of(&seen));
        assert_eq!(names(&joined), first);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_first_by_name_are_kept_in_whatever_order_they_come(
            seen in prop::collection::vec((0u16..2600, 0i64..900_000), 0..4500), at in any::<prop::sample::Index>(),
        ) {
            let mut all: BTreeMap<String, Hours> = BTreeMap::new();
            for (name, time) in &seen {
                all.entry(format!("{name:05}")).or_default().add(*time);
            }
            let kept: Vec<(&str, &Hours)> =
                all.iter().take(RESOURCES).map(|(arn, hours)| (arn.as_str(), hours)).collect();
            let whole = of(&seen);
            prop_assert_eq!(whole.sorted(), kept.clone());
            prop_assert_eq!(whole.len(), kept.len());
            for (number, (arn, hours)) in all.iter().enumerate() {
                prop_assert_eq!(whole.get(arn), Some(hours).filter(|_| number < RESOURCES));
            }
            let (before, after) = seen.split_at(at.index(seen.len() + 1));
            let mut joined = of(before);
            joined.join(of(after));
            joined.join(whole.clone());
            prop_assert_eq!(joined.sorted(), kept);
            let text = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Resources>(&text).unwrap(), whole);
        }
    }
}
