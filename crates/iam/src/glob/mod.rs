//! Patterns as token strings, on which sets can be compared.
//!
//! [`wildcard`](crate::wildcard) answers "does this pattern match this text".
//! Containment asks more: is one pattern's language inside another's, and what
//! do two have in common. For that a pattern becomes a row of [`Token`]s:
//!
//! - The first colons of an ARN (five) or of an action (one) are
//!   [`Token::Separator`]; no wildcard but a bare `*` crosses them. Colons
//!   after the fifth are ordinary characters.
//! - A policy variable is one token, equal only to itself: its value is not
//!   known, so only `*` can be said to cover it.
//! - A run of wildcards is stored in one form, all `?` before the one `*`
//!   (`*?` and `?*` mean the same).
//!
//! A pattern can be read as a text too, as the typical member of itself, and
//! [`Glob::covers`] matches one pattern against another in that sense.

mod compile;
mod cover;
mod intersect;

use std::{fmt, sync::Arc};

pub(crate) use compile::{
    Colons, Lacking, action, literal_action, literal_resource, resource, value,
};
pub(crate) use intersect::intersect;

/// One position of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Token {
    /// A character that stands for itself.
    Char(char),
    /// A colon between the parts of an ARN or of an action.
    Separator,
    /// `?`: one character.
    One,
    /// `*` inside a part: any text without a separator.
    Many,
    /// A bare `*`: anything at all. INVARIANT: always alone in its glob.
    Everything,
    /// A policy variable.
    Variable(Arc<Variable>),
}

/// A policy variable: `${key}` or `${key, 'default'}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Variable {
    /// The context key, in lower case.
    pub(crate) key: String,
    /// What it stands for where the key is absent.
    pub(crate) default: Option<String>,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Glob(Vec<Token>);

impl Glob {
    /// Returns the canonical pattern of the tokens.
    pub(crate) fn new(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut out: Vec<Token> = Vec::new();
        for token in tokens {
            match (&token, out.last()) {
                (Token::Many, Some(Token::Many)) => {}
                (Token::One, Some(Token::Many)) => {
                    let star = out.len() - 1;
                    out.insert(star, Token::One);
                }
                _ => out.push(token),
            }
        }
        Self(out)
    }

    /// Returns the pattern that matches anything at all.
    pub(crate) fn everything() -> Self {
        Self(vec![Token::Everything])
    }

    /// Returns the pattern that matches just the text.
    pub(crate) fn literal(text: &str) -> Self {
        Self(text.chars().map(Token::Char).collect())
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.0
    }

    /// Returns the pattern with `*` and `?` as plain characters.
    pub(crate) fn without_wildcards(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|token| match token {
                    Token::Many => Token::Char('*'),
                    Token::One => Token::Char('?'),
                    other => other.clone(),
                })
                .collect(),
        )
    }

    /// Iterates over the variables in it.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Arc<Variable>> {
        self.0.iter().filter_map(|token| match token {
            Token::Variable(variable) => Some(variable),
            _ => None,
        })
    }

    /// Returns the pattern with each variable replaced by `*`, which is all
    /// that it could stand for.
    pub(crate) fn loosened(&self) -> Self {
        Self::new(self.0.iter().map(|token| match token {
            Token::Variable(_) => Token::Many,
            other => other.clone(),
        }))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| match token {
            Token::Char(c) => write!(f, "{c}"),
            Token::Separator => f.write_str(":"),
            Token::One => f.write_str("?"),
            Token::Many | Token::Everything => f.write_str("*"),
            Token::Variable(variable) => write!(f, "${{{}}}", variable.key),
        })
    }
}
