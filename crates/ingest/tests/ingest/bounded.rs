//! Files of any size in bounded memory, made while they are read.
//!
//! The compressed ones have a member a piece, so that a piece is compressed only once.

use std::io::{self, Read};

use trailtrim_ingest::SkipKind;

use crate::{gzip, kinds, read_from, record};

/// What may be held of any file: the largest element, twice for the buffer's growth.
const BOUND: usize = 16 * 1024 * 1024;

/// A piece, repeated.
struct Repeat<'a> {
    piece: &'a [u8],
    at: usize,
    times: u64,
}

impl<'a> Repeat<'a> {
    fn new(piece: &'a [u8], times: u64) -> Self {
        Self { piece, at: 0, times }
    }
}

impl Read for Repeat<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while count < buffer.len() && self.times > 0 {
            let rest = &self.piece[self.at..];
            let length = rest.len().min(buffer.len() - count);
            buffer[count..count + length].copy_from_slice(&rest[..length]);
            count += length;
            self.at += length;
            if self.at == self.piece.len() {
                self.at = 0;
                self.times -= 1;
            }
        }
        Ok(count)
    }
}

#[test]
fn a_string_of_two_gibibytes_is_skipped_and_the_rest_is_read() {
    let before = format!("{{\"Records\":[{},", record("a"));
    let (start, end) = (
        gzip(format!("{before}{{\"eventName\":\"").as_bytes()),
        format!("\"}},{}]}}", record("b")),
    );
    let (filler, end) = (gzip(&vec![b'x'; 1 << 20]), gzip(end.as_bytes()));
    let file = start.as_slice().chain(Repeat::new(&filler, 2048)).chain(end.as_slice());
    let (names, report) = read_from(file);
    assert_eq!(names, ["a", "b"]);
    assert_eq!(kinds(&report), [(SkipKind::Oversized, Some(before.len() as u64))]);
    assert!(report.peak_buffer <= BOUND, "{}", report.peak_buffer);
    assert!(report.source.unwrap().1.inflated_bytes > 2 << 30);
}

#[test]
fn a_bare_string_of_any_size_is_skipped() {
    let filler = vec![b'x'; 1 << 20];
    for end in ["\"", ""] {
        let file = b"\"".as_slice().chain(Repeat::new(&filler, 64)).chain(end.as_bytes());
        let (_, report) = read_from(file);
        assert!(matches!(
            kinds(&report)[..],
            [(SkipKind::Oversized | SkipKind::Truncated, Some(0))]
        ));
        assert!(report.peak_buffer <= BOUND, "{}", report.peak_buffer);
    }
}

#[test]
fn a_valid_file_of_a_gibibyte_is_read() {
    let parameters = format!(r#"{{"bucketName":"{}"}}"#, "b".repeat(64 * 1024));
    let one = format!(r#"{{"eventName":"a","eventSource":"s","requestParameters":{parameters}}},"#);
    let times = (1u64 << 30).div_ceil(one.len() as u64);
    let (start, end) = (gzip(b"{\"Records\":["), gzip(format!("{}]}}", record("last")).as_bytes()));
    let one = gzip(one.as_bytes());
    let file = start.as_slice().chain(Repeat::new(&one, times)).chain(end.as_slice());
    let (names, report) = read_from(file);
    assert_eq!(names.len() as u64, times + 1);
    assert_eq!(kinds(&report), []);
    assert!(report.peak_buffer <= BOUND, "{}", report.peak_buffer);
}

#[test]
fn white_space_keys_and_garbage_of_any_size_are_passed_over() {
    let filler = vec![b' '; 1 << 20];
    let letters = vec![b'k'; 1 << 20];
    let last = format!("\n{}", record("a"));
    let spaces = || Repeat::new(&filler, 32);
    let files: [Box<dyn Read + Send>; 4] = [
        Box::new(
            b"{\"Records\" :"
                .as_slice()
                .chain(spaces())
                .chain(b"[".as_slice())
                .chain(last.as_bytes())
                .chain(b"]}".as_slice()),
        ),
        Box::new(
            b"{\"Records\":["
                .as_slice()
                .chain(spaces())
                .chain(last.as_bytes())
                .chain(spaces())
                .chain(b"]}".as_slice()),
        ),
        Box::new(
            b"{\""
                .as_slice()
                .chain(Repeat::new(&letters, 32))
                .chain(b"\":1,\"Records\":[".as_slice())
                .chain(last.as_bytes())
                .chain(b"]}".as_slice()),
        ),
        Box::new(b"{} ".as_slice().chain(Repeat::new(&letters, 32)).chain(last.as_bytes())),
    ];
    for file in files {
        let (names, report) = read_from(file);
        assert_eq!(names, ["a"]);
        assert!(report.peak_buffer <= BOUND, "{}", report.peak_buffer);
    }
}

#[test]
fn a_record_over_the_limit_is_skipped_alone() {
    let big =
        format!(r#"{{"eventName":"big","eventSource":"s","userAgent":"{}"}}"#, "x".repeat(1 << 20));
    let text = format!("{}\n{big}\n{}", record("a"), record("b"));
    let (names, report) = read_from(text.as_bytes());
    assert_eq!(names, ["a", "b"]);
    assert!(matches!(kinds(&report)[..], [(SkipKind::Oversized, Some(_))]));
}

#[test]
fn an_object_of_countless_members_is_skipped_alone() {
    let members = r#""k":0,"#.repeat(100_000);
    let text = format!("{}\n{{{members}\"k\":0}}\n{}", record("a"), record("b"));
    let (names, report) = read_from(text.as_bytes());
    assert_eq!(names, ["a", "b"]);
    assert!(matches!(kinds(&report)[..], [(SkipKind::Oversized, Some(_))]));
}
