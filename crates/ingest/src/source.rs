//! What is known of a file that was read to its end.
//!
//! Sources are keyed by content, not by name: the same archive under two names is one source, so
//! totals summed over the map count it once.

use std::fmt;

use crate::Label;

/// The blake3 hash of a file's raw (still compressed) bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Wraps the 32 bytes of a blake3 hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    /// Writes 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a file's bytes were packed, told from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not packed.
    Plain,
    /// Gzip, of one or more members.
    Gzip,
    /// Zstandard, of one or more frames.
    Zstd,
}

impl Compression {
    /// Returns the name used in reports: `plain`, `gzip` or `zstd`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The packaging a file's records were found in.
///
/// A file that mixes packagings (wrappers of one kind inside another) is named after the one
/// nearest to its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// `{"Records":[…]}`, what CloudTrail delivers.
    Records,
    /// Bare records: alone, in an array, one per line or run together.
    Bare,
    /// `{"Events":[{"CloudTrailEvent":"…"}]}`, what `lookup-events` prints, or its entries.
    LookupEvents,
    /// `{"detail":{…}}`, EventBridge.
    EventBridge,
    /// `{"logEvents":[{"message":"…"}]}`, a CloudWatch Logs subscription, or what `filter-log-events` prints.
    LogEvents,
    /// `<ISO time> {…}` lines, a CloudWatch Logs export.
    ExportLines,
    /// `{"_source":{…}}`, Elasticsearch, with or without `{"hits":{"hits":[…]}}` around.
    Elastic,
    /// The result of a query: of CloudTrail Lake (`eventJson`), or with columns in lower case, as Athena has
    /// them.
    Query,
}

impl Framing {
    /// Returns the name used in reports, in kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Bare => "bare",
            Self::LookupEvents => "lookup-events",
            Self::EventBridge => "eventbridge",
            Self::LogEvents => "log-events",
            Self::ExportLines => "export-lines",
            Self::Elastic => "elastic",
            Self::Query => "query",
        }
    }

    /// Returns whether records come like this as the trail delivered them. Of all others somebody may have
    /// chosen a part: a query and a search by what they ask for, a subscription by its filter pattern,
    /// EventBridge by its rule, `lookup-events` by an attribute, and that has management events alone. What
    /// is not among them may have been recorded all the same.
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Records | Self::Bare | Self::ExportLines)
    }
}

/// What is known of one source.
///
/// All of it follows from the content, except `path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// The smallest label under which this content was read.
    pub path: Label,
    /// Raw size in bytes.
    pub bytes: u64,
    /// Size in bytes after decompression, as far as it could be decompressed.
    pub inflated_bytes: u64,
    /// Records handed to the visitor.
    pub records: u64,
    /// How it was packed.
    pub compression: Compression,
    /// The packaging of its records; `None` where it had none.
    pub framing: Option<Framing>,
}
