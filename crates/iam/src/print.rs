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
        infallible(serde_json::to_string(self))
    }

    /// Returns the document indented by two spaces, without a final newline.
    #[must_use]
    pub fn to_json_pretty(&self) -> String {
        infallible(serde_json::to_string_pretty(self))
    }

    /// Returns the size that counts against IAM's quotas, in characters.
    ///
    /// IAM does not count whitespace. Whether that includes whitespace inside
    /// strings is not stated, so such whitespace is counted here: the result
    /// is never too small. Source: IAM User Guide, "IAM and AWS STS quotas".
    #[must_use]
    pub fn size(&self) -> usize {
        self.to_json().chars().count()
    }
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
}
