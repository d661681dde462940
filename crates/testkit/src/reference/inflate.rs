//! Takes gzip and zstd off a file, and keeps what can be had of a broken one.

use std::io::Read;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

/// Returns the text of a file, and whether it could be had to the end.
///
/// Bytes that are no UTF-8 end the text.
pub fn text(bytes: &[u8]) -> (String, bool) {
    let (plain, complete) = match bytes {
        [0x1f, 0x8b, ..] => gunzip(bytes),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => unzstd(bytes),
        _ => (bytes.to_vec(), true),
    };
    match String::from_utf8(plain) {
        Ok(text) => (text, complete),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let mut plain = error.into_bytes();
            plain.truncate(valid);
            (String::from_utf8(plain).unwrap_or_default(), false)
        }
    }
}

fn unzstd(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut plain = Vec::new();
    let read = zstd::stream::read::Decoder::new(bytes)
        .and_then(|mut decoder| decoder.read_to_end(&mut plain));
    (plain, read.is_ok())
}

fn gunzip(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut plain = Vec::new();
    while !bytes.is_empty() {
        let Some(deflated) = after_header(bytes) else {
            return (plain, false);
        };
        let (used, finished) = inflate_member(deflated, &mut plain);
        // A checksum and a length follow: eight bytes.
        match deflated.get(used + 8..) {
            Some(rest) if finished => bytes = rest,
            _ => return (plain, false),
        }
    }
    (plain, true)
}

fn inflate_member(deflated: &[u8], plain: &mut Vec<u8>) -> (usize, bool) {
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let mut window = vec![0; 1 << 16];
    let mut used = 0;
    loop {
        let rest = deflated.get(used..).unwrap_or_default();
        let step = inflate(&mut state, rest, &mut window, MZFlush::None);
        used += step.bytes_consumed;
        plain.extend(window.iter().take(step.bytes_written));
        match step.status {
            Ok(MZStatus::StreamEnd) => return (used, true),
            Ok(_) if step.bytes_consumed > 0 || step.bytes_written > 0 => {}
            _ => return (used, false),
        }
    }
}

/// Skips a member's header (RFC 1952, 2.3).
fn after_header(bytes: &[u8]) -> Option<&[u8]> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, rest @ ..] = bytes else {
        return None;
    };
    let mut rest = rest;
    if flags & 4 != 0 {
        let [low, high, tail @ ..] = rest else {
            return None;
        };
        rest = tail.get(usize::from(u16::from_le_bytes([*low, *high]))..)?;
    }
    for named in [8, 16] {
        if flags & named != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::archive::Packing;

    #[test]
    fn every_packing_is_read_back() {
        let message = "{\"Records\":[]} ".repeat(9000);
        for packing in [Packing::Gzip, Packing::Members, Packing::Zstd, Packing::Plain] {
            assert_eq!(text(&packing.pack(&message)), (message.clone(), true), "{packing:?}");
        }
    }

    #[test]
    fn what_was_read_before_the_cut_is_kept() {
        let message: String = (0..20_000).map(|n| format!("{n} ")).collect();
        let (read, complete) = text(&Packing::Truncated.pack(&message));
        assert!(!complete);
        assert!(read.len() > message.len() / 2 && message.starts_with(&read));
    }

    #[test]
    fn header_fields_are_skipped() {
        let mut named = crate::trail::archive::gzip(b"{}", 6);
        named[3] = 8;
        named.splice(10..10, *b"log.json\0");
        assert_eq!(text(&named), ("{}".to_owned(), true));
    }
}
