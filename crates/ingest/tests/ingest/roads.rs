//! The fast road reads what the general one reads: the same records, skips and facts.
//!
//! The fuzz target of `fuzz/` asks the same of files that nobody thought of.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use trailtrim_ingest::{FileReport, Quiet, Road, Scratch, read_stream};

use crate::{gzip, zstd};

/// Everything that reading comes to, in words.
fn read(file: &[u8], scratch: &mut Scratch) -> (Vec<String>, FileReport) {
    let mut records = Vec::new();
    let mut report = read_stream(&"file".into(), file, scratch, &Quiet, &mut |at, record| {
        let odd: Vec<_> = record.odd_fields().collect();
        records.push(format!("{at:?} {record:?} {:?} {odd:?}", record.time()));
    });
    // How much is held at once is the one thing that may differ.
    report.peak_buffer = 0;
    (records, report)
}

fn assert_same(file: &[u8], what: &str) -> usize {
    let (general, report) = read(file, &mut Scratch::new(Road::General, false));
    for ahead in [false, true] {
        let (fast, fast_report) = read(file, &mut Scratch::new(Road::Fast, ahead));
        assert_eq!(fast, general, "{what}");
        assert_eq!(fast_report.source, report.source, "{what}");
        assert_eq!(fast_report.skipped, report.skipped, "{what}");
    }
    general.len()
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn on_every_file_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    below(&root.join("fixtures"), &mut paths);
    below(&root.join("fuzz/seeds"), &mut paths);
    let events = root.join("../shared/data/events");
    if events.is_dir() {
        below(&events, &mut paths);
    } else {
        println!("skipped: no shared data beside the repository");
    }
    let records: usize = paths
        .iter()
        .map(|path| assert_same(&fs::read(path).unwrap(), &path.display().to_string()))
        .sum();
    assert!(records > 100);
}

/// A record with everything that one can have, as CloudTrail spaces and orders it.
fn seeds() -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds"), &mut paths);
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A change to a file: where, how many bytes go, and what comes.
fn change() -> impl Strategy<Value = (prop::sample::Index, usize, Vec<u8>)> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..3),
        4 => "[\\[\\]{},:\"\\\\ \nu0-9a-z.\\-]{0,4}".prop_map(String::into_bytes),
        1 => prop::sample::select(vec![
            "\"eventName\":\"x\",", "\"eventname\":1,", "\"Records\":[", "\"EVENTSOURCE\":null,",
            "\"resources\":\"[]\",", "\\ud800", "\\u00e9", "\u{7f}", "null", "\u{feff}",
        ]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    (any::<prop::sample::Index>(), 0usize..4, piece)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn on_files_with_changes(
        seed in any::<prop::sample::Index>(), changes in prop::collection::vec(change(), 1..4),
    ) {
        let seeds = seeds();
        let mut file = seed.get(&seeds).clone();
        for (at, gone, piece) in &changes {
            let at = at.index(file.len());
            let end = (at + gone).min(file.len());
            file.splice(at..end, piece.iter().copied());
        }
        let shown = String::from_utf8_lossy(&file).into_owned();
        assert_same(&file, &shown);
    }

    #[test]
    fn on_packed_files_with_changes(
        members in 1usize..4, zst in any::<bool>(), changes in prop::collection::vec(change(), 0..3),
    ) {
        let text = &seeds()[0];
        let mut file: Vec<u8> = (0..members)
            .flat_map(|_| if zst { zstd(text) } else { gzip(text) })
            .collect();
        for (at, gone, piece) in &changes {
            let at = at.index(file.len());
            let end = (at + gone).min(file.len());
            file.splice(at..end, piece.iter().copied());
        }
        assert_same(&file, &format!("{members} members, {changes:?}"));
    }
}

#[test]
fn on_files_that_are_inflated_by_another_thread() {
    // More than is ever held whole, packed or not.
    let records: Vec<String> = (0..30_000).map(|n| crate::record(&format!("E{n}"))).collect();
    let text = format!("{{\"Records\":[{}]}}", records.join(","));
    assert!(text.len() > 3 << 20);
    let stored = {
        use std::io::Write as _;
        let level = flate2::Compression::none();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(assert_same(&stored, "stored"), 30_000);
    let half = assert_same(&stored[..stored.len() / 2], "cut off");
    assert!((14_000..16_000).contains(&half), "{half}");
    assert_eq!(assert_same(text.as_bytes(), "plain"), 30_000);
    // What is no trail is given up at its start, with the other thread ahead.
    assert_eq!(assert_same(b"", "nothing"), 0);
    assert_eq!(assert_same(&b"\x89PNG".repeat(1 << 20), "an image"), 0);
}
