//! Where an object ends in which nothing is looked for.
//!
//! Brackets are counted, 64 bytes at once by the widest instructions that the processor has, and nothing is
//! checked but that no line breaks off within a
//! string: behind one that does, what is a string and what is not would change places.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

/// How many bytes are looked at once.
const BLOCK: usize = u64::BITS as usize;

/// Every other bit, from the lowest on.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// A bit for each byte of a block that is one of its kind.
#[derive(Debug, Clone, Copy, Default)]
struct Kinds {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
    /// What no string holds, line breaks among them.
    controls: u64,
}

impl Kinds {
    #[inline(always)]
    fn of<S: Simd>(simd: S, block: &[u8; BLOCK]) -> Kinds {
        let block = u8x64::from_slice(simd, block);
        // In ASCII a brace and a bracket differ in this one bit.
        let either = block | 0x20;
        Kinds {
            quotes: block.simd_eq(b'"').to_bitmask(),
            backslashes: block.simd_eq(b'\\').to_bitmask(),
            opens: either.simd_eq(b'{').to_bitmask(),
            closes: either.simd_eq(b'}').to_bitmask(),
            controls: block.simd_le(0x1f).to_bitmask(),
        }
    }
}

/// What goes on from one block to the next.
#[derive(Debug, Default)]
struct Strings {
    /// All bits set where a block begins inside a string.
    inside: u64,
    /// Whether its first byte is escaped.
    escaped: bool,
}

impl Strings {
    /// Returns a bit for each byte inside a string, the quote before it included.
    #[inline(always)]
    fn inside(&mut self, kinds: Kinds) -> u64 {
        let quotes = kinds.quotes & !self.escapes(kinds.backslashes);
        // Each bit becomes the parity of the quotes up to it.
        let mut parity = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            parity ^= parity << shift;
        }
        let inside = parity ^ self.inside;
        self.inside = 0u64.wrapping_sub(inside >> (BLOCK - 1));
        inside
    }

    /// Returns a bit for each byte behind a backslash that is not escaped itself: in a row of them
    /// every other one is.
    #[inline(always)]
    fn escapes(&mut self, backslashes: u64) -> u64 {
        let before = u64::from(self.escaped);
        if backslashes == 0 {
            self.escaped = false;
            return before;
        }
        let backslashes = backslashes & !before;
        let follows = backslashes << 1 | before;
        let odd_starts = backslashes & !EVEN & !follows;
        // Carries through each row that starts at an odd place, to the byte behind it.
        let (through, over) = odd_starts.overflowing_add(backslashes);
        self.escaped = over;
        (EVEN ^ (through << 1)) & follows
    }
}

/// Returns the length of the object that `bytes` begin with; nothing where they end before it does, or
/// a line within a string.
pub(crate) fn object(bytes: &[u8]) -> Option<usize> {
    dispatch!(Level::new(), simd => object_by(simd, bytes))
}

/// Does so by the instructions that `simd` stands for.
#[inline(always)]
fn object_by<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    let mut strings = Strings::default();
    let mut depth = 0u32;
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut last = [0; BLOCK];
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    for (number, block) in blocks.iter().chain([&last]).enumerate() {
        let kinds = Kinds::of(simd, block);
        let inside = strings.inside(kinds);
        let broken = kinds.controls & inside;
        let (opens, closes) = (kinds.opens & !inside, kinds.closes & !inside);
        if closes.count_ones() < depth {
            if broken != 0 {
                return None;
            }
            depth += opens.count_ones();
            depth -= closes.count_ones();
            continue;
        }
        let mut brackets = opens | closes;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            brackets &= brackets - 1;
            if opens & (1 << at) != 0 {
                depth += 1;
            } else {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let whole = broken & ((1 << at) - 1) == 0;
                    return whole.then_some(number * BLOCK + at as usize + 1);
                }
            }
        }
        if broken != 0 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values with much of what is counted in their strings.
    fn value() -> impl Strategy<Value = serde_json::Value> {
        let text = r#"[\\"{}\[\]a-c ]{0,80}"#;
        let leaf =
            prop_oneof![text.prop_map(serde_json::Value::from), any::<i32>().prop_map(Into::into)];
        leaf.prop_recursive(4, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                prop::collection::hash_map(text, inner, 0..5).prop_map(|members| members
                    .into_iter()
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_object_ends_where_it_ends(members in prop::collection::vec(value(), 0..4), tail in ".{0,70}") {
            let members: serde_json::Map<_, _> =
                members.into_iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect();
            let text = serde_json::Value::from(members).to_string();
            prop_assert_eq!(object(format!("{text}{tail}").as_bytes()), Some(text.len()));
            prop_assert_eq!(object(&text.as_bytes()[..text.len() - 1]), None);
        }

        #[test]
        fn whatever_there_is_it_ends_inside(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(object(&bytes).is_none_or(|length| length <= bytes.len()));
        }
    }

    #[test]
    fn a_line_that_breaks_off_in_a_string_ends_no_object() {
        let cut = format!("{{\"a\":\"b\n{{\"c\":\"}}\"}}{}", " ".repeat(BLOCK));
        assert_eq!(object(cut.as_bytes()), None);
        assert_eq!(object(b"{\n\"a\":\t0\n}"), Some(10));
    }

    #[test]
    fn a_row_of_backslashes_may_go_over_the_end_of_a_block() {
        for length in 0..140 {
            for backslashes in 0..6 {
                let text =
                    format!("{{\"{}{}\":0}}", "x".repeat(length), "\\\\".repeat(backslashes));
                assert_eq!(object(format!("{text}}}").as_bytes()), Some(text.len()), "{text}");
                let quoted =
                    format!("{{\"{}{}\\\"}}\":0}}", "x".repeat(length), "\\\\".repeat(backslashes));
                assert_eq!(object(quoted.as_bytes()), Some(quoted.len()), "{quoted}");
            }
        }
    }
}
