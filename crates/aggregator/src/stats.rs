//! What is remembered about equal calls: when, how often, and a few of them as
//! evidence.
//!
//! Every field is a join: associative, commutative and *idempotent*, so that
//! the order of files, the number of threads, duplicate deliveries and archives
//! read twice change nothing. That is why there is no counter here. "How often"
//! is a sketch over the keys of events: exact while small, an estimate (shown as
//! `≈`) after that.
//!
//! Most calls of an archive are seen once or twice, and there may be a million of
//! them: the lists here grow without slack, and what follows from the samples is
//! not kept beside them.

mod days;
mod sample;

use std::sync::Arc;

use crate::context::{Context, Few};
use crate::sketch::{Count, Sketch};

pub use days::Days;
pub use sample::Evidence;
pub(crate) use sample::{Origin, Sample};

/// How many events are kept as evidence of one call.
pub const EVIDENCE: usize = 16;

/// A value that only ever grows: joining twice is joining once.
pub trait Join {
    /// Takes up whatever `other` knows and `self` does not.
    fn join(&mut self, other: Self);
}

/// Names one event across its copies: the original's id for an amended record,
/// the shared id for one delivered to several accounts, its own id else.
#[derive(Clone, Copy, Debug)]
pub struct EventKey<'a> {
    /// The key itself; sampled by hash, compared whole.
    pub key: &'a str,
    /// The `eventID` a person looks up.
    pub event_id: &'a str,
    /// `eventTime` in seconds since 1970-01-01T00:00:00Z, where it could be read.
    pub time: Option<i64>,
    /// `awsRegion`.
    pub region: &'a str,
}

/// When, how often and by which events equal calls were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
    pub(crate) days: Days,
    /// All events, where there are more than the samples; empty else.
    pub(crate) sketch: Sketch,
    /// The events with the smallest hashes, ascending by hash, then key.
    pub(crate) samples: Vec<Sample>,
    /// From where they came; mostly all from one place, which many calls share.
    pub(crate) context: Option<Arc<Context>>,
    /// Whether only some of the days are left: then numbers are upper bounds.
    pub(crate) cut: bool,
}

impl Stats {
    /// Takes up one event, found in `file`.
    pub fn add(&mut self, event: EventKey<'_>, file: &Arc<str>) {
        let origin = Origin { region: event.region.into(), file: Arc::clone(file) };
        self.add_from(event, &Arc::new(origin));
    }

    /// Takes up one event; its region and file are those of `origin`.
    pub(crate) fn add_from(&mut self, event: EventKey<'_>, origin: &Arc<Origin>) {
        if let Some(time) = event.time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
            self.days.insert(day(time));
        }
        // The hash samples only; identity is by the whole key.
        let hash = sample::hash(event.key);
        let full = self.samples.len() == EVIDENCE;
        if full && self.samples.last().is_some_and(|last| hash > last.hash) {
            return self.count(hash);
        }
        let EventKey { key, event_id, time, .. } = event;
        self.sample(Sample::hashed(hash, key, event_id, time, Arc::clone(origin)));
    }

    /// Counts an event beside the samples.
    fn count(&mut self, hash: u64) {
        if self.sketch.is_empty() {
            self.sketch = Sketch::of(self.samples.iter().map(|sample| sample.hash).collect());
        }
        self.sketch.add(hash);
    }

    /// Takes up from where an event came.
    pub(crate) fn add_context(&mut self, context: &Arc<Context>) {
        match &mut self.context {
            None => self.context = Some(Arc::clone(context)),
            Some(known) => {
                if !Arc::ptr_eq(known, context) && !known.includes(context) {
                    Arc::make_mut(known).join(context);
                }
            }
        }
    }

    pub(crate) fn sample(&mut self, new: Sample) {
        match self.samples.binary_search_by(|old| old.order(&new)) {
            // The same event again, perhaps from another file: the smaller account of it stays.
            Ok(at) => {
                if let Some(old) = self.samples.get_mut(at)
                    && new.is_before(old)
                {
                    *old = new;
                }
            }
            Err(at) => {
                if self.samples.len() == EVIDENCE || !self.sketch.is_empty() {
                    self.count(new.hash);
                }
                if at == EVIDENCE {
                    return;
                }
                if self.samples.len() == EVIDENCE {
                    self.samples.pop();
                } else if self.samples.len() < 4 {
                    self.samples.reserve_exact(1);
                }
                self.samples.insert(at, new);
            }
        }
    }

    /// Returns the time of the first event, seconds since 1970.
    pub fn first(&self) -> Option<i64> {
        self.first
    }

    /// Returns the time of the last event, seconds since 1970.
    pub fn last(&self) -> Option<i64> {
        self.last
    }

    /// Returns the days (since 1970-01-01, UTC) on which events were seen, ascending.
    pub fn days(&self) -> &Days {
        &self.days
    }

    /// Returns how many distinct events were seen.
    pub fn calls(&self) -> Count {
        let count = if self.sketch.is_empty() {
            Count { value: self.samples.len() as u64, estimated: false }
        } else {
            self.sketch.count()
        };
        Count { estimated: count.estimated || self.cut, ..count }
    }

    /// Returns the hashes of the events that it can name: all of them while they are few.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = u64> {
        let samples = if self.sketch.is_empty() { &*self.samples } else { &[] };
        self.sketch.hashes().iter().copied().chain(samples.iter().map(|sample| sample.hash))
    }

    /// Returns the VPC endpoints the calls came through.
    pub fn endpoints(&self) -> &Few {
        self.context.as_ref().map_or(Few::none(), |context| &context.endpoints)
    }

    /// Returns the networks the calls came from: /24 or /48, or the name of a service.
    pub fn networks(&self) -> &Few {
        self.context.as_ref().map_or(Few::none(), |context| &context.networks)
    }

    /// Returns whether no event was taken up.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.sketch.is_empty()
    }

    /// Returns what is left within the days from `since` and before `until`; nothing if no
    /// dated event lies there. Where days are cut off, counts are estimates from above, the first
    /// and last times may be those of their days, and the context is that of all days.
    pub(crate) fn within(&self, since: Option<i32>, until: Option<i32>) -> Option<Stats> {
        let held = |day: i32| {
            since.is_none_or(|since| day >= since) && until.is_none_or(|until| day < until)
        };
        if self.days.iter().all(held) {
            return (!self.days.is_empty()).then(|| self.clone());
        }
        let days: Days = self.days.iter().filter(|day| held(*day)).collect();
        let (first, last) = (days.first()?, days.last()?);
        let start = i64::from(first) * 86_400;
        let end = i64::from(last) * 86_400 + 86_399;
        let mut cut = self.clone();
        cut.samples.retain(|sample| sample.time().is_some_and(|time| held(day(time))));
        if cut.sketch.is_empty() && cut.samples.len() < self.samples.len() {
            cut.sketch = Sketch::of(self.hashes().collect());
        }
        cut.first = self.first.map(|time| time.max(start));
        cut.last = self.last.map(|time| time.min(end));
        cut.days = days;
        cut.cut = true;
        Some(cut)
    }

    /// Returns up to [`EVIDENCE`] events, oldest first.
    pub fn evidence(&self) -> Vec<Evidence> {
        let mut all: Vec<Evidence> = self.samples.iter().map(Sample::evidence).collect();
        all.sort();
        all
    }
}

impl Join for Stats {
    fn join(&mut self, other: Self) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.days.join(&other.days);
        if !self.sketch.is_empty() || !other.sketch.is_empty() {
            let mut all = Sketch::of(self.hashes().collect());
            all.join(&Sketch::of(other.hashes().collect()));
            self.sketch = all;
        }
        for sample in other.samples {
            self.sample(sample);
        }
        if let Some(context) = &other.context {
            self.add_context(context);
        }
        self.cut |= other.cut;
    }
}

/// Returns the UTC day of a time, counted from 1970-01-01.
pub fn day(time: i64) -> i32 {
    // A four-digit year stays far inside the range.
    i32::try_from(time.div_euclid(86_400)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn stats(events: &[(u16, i64, u8)]) -> Stats {
        let mut stats = Stats::default();
        for (id, time, source) in events {
            let id = format!("event-{id}");
            let event =
                EventKey { key: &id, event_id: &id, time: Some(*time), region: "eu-west-1" };
            stats.add(event, &file(&format!("file-{source}")));
        }
        stats
    }

    fn joined(mut a: Stats, b: &Stats) -> Stats {
        a.join(b.clone());
        a
    }

    #[test]
    fn counts_exactly_while_small_and_estimates_after() {
        let few = stats(&(0..200).map(|i| (i, 0, 0)).collect::<Vec<_>>());
        assert_eq!(few.calls(), Count { value: 200, estimated: false });
        let many = stats(&(0..20_000).map(|i| (i, 0, 0)).collect::<Vec<_>>());
        let count = many.calls();
        assert!(count.estimated);
        assert!((16_000..24_000).contains(&count.value), "{count:?}");
        assert_eq!(many.evidence().len(), EVIDENCE);
    }

    #[test]
    fn the_day_of_a_time_before_1970_is_negative() {
        assert_eq!((day(-1), day(0), day(86_399), day(86_400)), (-1, 0, 0, 1));
    }

    proptest! {
        #[test]
        fn join_is_associative_commutative_idempotent(
            a in prop::collection::vec((0u16..600, 0i64..900_000, 0u8..3), 0..400),
            b in prop::collection::vec((0u16..600, 0i64..900_000, 0u8..3), 0..400),
            c in prop::collection::vec((0u16..600, 0i64..900_000, 0u8..3), 0..400),
        ) {
            // One event has one time: what differs between its copies is the file.
            let fix = |events: Vec<(u16, i64, u8)>| -> Vec<_> {
                events.into_iter().map(|(id, _, source)| (id, i64::from(id) * 1000, source)).collect()
            };
            let (a, b, c) = (fix(a), fix(b), fix(c));
            let (sa, sb, sc) = (stats(&a), stats(&b), stats(&c));
            prop_assert_eq!(joined(sa.clone(), &sb), joined(sb.clone(), &sa));
            prop_assert_eq!(joined(joined(sa.clone(), &sb), &sc), joined(sa.clone(), &joined(sb.clone(), &sc)));
            prop_assert_eq!(joined(sa.clone(), &sa), sa.clone());
            let together: Vec<_> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(joined(sa, &sb), stats(&together));
        }
    }
}
