//! What stands beside CloudTrail's log files in a bucket, and how it is told.
//!
//! Told by content alone: by keys that only such documents have, and, where the content is no
//! JSON at all, by how the file begins.

use crate::SkipKind;
use crate::resync::{stamp_length, starts_like_record};

/// Keys that only other documents have; the first that is found decides.
const MARKS: &[(&str, SkipKind)] = &[
    // AWS, "CloudTrail digest file structure".
    ("digestS3Bucket", SkipKind::Digest),
    ("digestPublicKeyFingerprint", SkipKind::Digest),
    // AWS, "CloudTrail Lake sign file": the signature of a query result.
    ("hashSignature", SkipKind::LakeSignature),
    ("queryCompleteTime", SkipKind::LakeSignature),
    // AWS, "CloudTrail record contents", Insights events.
    ("insightDetails", SkipKind::Insight),
    // AWS Config: snapshot and history files, and what it sends to rules.
    ("configSnapshotId", SkipKind::ConfigSnapshot),
    ("configurationItems", SkipKind::ConfigSnapshot),
    ("invokingEvent", SkipKind::OtherService),
    // EventBridge's envelope, around an event that is no call.
    ("detail-type", SkipKind::OtherService),
    // AWS WAF, Route 53 Resolver, Network Firewall, Kubernetes audit.
    ("webaclId", SkipKind::OtherService),
    ("query_name", SkipKind::OtherService),
    ("firewall_name", SkipKind::OtherService),
    ("auditID", SkipKind::OtherService),
    // AWS, "Finding" of the GuardDuty API: what it exports beside the log files.
    ("schemaVersion", SkipKind::OtherService),
];

/// Remembers the first telling key of an object.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks(Option<SkipKind>);

impl Marks {
    pub(crate) fn see(&mut self, key: &[u8]) {
        if self.0.is_none() {
            self.0 = MARKS.iter().find(|(name, _)| name.as_bytes() == key).map(|(_, kind)| *kind);
        }
    }

    pub(crate) const fn kind(self) -> Option<SkipKind> {
        self.0
    }
}

/// What to do about a table: of the event history it has no parameters, of queries JSON is read.
const JSON_INSTEAD: &str = "CSV is not read; give JSON: of the event history its download as JSON, of \
    CloudTrail Lake a query for `eventJson` by `aws cloudtrail get-query-results`, of Athena \
    `UNLOAD … WITH (format = 'JSON')`";

/// How much of a file's start is looked at.
pub(crate) const HEAD: usize = 64 * 1024;

/// First bytes of formats that are no text.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"BZh", "a bzip2 file; unpack it first"),
    (b"\xfd7zXZ", "an xz file; unpack it first"),
    (b"\x1f\x8b", "a gzip file inside a compressed one; unpack it once"),
    (b"\x28\xb5\x2f\xfd", "a zstd file inside a compressed one; unpack it once"),
    (b"PAR1", "a Parquet file; export it as JSON"),
    (b"Obj\x01", "an Avro file; export it as JSON"),
    (b"ORC", "an ORC file; export it as JSON"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x7fELF", "a program"),
];

/// Returns why a file that begins with `head` is not read at all; `None` where it is.
///
/// `head` is the start of the inflated content, at most [`HEAD`] bytes of it are looked at.
/// A file that begins with JSON, or has a record's start anywhere in its head, is read.
pub(crate) fn refuse(head: &[u8]) -> Option<(SkipKind, &'static str)> {
    let head = head.get(..HEAD).unwrap_or(head);
    let Some(first) = head.trim_ascii_start().first() else {
        let detail = if head.is_empty() { "" } else { "nothing but white space" };
        return (head.len() < HEAD).then_some((SkipKind::Empty, detail));
    };
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some((SkipKind::InvalidUtf8, "UTF-16 text; save it as UTF-8"));
    }
    let json = matches!(first, b'{' | b'[' | b'"');
    let quoted_table = *first == b'"' && is_table(first_line(head));
    if (json && !quoted_table) || has_record(head) {
        return None;
    }
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some((SkipKind::NotATrail, what));
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some((SkipKind::NotATrail, "a tar archive; unpack it first"));
    }
    if head.contains(&0) {
        return Some((SkipKind::NotATrail, "binary data"));
    }
    let line = first_line(head);
    if let Some(what) = other_log(line) {
        return Some((SkipKind::OtherService, what));
    }
    if is_table(line) {
        return Some((SkipKind::Csv, JSON_INSTEAD));
    }
    let text = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    Some((SkipKind::NotATrail, if text { "text without a record" } else { "binary data" }))
}

/// Returns whether a record's start is anywhere in `head`, or an object at the start of a line.
fn has_record(head: &[u8]) -> bool {
    memchr::memchr_iter(b'{', head).any(|at| {
        let rest = head.get(at..).unwrap_or_default();
        let begins_line = at.checked_sub(1).is_none_or(|before| head.get(before) == Some(&b'\n'));
        starts_like_record(rest, None) || (begins_line && rest.starts_with(b"{\""))
    }) || stamp_length(head)
        .and_then(|length| head.get(length..))
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"))
}

fn first_line(head: &[u8]) -> &[u8] {
    head.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Returns whether a line looks like a table's header with CloudTrail's columns, among others or,
/// as in a Lake query for whole events, alone.
fn is_table(line: &[u8]) -> bool {
    let columns: [&[u8]; 4] = [b"event name", b"eventname", b"event source", b"eventsource"];
    if line.contains(&b'{') {
        return false;
    }
    let line = line.to_ascii_lowercase();
    let several = line.iter().filter(|byte| **byte == b',').count() >= 2;
    let alone = matches!(line.trim_ascii(), b"eventjson" | b"\"eventjson\"");
    alone || (several && columns.iter().any(|column| memchr::memmem::find(&line, column).is_some()))
}

/// Returns which other service's log begins with this line.
fn other_log(line: &[u8]) -> Option<&'static str> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').take(16).collect();
    let account = |field: &&[u8]| field.len() == 12 && field.iter().all(u8::is_ascii_digit);
    match fields.as_slice() {
        // AWS, "Flow log records": the header names the columns, the default format begins with
        // version, account and interface.
        [b"version", b"account-id", ..] => Some("VPC flow logs"),
        [b"2", id, interface, ..] if account(id) && interface.starts_with(b"eni-") => {
            Some("VPC flow logs")
        }
        // AWS, "Access logs for your Application Load Balancer", "… Network …", "… Classic …".
        [b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss" | b"tls", time, ..]
            if time.contains(&b'T') && time.ends_with(b"Z") =>
        {
            Some("load balancer logs")
        }
        [_, _, _, _, _, _, _, _, _, _, _, request, ..]
            if stamp_length(line).is_some() && request.starts_with(b"\"") =>
        {
            Some("load balancer logs")
        }
        // W3C extended format, CloudFront.
        [b"#Version:", ..] => Some("CloudFront logs"),
        // AWS, "Amazon S3 server access log format": owner, bucket, [time.
        [owner, _, time, ..] if owner.len() == 64 && time.starts_with(b"[") => {
            Some("S3 server access logs")
        }
        _ => None,
    }
}
