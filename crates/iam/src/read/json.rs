//! JSON as a tree that keeps what a policy reader must not lose.
//!
//! `serde_json`'s own tree drops duplicate keys without a word; this one keeps
//! them, and [`Node`] knows its path, so that errors can name the place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{ReadError, describe};

/// A JSON value; objects keep their order and their duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// The number as text.
    Number(String),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl fmt::Display for Json {
    /// Writes it in one line, as messages show what has no name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, open, parts: &mut dyn Iterator<Item = String>| {
            write!(f, "{open}{}", parts.collect::<Vec<_>>().join(","))
        };
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Number(value) => f.write_str(value),
            Json::String(value) => write!(f, "\"{}\"", value.escape_debug()),
            Json::Array(items) => {
                list(f, '[', &mut items.iter().map(ToString::to_string))?;
                f.write_str("]")
            }
            Json::Object(fields) => {
                let field =
                    |(key, value): &(String, Json)| format!("\"{}\":{value}", key.escape_debug());
                list(f, '{', &mut fields.iter().map(field))?;
                f.write_str("}")
            }
        }
    }
}

/// Parses a text: JSON, or a JSON document in percent-encoding.
pub(super) fn parse(file: &str, text: &str) -> Result<Json, ReadError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let syntax = |reason: String| ReadError::Syntax { file: file.to_owned(), reason };
    let decoded;
    let text = if is_encoded(text) {
        decoded = percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .map_err(|_| syntax("the percent-encoded text is not UTF-8".to_owned()))?;
        &*decoded
    } else {
        text
    };
    serde_json::from_str(text).map_err(|error| syntax(error.to_string().replace('\n', " ")))
}

/// Tells whether a text is a percent-encoded JSON object, as the IAM API sends
/// documents. A plus sign is a plus sign in this encoding (RFC 3986).
fn is_encoded(text: &str) -> bool {
    text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%7b"))
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tree;
        impl<'de> Visitor<'de> for Tree {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Number(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Number(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Number(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::String(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Json, E> {
                Ok(Json::String(value))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element()? {
                    out.push(item);
                }
                Ok(Json::Array(out))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut out = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    out.push(entry);
                }
                Ok(Json::Object(out))
            }
        }
        deserializer.deserialize_any(Tree)
    }
}

/// A value and its place.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    file: &'a str,
    place: Place<'a>,
    value: &'a Json,
}

/// A path, as a chain that costs nothing until it is printed.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root(&'a str),
    Key(&'a Node<'a>, &'a str),
    Index(&'a Node<'a>, usize),
}

impl<'a> Node<'a> {
    pub(super) fn root(file: &'a str, value: &'a Json) -> Self {
        Self { file, place: Place::Root("$"), value }
    }

    /// Returns a root that prints as the given path, for a document that was
    /// written as text inside another.
    pub(super) fn inside(file: &'a str, path: &'a str, value: &'a Json) -> Self {
        Self { file, place: Place::Root(path), value }
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn value(&self) -> &'a Json {
        self.value
    }

    pub(super) fn as_str(&self) -> Option<&'a str> {
        match self.value {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the JSON path.
    pub(super) fn path(&self) -> String {
        match self.place {
            Place::Root(path) => path.to_owned(),
            Place::Index(parent, index) => format!("{}[{index}]", parent.path()),
            Place::Key(parent, key) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let parent = parent.path();
                if key.chars().all(plain) {
                    format!("{parent}.{key}")
                } else {
                    format!("{parent}[\"{}\"]", key.escape_debug())
                }
            }
        }
    }

    /// Returns the field of an object.
    pub(super) fn get(&'a self, key: &str) -> Option<Node<'a>> {
        self.fields().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// Iterates over an object's fields; over nothing if it is none.
    pub(super) fn fields(&'a self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let fields = match self.value {
            Json::Object(fields) => fields.as_slice(),
            _ => &[],
        };
        fields.iter().map(move |(key, value)| {
            (key.as_str(), Node { file: self.file, place: Place::Key(self, key), value })
        })
    }

    /// Iterates over a list's items; over nothing if it is none.
    pub(super) fn items(&'a self) -> impl Iterator<Item = Node<'a>> {
        let items = match self.value {
            Json::Array(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().enumerate().map(move |(index, value)| Node {
            file: self.file,
            place: Place::Index(self, index),
            value,
        })
    }

    /// Returns a field that must be there.
    pub(super) fn required(
        &'a self,
        key: &str,
        expected: &'static str,
    ) -> Result<Node<'a>, ReadError> {
        self.get(key).ok_or_else(|| self.missing(expected))
    }

    pub(super) fn missing(&self, expected: &'static str) -> ReadError {
        ReadError::Missing { file: self.file.to_owned(), path: self.path(), expected }
    }

    pub(super) fn unexpected(&self, expected: &'static str, found: String) -> ReadError {
        ReadError::Unexpected { file: self.file.to_owned(), path: self.path(), expected, found }
    }

    pub(super) fn wrong(&self, expected: &'static str) -> ReadError {
        self.unexpected(expected, describe(self.value))
    }

    pub(super) fn duplicate(&self, element: &str) -> ReadError {
        ReadError::Duplicate {
            file: self.file.to_owned(),
            path: self.path(),
            element: element.to_owned(),
        }
    }

    /// Refuses an object, at any depth, that has a key twice.
    pub(super) fn check_duplicates(&self) -> Result<(), ReadError> {
        let mut seen = std::collections::HashSet::new();
        for (key, node) in self.fields() {
            if !seen.insert(key) {
                return Err(self.duplicate(key));
            }
            node.check_duplicates()?;
        }
        self.items().try_for_each(|item| item.check_duplicates())
    }
}
