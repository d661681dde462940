//! Which records are no API calls: the facts of `data/records.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::usage::OtherKind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    types: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

/// What the data calls a kind.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    NetworkActivity,
    Aggregated,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    kind: Kind,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    call: Call,
    other: Vec<Other>,
}

static FACTS: LazyLock<File> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    toml::from_str(data()).expect("data/records.toml has the shape of `File`")
});

/// Returns the data that records are told apart by.
pub(crate) fn data() -> &'static str {
    include_str!("../data/records.toml")
}

/// Returns what a record is that is no API call, by its `eventCategory` and `eventType`.
pub(crate) fn other_kind(category: &str, event_type: &str) -> Option<OtherKind> {
    let facts = &*FACTS;
    let named = |names: &[String], name: &str| names.iter().any(|known| known == name);
    let of = |fits: &dyn Fn(&Other) -> bool| {
        facts.other.iter().find(|other| fits(other)).map(|other| match other.kind {
            Kind::NetworkActivity => OtherKind::NetworkActivity,
            Kind::Aggregated => OtherKind::Aggregated,
        })
    };
    // A category goes first: the copy of a call has the type of one.
    if let Some(kind) = of(&|other| named(&other.categories, category)) {
        return Some(kind);
    }
    if named(&facts.call.types, event_type) {
        return None;
    }
    of(&|other| named(&other.types, event_type)).or(Some(OtherKind::NotAnApiCall))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_go_before_types() {
        assert_eq!(other_kind("Management", "AwsApiCall"), None);
        assert_eq!(other_kind("", ""), None);
        assert_eq!(other_kind("Data", "Rds Data Service"), None);
        assert_eq!(other_kind("Aggregated", "AwsApiCall"), Some(OtherKind::Aggregated));
        assert_eq!(
            other_kind("NetworkActivity", "AwsVpceEvents"),
            Some(OtherKind::NetworkActivity)
        );
        assert_eq!(other_kind("", "AwsVpceEvent"), Some(OtherKind::NetworkActivity));
        assert_eq!(other_kind("Management", "AwsConsoleSignIn"), Some(OtherKind::NotAnApiCall));
    }
}
