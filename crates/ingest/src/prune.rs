//! Which files need not be opened, told from their key.

use chrono::{DateTime, Utc};

/// What the caller will drop anyway, so that whole files need not be opened.
///
/// This only saves work: a file is left closed when *no* record in it can be wanted, all others
/// are read, and the caller still filters record by record. The default prunes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prune {
    /// Wanted account ids; empty means all.
    pub accounts: Vec<String>,
    /// Wanted regions; empty means all.
    pub regions: Vec<String>,
    /// Start of the wanted time (inclusive), by event time.
    pub since: Option<DateTime<Utc>>,
    /// End of the wanted time (exclusive), by event time.
    pub until: Option<DateTime<Utc>>,
}
