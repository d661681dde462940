//! A piece of JSON text that is known to be valid, looked into without building a tree.
//!
//! Everything here reads text that has already passed the grammar, so it only has to find its
//! way; on text that has not (there is no road to it) it would find nothing, and never panic.

use std::borrow::Cow;

use memchr::memchr2;
use serde::Deserialize;

use crate::grammar;
use crate::scan::Scan;

/// Valid JSON text, borrowed from the log where possible.
///
/// It is owned where the log held the JSON as a string (as Athena and some SIEMs export nested
/// columns) and had to be unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<'a>(Cow<'a, str>);

/// Text that is not one JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid JSON at byte {byte}")]
pub struct NotJson {
    /// Offset of the first wrong byte; the length of the text where its end is missing.
    pub byte: usize,
}

impl<'a> Json<'a> {
    /// Checks `text` and wraps it, without surrounding white space.
    ///
    /// # Errors
    /// Where `text` is not exactly one JSON value, nested at most a hundred levels deep.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Self, NotJson> {
        let not_json = |(byte, _)| NotJson { byte };
        Ok(Self(match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(grammar::check(text).map_err(not_json)?),
            Cow::Owned(text) => Cow::Owned(grammar::check(&text).map_err(not_json)?.to_owned()),
        }))
    }

    /// Wraps text that is known to be one JSON value without space around.
    pub(crate) const fn trusted(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Returns the JSON text, as it stood in the log.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Reads the value into a type.
    ///
    /// # Errors
    /// Where the value does not have the shape of `T`.
    pub fn deserialize<'s, T: Deserialize<'s>>(&'s self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// Returns whether this is an object.
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// Returns whether this is an array.
    pub fn is_array(&self) -> bool {
        self.0.starts_with('[')
    }

    /// Returns whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.0.starts_with('n')
    }

    /// Returns the text of a string value, unescaped; `None` for anything else.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        unquote(&self.0)
    }

    /// Returns the value to be looked into, which can be passed around freely.
    pub fn value(&self) -> Value<'_> {
        Value { text: &self.0, plain: false }
    }

    /// Returns a boolean, also from the strings `"true"` and `"false"` in any case.
    pub fn as_bool(&self) -> Option<bool> {
        as_bool(&self.0)
    }

    /// Returns an object's members in their order; nothing for other values.
    pub fn members(&self) -> Members<'_> {
        Members::of(&self.0)
    }

    /// Returns an array's elements in their order; nothing for other values.
    pub fn elements(&self) -> Elements<'_> {
        Elements::of(&self.0)
    }

    /// Returns the member `name` of an object: the last one where a key repeats.
    ///
    /// `None` where it is missing; a `null` is returned as such.
    pub fn get(&self, name: &str) -> Option<Json<'_>> {
        self.members().filter(|(key, _)| key == name).last().map(|(_, value)| value)
    }
}

/// A borrowed [`Json`]: what it returns lives as long as the text.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    text: &'a str,
    /// Whether it is known to be a string without escapes.
    plain: bool,
}

impl<'a> Value<'a> {
    /// Returns the JSON text, as it stood in the log.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// Returns whether this is an object.
    pub fn is_object(self) -> bool {
        self.text.starts_with('{')
    }

    /// Returns whether this is an array.
    pub fn is_array(self) -> bool {
        self.text.starts_with('[')
    }

    /// Returns whether this is `null`.
    pub fn is_null(self) -> bool {
        self.text.starts_with('n')
    }

    /// Returns the text of a string value, unescaped; `None` for anything else.
    pub fn as_text(self) -> Option<Cow<'a, str>> {
        match self.plain {
            true => inside(self.text).map(Cow::Borrowed),
            false => unquote(self.text),
        }
    }

    /// Returns an object's members in their order; nothing for other values.
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> {
        let mut members = Members::of(self.text);
        std::iter::from_fn(move || members.next_value())
    }

    /// Returns an array's elements in their order; nothing for other values.
    pub fn elements(self) -> impl Iterator<Item = Value<'a>> {
        let mut elements = Elements::of(self.text);
        std::iter::from_fn(move || elements.next_value())
    }

    /// Returns a way through the value in one pass.
    pub fn cursor(self) -> Cursor<'a> {
        Cursor::of(self.text)
    }
}

/// Iterator over the members of an object.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    inner: Cursor<'a>,
}

impl<'a> Members<'a> {
    /// Starts at the first member of the object in `text`.
    pub(crate) fn of(text: &'a str) -> Self {
        Self { inner: Cursor::inside(text, '{') }
    }

    /// Returns the next key, unescaped, and the raw text of its value.
    pub(crate) fn next_raw(&mut self) -> Option<(Cow<'a, str>, &'a str)> {
        self.next_value().map(|(key, value)| (key, value.text))
    }

    fn next_value(&mut self) -> Option<(Cow<'a, str>, Value<'a>)> {
        Some((self.inner.key()?, self.inner.value()?))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_raw().map(|(key, value)| (key, Json::trusted(value)))
    }
}

/// Iterator over the elements of an array.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    inner: Cursor<'a>,
}

impl<'a> Elements<'a> {
    /// Starts at the first element of the array in `text`.
    pub(crate) fn of(text: &'a str) -> Self {
        Self { inner: Cursor::inside(text, '[') }
    }

    fn next_value(&mut self) -> Option<Value<'a>> {
        self.inner.has_element().then(|| self.inner.value()).flatten()
    }

    /// Returns the raw text of the next element.
    pub(crate) fn next_raw(&mut self) -> Option<&'a str> {
        self.next_value().map(Value::text)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        self.next_raw().map(Json::trusted)
    }
}

/// A way through a value in one pass: what is entered need not be read over to know where it ends.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    scan: Scan<'a>,
}

impl<'a> Cursor<'a> {
    /// Starts in front of the value that is all of `text`.
    fn of(text: &'a str) -> Self {
        Self { text, scan: Scan::new(text.as_bytes()) }
    }

    /// Starts behind the bracket that `text` begins with; at an end where it begins otherwise.
    fn inside(text: &'a str, open: char) -> Self {
        Self::of(text.strip_prefix(open).unwrap_or_default())
    }

    /// Returns whether an object comes next.
    pub fn is_object(&self) -> bool {
        self.rest().starts_with('{')
    }

    /// Returns whether an array comes next.
    pub fn is_array(&self) -> bool {
        self.rest().starts_with('[')
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.scan.at()..).unwrap_or_default()
    }

    /// Goes into the object or array that comes next.
    pub fn enter(&mut self) {
        self.scan.go_to(self.scan.at() + 1);
    }

    /// Returns the key of the next member, unescaped, and goes to its value; nothing at the end of the object,
    /// which is left.
    pub fn key(&mut self) -> Option<Cow<'a, str>> {
        self.scan.pass(b',');
        if self.scan.pass(b'}').is_some() {
            return None;
        }
        let key = self.value()?.as_text()?;
        self.scan.pass(b':')?;
        self.scan.space();
        Some(key)
    }

    /// Goes to the next element; `false` at the end of the array, which is left.
    pub fn has_element(&mut self) -> bool {
        self.scan.pass(b',');
        if self.scan.pass(b']').is_some() {
            return false;
        }
        self.scan.space();
        self.scan.at() < self.text.len()
    }

    /// Reads over the next value and returns it.
    pub fn value(&mut self) -> Option<Value<'a>> {
        self.scan.space();
        let from = self.scan.at();
        let plain = self.scan.value().unwrap_or_else(|| {
            let length = self.text.as_bytes().get(from..).and_then(value_length);
            // Where there is none nothing is found any more.
            self.scan.go_to(length.map_or(self.text.len(), |length| from + length));
            false
        });
        let text = self.text.get(from..self.scan.at())?;
        (!text.is_empty()).then_some(Value { text, plain })
    }
}

/// Returns the length of the value that `bytes` start with, where the fast road does not know it.
fn value_length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string_length(bytes),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut at = 0;
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at += string_length(bytes.get(at..)?)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.checked_sub(1)?;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        b'}' | b']' | b',' | b':' => None,
        _ => Some(
            bytes
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(bytes.len()),
        ),
    }
}

/// Returns the length of the string that `bytes` start with, quotes included.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// Returns the text of a JSON string, unescaped; `None` where `raw` is no string.
///
/// A lone surrogate escape (CloudTrail cuts long messages anywhere) becomes U+FFFD.
pub(crate) fn unquote(raw: &str) -> Option<Cow<'_, str>> {
    let inner = inside(raw)?;
    match memchr::memchr(b'\\', inner.as_bytes()) {
        None => Some(Cow::Borrowed(inner)),
        Some(_) => unescape(inner).map(Cow::Owned),
    }
}

/// Returns what stands between the quotes of a string.
fn inside(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

fn unescape(inner: &str) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        let c = match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (unit, after) = hex4(chars.as_str())?;
                let low = after.strip_prefix("\\u").and_then(hex4);
                let (c, after) = match (unit, low) {
                    (0xD800..=0xDBFF, Some((low @ 0xDC00..=0xDFFF, after))) => {
                        let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                        (char::from_u32(code), after)
                    }
                    _ => (char::from_u32(unit), after),
                };
                chars = after.chars();
                c.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            c => c,
        };
        out.push(c);
        rest = chars.as_str();
    }
    out.push_str(rest);
    Some(out)
}

/// Splits off four hexadecimal digits.
fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    u32::from_str_radix(digits, 16).ok().map(|unit| (unit, rest))
}

/// Returns the truth value of a JSON boolean, or of a string that spells one.
pub(crate) fn as_bool(raw: &str) -> Option<bool> {
    match raw {
        "true" => return Some(true),
        "false" => return Some(false),
        _ => {}
    }
    let word = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    if word.eq_ignore_ascii_case("true") {
        Some(true)
    } else if word.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_and_elements_are_found() {
        let json =
            Json::parse(r#" {"a" : {"b":[1, "x\"]", {"c":null}]} , "a":2,"\u0064":3 } "#).unwrap();
        let keys: Vec<_> =
            json.members().map(|(key, value)| format!("{key}={}", value.text())).collect();
        assert_eq!(keys, [r#"a={"b":[1, "x\"]", {"c":null}]}"#, "a=2", "d=3"]);
        assert_eq!(json.get("a").unwrap().text(), "2", "the last of equal keys counts");
        let (_, a) = json.members().next().unwrap();
        let b = a.get("b").unwrap();
        let texts: Vec<_> = b.elements().map(|element| element.text().to_owned()).collect();
        assert_eq!(texts, ["1", r#""x\"]""#, r#"{"c":null}"#]);
        assert!(b.get("c").is_none() && a.elements().next().is_none());
    }

    #[test]
    fn a_surrogate_without_its_other_half_is_replaced() {
        let text = |raw: &str| unquote(raw).unwrap().into_owned();
        assert_eq!(text(r#""\ud83d\ude00""#), "😀");
        assert_eq!(text(r#""a\ud83d""#), "a\u{fffd}");
        assert_eq!(text(r#""\ud83dx\ude00\u0041""#), "\u{fffd}x\u{fffd}A");
        assert_eq!(text(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
    }

    #[test]
    fn text_that_is_no_json_is_refused_with_its_place() {
        assert_eq!(Json::parse("{\"a\":x}").unwrap_err().byte, 5);
        assert_eq!(Json::parse("{} {}").unwrap_err().byte, 3);
    }

    proptest! {
        #[test]
        fn strings_read_as_another_parser_reads_them(text in any::<String>()) {
            let raw = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unquote(&raw).unwrap(), text.as_str());
            let escaped: String =
                text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let raw = format!("\"{escaped}\"");
            prop_assert_eq!(unquote(&raw).unwrap(), text.as_str());
        }

        #[test]
        fn what_is_inside_is_what_another_parser_finds(
            texts in prop::collection::vec(("[a-z\"\\\\é ]{0,150}", "[ -~é]{0,200}"), 0..8),
            space in "[ \n]{0,70}", depth in 0usize..80,
        ) {
            let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let members: Vec<String> = texts
                .iter()
                .map(|(key, value)| format!("{}:{space}{}{space}", quoted(key), quoted(value)))
                .chain([format!("{space}\"nested\":{nested}")])
                .collect();
            let json = Json::parse(format!("{{{}}}", members.join(","))).unwrap();
            let found: Vec<_> = json
                .members()
                .map(|(key, value)| (key.into_owned(), value.as_text().map(Cow::into_owned)))
                .collect();
            let expected = texts.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
            let expected: Vec<_> = expected.chain([("nested".to_owned(), None)]).collect();
            prop_assert_eq!(found, expected);
            let values: Vec<String> = texts.iter().map(|(_, value)| quoted(value)).collect();
            let json = Json::parse(format!("[{space}{}]", values.join(&format!("{space},{space}")))).unwrap();
            let found: Vec<_> = json.elements().map(|value| value.text().to_owned()).collect();
            prop_assert_eq!(found, values);
        }

        #[test]
        fn looking_into_text_that_was_not_checked_never_panics(text in "[\\[\\]{},:\"\\\\a1é ]{0,150}") {
            let json = Json::trusted(&text);
            let _ = (json.members().count(), json.elements().count(), json.as_text(), json.as_bool());
        }
    }
}
