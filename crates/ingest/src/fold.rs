//! The road from inputs to the visitor.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::{
    Compression, ContentHash, Framing, IngestError, Json, Progress, Prune, Quiet, Record, Skipped,
    SourceFacts,
};

/// Something to read records from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// Standard input, labelled `-`.
    Stdin,
    /// A file, or a directory that is walked.
    Path(PathBuf),
}

/// Where a record was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance<'a> {
    /// Label of the file: its path as the user gave it, or `-`.
    pub path: &'a str,
    /// Number of the record in its file, from 0; only what was handed over counts.
    pub record: u64,
}

/// What was read and what was not.
///
/// The same set of files gives the same value, in any order, on any number of threads, and
/// however often a file is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Every file that was read to its end, by content.
    pub sources: BTreeMap<ContentHash, SourceFacts>,
    /// Everything that was not read, and why.
    pub skipped: BTreeSet<Skipped>,
    /// How many files were left closed because of [`Prune`].
    pub pruned: u64,
}

/// Reads every input and folds each record.
///
/// Runs on the current rayon pool. `join` must be associative and commutative, and `init()`
/// neutral to it: how records are spread over accumulators is not promised.
///
/// # Errors
/// Where an argument itself cannot be read; anything wrong inside is listed in [`Ingested`].
pub fn fold<A: Send>(
    inputs: &[Input],
    prune: &Prune,
    init: impl Fn() -> A + Sync + Send,
    visit: impl Fn(&mut A, &Provenance<'_>, &Record<'_>) + Sync + Send,
    join: impl Fn(A, A) -> A + Sync + Send,
) -> Result<(A, Ingested), IngestError> {
    fold_reporting(inputs, prune, &Quiet, init, visit, join)
}

/// Does what [`fold`] does, and tells `progress` how far it has come.
///
/// # Errors
/// As [`fold`].
pub fn fold_reporting<A: Send>(
    inputs: &[Input],
    _prune: &Prune,
    progress: &dyn Progress,
    init: impl Fn() -> A + Sync + Send,
    visit: impl Fn(&mut A, &Provenance<'_>, &Record<'_>) + Sync + Send,
    join: impl Fn(A, A) -> A + Sync + Send,
) -> Result<(A, Ingested), IngestError> {
    let read_one = |input: &Input| {
        let (label, raw) = match input {
            Input::Stdin => {
                let mut raw = Vec::new();
                let read = std::io::stdin().read_to_end(&mut raw).map(|_| raw);
                ("-".to_owned(), read)
            }
            Input::Path(path) => (path.display().to_string(), std::fs::read(path)),
        };
        let raw =
            raw.map_err(|source| IngestError::Unreadable { path: PathBuf::from(&label), source })?;
        let mut folded = init();
        let mut ingested = Ingested::default();
        let mut records = 0;
        if let Ok(json) =
            std::str::from_utf8(&raw).map_err(drop).and_then(|text| Json::parse(text).map_err(drop))
        {
            for element in json.get("Records").iter().flat_map(Json::elements) {
                if let Ok(record) = Record::from_valid(element.text()) {
                    visit(&mut folded, &Provenance { path: &label, record: records }, &record);
                    records += 1;
                }
            }
        }
        progress.done(records);
        let bytes = raw.len() as u64;
        ingested.sources.insert(
            ContentHash::from_bytes(*blake3::hash(&raw).as_bytes()),
            SourceFacts {
                path: label,
                bytes,
                inflated_bytes: bytes,
                records,
                compression: Compression::Plain,
                framing: Some(Framing::Records),
            },
        );
        Ok((folded, ingested))
    };
    inputs.par_iter().map(read_one).try_reduce(
        || (init(), Ingested::default()),
        |(left, mut found), (right, more)| {
            found.sources.extend(more.sources);
            Ok((join(left, right), found))
        },
    )
}
