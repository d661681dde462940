//! Globs over principals.

use std::collections::BTreeSet;

use trailtrim_aggregator::Principal;
use trailtrim_iam::wildcard;

use crate::exit::hinted;

/// Patterns of which any may match; none at all match everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Globs(Vec<String>);

impl Globs {
    pub(crate) fn new(patterns: &[String]) -> Self {
        Globs(patterns.to_vec())
    }

    pub(crate) fn match_principal(&self, principal: &Principal) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| matches(pattern, principal))
    }

    /// Does the same with an ARN.
    pub(crate) fn match_arn(&self, arn: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| matches_arn(pattern, arn))
    }
}

/// Fails where a pattern matched no principal, and names it.
pub(crate) fn require_none(unmatched: &BTreeSet<&str>) -> anyhow::Result<()> {
    if let Some(first) = unmatched.first() {
        let also = match unmatched.len() - 1 {
            0 => String::new(),
            more => format!(", and none matches {more} more"),
        };
        return Err(hinted(
            format!("no principal in the trail matches --principal `{first}`{also}"),
            "leave it out to see all; `trailtrim usage` lists them",
        ));
    }
    Ok(())
}

/// A pattern may mean the whole ARN, `role/path/name`, or the bare name; of a user that was renamed also those
/// that it went by before.
pub(crate) fn matches(pattern: &str, principal: &Principal) -> bool {
    let former = principal.former.keys().map(String::as_str);
    former.chain([principal.arn.as_str()]).any(|arn| matches_arn(pattern, arn))
}

fn matches_arn(pattern: &str, arn: &str) -> bool {
    let qualified = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let bare = arn.rsplit('/').next().unwrap_or(arn);
    [arn, qualified, bare].iter().any(|name| wildcard::matches(pattern, name))
}

/// Checks a pattern: `*` and `?` are wildcards, everything else is itself.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("empty; name a principal, with `*` and `?` as wildcards".to_owned());
    }
    if let Some(odd) = text.chars().find(|c| matches!(c, '[' | ']' | '{' | '}')) {
        return Err(format!("`{odd}` is no wildcard here; use `*` and `?`"));
    }
    Ok(text.to_owned())
}
