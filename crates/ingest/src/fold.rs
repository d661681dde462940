//! The road from inputs to the visitor, on all threads of the pool.
//!
//! Threads take files from one list, each with an accumulator of its own, so that there are as
//! many accumulators as threads and the buffers are used again from file to file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::read::{FileReport, Road, Scratch, read_stream};
use crate::walk::{Found, Walked, walk};
use crate::{
    ContentHash, Framing, IngestError, Label, Mentions, Progress, Prune, Quiet, Record, Skipped,
    SourceFacts,
};

/// What is less than this part of what it is added to is added one by one.
const LITTLE: usize = 16;

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
    pub path: &'a Label,
    /// Number of the record in its file, from 0; only what was handed over counts.
    pub record: u64,
    /// What it was packed in.
    pub framing: Framing,
}

impl<'a> Provenance<'a> {
    /// Returns the place of a lone record under a label.
    pub fn bare(path: &'a Label) -> Self {
        Self { path, record: 0, framing: Framing::Bare }
    }
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
    /// How many files were left closed because of their key.
    pub pruned: u64,
    /// How many files were inflated and not parsed: see [`Files::look_for`].
    pub passed: u64,
}

impl Ingested {
    /// Takes in what was found elsewhere; of two labels for one content the smaller stays.
    pub fn join(&mut self, other: Self) {
        let mut few = other.sources;
        if self.sources.len() < few.len() {
            std::mem::swap(&mut self.sources, &mut few);
        }
        // Of what both know one stays.
        few.retain(|hash, facts| match self.sources.get_mut(hash) {
            Some(known) => {
                if facts.path < known.path {
                    std::mem::swap(known, facts);
                }
                false
            }
            None => true,
        });
        // A map that is made at once takes less memory than one that grows, and more time where there
        // is little to add.
        if few.len() < self.sources.len() / LITTLE {
            self.sources.extend(few);
        } else {
            self.sources.append(&mut few);
        }
        self.skipped.extend(other.skipped);
        self.pruned += other.pruned;
        self.passed += other.passed;
    }

    fn add_source(&mut self, hash: ContentHash, facts: SourceFacts) {
        let known = self.sources.entry(hash).or_insert_with(|| facts.clone());
        if facts.path < known.path {
            *known = facts;
        }
    }

    fn add(&mut self, report: FileReport) {
        if let Some((hash, facts)) = report.source {
            self.add_source(hash, facts);
        }
        self.skipped.extend(report.skipped);
        self.passed += u64::from(report.passed);
    }
}

/// Files that were found behind inputs and are still to be read.
#[derive(Debug, Default)]
pub struct Files {
    walked: Walked,
    road: Road,
    mentions: Option<Mentions>,
    aside: Option<Aside>,
}

/// Looks whether files begin as something else does than a trail, while they are opened to be read anyway.
#[derive(Debug)]
struct Aside {
    magic: &'static [u8],
    found: Mutex<Vec<SetAside>>,
}

/// What begins as something else than a trail.
pub enum SetAside {
    /// A file that can be opened again. It is closed: there may be more such than a process may hold open.
    File(PathBuf),
    /// What comes but once (a pipe, standard input), open and from its beginning.
    Once(Label, Box<dyn Read + Send>),
}

impl SetAside {
    /// Returns where it is, if it can be opened again.
    pub fn path(&self) -> Option<&Path> {
        self.key().0
    }

    fn key(&self) -> (Option<&Path>, Option<&Label>) {
        match self {
            Self::File(path) => (Some(path), None),
            Self::Once(label, _) => (None, Some(label)),
        }
    }
}

impl fmt::Debug for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key().fmt(f)
    }
}

impl Aside {
    /// Takes a file that begins in this way; gives back what is to be read of any other.
    fn take<R: Read + Send + 'static>(
        &self,
        file: &Found,
        mut open: R,
        comes_once: impl FnOnce(&R) -> bool,
    ) -> Option<impl Read + Send + 'static> {
        let mut head = Vec::new();
        // An error comes again to whoever reads on.
        let _ = open.by_ref().take(self.magic.len() as u64).read_to_end(&mut head);
        let ours = head == self.magic;
        let once = ours && comes_once(&open);
        let whole = io::Cursor::new(head).chain(open);
        if !ours {
            return Some(whole);
        }
        let found = match file.path() {
            Some(path) if !once => SetAside::File(path),
            _ => SetAside::Once(file.label.clone(), Box::new(whole)),
        };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        None
    }
}

/// A file that is still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFound<'a> {
    /// Its path as the user gave it, or `-`.
    pub label: &'a Label,
    /// Where it is; `None` is standard input.
    pub path: Option<PathBuf>,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last changed, where the system knows.
    pub modified: Option<SystemTime>,
}

impl<'a> FileFound<'a> {
    fn of(file: &'a Found) -> Self {
        Self { label: &file.label, path: file.path(), bytes: file.bytes, modified: file.modified }
    }
}

impl Files {
    /// Lists every file behind the inputs once, but for those that `prune` leaves closed.
    ///
    /// # Errors
    /// Where an argument itself cannot be read.
    pub fn find(inputs: &[Input], prune: &Prune) -> Result<Files, IngestError> {
        Ok(Files { walked: walk(inputs, prune)?, ..Files::default() })
    }

    /// Has the files read on another road, which changes nothing but the time it takes.
    pub fn set_road(&mut self, road: Road) {
        self.road = road;
    }

    /// Has only files parsed, and of them only records visited, that may mention one of these texts. All
    /// records that do are still visited, some that do not as well. Damage is not looked for in files that
    /// do not. Of objects in `Records` that do not, only the ends are sought: each counts as a record, and
    /// what is wrong inside is told of only where the end is not found.
    pub fn look_for(&mut self, mentions: Mentions) {
        self.mentions = Some(mentions);
    }

    /// Has files that begin with these bytes not read, but told by [`take_aside`](Self::take_aside).
    pub fn set_aside(&mut self, magic: &'static [u8]) {
        self.aside = Some(Aside { magic, found: Mutex::default() });
    }

    /// Returns what was set aside while the files were read, in the order of paths and labels.
    pub fn take_aside(&mut self) -> Vec<SetAside> {
        let aside = self.aside.take().map(|aside| aside.found.into_inner());
        let mut found =
            aside.map(|found| found.unwrap_or_else(PoisonError::into_inner)).unwrap_or_default();
        found.sort_by(|a, b| a.key().cmp(&b.key()));
        found
    }

    /// Leaves out the files that `keep` answers `false` for.
    pub fn retain(&mut self, mut keep: impl FnMut(FileFound<'_>) -> bool) {
        self.walked.files.retain(|file| keep(FileFound::of(file)));
    }

    /// Returns the files, in the order in which they are read.
    pub fn iter(&self) -> impl Iterator<Item = FileFound<'_>> {
        self.walked.files.iter().map(FileFound::of)
    }
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
    init: impl Fn() -> A + Sync,
    visit: impl Fn(&mut A, &Provenance<'_>, &Record<'_>) + Sync,
    join: impl Fn(A, A) -> A + Sync,
) -> Result<(A, Ingested), IngestError> {
    fold_reporting(inputs, prune, &Quiet, init, visit, join)
}

/// Does what [`fold`] does, and tells `progress` how far it has come.
///
/// # Errors
/// As [`fold`].
pub fn fold_reporting<A: Send>(
    inputs: &[Input],
    prune: &Prune,
    progress: &dyn Progress,
    init: impl Fn() -> A + Sync,
    visit: impl Fn(&mut A, &Provenance<'_>, &Record<'_>) + Sync,
    join: impl Fn(A, A) -> A + Sync,
) -> Result<(A, Ingested), IngestError> {
    Ok(fold_files(&Files::find(inputs, prune)?, progress, init, visit, join))
}

/// Does what [`fold`] does, over files that were found before.
pub fn fold_files<A: Send>(
    files: &Files,
    progress: &dyn Progress,
    init: impl Fn() -> A + Sync,
    visit: impl Fn(&mut A, &Provenance<'_>, &Record<'_>) + Sync,
    join: impl Fn(A, A) -> A + Sync,
) -> (A, Ingested) {
    let Files { walked, road, mentions, aside } = files;
    let files = walked.files.as_slice();
    progress.found(files.len() as u64, files.iter().map(|file| file.bytes).sum());

    let threads = rayon::current_num_threads();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        let mut folded = init();
        let mut ingested = Ingested::default();
        let mut scratch = Scratch::new(*road, threads > 1).look_for(mentions.clone());
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut visit =
                |at: &Provenance<'_>, record: &Record<'_>| visit(&mut folded, at, record);
            ingested.add(read_file(file, aside.as_ref(), &mut scratch, progress, &mut visit));
            scratch.settle();
        }
        results.lock().unwrap_or_else(PoisonError::into_inner).push((folded, ingested));
    };
    rayon::scope(|scope| {
        for _ in 0..threads.min(files.len()) {
            scope.spawn(|_| work());
        }
    });

    let mut ingested =
        Ingested { skipped: walked.skipped.clone(), pruned: walked.pruned, ..Ingested::default() };
    let mut folded = None;
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (one, more) in results {
        ingested.join(more);
        folded = Some(match folded {
            Some(before) => join(before, one),
            None => one,
        });
    }
    (folded.unwrap_or_else(init), ingested)
}

/// Opens and reads one file.
fn read_file(
    file: &Found,
    aside: Option<&Aside>,
    scratch: &mut Scratch,
    progress: &dyn Progress,
    visit: &mut dyn FnMut(&Provenance<'_>, &Record<'_>),
) -> FileReport {
    match file.path().map(File::open) {
        None => read_opened(file, io::stdin(), |_| true, aside, scratch, progress, visit),
        Some(Ok(open)) => {
            let is_pipe = |open: &File| open.metadata().is_ok_and(|metadata| !metadata.is_file());
            read_opened(file, open, is_pipe, aside, scratch, progress, visit)
        }
        Some(Err(error)) => {
            progress.done(0);
            FileReport::unreadable(&file.label, error.kind())
        }
    }
}

/// Reads one file that is open, or sets it aside.
fn read_opened<R: Read + Send + 'static>(
    file: &Found,
    open: R,
    comes_once: impl FnOnce(&R) -> bool,
    aside: Option<&Aside>,
    scratch: &mut Scratch,
    progress: &dyn Progress,
    visit: &mut dyn FnMut(&Provenance<'_>, &Record<'_>),
) -> FileReport {
    let Some(aside) = aside else {
        return read_stream(&file.label, open, scratch, progress, visit);
    };
    match aside.take(file, open, comes_once) {
        Some(open) => read_stream(&file.label, open, scratch, progress, visit),
        None => {
            progress.read(file.bytes);
            progress.done(0);
            FileReport::default()
        }
    }
}
