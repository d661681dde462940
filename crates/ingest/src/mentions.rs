//! Which files need not be parsed, and which records not be visited, told from their bytes.
//!
//! A record that names something holds its name, letter for letter or with escapes. JSON can write any
//! letter as `\u` and four digits, also inside a string of JSON inside a string, where the backslash
//! is doubled. So a file without the name and without any `\u` does not name it, in whatever packaging.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};
use memchr::arch::all::packedpair::Pair;
use memchr::memmem::Finder;

/// Shorter texts stand everywhere.
const SHORTEST: usize = 3;

/// How many places are looked at at once.
const BLOCK: usize = u64::BITS as usize;

/// How a letter begins that is written by its number.
const ESCAPE: &str = "\\u";

/// Texts of which a file must hold one to be parsed.
#[derive(Debug, Clone)]
pub struct Mentions {
    /// The texts, and the escape by which they may be spelled.
    sought: Vec<Sought>,
    insight: Sought,
}

/// A text, and two of its bytes that are seldom seen in others: where both stand, it is looked for.
#[derive(Debug, Clone)]
struct Sought {
    finder: Finder<'static>,
    pair: [usize; 2],
}

impl Sought {
    /// Returns nothing for a text of less than two bytes.
    fn new(text: &str) -> Option<Sought> {
        let pair = Pair::new(text.as_bytes())?;
        let finder = Finder::new(text).into_owned();
        Some(Sought { finder, pair: [pair.index1().into(), pair.index2().into()] })
    }

    fn stands_at(&self, bytes: &[u8], at: usize) -> bool {
        bytes.get(at..).is_some_and(|rest| rest.starts_with(self.finder.needle()))
    }

    /// Returns a bit for each place of the block that begins at `at` where both bytes stand; nothing where
    /// the bytes end before all are compared.
    #[inline(always)]
    fn candidates<S: Simd>(&self, simd: S, bytes: &[u8], at: usize) -> Option<u64> {
        let stands = |index: usize| {
            let block: &[u8; BLOCK] = bytes.get(at + index..)?.first_chunk()?;
            let byte = *self.finder.needle().get(index)?;
            Some(u8x64::from_slice(simd, block).simd_eq(byte))
        };
        let [first, second] = self.pair;
        Some((stands(first)? & stands(second)?).to_bitmask())
    }
}

impl Mentions {
    /// Returns nothing where one of the texts is too short to be looked for, or has characters that
    /// JSON or its packaging may write in several ways.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/');
        let find = |text: &str| {
            let fits = text.len() >= SHORTEST && text.bytes().all(plain);
            Sought::new(text).filter(|_| fits)
        };
        let mut sought: Vec<_> = texts.into_iter().map(find).collect::<Option<_>>()?;
        if sought.is_empty() {
            return None;
        }
        sought.push(Sought::new(ESCAPE)?);
        Some(Self { sought, insight: Sought::new("Insight")? })
    }

    /// Finds where the inflated bytes of a file hold something for which a record is to be visited:
    /// nowhere, where none of the texts can stand in it.
    pub(crate) fn find_in(&self, bytes: &[u8], places: &mut Vec<usize>) {
        places.clear();
        dispatch!(Level::new(), simd => find_by(simd, &self.sought, bytes, places));
        if !places.is_empty() {
            places.extend(self.insight.finder.find_iter(bytes));
            places.sort_unstable();
        }
    }

    /// Returns whether a record is to be visited: it may hold one of the texts, or be of an Insights
    /// event, which is listed and not counted.
    pub(crate) fn concern(&self, record: &[u8]) -> bool {
        let mut sought = self.sought.iter().chain([&self.insight]);
        sought.any(|sought| sought.finder.find(record).is_some())
    }
}

/// Finds all of the texts in one pass, by the instructions that `simd` stands for.
#[inline(always)]
fn find_by<S: Simd>(simd: S, sought: &[Sought], bytes: &[u8], places: &mut Vec<usize>) {
    // Whole blocks stand behind each of the bytes that are compared.
    let reach = sought.iter().flat_map(|text| text.pair).max().unwrap_or(0) + BLOCK;
    let mut at = 0;
    while at + reach <= bytes.len() {
        for text in sought {
            let mut candidates = text.candidates(simd, bytes, at).unwrap_or(0);
            while candidates != 0 {
                let place = at + candidates.trailing_zeros() as usize;
                candidates &= candidates - 1;
                if text.stands_at(bytes, place) {
                    places.push(place);
                }
            }
        }
        at += BLOCK;
    }
    for text in sought {
        places.extend((at..bytes.len()).filter(|place| text.stands_at(bytes, *place)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sought_is_found_wherever_it_stands(
            texts in prop::collection::vec("[ab]{3,5}|[ab]{60,80}", 1..3),
            parts in prop::collection::vec((0usize..4, "[ab\\\\u]{0,70}"), 0..9),
        ) {
            let mentions = Mentions::new(texts.iter().map(String::as_str)).unwrap();
            let text: String = parts
                .iter()
                .map(|(which, between)| format!("{between}{}", texts.get(*which).map_or("", |t| t)))
                .collect();
            let mut places = Vec::new();
            mentions.find_in(text.as_bytes(), &mut places);
            let sought = texts.iter().map(String::as_str).chain([ESCAPE]);
            let mut expected: Vec<usize> = (0..text.len())
                .flat_map(|at| sought.clone().map(move |sought| (at, sought)))
                .filter(|(at, sought)| text[*at..].starts_with(sought))
                .map(|(at, _)| at)
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(places, expected);
        }
    }

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
            // Wherever blocks end in it.
            for before in 0..3 * BLOCK {
                let text = format!("{}{text}{}", " ".repeat(before), " ".repeat(before % 7 * 40));
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
