//! Turning a literal resource into a pattern that means just it.

use std::borrow::Cow;

/// A resource pattern made from a literal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escaped<'a> {
    /// The pattern.
    pub text: Cow<'a, str>,
    /// Whether it means more than the literal, because a character had to
    /// become `?`.
    pub widened: bool,
}

/// Escapes a literal resource so that a policy's `Resource` means it alone.
///
/// `*`, `?` and `$` become `${*}`, `${?}` and `${$}`, which need Version
/// 2012-10-17. A character that no policy document may hold (anything but TAB,
/// LF, CR and U+0020–U+00FF, the pattern of IAM's `PutRolePolicy`) becomes a
/// `?`, and the result says that it was widened.
///
/// ```
/// use trailtrim_iam::resource::escape;
/// assert_eq!(escape("bucket/a*b").text, "bucket/a${*}b");
/// assert!(escape("bucket/日本").widened);
/// ```
#[must_use]
pub fn escape(literal: &str) -> Escaped<'_> {
    if literal.chars().all(|c| is_document_char(c) && !matches!(c, '*' | '?' | '$')) {
        return Escaped { text: Cow::Borrowed(literal), widened: false };
    }
    let mut text = String::with_capacity(literal.len() + 8);
    let mut widened = false;
    for c in literal.chars() {
        match c {
            '*' => text.push_str("${*}"),
            '?' => text.push_str("${?}"),
            '$' => text.push_str("${$}"),
            c if is_document_char(c) => text.push(c),
            _ => {
                widened = true;
                text.push('?');
            }
        }
    }
    Escaped { text: Cow::Owned(text), widened }
}

/// Tells whether a policy document may hold the character.
///
/// Source: the pattern `[\u0009\u000A\u000D\u0020-\u00FF]+` of IAM's policy
/// document parameters.
#[must_use]
pub fn is_document_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_left_alone() {
        assert!(matches!(escape("arn:aws:s3:::b/k é").text, Cow::Borrowed(_)));
    }

    #[test]
    fn wildcards_and_variables_become_literal() {
        let escaped = escape("b/${aws:x}?*");
        assert_eq!(escaped.text, "b/${$}{aws:x}${?}${*}");
        assert!(!escaped.widened);
    }

    #[test]
    fn one_question_mark_for_each_forbidden_character() {
        assert_eq!(escape("b/日本"), Escaped { text: Cow::Borrowed("b/??"), widened: true });
    }
}
