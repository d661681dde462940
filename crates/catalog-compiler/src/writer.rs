//! Writing the flat table. Equal strings and equal lists are written once.

use std::collections::HashMap;

use crate::layout;

/// A table in the making.
pub(crate) struct Writer {
    words: Vec<u32>,
    pool: Vec<u8>,
    strings: HashMap<String, u32>,
    lists: HashMap<Vec<u32>, u32>,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer {
            words: vec![0],
            pool: vec![0, 0],
            strings: HashMap::from([(String::new(), 0)]),
            lists: HashMap::from([(Vec::new(), 0)]),
        }
    }

    /// Writes a string; texts longer than 65,535 bytes are cut at a character.
    pub(crate) fn string(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.strings.get(text) {
            return at;
        }
        let mut end = text.len().min(usize::from(u16::MAX));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let at = number(self.pool.len());
        let cut = text.get(..end).unwrap_or_default();
        self.pool.extend(u16::try_from(cut.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.pool.extend(cut.as_bytes());
        self.strings.insert(text.to_owned(), at);
        at
    }

    pub(crate) fn list(&mut self, items: Vec<u32>) -> u32 {
        if let Some(&at) = self.lists.get(&items) {
            return at;
        }
        let at = number(self.words.len());
        self.words.push(number(items.len()));
        self.words.extend(&items);
        self.lists.insert(items, at);
        at
    }

    pub(crate) fn strings<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> u32 {
        let items = texts.into_iter().map(|text| self.string(text)).collect();
        self.list(items)
    }

    /// Writes an index over entries whose first item is their key.
    pub(crate) fn index(&mut self, entries: &[(String, u32)]) -> u32 {
        let size = (entries.len() * 2).next_power_of_two().max(1);
        let mut slots = vec![0_u32; size];
        for (key, entry) in entries {
            let mask = size - 1;
            let mut slot = usize::try_from(layout::hash(key)).unwrap_or_default() & mask;
            while slots.get(slot).is_some_and(|&taken| taken != 0) {
                slot = (slot + 1) & mask;
            }
            if let Some(free) = slots.get_mut(slot) {
                *free = *entry;
            }
        }
        let at = number(self.words.len());
        self.words.push(number(size));
        self.words.extend(slots);
        at
    }

    pub(crate) fn finish(self, root: u32) -> Vec<u8> {
        let mut bytes = layout::MAGIC.to_vec();
        for head in [root, number(self.words.len()), number(self.pool.len())] {
            bytes.extend(head.to_le_bytes());
        }
        bytes.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(self.pool);
        bytes
    }
}

/// A table of four billion words is out of reach; the check in `Table::open` would catch it.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
