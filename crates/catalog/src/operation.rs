//! What is known of an event, and what it needed.

use crate::{Extraction, Lesson, Request, Resolution, Unresolved, table::Table};

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A call that needs IAM actions, all of them in the catalog.
    Mapped,
    /// A call that needs no permission (`sts:GetCallerIdentity`).
    NoPermission,
    /// Not an API call that IAM authorizes (a sign-in, a console-internal read).
    NotAnApiCall,
    /// A known API operation whose action is not in the catalog, mostly since it is newer: it
    /// grants nothing and freezes its service.
    Unverified,
    /// Nothing known: it grants nothing and freezes its service.
    Unknown,
}

impl Kind {
    /// Returns the name in output: `no-permission`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Mapped => "mapped",
            Kind::NoPermission => "no-permission",
            Kind::NotAnApiCall => "not-an-api-call",
            Kind::Unverified => "unverified",
            Kind::Unknown => "unknown",
        }
    }
}

/// How an event's actions were named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Service and action have the event's own name.
    Exact,
    /// A written rule names the action.
    Rule,
    /// The name was bent to fit (`Batch` dropped): probable, not certain.
    Heuristic,
}

impl Confidence {
    /// Returns the name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Exact => "exact",
            Confidence::Rule => "rule",
            Confidence::Heuristic => "heuristic",
        }
    }
}

/// What is known of an event.
#[derive(Clone, Debug)]
pub struct Operation {
    prefix: Box<str>,
}

impl Operation {
    pub(crate) fn find(_table: Table, event_source: &str, _event_name: &str) -> Operation {
        let prefix = event_source.split('.').next().unwrap_or_default();
        Operation { prefix: prefix.into() }
    }

    /// Returns what the event is.
    pub fn kind(&self) -> Kind {
        Kind::Unknown
    }

    /// Returns how the actions were named.
    pub fn confidence(&self) -> Confidence {
        Confidence::Exact
    }

    /// Returns the IAM prefix of the service, which freezes when the event is not mapped. For a
    /// source that nobody knows it is the source's first label.
    pub fn service(&self) -> Option<&str> {
        Some(&self.prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| &**prefix)
    }

    /// Returns the actions the event can need, in canonical case; which of them one call needed
    /// is for [`Operation::resolve`].
    pub fn actions(&self) -> impl Iterator<Item = &'static str> {
        std::iter::empty()
    }

    /// Returns which parts of a record identify a call.
    pub fn extraction(&self) -> Extraction {
        Extraction { paths: None, skipped: None, scan_arns: false }
    }

    /// Returns what an event of this operation teaches about names in others. The paths are
    /// among those of the extraction.
    pub fn lessons(&self) -> impl Iterator<Item = Lesson> {
        std::iter::empty()
    }

    /// Returns the permissions that a call needed.
    pub fn resolve(&self, _request: &dyn Request) -> Resolution {
        let why = "no rule and no action of this name in the catalog".to_owned();
        Resolution { grants: Vec::new(), unresolved: vec![Unresolved { action: None, why }] }
    }
}
