//! Regions as people write them.

use std::collections::BTreeSet;

use trailtrim_aggregator::coverage::GLOBAL;

use crate::output::{printable, tell};
use crate::trail::Trail;

/// Checks that a text has the form of a region. Which regions there are is not asked: there are more
/// every year, and partitions that nobody lists.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    match is_one(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{}` is no region; write it as `eu-west-1`", printable(text))),
    }
}

/// Words and a number: `eu-west-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn is_one(text: &str) -> bool {
    let mut words = text.split('-').rev();
    let number = words.next().unwrap_or_default();
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let words: Vec<&str> = words.collect();
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.len() >= 2
        && words.into_iter().all(word)
}

/// Says which of the regions that were named no record is of, and which have records and were not named. Where
/// nothing read tells regions (records that are not in a trail's own files), nothing is said.
pub(crate) fn tell_unseen<'r>(
    option: &str,
    named: impl IntoIterator<Item = &'r String>,
    trail: &Trail,
) {
    let accounts: BTreeSet<&str> =
        trail.activity.principals.iter().map(|one| one.account.as_str()).collect();
    let seen: BTreeSet<&str> =
        accounts.into_iter().flat_map(|account| trail.coverage.regions(account)).collect();
    if seen.is_empty() {
        return;
    }
    let named: BTreeSet<&String> = named.into_iter().collect();
    let left_out: Vec<&str> = seen
        .iter()
        .copied()
        .filter(|region| *region != GLOBAL && !named.iter().any(|one| *one == region))
        .collect();
    if !named.is_empty() && !left_out.is_empty() {
        let left_out = printable(&left_out.join("`, `"));
        tell(&format!(
            "note: there are calls of `{left_out}`, which {option} leaves out: what names no region is not \
             looked for there\n"
        ));
    }
    for region in named.into_iter().filter(|region| !seen.contains(region.as_str())) {
        let seen: Vec<&str> = seen.iter().copied().filter(|region| *region != GLOBAL).collect();
        let there = match seen.as_slice() {
            [] => "there are none of any region".to_owned(),
            seen => format!("there are such of `{}`", printable(&seen.join("`, `"))),
        };
        // Calls of global services are recorded with a region that they are not of.
        tell(&format!("note: no call of a regional service is of {option} `{region}`; {there}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_words_and_a_number() {
        for region in
            ["eu-west-1", "us-gov-west-1", "ap-southeast-12", "us-isob-east-1", "eusc-de-east-1"]
        {
            assert_eq!(parse(region).as_deref(), Ok(region));
        }
        for other in [
            "",
            "eu",
            "eu-west",
            "west-1",
            "eu-west-",
            "eu--1",
            "EU-West-1",
            "eu_west_1",
            "eu-west-1a",
            "eu-west-1 ",
            "global",
            "*",
            "eu-*",
            "us-west-2-lax-1",
        ] {
            assert!(parse(other).is_err(), "{other}");
        }
    }
}
