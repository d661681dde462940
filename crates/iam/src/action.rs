//! One IAM action, such as `s3:GetObject`.
//!
//! IAM compares actions without regard to case. The service prefix is stored
//! in lower case, the name as it was given, so that it can be shown in the
//! catalog's spelling; the derived equality therefore tells `s3:getobject`
//! and `s3:GetObject` apart, and [`Action::is_same_as`] does not.

use std::{fmt, str::FromStr};

/// A service prefix and the name of one of its actions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action {
    service: String,
    name: String,
}

/// Why a text is no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// There is not exactly one colon with text on both sides.
    #[error("invalid action `{0}`: expected `service:Name`")]
    Shape(String),
    /// The text is a pattern, where one action is wanted.
    #[error("invalid action `{0}`: name one action, without `*` or `?`")]
    Wildcard(String),
    /// A character that no action has.
    #[error(
        "invalid action `{0}`: use only letters, digits, `-`, `_` and `.` on each side of the colon"
    )]
    Character(String),
}

impl Action {
    /// Parses `service:Name`.
    ///
    /// # Errors
    /// [`ActionError`] when the text is not of that shape or is a pattern.
    pub fn parse(text: &str) -> Result<Self, ActionError> {
        let (service, name) =
            text.split_once(':').ok_or_else(|| ActionError::Shape(text.to_owned()))?;
        if service.is_empty() || name.is_empty() || name.contains(':') {
            return Err(ActionError::Shape(text.to_owned()));
        }
        if text.contains(['*', '?']) {
            return Err(ActionError::Wildcard(text.to_owned()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !service.chars().all(allowed) || !name.chars().all(allowed) {
            return Err(ActionError::Character(text.to_owned()));
        }
        Ok(Self { service: service.to_ascii_lowercase(), name: name.to_owned() })
    }

    /// Returns the service prefix, in lower case.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the name as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether IAM takes both for the same action: without regard to case.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.service == other.service && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_is_folded_and_name_is_kept() {
        let action = Action::parse("S3:GetObject").unwrap();
        assert_eq!(action.to_string(), "s3:GetObject");
        assert!(action.is_same_as(&Action::parse("s3:getobject").unwrap()));
        assert!(!action.is_same_as(&Action::parse("s3:getobjects").unwrap()));
    }

    #[test]
    fn refuses_what_is_no_single_action() {
        assert!(matches!(Action::parse("s3"), Err(ActionError::Shape(_))));
        assert!(matches!(Action::parse("s3:"), Err(ActionError::Shape(_))));
        assert!(matches!(Action::parse("a:b:c"), Err(ActionError::Shape(_))));
        assert!(matches!(Action::parse("s3:Get*"), Err(ActionError::Wildcard(_))));
        assert!(matches!(Action::parse("s3:Get Object"), Err(ActionError::Character(_))));
    }
}
