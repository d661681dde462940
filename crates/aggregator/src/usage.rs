//! What was observed: for each principal its distinct calls, and beside them
//! what can never become a policy.
//!
//! A usage is a join-semilattice: it is the join of a pure function of each
//! record. Which permission a call needs is *not* in it; that is decided when
//! reading, over the few distinct calls, so that a corrected rule never needs
//! the archive again.

use std::collections::{BTreeMap, HashMap};

use crate::call::Call;
use crate::coverage::Coverage;
use crate::identity::{Outsider, PrincipalKey};
use crate::stats::{EventKey, Join, Stats};
use std::sync::Arc;

/// Distinct calls by their canonical encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(HashMap<Box<[u8]>, Stats>);

impl Calls {
    /// Takes up one event of a call, given by its canonical encoding.
    pub(crate) fn add(&mut self, encoded: &[u8], event: EventKey<'_>, file: &Arc<str>) {
        match self.0.get_mut(encoded) {
            Some(stats) => stats.add(event, file),
            None => {
                let mut stats = Stats::default();
                stats.add(event, file);
                self.0.insert(encoded.into(), stats);
            }
        }
    }

    /// Returns the calls with what is remembered of each, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Call<'_>, &Stats)> {
        // Every key was made by `Call::encode`.
        self.0.iter().filter_map(|(encoded, stats)| Some((Call::decode(encoded)?, stats)))
    }

    /// Returns the number of distinct calls.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Join for Calls {
    fn join(&mut self, other: Self) {
        // Moving the smaller map's entries touches the least memory; the result is the same.
        let smaller = if self.0.len() < other.0.len() {
            std::mem::replace(&mut self.0, other.0)
        } else {
            other.0
        };
        for (encoded, stats) in smaller {
            match self.0.get_mut(&encoded) {
                Some(known) => known.join(stats),
                None => {
                    self.0.insert(encoded, stats);
                }
            }
        }
    }
}

/// Why a record counts as no API call that a policy could allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OtherKind {
    /// `eventType` is another than `AwsApiCall`: a sign-in, a service event, a console action.
    NotAnApiCall,
    /// The copy of a call as a VPC endpoint saw it: a diagnosis, not a second call.
    NetworkActivity,
    /// A summary of data events without the calls themselves.
    Aggregated,
    /// A record without a readable time, while only a window of time counts.
    NoTime,
}

impl OtherKind {
    /// Returns the stable code of the kind.
    pub fn code(self) -> &'static str {
        match self {
            OtherKind::NotAnApiCall => "not-an-api-call",
            OtherKind::NetworkActivity => "network-activity",
            OtherKind::Aggregated => "aggregated",
            OtherKind::NoTime => "no-time",
        }
    }
}

/// Records of one name that are no API calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherEvent {
    /// Why they are not.
    pub kind: OtherKind,
    /// `eventSource`.
    pub event_source: Box<str>,
    /// `eventName`.
    pub event_name: Box<str>,
    /// `eventType`; empty where the record has none.
    pub event_type: Box<str>,
}

/// Everything observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub(crate) principals: HashMap<PrincipalKey, Calls>,
    pub(crate) outsiders: BTreeMap<Outsider, Stats>,
    /// Calls of outsiders that teach names (root puts a role into an instance profile).
    pub(crate) lessons: Calls,
    pub(crate) other: BTreeMap<OtherEvent, Stats>,
    /// Records that amend an earlier one (`addendum.reason` is `UPDATED_DATA`).
    pub(crate) amended: Stats,
    pub(crate) coverage: Coverage,
}

impl Usage {
    /// Returns every principal with its calls, in no order.
    pub fn principals(&self) -> impl Iterator<Item = (&PrincipalKey, &Calls)> {
        self.principals.iter()
    }

    /// Returns the callers that never get a policy, ordered.
    pub fn outsiders(&self) -> &BTreeMap<Outsider, Stats> {
        &self.outsiders
    }

    /// Returns the records that are no API calls, ordered.
    pub fn other_events(&self) -> &BTreeMap<OtherEvent, Stats> {
        &self.other
    }

    /// Returns what is known of records that amend an earlier one.
    pub fn amended(&self) -> &Stats {
        &self.amended
    }

    /// Returns where CloudTrail was looking.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Returns where CloudTrail was looking, and lets go of the rest.
    pub fn into_coverage(self) -> Coverage {
        self.coverage
    }

    /// Returns where CloudTrail was looking, to declare trails or take out times.
    pub fn coverage_mut(&mut self) -> &mut Coverage {
        &mut self.coverage
    }
}

impl Join for Usage {
    fn join(&mut self, other: Self) {
        for (key, calls) in other.principals {
            self.principals.entry(key).or_default().join(calls);
        }
        for (outsider, stats) in other.outsiders {
            self.outsiders.entry(outsider).or_default().join(stats);
        }
        self.lessons.join(other.lessons);
        for (event, stats) in other.other {
            self.other.entry(event).or_default().join(stats);
        }
        self.amended.join(other.amended);
        self.coverage.join(other.coverage);
    }
}
