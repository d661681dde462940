//! The small trail in `fixtures/trail`: one week in the two accounts of a shop.
//!
//! It is the story that the README tells. A Lambda role may do far more than it
//! does; a pipeline deploys; machines work through a queue; an analyst reads;
//! somebody tries the keys of a forgotten user. Beside that stands all that an
//! archive has in it without being anybody's permission: services in their own
//! name, the root user, another company's caller, digests, the same record
//! delivered twice, a file cut short.

use std::collections::BTreeMap;

use super::archive::{File, Packing, Shelf, gzip, records};
use super::clock::{DAY, Seconds, iso, midnight};
use super::event::Event;
use super::json::{Object, array};
use super::recorder::Recorder;
use crate::random::Random;

mod cast;
mod days;

use cast::{Cast, SHOP};

/// The organization that the trail belongs to.
const ORGANIZATION: &str = "o-exampleorg1";

/// How many days the trail covers.
const DAYS: Seconds = 7;

/// Returns the first instant of the trail: a Monday.
fn monday() -> Seconds {
    midnight(2026, 3, 2)
}

/// Returns every event of the story in the order of time, each once.
pub fn events() -> Vec<Event> {
    let random = Random::new(20_260_302);
    let mut cast = Cast::new(&random);
    let mut recorder = Recorder::new(random.fork("ids"));
    for day in 0..DAYS {
        cast.wake(day, monday() + day * DAY);
        days::orders_api(&cast, &mut recorder, day);
        days::batch_worker(&cast, &mut recorder, day);
        days::analyst(&cast, &mut recorder, day);
        if matches!(day, 1 | 3) {
            days::deploy(&cast, &mut recorder, day);
        }
        days::bystanders(&cast, &mut recorder, day);
        if day == 5 {
            days::probe(&cast, &mut recorder);
        }
    }
    recorder.finish()
}

/// Returns the files of the trail in the order of their keys.
pub fn files() -> Vec<File> {
    let random = Random::new(20_260_302);
    let mut unique = random.fork("files");
    let mut days: BTreeMap<(String, String, Seconds), Vec<String>> = BTreeMap::new();
    for event in events() {
        let mut line = String::new();
        event.write(&mut line);
        let day = (event.time - monday()) / DAY;
        days.entry((event.recipient, event.region, day)).or_default().push(line);
    }
    let mut files = Vec::new();
    let mut overlap: Vec<String> = Vec::new();
    for ((account, region, day), mut lines) in days {
        let main = account == SHOP && region == "eu-central-1";
        let shelf = Shelf {
            organization: Some(ORGANIZATION),
            account: &account,
            region: &region,
            delivered: monday() + (day + 1) * DAY - 120,
            unique: &unique.alphanumeric(16),
        };
        let mut packing = if account == SHOP { Packing::Gzip } else { Packing::Plain };
        if main {
            packing = match day {
                1 => Packing::Members,
                2 => Packing::Zstd,
                6 => Packing::Truncated,
                _ => Packing::Gzip,
            };
            // Delivered again with the next file, as happens.
            let repeated = lines.iter().rev().take(4).cloned().collect();
            lines.extend(std::mem::replace(&mut overlap, repeated));
        }
        files.push(File { key: shelf.key(packing), body: packing.pack(&records(&lines)) });
    }
    let shelf = Shelf {
        organization: Some(ORGANIZATION),
        account: SHOP,
        region: "eu-central-1",
        delivered: monday() + DAY,
        unique: &unique.alphanumeric(16),
    };
    files.push(File {
        key: shelf.digest_key("shop-trail"),
        body: gzip(digest(&shelf).as_bytes(), 6),
    });
    files.push(File { key: shelf.insight_key(), body: gzip(insight(&mut unique).as_bytes(), 6) });
    files.sort_by(|a, b| a.key.cmp(&b.key));
    files
}

/// A digest of an hour without log files.
fn digest(shelf: &Shelf<'_>) -> String {
    Object::new()
        .text("awsAccountId", shelf.account)
        .text("digestStartTime", &iso(shelf.delivered - 3600))
        .text("digestEndTime", &iso(shelf.delivered))
        .text("digestS3Bucket", "shop-trail")
        .text("digestS3Object", &shelf.digest_key("shop-trail"))
        .text("digestPublicKeyFingerprint", &"0".repeat(32))
        .text("digestSignatureAlgorithm", "SHA256withRSA")
        .raw("newestEventTime", "null")
        .raw("oldestEventTime", "null")
        .raw("previousDigestS3Bucket", "null")
        .raw("logFiles", "[]")
        .end()
}

/// An Insights event, which says that a rate was unusual and is nobody's call.
fn insight(random: &mut Random) -> String {
    let details = Object::new()
        .text("state", "Start")
        .text("eventSource", "s3.amazonaws.com")
        .text("eventName", "PutBucketPolicy")
        .text("insightType", "ApiCallRateInsight");
    let event = Object::new()
        .text("eventVersion", "1.08")
        .text("eventTime", &iso(monday() + DAY / 2))
        .text("awsRegion", "eu-central-1")
        .text("eventID", &random.uuid())
        .text("eventType", "AwsCloudTrailInsight")
        .text("recipientAccountId", SHOP)
        .text("sharedEventID", &random.uuid())
        .object("insightDetails", details)
        .text("eventCategory", "Insight");
    Object::new().raw("Records", &array(&[event.end()])).end()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn the_fixture_on_disk_is_what_is_generated() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/trail/input");
        let mut found = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key: PathBuf = path.strip_prefix(&root).unwrap().to_owned();
                    found.insert(key.to_str().unwrap().replace('\\', "/"), fs::read(path).unwrap());
                }
            }
        }
        let made: BTreeMap<_, _> = files().into_iter().map(|file| (file.key, file.body)).collect();
        assert_eq!(
            made.keys().collect::<Vec<_>>(),
            found.keys().collect::<Vec<_>>(),
            "regenerate it: cargo run -p trailtrim-testkit -- fixture fixtures/trail/input"
        );
        for (key, body) in made {
            assert!(found[&key] == body, "`{key}` differs from what is generated");
        }
    }

    #[test]
    fn every_record_is_json_with_an_id_of_its_own() {
        let mut ids = std::collections::BTreeSet::new();
        for event in events() {
            let mut line = String::new();
            event.write(&mut line);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(ids.insert(value["eventID"].as_str().unwrap().to_owned()));
        }
        assert!(ids.len() > 400, "{} events", ids.len());
    }
}
