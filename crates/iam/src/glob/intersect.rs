//! What two patterns have in common.
//!
//! The intersection of two patterns is a finite union of patterns: wherever
//! two stars meet, one of them ends first. Their number can grow with the
//! product of the stars, so there is a limit, counted and not timed.

use std::collections::{BTreeSet, HashMap};

use super::{Glob, Token};

/// Tokens that one intersection may write. Patterns as people write them need
/// some hundreds.
const ALLOWANCE: u64 = 200_000;

/// Returns patterns whose union is what both match, or `None` if there would
/// be more than `limit` of them, or finding them took too long.
///
/// Variables are compared by name only; where two patterns with variables do
/// not contain one another, each variable counts as `*`, and the result may be
/// more than what is common, never less.
///
/// Takes at most [`ALLOWANCE`] steps beyond |a| × |b|, and adds what it took.
pub(crate) fn intersect(a: &Glob, b: &Glob, limit: usize, steps: &mut u64) -> Option<Vec<Glob>> {
    if a.covers_counting(b, steps) {
        return Some(vec![b.clone()]);
    }
    if b.covers_counting(a, steps) {
        return Some(vec![a.clone()]);
    }
    let (a, b) = (a.loosened(), b.loosened());
    let mut search = Search { limit, work: 0, known: HashMap::new() };
    let found = search.run(a.tokens(), b.tokens());
    *steps += search.work;
    Some(found?.into_iter().map(Glob::new).collect())
}

type Rows = BTreeSet<Vec<Token>>;

struct Search {
    limit: usize,
    /// Tokens written so far.
    work: u64,
    /// What is common to the last (n, m) tokens of both.
    known: HashMap<(usize, usize), Option<Rows>>,
}

impl Search {
    fn run(&mut self, a: &[Token], b: &[Token]) -> Option<Rows> {
        let place = (a.len(), b.len());
        if let Some(known) = self.known.get(&place) {
            return known.clone();
        }
        self.work += 1;
        if self.work > ALLOWANCE {
            return None;
        }
        let found = self.step(a, b).filter(|rows| rows.len() <= self.limit);
        if let Some(rows) = &found {
            self.work += rows.iter().map(|row| row.len() as u64).sum::<u64>();
        }
        self.known.insert(place, found.clone());
        found
    }

    fn step(&mut self, a: &[Token], b: &[Token]) -> Option<Rows> {
        let (Some((first_a, rest_a)), Some((first_b, rest_b))) = (a.split_first(), b.split_first())
        else {
            let left = if a.is_empty() { b } else { a };
            let common = left.iter().all(|token| *token == Token::Many);
            return Some(common.then(Vec::new).into_iter().collect());
        };
        match (first_a, first_b) {
            (Token::Many, Token::Many) => {
                // One of the two stars ends first.
                let mut rows = self.run(rest_a, b)?;
                rows.extend(self.run(a, rest_b)?);
                Some(behind(&Token::Many, rows))
            }
            (Token::Many, other) => {
                let mut rows = self.run(rest_a, b)?;
                if *other != Token::Separator {
                    rows.extend(behind(other, self.run(a, rest_b)?));
                }
                Some(rows)
            }
            (other, Token::Many) => {
                let mut rows = self.run(a, rest_b)?;
                if *other != Token::Separator {
                    rows.extend(behind(other, self.run(rest_a, b)?));
                }
                Some(rows)
            }
            (Token::One, token @ (Token::Char(_) | Token::One))
            | (token @ Token::Char(_), Token::One) => {
                Some(behind(token, self.run(rest_a, rest_b)?))
            }
            (token, same) if token == same => Some(behind(token, self.run(rest_a, rest_b)?)),
            _ => Some(Rows::new()),
        }
    }
}

/// Puts a token before each row, and a star only where there is none yet.
fn behind(token: &Token, rows: Rows) -> Rows {
    rows.into_iter()
        .map(|row| {
            if *token == Token::Many && row.first() == Some(&Token::Many) {
                return row;
            }
            let mut longer = Vec::with_capacity(row.len() + 1);
            longer.push(token.clone());
            longer.extend(row);
            longer
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document::Version, glob::value, wildcard};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn common_is_what_both_match(
            a in "[ab*?]{0,6}",
            b in "[ab*?]{0,6}",
            text in "[abc]{0,7}",
        ) {
            let glob = |text: &str| value(text, Version::V2012);
            let common = intersect(&glob(&a), &glob(&b), 10_000, &mut 0).unwrap();
            let both = wildcard::matches(&a, &text) && wildcard::matches(&b, &text);
            let any = common.iter().any(|c| wildcard::matches(&c.to_string(), &text));
            prop_assert_eq!(both, any, "{:?}", common);
        }
    }

    #[test]
    fn too_many_ways_are_refused() {
        let glob = |text: &str| value(text, Version::V2012);
        let stars =
            |letters: &str| letters.chars().map(|c| format!("*{c}")).collect::<String>() + "*";
        assert!(
            intersect(&glob(&stars("abcdefgh")), &glob(&stars("ijklmnop")), 64, &mut 0).is_none()
        );
    }
}
