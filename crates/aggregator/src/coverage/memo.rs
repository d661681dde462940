//! What was seen lately: most records prove what another of the same hour has proved.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use trailtrim_ingest::{Json, Record};

/// How many proofs are remembered.
const REMEMBERED: usize = 16_384;

/// Everything that [`Coverage::see`](super::Coverage::see) looks at, of records seen lately.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    known: HashSet<Box<[u8]>, RandomState>,
    key: Vec<u8>,
}

impl Seen {
    /// Returns whether a record tells something new; it is known from then on.
    pub(crate) fn is_new(&mut self, record: &Record<'_>, time: Option<i64>) -> bool {
        let Some(time) = time else { return true };
        self.key.clear();
        self.key.extend(time.div_euclid(3600).to_le_bytes());
        let flag = |flag: Option<bool>| flag.map_or(2, u8::from);
        self.key.extend([flag(record.read_only), flag(record.management_event)]);
        let texts = [
            record.recipient_account_id.as_deref(),
            record.aws_region.as_deref(),
            Some(&*record.event_source),
            record.event_category.as_deref(),
            Some(&*record.event_name),
            record.resources.as_ref().map(Json::text),
        ];
        for text in texts {
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            self.key.extend(length.to_le_bytes());
            self.key.extend(text.unwrap_or_default().as_bytes());
        }
        if self.known.contains(self.key.as_slice()) {
            return false;
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(self.key.as_slice().into())
    }
}
