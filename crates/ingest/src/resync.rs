//! Finds the place to read on after a fault.
//!
//! Two kinds of places are good: an object that begins with a key of the known ones, anywhere
//! (inside a string its quotes would be escaped, so text cannot pass for it), and a line that
//! begins with a bracket or with the time of an export line. The second makes sure that no
//! record that begins a line is ever lost to damage before it.

use memchr::memchr2;

use crate::framer::Within;
use crate::record;
use crate::window::{Source, Window};

/// How many bytes an export line's time may take, with the space after it.
pub(crate) const STAMP_ROOM: usize = 48;

/// How many bytes are looked at to tell whether an object starts like a record.
const START_ROOM: usize = 256;

/// Moves `window` on to the next place to read from, which may be where it is.
///
/// `within` is the array that the fault was in.
pub(crate) fn seek<S: Source>(window: &mut Window<'_, S>, within: Option<Within>) {
    let mut line_start = window.at_line_start();
    loop {
        window.ensure(START_ROOM);
        let held = window.held();
        let Some(&byte) = held.first() else { return };
        if (line_start && begins_line(held)) || (byte == b'{' && starts_like_record(held, within)) {
            return;
        }
        // On to the byte after the next line break, or to the next brace.
        let rest = held.get(1..).unwrap_or_default();
        (line_start, _) = match (byte, memchr2(b'\n', b'{', rest)) {
            (b'\n', _) => (true, window.consume(1)),
            (_, Some(next)) => (false, window.consume(1 + next)),
            (_, None) => (false, window.consume(held.len())),
        };
    }
}

/// Returns the offset of the first line inside `element` that could be read by itself.
pub(crate) fn line_inside(element: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', element)
        .map(|at| at + 1)
        .find(|line| element.get(*line..).is_some_and(begins_line))
}

/// Returns whether `line` begins as values at top level do.
fn begins_line(line: &[u8]) -> bool {
    match line.first() {
        Some(b'{' | b'[') => true,
        Some(b'0'..=b'9') => stamp_length(line).is_some(),
        _ => false,
    }
}

/// Returns whether `text` starts with an object whose first key is one of those that records
/// and the entries of their wrappers start with.
pub(crate) fn starts_like_record(text: &[u8], within: Option<Within>) -> bool {
    // Never more, or it would depend on how much of the stream is here.
    let text = text.get(..START_ROOM).unwrap_or(text);
    let key = text
        .strip_prefix(b"{")
        .and_then(|text| text.trim_ascii_start().strip_prefix(b"\""))
        .and_then(|text| text.split(|byte| *byte == b'"').next());
    let Some(key) = key else { return false };
    let entry: &[&[u8]] = match within {
        Some(Within::LogEvents) => &[b"id", b"timestamp", b"message"],
        Some(Within::Hits) => &[b"_index", b"_type", b"_id", b"_score"],
        _ => &[],
    };
    record::is_field(key)
        || Within::of_key(key).is_some()
        || matches!(key, b"EventId" | b"EventName" | b"CloudTrailEvent" | b"_source" | b"detail")
        || entry.contains(&key)
}

/// Returns the length of an export line's time and the space after it: `2024-01-31T…Z `.
pub(crate) fn stamp_length(text: &[u8]) -> Option<usize> {
    let shape = b"0000-00-00T00:00:00";
    let fits = shape.iter().enumerate().all(|(at, want)| match (want, text.get(at)) {
        (b'0', Some(byte)) => byte.is_ascii_digit(),
        (want, byte) => byte == Some(want),
    });
    let head = text.get(..text.len().min(STAMP_ROOM)).filter(|_| fits)?;
    let end = head.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let tail = head.get(shape.len()..end)?;
    let zone =
        tail.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b':' | b'+' | b'-' | b'Z'));
    zone.then_some(end + 1)
}
