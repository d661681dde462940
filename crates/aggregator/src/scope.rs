//! Which records count, as the user says.

use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use trailtrim_iam::wildcard;

/// Which records count. Empty sets and absent times mean no limit.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The first moment that counts.
    pub since: Option<DateTime<Utc>>,
    /// The first moment that does not count any more.
    pub until: Option<DateTime<Utc>>,
    /// `awsRegion`s that count.
    pub regions: BTreeSet<String>,
    /// Accounts whose trails count: those that records were delivered to.
    pub accounts: BTreeSet<String>,
    /// Foreign evidence: it is listed and gives nobody anything.
    pub excluded: Excluded,
}

/// Which calls are foreign evidence: an attacker's, a break-glass session's.
#[derive(Clone, Debug, Default)]
pub struct Excluded {
    /// Session names, with `*` and `?`.
    pub sessions: BTreeSet<String>,
    /// Networks of `sourceIPAddress`.
    pub networks: BTreeSet<IpNet>,
    /// Times, each from a first moment up to one that is not in it any more.
    pub times: BTreeSet<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Excluded {
    /// Returns whether nothing is excluded.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.networks.is_empty() && self.times.is_empty()
    }

    pub(crate) fn holds(&self, session: Option<&str>, source: &str, time: Option<i64>) -> bool {
        let session = || {
            let session = session?;
            self.sessions.iter().any(|glob| wildcard::matches(glob, session)).then_some(())
        };
        let network = || {
            let address = source.parse::<IpAddr>().ok()?;
            self.networks.iter().any(|network| network.contains(&address)).then_some(())
        };
        let within = |time: i64| {
            self.times.iter().any(|(from, to)| (from.timestamp()..to.timestamp()).contains(&time))
        };
        (!self.sessions.is_empty() && session().is_some())
            || (!self.networks.is_empty() && network().is_some())
            || time.is_some_and(within)
    }
}

impl Scope {
    pub(crate) fn has_window(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    pub(crate) fn holds_time(&self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since.timestamp())
            && self.until.is_none_or(|until| time < until.timestamp())
    }

    pub(crate) fn holds_region(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.contains(region)
    }

    pub(crate) fn holds_account(&self, account: Option<&str>) -> bool {
        self.accounts.is_empty() || account.is_some_and(|account| self.accounts.contains(account))
    }
}
