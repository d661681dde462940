//! Amazon Resource Names, taken apart without copying.
//!
//! An ARN has six parts between colons; everything after the fifth colon is
//! the resource, further colons included. Region and account may be empty
//! (`arn:aws:s3:::bucket`), so their absence is never an error here.

use std::fmt;

/// An ARN's parts, borrowed from the text they were read from.
///
/// Source of the form: AWS General Reference, "Amazon Resource Names".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// The service's namespace, such as `s3`.
    pub service: &'a str,
    /// The region, empty for global services.
    pub region: &'a str,
    /// The account id, empty where the service has none in its ARNs.
    pub account: &'a str,
    /// All that follows the fifth colon.
    pub resource: &'a str,
}

/// Why a text is no ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArnError {
    /// The text does not begin with `arn:`.
    #[error("invalid ARN `{0}`: it must begin with `arn:`")]
    Prefix(String),
    /// Fewer than five colons, or an empty part that must be filled.
    #[error(
        "invalid ARN `{text}`: missing {part}; expected `arn:partition:service:region:account:resource`"
    )]
    Missing {
        /// The text as given.
        text: String,
        /// The name of the part that is not there.
        part: &'static str,
    },
}

impl<'a> Arn<'a> {
    /// Parses the six parts.
    ///
    /// # Errors
    /// [`ArnError`] when the prefix, the partition, the service or the
    /// resource is missing, or when there are fewer than five colons.
    pub fn parse(text: &'a str) -> Result<Self, ArnError> {
        let rest = text.strip_prefix("arn:").ok_or_else(|| ArnError::Prefix(text.to_owned()))?;
        let mut parts = rest.splitn(5, ':');
        let mut next = |part: &'static str, may_be_empty: bool| match parts.next() {
            Some(found) if may_be_empty || !found.is_empty() => Ok(found),
            _ => Err(ArnError::Missing { text: text.to_owned(), part }),
        };
        Ok(Self {
            partition: next("partition", false)?,
            service: next("service", false)?,
            region: next("region", true)?,
            account: next("account", true)?,
            resource: next("resource", false)?,
        })
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_text_are_the_same_thing() {
        for text in [
            "arn:aws:s3:::bucket/key:with:colons",
            "arn:aws-cn:iam::123456789012:role/path/Name",
            "arn:aws:lambda:eu-west-1:123456789012:function:f:alias",
        ] {
            assert_eq!(Arn::parse(text).unwrap().to_string(), text);
        }
        let arn = Arn::parse("arn:aws:logs:us-east-1:1:log-group:/a:*").unwrap();
        assert_eq!((arn.region, arn.account, arn.resource), ("us-east-1", "1", "log-group:/a:*"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let part = |text| match Arn::parse(text) {
            Err(ArnError::Missing { part, .. }) => part,
            other => panic!("{other:?}"),
        };
        assert_eq!(part("arn:"), "partition");
        assert_eq!(part("arn:aws::r:a:x"), "service");
        assert_eq!(part("arn:aws:s3"), "region");
        assert_eq!(part("arn:aws:s3:::"), "resource");
        assert_eq!(Arn::parse("*"), Err(ArnError::Prefix("*".into())));
    }
}
