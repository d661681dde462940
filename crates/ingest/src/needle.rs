//! Where a text stands, and where `\u` does, in one pass over bytes.
//!
//! A text is looked for by two of its bytes, those that are the rarest in trails: 64 places are asked for both
//! at once, and the text is compared where both stand. Each byte is fetched once, which is what this costs:
//! looking by memchr, first for the name and then for backslashes, takes almost twice the time.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

/// How many bytes are looked at once.
const BLOCK: usize = u64::BITS as usize;

/// The bytes that trails are made of, the most frequent first: the names of members, times, addresses, and
/// identifiers in hexadecimal digits. Where it is wrong, time is lost and nothing else.
const COMMON: &[u8] = b"\"eatrs:no-ic,21dum03.7lApI84v9wfbS5/6gyCTDhE{}NRHPMVFQzZqkxUKLjO";

/// A text to look for.
#[derive(Debug, Clone)]
pub(crate) struct Needle {
    text: Box<[u8]>,
    /// Where the earlier and the later of its two bytes are in it, less than a block apart.
    first: usize,
    second: usize,
    first_byte: u8,
    second_byte: u8,
}

impl Needle {
    /// Returns nothing for a text of less than two bytes.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let rarity = |at: &usize| {
            let byte = text.get(*at)?;
            Some(COMMON.iter().position(|common| common == byte).unwrap_or(COMMON.len()))
        };
        let window = 0..text.len().min(BLOCK);
        let rarest = window.clone().max_by_key(rarity)?;
        // Another byte says more than the same once more.
        let another = |at: &usize| text.get(*at) != text.get(rarest);
        let next = window.filter(|at| *at != rarest).max_by_key(|at| (another(at), rarity(at)))?;
        let (first, second) = (rarest.min(next), rarest.max(next));
        let (first_byte, second_byte) = (*text.get(first)?, *text.get(second)?);
        Some(Self { text: text.into(), first, second, first_byte, second_byte })
    }

    /// Adds each place in `bytes` where the text begins, and each of a backslash with a `u` behind it.
    pub(crate) fn find_in(&self, bytes: &[u8], places: &mut Vec<usize>) {
        dispatch!(Level::new(), simd => self.find_by(simd, bytes, places));
    }

    /// Does so by the instructions that `simd` stands for.
    #[inline(always)]
    fn find_by<S: Simd>(&self, simd: S, bytes: &[u8], places: &mut Vec<usize>) {
        let apart = self.second - self.first;
        let [first, second, backslash] =
            [self.first_byte, self.second_byte, b'\\'].map(|byte| u8x64::splat(simd, byte));
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut last = [0; BLOCK];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        let mut before = 0;
        for (number, block) in blocks.iter().chain([&last]).enumerate() {
            let block = u8x64::from_slice(simd, block);
            let firsts = block.simd_eq(first).to_bitmask();
            let seconds = block.simd_eq(second).to_bitmask();
            let backslashes = block.simd_eq(backslash).to_bitmask();
            let both = (firsts << apart | before) & seconds;
            before = firsts >> (BLOCK - apart);
            if both | backslashes != 0 {
                self.look(bytes, number * BLOCK, both, backslashes, places);
            }
        }
    }

    /// Looks closer at a block: its later byte at places where the earlier one stands before it.
    fn look(
        &self,
        bytes: &[u8],
        block: usize,
        both: u64,
        backslashes: u64,
        places: &mut Vec<usize>,
    ) {
        let begins = Ones(both).filter_map(|at| (block + at).checked_sub(self.second));
        places.extend(
            begins.filter(|at| bytes.get(*at..).is_some_and(|rest| rest.starts_with(&self.text))),
        );
        let escapes = Ones(backslashes).map(|at| block + at);
        places.extend(escapes.filter(|at| bytes.get(at + 1) == Some(&b'u')));
    }
}

/// The numbers of the bits that are set, from the lowest on.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let at = (self.0 != 0).then(|| self.0.trailing_zeros() as usize);
        self.0 &= self.0.wrapping_sub(1);
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(text: &[u8], bytes: &[u8]) -> Vec<usize> {
        let mut places = Vec::new();
        Needle::new(text).unwrap().find_in(bytes, &mut places);
        places.sort_unstable();
        places
    }

    /// What is found by asking at each place.
    fn one_by_one(text: &[u8], bytes: &[u8]) -> Vec<usize> {
        let found = |at: &usize| {
            bytes.get(*at..).is_some_and(|rest| rest.starts_with(text) || rest.starts_with(b"\\u"))
        };
        (0..bytes.len()).filter(found).collect()
    }

    proptest! {
        #[test]
        fn a_text_is_found_wherever_it_stands(text in "[a-c]{2,90}", parts in prop::collection::vec("[a-cu\\\\]{0,70}", 0..6)) {
            for bytes in [parts.concat(), parts.join(&text)] {
                prop_assert_eq!(places(text.as_bytes(), bytes.as_bytes()), one_by_one(text.as_bytes(), bytes.as_bytes()));
            }
        }
    }

    #[test]
    fn it_is_found_at_every_offset() {
        let text = b"media-30-role";
        for before in 0..300 {
            for behind in [0, 1, 63, 64, 65, 200] {
                let bytes =
                    [&vec![b'm'; before], &text[..], &vec![b'e'; behind], b"\\u0041"].concat();
                assert_eq!(places(text, &bytes), [before, before + text.len() + behind]);
            }
        }
    }

    #[test]
    fn it_is_looked_for_by_what_is_rare_in_it() {
        let needle = Needle::new(b"arn:aws:iam::1:role/quokka").unwrap();
        assert_eq!((needle.first_byte, needle.second_byte), (b'q', b'k'));
        assert!(Needle::new(b"q").is_none());
        // One byte alone is twice the same.
        assert_eq!(places(b"aaa", b"aaaa"), [0, 1]);
    }
}
