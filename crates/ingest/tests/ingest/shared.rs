//! Real archives, read where they stand: how many records each folder holds.

use std::collections::BTreeSet;
use std::path::Path;

use trailtrim_ingest::{Ingested, Input, Prune, SkipKind, fold};

/// Folder and records, as `SOURCES.md` beside the folders states them.
const FOLDERS: [(&str, u64); 7] = [
    ("invictus", 2_900),
    ("stratus-red-team", 310),
    ("otrf", 103),
    ("aws-docs", 50),
    ("cloud-custodian", 24),
    ("plaso", 6),
    // One log file as `.json` and again as `.json.gz`, whose records are counted twice.
    ("trailscraper", 7),
];

fn read(folder: &Path) -> (u64, Ingested) {
    let inputs = [Input::Path(folder.to_owned())];
    fold(&inputs, &Prune::default(), || 0, |count, _, _| *count += 1, |a, b| a + b).unwrap()
}

#[test]
fn each_folder_holds_the_records_that_its_source_note_states() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/events");
    if !events.is_dir() {
        println!("skipped: no shared data beside the repository");
        return;
    }
    for (folder, expected) in FOLDERS {
        let (visited, ingested) = read(&events.join(folder));
        for skipped in &ingested.skipped {
            println!("{folder}: {skipped:?}");
        }
        assert_eq!(visited, expected, "{folder}");
        let listed: u64 = ingested.sources.values().map(|facts| facts.records).sum();
        assert_eq!(listed, expected, "{folder}, by source");
        // Beside the records there are only texts about them, and events of other kinds.
        let kinds: BTreeSet<_> = ingested.skipped.iter().map(|skipped| skipped.kind).collect();
        let known = [SkipKind::NotATrail, SkipKind::OtherService, SkipKind::NotARecord];
        assert!(kinds.iter().all(|kind| known.contains(kind)), "{folder}: {kinds:?}");
    }
}
