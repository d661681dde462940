//! Conditions that the evidence supports, for whoever asks for them.
//!
//! A region, an endpoint or a network becomes a condition of a statement only
//! where every call behind that statement had one of a few values. "Absent" is a
//! value too: a call without an endpoint breaks it.
//!
//! Source: IAM User Guide, "AWS global condition context keys": `aws:SourceIp` is in a request
//! unless it goes through a VPC endpoint, and holds public addresses. So no call has both an endpoint
//! and an address that a policy can ask for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use trailtrim_aggregator::Row;
use trailtrim_iam::{Condition, PolicyDocument};

use crate::replay::{constant, endpoints};

/// A kind of condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionKind {
    /// `aws:RequestedRegion`.
    RequestedRegion,
    /// `aws:SourceVpce`.
    SourceVpce,
    /// `aws:SourceIp`, as networks of 256 addresses (/24), or /48 of version 6.
    SourceIp,
}

impl ConditionKind {
    /// Every kind.
    pub const ALL: [ConditionKind; 3] =
        [ConditionKind::RequestedRegion, ConditionKind::SourceVpce, ConditionKind::SourceIp];

    /// Returns the kind as it is asked for.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            ConditionKind::RequestedRegion => "requested-region",
            ConditionKind::SourceVpce => "source-vpce",
            ConditionKind::SourceIp => "source-ip",
        }
    }

    /// Returns the context key.
    pub(crate) fn key(self) -> &'static str {
        match self {
            ConditionKind::RequestedRegion => "aws:RequestedRegion",
            ConditionKind::SourceVpce => "aws:SourceVpce",
            ConditionKind::SourceIp => "aws:SourceIp",
        }
    }

    fn operator(self) -> &'static str {
        match self {
            ConditionKind::RequestedRegion | ConditionKind::SourceVpce => "StringEquals",
            ConditionKind::SourceIp => "IpAddress",
        }
    }

    /// Returns the values that all calls of a row had; nothing where one had none, or they had many.
    pub(crate) fn values(self, row: &Row) -> Option<BTreeSet<String>> {
        match self {
            ConditionKind::RequestedRegion => {
                let all = !row.regions.is_empty() && row.regions.iter().all(|one| !one.is_empty());
                all.then(|| row.regions.iter().cloned().collect())
            }
            ConditionKind::SourceVpce => Some(endpoints(row)?.into_iter().collect()),
            ConditionKind::SourceIp => {
                let networks = constant(row.stats.networks())?;
                let asked = !through_endpoints(row) && networks.iter().all(|one| is_public(one));
                asked.then(|| networks.into_iter().collect())
            }
        }
    }
}

/// What the calls behind a statement had in common, for the kinds that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Common(Vec<(ConditionKind, Option<BTreeSet<String>>)>);

impl Common {
    /// Takes what a row has of each kind.
    pub(crate) fn of(row: &Row, kinds: &BTreeSet<ConditionKind>) -> Common {
        Common(kinds.iter().map(|kind| (*kind, kind.values(row))).collect())
    }

    /// Takes up another row's.
    pub(crate) fn join(&mut self, other: &Common) {
        if self.0.is_empty() {
            *self = other.clone();
            return;
        }
        for ((_, values), (_, more)) in self.0.iter_mut().zip(&other.0) {
            match (values.as_mut(), more) {
                (Some(values), Some(more)) => values.extend(more.iter().cloned()),
                _ => *values = None,
            }
        }
    }

    /// Adds a condition for each kind that all calls agree on and the statement does not speak of.
    pub(crate) fn narrow(&self, condition: &mut Condition) {
        for (kind, values) in &self.0 {
            let speaks = |kind: ConditionKind| {
                condition.iter().any(|(_, key, _)| key.eq_ignore_ascii_case(kind.key()))
            };
            // Both in one statement would hold for no request.
            let spoken = match kind {
                ConditionKind::RequestedRegion => speaks(*kind),
                ConditionKind::SourceVpce | ConditionKind::SourceIp => {
                    speaks(ConditionKind::SourceVpce) || speaks(ConditionKind::SourceIp)
                }
            };
            if let Some(values) = values.as_ref().filter(|values| !spoken && !values.is_empty()) {
                condition.add(kind.operator(), kind.key(), values.iter().cloned());
            }
        }
    }
}

/// Tells whether some of a row's calls went through a VPC endpoint, or may have.
fn through_endpoints(row: &Row) -> bool {
    row.stats.endpoints().values().is_none_or(|mut values| values.any(|one| one.is_some()))
}

/// Tells whether a network is one of the internet's. A service's name, which stands where an address
/// would, is none: such a call has no address of ours.
fn is_public(network: &str) -> bool {
    let Some((address, _)) = network.split_once('/') else { return false };
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, ..] = address.octets();
            // Shared addresses of carriers (RFC 6598) are as private as those of RFC 1918.
            let shared = a == 100 && (64..128).contains(&b);
            let own = address.is_private() || address.is_loopback() || address.is_link_local();
            a != 0 && !own && !shared && !address.is_multicast() && !address.is_broadcast()
        }
        Ok(IpAddr::V6(address)) => {
            let [first, ..] = address.segments();
            // Global unicast (RFC 4291), which is all that is given out.
            first & 0xe000 == 0x2000
        }
        Err(_) => false,
    }
}

/// Says that addresses make no condition of calls that have none a policy can ask for, where some
/// of those that a draft is made of were such.
pub(crate) fn without_address<'a>(
    rows: impl Iterator<Item = (&'a str, &'a Row)>,
) -> Option<String> {
    let unasked: BTreeSet<&str> = rows
        .filter(|(_, row)| {
            let private = |networks: Vec<String>| {
                networks.iter().any(|one| one.contains('/') && !is_public(one))
            };
            through_endpoints(row) || constant(row.stats.networks()).is_some_and(private)
        })
        .map(|(action, _)| action)
        .collect();
    (!unasked.is_empty()).then(|| {
        format!(
            "no `{}` where calls went through a VPC endpoint or came from a private address, since \
             such a request has no public address to ask for (`source-vpce` asks for the endpoint): {}",
            ConditionKind::SourceIp.key(),
            unasked.into_iter().collect::<Vec<_>>().join(", ")
        )
    })
}

/// Says that addresses were written as networks, where a draft has such that are not attached already.
pub(crate) fn networks_told(
    attached: &[&PolicyDocument],
    drafted: &[&PolicyDocument],
) -> Option<String> {
    let key = ConditionKind::SourceIp.key();
    let networks = |documents: &[&PolicyDocument]| -> BTreeSet<String> {
        let statements = documents.iter().flat_map(|document| &document.statements);
        let values = statements.flat_map(|statement| statement.condition.iter());
        let values = values.filter(|(_, name, _)| name.eq_ignore_ascii_case(key));
        values.flat_map(|(_, _, values)| values.iter().cloned()).collect()
    };
    let mut added = networks(drafted);
    let known = networks(attached);
    added.retain(|network| !known.contains(network));
    (!added.is_empty()).then(|| {
        format!(
            "`{key}` has the networks of the addresses that were seen (/24, of IPv6 /48), and so lets \
             their neighbours in as well: {}",
            added.into_iter().collect::<Vec<_>>().join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(regions: &[&str]) -> Row {
        Row { regions: regions.iter().map(|&one| one.to_owned()).collect(), ..Row::default() }
    }

    #[test]
    fn only_what_every_call_had_becomes_a_condition() {
        let kinds = BTreeSet::from([ConditionKind::RequestedRegion]);
        let mut common = Common::of(&row(&["eu-west-1"]), &kinds);
        common.join(&Common::of(&row(&["us-east-1"]), &kinds));
        let mut condition = Condition::default();
        common.narrow(&mut condition);
        let told: Vec<_> = condition.iter().collect();
        let regions = ["eu-west-1".to_owned(), "us-east-1".to_owned()];
        assert_eq!(told, [("StringEquals", "aws:RequestedRegion", &regions[..])]);
        common.join(&Common::of(&row(&[""]), &kinds));
        let mut condition = Condition::default();
        common.narrow(&mut condition);
        assert!(condition.is_empty());
    }

    #[test]
    fn networks_in_place_of_addresses_are_told_where_they_were_added() {
        let with = |network: &str| {
            let allow = trailtrim_iam::Statement::allow(["s3:ListBucket"], ["*"]);
            PolicyDocument::new(vec![allow.with_condition("IpAddress", "aws:SourceIp", [network])])
        };
        let (attached, drafted) = (with("203.0.113.0/24"), with("198.51.100.0/24"));
        let told = networks_told(&[&attached], &[&attached, &drafted]).unwrap();
        assert!(told.contains("/48") && told.ends_with(": 198.51.100.0/24"), "{told}");
        assert_eq!(networks_told(&[&attached], &[&attached]), None);
    }
}
