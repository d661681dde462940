//! Events kept as evidence, in little memory: an archive has a million calls, each with a few.

use std::cmp::Ordering;
use std::sync::Arc;

use trailtrim_ingest::Label;
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
    pub file: Label,
}

/// Where records were found, shared by all events from there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin {
    pub(crate) region: Arc<str>,
    /// The label of the file.
    pub(crate) file: Label,
}

/// An event kept as evidence.
///
/// Nearly all are as CloudTrail writes them, and those take 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    /// Its id is a UUID and its own key, its time a moment between 1970 and 2106.
    Usual {
        origin: Arc<Origin>,
        id: [u8; 16],
        time: u32,
        /// The upper half of the hash, which nearly always decides the order.
        head: u32,
    },
    /// Anything else.
    Odd(Box<Odd>),
}

/// An event with an unusual id or time, or known by another key than its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Odd {
    origin: Arc<Origin>,
    hash: u64,
    id: EventId,
    /// The event key, where it is another than the event's own id.
    key: Option<EventId>,
    time: Option<i64>,
}

/// Returns the hash by which events are sampled and counted.
pub(super) fn hash(key: &str) -> u64 {
    (xxh3_128(key.as_bytes()) >> 64) as u64
}

/// Returns the upper half of a hash.
const fn head(hash: u64) -> u32 {
    (hash >> 32) as u32
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
        let own = key == id;
        match (EventId::new(id), time.map(u32::try_from)) {
            (EventId::Uuid(id), Some(Ok(time))) if own => {
                Sample::Usual { origin, id, time, head: head(hash) }
            }
            (id, _) => {
                let key = (!own).then(|| EventId::new(key));
                Sample::Odd(Box::new(Odd { origin, hash, id, key, time }))
            }
        }
    }

    /// Puts one together whose id is a UUID and its own key.
    pub(crate) fn usual_of(id: [u8; 16], time: u32, origin: Arc<Origin>) -> Sample {
        Sample::Usual { origin, id, time, head: head(with_uuid(&id, hash)) }
    }

    /// Returns id and time of one whose id is a UUID and its own key.
    pub(crate) fn usual(&self) -> Option<(&[u8; 16], u32)> {
        match self {
            Sample::Usual { id, time, .. } => Some((id, *time)),
            Sample::Odd(_) => None,
        }
    }

    /// Returns the hash of the event key.
    pub(crate) fn hash(&self) -> u64 {
        match self {
            Sample::Usual { id, .. } => with_uuid(id, hash),
            Sample::Odd(odd) => odd.hash,
        }
    }

    fn head(&self) -> u32 {
        match self {
            Sample::Usual { head, .. } => *head,
            Sample::Odd(odd) => head(odd.hash),
        }
    }

    /// Says whether an event of this hash comes before or after it; equal hashes may yet be of
    /// different events.
    pub(super) fn order_of(&self, hash: u64) -> Ordering {
        head(hash).cmp(&self.head()).then_with(|| hash.cmp(&self.hash()))
    }

    /// Returns the time of the event, seconds since 1970.
    pub(crate) fn time(&self) -> Option<i64> {
        match self {
            Sample::Usual { time, .. } => Some(i64::from(*time)),
            Sample::Odd(odd) => odd.time,
        }
    }

    /// Returns where it was found.
    pub(crate) fn origin(&self) -> &Arc<Origin> {
        match self {
            Sample::Usual { origin, .. } => origin,
            Sample::Odd(odd) => &odd.origin,
        }
    }

    /// Hands on the event key, where it is another than the event's own id.
    pub(crate) fn with_key<T>(&self, with: impl FnOnce(Option<&str>) -> T) -> T {
        match self {
            Sample::Odd(odd) => match &odd.key {
                Some(key) => key.with(|key| with(Some(key))),
                None => with(None),
            },
            Sample::Usual { .. } => with(None),
        }
    }

    pub(crate) fn with_id<T>(&self, with: impl FnOnce(&str) -> T) -> T {
        match self {
            Sample::Usual { id, .. } => with_uuid(id, with),
            Sample::Odd(odd) => odd.id.with(with),
        }
    }

    /// By hash; the keys of two events are compared where their hashes are equal.
    pub(super) fn order(&self, other: &Sample) -> Ordering {
        self.head()
            .cmp(&other.head())
            .then_with(|| self.hash().cmp(&other.hash()))
            .then_with(|| self.with_known(|own| other.with_known(|others| own.cmp(others))))
    }

    fn with_known<T>(&self, with: impl FnOnce(&str) -> T) -> T {
        match self {
            Sample::Odd(odd) => odd.key.as_ref().unwrap_or(&odd.id).with(with),
            Sample::Usual { id, .. } => with_uuid(id, with),
        }
    }

    /// Says whether it is the smaller account of the same event.
    pub(super) fn is_before(&self, other: &Sample) -> bool {
        let ids = || self.with_id(|own| other.with_id(|others| own.cmp(others)));
        let order = self.time().cmp(&other.time()).then_with(ids);
        order.then_with(|| self.origin().cmp(other.origin())).is_lt()
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence {
            time: self.time(),
            event_id: self.with_id(|id| id.into()),
            region: Arc::clone(&self.origin().region),
            file: self.origin().file.clone(),
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
            EventId::Uuid(bytes) => with_uuid(bytes, with),
            EventId::Text(text) => with(text),
        }
    }
}

/// Hands on the text of an id.
fn with_uuid<T>(bytes: &[u8; 16], with: impl FnOnce(&str) -> T) -> T {
    let mut buffer = Uuid::encode_buffer();
    with(Uuid::from_bytes(*bytes).hyphenated().encode_lower(&mut buffer))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sample_is_small() {
        assert_eq!(size_of::<Sample>(), 32);
    }

    proptest! {
        #[test]
        fn an_id_comes_back_as_it_was(
            text in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{36}|\\{[0-9a-f-]{34}\\}|.{0,40}",
        ) {
            prop_assert_eq!(EventId::new(&text).with(str::to_owned), text);
        }

        #[test]
        fn a_sample_gives_back_what_it_was_made_of(
            key in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|.{0,8}", other in any::<bool>(),
            time in prop::option::of(any::<i64>()), short in any::<bool>(),
        ) {
            let time = time.map(|time| if short { time.rem_euclid(1 << 33) } else { time });
            let id = if other { format!("{key}x") } else { key.clone() };
            let origin = Arc::new(Origin { region: "r".into(), file: "f".into() });
            let sample = Sample::new(&key, &id, time, origin);
            prop_assert_eq!(sample.with_id(str::to_owned), id);
            prop_assert_eq!(sample.with_key(|key| key.map(str::to_owned)), other.then_some(key.clone()));
            prop_assert_eq!((sample.time(), sample.hash()), (time, hash(&key)));
        }
    }
}
