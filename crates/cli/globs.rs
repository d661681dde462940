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
        let qualified = arn.splitn(6, ':').nth(5).unwrap_or(arn);
        let bare = arn.rsplit('/').next().unwrap_or(arn);
        let names = [arn, qualified, bare];
        let fits = |pattern: &String| names.iter().any(|name| wildcard::matches(pattern, name));
        self.0.is_empty() || self.0.iter().any(fits)
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

/// A pattern may mean the whole ARN, `role/path/name`, or the bare name.
pub(crate) fn matches(pattern: &str, principal: &Principal) -> bool {
    let qualified = format!("{}/{}", principal.kind.code(), principal.name);
    let bare = principal.name.rsplit('/').next().unwrap_or(&principal.name);
    [principal.arn.as_str(), &qualified, bare].iter().any(|name| wildcard::matches(pattern, name))
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
