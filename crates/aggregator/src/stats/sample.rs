//! Events kept as evidence, in little memory: an archive has a million calls, each with a few.

use std::cmp::Ordering;
use std::sync::Arc;

use uuid::Uuid;
use uuid::fmt::Hyphenated;
use xxhash_rust::xxh3::xxh3_128;

/// One event, to show to people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// `eventTime`, seconds since 1970.
    pub time: Option<i64>,
    /// `eventID`.
    pub event_id: Box<str>,
    /// `awsRegion`.
    pub region: Arc<str>,
    /// The label of the smallest-named file that holds it.
    pub file: Arc<str>,
}

/// Where records were found, shared by all events from there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin {
    pub(crate) region: Arc<str>,
    /// The label of the file.
    pub(crate) file: Arc<str>,
}

/// An event kept as evidence, with what orders it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Of the event key; what a sketch keeps of it.
    pub(crate) hash: u64,
    /// [`TIMELESS`] where there is none.
    time: i64,
    id: EventId,
    /// The event key, where it is another than the event's own id; rarely there.
    key: Option<Box<Box<str>>>,
    pub(crate) origin: Arc<Origin>,
}

/// No time that a record can state.
const TIMELESS: i64 = i64::MIN;

/// Returns the hash by which events are sampled and counted.
pub(super) fn hash(key: &str) -> u64 {
    (xxh3_128(key.as_bytes()) >> 64) as u64
}

impl Sample {
    pub(crate) fn new(key: &str, id: &str, time: Option<i64>, origin: Arc<Origin>) -> Sample {
        Sample::hashed(hash(key), key, id, time, origin)
    }

    pub(super) fn hashed(
        hash: u64,
        key: &str,
        id: &str,
        time: Option<i64>,
        origin: Arc<Origin>,
    ) -> Sample {
        let key = (key != id).then(|| Box::new(key.into()));
        Sample { hash, time: time.unwrap_or(TIMELESS), id: EventId::new(id), key, origin }
    }

    /// Returns the time of the event, seconds since 1970.
    pub(crate) fn time(&self) -> Option<i64> {
        (self.time != TIMELESS).then_some(self.time)
    }

    /// Returns the event key, where it is another than the event's own id.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref().map(|key| &**key)
    }

    pub(crate) fn with_id<T>(&self, with: impl FnOnce(&str) -> T) -> T {
        self.id.with(with)
    }

    /// By hash; the keys of two events are compared where their hashes are equal.
    pub(super) fn order(&self, other: &Sample) -> Ordering {
        self.hash
            .cmp(&other.hash)
            .then_with(|| self.with_key(|own| other.with_key(|others| own.cmp(others))))
    }

    fn with_key<T>(&self, with: impl FnOnce(&str) -> T) -> T {
        match self.key() {
            Some(key) => with(key),
            None => self.id.with(with),
        }
    }

    /// Says whether it is the smaller account of the same event.
    pub(super) fn is_before(&self, other: &Sample) -> bool {
        let ids = || self.id.with(|own| other.id.with(|others| own.cmp(others)));
        let order = self.time.cmp(&other.time).then_with(ids);
        order.then_with(|| self.origin.cmp(&other.origin)).is_lt()
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence {
            time: self.time(),
            event_id: self.id.with(|id| id.into()),
            region: Arc::clone(&self.origin.region),
            file: Arc::clone(&self.origin.file),
        }
    }
}

/// An event id: sixteen bytes where it is written as CloudTrail writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum EventId {
    /// Lower case, with hyphens; it gives back the very text.
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl EventId {
    fn new(text: &str) -> EventId {
        let usual =
            text.len() == Hyphenated::LENGTH && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match usual.then(|| Uuid::try_parse(text)) {
            Some(Ok(id)) => EventId::Uuid(id.into_bytes()),
            _ => EventId::Text(text.into()),
        }
    }

    fn with<T>(&self, with: impl FnOnce(&str) -> T) -> T {
        match self {
            EventId::Uuid(bytes) => {
                let mut buffer = Uuid::encode_buffer();
                with(Uuid::from_bytes(*bytes).hyphenated().encode_lower(&mut buffer))
            }
            EventId::Text(text) => with(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sample_is_small() {
        assert!(size_of::<Sample>() <= 56, "{}", size_of::<Sample>());
    }

    proptest! {
        #[test]
        fn an_id_comes_back_as_it_was(
            text in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{36}|\\{[0-9a-f-]{34}\\}|.{0,40}",
        ) {
            prop_assert_eq!(EventId::new(&text).with(str::to_owned), text);
        }
    }
}
