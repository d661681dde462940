//! The fast road over one record: what CloudTrail writes, and nothing out of the ordinary.
//!
//! It checks all that the general road (framer, grammar, unwrap) checks, but in one pass that keeps
//! no state for a sudden end, and finds the fields on its way. Where anything is unusual (the text
//! ends, a byte is wrong, a wrapper's key, deep nesting) it returns nothing, and the general road
//! decides. What it returns goes through the same [`Record::of`], so that fields are read in one way
//! only. Tests and a fuzz target hold both roads to the same records.

use std::hash::BuildHasher as _;
use std::ops::Range;

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

use crate::RECORD_LIMIT;
use crate::framer::Within;
use crate::record::{
    FIELD_COUNT, NotARecord, Record, Slot, Slots, TLS_DETAILS, USER_IDENTITY, WRITTEN, field_name,
    is_field_in_any_case,
};

/// How deep values may be nested on this road; well below what the general one allows.
const DEEPEST: u32 = 60;

/// How many members a record may have on this road.
const MOST_MEMBERS: usize = 200;

/// A record that was read over, as offsets into its text.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// How many bytes it has.
    pub(crate) length: usize,
    /// The value of each field that was found; empty where it was not.
    values: [(u32, u32); FIELD_COUNT],
    /// One bit a field: a string without escapes.
    plain: u32,
    /// Key and value of members that are fields in another case.
    others: Vec<(Range<usize>, Range<usize>)>,
}

impl Scanned {
    /// Returns whether source and name of the event are told in strings without escapes.
    pub(crate) fn is_plainly_named(&self) -> bool {
        let named = |(from, to): &(u32, u32)| to.saturating_sub(*from) > 2;
        self.plain & 0b11 == 0b11 && self.values.iter().take(2).all(named)
    }

    /// Returns the record; `text` is what was scanned.
    pub(crate) fn record<'t>(&self, text: &'t str) -> Result<Record<'t>, NotARecord> {
        let found = self.values.iter().enumerate().map(|(slot, (from, to))| {
            let value = text.get(*from as usize..*to as usize).filter(|value| !value.is_empty())?;
            Some(Slot::exact(value, self.plain & (1 << slot) != 0))
        });
        if self.others.is_empty() {
            return Record::of(found);
        }
        let mut slots = Slots::of(found);
        for (key, value) in &self.others {
            if let (Some(key), Some(value)) = (text.get(key.clone()), text.get(value.clone())) {
                slots.put(key, value);
            }
        }
        slots.into_record()
    }
}

/// Objects that were read over lately, to be known again.
///
/// Who calls and over which connection is told in the same words in many records. What is byte for
/// byte what was checked before needs no second check, and an object ends where it ended.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By a hash of how they begin; the whole text is compared.
    objects: Vec<Vec<u8>>,
    /// By field, the one that followed it last; what came first stands behind them.
    after: [usize; FIELD_COUNT + 1],
    hasher: foldhash::fast::FixedState,
}

/// How many objects are remembered.
const REMEMBERED: usize = 512;

/// No longer object is remembered.
const LONGEST: usize = 4096;

/// How many bytes tell objects apart well enough to find them.
const BEGINNING: usize = 160;

impl Seen {
    /// Returns the field that followed `before` last, and the length of its key and colon, if `bytes` have it
    /// at a place as CloudTrail writes it: without space.
    #[inline(always)]
    fn followed(&self, before: usize, bytes: &[u8], at: usize) -> Option<(usize, usize)> {
        let slot = *self.after.get(before)?;
        let Key { words, masks, length } = KEYS.get(slot)?;
        let (text, _) = bytes.get(at..)?.first_chunk::<KEY>()?.as_chunks::<8>();
        let mut differ = 0;
        for ((text, word), mask) in text.iter().zip(words).zip(masks) {
            differ |= (u64::from_le_bytes(*text) ^ word) & mask;
        }
        (differ == 0).then_some((slot, *length))
    }

    /// Remembers that a field followed another.
    #[inline(always)]
    fn follows(&mut self, before: usize, slot: usize) {
        if let Some(after) = self.after.get_mut(before) {
            *after = slot;
        }
    }

    /// Returns where an object that begins like this would be remembered.
    fn place(&mut self, bytes: &[u8]) -> Option<&mut Vec<u8>> {
        let beginning = bytes.get(..BEGINNING)?;
        if self.objects.is_empty() {
            self.objects.resize(REMEMBERED, Vec::new());
        }
        let place = self.hasher.hash_one(beginning) % REMEMBERED as u64;
        self.objects.get_mut(usize::try_from(place).ok()?)
    }
}

/// How many bytes a key that is looked for has at most, with its quotes and colon.
const KEY: usize = 32;

/// The key of a field with its quotes and colon, to be compared at once.
struct Key {
    words: [u64; KEY / 8],
    /// What is beyond the colon counts for nothing.
    masks: [u64; KEY / 8],
    length: usize,
}

#[expect(clippy::indexing_slicing, reason = "worked out while compiling")]
static KEYS: [Key; FIELD_COUNT] = {
    let mut keys =
        [const { Key { words: [0; KEY / 8], masks: [0; KEY / 8], length: 0 } }; FIELD_COUNT];
    let mut slot = 0;
    while slot < FIELD_COUNT {
        keys[slot] = Key::of(field_name(slot));
        slot += 1;
    }
    keys
};

impl Key {
    #[expect(clippy::indexing_slicing, reason = "worked out while compiling")]
    const fn of(name: &[u8]) -> Key {
        let (mut words, mut masks) = ([0; KEY / 8], [0; KEY / 8]);
        let length = name.len() + 3;
        let mut at = 0;
        while at < length {
            let byte = match at {
                0 => b'"',
                _ if at <= name.len() => name[at - 1],
                _ if at == name.len() + 1 => b'"',
                _ => b':',
            };
            words[at / 8] |= (byte as u64) << (at % 8 * 8);
            masks[at / 8] |= 0xff << (at % 8 * 8);
            at += 1;
        }
        Key { words, masks, length }
    }
}

/// Reads over the record that `bytes` begin with, from its brace to its brace.
pub(crate) fn record(bytes: &[u8], seen: &mut Seen) -> Option<Scanned> {
    let bytes = bytes.get(..RECORD_LIMIT).unwrap_or(bytes);
    let mut scan = Scan::new(bytes);
    let mut found =
        Scanned { length: 0, values: [(0, 0); FIELD_COUNT], plain: 0, others: Vec::new() };
    scan.take(b'{')?;
    let mut before = FIELD_COUNT;
    for _ in 0..MOST_MEMBERS {
        let (mut key, mut name) = (0..0, &[][..]);
        let slot = match seen.followed(before, bytes, scan.at) {
            Some((slot, length)) => {
                scan.at += length;
                Some(slot)
            }
            None => {
                scan.space();
                let start = scan.at + 1;
                let plain = scan.string()?;
                key = start..scan.at - 1;
                scan.space();
                scan.take(b':')?;
                name = bytes.get(key.clone()).filter(|_| plain)?;
                let slot = slot(name, before);
                // Before what it wraps is read over: that may be a whole file.
                if slot.is_none() && Within::of_key(name).is_some() {
                    return None;
                }
                slot
            }
        };
        if let Some(slot) = slot {
            seen.follows(before, slot);
            before = slot;
        }
        scan.space();
        let from = scan.at;
        let plain = match slot {
            Some(USER_IDENTITY | TLS_DETAILS) => scan.value_seen(seen)?,
            _ => scan.value()?,
        };
        match slot {
            Some(slot) => {
                *found.values.get_mut(slot)? =
                    (u32::try_from(from).ok()?, u32::try_from(scan.at).ok()?);
                let bit = 1 << slot;
                found.plain = if plain { found.plain | bit } else { found.plain & !bit };
            }
            None if is_field_in_any_case(name) => found.others.push((key, from..scan.at)),
            None => {}
        }
        scan.space();
        match scan.next()? {
            b',' => {}
            b'}' => {
                found.length = scan.at;
                // By source and name it is a record, whatever else stands in it.
                let named = found.values.iter().take(2).all(|(from, to)| from < to);
                return named.then_some(found);
            }
            _ => return None,
        }
    }
    None
}

/// Returns the field of a name, which is likely one that CloudTrail writes soon after `before`.
fn slot(name: &[u8], before: usize) -> Option<usize> {
    let next = WRITTEN.iter().position(|slot| usize::from(*slot) == before).map_or(0, |at| at + 1);
    let (earlier, ahead) = WRITTEN.split_at_checked(next)?;
    let all = ahead.iter().chain(earlier).copied().map(usize::from);
    all.into_iter().find(|slot| field_name(*slot) == name)
}

/// A place in text, moved on over what is found there.
#[derive(Debug, Clone)]
pub(crate) struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The blocks that were looked over last, by their number divided by [`BLOCKS`].
    group: usize,
    /// For each of those blocks a bit for each byte that may end the plain text of a string: quotes,
    /// backslashes and control characters. Most blocks hold several.
    ends: [u64; BLOCKS],
}

/// How many bytes have a bit each in one word.
const BLOCK: usize = u64::BITS as usize;

/// How many blocks are looked over at once: finding out which instructions there are costs as much as one.
const BLOCKS: usize = 4;

impl<'t> Scan<'t> {
    /// Starts at the beginning.
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        Scan { bytes, at: 0, group: usize::MAX, ends: [0; BLOCKS] }
    }

    /// Moves to where the plain text of a string ends.
    #[inline(always)]
    fn text_end(&mut self) -> Option<()> {
        loop {
            let block = self.at / BLOCK;
            if block / BLOCKS != self.group {
                self.look_over(block / BLOCKS)?;
            }
            let ahead = self.ends.get(block % BLOCKS)? >> (self.at % BLOCK);
            if ahead != 0 {
                self.at += ahead.trailing_zeros() as usize;
                return Some(());
            }
            self.at = (block + 1) * BLOCK;
        }
    }

    /// Finds the ends in a group of blocks; nothing where the text has ended before it. What is beyond the
    /// text ends any.
    #[inline(never)]
    fn look_over(&mut self, group: usize) -> Option<()> {
        let rest = self.bytes.get(group * BLOCKS * BLOCK..).filter(|rest| !rest.is_empty())?;
        self.ends = match rest.first_chunk() {
            Some(bytes) => ends(bytes),
            None => {
                let mut bytes = [0; BLOCKS * BLOCK];
                bytes.get_mut(..rest.len())?.copy_from_slice(rest);
                ends(&bytes)
            }
        };
        self.group = group;
        Some(())
    }

    /// Returns how many bytes are behind.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Goes to a place in the text.
    pub(crate) const fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Passes a byte that stands here or after space; stays where it does not.
    pub(crate) fn pass(&mut self, byte: u8) -> Option<()> {
        let before = self.at;
        self.space();
        let passed = self.take(byte);
        if passed.is_none() {
            self.at = before;
        }
        passed
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline(always)]
    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    #[inline(always)]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads over a string; returns whether it has no escapes.
    #[inline(always)]
    fn string(&mut self) -> Option<bool> {
        self.take(b'"')?;
        self.text_end()?;
        if self.peek()? == b'"' {
            self.at += 1;
            return Some(true);
        }
        self.escaped()
    }

    /// Reads over what is left of a string, from an escape on.
    #[cold]
    #[inline(never)]
    fn escaped(&mut self) -> Option<bool> {
        loop {
            match self.next()? {
                b'"' => return Some(false),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let digits = self.bytes.get(self.at..self.at + 4)?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        self.at += 4;
                    }
                    _ => return None,
                },
                _ => return None,
            }
            self.text_end()?;
        }
    }

    /// Reads over a value; returns whether it is a string without escapes.
    pub(crate) fn value(&mut self) -> Option<bool> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' | b'[' => self.container().map(|()| false),
            _ => self.scalar().map(|()| false),
        }
    }

    /// Does what [`value`](Self::value) does, for a value that is likely the same as before.
    fn value_seen(&mut self, seen: &mut Seen) -> Option<bool> {
        let rest = self.bytes.get(self.at..)?;
        let Some(place) = seen.place(rest).filter(|_| rest.starts_with(b"{")) else {
            return self.value();
        };
        if !place.is_empty() && rest.starts_with(place) {
            self.at += place.len();
            return Some(false);
        }
        let from = self.at;
        self.container()?;
        if self.at - from <= LONGEST {
            place.clear();
            place.extend_from_slice(self.bytes.get(from..self.at)?);
        }
        Some(false)
    }

    fn scalar(&mut self) -> Option<()> {
        let literal: &[u8] = match self.peek()? {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return self.number(),
        };
        let end = self.at + literal.len();
        (self.bytes.get(self.at..end)? == literal).then(|| self.at = end)
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.next()? {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek()? == b'.' {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek()?, b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Some(())
    }

    fn some_digits(&mut self) -> Option<()> {
        self.next()?.is_ascii_digit().then(|| self.digits())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// Reads over an object or array. One bit a level tells which it is, the innermost lowest.
    fn container(&mut self) -> Option<()> {
        let (mut depth, mut objects) = (0u32, 0u64);
        loop {
            // A value begins here.
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                open @ (b'{' | b'[') => {
                    if depth == DEEPEST {
                        return None;
                    }
                    depth += 1;
                    objects = objects << 1 | u64::from(open == b'{');
                    self.at += 1;
                    self.space();
                    // In ASCII a bracket that closes is two after the one that opens.
                    if self.peek()? != open + 2 {
                        if open == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            // A value ended, or a container that ends at once began.
            loop {
                self.space();
                match (self.next()?, objects & 1 == 1) {
                    (b',', object) => {
                        self.space();
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        depth -= 1;
                        objects >>= 1;
                        if depth == 0 {
                            return Some(());
                        }
                    }
                    _ => return None,
                }
            }
        }
    }

    /// Reads over a key, its colon and the space around.
    fn key(&mut self) -> Option<()> {
        self.string()?;
        self.space();
        self.take(b':')?;
        self.space();
        Some(())
    }
}

/// Returns a bit for each byte that may end the plain text of a string.
fn ends(blocks: &[u8; BLOCKS * BLOCK]) -> [u64; BLOCKS] {
    dispatch!(Level::new(), simd => ends_by(simd, blocks))
}

/// Does so by the instructions that `simd` stands for.
#[inline(always)]
fn ends_by<S: Simd>(simd: S, blocks: &[u8; BLOCKS * BLOCK]) -> [u64; BLOCKS] {
    let mut all = [0; BLOCKS];
    let (blocks, _) = blocks.as_chunks::<BLOCK>();
    for (ends, block) in all.iter_mut().zip(blocks) {
        let block = u8x64::from_slice(simd, block);
        let end = block.simd_eq(b'"') | block.simd_eq(b'\\') | block.simd_le(0x1f);
        *ends = end.to_bitmask();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_whatever_the_order_and_space_of_the_one_before() {
        let records = [
            r#"{"eventVersion":"1.08","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1"}"#,
            r#"{"eventVersion": "1.08","eventSource": "s3.amazonaws.com","eventName": "GetObject","awsRegion": "eu-west-1"}"#,
            r#"{ "eventVersion" : "1.08", "eventSource" : "s3.amazonaws.com", "eventName" : "GetObject" }"#,
            r#"{"awsRegion":"eu-west-1","eventName":"GetObject","eventSource":"s3.amazonaws.com","userAgent":"aws-cli"}"#,
            r#"{"eventVersion":"1.08","eventSource":"s3.amazonaws.com","eventSource":"a","EVENTNAME":"b","eventName":"c"}"#,
            r#"{"eventName":"c","eventSource":"a"}"#,
        ];
        let mut seen = Seen::default();
        for before in records {
            for text in records {
                record(before.as_bytes(), &mut seen).unwrap();
                let scanned = record(text.as_bytes(), &mut seen).unwrap();
                assert_eq!(scanned.length, text.len());
                assert_eq!(scanned.record(text).unwrap(), Record::parse(text).unwrap());
            }
        }
    }
}
