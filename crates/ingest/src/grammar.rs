//! Checks the grammar of one JSON value, fed in pieces of any size.
//!
//! A pushdown automaton after RFC 8259: it keeps its place between two pieces, so that a value
//! is looked at once however the input is cut. It checks bytes, not encoding: what stands in a
//! string may be any byte that is no control character, and who takes a value checks its UTF-8.

use memchr::memchr2;

/// How deep values may be nested.
///
/// The deepest records AWS writes have about twenty levels; the bound keeps the stack in one
/// word and below the depth at which `serde_json` (128) would refuse the value later.
pub(crate) const MAX_DEPTH: u32 = 100;

/// What is wrong at the place of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A byte that the grammar does not allow, with what it allows.
    Expected(&'static str),
    /// One level more than [`MAX_DEPTH`].
    TooDeep,
}

/// What feeding a piece came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fed {
    /// The value ended after this many bytes of the piece.
    Done(usize),
    /// The whole piece belongs to the value, which goes on.
    More,
    /// The byte at this offset of the piece is wrong.
    Fault(usize, Fault),
}

/// The automaton, for one value without space before it.
#[derive(Debug, Clone)]
pub(crate) struct Scanner {
    state: State,
    depth: u32,
    /// One bit a level, the innermost lowest: set for an object.
    objects: u128,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Value,
    FirstElement,
    FirstKey,
    Key,
    Colon,
    AfterValue,
    Text { key: bool },
    Escape { key: bool },
    Hex { key: bool, left: u8 },
    Literal { rest: &'static [u8] },
    Number(Number),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Number {
    /// Returns the state after `byte`, or `None` where the number cannot go on with it.
    const fn step(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Digits, b'0'..=b'9') => Self::Digits,
            (Self::Zero | Self::Digits, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Digits | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::ExponentSign,
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigits, b'0'..=b'9') => {
                Self::ExponentDigits
            }
            _ => return None,
        })
    }

    const fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Digits | Self::Fraction | Self::ExponentDigits)
    }
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self { state: State::Value, depth: 0, objects: 0 }
    }

    /// Returns whether the value is complete if nothing follows; only a bare number can be.
    pub(crate) fn may_end(&self) -> bool {
        self.depth == 0 && matches!(self.state, State::Number(number) if number.may_end())
    }

    /// Feeds the next piece.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let State::Text { key } = self.state {
                match skip_text(bytes, at) {
                    Ok((stop, b'"')) => {
                        at = stop + 1;
                        self.state = if key { State::Colon } else { State::AfterValue };
                        if self.depth == 0 {
                            return Fed::Done(at);
                        }
                        continue;
                    }
                    Ok((stop, _)) => {
                        at = stop + 1;
                        self.state = State::Escape { key };
                        continue;
                    }
                    Err(None) => return Fed::More,
                    Err(Some(bad)) => {
                        return Fed::Fault(
                            bad,
                            Fault::Expected("no control character in a string"),
                        );
                    }
                }
            }
            match self.step(byte) {
                Ok(Step::Taken) => at += 1,
                Ok(Step::Again) => {}
                Ok(Step::Ended) => return Fed::Done(at + 1),
                Ok(Step::EndedBefore) => return Fed::Done(at),
                Err(fault) => return Fed::Fault(at, fault),
            }
        }
        Fed::More
    }

    /// Takes one byte outside of plain string text.
    fn step(&mut self, byte: u8) -> Result<Step, Fault> {
        let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match self.state {
            State::FirstElement | State::FirstKey | State::Key | State::Colon if space => {}
            State::Value | State::AfterValue if space && self.depth > 0 => {}
            State::FirstElement if byte == b']' => return Ok(self.close()),
            State::Value | State::FirstElement => return self.begin(byte),
            State::FirstKey if byte == b'}' => return Ok(self.close()),
            State::FirstKey | State::Key if byte == b'"' => self.state = State::Text { key: true },
            State::FirstKey => return Err(Fault::Expected("a key or `}`")),
            State::Key => return Err(Fault::Expected("a key")),
            State::Colon if byte == b':' => self.state = State::Value,
            State::Colon => return Err(Fault::Expected("`:`")),
            State::AfterValue => return self.after_value(byte),
            State::Text { .. } => return Ok(Step::Again),
            State::Escape { key } => {
                self.state = match byte {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::Text { key },
                    b'u' => State::Hex { key, left: 4 },
                    _ => return Err(Fault::Expected("an escape that JSON knows")),
                }
            }
            State::Hex { .. } if !byte.is_ascii_hexdigit() => {
                return Err(Fault::Expected("four hexadecimal digits"));
            }
            State::Hex { key, left: 1 } => self.state = State::Text { key },
            State::Hex { key, left } => self.state = State::Hex { key, left: left - 1 },
            State::Literal { rest } => match rest.split_first() {
                Some((&next, [])) if next == byte => return Ok(self.end_value()),
                Some((&next, rest)) if next == byte => self.state = State::Literal { rest },
                _ => return Err(Fault::Expected("`true`, `false` or `null`")),
            },
            State::Number(number) => match number.step(byte) {
                Some(next) => self.state = State::Number(next),
                None if !number.may_end() => return Err(Fault::Expected("a digit")),
                None if self.depth == 0 => return Ok(Step::EndedBefore),
                None => {
                    self.state = State::AfterValue;
                    return Ok(Step::Again);
                }
            },
        }
        Ok(Step::Taken)
    }

    fn begin(&mut self, byte: u8) -> Result<Step, Fault> {
        self.state = match byte {
            b'{' | b'[' if self.depth == MAX_DEPTH => return Err(Fault::TooDeep),
            b'{' => {
                self.depth += 1;
                self.objects = self.objects << 1 | 1;
                State::FirstKey
            }
            b'[' => {
                self.depth += 1;
                self.objects <<= 1;
                State::FirstElement
            }
            b'"' => State::Text { key: false },
            b't' => State::Literal { rest: b"rue" },
            b'f' => State::Literal { rest: b"alse" },
            b'n' => State::Literal { rest: b"ull" },
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Digits),
            _ => return Err(Fault::Expected("a value")),
        };
        Ok(Step::Taken)
    }

    fn after_value(&mut self, byte: u8) -> Result<Step, Fault> {
        let object = self.objects & 1 == 1;
        match byte {
            b',' if object => self.state = State::Key,
            b',' => self.state = State::Value,
            b'}' if object => return Ok(self.close()),
            b']' if !object => return Ok(self.close()),
            _ if object => return Err(Fault::Expected("`,` or `}`")),
            _ => return Err(Fault::Expected("`,` or `]`")),
        }
        Ok(Step::Taken)
    }

    const fn close(&mut self) -> Step {
        self.depth -= 1;
        self.objects >>= 1;
        self.end_value()
    }

    const fn end_value(&mut self) -> Step {
        self.state = State::AfterValue;
        if self.depth == 0 { Step::Ended } else { Step::Taken }
    }
}

enum Step {
    /// The byte belongs to the value.
    Taken,
    /// The byte is to be looked at again in the new state.
    Again,
    /// The value ends with the byte.
    Ended,
    /// The value ended before the byte.
    EndedBefore,
}

/// Returns where the plain text of a string stops, and at which byte: a quote or a backslash.
///
/// `Err(None)` where the piece ends first, `Err(Some(at))` at a control character.
fn skip_text(bytes: &[u8], from: usize) -> Result<(usize, u8), Option<usize>> {
    let rest = bytes.get(from..).unwrap_or_default();
    let stop = memchr2(b'"', b'\\', rest);
    let plain = rest.get(..stop.unwrap_or(rest.len())).unwrap_or_default();
    // Without a branch in the loop it runs on whole registers; the place only matters if found.
    if plain.iter().fold(false, |found, byte| found | (*byte < b' ')) {
        let bad = plain.iter().position(|byte| *byte < b' ').unwrap_or(0);
        return Err(Some(from + bad));
    }
    match stop.and_then(|stop| Some((from + stop, *rest.get(stop)?))) {
        Some(found) => Ok(found),
        None => Err(None),
    }
}

/// Checks that `text` is one JSON value, perhaps with space around, and returns it without.
///
/// # Errors
/// The offset of the first wrong byte, and what is wrong there.
pub(crate) fn check(text: &str) -> Result<&str, (usize, Fault)> {
    let start = text.len() - text.trim_start_matches(is_space).len();
    let value = text.trim_matches(is_space);
    let mut scanner = Scanner::new();
    match scanner.feed(value.as_bytes()) {
        Fed::Done(end) if end == value.len() => Ok(value),
        Fed::More if scanner.may_end() => Ok(value),
        Fed::Done(end) => {
            let rest = value.get(end..).unwrap_or_default();
            let space = rest.len() - rest.trim_start_matches(is_space).len();
            Err((start + end + space, Fault::Expected("nothing after the value")))
        }
        Fed::More => Err((start + value.len(), Fault::Expected("the rest of the value"))),
        Fed::Fault(at, fault) => Err((start + at, fault)),
    }
}

/// Returns whether a character is JSON white space.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn the_first_wrong_byte_is_named() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("{,", 1),
            ("{\"a\"}", 4),
            ("{\"a\":}", 5),
            ("{\"a\":1,}", 7),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("[1}", 2),
            ("01", 1),
            ("-", 1),
            ("1.", 2),
            ("1e+", 3),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 5),
            ("\"a\nb\"", 2),
            ("nul", 3),
            ("nulk", 3),
            (" {} x", 4),
        ] {
            assert_eq!(check(text).map_err(|(at, _)| at), Err(at), "{text:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(check(&deep(MAX_DEPTH as usize)).is_ok());
        let (at, fault) = check(&deep(MAX_DEPTH as usize + 1)).unwrap_err();
        assert_eq!((at, fault), (MAX_DEPTH as usize, Fault::TooDeep));
    }

    /// Text that is JSON more often than not.
    fn nearly_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9]{1,2})?",
            "\"([a-zé ]|\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-f]{4}){0,6}\"",
            "[\\[\\]{},:\"0-9a-z\\-.\\\\ \n]{0,4}",
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|values| format!("[{}]", values.join(", "))),
                prop::collection::vec(inner, 0..4).prop_map(|values| {
                    let members = values.iter().map(|value| format!("\"k\" :{value}"));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_accepts_what_another_parser_accepts(text in nearly_json()) {
            let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(check(&text).is_ok(), theirs, "{:?}", text);
        }
    }
}
