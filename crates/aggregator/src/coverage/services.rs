//! The facts of `data/recording.toml`: global services, and what trails may leave out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_iam::wildcard;

/// The region that stands for calls that belong to none.
pub const GLOBAL: &str = "global";

/// Whether a service's calls are global service events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Recorded {
    /// All are.
    Always,
    /// Some may be.
    Maybe,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Global {
    sources: Vec<String>,
    recorded: Recorded,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Excludable {
    sources: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unselectable {
    types: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    sources: Vec<String>,
    events: Vec<String>,
    actions: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Also {
    sources: Vec<String>,
    events: Vec<String>,
    types: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Home {
    prefix: String,
    region: String,
    #[serde(default)]
    except: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    global: Vec<Global>,
    excludable: Vec<Excludable>,
    unselectable: Vec<Unselectable>,
    elsewhere: Vec<Elsewhere>,
    also: Vec<Also>,
    home: Vec<Home>,
}

struct Facts {
    global: BTreeMap<String, Recorded>,
    excludable: BTreeSet<String>,
    unselectable: BTreeSet<String>,
    elsewhere: Vec<Elsewhere>,
    also: Vec<Also>,
    home: Vec<Home>,
}

pub(crate) const DATA: &str = include_str!("../../data/recording.toml");

static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: File = toml::from_str(DATA).expect("data/recording.toml has the shape of `File`");
    Facts {
        global: file
            .global
            .into_iter()
            .flat_map(|entry| entry.sources.into_iter().map(move |name| (name, entry.recorded)))
            .collect(),
        excludable: file.excludable.into_iter().flat_map(|entry| entry.sources).collect(),
        unselectable: file.unselectable.into_iter().flat_map(|entry| entry.types).collect(),
        elsewhere: file.elsewhere,
        also: file.also,
        home: file.home,
    }
});

/// Says whether calls of an event source are global service events; `None` for a regional service.
pub(crate) fn recorded(source: &str) -> Option<Recorded> {
    FACTS.global.get(source).copied()
}

/// Says whether a trail that logs management events may leave those of this source out.
pub(crate) fn is_excludable(source: &str) -> bool {
    FACTS.excludable.contains(source)
}

/// Returns the sources that a trail may leave out.
pub(crate) fn excludable() -> impl Iterator<Item = &'static str> {
    FACTS.excludable.iter().map(String::as_str)
}

/// Says whether no selector of data events can name resources of this type.
pub(crate) fn is_unselectable(kind: &str) -> bool {
    FACTS.unselectable.contains(kind)
}

/// Says whether a trail selects an event by another resource than the one that the action is used
/// on. The source is given by its label, `s3`.
pub(crate) fn selects_elsewhere(label: &str, event: &str, action: &str) -> bool {
    FACTS.elsewhere.iter().any(|entry| {
        entry.sources.iter().any(|source| source.strip_suffix(".amazonaws.com") == Some(label))
            && entry.events.iter().any(|name| name == event)
            && entry.actions.iter().any(|pattern| wildcard::matches(pattern, action))
    })
}

/// Returns the types of data events that an event may be recorded as beside its action's own.
pub(crate) fn also(source: &str, event: &str) -> impl Iterator<Item = &'static str> {
    let is_one = |listed: &[String], name: &str| listed.iter().any(|one| one == name);
    let entries = FACTS.also.iter();
    let fits = entries.filter(|one| is_one(&one.sources, source) && is_one(&one.events, event));
    fits.flat_map(|one| &one.types).map(String::as_str).collect::<Vec<_>>().into_iter()
}

/// Returns the region with which a trail of all regions delivers global service events, for the
/// partition of `region`; `None` where that is not known.
pub(crate) fn home(region: &str) -> Option<&'static str> {
    FACTS
        .home
        .iter()
        .filter(|home| region.starts_with(&home.prefix))
        .find(|home| !home.except.iter().any(|prefix| region.starts_with(prefix)))
        .map(|home| home.region.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_read() {
        assert!(is_unselectable("AWS::S3::Bucket") && !is_unselectable("AWS::S3::Object"));
        assert_eq!(recorded("iam.amazonaws.com"), Some(Recorded::Always));
        assert_eq!(recorded("sts.amazonaws.com"), Some(Recorded::Maybe));
        assert_eq!(recorded("ec2.amazonaws.com"), None);
        assert!(is_excludable("kms.amazonaws.com") && !is_excludable("s3.amazonaws.com"));
    }

    #[test]
    fn a_copy_is_selected_by_what_it_writes() {
        assert!(selects_elsewhere("s3", "CopyObject", "s3:GetObject"));
        assert!(!selects_elsewhere("s3", "CopyObject", "s3:PutObject"));
        assert!(!selects_elsewhere("s3", "GetObject", "s3:GetObject"));
    }

    #[test]
    fn each_partition_has_its_home_or_none() {
        assert_eq!(home("eu-west-1"), Some("us-east-1"));
        assert_eq!(home("us-gov-east-1"), Some("us-gov-west-1"));
        assert_eq!((home("cn-north-1"), home("us-iso-east-1")), (None, None));
    }
}
