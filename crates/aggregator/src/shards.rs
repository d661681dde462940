//! Where the threads of one run gather what principals did.
//!
//! With a usage for each thread, every thread would come to hold nearly all calls there are, and one
//! after the other they would have to be joined. So there is one for all, in shards, each behind a lock
//! that is held for one call. A call belongs to a shard by its caller and its operation, so that a log
//! of one role does not wait for itself. What comes out is a join, so which shard a call went to shows
//! nowhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::stats::Join;
use crate::usage::{Principals, Usage};

/// Many more than threads, and few enough to remember a principal's place in each.
pub(crate) const SHARDS: usize = 16;

/// What principals did, as far as it was seen by all who share this; clones share.
#[derive(Clone, Debug, Default)]
pub struct Shards(Arc<[Mutex<Principals>; SHARDS]>);

impl Shards {
    /// Returns the shard for a number; any number has one.
    pub(crate) fn shard(&self, number: usize) -> MutexGuard<'_, Principals> {
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
            let principals = std::mem::take(&mut *self.shard(number));
            into.join(Usage { quota: into.quota(), principals, ..Usage::default() });
        }
    }
}
