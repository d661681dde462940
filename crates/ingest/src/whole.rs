//! Small gzip files, inflated at once.
//!
//! libdeflate needs the whole input and the whole output, and takes half the time of any inflater
//! that can stream. As much room is made as the trailer says, up to a limit. Whatever is not gzip to its
//! very end (damage, padding, garbage), or holds another number of bytes, is left to the streaming road,
//! which says what is wrong and where.
//!
//! Surprising here: libdeflate's safe interface does not tell where a member ended. It is known all
//! the same: a member ends in the length of what it holds, so it ended at the first place after which
//! that number stands. Where this is not where the next member begins, the streaming road decides.

use std::fmt;

use libdeflater::Decompressor;
use memchr::memmem;

/// The most raw bytes that are read at once; larger files are streamed.
pub(crate) const RAW_LIMIT: usize = 2 * 1024 * 1024;

/// The most inflated bytes that are held at once; files that hold more are streamed.
const INFLATED_LIMIT: usize = 16 * 1024 * 1024;

/// The room for inflated bytes is a multiple of this.
const STEP: usize = 64 * 1024;

/// How many times the next member is sought in vain before the file is streamed.
const PATIENCE: usize = 8;

/// How a member begins.
const MAGIC: &[u8] = b"\x1f\x8b\x08";

/// The shortest member: ten bytes of header, a block, eight bytes of trailer.
const SHORTEST: usize = 19;

/// An inflater, to be used again from file to file.
#[derive(Default)]
pub(crate) struct Whole(Decompressor);

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whole")
    }
}

impl Whole {
    /// Inflates all members of `raw` to the start of `out`, which grows as needed, and returns how
    /// many bytes they hold; `None` where the file is to be streamed.
    pub(crate) fn inflate(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        if raw.is_empty() {
            return None;
        }
        let (mut start, mut filled, mut patience) = (0, 0, PATIENCE);
        while start < raw.len() {
            let rest = raw.get(start..)?;
            // Three bytes of compressed data may look like a member: then the next such place is
            // tried, and at last the end.
            let next = memmem::find_iter(rest.get(SHORTEST..)?, MAGIC).map(|at| at + SHORTEST);
            let mut ends = next.chain([rest.len()]);
            let (end, length) = loop {
                let end = ends.next()?;
                let member = rest.get(..end)?;
                match self.member(member, filled, out)? {
                    Some(length) => break (end, length),
                    None => patience = patience.checked_sub(1)?,
                }
            };
            start += end;
            filled += length;
        }
        Some(filled)
    }

    /// Inflates `member` behind the first `filled` bytes of `out`. The inner `None` is for what is no
    /// whole member, or holds too much; the outer one for what ends before `member` does.
    fn member(&mut self, member: &[u8], filled: usize, out: &mut Vec<u8>) -> Option<Option<usize>> {
        if !member.starts_with(MAGIC) {
            return None;
        }
        // A whole member holds as much as it says, since less than 4 GiB are held at all.
        let stated = u32::from_le_bytes(*member.last_chunk()?) as usize;
        let wanted = filled.saturating_add(stated);
        if wanted > INFLATED_LIMIT {
            return Some(None);
        }
        if out.len() < wanted {
            out.resize(wanted.next_multiple_of(STEP), 0);
        }
        let Ok(length) = self.0.gzip_decompress(member, out.get_mut(filled..wanted)?) else {
            return Some(None);
        };
        let stated = u32::try_from(length).ok()?.to_le_bytes();
        let end = memmem::find(member.get(SHORTEST - 5..)?, &stated)? + SHORTEST - 1;
        (end == member.len()).then_some(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn inflate(raw: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let length = Whole::default().inflate(raw, &mut out)?;
        out.truncate(length);
        Some(out)
    }

    #[test]
    fn members_are_joined() {
        for members in [&["one"][..], &["one", "two"], &["same", "same", "same"]] {
            let raw: Vec<u8> = members.iter().flat_map(|text| gzip(text.as_bytes())).collect();
            assert_eq!(inflate(&raw).as_deref(), Some(members.concat().as_bytes()), "{members:?}");
        }
    }

    #[test]
    fn a_member_inside_stored_data_is_content() {
        // Stored blocks hold their content as it is, so the magic of the inner file is in the outer.
        let inner = gzip(b"inner");
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        writer.write_all(&inner).unwrap();
        let outer = writer.finish().unwrap();
        assert!(memmem::find_iter(&outer, MAGIC).count() == 2);
        assert_eq!(inflate(&outer), Some(inner));
    }

    #[test]
    fn whatever_is_unusual_is_left_to_the_stream() {
        let whole = gzip(&b"some text ".repeat(1000));
        let with = |tail: &[u8]| [whole.as_slice(), tail].concat();
        let mut damaged = whole.clone();
        damaged[20] ^= 0x55;
        for raw in [
            whole[..whole.len() - 1].to_vec(),
            whole[..12].to_vec(),
            with(b"\0\0\0\0"),
            with(b"garbage that is long enough to be a member"),
            with(&whole[whole.len() - 8..]),
            with(&whole[..whole.len() / 2]),
            damaged,
            // Its length, nothing, stands before the trailer too.
            gzip(b""),
            Vec::new(),
            gzip(&vec![b'x'; INFLATED_LIMIT + 1]),
            b"{\"Records\":[]}".to_vec(),
        ] {
            assert_eq!(inflate(&raw), None);
        }
    }

    #[test]
    fn a_stated_length_is_not_believed() {
        let text = b"some text ".repeat(100_000);
        let mut raw = gzip(&text);
        let end = raw.len();
        raw[end - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut out = Vec::new();
        assert_eq!(Whole::default().inflate(&raw, &mut out), None);
        assert!(out.len() <= INFLATED_LIMIT);
    }
}
