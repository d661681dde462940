//! Matching text against `*` and `?`.
//!
//! `*` stands for any run of characters, also none and also past `/` and `:`;
//! `?` for exactly one character (a Unicode scalar value, not a byte). There
//! is no escape here: policy variables and `${*}` are the business of whoever
//! knows which part of a policy the pattern comes from.
//!
//! A pattern is a row of pieces between stars. Only the first and the last
//! piece have a fixed place; each piece between is taken at its first
//! occurrence, which never needs to be taken back, because a later occurrence
//! would only leave less text for the rest. So nothing is tried twice:
//! O(pattern + text) for pieces without `?`, and O(piece × text) for a piece
//! with one.

/// Tells whether `pattern` matches the whole of `text`, case-sensitively.
///
/// ```
/// use trailtrim_iam::wildcard::matches;
/// assert!(matches("arn:aws:s3:::bucket/*.csv", "arn:aws:s3:::bucket/a/b.csv"));
/// assert!(!matches("role/?", "role/ab"));
/// ```
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return prefix_len(pattern, text) == Some(text.len());
    };
    let Some(taken) = prefix_len(first, text) else { return false };
    let Some(mut text) = text.get(taken..) else { return false };
    let mut rest = rest;
    while let Some((piece, later)) = rest.split_once('*') {
        let Some(end) = find_end(piece, text) else { return false };
        let Some(left) = text.get(end..) else { return false };
        (rest, text) = (later, left);
    }
    let from_end: usize = match rest.chars().count() {
        0 => return true,
        count => match text.char_indices().rev().nth(count - 1) {
            Some((at, _)) => at,
            None => return false,
        },
    };
    text.get(from_end..).is_some_and(|tail| prefix_len(rest, tail) == Some(tail.len()))
}

/// Tells whether `pattern` matches `text` when ASCII case is ignored, as IAM
/// does with actions.
///
/// ```
/// use trailtrim_iam::wildcard::matches_ignore_case;
/// assert!(matches_ignore_case("S3:get*", "s3:GetObject"));
/// ```
#[must_use]
pub fn matches_ignore_case(pattern: &str, text: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// Returns how many bytes of `text` the star-free `piece` takes from its start.
fn prefix_len(piece: &str, text: &str) -> Option<usize> {
    if !piece.contains('?') {
        return text.starts_with(piece).then_some(piece.len());
    }
    let mut rest = text.chars();
    for wanted in piece.chars() {
        let found = rest.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(text.len() - rest.as_str().len())
}

/// Returns where the first occurrence of the star-free `piece` ends in `text`.
fn find_end(piece: &str, text: &str) -> Option<usize> {
    if !piece.contains('?') {
        return text.find(piece).map(|at| at + piece.len());
    }
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.into_iter().find_map(|at| Some(at + prefix_len(piece, text.get(at..)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, read aloud: exponential, and right at a glance.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((&'*', rest)) => (0..=text.len()).any(|n| reference(rest, &text[n..])),
            Some((&c, rest)) => text
                .split_first()
                .is_some_and(|(&t, tail)| (c == '?' || c == t) && reference(rest, tail)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn agrees_with_the_definition(pattern in "[abé*?]{0,9}", text in "[abé]{0,9}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), reference(&p, &t));
        }

        #[test]
        fn case_is_ignored_on_both_sides(pattern in "[aAbB*?]{0,7}", text in "[aAbB]{0,7}") {
            prop_assert_eq!(
                matches_ignore_case(&pattern, &text),
                matches(&pattern.to_lowercase(), &text.to_lowercase())
            );
        }
    }

    #[test]
    fn many_stars_against_a_long_text_stay_cheap() {
        let pattern = "a*".repeat(2_000) + "b";
        let text = "a".repeat(200_000);
        assert!(!matches(&pattern, &text));
        assert!(matches(&pattern, &(text + "b")));
    }
}
