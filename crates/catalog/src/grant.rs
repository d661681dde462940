//! What a call needed: the answer of [`Operation::resolve`](crate::Operation::resolve).

use crate::Confidence;

/// The permissions one call needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// The permissions, ordered by action and resource, without repetition.
    pub grants: Vec<Grant>,
    /// What should have been granted and could not be named.
    pub unresolved: Vec<Unresolved>,
}

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The action in its canonical case: `s3:GetObject`.
    pub action: String,
    /// The resource as a policy names it: an ARN pattern, or `*`. Names out of the log are
    /// escaped, so `*`, `?` and `$` in them stand for themselves.
    pub resource: String,
    /// How the resource was found.
    pub origin: Origin,
    /// Conditions that narrow the grant, all of which held in this call.
    pub conditions: Vec<Condition>,
    /// How sure the naming of the action is.
    pub confidence: Confidence,
    /// Whether the permission itself is an inference (`iam:PassRole` that no documentation
    /// names), not what the event's own action is documented to need.
    pub inferred: bool,
    /// Whether nothing of the call tells what it is on, where the ARN does not say whose that is: it would be on
    /// everybody's, of all accounts.
    pub anybodys: bool,
}

/// How a grant's resource was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The ARN stands in the record.
    Observed,
    /// The ARN was put together from the record's parts.
    Derived {
        /// The rule that did it, in words.
        rule: String,
    },
    /// As before, but for something that nothing tells and that was taken to be as it mostly is.
    Assumed {
        /// What was taken, and why.
        why: String,
    },
    /// Part of the ARN is not in the record, or is useless for the next call.
    Widened {
        /// What was known, as an ARN pattern or a name.
        from: String,
        /// Why that is not enough.
        why: String,
    },
    /// The action takes no resource, or this call of it is on none: only `*` grants it.
    RequiresStar,
}

/// A condition of a policy statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// The operator: `StringEquals`.
    pub operator: String,
    /// The key: `iam:PassedToService`.
    pub key: String,
    /// The values, any of which may hold.
    pub values: Vec<String>,
}

/// A permission that the call needed and that could not be named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// The action, if at least that is known.
    pub action: Option<String>,
    /// Why, in words.
    pub why: String,
}
