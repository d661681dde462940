//! From where calls came: bounded sets over *optional* values.
//!
//! "Absent" is a value of its own. Without it, "always through this endpoint" would be false for a
//! call that once came without any.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use trailtrim_ingest::Record;

/// How many texts of a kind are remembered to be shared.
const REMEMBERED: usize = 10_000;

/// How many different values are kept before only "many" is known.
pub const FEW: usize = 8;

/// A few optional values, or more than anyone would list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Few {
    /// Ascending, `None` first. Empty where there were too many.
    values: Vec<Option<Arc<str>>>,
    many: bool,
}

impl Few {
    /// No value at all: nothing is known.
    pub(crate) fn none() -> &'static Few {
        const NONE: &Few = &Few { values: Vec::new(), many: false };
        NONE
    }

    pub(crate) fn one(value: Option<Arc<str>>) -> Few {
        Few { values: vec![value], many: false }
    }

    pub(crate) fn too_many() -> Few {
        Few { values: Vec::new(), many: true }
    }

    /// Returns the values, or nothing where there were more than [`FEW`].
    pub fn values(&self) -> Option<impl Iterator<Item = Option<&str>>> {
        (!self.many).then(|| self.values.iter().map(Option::as_deref))
    }

    /// Returns whether joining the other would change nothing.
    fn includes(&self, other: &Few) -> bool {
        let known = |value| self.values.binary_search(value).is_ok();
        self.many || (!other.many && other.values.iter().all(known))
    }

    pub(crate) fn join(&mut self, other: &Few) {
        if self.many {
            return;
        }
        if other.many {
            *self = other.clone();
            return;
        }
        for value in &other.values {
            if let Err(at) = self.values.binary_search(value) {
                self.values.reserve_exact(1);
                self.values.insert(at, value.clone());
            }
        }
        if self.values.len() > FEW {
            *self = Few::too_many();
        }
    }
}

/// From where equal calls came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Context {
    /// `vpcEndpointId`.
    pub(crate) endpoints: Few,
    /// See [`network`].
    pub(crate) networks: Few,
}

impl Context {
    /// Returns whether joining the other would change nothing.
    pub(crate) fn includes(&self, other: &Context) -> bool {
        self.endpoints.includes(&other.endpoints) && self.networks.includes(&other.networks)
    }

    pub(crate) fn join(&mut self, other: &Context) {
        self.endpoints.join(&other.endpoints);
        self.networks.join(&other.networks);
    }
}

/// Contexts by `sourceIPAddress` and endpoint as records state them, so that calls share their texts.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    /// Numbers of `all`.
    known: HashMap<Box<[u8]>, usize, RandomState>,
    all: Vec<Arc<Context>>,
    networks: Texts,
    endpoints: Texts,
    key: Vec<u8>,
}

impl Contexts {
    /// Returns from where a record came.
    pub(crate) fn of(&mut self, record: &Record<'_>) -> &Arc<Context> {
        let source = record.source_ip_address.as_deref().unwrap_or_default();
        let endpoint = record.vpc_endpoint_id.as_deref().unwrap_or_default();
        // What is empty is as what is missing. The number keeps the two texts apart.
        self.key.clear();
        self.key.extend(source.len().to_le_bytes());
        self.key.extend(source.bytes().chain(endpoint.bytes()));
        let number = self.known.get(self.key.as_slice()).copied().unwrap_or_else(|| {
            // So that a log of a billion addresses does not fill the memory with what is only a cache.
            if self.known.len() >= REMEMBERED {
                self.known.clear();
                self.all.clear();
            }
            let given = |text: &'_ str| !text.is_empty();
            let network = given(source).then(|| self.networks.share(&network(source)));
            let endpoint = given(endpoint).then(|| self.endpoints.share(endpoint));
            let context = Context { endpoints: Few::one(endpoint), networks: Few::one(network) };
            self.all.push(Arc::new(context));
            self.known.insert(self.key.as_slice().into(), self.all.len() - 1);
            self.all.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "numbers are those of what was pushed")]
        &self.all[number]
    }
}

/// Texts that are kept once and shared.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashSet<Arc<str>, RandomState>);

impl Texts {
    /// Returns the shared copy of a text.
    pub(crate) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// Returns the network of a `sourceIPAddress`: the /24 of an IPv4 address, the /48 of an IPv6
/// address (what one site is given, RFC 6177), anything else (a service's name, `AWS Internal`) as
/// it is, cut to 64 characters.
pub(crate) fn network(source: &str) -> String {
    match source.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        Err(_) => source.chars().take(64).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_network_is_what_one_site_has() {
        for (source, expected) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("lambda.amazonaws.com", "lambda.amazonaws.com"),
            ("AWS Internal", "AWS Internal"),
        ] {
            assert_eq!(network(source), expected);
        }
    }

    fn few(values: &[Option<u8>]) -> Few {
        let mut few = Few::default();
        for value in values {
            few.join(&Few::one(value.map(|value| value.to_string().into())));
        }
        few
    }

    proptest! {
        #[test]
        fn join_is_associative_commutative_idempotent(
            a in prop::collection::vec(prop::option::of(0u8..12), 0..12),
            b in prop::collection::vec(prop::option::of(0u8..12), 0..12),
        ) {
            let joined = |a: &Few, b: &Few| { let mut all = a.clone(); all.join(b); all };
            let (fa, fb) = (few(&a), few(&b));
            prop_assert_eq!(joined(&fa, &fb), joined(&fb, &fa));
            prop_assert_eq!(joined(&fa, &fa), fa.clone());
            let mut all = b.clone();
            all.extend(&a);
            prop_assert_eq!(joined(&fa, &fb), few(&all));
            let absent = all.contains(&None);
            if let Some(mut values) = few(&all).values() {
                prop_assert_eq!(values.any(|value| value.is_none()), absent);
            }
        }
    }
}
