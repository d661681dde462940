//! Which files need not be parsed, and which records not be visited, told from their bytes.
//!
//! A record that names something holds its name, letter for letter or with escapes. JSON can write any
//! letter as `\u` and four digits, also inside a string of JSON inside a string, where the backslash
//! is doubled. So a file without the name and without any `\u` does not name it, in whatever packaging.

use memchr::memmem::Finder;

/// Shorter texts stand everywhere.
const SHORTEST: usize = 3;

/// Texts of which a file must hold one to be parsed.
#[derive(Debug, Clone)]
pub struct Mentions {
    texts: Vec<Finder<'static>>,
    escape: Finder<'static>,
    insight: Finder<'static>,
}

impl Mentions {
    /// Returns nothing where one of the texts is too short to be looked for, or has characters that
    /// JSON or its packaging may write in several ways.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/');
        let find = |text: &str| {
            let fits = text.len() >= SHORTEST && text.bytes().all(plain);
            fits.then(|| Finder::new(text).into_owned())
        };
        let texts: Vec<_> = texts.into_iter().map(find).collect::<Option<_>>()?;
        let fixed = |text: &'static [u8]| Finder::new(text);
        let (escape, insight) = (fixed(b"\\u"), fixed(b"Insight"));
        (!texts.is_empty()).then_some(Self { texts, escape, insight })
    }

    /// Returns whether any of the texts may stand in the inflated bytes of a file.
    pub(crate) fn may_be_in(&self, bytes: &[u8]) -> bool {
        self.texts.iter().chain([&self.escape]).any(|finder| finder.find(bytes).is_some())
    }

    /// Finds where the inflated bytes of a file hold something for which a record is to be visited.
    pub(crate) fn find_in(&self, bytes: &[u8], places: &mut Vec<usize>) {
        places.clear();
        for finder in self.texts.iter().chain([&self.escape, &self.insight]) {
            places.extend(finder.find_iter(bytes));
        }
        places.sort_unstable();
    }

    /// Returns whether a record is to be visited: it may hold one of the texts, or be of an Insights
    /// event, which is listed and not counted.
    pub(crate) fn concern(&self, record: &[u8]) -> bool {
        self.may_be_in(record) || self.insight.find(record).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_every_spelling() {
        let mentions = Mentions::new(["orders-api"]).unwrap();
        for text in [
            r#"{"arn":"arn:aws:iam::1:role/orders-api"}"#,
            r#"{"arn":"arn:aws:iam::1:role\/orders-api"}"#,
            r#"{"arn":"arn:aws:iam::1:role/\u006frders-api"}"#,
            r#"{"message":"{\"arn\":\"arn:aws:iam::1:role/orders\\u002Dapi\"}"}"#,
        ] {
            assert!(mentions.may_be_in(text.as_bytes()), "{text}");
        }
        assert!(!mentions.may_be_in(br#"{"arn":"arn:aws:iam::1:role\/orders"}"#));
        let mut places = Vec::new();
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
