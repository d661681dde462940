//! The small words a section is written in: numbers of seven bits a byte, texts with their length.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::stats::Origin;

/// Appends to the bytes of a section.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
    /// What stands in this section already.
    origins: HashMap<Arc<Origin>, usize, RandomState>,
}

impl Out {
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Small numbers of either sign are short.
    pub(super) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(super) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Where a record was found: nearly always where another one was found that stands before it, so it
    /// is the number of that, from 1 on; what is new stands behind a 0.
    pub(super) fn origin(&mut self, origin: &Arc<Origin>) {
        if let Some(number) = self.origins.get(origin) {
            return self.length(*number);
        }
        self.length(0);
        self.text(&origin.region);
        self.text(&origin.file.to_string());
        self.origins.insert(Arc::clone(origin), self.origins.len() + 1);
    }

    /// Takes the bytes for a section, and begins the next one.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.origins.clear();
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Out, T)) {
        self.bytes.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Reads the bytes of a section; `None` wherever they are not as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl<'a> In<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return None;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A number of things, each of at least one byte: never more than bytes are left.
    pub(super) fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        (length <= self.0.len()).then_some(length)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        // Not reserved: the length is what the file says.
        let length = self.length()?;
        let mut all = Vec::new();
        for _ in 0..length {
            all.push(read(self)?);
        }
        Some(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(number in any::<u64>(), signed in any::<i64>(), text in ".{0,20}") {
            let mut out = Out::default();
            out.number(number);
            out.signed(signed);
            out.text(&text);
            out.optional(Some(&text), |out, text| out.text(text));
            out.optional(None::<&str>, |out, text| out.text(text));
            let mut read = In(&out.bytes);
            prop_assert_eq!(read.number(), Some(number));
            prop_assert_eq!(read.signed(), Some(signed));
            prop_assert_eq!(read.text(), Some(text.as_str()));
            prop_assert_eq!(read.optional(In::text), Some(Some(text.as_str())));
            prop_assert_eq!(read.optional(In::text), Some(None));
            prop_assert!(read.is_empty());
        }
    }
}
