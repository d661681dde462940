//! What was observed: for each principal its distinct calls, and beside them
//! what can never become a policy.
//!
//! A usage is a join-semilattice: it is the join of a pure function of each
//! record. Which permission a call needs is *not* in it; that is decided when
//! reading, over the few distinct calls, so that a corrected rule never needs
//! the archive again.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use rayon::prelude::*;

use crate::calls::Calls;
use crate::coverage::Coverage;
use crate::identity::{Outsider, PrincipalKey};
use crate::sources::Sources;
use crate::stats::{Join, Stats};
use crate::trie::{Bounded as _, Quota};
use crate::workload::Workloads;

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
    /// A call that the user keeps out as foreign evidence.
    Excluded,
}

impl OtherKind {
    /// Every kind.
    pub(crate) const ALL: [OtherKind; 5] = [
        OtherKind::NotAnApiCall,
        OtherKind::NetworkActivity,
        OtherKind::Aggregated,
        OtherKind::NoTime,
        OtherKind::Excluded,
    ];

    /// Returns the stable code of the kind.
    pub fn code(self) -> &'static str {
        match self {
            OtherKind::NotAnApiCall => "not-an-api-call",
            OtherKind::NetworkActivity => "network-activity",
            OtherKind::Aggregated => "aggregated",
            OtherKind::NoTime => "no-time",
            OtherKind::Excluded => "excluded",
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

/// So many principals are worth waking other threads for.
const MANY: usize = 16;

/// What principals did. Their places stay as long as none is taken out.
pub(crate) type Principals = IndexMap<PrincipalKey, Workloads, RandomState>;

/// Everything observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of several quotas the smallest holds.
    pub(crate) quota: Quota,
    pub(crate) principals: Principals,
    pub(crate) outsiders: BTreeMap<Outsider, Stats>,
    /// Calls of outsiders that teach names (root puts a role into an instance profile) or begin the
    /// session of a role (a service assumes it).
    pub(crate) lessons: Calls,
    pub(crate) other: BTreeMap<OtherEvent, Stats>,
    /// Records that amend an earlier one (`addendum.reason` is `UPDATED_DATA`).
    pub(crate) amended: Stats,
    pub(crate) coverage: Coverage,
    pub(crate) sources: Sources,
}

impl Usage {
    /// Returns every principal with what it did, in no order.
    pub fn principals(&self) -> impl Iterator<Item = (&PrincipalKey, &Workloads)> {
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

    /// Returns what it was read from.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Returns what it was read from, to add to.
    pub fn sources_mut(&mut self) -> &mut Sources {
        &mut self.sources
    }

    /// Returns how many names are kept one by one.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Brings the usage down to a smaller quota; a larger one changes nothing.
    pub(crate) fn tighten(&mut self, quota: Quota) {
        if quota >= self.quota {
            return;
        }
        self.quota = quota;
        self.principals.values_mut().for_each(|workloads| workloads.0.tighten(quota));
        self.lessons.tighten(quota);
    }
}

impl Join for Usage {
    fn join(&mut self, mut other: Self) {
        let quota = self.quota.min(other.quota);
        self.tighten(quota);
        other.tighten(quota);
        let known = self.principals.iter_mut();
        let both: Vec<_> = known
            .filter_map(|(key, known)| Some((known, other.principals.swap_remove(key)?)))
            .collect();
        let join = |(known, more): (&mut Workloads, Workloads)| known.join_within(more, quota);
        if both.len() >= MANY {
            both.into_par_iter().for_each(join);
        } else {
            both.into_iter().for_each(join);
        }
        self.principals.extend(other.principals);
        for (outsider, stats) in other.outsiders {
            self.outsiders.entry(outsider).or_default().join(stats);
        }
        self.lessons.join_within(other.lessons, quota);
        for (event, stats) in other.other {
            self.other.entry(event).or_default().join(stats);
        }
        self.amended.join(other.amended);
        self.coverage.join(other.coverage);
        self.sources.join(other.sources);
    }
}
