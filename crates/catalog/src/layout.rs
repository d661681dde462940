//! The bytes of a compiled catalog, as its writer and its reader agree on them.
//!
//! A catalog is a header, an array of little-endian words of 32 bits, and a pool of strings. A
//! *node* is an offset into the words: a count, then that many items. An item is a number, a
//! string (an offset into the pool: a length of 16 bits, then UTF-8) or another node; which of
//! them is known from the place, there are no tags. Node 0 is the empty list and string 0 the
//! empty string, so a zero is always a sound answer, and a damaged file cannot make the reader
//! leave its bounds.
//!
//! An *index* is a node whose items are the slots of an open-addressed hash table, at most half
//! full, its size a power of two: each slot is 0 or an entry node whose first item is the key. The
//! key is always compared, so the hash need not be trusted.
//!
//! This file is compiled into two crates (the compiler that writes and the catalog that reads), so
//! it depends on nothing.

/// How a catalog begins. The digits count up with every change of layout.
pub const MAGIC: &[u8; 8] = b"TTCATL07";

/// Size of the header in bytes: magic, root node, number of words, bytes of the pool.
pub const HEADER: usize = 20;

/// Returns the hash that places a key in an index (FNV-1a, with its bits mixed once more).
pub fn hash(key: &str) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in key.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d)
}

/// Where the root node keeps what.
pub mod root {
    /// Index of services by prefix.
    pub const SERVICE_INDEX: u32 = 0;
    /// List of services.
    pub const SERVICES: u32 = 1;
    /// Index of actions by lower-case `prefix:name`.
    pub const ACTION_INDEX: u32 = 2;
    /// Digest and packages.
    pub const VERSION: u32 = 3;
    /// Index of events by `source:name`, lower-case.
    pub const EVENT_INDEX: u32 = 4;
    /// Index of sources by label: the IAM prefix.
    pub const SOURCE_INDEX: u32 = 5;
    /// Index of error codes, lower-case.
    pub const ERROR_INDEX: u32 = 6;
    /// Patterns of error codes, in the order they are tried.
    pub const ERROR_PATTERNS: u32 = 7;
    /// Keys below which no ARN is looked for.
    pub const SKIPPED: u32 = 8;
    /// Services that call on someone's behalf, an index by source.
    pub const VIA_INDEX: u32 = 9;
    /// Companion rules.
    pub const COMPANIONS: u32 = 10;
    /// Index of forms that values have, by name.
    pub const FORMS: u32 = 11;
    /// Digest of what observing depends on.
    pub const OBSERVED: u32 = 12;
    /// How services take back what they did for others.
    pub const UNDOING: u32 = 13;
    /// Words that the names of events begin with which pass no roles.
    pub const PASSING_NONE: u32 = 14;
}

/// An event, as the index has it: its key, then these.
pub mod event {
    /// Plan.
    pub const PLAN: u32 = 1;
    /// Paths to keep.
    pub const PATHS: u32 = 2;
    /// Whether to keep every ARN.
    pub const SCAN: u32 = 3;
    /// Canonical name of the operation.
    pub const NAME: u32 = 4;
}

/// A plan: what one operation needs.
pub mod plan {
    /// What the event is: a number of [`super::kind`].
    pub const KIND: u32 = 0;
    /// How the actions were named: 0 exact, 1 rule, 2 heuristic.
    pub const CONFIDENCE: u32 = 1;
    /// IAM prefix.
    pub const PREFIX: u32 = 2;
    /// Grants.
    pub const GRANTS: u32 = 3;
    /// Roles that are passed.
    pub const PASSES: u32 = 4;
    /// Lessons.
    pub const LESSONS: u32 = 5;
    /// Variants: pairs of paths that tell, and plan. The first plan of which a path has a value is
    /// taken, else the first of all. A plan with variants has none of its own but the above.
    pub const VARIANTS: u32 = 6;
}

/// Kinds of events.
pub mod kind {
    /// Needs actions.
    pub const MAPPED: u32 = 0;
    /// Needs none.
    pub const NO_PERMISSION: u32 = 1;
    /// Is no API call.
    pub const NOT_AN_API_CALL: u32 = 2;
    /// Its action is not in the catalog.
    pub const UNVERIFIED: u32 = 3;
}

/// In place of a path: every ARN that was found in the parameters.
pub const ANY_ARN: &str = "**";

/// In place of a path: the ARNs in the record's own `resources[]`.
pub const LISTED: &str = "listed";

/// A grant of a plan.
pub mod grant {
    /// Node of the action.
    pub const ACTION: u32 = 0;
    /// Tests, all of which must hold.
    pub const TESTS: u32 = 1;
    /// Resource types, as the call fills them.
    pub const TYPES: u32 = 2;
    /// Bits of [`super::flag`].
    pub const FLAGS: u32 = 3;
    /// Conditions: operator, key, path or `=value`.
    pub const CONDITIONS: u32 = 4;
    /// Reason of the rule, or "".
    pub const REASON: u32 = 5;
}

/// Flags of a grant.
pub mod flag {
    /// `resources[]` does not speak of this action's resource.
    pub const NO_RESOURCES: u32 = 1;
    /// The ARN scan does not speak of this action's resource.
    pub const NO_SCAN: u32 = 2;
    /// The grant is an inference.
    pub const INFERRED: u32 = 4;
    /// The grant follows from a heuristic.
    pub const HEURISTIC: u32 = 8;
    /// There is no grant where nothing tells the whole resource.
    pub const KNOWN: u32 = 16;
}

/// A role that is passed.
pub mod pass {
    /// Where it stands; "" where the call does not name it.
    pub const PATH: u32 = 0;
    /// Services that may take it; none if not certain.
    pub const TAKERS: u32 = 1;
    /// Bits of [`super::pass_flag`].
    pub const FLAGS: u32 = 2;
    /// Tests, all of which must hold.
    pub const TESTS: u32 = 3;
}

/// Flags of a role that is passed.
pub mod pass_flag {
    /// The value is an instance profile, and the role is the one inside it.
    pub const PROFILE: u32 = 1;
    /// The reference or a rule says that it is passed.
    pub const DOCUMENTED: u32 = 2;
    /// The value is a text in which roles stand, or there is none.
    pub const TEXT: u32 = 4;
    /// The value is a task definition of ECS, and the role is that of its tasks.
    pub const TASK_ROLE: u32 = 8;
    /// The value is a task definition of ECS, and the role is the one that starts its tasks.
    pub const EXECUTION_ROLE: u32 = 16;
    /// Where it is not known with which roles the definition was registered, none is passed.
    pub const KNOWN: u32 = 32;
}

/// A resource type of a grant.
pub mod kind_of {
    /// Name, and templates.
    pub const TYPE: u32 = 0;
    /// Whether one must appear.
    pub const REQUIRED: u32 = 1;
    /// 1: the call makes it, so that its id is of no use for the next call. 2: the call is on all.
    pub const MADE: u32 = 2;
    /// What an id of this type begins with, or "".
    /// (and after `|` what longer beginnings belong to other types).
    pub const GUARD: u32 = 3;
    /// Per template: text, then per variable but the partition the list of sources.
    pub const FILLS: u32 = 4;
}

/// Flags of an action.
pub mod action_flag {
    /// Nothing says which resource types it takes.
    pub const UNTOLD: u32 = 1;
    /// A wildcard in the place of its resource's name means everybody's.
    pub const UNBOUNDED: u32 = 2;
}

/// A form that values have: its name, then these.
pub mod form {
    /// What a value begins with, lower-case; one of them.
    pub const BEGINS: u32 = 1;
    /// How many labels between dots it has at least.
    pub const LABELS: u32 = 2;
    /// How long its first label is at most.
    pub const LONGEST: u32 = 3;
}

/// Forms that transforms ask for, each of which the rules must describe.
pub const FORMS: &[&str] = &["aws-document", "inference-profile"];

/// How a source of a variable is read: its kind, transform, path or text, and for words that ARNs
/// spell otherwise a list `WORD=as the ARN has it;…`.
pub mod source {
    /// Values at a path.
    pub const PATH: u32 = 0;
    /// A fixed text.
    pub const CONSTANT: u32 = 1;
    /// Made by the server, never in a request: `*`.
    pub const SERVER: u32 = 2;
    /// Values at a path, beside what other sources gave.
    pub const ALSO: u32 = 3;
    /// A value at a path that goes before what the sources behind it give, with a `/` between.
    pub const BEFORE: u32 = 4;
    /// What the values of the sources behind it consist of, or they are no ids: characters, how many
    /// of them at least and at most, and those of which one is among them.
    pub const FORM: u32 = 5;
}

/// What transforms of transforms are written with: the number of the innermost, and this times that
/// of the next.
pub const NESTED: u32 = 256;
const _: () = assert!(TRANSFORMS.len() < NESTED as usize);

/// Changes made to a value before it fills a variable.
pub const TRANSFORMS: &[&str] = &[
    "",
    "nolead",
    "secret",
    "function",
    "qualifier",
    "queue",
    "table",
    "before_colon",
    "last_segment",
    "host",
    "domain",
    "copy_bucket",
    "copy_key",
    "copy_version",
    "lower",
    "iam_path",
    "family",
    "revision",
    "prefix_star",
    "drop_last_colon",
    "workgroup_of",
    "association",
    "layer",
    "key_id",
    "alias",
    "streams_of",
    "below",
    "document",
    "model",
    "profile",
    "before_pipe",
    "encoded",
    "only_arn",
    "ecs_task",
    "select_table",
    "select_index",
    "insert_table",
    "update_table",
    "delete_table",
    "account",
    "iam_kind",
    "iam_owner",
    "iam_last",
    "qualified",
    "between_slashes",
    "unqualified",
    "arn_last",
    "bucket_host",
    "owner",
    "within",
    "above",
    "above_two",
    "after_hyphen",
    "copy_arn",
    "as_is",
    "above_one",
    "arn_account",
    "arn_region",
    "results_of",
    "launch_template",
    "image_repository",
    "mailbox",
    "hyphenated",
];

/// Tests of a grant.
pub mod test {
    /// Some value is there.
    pub const PRESENT: u32 = 0;
    /// No value is there.
    pub const ABSENT: u32 = 1;
    /// Some value equals, letter case aside.
    pub const EQUALS: u32 = 2;
    /// No value equals.
    pub const DIFFERS: u32 = 3;
    /// Some value begins so, letter case aside.
    pub const STARTS: u32 = 4;
    /// Some value ends so.
    pub const ENDS: u32 = 5;
    /// No value ends so.
    pub const ENDS_NOT: u32 = 6;
    /// Some value contains it.
    pub const CONTAINS: u32 = 7;
    /// No value begins so.
    pub const STARTS_NOT: u32 = 8;
    /// No value contains it.
    pub const CONTAINS_NOT: u32 = 9;
    /// No value contains it behind its last `/`.
    pub const LAST_CONTAINS_NOT: u32 = 10;
    /// A value contains it behind its last `/`.
    pub const LAST_CONTAINS: u32 = 11;
}
