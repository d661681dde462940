//! Writes JSON straight into a string.
//!
//! A corpus of millions of events is made faster this way than through a tree
//! of values, and the order of the fields is CloudTrail's own, which a map
//! would lose.

use std::fmt::Write as _;

/// An object under construction; fields appear in the order in which they are added.
#[derive(Clone, Debug)]
pub struct Object {
    buffer: String,
    first: bool,
}

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

impl Object {
    /// Opens an object in a buffer of its own.
    pub fn new() -> Self {
        Self::onto(String::new())
    }

    /// Opens an object at the end of `buffer`; [`Object::end`] gives it back.
    pub fn onto(mut buffer: String) -> Self {
        buffer.push('{');
        Self { buffer, first: true }
    }

    /// Adds a string.
    #[must_use]
    pub fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        quote_onto(value, &mut self.buffer);
        self
    }

    /// Adds a string where there is one, and no field otherwise.
    #[must_use]
    pub fn text_if(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds a boolean.
    #[must_use]
    pub fn flag(self, key: &str, value: bool) -> Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    /// Adds an integer.
    #[must_use]
    pub fn number(mut self, key: &str, value: i64) -> Self {
        self.key(key);
        // Writing to a string cannot fail.
        let _ = write!(self.buffer, "{value}");
        self
    }

    /// Adds `value`, which is JSON already.
    #[must_use]
    pub fn raw(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.buffer.push_str(value);
        self
    }

    /// Adds an object.
    #[must_use]
    pub fn object(self, key: &str, value: Object) -> Self {
        self.raw(key, &value.end())
    }

    /// Adds a list of strings.
    #[must_use]
    pub fn texts<T: AsRef<str>>(mut self, key: &str, values: &[T]) -> Self {
        self.key(key);
        self.buffer.push('[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.buffer.push(',');
            }
            quote_onto(value.as_ref(), &mut self.buffer);
        }
        self.buffer.push(']');
        self
    }

    /// Adds what `write` appends, which must be one JSON value.
    #[must_use]
    pub fn with(mut self, key: &str, write: impl FnOnce(&mut String)) -> Self {
        self.key(key);
        write(&mut self.buffer);
        self
    }

    /// Closes the object and returns the buffer.
    pub fn end(mut self) -> String {
        self.buffer.push('}');
        self.buffer
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.buffer.push(',');
        }
        self.first = false;
        quote_onto(key, &mut self.buffer);
        self.buffer.push(':');
    }
}

/// Appends `text` as a JSON string.
pub fn quote_onto(text: &str, out: &mut String) {
    out.push('"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push_str(text);
    } else {
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if control < ' ' => {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(control));
                }
                other => out.push(other),
            }
        }
    }
    out.push('"');
}

/// Returns `items`, each JSON already, as a JSON array.
pub fn array<T: AsRef<str>>(items: &[T]) -> String {
    let mut out = String::from("[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(item.as_ref());
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = Object::new()
            .text("a\"b", "tab\t, quote\", back\\slash, bell\u{7}, snow☃")
            .flag("yes", true)
            .number("n", -3)
            .texts("list", &["x", "y"])
            .object("inner", Object::new())
            .end();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["a\"b"], "tab\t, quote\", back\\slash, bell\u{7}, snow☃");
        assert_eq!(value["list"], serde_json::json!(["x", "y"]));
        assert_eq!(value["inner"], serde_json::json!({}));
    }
}
