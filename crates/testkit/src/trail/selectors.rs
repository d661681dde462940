//! Event selectors: what a trail is told to log.
//!
//! Written out as `aws cloudtrail get-event-selectors` prints them, in the basic
//! form, and applied to events by the same rules: management events by reading or
//! writing, data events by the ARN prefixes that are listed for their type.

use std::collections::BTreeSet;

use super::event::Event;
use super::json::{Object, array};
use crate::random::Random;

/// Which calls count, by whether they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadWrite {
    /// Both.
    All,
    /// Those that only read.
    ReadOnly,
    /// Those that change something.
    WriteOnly,
}

impl ReadWrite {
    fn holds(self, reads: bool) -> bool {
        match self {
            Self::All => true,
            Self::ReadOnly => reads,
            Self::WriteOnly => !reads,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::ReadOnly => "ReadOnly",
            Self::WriteOnly => "WriteOnly",
        }
    }
}

/// The one selector of a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selectors {
    /// Which calls.
    pub read_write: ReadWrite,
    /// Whether management events are logged.
    pub management: bool,
    /// Data resources: the type, and prefixes of ARNs.
    pub data: Vec<(&'static str, Vec<String>)>,
}

/// The types that the basic form knows, and the prefix that stands for all of one.
const TYPES: [(&str, &str); 3] = [
    ("AWS::S3::Object", "s3"),
    ("AWS::Lambda::Function", "lambda"),
    ("AWS::DynamoDB::Table", "dynamodb"),
];

impl Selectors {
    /// Draws selectors that hide a part of `events`.
    pub fn draw(random: &mut Random, events: &[Event]) -> Self {
        let read_write = *random.pick(&[ReadWrite::All, ReadWrite::ReadOnly, ReadWrite::WriteOnly]);
        let mut data = Vec::new();
        for (kind, service) in TYPES {
            let arns: BTreeSet<&str> = events
                .iter()
                .flat_map(|event| &event.call.resources)
                .filter(|resource| resource.kind == kind)
                .map(|resource| resource.arn.as_str())
                .collect();
            let arns: Vec<&str> = arns.into_iter().collect();
            match random.below(3) {
                0 => {}
                1 => data.push((kind, vec![format!("arn:aws:{service}")])),
                _ if arns.is_empty() => {}
                _ => data.push((kind, vec![prefix(random.pick::<&str>(&arns)).to_owned()])),
            }
        }
        Self { read_write, management: random.chance(0.8), data }
    }

    /// Says whether the trail logs the event.
    pub fn select(&self, event: &Event) -> bool {
        if !self.read_write.holds(event.call.reads) {
            return false;
        }
        if !event.call.data {
            return self.management;
        }
        event.call.resources.iter().any(|resource| {
            self.data.iter().any(|(kind, prefixes)| {
                resource.kind == *kind
                    && prefixes.iter().any(|prefix| resource.arn.starts_with(prefix.as_str()))
            })
        })
    }

    /// Returns the selectors as `get-event-selectors` prints them.
    pub fn json(&self, trail_arn: &str) -> String {
        let data: Vec<String> = self
            .data
            .iter()
            .map(|(kind, values)| Object::new().text("Type", kind).texts("Values", values).end())
            .collect();
        let selector = Object::new()
            .text("ReadWriteType", self.read_write.name())
            .flag("IncludeManagementEvents", self.management)
            .raw("DataResources", &array(&data))
            .raw("ExcludeManagementEventSources", "[]");
        Object::new()
            .text("TrailARN", trail_arn)
            .raw("EventSelectors", &array(&[selector.end()]))
            .end()
    }
}

/// Returns the bucket of an object's ARN with its slash; of any other ARN all.
fn prefix(arn: &str) -> &str {
    match arn.find(":::").and_then(|_| arn.find('/')) {
        Some(slash) => arn.get(..=slash).unwrap_or(arn),
        None => arn,
    }
}
