//! However an archive is dealt out to machines, their usage files join to the same bytes.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use trailtrim_aggregator::{
    Body, Epoch, FileError, Join as _, Observer, Quota, Scope, Usage, UsageFile, VERSION,
};
use trailtrim_catalog::Catalog;
use trailtrim_ingest::{Provenance, Record};

/// A record out of a small world in which names, sessions and events meet often.
fn record() -> impl Strategy<Value = String> {
    (0u8..6, 0u8..4, 0u8..12, 0u8..3, 0u8..40, any::<bool>()).prop_map(
        |(operation, session, key, bucket, event, denied)| {
            let error = if denied { r#","errorCode":"AccessDenied""# } else { "" };
            let identity = match session {
                0 => r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}"#.to_owned(),
                1 => r#"{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}"#.to_owned(),
                session => format!(
                    r#"{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/s{session}-{key}","principalId":"AROAX:s{session}-{key}",
                    "accountId":"111122223333","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAX","arn":"arn:aws:iam::111122223333:role/app","accountId":"111122223333"}}}}}}"#
                ),
            };
            let (source, name) = match operation {
                0 => ("s3.amazonaws.com", "GetObject"),
                1 => ("s3.amazonaws.com", "PutObject"),
                2 => ("sqs.amazonaws.com", "SendMessage"),
                3 => ("logs.amazonaws.com", "PutLogEvents"),
                4 => ("kms.amazonaws.com", "Decrypt"),
                _ => ("signin.amazonaws.com", "ConsoleLogin"),
            };
            let (parameters, arn) = match operation {
                0 | 1 => (
                    format!(r#"{{"bucketName":"b{bucket}","key":"p{}/k{key}"}}"#, key % 3),
                    format!("arn:aws:s3:::b{bucket}/p{}/k{key}", key % 3),
                ),
                3 => (
                    format!(r#"{{"logGroupName":"/g{bucket}","logStreamName":"{key}"}}"#),
                    format!("arn:aws:logs:eu-west-1:111122223333:log-group:/g{bucket}:log-stream:{key}"),
                ),
                _ => ("null".to_owned(), format!("arn:aws:kms:eu-west-1:111122223333:key/{key}")),
            };
            format!(
                r#"{{"userIdentity":{identity},"eventTime":"2026-03-0{}T10:00:00Z","eventSource":"{source}","eventName":"{name}",
                "eventID":"e{event}-{operation}-{session}-{key}-{bucket}-{denied}","awsRegion":"eu-west-1","recipientAccountId":"111122223333",
                "sourceIPAddress":"203.0.{key}.9","requestParameters":{parameters},"resources":[{{"ARN":"{arn}"}}]{error}}}"#,
                1 + key % 5,
            )
        },
    )
}

fn observed<'r>(records: impl Iterator<Item = &'r (String, u8, usize)>, quota: u32) -> Usage {
    let scope = Scope::default();
    let mut observer = Observer::with_quota(Catalog::embedded(), &scope, Quota::new(quota));
    for (text, file, _) in records {
        let record = Record::parse(text).expect("the records here are well formed");
        observer.observe(&Provenance::bare(&format!("file-{file}").as_str().into()), &record);
    }
    observer.into_usage()
}

fn file(usage: Usage) -> UsageFile {
    let epoch = Epoch::of(Catalog::embedded(), &Scope::default());
    UsageFile { epochs: [(epoch, Body { scope: Vec::new(), usage })].into() }
}

fn bytes(file: &UsageFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.write(&mut bytes).expect("writing to memory does not fail");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn any_sharding_gives_the_same_bytes(
        records in prop::collection::vec((record(), 0u8..3, 0usize..3), 0..7),
        quota in 1u32..8,
        order in Just([0usize, 1, 2, 1]).prop_shuffle(),
    ) {
        let whole = file(observed(records.iter(), quota));
        let mut joined = UsageFile::default();
        for part in order {
            joined.join(file(observed(records.iter().filter(|(.., at)| *at == part), quota)));
        }
        let written = bytes(&joined);
        prop_assert_eq!(&written, &bytes(&whole));
        let read = UsageFile::read(written.as_slice()).expect("what was written is read");
        prop_assert_eq!(&read, &whole);
        // A file of a larger quota joins at the smaller one.
        let mut mixed = file(observed(records.iter(), 1000));
        mixed.join(whole.clone());
        prop_assert_eq!(bytes(&mixed), written);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damage_is_found_and_never_believed(
        records in prop::collection::vec((record(), 0u8..3, 0usize..3), 1..10),
        at in any::<prop::sample::Index>(),
        flip in 1u8..=255,
    ) {
        let mut written = bytes(&file(observed(records.iter(), 4)));
        let whole = written.len();
        let at = at.index(whole);
        written[at] ^= flip;
        match UsageFile::read(written.as_slice()) {
            Err(FileError::NotAUsageFile) => prop_assert!(at < 8),
            Err(FileError::OtherFormat { .. }) => prop_assert!((8..10).contains(&at)),
            // The minor version is no damage.
            Ok(_) => prop_assert!((10..12).contains(&at)),
            Err(FileError::Damaged { .. }) => prop_assert!(at >= 12),
            Err(other) => prop_assert!(false, "{}", other),
        }
        written[at] ^= flip;
        let cut = UsageFile::read(&written[..at]);
        let found = matches!(cut, Err(FileError::Damaged { .. } | FileError::NotAUsageFile));
        prop_assert!(found, "cut at {}", at);
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut text = trailtrim_aggregator::MAGIC.to_vec();
        text.extend(VERSION.0.to_le_bytes());
        text.extend(VERSION.1.to_le_bytes());
        text.extend(tail);
        prop_assert!(UsageFile::read(text.as_slice()).is_err());
    }
}

#[test]
fn a_later_minor_version_is_read_and_another_major_one_refused() {
    let written = bytes(&UsageFile::default());
    let mut minor = written.clone();
    minor[10] = 7;
    assert_eq!(UsageFile::read(minor.as_slice()).expect("a minor version"), UsageFile::default());
    for other in [VERSION.0 - 1, VERSION.0 + 1] {
        let mut major = written.clone();
        major[8..10].copy_from_slice(&other.to_le_bytes());
        let error = UsageFile::read(major.as_slice()).expect_err("a major version");
        let (reads, hint) = (VERSION.0, "use the release that wrote it, or observe again");
        let expected = format!("usage file of format {other}, this program reads {reads}: {hint}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn an_empty_or_foreign_file_is_no_usage_file() {
    for bytes in [&b""[..], b"{\"Records\":[]}", &trailtrim_aggregator::MAGIC[..5]] {
        assert!(matches!(UsageFile::read(bytes), Err(FileError::NotAUsageFile)));
    }
}
