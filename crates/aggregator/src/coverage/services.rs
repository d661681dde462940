//! The facts of `data/recording.toml`: global services, and what trails may leave out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_iam::{pattern, wildcard};

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
    #[serde(default)]
    on: Option<String>,
    /// What a resource pattern may not mean as well.
    #[serde(default)]
    unless: Option<String>,
    #[serde(default)]
    instead: bool,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unrecorded {
    sources: Vec<String>,
    events: Vec<String>,
    #[serde(default)]
    on: Option<String>,
    what: String,
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
struct Only {
    sources: Vec<String>,
    /// All where there are none.
    #[serde(default)]
    events: Vec<String>,
    /// What they are about; anything where it is absent.
    #[serde(default)]
    on: Option<String>,
    /// Each takes them, so that whoever calls has the choice.
    regions: Vec<String>,
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
    unrecorded: Vec<Unrecorded>,
    home: Vec<Home>,
    only: Vec<Only>,
}

struct Facts {
    global: BTreeMap<String, Recorded>,
    excludable: BTreeSet<String>,
    unselectable: BTreeSet<String>,
    elsewhere: Vec<Elsewhere>,
    also: Vec<Also>,
    unrecorded: Vec<Unrecorded>,
    home: Vec<Home>,
    only: Vec<Only>,
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
        unrecorded: file.unrecorded,
        home: file.home,
        only: file.only,
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

/// As what data events an event may be recorded, beside those of its action.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    /// The types, each with whether a trail selects it by the resource that the action is used on.
    pub(crate) types: Vec<(&'static str, bool)>,
    /// Whether it is never recorded as one of its action's own type.
    pub(crate) instead: bool,
}

/// Returns as what else an event about what a resource pattern means may be recorded.
pub(crate) fn others(source: &str, event: &str, resource: &str) -> Others {
    let mut others = Others::default();
    for one in FACTS.also.iter().filter(|one| names(&one.sources, &one.events, source, event)) {
        let surely = one.on.as_deref().is_some_and(|on| pattern::covers(on, resource));
        let others_too = one.unless.as_deref().is_some_and(|unless| may_be(Some(unless), resource));
        if !(surely || (!others_too && may_be(one.on.as_deref(), resource))) {
            continue;
        }
        others.types.extend(one.types.iter().map(|kind| (kind.as_str(), one.on.is_some())));
        others.instead |= one.instead && surely;
    }
    others
}

/// Returns what leaves no record of an event about what a resource pattern means, in words.
pub(crate) fn unrecorded(source: &str, event: &str, resource: &str) -> Option<&'static str> {
    let mut named =
        FACTS.unrecorded.iter().filter(|one| names(&one.sources, &one.events, source, event));
    named.find(|one| may_be(one.on.as_deref(), resource)).map(|one| one.what.as_str())
}

fn names(sources: &[String], events: &[String], source: &str, event: &str) -> bool {
    sources.iter().any(|one| one == source) && events.iter().any(|one| one == event)
}

/// Tells whether something that a resource pattern means can be one of those that an entry is about.
fn may_be(on: Option<&str>, resource: &str) -> bool {
    on.is_none_or(|on| pattern::overlap(on, resource).is_none_or(|both| !both.is_empty()))
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

/// Regions that alone take some calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Few {
    pub(crate) regions: &'static [String],
    /// Whether they take all that was asked for. Of the rest each region takes its own.
    pub(crate) all: bool,
}

/// Returns the regions that alone take calls of a source about what a resource pattern means, or some of them, in the
/// partition of `region`; of some events of it where one is named.
pub(crate) fn only_in(source: &str, event: Option<&str>, (region, resource): (&str, &str)) -> Few {
    let takes = |one: &&Only| {
        let named = one.events.is_empty()
            || event.is_some_and(|event| one.events.iter().any(|name| name == event));
        one.sources.iter().any(|name| name == source)
            && named
            && may_be(one.on.as_deref(), resource)
            && !one.except.iter().any(|prefix| region.starts_with(prefix))
    };
    FACTS.only.iter().find(takes).map_or_else(Few::default, |one| Few {
        regions: &one.regions,
        all: one.on.as_deref().is_none_or(|on| pattern::covers(on, resource)),
    })
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
    fn the_resource_says_as_what_an_event_is_recorded() {
        let others = |resource| others("sns.amazonaws.com", "Publish", resource);
        let endpoint = vec![("AWS::SNS::PlatformEndpoint", true)];
        let app = "arn:aws:sns:eu-west-1:1:endpoint/APNS/shop/*";
        assert_eq!(others(app), Others { types: endpoint.clone(), instead: true });
        assert_eq!(others("arn:aws:sns:eu-west-1:1:orders"), Others::default());
        assert_eq!(others("arn:aws:sns:*:1:*"), Others { types: endpoint, instead: false });
        let objects = |resource| super::others("s3.amazonaws.com", "GetObject", resource);
        let point = Others { types: vec![("AWS::S3::AccessPoint", true)], instead: false };
        assert_eq!(objects("arn:aws:s3:eu-west-1:1:accesspoint/a/object/*"), point);
        for points in ["arn:aws:s3:eu-west-1:1:accesspoint*", "arn:aws:s3:*:1:*"] {
            assert_eq!(objects(points).types, point.types, "{points}");
        }
        for objects_too in ["*", "arn:aws:s3:::b/*", "arn:aws:s3:*:*:*"] {
            assert_eq!(objects(objects_too), Others::default(), "{objects_too}");
        }
        let events = super::others("events.amazonaws.com", "PutEvents", "*");
        assert_eq!(events.types, [("AWS::Events::Endpoint", false)]);
    }

    #[test]
    fn some_uses_leave_no_record() {
        let publish = |resource| unrecorded("sns.amazonaws.com", "Publish", resource);
        assert_eq!(publish("*"), Some("a message to a phone number"));
        assert_eq!((publish("arn:*"), publish("arn:aws:sns:eu-west-1:1:orders")), (None, None));
        let mail = "arn:aws:ses:eu-west-1:1:identity/example.com";
        assert!(unrecorded("ses.amazonaws.com", "SendRawEmail", mail).is_some());
        assert_eq!(unrecorded("ses.amazonaws.com", "SendEmail", mail), None);
    }

    #[test]
    fn some_are_recorded_in_one_region_whatever_they_are_about() {
        const NONE: &[&str] = &[];
        const OREGON: &[&str] = &["us-west-2"];
        let only_in = |source, event, there| {
            let few = only_in(source, event, there);
            assert!(few.all || few.regions.is_empty());
            few.regions
        };
        let accelerators = |region| only_in("globalaccelerator.amazonaws.com", None, (region, "*"));
        assert_eq!(accelerators("eu-west-1"), OREGON);
        assert_eq!(accelerators(""), OREGON);
        assert_eq!(accelerators("cn-north-1"), NONE);
        let s3 = |event| only_in("s3.amazonaws.com", Some(event), ("eu-west-1", "*"));
        assert_eq!(s3("CreateMultiRegionAccessPoint"), OREGON);
        assert_eq!(s3("SubmitMultiRegionAccessPointRoutes").len(), 5);
        assert_eq!(s3("CreateBucket"), NONE);
        let chime = |event| only_in("chime.amazonaws.com", Some(event), ("eu-central-1", "*"));
        assert_eq!((chime("CreateUser").len(), chime("CreateMeeting").len()), (1, 0));
    }

    #[test]
    fn virginia_has_what_is_for_cloudfront_and_each_region_its_own() {
        let acls = |resource| {
            let there = ("eu-west-1", resource);
            let few = only_in("wafv2.amazonaws.com", Some("UpdateWebACL"), there);
            (few.regions.first().map(String::as_str), few.all)
        };
        let virginia = Some("us-east-1");
        assert_eq!(acls("arn:aws:wafv2:*:111122223333:global/webacl/*"), (virginia, true));
        assert_eq!(acls("arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/*"), (None, false));
        for both in ["*", "arn:aws:wafv2:*:111122223333:*/webacl/*/*"] {
            assert_eq!(acls(both), (virginia, false), "{both}");
        }
    }

    #[test]
    fn each_partition_has_its_home_or_none() {
        assert_eq!(home("eu-west-1"), Some("us-east-1"));
        assert_eq!(home("us-gov-east-1"), Some("us-gov-west-1"));
        assert_eq!((home("cn-north-1"), home("us-iso-east-1")), (None, None));
    }
}
