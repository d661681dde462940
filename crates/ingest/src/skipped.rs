//! What was not read, and why.
//!
//! Reading never stops at one bad record: the bad place is listed and the rest goes on. The list
//! is bounded per file and kind ([`LISTED_PER_KIND`]), since a hostile or merely wrong file can
//! hold millions of bad places; what is over is counted in one last entry.

use std::fmt;

use crate::ContentHash;

/// How many places of one kind are listed per file before the rest is only counted.
pub const LISTED_PER_KIND: u64 = 32;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Offset in bytes from the start of the *inflated* content.
    pub byte: u64,
    /// How many records of the file came before.
    pub record: u64,
}

/// One thing that was not read.
///
/// Ordered by path, then position, so that a set of them prints in reading order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Skipped {
    /// Label of the file: its path as the user gave it, or `-`.
    pub path: String,
    /// Where in the file; `None` where the whole file is meant.
    pub position: Option<Position>,
    /// What kind of thing it was.
    pub kind: SkipKind,
    /// What exactly, for people. It never quotes the log's text.
    pub detail: String,
    /// How many such places this entry stands for: 1, or more in the last of a long series.
    pub count: u64,
    /// The file's content, where it was read to its end.
    pub source: Option<ContentHash>,
}

/// Why something was not read. [`SkipKind::code`] is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SkipKind {
    /// The file ends in the middle of something.
    Truncated,
    /// The compressed data is damaged.
    Corrupt,
    /// Larger than any record CloudTrail writes.
    Oversized,
    /// Nested deeper than any record CloudTrail writes.
    TooDeep,
    /// Not JSON where JSON was expected.
    NotJson,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// JSON, but without an event name and source.
    NotARecord,
    /// A field of an unexpected type; its record was read without it.
    OddField,
    /// Bytes after the end of the compressed data.
    TrailingGarbage,
    /// A file without content.
    Empty,
    /// A CloudTrail digest file.
    Digest,
    /// CloudTrail Insights events.
    Insight,
    /// A CloudWatch Logs control message, which carries no events.
    ControlMessage,
    /// The signature file of a CloudTrail Lake query result.
    LakeSignature,
    /// An AWS Config snapshot or history file.
    ConfigSnapshot,
    /// A log or an event of another service.
    OtherService,
    /// CSV, which has lost the request parameters.
    Csv,
    /// A file found in a directory that the system would not let us read.
    Unreadable,
    /// A pipe, socket or device found in a directory, or a link that leads nowhere new.
    SpecialFile,
    /// Content that is no log at all.
    NotATrail,
    /// A record of a later major version, whose fields need not mean what they do in version 1.
    NewerVersion,
}

impl SkipKind {
    /// Every kind, in the order of declaration.
    pub const ALL: &[Self] = &[
        Self::Truncated,
        Self::Corrupt,
        Self::Oversized,
        Self::TooDeep,
        Self::NotJson,
        Self::InvalidUtf8,
        Self::NotARecord,
        Self::OddField,
        Self::TrailingGarbage,
        Self::Empty,
        Self::Digest,
        Self::Insight,
        Self::ControlMessage,
        Self::LakeSignature,
        Self::ConfigSnapshot,
        Self::OtherService,
        Self::Csv,
        Self::Unreadable,
        Self::SpecialFile,
        Self::NotATrail,
        Self::NewerVersion,
    ];

    /// Returns the stable kebab-case code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::Oversized => "oversized",
            Self::TooDeep => "too-deep",
            Self::NotJson => "not-json",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::NotARecord => "not-a-record",
            Self::OddField => "odd-field",
            Self::TrailingGarbage => "trailing-garbage",
            Self::Empty => "empty",
            Self::Digest => "digest",
            Self::Insight => "insight",
            Self::ControlMessage => "control-message",
            Self::LakeSignature => "lake-signature",
            Self::ConfigSnapshot => "config-snapshot",
            Self::OtherService => "other-service",
            Self::Csv => "csv",
            Self::Unreadable => "unreadable",
            Self::SpecialFile => "special-file",
            Self::NotATrail => "not-a-trail",
            Self::NewerVersion => "newer-version",
        }
    }

    /// Returns what the kind means, in words, for where nothing more is known.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Truncated => "ends early",
            Self::Corrupt => "damaged",
            Self::Oversized => "larger than any record of CloudTrail",
            Self::TooDeep => "nested deeper than any record of CloudTrail",
            Self::NotJson => "not JSON",
            Self::InvalidUtf8 => "bytes that are not UTF-8",
            Self::NotARecord => "not a record",
            Self::OddField => "a field of an unexpected type",
            Self::TrailingGarbage => "bytes after the end",
            Self::Empty => "no content",
            Self::Digest => "a digest file, which holds no calls",
            Self::Insight => "Insights events, which are no calls",
            Self::ControlMessage => "control messages of CloudWatch Logs",
            Self::LakeSignature => "the signature of a CloudTrail Lake result",
            Self::ConfigSnapshot => "an AWS Config snapshot or history",
            Self::OtherService => "something of another service",
            Self::Csv => "CSV; download JSON instead",
            Self::Unreadable => "cannot be read",
            Self::SpecialFile => "not a regular file",
            Self::NotATrail => "not a log",
            Self::NewerVersion => {
                "of an `eventVersion` that trailtrim does not know; look for a newer trailtrim"
            }
        }
    }

    /// Returns whether an intact archive has such things in it.
    ///
    /// Expected: what AWS itself puts beside the log files and that holds no calls. All other
    /// kinds mean that something may be missing from the picture.
    pub const fn is_expected(self) -> bool {
        matches!(
            self,
            Self::Digest
                | Self::Insight
                | Self::ControlMessage
                | Self::LakeSignature
                | Self::ConfigSnapshot
                | Self::OtherService
        )
    }
}

impl fmt::Display for SkipKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes are for scripts to rely on: this list only ever grows.
    #[test]
    fn codes_are_stable() {
        let codes: Vec<_> = SkipKind::ALL.iter().map(|kind| kind.code()).collect();
        let expected = "truncated corrupt oversized too-deep not-json invalid-utf8 not-a-record \
                        odd-field trailing-garbage empty digest insight control-message \
                        lake-signature config-snapshot other-service csv unreadable special-file \
                        not-a-trail newer-version";
        assert_eq!(codes.join(" "), expected);
    }
}
