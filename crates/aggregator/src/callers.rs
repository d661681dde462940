//! Who called, remembered by the text that says so.
//!
//! All records of one session hold the same `userIdentity`, letter for letter, so what follows from it
//! is worked out once for each. The whole text is compared, never a hash alone.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use trailtrim_ingest::Json;
use xxhash_rust::xxh3::xxh3_64;

use crate::identity::{Caller, UserIdentity};
use crate::shards::SHARDS;
use crate::workload::{Attribution, fold_arn, fold_name};

/// How many are remembered: a few megabytes of text.
const REMEMBERED: usize = 4096;

/// What follows from a `userIdentity`.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) caller: Caller,
    pub(crate) account: Option<Box<str>>,
    pub(crate) invoked_by: Option<Box<str>>,
    pub(crate) session: Option<Box<str>>,
    pub(crate) attribution: Attribution,
    /// The name of the workload, folded.
    pub(crate) workload: Box<str>,
    /// What tells its calls from others' when they are spread.
    pub(crate) seed: usize,
    /// Where the principal stands in each shard, once it does.
    pub(crate) places: [Option<u32>; SHARDS],
    /// Whether it is among those that are wanted, once that was asked.
    pub(crate) wanted: Option<bool>,
}

impl Identified {
    fn of(identity: &UserIdentity<'_>) -> Identified {
        let (attribution, workload) = match (identity.scope(), identity.session()) {
            (Some(scope), _) => (Attribution::Scope, fold_arn(scope)),
            (None, Some(session)) => (Attribution::Session, fold_name(session)),
            (None, None) => (Attribution::None, String::new()),
        };
        let caller = identity.caller();
        let seed = match &caller {
            Caller::Principal(key) => xxh3_64(key.arn.as_bytes()) as usize,
            Caller::Outside(_) => 0,
        };
        Identified {
            caller,
            account: identity.account().map(Into::into),
            invoked_by: identity.invoked_by().map(Into::into),
            session: identity.session().map(Into::into),
            attribution,
            workload: workload.into(),
            seed,
            places: [None; SHARDS],
            wanted: None,
        }
    }
}

/// Those that called up to now.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    /// Numbers by the text of `userIdentity`; none is "".
    by_text: HashMap<Box<str>, usize, RandomState>,
    all: Vec<Identified>,
}

impl Callers {
    /// Returns who called, by the `userIdentity` of a record.
    pub(crate) fn identify(&mut self, identity: Option<&Json<'_>>) -> &mut Identified {
        let text = identity.map(Json::text).unwrap_or_default();
        let number = match self.by_text.get(text) {
            Some(number) => *number,
            None => {
                if self.all.len() >= REMEMBERED {
                    self.by_text.clear();
                    self.all.clear();
                }
                let read = identity.map(UserIdentity::read).unwrap_or_default();
                self.all.push(Identified::of(&read));
                self.by_text.insert(text.into(), self.all.len() - 1);
                self.all.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "numbers are those of what was pushed")]
        &mut self.all[number]
    }
}
