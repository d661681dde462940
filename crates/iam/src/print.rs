//! Printing policies, in one canonical form.
//!
//! Elements come in the order of IAM's own grammar, a list of one prints as a
//! scalar (the shorter form counts against quotas), condition operators and
//! keys are sorted. Reading what was printed gives the same value back.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::document::{
    Condition, Effect, PolicyDocument, PrincipalKind, Principals, Selector, Statement, Version,
};

impl PolicyDocument {
    /// Returns the document without any whitespace between tokens.
    #[must_use]
    pub fn to_json(&self) -> String {
        escape_controls(infallible(serde_json::to_string(self)))
    }

    /// Returns the document indented by two spaces, without a final newline.
    #[must_use]
    pub fn to_json_pretty(&self) -> String {
        escape_controls(infallible(serde_json::to_string_pretty(self)))
    }

    /// Returns the size that counts against IAM's quotas, in characters.
    ///
    /// IAM does not count whitespace. Whether that includes whitespace inside
    /// strings is not stated, so such whitespace is counted here: the result
    /// is never too small. Source: IAM User Guide, "IAM and AWS STS quotas".
    #[must_use]
    pub fn size(&self) -> usize {
        // Before controls are escaped: for AWS each is one character.
        infallible(serde_json::to_string(self)).chars().count()
    }
}

/// Escapes the control characters U+0080 to U+009F of a JSON text.
///
/// JSON lets them stand, but some terminals take U+009B for the start of a command. They can only
/// stand inside of strings, where the escape means the same.
#[must_use]
pub fn escape_controls(json: String) -> String {
    let control = |c: char| matches!(c, '\u{80}'..='\u{9f}');
    // All of them begin with this byte, and little else does.
    if !json.as_bytes().contains(&0xC2) || !json.contains(control) {
        return json;
    }
    let mut text = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if control(c) {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

#[expect(
    clippy::unreachable,
    reason = "writing strings and string-keyed maps to memory has no way to fail"
)]
fn infallible(printed: serde_json::Result<String>) -> String {
    printed.unwrap_or_else(|_| unreachable!())
}

/// A list that prints as a scalar when it holds one value.
struct OneOrMany<'a>(&'a [String]);

impl Serialize for OneOrMany<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => serializer.serialize_str(one),
            many => serializer.collect_seq(many),
        }
    }
}

impl Serialize for PolicyDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(version) = &self.version {
            map.serialize_entry("Version", version)?;
        }
        if let Some(id) = &self.id {
            map.serialize_entry("Id", id)?;
        }
        map.serialize_entry("Statement", &self.statements)?;
        map.end()
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(sid) = &self.sid {
            map.serialize_entry("Sid", sid)?;
        }
        map.serialize_entry("Effect", &self.effect)?;
        match &self.principal {
            Some(Selector::Only(principals)) => map.serialize_entry("Principal", principals)?,
            Some(Selector::AllBut(principals)) => {
                map.serialize_entry("NotPrincipal", principals)?
            }
            None => {}
        }
        match &self.action {
            Selector::Only(actions) => map.serialize_entry("Action", &OneOrMany(actions))?,
            Selector::AllBut(actions) => map.serialize_entry("NotAction", &OneOrMany(actions))?,
        }
        match &self.resource {
            Some(Selector::Only(list)) => map.serialize_entry("Resource", &OneOrMany(list))?,
            Some(Selector::AllBut(list)) => map.serialize_entry("NotResource", &OneOrMany(list))?,
            None => {}
        }
        if !self.condition.is_empty() {
            map.serialize_entry("Condition", &self.condition)?;
        }
        map.end()
    }
}

impl Serialize for Principals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Anyone => serializer.serialize_str("*"),
            Self::Named(kinds) => {
                serializer.collect_map(kinds.iter().map(|(kind, names)| (kind, OneOrMany(names))))
            }
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Keys<'a>(&'a std::collections::BTreeMap<String, Vec<String>>);
        impl Serialize for Keys<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(key, values)| (key, OneOrMany(values))))
            }
        }
        serializer.collect_map(self.0.iter().map(|(operator, keys)| (operator, Keys(keys))))
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for PrincipalKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_and_its_size() {
        let read = Statement::allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::a b"])
            .with_sid("Read")
            .with_condition("StringLike", "s3:prefix", ["é"]);
        let policy = PolicyDocument::new(vec![read]);
        let text = concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","#,
            r#""Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::a b","#,
            r#""Condition":{"StringLike":{"s3:prefix":"é"}}}]}"#
        );
        assert_eq!(policy.to_json(), text);
        assert_eq!(policy.size(), text.len() - 1, "é is one character in two bytes");
        let pretty: serde_json::Value = serde_json::from_str(&policy.to_json_pretty()).unwrap();
        assert_eq!(pretty, serde_json::from_str::<serde_json::Value>(text).unwrap());
    }

    #[test]
    fn controls_are_escaped_and_count_as_one() {
        let resource = "arn:aws:s3:::b/a\u{9b}31m\u{7f}é";
        let policy = PolicyDocument::new(vec![Statement::allow(["s3:GetObject"], [resource])]);
        let same = PolicyDocument::new(vec![Statement::allow(
            ["s3:GetObject"],
            ["arn:aws:s3:::b/ax31m\u{7f}é"],
        )]);
        for text in [policy.to_json(), policy.to_json_pretty()] {
            assert!(text.contains(r"b/a\u009b31m") && !text.contains('\u{9b}'), "{text}");
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["Statement"][0]["Resource"], resource);
        }
        assert_eq!(policy.size(), same.size());
    }
}
