//! Calls of late, gathered before they are put where they belong.
//!
//! An archive comes file by file, each of one account and a few minutes, so most records tell of a call
//! that another one has told of a moment ago. Those are known by their key (see
//! [`Told`](crate::told::Told)) and cost one look-up; finding a call's place among all names, behind a
//! lock, is done once for many. What comes out is a join, so when that happens shows nowhere.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::callers::{Callers, Identified};
use crate::context::Context;
use crate::filed::Filed;
use crate::identity::Caller;
use crate::shards::Shards;
use crate::stats::{EVIDENCE, EventKey, Events, Origin, Stats};
use crate::trie::Quota;

/// How many calls are gathered. Of a corpus with twice as many a twentieth more of the records were of
/// known calls.
const GATHERED: usize = 4096;

/// How many bytes their keys have at most, but for the last one.
const BYTES: usize = 4 << 20;

/// A call and its events of late.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The number of the caller.
    who: usize,
    shard: usize,
    call: Filed,
    stats: Stats,
    /// Events that are still to go into the statistics.
    events: Events,
    /// The last hour for which its records were shown to the coverage.
    pub(crate) hour: Option<i64>,
}

impl Entry {
    /// Starts without events.
    pub(crate) fn new(who: usize, shard: usize, call: Filed) -> Entry {
        Entry { who, shard, call, stats: Stats::default(), events: Events::new(), hour: None }
    }

    /// Takes up one event.
    pub(crate) fn add(
        &mut self,
        event: EventKey<'_>,
        origin: &Arc<Origin>,
        context: &Arc<Context>,
    ) {
        self.stats.add_context(context);
        // Most are of a few events. Of many, most are none to keep, which the statistics see at once.
        if self.stats.is_full() {
            return self.stats.add_from(event, origin);
        }
        self.events.push(event.sample(origin));
        if self.events.len() == 2 * EVIDENCE {
            self.stats.take_up(std::mem::take(&mut self.events));
        }
    }
}

/// Calls by their keys.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    calls: IndexMap<Box<[u8]>, Entry, RandomState>,
    bytes: usize,
}

impl Recent {
    /// Returns the entry of a key, made by `new` where there is none.
    pub(crate) fn entry(&mut self, key: &[u8], new: impl FnOnce() -> Entry) -> Option<&mut Entry> {
        let at = match self.calls.get_index_of(key) {
            Some(at) => at,
            None => {
                let entry = new();
                self.bytes += key.len() + entry.call.len();
                self.calls.insert_full(key.into(), entry).0
            }
        };
        self.calls.get_index_mut(at).map(|(_, entry)| entry)
    }

    /// Says whether it is time to put all away.
    pub(crate) fn are_many(&self) -> bool {
        self.calls.len() >= GATHERED || self.bytes >= BYTES
    }

    /// Moves all calls to where they belong.
    pub(crate) fn put_away(&mut self, callers: &Callers, shards: &Shards, quota: Quota) {
        self.bytes = 0;
        let mut entries: Vec<&mut Entry> = self.calls.values_mut().collect();
        // Neighbours in what they are put into come one after the other, while it is at hand.
        entries.sort_unstable_by(|a, b| {
            (a.shard, a.who).cmp(&(b.shard, b.who)).then_with(|| a.call.cmp(&b.call))
        });
        for entries in entries.chunk_by_mut(|a, b| (a.shard, a.who) == (b.shard, b.who)) {
            let Some(Entry { who, shard, .. }) = entries.first() else { continue };
            let Some(Identified { caller: Caller::Principal(key), attribution, workload, .. }) =
                callers.get(*who)
            else {
                continue;
            };
            let mut held = shards.shard(*shard);
            let principal = match held.principals.get_mut(key) {
                Some(principal) => principal,
                None => held.principals.entry(key.clone()).or_default(),
            };
            principal.update(&[attribution.segment(), workload], quota, |calls| {
                for entry in entries {
                    let Entry { call, stats, events, .. } = &mut **entry;
                    stats.take_up(std::mem::take(events));
                    calls.add(call, std::mem::take(stats), quota);
                }
            });
        }
        self.calls.clear();
    }
}
