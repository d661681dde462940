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
mod more;
mod sample;

use std::sync::Arc;

use smallvec::SmallVec;
use trailtrim_ingest::Label;

use crate::context::{Context, Few};
use crate::sketch::{Count, Hash, Sketch, kept};

pub use days::Days;
use more::More;
pub(crate) use more::Times;
pub use sample::Evidence;
pub(crate) use sample::{Origin, Sample};

/// The seconds of a day.
const DAY: i64 = 86_400;

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

impl EventKey<'_> {
    /// Returns what is kept of the event.
    pub(crate) fn sample(self, origin: &Arc<Origin>) -> Sample {
        self.hashed(sample::hash(self.key), origin)
    }

    fn hashed(self, hash: u64, origin: &Arc<Origin>) -> Sample {
        Sample::hashed(hash, self.key, self.event_id, self.time, Arc::clone(origin))
    }
}

/// Events that are still to be taken up; mostly one.
pub(crate) type Events = SmallVec<[Sample; 1]>;

/// When, how often and by which events equal calls were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The events with the smallest hashes, ascending by hash, then key.
    samples: Box<[Sample]>,
    /// From where they came; mostly all from one place, which many calls share.
    pub(crate) context: Option<Arc<Context>>,
    /// What does not follow from the samples; there only if something does not.
    more: Option<Box<More>>,
}

impl Stats {
    /// Takes up one event, found in `file`.
    pub fn add(&mut self, event: EventKey<'_>, file: &Label) {
        let origin = Origin { region: event.region.into(), file: file.clone() };
        self.add_from(event, &Arc::new(origin));
    }

    /// Takes up one event; its region and file are those of `origin`.
    pub(crate) fn add_from(&mut self, event: EventKey<'_>, origin: &Arc<Origin>) {
        // The hash samples only; identity is by the whole key.
        let hash = sample::hash(event.key);
        if self.is_full() && self.samples.last().is_some_and(|last| last.order_of(hash).is_gt()) {
            let more = More::of(&mut self.more, &self.samples);
            more.times.see(event.time);
            more.count(hash, &self.samples);
            return;
        }
        self.sample(event.hashed(hash, origin));
    }

    /// Says whether it has as many samples as it ever has.
    pub(crate) fn is_full(&self) -> bool {
        self.samples.len() == EVIDENCE
    }

    /// Takes up events.
    pub(crate) fn take_up(&mut self, mut events: Events) {
        // Most calls are seen once.
        if self.is_empty()
            && events.len() == 1
            && let Some(only) = events.pop()
        {
            self.samples = Box::new([only]);
            return;
        }
        events.sort_unstable_by(Sample::order);
        self.merge(events);
    }

    /// Takes up events that ascend; some may be the same as others, or among the samples. The list of
    /// samples is made at once: a million lists that grow one by one leave the memory in pieces.
    fn merge(&mut self, events: impl IntoIterator<Item = Sample>) {
        let mut known = std::mem::take(&mut self.samples).into_iter().peekable();
        let mut events = events.into_iter().peekable();
        let mut all: Vec<Sample> = Vec::with_capacity(known.len() + events.size_hint().0);
        // The times of events of which another account says another time.
        let mut others = Vec::new();
        loop {
            let old = match (known.peek(), events.peek()) {
                (Some(old), Some(new)) => old.order(new).is_le(),
                (old, _) => old.is_some(),
            };
            let next = if old { known.next() } else { events.next() };
            let Some(mut next) = next else { break };
            if let Some(more) = &mut self.more
                && !old
                && !more.sketch.is_empty()
            {
                more.sketch.add(next.hash());
            }
            match all.last_mut() {
                // The same event again, perhaps from another file: the smaller account of it stays.
                Some(last) if last.order(&next).is_eq() => {
                    if next.is_before(last) {
                        std::mem::swap(last, &mut next);
                    }
                    if next.time() != last.time() {
                        others.push(next.time());
                    }
                }
                _ => all.push(next),
            }
        }
        let more_than_kept = all.len() > EVIDENCE;
        if more_than_kept || !others.is_empty() || self.more.is_some() {
            let more = More::of(&mut self.more, &all);
            let times = all.iter().map(Sample::time);
            times.chain(others).for_each(|time| more.times.see(time));
            if more_than_kept && more.sketch.is_empty() {
                more.sketch = Sketch::of(all.iter().map(Sample::hash));
            }
            all.truncate(EVIDENCE);
        }
        self.samples = all.into_boxed_slice();
        self.settle();
    }

    /// Takes up an event that may be among the samples.
    fn sample(&mut self, new: Sample) {
        let time = new.time();
        let found = self.samples.binary_search_by(|old| old.order(&new));
        match found {
            // The same event again, perhaps from another file: the smaller account of it stays.
            Ok(at) => {
                let Some(old) = self.samples.get_mut(at) else { return };
                let (as_known, smaller) = (old.time() == time, new.is_before(old));
                if !as_known {
                    More::of(&mut self.more, &self.samples).times.see(time);
                }
                if smaller && let Some(old) = self.samples.get_mut(at) {
                    *old = new;
                }
            }
            Err(at) => {
                if self.samples.len() == EVIDENCE || self.sketch().is_some() {
                    let more = More::of(&mut self.more, &self.samples);
                    more.count(new.hash(), &self.samples);
                }
                if let Some(more) = &mut self.more {
                    more.times.see(time);
                }
                if at == EVIDENCE {
                    return;
                }
                let mut samples = std::mem::take(&mut self.samples).into_vec();
                if samples.len() == EVIDENCE {
                    samples.pop();
                } else {
                    samples.reserve_exact(1);
                }
                samples.insert(at, new);
                self.samples = samples.into_boxed_slice();
            }
        }
        self.settle();
    }

    /// Lets go of what follows from the samples, so that equal statistics are equal values.
    fn settle(&mut self) {
        if self.more.as_ref().is_some_and(|more| more.follows_from(&self.samples)) {
            self.more = None;
        }
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

    /// Puts statistics together as they stand in a file.
    pub(crate) fn of(
        samples: impl IntoIterator<Item = Sample>,
        times: &Times,
        sketch: Sketch,
        context: Option<Arc<Context>>,
    ) -> Stats {
        let mut stats = Stats { context, ..Stats::default() };
        stats.take_up(samples.into_iter().collect());
        let more = More::of(&mut stats.more, &stats.samples);
        more.times.join(times);
        more.sketch.join(&sketch);
        stats.settle();
        stats
    }

    /// Returns the events with the smallest hashes, ascending.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Returns the sketch of all events, where there are more than the samples.
    pub(crate) fn sketch(&self) -> Option<&Sketch> {
        self.more.as_ref().map(|more| &more.sketch).filter(|sketch| !sketch.is_empty())
    }

    /// Returns when its events were.
    pub(crate) fn times(&self) -> Times {
        match &self.more {
            Some(more) => more.times.clone(),
            None => Times::of(&self.samples),
        }
    }

    /// Returns the time of the first event, seconds since 1970.
    pub fn first(&self) -> Option<i64> {
        match &self.more {
            Some(more) => more.times.first,
            None => self.samples.iter().filter_map(Sample::time).min(),
        }
    }

    /// Returns the time of the last event, seconds since 1970.
    pub fn last(&self) -> Option<i64> {
        match &self.more {
            Some(more) => more.times.last,
            None => self.samples.iter().filter_map(Sample::time).max(),
        }
    }

    /// Tells whether [`first`](Stats::first) is an event's time, and not the beginning of its day: where other days
    /// were cut off, the day alone may be known.
    pub fn knows_first(&self) -> bool {
        self.knows(self.first(), 0)
    }

    /// Tells whether [`last`](Stats::last) is an event's time, and not the end of its day.
    pub fn knows_last(&self) -> bool {
        self.knows(self.last(), DAY - 1)
    }

    fn knows(&self, time: Option<i64>, end: i64) -> bool {
        let is_end = time.is_some_and(|time| time.rem_euclid(DAY) == end);
        !self.is_cut() || !is_end || self.samples.iter().any(|sample| sample.time() == time)
    }

    /// Returns the days (since 1970-01-01, UTC) on which events were seen, ascending.
    pub fn days(&self) -> Days {
        self.times().days
    }

    /// Returns how many distinct events were seen.
    pub fn calls(&self) -> Count {
        let count = match self.sketch() {
            Some(sketch) => sketch.count(),
            None => Count { value: self.samples.len() as u64, estimated: false },
        };
        let Some(more) = self.more.as_ref().filter(|more| more.cut.is_some()) else { return count };
        // No fewer than are known.
        let known = self.samples.len().max(more.times.days.iter().count()) as u64;
        let value = self.sketch().map_or(count.value, Sketch::least);
        Count { value: value.max(known), estimated: true }
    }

    /// Tells whether all events are surely among others: of more than can be counted, where both are the same.
    pub fn is_within(&self, other: &Stats) -> bool {
        if self == other {
            return true;
        }
        let mut both = other.clone();
        both.join(self.clone());
        !other.calls().estimated && both == *other
    }

    /// Returns a sketch of all events, however many there are.
    pub(crate) fn counted(&self) -> Sketch {
        match self.sketch() {
            Some(sketch) => sketch.clone(),
            None => Sketch::of(self.samples.iter().map(Sample::hash)),
        }
    }

    /// Returns the hashes of the events that it can name: all of them while they are few.
    pub fn hashes(&self) -> impl Iterator<Item = Hash> {
        let counted = self.sketch().and_then(Sketch::hashes);
        let samples = if counted.is_some() { &[] } else { &*self.samples };
        let sampled = samples.iter().map(|sample| kept(sample.hash()));
        counted.unwrap_or_default().iter().copied().chain(sampled)
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
        self.samples.is_empty() && self.more.is_none()
    }

    /// Returns whether only some of the days are left.
    fn is_cut(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.cut.is_some())
    }

    /// Returns the days of all that is counted.
    fn all_days(&self) -> Days {
        self.more.as_ref().map_or_else(|| self.days(), |more| more.all_days().clone())
    }

    /// Returns what is left within the days from `since` and before `until`; nothing if no
    /// dated event lies there. Where days are cut off of more events than are kept, counts are estimated from how many there were on all days, the first
    /// and last times may be those of their days ([`knows_first`](Stats::knows_first)), and the context is that of all days.
    pub(crate) fn within(&self, since: Option<i32>, until: Option<i32>) -> Option<Stats> {
        let held = |day: i32| {
            since.is_none_or(|since| day >= since) && until.is_none_or(|until| day < until)
        };
        let times = self.times();
        if times.days.iter().all(held) {
            return (!times.days.is_empty()).then(|| self.clone());
        }
        let days: Days = times.days.iter().filter(|day| held(*day)).collect();
        let (first, last) = (days.first()?, days.last()?);
        let start = i64::from(first) * DAY;
        let end = i64::from(last) * DAY + DAY - 1;
        let in_time = |sample: &&Sample| sample.time().is_some_and(|time| held(day(time)));
        let samples: Box<[Sample]> = self.samples.iter().filter(in_time).cloned().collect();
        // While every event is among the samples, what is left of them is all that is left.
        if self.more.is_none() {
            return Some(Stats { samples, context: self.context.clone(), more: None });
        }
        // As many of each day: of two parts of the days together all of them are left.
        let all = self.all_days();
        let (mut before, mut kept, mut whole) = (0, 0, 0);
        for day in all.iter() {
            whole += 1;
            before += usize::from(since.is_some_and(|since| day < since));
            kept += usize::from(held(day));
        }
        let at = |days: usize| days as f64 / f64::from(whole.max(1));
        let share = days.iter().count() as f64 / times.days.iter().count() as f64;
        let mut sketch = self.sketch().cloned().unwrap_or_default();
        sketch.cut(at(before)..at(before + kept), share);
        for sample in &self.samples {
            sketch.put(sample.hash(), in_time(&sample));
        }
        let times = Times {
            first: times.first.map(|time| time.max(start)),
            last: times.last.map(|time| time.min(end)),
            days,
        };
        let more = Some(Box::new(More { times, sketch, cut: Some(self.all_days()) }));
        Some(Stats { samples, context: self.context.clone(), more })
    }

    /// Returns the labels of the files that hold those events, in no order, some several times.
    pub fn files(&self) -> impl Iterator<Item = &Label> {
        self.samples.iter().map(|sample| &sample.origin().file)
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
        if self.is_empty() && self.context.is_none() {
            *self = other;
            return;
        }
        if let Some(context) = &other.context {
            self.add_context(context);
        }
        if other.more.is_none() {
            return self.merge(other.samples);
        }
        let mut sketch = Sketch::default();
        if self.sketch().is_some() || other.sketch().is_some() {
            sketch = self.counted();
            sketch.join(&other.counted());
        }
        let mut times = self.times();
        times.join(&other.times());
        let cut = (self.is_cut() || other.is_cut()).then(|| {
            let mut all = self.all_days();
            all.join(&other.all_days());
            all
        });
        self.merge(other.samples);
        let more = More::of(&mut self.more, &self.samples);
        more.times = times;
        more.sketch.join(&sketch);
        more.cut = cut;
        self.settle();
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

    fn file(name: &str) -> Label {
        Label::from(name)
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
    fn events_are_within_others_where_that_is_sure() {
        let of =
            |numbers: std::ops::Range<u16>| stats(&numbers.map(|i| (i, 0, 0)).collect::<Vec<_>>());
        assert!(of(3..9).is_within(&of(0..100)) && of(0..9).is_within(&of(0..9)));
        assert!(!of(0..100).is_within(&of(3..9)) && !of(99..101).is_within(&of(0..100)));
        // Of many no list is kept.
        assert!(of(0..9_000).is_within(&of(0..9_000)));
        assert!((0..50).all(|one| !of(one..one + 1).is_within(&of(100..9_000))));
    }

    #[test]
    fn of_days_that_are_left_as_many_are_counted_as_of_all() {
        let daily = |calls: u16| {
            stats(&(0..calls * 40).map(|i| (i, i64::from(i % 40) * 86_400, 0)).collect::<Vec<_>>())
        };
        for (calls, kept) in [(3, 8), (5, 10), (6, 3), (200, 5), (1, 40)] {
            let (first, rest) =
                (daily(calls).within(None, Some(kept)), daily(calls).within(Some(kept), None));
            let expected = u64::from(calls) * u64::try_from(kept).unwrap();
            let first = first.unwrap();
            let left = first.calls().value;
            assert!(left.abs_diff(expected) * 2 <= expected, "{calls} a day, {kept} days: {left}");
            // Both parts together have all of few.
            let Some(mut both) = rest.filter(|_| calls * 40 <= 256) else { continue };
            both.join(first);
            let all = u64::from(calls) * 40;
            assert!(both.calls().value.abs_diff(all) * 20 <= all, "{:?}", both.calls());
        }
        // What was made on these days alone counts as it is.
        let mut some = daily(3).within(Some(0), Some(10)).unwrap();
        let before = some.calls().value;
        some.join(stats(&(1000..1020).map(|i| (i, 5 * 86_400, 0)).collect::<Vec<_>>()));
        assert!(some.calls().value.abs_diff(before + 20) <= 2, "{:?}", some.calls());
    }

    #[test]
    fn of_days_that_are_left_the_first_and_the_last_time_may_not_be_known() {
        let noon = |day: u16| (day, i64::from(day) * DAY + DAY / 2, 0);
        let of = |days: u16| stats(&(0..days).map(noon).collect::<Vec<_>>());
        let known = |stats: &Stats| (stats.knows_first(), stats.knows_last());
        assert_eq!(known(&of(40)), (true, true));
        // Of few all times are known; of many those at the ends that nothing was cut off.
        assert_eq!(known(&of(9).within(Some(3), Some(5)).unwrap()), (true, true));
        let late = (0..38).filter_map(|since| of(40).within(Some(since), None));
        assert!(late.clone().all(|left| left.knows_last()));
        let told = |left: &Stats| {
            left.evidence().iter().any(|one| one.time == Some(left.first().unwrap()))
        };
        assert!(
            late.clone().all(|left| left.knows_first() == (left.first().unwrap() % DAY == DAY / 2))
        );
        assert!(late.clone().any(|left| !left.knows_first() && !told(&left)));
        assert!(!of(40).within(None, Some(7)).unwrap().knows_last());
    }

    #[test]
    fn the_day_of_a_time_before_1970_is_negative() {
        assert_eq!((day(-1), day(0), day(86_399), day(86_400)), (-1, 0, 0, 1));
    }

    proptest! {
        #[test]
        fn events_at_once_are_events_one_by_one(
            before in prop::collection::vec((0u16..60, 0i64..3), 0..20),
            events in prop::collection::vec((0u16..60, 0i64..3), 0..33),
        ) {
            let origin = Arc::new(Origin { region: "r".into(), file: file("f") });
            let ids = |events: &[(u16, i64)]| -> Vec<(String, i64)> {
                events.iter().map(|(id, time)| (format!("event-{id}"), *time)).collect()
            };
            let key = |(id, time): &(String, i64)| (id.clone(), Some(*time));
            let (before, events) = (ids(&before), ids(&events));
            let add = |stats: &mut Stats, events: &[(String, i64)]| {
                for (id, time) in events.iter().map(key) {
                    let event = EventKey { key: &id, event_id: &id, time, region: "r" };
                    stats.add_from(event, &origin);
                }
            };
            let mut one_by_one = Stats::default();
            add(&mut one_by_one, &before);
            let mut at_once = one_by_one.clone();
            add(&mut one_by_one, &events);
            let samples = events.iter().map(key).map(|(id, time)| {
                EventKey { key: &id, event_id: &id, time, region: "r" }.sample(&origin)
            });
            at_once.take_up(samples.collect());
            prop_assert_eq!(at_once, one_by_one);
        }

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
