//! Who called, remembered by the text that says so.
//!
//! All records of one session hold the same `userIdentity`, letter for letter, so what follows from it
//! is worked out once for each. The whole text is compared, never a hash alone. Sessions of one role
//! that mean the same here have one number.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use trailtrim_ingest::Json;
use xxhash_rust::xxh3::xxh3_64;

use crate::federated::Identity;
use crate::identity::{Caller, UserIdentity};
use crate::workload::{Attribution, fold_arn, fold_name};

/// How many texts are remembered: a few megabytes.
const REMEMBERED: usize = 4096;

/// What follows from a `userIdentity`, but for the name of the session.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identified {
    pub(crate) caller: Caller,
    pub(crate) account: Option<Box<str>>,
    pub(crate) invoked_by: Option<Box<str>>,
    pub(crate) attribution: Attribution,
    /// The name of the workload, folded.
    pub(crate) workload: Box<str>,
    /// What tells its calls from others' when they are spread.
    pub(crate) seed: usize,
}

impl Identified {
    fn of(identity: &UserIdentity<'_>, federated: Option<&Identity>) -> Identified {
        let (attribution, workload) = match (identity.scope(), federated, identity.session()) {
            (Some(scope), ..) => (Attribution::Scope, fold_arn(scope)),
            (None, Some(federated), _) => (Attribution::Provider, federated.provider().to_owned()),
            (None, None, Some(session)) => (Attribution::Session, fold_name(session)),
            (None, None, None) => (Attribution::None, String::new()),
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
            attribution,
            workload: workload.into(),
            seed,
        }
    }
}

/// Who made a call.
#[derive(Debug)]
pub(crate) struct Called<'c> {
    /// The number of `who`.
    pub(crate) number: usize,
    pub(crate) who: &'c Identified,
    /// Whether it is among those that are wanted, once that was asked.
    pub(crate) wanted: &'c mut Option<bool>,
    pub(crate) session: Option<&'c str>,
    /// Whom the session is of, where many people act in one role.
    pub(crate) federated: Option<&'c Identity>,
}

/// What one text says.
#[derive(Debug)]
struct Said {
    number: usize,
    session: Option<Box<str>>,
    federated: Option<Box<Identity>>,
}

/// Those that called up to now.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    /// Numbers of `said`, by the text of `userIdentity`; none is "".
    by_text: HashMap<Box<str>, usize, RandomState>,
    said: Vec<Said>,
    all: IndexMap<Identified, Option<bool>, RandomState>,
}

impl Callers {
    /// Returns who called, by the `userIdentity` of a record.
    pub(crate) fn identify(&mut self, identity: Option<&Json<'_>>) -> Option<Called<'_>> {
        let text = identity.map(Json::text).unwrap_or_default();
        let said = self.by_text.get(text).copied().unwrap_or_else(|| {
            let read = identity.map(UserIdentity::read).unwrap_or_default();
            let federated = identity.and_then(Identity::of).map(Box::new);
            let entry = self.all.entry(Identified::of(&read, federated.as_deref()));
            let number = entry.index();
            entry.or_default();
            self.said.push(Said { number, session: read.session().map(Into::into), federated });
            self.by_text.insert(text.into(), self.said.len() - 1);
            self.said.len() - 1
        });
        let Said { number, session, federated } = self.said.get(said)?;
        let (who, wanted) = self.all.get_index_mut(*number)?;
        let (session, federated) = (session.as_deref(), federated.as_deref());
        Some(Called { number: *number, who, wanted, session, federated })
    }

    /// Returns who has a number.
    pub(crate) fn get(&self, number: usize) -> Option<&Identified> {
        self.all.get_index(number).map(|(who, _)| who)
    }

    /// Says whether it is time to forget: a log may tell of any number of callers.
    pub(crate) fn are_many(&self) -> bool {
        self.by_text.len() >= REMEMBERED
    }

    /// Forgets all; numbers are given anew.
    pub(crate) fn forget(&mut self) {
        self.by_text.clear();
        self.said.clear();
        self.all.clear();
    }
}
