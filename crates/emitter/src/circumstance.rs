//! Conditions that the evidence supports, for whoever asks for them.
//!
//! A region, an endpoint or a network becomes a condition of a statement only
//! where every call behind that statement had one of a few values. "Absent" is a
//! value too: a call without an endpoint breaks it.

use std::collections::BTreeSet;

use trailtrim_aggregator::Row;
use trailtrim_iam::{Condition, PolicyDocument};

use crate::replay::constant;

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
            ConditionKind::SourceVpce => {
                Some(constant(row.stats.endpoints())?.into_iter().collect())
            }
            ConditionKind::SourceIp => {
                let networks = constant(row.stats.networks())?;
                // A service's name stands where an address would: such a call has none of ours.
                networks.iter().all(|one| one.contains('/')).then(|| networks.into_iter().collect())
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
            let spoken = condition.iter().any(|(_, key, _)| key.eq_ignore_ascii_case(kind.key()));
            if let Some(values) = values.as_ref().filter(|values| !spoken && !values.is_empty()) {
                condition.add(kind.operator(), kind.key(), values.iter().cloned());
            }
        }
    }
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
