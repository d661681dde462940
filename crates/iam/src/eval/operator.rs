//! Condition operators: their names, and how each compares two values.
//!
//! Source: IAM User Guide, "Condition operators" and "Conditions with multiple
//! context keys or values". Names are taken in any case.

use std::net::IpAddr;

use base64::Engine as _;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::{
    document::Version,
    glob::{self, Colons, Glob, Lacking},
};

/// An operator, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Operator {
    pub(crate) set: Option<Quantifier>,
    pub(crate) test: Test,
    /// `…NotEquals` and its like: true where no value compares.
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
}

/// How a multi-valued key is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

/// What is compared, without `Not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Number(Compare),
    Date(Compare),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

/// A comparison of things that have an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Compare {
    Equals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Names, in lower case, with the test and whether it is negated.
const OPERATORS: &[(&str, Test, bool)] = &[
    ("stringequals", Test::StringEquals, false),
    ("stringnotequals", Test::StringEquals, true),
    ("stringequalsignorecase", Test::StringEqualsIgnoreCase, false),
    ("stringnotequalsignorecase", Test::StringEqualsIgnoreCase, true),
    ("stringlike", Test::StringLike, false),
    ("stringnotlike", Test::StringLike, true),
    ("numericequals", Test::Number(Compare::Equals), false),
    ("numericnotequals", Test::Number(Compare::Equals), true),
    ("numericlessthan", Test::Number(Compare::Less), false),
    ("numericlessthanequals", Test::Number(Compare::LessOrEqual), false),
    ("numericgreaterthan", Test::Number(Compare::Greater), false),
    ("numericgreaterthanequals", Test::Number(Compare::GreaterOrEqual), false),
    ("dateequals", Test::Date(Compare::Equals), false),
    ("datenotequals", Test::Date(Compare::Equals), true),
    ("datelessthan", Test::Date(Compare::Less), false),
    ("datelessthanequals", Test::Date(Compare::LessOrEqual), false),
    ("dategreaterthan", Test::Date(Compare::Greater), false),
    ("dategreaterthanequals", Test::Date(Compare::GreaterOrEqual), false),
    ("bool", Test::Bool, false),
    ("binaryequals", Test::Binary, false),
    ("ipaddress", Test::IpAddress, false),
    ("notipaddress", Test::IpAddress, true),
    ("arnequals", Test::Arn, false),
    ("arnlike", Test::Arn, false),
    ("arnnotequals", Test::Arn, true),
    ("arnnotlike", Test::Arn, true),
    ("null", Test::Null, false),
];

impl Operator {
    /// Parses a name such as `ForAnyValue:StringLikeIfExists`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let folded = name.to_ascii_lowercase();
        let (set, rest) = match folded.split_once(':') {
            Some(("forallvalues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(("foranyvalue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return None,
            None => (None, folded.as_str()),
        };
        let (base, if_exists) = match rest.strip_suffix("ifexists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (_, test, negated) = OPERATORS.iter().find(|(name, ..)| *name == base)?;
        if *test == Test::Null && (if_exists || set.is_some()) {
            return None;
        }
        Some(Self { set, test: *test, negated: *negated, if_exists })
    }
}

impl Test {
    /// Tells whether `*` and `?` in the policy's value are wildcards.
    pub(crate) fn has_wildcards(self) -> bool {
        matches!(self, Self::StringLike | Self::Arn)
    }

    /// Compares a policy's value with a request's. A value that is not of the
    /// operator's type compares with nothing.
    pub(crate) fn compares(self, policy: &Glob, request: &str) -> bool {
        match self {
            Self::StringLike => policy.covers(&Glob::literal(request)),
            Self::Arn => covers_arn(policy, request),
            _ => self.compares_text(&policy.to_string(), request),
        }
    }

    fn compares_text(self, policy: &str, request: &str) -> bool {
        match self {
            Self::StringEquals => policy == request,
            Self::StringEqualsIgnoreCase => policy.to_lowercase() == request.to_lowercase(),
            Self::Number(compare) => compare.holds(number(request), number(policy)),
            Self::Date(compare) => compare.holds(milliseconds(request), milliseconds(policy)),
            Self::Bool => {
                matches!(&*policy.to_ascii_lowercase(), "true" | "false")
                    && policy.eq_ignore_ascii_case(request)
            }
            Self::Binary => binary(policy).is_some_and(|bytes| Some(bytes) == binary(request)),
            Self::IpAddress => is_in_network(policy, request),
            Self::StringLike | Self::Arn | Self::Null => false,
        }
    }
}

impl Compare {
    fn holds<T: PartialOrd>(self, request: Option<T>, policy: Option<T>) -> bool {
        let (Some(request), Some(policy)) = (request, policy) else { return false };
        match self {
            Self::Equals => request == policy,
            Self::Less => request < policy,
            Self::LessOrEqual => request <= policy,
            Self::Greater => request > policy,
            Self::GreaterOrEqual => request >= policy,
        }
    }
}

/// Compares an ARN part by part; both ARN operators allow wildcards.
fn covers_arn(policy: &Glob, request: &str) -> bool {
    let request = glob::literal_resource(request);
    policy.covers(&request)
}

/// Compiles a value for a test.
pub(crate) fn compile(test: Test, text: &str, version: Version) -> Vec<Glob> {
    match test {
        Test::Arn => glob::resource(text, version, Colons::Within, Lacking::Nothing),
        test => vec![if test.has_wildcards() {
            glob::value(text, version)
        } else {
            glob::value(text, version).without_wildcards()
        }],
    }
}

pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads an ISO 8601 date, or seconds since 1970.
pub(crate) fn milliseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    if let Ok(time) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ") {
        return Some(time.and_utc().timestamp_millis());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis());
    }
    text.parse::<i64>().ok()?.checked_mul(1000)
}

fn binary(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()
}

/// Reads an address or a network; an address is a network of one.
pub(crate) fn network(text: &str) -> Option<ipnet::IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(Into::into))
}

fn is_in_network(policy: &str, request: &str) -> bool {
    match (network(policy), request.trim().parse::<IpAddr>()) {
        (Some(network), Ok(address)) => network.contains(&address),
        _ => false,
    }
}
