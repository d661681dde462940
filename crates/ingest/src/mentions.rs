//! Which files need not be parsed, and which records not be visited, told from their bytes.
//!
//! A record that names something holds its name, letter for letter or with escapes. JSON can write any
//! letter as `\u` and four digits, also inside a string of JSON inside a string, where the backslash
//! is doubled. So a file without the name and without any `\u` does not name it, in whatever packaging.

use memchr::memchr_iter;
use memchr::memmem::Finder;

use crate::needle::Needle;

/// Shorter texts stand everywhere.
const SHORTEST: usize = 3;

/// How many bytes are looked through for one text after another.
const PIECE: usize = 32 << 10;

/// Texts of which a file must hold one to be parsed.
#[derive(Debug, Clone)]
pub struct Mentions {
    texts: Vec<Text>,
    insight: Text,
}

/// A text, and how it is looked for: in a file, for every place, and in a record, for any.
#[derive(Debug, Clone)]
struct Text {
    places: Needle,
    any: Finder<'static>,
}

impl Text {
    fn new(text: &str) -> Option<Self> {
        let places = Needle::new(text.as_bytes())?;
        Some(Self { places, any: Finder::new(text).into_owned() })
    }

    /// Adds each place where it stands in `bytes`, or an escape, looked for in a piece of them.
    fn find_in(&self, bytes: &[u8], from: usize, places: &mut Vec<usize>) {
        let end = bytes.len().min(from + PIECE + self.any.needle().len() - 1);
        let before = places.len();
        self.places.find_in(bytes.get(from..end).unwrap_or_default(), places);
        places.iter_mut().skip(before).for_each(|at| *at += from);
    }
}

impl Mentions {
    /// Returns nothing where one of the texts is too short to be looked for, or has characters that
    /// JSON or its packaging may write in several ways.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/');
        let find = |text: &str| {
            let fits = text.len() >= SHORTEST && text.bytes().all(plain);
            Text::new(text).filter(|_| fits)
        };
        let texts: Vec<_> = texts.into_iter().map(find).collect::<Option<_>>()?;
        let insight = Text::new("Insight")?;
        (!texts.is_empty()).then_some(Self { texts, insight })
    }

    /// Finds where the inflated bytes of a file hold something for which a record is to be visited:
    /// nowhere, where none of the texts can stand in it.
    pub(crate) fn find_in(&self, bytes: &[u8], places: &mut Vec<usize>) {
        places.clear();
        // One piece after another: each is fetched once, and looked through while it is at hand.
        let pieces = || (0..bytes.len()).step_by(PIECE);
        for from in pieces() {
            self.texts.iter().for_each(|text| text.find_in(bytes, from, places));
        }
        if !places.is_empty() {
            pieces().for_each(|from| self.insight.find_in(bytes, from, places));
            places.sort_unstable();
            // Escapes are found with each of the texts, and twice where pieces overlap.
            places.dedup();
        }
    }

    /// Returns whether a record is to be visited: it may hold one of the texts, or be of an Insights
    /// event, which is listed and not counted.
    pub(crate) fn concern(&self, record: &[u8]) -> bool {
        self.texts.iter().chain([&self.insight]).any(|text| text.any.find(record).is_some())
            || escapes(record).next().is_some()
    }
}

/// Returns where `\u` stands. Most files have few backslashes.
fn escapes(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(b'\\', bytes).filter(|at| bytes.get(at + 1) == Some(&b'u'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_every_spelling() {
        let mentions = Mentions::new(["orders-api"]).unwrap();
        let mut places = Vec::new();
        for text in [
            r#"{"arn":"arn:aws:iam::1:role/orders-api"}"#,
            r#"{"arn":"arn:aws:iam::1:role\/orders-api"}"#,
            r#"{"arn":"arn:aws:iam::1:role/\u006frders-api"}"#,
            r#"{"message":"{\"arn\":\"arn:aws:iam::1:role/orders\\u002Dapi\"}"}"#,
        ] {
            mentions.find_in(text.as_bytes(), &mut places);
            assert!(!places.is_empty() && mentions.concern(text.as_bytes()), "{text}");
            // Wherever pieces end in it.
            for before in PIECE - text.len()..PIECE {
                let text = format!("{}{text}", " ".repeat(before));
                mentions.find_in(text.as_bytes(), &mut places);
                assert!(places.iter().all(|at| *at >= before) && !places.is_empty(), "{text}");
            }
        }
        for text in [r#"{"arn":"arn:aws:iam::1:role\/orders"}"#, r#"{"insight":"Insight"}\"#] {
            mentions.find_in(text.as_bytes(), &mut places);
            assert!(places.is_empty(), "{text}");
        }
        mentions.find_in(br#"orders-api \u0020 orders-ap Insight orders-api"#, &mut places);
        assert_eq!(places, [0, 11, 28, 36]);
        assert!(!mentions.concern(br#"{"eventCategory":"Management"}"#));
        assert!(mentions.concern(br#"{"eventCategory":"Insight"}"#));
    }

    #[test]
    fn what_can_be_written_in_other_ways_is_not_looked_for() {
        for text in ["", "ab", "a/b", "a\"b", "r\u{f4}le", "a b"] {
            assert!(Mentions::new([text]).is_none(), "{text}");
        }
        assert!(Mentions::new(["abc", "a"]).is_none());
        assert!(Mentions::new([]).is_none());
    }
}
