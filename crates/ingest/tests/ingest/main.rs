//! The crate as others use it: whole files in, records and skips out.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail by panicking, and a skipped test says why"
)]

mod bounded;
mod damage;
mod folding;
mod framings;
mod roads;
mod shared;

use std::io::{Read, Write};

use trailtrim_ingest::{FileReport, Quiet, Scratch, SkipKind, Skipped, read_stream};

/// Reads a file's bytes; returns the event names in their order, and the report.
fn read(bytes: &[u8]) -> (Vec<String>, FileReport) {
    read_from(bytes)
}

fn read_from(reader: impl Read + Send) -> (Vec<String>, FileReport) {
    let mut names = Vec::new();
    let report =
        read_stream(&"trail".into(), reader, &mut Scratch::default(), &Quiet, &mut |at, record| {
            assert_eq!((at.path.to_string(), at.record), ("trail".to_owned(), names.len() as u64));
            names.push(record.event_name.to_string());
        });
    (names, report)
}

/// Returns the kinds of what was skipped, with the byte positions.
fn kinds(report: &FileReport) -> Vec<(SkipKind, Option<u64>)> {
    let place = |one: &Skipped| (one.kind, one.position.map(|position| position.byte));
    report.skipped.iter().map(place).collect()
}

/// A record of the given name.
fn record(name: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventSource":"s3.amazonaws.com","eventName":"{name}","requestParameters":{{"bucketName":"b"}}}}"#
    )
}

/// A log file of records with the given names.
fn log(names: &[&str]) -> String {
    let records: Vec<String> = names.iter().map(|name| record(name)).collect();
    format!("{{\"Records\":[{}]}}", records.join(","))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}
