//! A policy document as a value: what IAM's grammar can say, and no more.
//!
//! Lists keep their order, because a policy is text that people review; the
//! order of a condition's operators and keys carries no meaning and is sorted.
//! A scalar and a list of one are the same value. An absent `Version` is kept
//! as absent: it means 2008-10-17, where `${…}` is literal text.

use std::collections::BTreeMap;

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyDocument {
    /// The version of the policy language; absent means [`Version::V2008`].
    pub version: Option<Version>,
    /// The optional `Id` element of resource policies.
    pub id: Option<String>,
    /// The statements, in the document's order.
    pub statements: Vec<Statement>,
}

/// A version of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// `2008-10-17`: no policy variables.
    V2008,
    /// `2012-10-17`.
    V2012,
}

/// What a statement does to a request that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// The request is allowed unless something denies it.
    Allow,
    /// The request is denied, whatever else allows it.
    Deny,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statement {
    /// The statement's id.
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// Whom it is about; only in resource and trust policies.
    pub principal: Option<Selector<Principals>>,
    /// `Action` or `NotAction`, as patterns.
    pub action: Selector<Vec<String>>,
    /// `Resource` or `NotResource`, as patterns; absent in trust policies,
    /// where the role itself is meant.
    pub resource: Option<Selector<Vec<String>>>,
    /// The condition block; empty when there is none.
    pub condition: Condition,
}

/// An element and its `Not` twin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector<T> {
    /// What is listed (`Action`, `Resource`, `Principal`).
    Only(T),
    /// Everything but what is listed (`NotAction`, …).
    AllBut(T),
}

/// The principals of a resource policy's statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principals {
    /// `"Principal": "*"`.
    Anyone,
    /// Names by kind: `AWS`, `Service`, `Federated`, `CanonicalUser`.
    Named(BTreeMap<PrincipalKind, Vec<String>>),
}

/// The kinds of principals that a policy can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// Accounts, users, roles and sessions, or `*`.
    Aws,
    /// An S3 canonical user id.
    CanonicalUser,
    /// An identity provider.
    Federated,
    /// An AWS service, such as `ec2.amazonaws.com`.
    Service,
}

/// A condition block: operator → key → values.
///
/// Operators and keys are kept as written; IAM reads both without regard to
/// case. All operators and keys must hold, and any one of the values of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Condition(pub BTreeMap<String, BTreeMap<String, Vec<String>>>);

impl PolicyDocument {
    /// Returns a 2012-10-17 document of the statements.
    #[must_use]
    pub fn new(statements: Vec<Statement>) -> Self {
        Self { version: Some(Version::V2012), id: None, statements }
    }

    /// Returns the version that the document is read under.
    #[must_use]
    pub fn effective_version(&self) -> Version {
        self.version.unwrap_or(Version::V2008)
    }
}

impl Version {
    /// Returns the version as documents write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }
}

impl Effect {
    /// Returns `Allow` or `Deny`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

impl PrincipalKind {
    /// All kinds, in the order in which they are printed.
    pub const ALL: [Self; 4] = [Self::Aws, Self::CanonicalUser, Self::Federated, Self::Service];

    /// Returns the kind as documents write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::CanonicalUser => "CanonicalUser",
            Self::Federated => "Federated",
            Self::Service => "Service",
        }
    }
}

impl Statement {
    /// Returns an identity policy's Allow statement.
    ///
    /// ```
    /// use trailtrim_iam::{PolicyDocument, Statement};
    /// let read = Statement::allow(["s3:GetObject"], ["arn:aws:s3:::bucket/*"])
    ///     .with_sid("Read")
    ///     .with_condition("Bool", "aws:SecureTransport", ["true"]);
    /// let policy = PolicyDocument::new(vec![read]);
    /// assert!(policy.to_json().starts_with(r#"{"Version":"2012-10-17","Statement":[{"Sid":"Read""#));
    /// ```
    #[must_use]
    pub fn allow<A: Into<String>, R: Into<String>>(
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = R>,
    ) -> Self {
        Self::of(Effect::Allow, actions, resources)
    }

    /// Returns an identity policy's Deny statement.
    #[must_use]
    pub fn deny<A: Into<String>, R: Into<String>>(
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = R>,
    ) -> Self {
        Self::of(Effect::Deny, actions, resources)
    }

    fn of<A: Into<String>, R: Into<String>>(
        effect: Effect,
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = R>,
    ) -> Self {
        Self {
            sid: None,
            effect,
            principal: None,
            action: Selector::Only(actions.into_iter().map(Into::into).collect()),
            resource: Some(Selector::Only(resources.into_iter().map(Into::into).collect())),
            condition: Condition::default(),
        }
    }

    /// Sets the statement's id (letters and digits in identity policies).
    #[must_use]
    pub fn with_sid(mut self, sid: impl Into<String>) -> Self {
        self.sid = Some(sid.into());
        self
    }

    /// Adds values to one operator and key of the condition.
    #[must_use]
    pub fn with_condition<V: Into<String>>(
        mut self,
        operator: impl Into<String>,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.condition.add(operator, key, values);
        self
    }
}

impl Condition {
    /// Tells whether there is no condition at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds values to one operator and key.
    pub fn add<V: Into<String>>(
        &mut self,
        operator: impl Into<String>,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) {
        let keys = self.0.entry(operator.into()).or_default();
        keys.entry(key.into()).or_default().extend(values.into_iter().map(Into::into));
    }

    /// Iterates over (operator, key, values), sorted by operator and key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &[String])> {
        self.0.iter().flat_map(|(operator, keys)| {
            keys.iter()
                .map(move |(key, values)| (operator.as_str(), key.as_str(), values.as_slice()))
        })
    }
}

impl<T> Selector<T> {
    /// Returns what is listed, whichever way it is meant.
    pub fn listed(&self) -> &T {
        match self {
            Self::Only(listed) | Self::AllBut(listed) => listed,
        }
    }

    /// Tells whether this is the `Not` twin.
    pub fn is_negated(&self) -> bool {
        matches!(self, Self::AllBut(_))
    }
}
