//! What is remembered of events beyond the samples of them.
//!
//! While all events are among the samples, when they were and how many there are follows from
//! those. Most calls never get further, so what does not follow is kept apart and only then.

use super::{Days, Sample, day};
use crate::sketch::Sketch;

/// When events were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// The first, in seconds since 1970.
    pub(crate) first: Option<i64>,
    /// The last.
    pub(crate) last: Option<i64>,
    pub(crate) days: Days,
}

impl Times {
    pub(super) fn of(samples: &[Sample]) -> Times {
        let mut times = Times::default();
        samples.iter().for_each(|sample| times.see(sample.time()));
        times
    }

    pub(super) fn see(&mut self, time: Option<i64>) {
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
            self.days.insert(day(time));
        }
    }

    pub(super) fn join(&mut self, other: &Times) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.days.join(&other.days);
    }
}

/// What does not follow from the samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct More {
    pub(super) times: Times,
    /// All events, where there are more than the samples; empty else.
    pub(super) sketch: Sketch,
    /// The days of all that the sketch counts, where only some of them are left.
    pub(super) cut: Option<Days>,
}

impl More {
    /// Returns what is known beyond the samples, made of them where nothing is.
    pub(super) fn of<'m>(known: &'m mut Option<Box<More>>, samples: &[Sample]) -> &'m mut More {
        known.get_or_insert_with(|| Box::new(More { times: Times::of(samples), ..More::default() }))
    }

    /// Returns the days of all that is counted.
    pub(super) fn all_days(&self) -> &Days {
        self.cut.as_ref().unwrap_or(&self.times.days)
    }

    /// Counts an event, and the samples if none was counted before.
    pub(super) fn count(&mut self, hash: u64, samples: &[Sample]) {
        if self.sketch.is_empty() {
            self.sketch = Sketch::of(samples.iter().map(Sample::hash));
        }
        self.sketch.add(hash);
    }

    /// Says whether there is nothing in it that the samples do not tell.
    pub(super) fn follows_from(&self, samples: &[Sample]) -> bool {
        self.sketch.is_empty() && self.cut.is_none() && self.times == Times::of(samples)
    }
}
