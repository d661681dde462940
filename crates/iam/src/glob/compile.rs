//! From a policy's text to tokens.
//!
//! Two readings of `*` and colons are kept apart (see [`Colons`]), because
//! AWS's pages do not agree with each other and neither may be guessed. In
//! both, an incomplete ARN of an identity policy is completed (see [`Lacking`]).

use std::sync::Arc;

use super::{Glob, Token, Variable};
use crate::document::Version;

/// How a `*` in the first five parts of an ARN pattern treats colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Colons {
    /// Wildcards stay inside their part.
    Within,
    /// A `*` that ends its part may run past the colons that the pattern
    /// lacks: `arn:aws:dynamodb:*:table/x` is read as
    /// `arn:aws:dynamodb:*:*:table/x`. A pattern with all its colons is read
    /// part by part, which is how AWS's own containment check decides.
    /// Source: IAM User Guide, "Resource element".
    RunOn,
}

/// What an ARN pattern with fewer than six parts has for those that it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lacking {
    /// A `*` each, in identity policies: `arn:aws:sqs` is `arn:aws:sqs:*:*:*`.
    /// Source: IAM User Guide, "Identify AWS resources with ARNs".
    Anything,
    /// Nothing, so that it matches no ARN: in conditions, and, as far as AWS's
    /// pages say, in the policies of resources.
    Nothing,
}

/// Colons that separate the parts of an ARN.
const ARN_COLONS: usize = 5;

/// Compiles an action pattern: case-folded, two parts. A pattern without a
/// colon whose last character is `*` stands for all names behind it.
pub(crate) fn action(text: &str) -> Vec<Glob> {
    let folded = text.to_ascii_lowercase();
    // Variables have no meaning in actions.
    separate(tokenize(&folded, Version::V2008), 1, Colons::RunOn, Lacking::Nothing)
}

/// Compiles a resource pattern, into alternatives that together are its meaning.
pub(crate) fn resource(
    text: &str,
    version: Version,
    colons: Colons,
    lacking: Lacking,
) -> Vec<Glob> {
    if text == "*" {
        return vec![Glob::everything()];
    }
    let tokens = tokenize(text, version);
    // No region and no account has a slash: completed, the pattern would mean nothing. What a variable is
    // called, `aws:PrincipalTag/region`, is no text of the pattern.
    let completes = text.starts_with("arn:") && !tokens.contains(&Token::Char('/'));
    let lacking = if completes { lacking } else { Lacking::Nothing };
    separate(tokens, ARN_COLONS, colons, lacking)
}

/// Compiles a pattern in which colons mean nothing, such as a condition value.
pub(crate) fn value(text: &str, version: Version) -> Glob {
    Glob::new(tokenize(text, version))
}

/// Returns the pattern that means just this action, case-folded.
pub(crate) fn literal_action(text: &str) -> Glob {
    literal(&text.to_ascii_lowercase(), 1)
}

/// Returns the pattern that means just this resource, an ARN or not.
pub(crate) fn literal_resource(text: &str) -> Glob {
    literal(text, ARN_COLONS)
}

fn literal(text: &str, wanted: usize) -> Glob {
    let mut left = if text.matches(':').count() < wanted { 0 } else { wanted };
    Glob::new(text.chars().map(|c| {
        if c == ':' && left > 0 {
            left -= 1;
            return Token::Separator;
        }
        Token::Char(c)
    }))
}

/// Turns the first `wanted` colons into separators. Where there are fewer, the
/// missing ones are added behind the `*` that end a part, in every way, and at the end.
fn separate(mut tokens: Vec<Token>, wanted: usize, colons: Colons, lacking: Lacking) -> Vec<Glob> {
    let mut found = 0;
    for token in &mut tokens {
        if found < wanted && *token == Token::Char(':') {
            *token = Token::Separator;
            found += 1;
        }
    }
    let missing = wanted - found;
    if missing == 0 {
        return vec![Glob::new(tokens)];
    }
    let mut out = Vec::new();
    if colons == Colons::RunOn {
        run_on(&tokens, missing, Vec::new(), &mut out);
    }
    if lacking == Lacking::Anything {
        let added = std::iter::repeat_n([Token::Separator, Token::Many], missing).flatten();
        out.push(Glob::new(tokens.iter().cloned().chain(added)));
    }
    out.sort();
    out.dedup();
    if found == 0 && (wanted > 1 || out.is_empty()) {
        // What holds no colon may mean a resource that is no ARN.
        out.push(Glob::new(tokens));
    }
    out
}

fn run_on(rest: &[Token], missing: usize, done: Vec<Token>, out: &mut Vec<Glob>) {
    let end = rest.iter().position(|token| *token == Token::Separator).unwrap_or(rest.len());
    let (part, behind) = rest.split_at(end);
    let room = if part.last() == Some(&Token::Many) { missing } else { 0 };
    for taken in 0..=room {
        let mut done = done.clone();
        done.extend(part.iter().cloned());
        for _ in 0..taken {
            done.extend([Token::Separator, Token::Many]);
        }
        match behind.split_first() {
            Some((separator, behind)) => {
                done.push(separator.clone());
                run_on(behind, missing - taken, done, out);
            }
            None if taken == missing => out.push(Glob::new(done)),
            None => {}
        }
    }
}

/// Reads wildcards and, from 2012-10-17 on, `${…}`. A `${` without its `}` is
/// plain text.
fn tokenize(text: &str, version: Version) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if version == Version::V2012
            && let Some((inside, behind)) =
                rest.strip_prefix("${").and_then(|inside| inside.split_once('}'))
        {
            tokens.push(variable(inside));
            rest = behind;
            continue;
        }
        tokens.push(match c {
            '*' => Token::Many,
            '?' => Token::One,
            c => Token::Char(c),
        });
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    tokens
}

/// Reads what stands between `${` and `}`.
fn variable(inside: &str) -> Token {
    if let "*" | "?" | "$" = inside {
        return inside.chars().next().map_or(Token::Many, Token::Char);
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let quoted = default.trim();
            let bare = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            (key, Some(bare.unwrap_or(quoted).to_owned()))
        }
        None => (inside, None),
    };
    Token::Variable(Arc::new(Variable { key: key.trim().to_ascii_lowercase(), default }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(globs: &[Glob]) -> Vec<String> {
        globs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_short_pattern_runs_on_where_a_part_ends_in_a_star() {
        let read = |text| resource(text, Version::V2012, Colons::RunOn, Lacking::Nothing);
        let globs = read("arn:aws:dynamodb:*:table/x");
        assert!(printed(&globs).contains(&"arn:aws:dynamodb:*:*:table/x".to_owned()));
        let six = Glob::new(tokenize("arn:aws:s3:::b/*", Version::V2012));
        assert_eq!(six.to_string(), "arn:aws:s3:::b/*");
        assert_eq!(read("arn:aws:s3:::b/*").len(), 1);
    }

    #[test]
    fn an_incomplete_arn_of_an_identity_policy_is_completed_in_both_readings() {
        let read =
            |text, colons, lacking| printed(&resource(text, Version::V2012, colons, lacking));
        for colons in [Colons::RunOn, Colons::Within] {
            for (text, whole) in [
                ("arn:aws:sqs", "arn:aws:sqs:*:*:*"),
                ("arn:aws:sqs:eu-west-1", "arn:aws:sqs:eu-west-1:*:*"),
                ("arn:aws:sqs:*", "arn:aws:sqs:*:*:*"),
                ("arn:aws:sqs:${aws:principaltag/r}", "arn:aws:sqs:${aws:principaltag/r}:*:*"),
                ("arn:aws:s3*", "arn:aws:s3*:*:*:*"),
                ("arn:*", "arn:*:*:*:*:*"),
                ("arn:aws:sqs:*:*:${aws:username}", "arn:aws:sqs:*:*:${aws:username}"),
            ] {
                assert_eq!(read(text, colons, Lacking::Anything), [whole], "{text}");
            }
            assert!(read("arn:aws:sqs", colons, Lacking::Nothing).is_empty());
        }
        let table = "arn:aws:dynamodb:*:table/x";
        let run_on = read(table, Colons::RunOn, Lacking::Anything);
        assert_eq!(run_on, ["arn:aws:dynamodb:*:*:table/x"]);
        assert!(read(table, Colons::Within, Lacking::Anything).is_empty());
    }

    #[test]
    fn variables_and_escapes_need_2012() {
        let new = value("${aws:Username, 'nobody'}/${*}", Version::V2012);
        let variable = new.variables().next().unwrap();
        assert_eq!(
            (variable.key.as_str(), variable.default.as_deref()),
            ("aws:username", Some("nobody"))
        );
        assert_eq!(new.tokens().last(), Some(&Token::Char('*')));
        assert_eq!(value("${*}", Version::V2008).to_string(), "${*}");
        assert!(value("${*}", Version::V2008).tokens().contains(&Token::Many));
    }

    #[test]
    fn wildcard_runs_have_one_form() {
        assert_eq!(value("a*?**?b", Version::V2012).to_string(), "a??*b");
    }
}
