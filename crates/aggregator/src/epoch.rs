//! What `observe` depends on beside the records.
//!
//! A usage is the join of a pure function of each record. Where that function changes (the catalog
//! keeps other parts, the user filters, names are cut in another way), usages are still joined for
//! reading, since each is true; but only within one epoch is a file that was read before known to
//! have given all it can.
//!
//! Of the catalog an epoch takes what `observe` asks it: which parts of a call to keep, and which
//! calls of outsiders teach names. What a call needs is asked when reading, so a corrected mapping
//! is no new epoch.

use std::fmt;

use chrono::{DateTime, Utc};
use trailtrim_catalog::Catalog;

use xxhash_rust::xxh3::Xxh3;

use crate::scope::Scope;
use crate::{assumed, coverage, denial, federated, history, names, record_kind, workload};

/// A digest of all that `observe` depends on, of 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(crate) [u8; 16]);

/// Counts the changes to what this crate makes of a record; raise it with each.
const GENERATION: u32 = 7;

impl Epoch {
    /// Returns the epoch of observing with this catalog and scope.
    pub fn of(catalog: Catalog, scope: &Scope) -> Epoch {
        Epoch::of_told(catalog, &scope.told())
    }

    /// Returns the same for a scope as [`Scope::told`] tells it.
    pub fn of_told(catalog: Catalog, scope: &[String]) -> Epoch {
        let mut hash = Xxh3::new();
        hash.update(&GENERATION.to_le_bytes());
        hash.update(catalog.observed().as_bytes());
        let observed = [
            denial::data(),
            record_kind::data(),
            assumed::data(),
            federated::data(),
            history::data(),
        ];
        let texts = [names::data(), workload::data(), coverage::data()];
        for text in texts.into_iter().chain(observed).chain(scope.iter().map(String::as_str)) {
            hash.update(text.as_bytes());
            hash.update(b"\n");
        }
        Epoch(hash.digest128().to_le_bytes())
    }
}

impl fmt::Display for Epoch {
    /// Writes 32 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Scope {
    /// Returns whether it hangs on the time of a record whether it counts.
    pub(crate) fn times_count(&self) -> bool {
        self.has_window() || !self.excluded.times.is_empty()
    }

    /// Returns what is limited, a line each, as options of the command line say it; nothing where
    /// all records count.
    pub fn told(&self) -> Vec<String> {
        let time = |time: &DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut lines = Vec::new();
        lines.extend(self.since.iter().map(|since| format!("since {}", time(since))));
        lines.extend(self.until.iter().map(|until| format!("until {}", time(until))));
        lines.extend(self.regions.iter().map(|region| format!("region {region}")));
        lines.extend(self.accounts.iter().map(|account| format!("account {account}")));
        let excluded = &self.excluded;
        lines.extend(excluded.sessions.iter().map(|glob| format!("exclude-session {glob}")));
        lines.extend(excluded.networks.iter().map(|network| format!("exclude-ip {network}")));
        let times = excluded.times.iter();
        lines.extend(times.map(|(from, to)| format!("exclude-time {}..{}", time(from), time(to))));
        lines
    }
}

/// Returns what of told limits leaves calls out as foreign evidence.
pub fn excludes(told: &[String]) -> impl Iterator<Item = &str> {
    told.iter().map(String::as_str).filter(|limit| limit.starts_with("exclude-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_another_epoch_and_the_same_filter_the_same() {
        let catalog = Catalog::embedded();
        let all = Epoch::of(catalog, &Scope::default());
        let mut scope = Scope::default();
        scope.regions.insert("eu-west-1".to_owned());
        assert_ne!(Epoch::of(catalog, &scope), all);
        assert_eq!(Epoch::of(catalog, &scope.clone()), Epoch::of(catalog, &scope));
        assert_eq!(scope.told(), ["region eu-west-1"]);
        assert_eq!(all.to_string().len(), 32);
    }
}
