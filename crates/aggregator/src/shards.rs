//! Where the threads of one run gather what principals did, and where CloudTrail was looking.
//!
//! With a usage for each thread, every thread would come to hold nearly all calls there are, and one
//! after the other they would have to be joined. So there is one for all, in shards, each behind a lock
//! that is held while calls of one caller are put there. A call belongs to a shard by its caller and its
//! operation, so that a log of one role does not wait for itself; coverage belongs to one by account and
//! region. What comes out is a join, so which shard something went to shows nowhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::coverage::Coverage;
use crate::stats::Join;
use crate::usage::{Principals, Usage};

/// Many more than threads.
pub(crate) const SHARDS: usize = 16;

/// What was seen by all who share this; clones share.
#[derive(Clone, Debug, Default)]
pub struct Shards(Arc<[Mutex<Shard>; SHARDS]>);

/// What belongs to one shard.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    pub(crate) principals: Principals,
    pub(crate) coverage: Coverage,
}

impl Shards {
    /// Returns the shard for a number; any number has one.
    pub(crate) fn shard(&self, number: usize) -> MutexGuard<'_, Shard> {
        #[expect(clippy::indexing_slicing, reason = "there is one for each remainder")]
        let shard = &self.0[number % SHARDS];
        // A panic leaves nothing half done that a join could not take: it ends the run anyway.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is(&self, other: &Shards) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Moves all that was gathered to a usage.
    pub(crate) fn pour(&self, into: &mut Usage) {
        for number in 0..SHARDS {
            let Shard { principals, coverage } = std::mem::take(&mut *self.shard(number));
            let quota = into.quota();
            into.join(Usage { quota, principals, coverage, ..Usage::default() });
        }
    }
}
