//! Every packaging, told by its content.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use trailtrim_ingest::{
    Compression, Files, Framing, Ingested, Input, Mentions, Prune, Quiet, SkipKind, fold_files,
};

use crate::{gzip, kinds, read, record, zstd};

/// Packagings of the records `a` and `b`.
fn packagings() -> Vec<(&'static str, String, Framing)> {
    packagings_of("a", "b")
}

/// Packagings of two records of these names.
fn packagings_of(first: &str, second: &str) -> Vec<(&'static str, String, Framing)> {
    let (a, b) = (record(first), record(second));
    let text = |record: &str| serde_json::to_string(record).unwrap();
    let (text_a, text_b) = (text(&a), text(&b));
    let bridge = |record: &str| {
        format!(
            r#"{{"version":"0","id":"1","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","resources":[],"detail":{record}}}"#
        )
    };
    let entry = |text: &str| {
        format!(
            r#"{{"EventId":"1","EventName":"Other","EventSource":"s","Resources":[],"CloudTrailEvent":{text}}}"#
        )
    };
    let data = |text_a: &str, text_b: &str| {
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logEvents":[{{"id":"1","timestamp":1,"message":{text_a}}},{{"id":"2","timestamp":2,"message":{text_b}}}]}}"#
        )
    };
    let hit = |record: &str| format!(r#"{{"_index":"i","_id":"1","_source":{record}}}"#);
    let indented = serde_json::to_string_pretty(
        &serde_json::from_str::<serde_json::Value>(&format!("[{a},{b}]")).unwrap(),
    )
    .unwrap();
    let lower = |name: &str| {
        format!(
            r#"{{"eventversion":"1.08","eventsource":"s3.amazonaws.com","eventname":"{name}","requestparameters":"{{\"bucketName\":\"b\"}}","resources":null}}"#
        )
    };
    vec![
        ("log file", format!(r#"{{"Records":[{a},{b}]}}"#), Framing::Records),
        (
            "log files, one a line",
            format!("{{\"Records\":[{a}]}}\n{{\"Records\":[{b}]}}\n"),
            Framing::Records,
        ),
        ("array", format!("[{a},{b}]"), Framing::Bare),
        ("indented array", indented, Framing::Bare),
        ("lines", format!("{a}\r\n{b}\r\n"), Framing::Bare),
        ("run together", format!("{a}{b}"), Framing::Bare),
        ("lines of strings", format!("{text_a}\n{text_b}\n"), Framing::Bare),
        ("lower-case columns", format!("{}\n{}", lower(first), lower(second)), Framing::Query),
        ("EventBridge lines", format!("{}\n{}\n", bridge(&a), bridge(&b)), Framing::EventBridge),
        ("EventBridge array", format!("[{},{}]", bridge(&a), bridge(&b)), Framing::EventBridge),
        (
            "lookup-events",
            format!(r#"{{"NextToken":null,"Events":[{},{}]}}"#, entry(&text_a), entry(&text_b)),
            Framing::LookupEvents,
        ),
        (
            "lookup-events entries",
            format!("{}\n{}", entry(&text_a), entry(&text_b)),
            Framing::LookupEvents,
        ),
        ("subscription", data(&text_a, &text_b), Framing::LogEvents),
        (
            "subscription of EventBridge",
            data(&text(&bridge(&a)), &text(&bridge(&b))),
            Framing::EventBridge,
        ),
        (
            "export lines",
            format!("2024-01-31T10:00:00.000Z {a}\n2024-01-31T10:00:01.000Z\t{b}\n"),
            Framing::ExportLines,
        ),
        ("Elastic lines", format!("{}\n{}", hit(&a), hit(&b)), Framing::Elastic),
        (
            "Elastic result",
            format!(
                r#"{{"took":1,"hits":{{"total":{{"value":2}},"hits":[{},{}]}}}}"#,
                hit(&a),
                hit(&b)
            ),
            Framing::Elastic,
        ),
        (
            "Beats",
            format!("{}\n{}", hit(&format!(r#"{{"event":{{"original":{text_a}}}}}"#)), hit(&b)),
            Framing::Elastic,
        ),
        (
            "Lake query",
            format!(r#"[{{"eventJson":{text_a}}},{{"eventJson":{text_b}}}]"#),
            Framing::Query,
        ),
        (
            "get-query-results",
            format!(
                r#"{{"QueryStatus":"FINISHED","QueryResultRows":[[{{"eventJson":{text_a}}}],[{{"eventJson":{text_b}}}]]}}"#
            ),
            Framing::Query,
        ),
        (
            "filter-log-events",
            format!(
                r#"{{"events":[{{"logStreamName":"s","message":{text_a}}},{{"logStreamName":"s","message":{text_b}}}],"searchedLogStreams":[]}}"#
            ),
            Framing::LogEvents,
        ),
        (
            "log files in strings",
            format!(r#"[{{"Message":{}}}]"#, text(&format!(r#"{{"Records":[{a},{b}]}}"#))),
            Framing::Records,
        ),
    ]
}

#[test]
fn each_packaging_gives_its_records_in_each_compression() {
    for (name, text, framing) in packagings() {
        let marked = format!("\u{feff}{text}");
        for (bytes, compression) in [
            (text.clone().into_bytes(), Compression::Plain),
            (marked.into_bytes(), Compression::Plain),
            (gzip(text.as_bytes()), Compression::Gzip),
            (zstd(text.as_bytes()), Compression::Zstd),
        ] {
            let (names, report) = read(&bytes);
            assert_eq!(names, ["a", "b"], "{name}");
            assert_eq!(kinds(&report), [], "{name}");
            let (hash, facts) = report.source.unwrap();
            assert_eq!(hash.as_bytes(), blake3::hash(&bytes).as_bytes(), "{name}");
            assert_eq!((facts.framing, facts.compression), (Some(framing), compression), "{name}");
            assert_eq!((facts.records, facts.bytes), (2, bytes.len() as u64), "{name}");
        }
    }
}

#[test]
fn what_stands_beside_log_files_is_skipped_by_kind_once_a_file() {
    let insight = r#"{"eventVersion":"1.07","eventType":"AwsCloudTrailInsight","eventCategory":"Insight","insightDetails":{"state":"Start","eventSource":"a","eventName":"b"}}"#;
    let flow = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n";
    let balancer = "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 \"GET https://www.example.com:443/ HTTP/1.1\"\n";
    for (bytes, kind) in [
        (format!(r#"{{"Records":[{insight},{insight}]}}"#), SkipKind::Insight),
        (r#"{"awsAccountId":"1","digestS3Bucket":"b","logFiles":[{"s3Bucket":"b"}]}"#.to_owned(), SkipKind::Digest),
        (r#"{"version":"1.0","files":[{"fileName":"x"}],"hashSignature":"00"}"#.to_owned(), SkipKind::LakeSignature),
        (r#"{"fileVersion":"1.0","configSnapshotId":"1","configurationItems":[{"ARN":"a"}]}"#.to_owned(), SkipKind::ConfigSnapshot),
        (
            format!(r#"{{"fileVersion":"1.0","configurationItems":[{}{{}}]}}"#, r#"{"ARN":"a"},"#.repeat(500_000)),
            SkipKind::ConfigSnapshot,
        ),
        (
            r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}"#.to_owned(),
            SkipKind::ControlMessage,
        ),
        (r#"{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#.to_owned(), SkipKind::OtherService),
        (
            r#"{"schemaVersion":"2.0","accountId":"1","region":"eu-west-1","type":"Recon:IAMUser/X","service":{"serviceName":"guardduty"}}"#.to_owned(),
            SkipKind::OtherService,
        ),
        (flow.to_owned(), SkipKind::OtherService),
        (format!("version account-id interface-id srcaddr\n{flow}"), SkipKind::OtherService),
        (balancer.to_owned(), SkipKind::OtherService),
        ("eventTime,eventName,eventSource,requestParameters\n2024,a,b,{x=1}\n".to_owned(), SkipKind::Csv),
        ("\"eventID\",\"eventName\",\"eventSource\"\n\"1\",\"a\",\"b\"\n".to_owned(), SkipKind::Csv),
        ("Event name,Event time,User name,Event source\na,b,c,d\n".to_owned(), SkipKind::Csv),
        ("\"eventJson\"\n\"{\"\"eventVersion\"\":\"\"1.08\"\"}\"\n".to_owned(), SkipKind::Csv),
        ("dear diary\n".to_owned(), SkipKind::NotATrail),
        ("\u{89}PNG".chars().map(|c| c as u8 as char).collect(), SkipKind::NotATrail),
        (String::new(), SkipKind::Empty),
        (" \n".to_owned(), SkipKind::Empty),
    ] {
        let (names, report) = read(bytes.as_bytes());
        assert!(names.is_empty());
        assert_eq!(kinds(&report), [(kind, None)], "{}", &bytes[..bytes.len().min(60)]);
    }
}

#[test]
fn an_answer_of_which_more_follows_is_not_whole() {
    let entry =
        format!(r#"{{"CloudTrailEvent":{}}}"#, serde_json::to_string(&record("a")).unwrap());
    for text in [
        format!(r#"{{"Events":[{entry}],"NextToken":"t"}}"#),
        format!(r#"{{"NextToken":"t","Events":[{entry}]}}"#),
        format!(r#"{{"events":[{{"message":{}}}],"nextToken":"t"}}"#, record("a")),
        format!(r#"{{"Events":[{entry}],"NextToken":"t"}}{{"Events":[],"NextToken":"t"}}"#),
    ] {
        let (names, report) = read(text.as_bytes());
        assert_eq!(names, ["a"]);
        let token = text.rfind("\"t\"").unwrap() as u64;
        assert_eq!(kinds(&report), [(SkipKind::Truncated, Some(token))], "{text}");
    }
    for text in [
        format!(r#"{{"Events":[{entry}],"NextToken":null}}"#),
        // The next page stands behind it.
        format!(r#"{{"Events":[{entry}],"NextToken":"t"}}{{"Events":[]}}"#),
    ] {
        assert_eq!(kinds(&read(text.as_bytes()).1), [], "{text}");
    }
}

#[test]
fn columns_of_a_querys_result_are_no_records_and_it_is_told_what_to_ask_for() {
    let (names, report) = read(br#"{"QueryResultRows":[[{"eventName":"a"},{"eventSource":"b"}]]}"#);
    assert!(names.is_empty());
    assert_eq!(report.skipped.len(), 2);
    assert!(report.skipped.iter().all(|one| one.detail.contains("query for `eventJson`")));
}

#[test]
fn binary_files_are_no_trails() {
    let tar = {
        let mut tar = vec![0; 1024];
        tar[..5].copy_from_slice(b"a.txt");
        tar[257..262].copy_from_slice(b"ustar");
        tar
    };
    for bytes in
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), tar, b"PAR1\x15\0".to_vec(), gzip(&gzip(b"{}"))]
    {
        let (_, report) = read(&bytes);
        assert_eq!(kinds(&report), [(SkipKind::NotATrail, None)]);
        assert!(report.source.is_none(), "what is no log is not read to its end");
    }
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(kinds(&read(&utf16).1), [(SkipKind::InvalidUtf8, None)]);
}

#[test]
fn what_is_no_record_is_listed_with_its_place() {
    let text = format!(r#"{{"Records":[{{}},{},{{"eventName":"x"}},7]}}"#, record("a"));
    let (names, report) = read(text.as_bytes());
    assert_eq!(names, ["a"]);
    let expected = ["{}", r#"{"eventName":"x"}"#, "7]}"]
        .map(|bad| (SkipKind::NotARecord, Some(text.find(bad).unwrap() as u64)));
    assert_eq!(kinds(&report), expected);
    let records: Vec<_> = report.skipped.iter().map(|one| one.position.unwrap().record).collect();
    assert_eq!(records, [0, 1, 1]);
}

#[test]
fn a_record_of_a_later_major_version_is_not_read_as_one_of_this() {
    let of = |version: &str| record("a").replace(r#""1.08""#, version);
    let text = [r#""1.12""#, "1.02", r#""2.0""#, r#""10""#, r#""odd""#].map(of).join("\n");
    let (names, report) = read(text.as_bytes());
    assert_eq!(names.len(), 3);
    let expected = [r#"{"eventVersion":"2.0""#, r#"{"eventVersion":"10""#]
        .map(|late| (SkipKind::NewerVersion, Some(text.find(late).unwrap() as u64)));
    assert_eq!(kinds(&report), expected);
}

#[test]
fn an_envelope_that_should_hold_a_record_and_does_not_is_no_other_service() {
    let (_, report) = read(br#"{"detail-type":"AWS API Call via CloudTrail","detail":{}}"#);
    assert_eq!(kinds(&report), [(SkipKind::NotARecord, Some(0))]);
}

#[test]
fn a_field_of_the_wrong_type_does_not_lose_its_record() {
    let (names, report) = read(br#"{"eventName":"a","eventSource":"b","userIdentity":"x"}"#);
    assert_eq!(names, ["a"]);
    assert_eq!(kinds(&report), [(SkipKind::OddField, Some(0))]);
}

#[test]
fn a_long_series_of_skips_is_bounded_and_counted() {
    let mut text = String::new();
    for _ in 0..1_000 {
        writeln!(text, "{{}}").unwrap();
    }
    let (_, report) = read(text.as_bytes());
    assert_eq!(report.skipped.len(), 32);
    assert_eq!(report.skipped.iter().map(|one| one.count).sum::<u64>(), 1_000);
}

/// What visiting a file came to, with names, places and packaging of the records called `Beta…`.
fn visited(
    path: &Path,
    mentions: Option<Mentions>,
) -> (BTreeSet<(String, u64, Framing)>, Ingested) {
    let mut files = Files::find(&[Input::Path(path.to_owned())], &Prune::default()).unwrap();
    if let Some(mentions) = mentions {
        files.look_for(mentions);
    }
    fold_files(
        &files,
        &Quiet,
        BTreeSet::new,
        |all, at, record| {
            if record.event_name.starts_with("Beta") {
                all.insert((record.event_name.to_string(), at.record, at.framing));
            }
        },
        |mut left, right| {
            left.extend(right);
            left
        },
    )
}

#[test]
fn what_is_looked_for_is_found_in_every_packaging() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (record("Alpha"), record("Beta"));
    let bom = format!("\u{feff}{{\"Records\":[{a},{b},{a}]}}");
    let nested = format!(r#"[{{"Records":[{a},{a}]}},{{"Records":[{a},{b}]}}]"#);
    let mixed = format!(r#"{{"Records":[{a},{{"x":[{{}}]}},{a},{b},{a}]}}"#);
    let more = [("BOM", bom), ("nested", nested), ("mixed", mixed)];
    let packagings = packagings_of("Alpha", "Beta").into_iter();
    for (name, content) in packagings.map(|(name, content, _)| (name, content)).chain(more) {
        let path = dir.path().join("log.json.gz");
        fs::write(&path, gzip(content.as_bytes())).unwrap();
        let (all, whole) = visited(&path, None);
        let (found, ingested) = visited(&path, Mentions::new(["Beta"]));
        assert_eq!(all.len(), 1, "{name}");
        let places = |all: &BTreeSet<(String, u64, Framing)>| -> Vec<_> {
            all.iter().map(|(name, _, framing)| (name.clone(), *framing)).collect()
        };
        assert_eq!(places(&found), places(&all), "{name}");
        if name != "mixed" {
            assert_eq!(found, all, "{name}");
            assert_eq!(ingested.sources, whole.sources, "{name}");
        }
    }
}

#[test]
fn damage_before_what_is_looked_for_loses_no_line_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.json.gz");
    let brace = record("Beta").replacen('{', r#"{"requestParameters":{"filter":"a}b"},"#, 1);
    let cut = &record("Alpha")[..20];
    let content = format!("{{\"Records\":[{cut}\n{brace},\n{}]}}", record("Alpha"));
    fs::write(&path, gzip(content.as_bytes())).unwrap();
    let (all, _) = visited(&path, None);
    assert_eq!(all.len(), 1);
    assert_eq!(visited(&path, Mentions::new(["Beta"])).0, all);
}
