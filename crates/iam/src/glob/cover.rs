//! Is one pattern inside another?
//!
//! `a.covers(b)` reads `b` as a text in which `*` is a letter that only a `*`
//! of `a` can take, `?` one that `?` and `*` can take. If that text is matched,
//! every member of `b` is in `a`. The other way round holds only where `a` has
//! no `?`: `?*` covers each of `ab*` and `*ab`, but the second only by cases.
//! [`Glob::split`] makes the cases: a `*` is either nothing or `?*`. After as
//! many steps as `a` has `?`, the answer is exact; and because each case has a
//! typical member of its own, a union of patterns covers it only if one of
//! them does. (The tests hold both against enumeration over small alphabets.)

use super::{Glob, Token};

impl Glob {
    /// Tells whether `other` is surely a part of this pattern's language.
    ///
    /// Takes at most |self| × |other| steps.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.covers_counting(other, &mut 0)
    }

    /// As [`Glob::covers`], and adds the steps taken.
    pub(crate) fn covers_counting(&self, other: &Self, steps: &mut u64) -> bool {
        *steps += 1;
        if let [Token::Everything] = self.tokens() {
            return true;
        }
        let (pattern, text) = (self.tokens(), other.tokens());
        let (mut p, mut t) = (0, 0);
        // Where to go on if a later token fails: behind the last star, one
        // further into the text.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            *steps += 1;
            match (pattern.get(p), text.get(t)) {
                (None, None) => return true,
                (Some(Token::Many), _) => {
                    p += 1;
                    retry = Some((p, t));
                    continue;
                }
                (Some(wanted), Some(found)) if takes(wanted, found) => {
                    p += 1;
                    t += 1;
                    continue;
                }
                _ => {}
            }
            let Some((behind_star, from)) = retry else { return false };
            match text.get(from) {
                // A star never takes a separator; an earlier star could only
                // reach the same separator.
                None | Some(Token::Separator | Token::Everything) => return false,
                Some(_) => {
                    (p, t) = (behind_star, from + 1);
                    retry = Some((behind_star, t));
                }
            }
        }
    }

    /// Splits the pattern in two at a `*`: there it is nothing, or it is `?*`.
    /// `ones` says, for each part between separators, how many `?` a `*` may
    /// gather in this way. Returns `None` if every `*` has its fill.
    pub(crate) fn split(&self, ones: &[usize]) -> Option<(Self, Self)> {
        let tokens = self.tokens();
        let (mut part, mut before) = (0, 0);
        let star = tokens.iter().position(|token| {
            match token {
                Token::Many if before < ones.get(part).copied().unwrap_or(0) => return true,
                Token::Separator => part += 1,
                _ => {}
            }
            before = if *token == Token::One { before + 1 } else { 0 };
            false
        })?;
        let (before, rest) = tokens.split_at(star);
        let behind = rest.get(1..).unwrap_or_default();
        let none = before.iter().chain(behind).cloned();
        let some = before.iter().chain(&[Token::One]).chain(rest).cloned();
        Some((Self::new(none), Self::new(some)))
    }

    /// Counts the `?` in each part between separators.
    pub(crate) fn ones(&self) -> Vec<usize> {
        self.tokens()
            .split(|token| *token == Token::Separator)
            .map(|part| part.iter().filter(|token| **token == Token::One).count())
            .collect()
    }
}

fn takes(pattern: &Token, text: &Token) -> bool {
    match (pattern, text) {
        (Token::One, Token::Char(_) | Token::One) => true,
        (Token::Everything | Token::Many, _) => false,
        (wanted, found) => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document::Version, glob::value, wildcard};
    use proptest::prelude::*;

    fn glob(text: &str) -> Glob {
        value(text, Version::V2012)
    }

    /// Decides b ⊆ a1 ∪ … by the lemma, splitting cases.
    fn inside(b: &Glob, union: &[Glob], ones: &[usize]) -> bool {
        union.iter().any(|a| a.covers(b))
            || b.split(ones).is_some_and(|(none, some)| {
                inside(&none, union, ones) && inside(&some, union, ones)
            })
    }

    /// All words over {a, b, z} up to a length at which nothing new can happen.
    fn words(length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last.iter().flat_map(|w| ["a", "b", "z"].map(|c| format!("{w}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn the_lemma_is_what_enumeration_says(
            b in "[ab*?]{0,4}",
            union in prop::collection::vec("[ab*?]{0,4}", 1..4),
        ) {
            let globs: Vec<Glob> = union.iter().map(|a| glob(a)).collect();
            let ones = globs.iter().map(|a| a.ones()[0]).max().unwrap();
            let proved = inside(&glob(&b), &globs, &[ones]);
            let enumerated = words(7)
                .iter()
                .filter(|w| wildcard::matches(&b, w))
                .all(|w| union.iter().any(|a| wildcard::matches(a, w)));
            prop_assert_eq!(proved, enumerated);
        }
    }

    #[test]
    fn a_question_mark_needs_cases() {
        assert!(!glob("?*").covers(&glob("*")), "the empty text is missing");
        assert!(inside(&glob("*ab"), &[glob("?*b")], &[1]));
        assert!(inside(&glob("a*"), &[glob("a"), glob("a?*")], &[1]));
        assert!(!inside(&glob("a*"), &[glob("a?*")], &[1]));
    }

    #[test]
    fn stars_stay_inside_their_part() {
        use crate::glob::{Colons, Lacking, resource};
        let one = |text| resource(text, Version::V2012, Colons::Within, Lacking::Nothing).remove(0);
        assert!(one("arn:aws:*:*:*:a*").covers(&one("arn:aws:s3:::a:b:*")));
        assert!(!one("arn:aws:s*:::b").covers(&one("arn:aws:s3:r:a:b")));
        assert!(one("*").covers(&one("arn:aws:s3:::a")));
        assert!(!one("arn:*:*:*:*:*").covers(&one("*")));
    }

    #[test]
    fn a_variable_is_covered_by_itself_and_by_a_star() {
        assert!(glob("home/*").covers(&glob("home/${aws:username}")));
        assert!(glob("home/${AWS:username}").covers(&glob("home/${aws:username}")));
        assert!(!glob("home/?????").covers(&glob("home/${aws:username}")));
        assert!(!glob("home/${aws:userid}").covers(&glob("home/${aws:username}")));
    }
}
