//! Finds the records in an element: it may be one, or wrap one or several.
//!
//! What wraps is told by keys. The content of a wrapping member may be the record itself or a
//! string of JSON that holds it, and may wrap again, to a bounded depth.

use std::borrow::Cow;

use crate::framer::{Member, Within};
use crate::json::{Elements, Members, unquote};
use crate::record::Slots;
use crate::{Framing, NotARecord, Record, SkipKind, foreign, grammar};

/// How many wrappers may stand in one another inside of one element.
const MAX_WRAPS: u32 = 6;

/// Keys whose value wraps a record, in the order of preference, with the packaging they belong to.
const WRAPPING: [(&str, Option<Framing>); 9] = [
    ("CloudTrailEvent", Some(Framing::LookupEvents)),
    ("detail", Some(Framing::EventBridge)),
    ("_source", Some(Framing::Elastic)),
    ("message", Some(Framing::LogEvents)),
    // CloudWatch Logs Insights.
    ("@message", Some(Framing::LogEvents)),
    // SNS.
    ("Message", None),
    // CloudTrail Lake.
    ("eventJson", Some(Framing::Query)),
    // Beats that keep the original.
    ("event", None),
    ("original", None),
];

/// Why part of a query's result is not read.
const A_COLUMN: &str =
    "a column of a query's result; query for `eventJson`, which is the whole record";

/// How health checks of a CloudWatch Logs subscription begin.
const CONTROL_MESSAGE: &str = "CWL CONTROL MESSAGE";

/// The key of EventBridge's envelope that says what is inside. Where that should be CloudTrail's
/// and is no record, it is a broken record and not an event of some other kind.
const ENVELOPE: &str = "detail-type";

/// What an element came to.
pub(crate) enum Found<'a> {
    /// A record, with its text.
    Record(&'a str, &'a Record<'a>, Option<Framing>),
    /// Something that is not read.
    Skip(SkipKind, Cow<'static, str>),
}

/// Hands `found` everything that `text` holds.
///
/// `text` is one JSON value of checked grammar; `members` are its members where they are known.
pub(crate) fn unwrap(
    text: &str,
    members: Option<&[Member]>,
    framing: Option<Framing>,
    found: &mut dyn FnMut(Found<'_>),
) {
    match members {
        Some(members) => {
            let pairs = members.iter().filter_map(|member| {
                let key = text.get(member.key.clone())?;
                let key = if key.contains('\\') {
                    unquote(text.get(member.key.start - 1..member.key.end + 1)?)?
                } else {
                    Cow::Borrowed(key)
                };
                Some((key, text.get(member.value.clone())?))
            });
            object(text, pairs, framing, MAX_WRAPS, found);
        }
        None => value(text, framing, MAX_WRAPS, found),
    }
}

fn value(text: &str, framing: Option<Framing>, depth: u32, found: &mut dyn FnMut(Found<'_>)) {
    let Some(depth) = depth.checked_sub(1) else {
        let detail = "wrapped too many times";
        return found(Found::Skip(SkipKind::TooDeep, detail.into()));
    };
    match text.as_bytes().first() {
        Some(b'{') => {
            let mut members = Members::of(text);
            object(text, std::iter::from_fn(move || members.next_raw()), framing, depth, found);
        }
        Some(b'[') => {
            let mut elements = Elements::of(text);
            while let Some(element) = elements.next_raw() {
                value(element, framing, depth, found);
            }
        }
        Some(b'"') => match unquote(text) {
            Some(inner) => string(&inner, framing, depth, found),
            None => {
                found(Found::Skip(SkipKind::NotARecord, NotARecord::NotAnObject.to_string().into()))
            }
        },
        _ => found(Found::Skip(SkipKind::NotARecord, NotARecord::NotAnObject.to_string().into())),
    }
}

/// Looks into the text of a string that should hold JSON.
fn string(inner: &str, framing: Option<Framing>, depth: u32, found: &mut dyn FnMut(Found<'_>)) {
    let inner = inner.trim_start_matches('\u{feff}');
    if inner.starts_with(CONTROL_MESSAGE) {
        return found(Found::Skip(SkipKind::ControlMessage, "".into()));
    }
    match grammar::check(inner) {
        Ok(inner) => value(inner, framing, depth, found),
        Err(_) => {
            found(Found::Skip(
                SkipKind::NotJson,
                "a string that should hold a record and holds no JSON".into(),
            ));
        }
    }
}

fn object<'a>(
    text: &'a str,
    members: impl Iterator<Item = (Cow<'a, str>, &'a str)>,
    framing: Option<Framing>,
    depth: u32,
    found: &mut dyn FnMut(Found<'_>),
) {
    let mut slots = Slots::default();
    let mut wrapped: Option<(usize, &str)> = None;
    let mut lists: Vec<(Within, &str)> = Vec::new();
    let mut marks = foreign::Marks::default();
    for (key, value) in members {
        if slots.put(&key, value) {
            continue;
        }
        if !(key == ENVELOPE && value.contains("via CloudTrail")) {
            marks.see(key.as_bytes());
        }
        let rank = WRAPPING.iter().position(|(name, _)| *name == key);
        if let Some(rank) = rank
            && matches!(value.as_bytes().first(), Some(b'{' | b'"'))
            && wrapped.is_none_or(|(best, _)| rank < best)
        {
            wrapped = Some((rank, value));
        }
        if let Some(within) = Within::of_key(key.as_bytes())
            && matches!(value.as_bytes().first(), Some(b'[' | b'{'))
        {
            lists.push((within, value));
        }
    }
    let is_record = slots.is_exact();
    if !is_record && !lists.is_empty() {
        for (within, list) in lists {
            value(list, within.framing().or(framing), depth, found);
        }
        return;
    }
    if !is_record
        && let Some((rank, inner)) = wrapped
        && let Some((_, inner_framing)) = WRAPPING.get(rank)
    {
        // What EventBridge wraps and is no record is an event of some other kind.
        let kind = marks.kind();
        let mut found = |one: Found<'_>| {
            found(match (one, kind) {
                (Found::Skip(SkipKind::NotARecord, _), Some(kind)) => Found::Skip(kind, "".into()),
                (one, _) => one,
            });
        };
        return value(inner, inner_framing.or(framing), depth, &mut found);
    }
    let is_column = framing == Some(Framing::Query);
    // Athena knows its columns in lower case only.
    let framing = framing.or((!is_record).then_some(Framing::Query));
    match slots.into_record() {
        Ok(record) => found(Found::Record(text, &record, framing)),
        Err(reason) => found(match marks.kind() {
            Some(kind) => Found::Skip(kind, "".into()),
            None if is_column => Found::Skip(SkipKind::NotARecord, A_COLUMN.into()),
            None => Found::Skip(SkipKind::NotARecord, reason.to_string().into()),
        }),
    }
}
