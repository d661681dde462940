//! A tree of texts, and how YAML and JSON write it.
//!
//! Every text is in double quotes, keys that are not plainly words too: `no`, `2012-10-17` or
//! `0x1F` are never anything but text, whatever version of YAML the reader has.

use serde::ser::{Serialize, Serializer};

use super::text::yaml_quoted;

/// What a template is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A map, in its order.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Returns a text.
    pub(super) fn text(text: impl Into<String>) -> Tree {
        Tree::Text(text.into())
    }

    /// Writes the tree as a YAML document. Empty lists and maps do not occur below a map.
    pub(super) fn to_yaml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Tree::Text(text) => {
                yaml_quoted(out, text);
                out.push('\n');
            }
            Tree::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        indent(out, depth);
                    }
                    out.push_str("- ");
                    item.write(out, depth + 1);
                }
            }
            Tree::Map(entries) => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        indent(out, depth);
                    }
                    write_key(out, key);
                    match value {
                        Tree::Text(_) => {
                            out.push(' ');
                            value.write(out, depth);
                        }
                        Tree::List(items) if items.is_empty() => out.push_str(" []\n"),
                        Tree::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
                        Tree::List(_) | Tree::Map(_) => {
                            out.push('\n');
                            indent(out, depth + 1);
                            value.write(out, depth + 1);
                        }
                    }
                }
            }
        }
    }
}

/// What the first version of YAML takes for something else than text, in any letter case.
const WORDS: [&str; 11] =
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];

fn write_key(out: &mut String, key: &str) {
    let word = WORDS.iter().any(|word| key.eq_ignore_ascii_case(word));
    if !key.is_empty() && !word && key.chars().all(|c| c.is_ascii_alphabetic()) {
        out.push_str(key);
    } else {
        yaml_quoted(out, key);
    }
    out.push(':');
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::List(items) => serializer.collect_seq(items),
            Tree::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_maps_are_indented_and_texts_quoted() {
        let tree = Tree::Map(vec![
            ("Description".into(), Tree::text("no")),
            (
                "Statement".into(),
                Tree::List(vec![
                    Tree::Map(vec![
                        ("Effect".into(), Tree::text("Allow")),
                        ("Action".into(), Tree::List(vec![Tree::text("a"), Tree::text("b: #")])),
                    ]),
                    Tree::Map(vec![("yes".into(), Tree::text("2012-10-17"))]),
                ]),
            ),
        ]);
        let expected = r##"Description: "no"
Statement:
  - Effect: "Allow"
    Action:
      - "a"
      - "b: #"
  - "yes": "2012-10-17"
"##;
        assert_eq!(tree.to_yaml(), expected);
    }
}
