//! The calls that actors make, written from knowledge of how each service logs.
//!
//! Every function returns a [`Call`]: parameters and resources in the service's
//! own (and often odd) spelling, and beside them the permissions that the call
//! needs. Those `needs` are a statement of fact by hand: a product that reads the
//! record must arrive at the same, which is what makes them worth having.

use super::identity::Account;

pub mod compute;
pub mod delivery;
pub mod identity;
pub mod messaging;
pub mod secrets;
pub mod storage;
pub mod tables;

#[cfg(doc)]
use super::event::Call;

/// Where a call is made: the account that owns what it touches, and the region.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The owner.
    pub account: &'a Account,
    /// The region's code.
    pub region: &'a str,
}

impl Place<'_> {
    /// Returns a regional ARN of the account.
    pub fn arn(&self, service: &str, rest: &str) -> String {
        self.account.arn(service, self.region, rest)
    }

    /// Returns an ARN without region and account, as S3 has them.
    pub fn bare(&self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:::{rest}", self.account.partition)
    }

    fn id(&self) -> Option<&str> {
        Some(&self.account.id)
    }
}
