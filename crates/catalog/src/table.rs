//! Reading compiled tables in place.
//!
//! Nothing here can fail: an offset outside the table reads as the empty node or string. See
//! [`crate::layout`] for what the bytes mean.

pub(crate) use crate::layout;

use layout::{HEADER, MAGIC};

/// A catalog's bytes.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    root: u32,
    words: &'static [u8],
    pool: &'static [u8],
}

/// A list inside a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    table: Table,
    at: u32,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Table").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Table {
    pub(crate) fn embedded() -> Table {
        static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalog.bin"));
        Table::open(BYTES).unwrap_or(Table { root: 0, words: &[], pool: &[] })
    }

    pub(crate) fn open(bytes: &'static [u8]) -> Option<Table> {
        let header = bytes.get(..HEADER)?;
        if header.get(..MAGIC.len())? != MAGIC {
            return None;
        }
        let root = word(header, 8);
        let words = usize::try_from(word(header, 12)).ok()?.checked_mul(4)?;
        let pool = usize::try_from(word(header, 16)).ok()?;
        let end = HEADER.checked_add(words)?;
        Some(Table {
            root,
            words: bytes.get(HEADER..end)?,
            pool: bytes.get(end..end.checked_add(pool)?)?,
        })
    }

    pub(crate) fn root(self) -> Node {
        self.node(self.root)
    }

    pub(crate) fn node(self, at: u32) -> Node {
        Node { table: self, at }
    }

    fn string(self, at: u32) -> &'static str {
        let read = || {
            let at = usize::try_from(at).ok()?;
            let [low, high] = *self.pool.get(at..at.checked_add(2)?)? else { return None };
            let start = at.checked_add(2)?;
            let end = start.checked_add(usize::from(u16::from_le_bytes([low, high])))?;
            std::str::from_utf8(self.pool.get(start..end)?).ok()
        };
        read().unwrap_or("")
    }
}

impl Node {
    pub(crate) fn len(self) -> u32 {
        word(self.table.words, byte(self.at))
    }

    /// Item as a number; 0 where there is none.
    pub(crate) fn number(self, index: u32) -> u32 {
        if index < self.len() {
            word(self.table.words, byte(self.at.saturating_add(1).saturating_add(index)))
        } else {
            0
        }
    }

    pub(crate) fn string(self, index: u32) -> &'static str {
        self.table.string(self.number(index))
    }

    pub(crate) fn node(self, index: u32) -> Node {
        self.table.node(self.number(index))
    }

    pub(crate) fn strings(self) -> impl Iterator<Item = &'static str> {
        (0..self.len()).map(move |index| self.string(index))
    }

    pub(crate) fn nodes(self) -> impl Iterator<Item = Node> {
        (0..self.len()).map(move |index| self.node(index))
    }

    /// Looks a key up in an index; the answer's first item is the key.
    pub(crate) fn find(self, key: &str) -> Option<Node> {
        let size = self.len();
        let mask = size.checked_sub(1)?;
        let mut slot = layout::hash(key) & mask;
        for _ in 0..size {
            let at = self.number(slot);
            if at == 0 {
                return None;
            }
            let entry = self.table.node(at);
            if entry.string(0) == key {
                return Some(entry);
            }
            slot = slot.wrapping_add(1) & mask;
        }
        None
    }
}

fn byte(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX).saturating_mul(4)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at.saturating_add(4)) {
        Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}
