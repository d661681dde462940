//! Damaged files: what is whole is kept, the rest is reported with its place.

use std::io::{self, Read};

use proptest::prelude::*;
use trailtrim_ingest::{Compression, SkipKind};

use crate::{gzip, kinds, log, read, read_from, record, zstd};

#[test]
fn several_members_or_frames_with_padding_are_one_file() {
    let (first, second) = (format!("{}\n", record("a")), record("b"));
    for (pack, compression) in
        [(gzip as fn(&[u8]) -> Vec<u8>, Compression::Gzip), (zstd, Compression::Zstd)]
    {
        let mut bytes = [pack(first.as_bytes()), pack(b""), pack(second.as_bytes())].concat();
        for padding in [0, 512] {
            bytes.resize(bytes.len() + padding, 0);
            let (names, report) = read(&bytes);
            assert_eq!(names, ["a", "b"]);
            assert_eq!(kinds(&report), []);
            let (_, facts) = report.source.unwrap();
            assert_eq!(facts.compression, compression);
            assert_eq!(facts.inflated_bytes, (first.len() + second.len()) as u64);
        }
        bytes.extend(b"garbage");
        let (names, report) = read(&bytes);
        assert_eq!(names, ["a", "b"]);
        let end = (first.len() + second.len()) as u64;
        assert_eq!(kinds(&report), [(SkipKind::TrailingGarbage, Some(end))]);
        assert!(report.source.is_some());
    }
}

#[test]
fn bytes_that_come_one_by_one_are_told_apart_all_the_same() {
    struct Drops<'a>(&'a [u8]);
    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(1);
            self.0.read(&mut buffer[..count])
        }
    }
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    let lines = [format!("{}\n", record("a")), record("b")];
    let packed = |pack: fn(&[u8]) -> Vec<u8>| lines.clone().map(|line| pack(line.as_bytes()));
    for bytes in [
        lines.concat().into_bytes(),
        packed(gzip).concat(),
        packed(zstd).concat(),
        [skippable.clone(), packed(zstd).concat(), skippable].concat(),
    ] {
        let (names, report) = read_from(Drops(&bytes));
        assert_eq!(names, ["a", "b"]);
        assert_eq!(kinds(&report), []);
    }
}

#[test]
fn a_truncated_file_keeps_its_complete_records() {
    let text = log(&["a", "b", "c"]);
    let lost = text.find(r#","eventName":"c""#).unwrap();
    let begin = text[..lost].rfind(r#"{"eventVersion""#).unwrap() as u64;
    let (names, report) = read(&text.as_bytes()[..lost]);
    assert_eq!(names, ["a", "b"]);
    assert_eq!(kinds(&report), [(SkipKind::Truncated, Some(begin))]);
    // A file cut after a complete record lacks what else there was.
    let (names, report) = read(&text.as_bytes()[..text.len() - 2]);
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(kinds(&report), [(SkipKind::Truncated, Some(text.len() as u64 - 2))]);
}

#[test]
fn truncated_compressed_data_is_one_entry() {
    let many: Vec<String> = (0..2_000).map(|n| format!("n{}", n * 7919 % 2_003)).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    let text = log(&names);
    for bytes in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let (found, report) = read(&bytes[..bytes.len() - 20]);
        assert_eq!(found, names[..found.len()]);
        let [(kind, Some(at))] = kinds(&report)[..] else { panic!("{:?}", report.skipped) };
        assert_eq!(kind, SkipKind::Truncated);
        // It begins where the last complete record ends.
        let complete = log(&names[..found.len()]).len() as u64 - 2;
        assert!(at <= complete + 1, "{at} {complete}");
        assert!(report.source.is_some(), "known by all the raw bytes that are there");
    }
}

#[test]
fn a_wrong_checksum_is_reported_after_the_records() {
    let mut bytes = gzip(log(&["a", "b"]).as_bytes());
    let checksum = bytes.len() - 6;
    bytes[checksum] ^= 1;
    let (names, report) = read(&bytes);
    assert_eq!(names, ["a", "b"]);
    assert!(matches!(kinds(&report)[..], [(SkipKind::Corrupt, Some(_))]));
}

#[test]
fn a_system_that_fails_to_read_is_reported() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    let text = log(&["a", "b"]);
    let (names, report) = read_from(text.as_bytes()[..text.len() - 20].chain(Failing));
    assert_eq!(names, ["a"]);
    assert!(matches!(kinds(&report)[..], [(SkipKind::Unreadable, Some(_))]));
    assert!(report.source.is_none());
    let packed = gzip(text.as_bytes());
    let (_, report) = read_from(packed[..packed.len() - 9].chain(Failing));
    assert!(matches!(kinds(&report)[..], [(SkipKind::Unreadable, Some(_))]));
}

#[test]
fn bytes_that_are_no_utf8_lose_their_record_only() {
    let mut bytes = log(&["a", "X", "c"]).into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'X').unwrap();
    bytes[at] = 0xff;
    let (names, report) = read(&bytes);
    assert_eq!(names, ["a", "c"]);
    assert_eq!(kinds(&report), [(SkipKind::InvalidUtf8, Some(at as u64))]);
}

#[test]
fn a_fault_loses_its_record_only() {
    let bad = record("bad").replace("\"bucketName\":", "\"bucketName\" ");
    let (a, b) = (record("a"), record("b"));
    for text in [
        format!("{{\"Records\":[{a},{bad},{b}]}}"),
        format!("{a}\n{bad}\n{b}\n"),
        format!("[{a}\n{bad}\n{b}]"),
        format!("2024-01-31T10:00:00Z {a}\n2024-01-31T10:00:00Z {bad}\n2024-01-31T10:00:00Z {b}"),
        format!("# a comment first\n{a}\n\nand then\n{b}\n"),
    ] {
        let (names, report) = read(text.as_bytes());
        assert_eq!(names, ["a", "b"], "{text}");
        assert!(kinds(&report).iter().all(|(kind, _)| *kind == SkipKind::NotJson), "{text}");
        assert!(!report.skipped.is_empty());
    }
}

#[test]
fn nesting_beyond_all_measure_is_reported() {
    let deep = format!("{}\n{}", "[".repeat(100_000), record("a"));
    let (names, report) = read(deep.as_bytes());
    assert_eq!(names, ["a"]);
    assert!(kinds(&report).iter().any(|(kind, _)| *kind == SkipKind::TooDeep));
}

#[test]
fn details_never_quote_the_log() {
    let (_, report) =
        read(b"{\"secretive\" \"secretive\"}\n{\"secretive\":\"secretive\"}\nsecretive");
    assert_eq!(report.skipped.len(), 3);
    assert!(report.skipped.iter().all(|one| !one.detail.contains("secretive")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_it_panic_or_invent_records(
        pack in 0..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let names = ["a", "b", "c", "d"];
        let text = log(&names);
        let mut bytes = match pack {
            0 => text.into_bytes(),
            1 => gzip(text.as_bytes()),
            _ => zstd(text.as_bytes()),
        };
        for (place, byte) in &changes {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let (found, report) = read(&bytes);
        prop_assert!(found.len() <= names.len());
        // Whatever is missing is said.
        prop_assert!(found.len() == names.len() || !report.skipped.is_empty());
    }
}
