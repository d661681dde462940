//! Holds the fast road and the general one to the same records, whatever a file holds.
//!
//! The input is a file, plain or compressed. See README.md here.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailtrim_ingest::{FileReport, Quiet, Road, Scratch, read_stream};

/// Everything that reading comes to, in words, and the report without the size of its buffers.
fn read(file: &[u8], road: Road, ahead: bool) -> (Vec<String>, FileReport) {
    let mut records = Vec::new();
    let mut scratch = Scratch::new(road, ahead);
    let mut report = read_stream(&"file".into(), file, &mut scratch, &Quiet, &mut |at, record| {
        let time = record.time();
        let odd: Vec<_> = record.odd_fields().collect();
        records.push(format!("{at:?} {record:?} {time:?} {odd:?}"));
    });
    report.peak_buffer = 0;
    (records, report)
}

fuzz_target!(|file: &[u8]| {
    let (fast, fast_report) = read(file, Road::Fast, false);
    let (general, general_report) = read(file, Road::General, false);
    assert_eq!(fast, general);
    assert_eq!(fast_report.source, general_report.source);
    assert_eq!(fast_report.skipped, general_report.skipped);
});
