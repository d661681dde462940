//! What to keep of a record.

use crate::{FactKind, table::Node};

/// The parts of a record that identify a call of one operation.
///
/// A path is a root (`request`, `response`, `additional`) and keys, joined by dots:
/// `request.instancesset.items.instanceid`. Keys are written in lower case without punctuation,
/// and a record's key matches if it equals that after the same treatment (ASCII letters lowered,
/// all but ASCII letters and digits dropped). Arrays are transparent: a key applies to every
/// element, and a path that ends at an array means its elements. Only strings, numbers and
/// booleans at the end of a path are values. What stands in one element of a list belongs together:
///
/// * `request.requestitems[operation=put].tablename` is the table of those elements only whose
///   `operation` is `put`, letter case aside, and without a value of those that have none. Before the
///   `=` may stand `^` (begins), `$` (ends) or `*` (contains), and before that `!` (not); without a
///   member the elements are texts themselves: `request.ids[^=i-]`. A key may have several tests;
/// * `request.entries.databasename+tablename` is the two values of one element, joined by `/`.
///
/// Three endings differ:
///
/// * `request.requestitems{}` means the keys of that map, as they are written;
/// * `request.tagspecificationset?` means only whether something other than null, "", `[]` and
///   `{}` is there; the value kept is the word `present`;
/// * `request.vpczoneidentifier[,]` means texts that are lists: each part between commas is a value,
///   without the spaces around it.
///
/// `**`, at most once, stands for any number of keys, none included:
/// `request.**.instanceid` is every `instanceid` at any depth (EC2 wraps its parameters in
/// `<Something>Request`, `<something>Set.items` and `{tag, content}` without a rule that could be
/// told beforehand). It does not look below the keys of [`Extraction::skipped`].
///
/// Values that are redacted (`HIDDEN_DUE_TO_SECURITY_REASONS`, `Hidden_For_Security_Reasons`, `***`, `<sensitiveDataRemoved>`)
/// are kept under no path but one that ends in `?`.
#[derive(Clone, Copy, Debug)]
pub struct Extraction {
    /// The operation's list of paths.
    pub(crate) paths: Option<Node>,
    pub(crate) skipped: Option<Node>,
    pub(crate) scan_arns: bool,
}

impl Extraction {
    /// Returns the paths to keep, ordered and without repetition.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.paths.into_iter().flat_map(Node::strings)
    }

    /// Returns whether every string under `request` that begins with `arn:` is kept too, with the
    /// path it was found at, except below a key of [`Extraction::skipped`].
    pub fn scan_arns(&self) -> bool {
        self.scan_arns
    }

    /// Returns the keys below which [`Extraction::scan_arns`] does not look, since the ARNs there
    /// are content and not what the call is about (policy documents, tags, descriptions). Written
    /// as keys are in paths.
    pub fn skipped(&self) -> impl Iterator<Item = &'static str> {
        self.skipped.into_iter().flat_map(Node::strings)
    }
}

/// What an event of this operation teaches about names in other events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// The kind of fact.
    pub kind: FactKind,
    /// Path of the key. Its values pair with those of `value` one to one.
    pub key: &'static str,
    /// Put before the key: `role/` for an IAM role's name, mostly "". Of settings, before a key that is no ARN.
    pub key_prefix: &'static str,
    /// Path of the answer; "" where the event itself says that there is none.
    pub value: &'static str,
    /// Path of what tells several answers for one key apart, mostly "".
    pub part: &'static str,
}
