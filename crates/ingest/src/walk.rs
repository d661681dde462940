//! Finds the files behind the inputs.
//!
//! A file is identified by its real path, so that one named twice, or reached through a link, is
//! read once; its label is the smallest of the paths by which the user can know it. Links inside
//! directories are followed. A link to a directory that is walked already adds nothing and is
//! passed over, which also ends loops.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use walkdir::{DirEntry, WalkDir};

use crate::{IngestError, Input, Prune, SkipKind, Skipped};

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// How it is called in results.
    pub(crate) label: Arc<str>,
    /// Where it is.
    pub(crate) place: Place,
    /// Its size as the system states it.
    pub(crate) bytes: u64,
    /// When it was last changed, as the system states it.
    pub(crate) modified: Option<SystemTime>,
}

/// Where a file is. Nearly all are where their label says, and there may be millions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is standard input.
    Stdin,
    /// Where its label says.
    Label,
    /// At a path that is not Unicode, so that the label does not lead there.
    Path(Box<Path>),
}

impl Found {
    fn at(path: &Path, metadata: Option<&Metadata>) -> Self {
        let label = label(path);
        let place = match path.to_str() {
            Some(_) => Place::Label,
            None => Place::Path(path.into()),
        };
        Self {
            label: label.into(),
            place,
            bytes: metadata.map_or(0, Metadata::len),
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
        }
    }

    /// Returns where it is; `None` is standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Stdin => None,
            Place::Label => Some(Path::new(&*self.label)),
            Place::Path(path) => Some(path),
        }
    }
}

/// What the inputs hold.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) files: Vec<Found>,
    pub(crate) skipped: BTreeSet<Skipped>,
    pub(crate) pruned: u64,
}

/// Lists every file behind `inputs` once, the largest first, so that no thread is left with it.
pub(crate) fn walk(inputs: &[Input], prune: &Prune) -> Result<Walked, IngestError> {
    let mut walk = Walk { files: BTreeMap::new(), skipped: BTreeSet::new() };
    let inputs: BTreeSet<&Input> = inputs.iter().collect();
    for input in inputs {
        match input {
            Input::Stdin => walk.add(
                PathBuf::from("-"),
                Found { label: Arc::from("-"), place: Place::Stdin, bytes: 0, modified: None },
            ),
            Input::Path(path) => walk.argument(path)?,
        }
    }
    let files = Vec::with_capacity(walk.files.len());
    let mut walked = Walked { files, skipped: walk.skipped, pruned: 0 };
    for (real, file) in walk.files {
        if prune.leaves_closed(&real) {
            walked.pruned += 1;
        } else {
            walked.files.push(file);
        }
    }
    walked.files.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.label.cmp(&b.label)));
    Ok(walked)
}

struct Walk {
    /// By real path.
    files: BTreeMap<PathBuf, Found>,
    skipped: BTreeSet<Skipped>,
}

impl Walk {
    fn argument(&mut self, path: &Path) -> Result<(), IngestError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => IngestError::Missing { path: path.to_owned() },
            _ => IngestError::Unreadable { path: path.to_owned(), source },
        };
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            fs::read_dir(path).map_err(failed)?;
            self.directory(path);
        } else {
            if metadata.is_file() {
                File::open(path).map_err(failed)?;
            }
            // Not only regular files: a pipe that the user names is meant to be read.
            self.file(path, Some(&metadata));
        }
        Ok(())
    }

    fn directory(&mut self, root: &Path) {
        let mut linked = HashSet::new();
        if let Ok(real) = fs::canonicalize(root) {
            linked.insert(real);
        }
        let entries = WalkDir::new(root).min_depth(1).follow_links(true).sort_by_file_name();
        for entry in entries.into_iter().filter_entry(|entry| is_new(entry, &mut linked)) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if entry.file_type().is_file() => {
                    self.file(entry.path(), entry.metadata().ok().as_ref());
                }
                Ok(entry) => {
                    self.skip(entry.path(), SkipKind::SpecialFile, "a pipe, socket or device")
                }
                // A loop leads back to what is walked anyway.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    let detail = match error.io_error().map(io::Error::kind) {
                        Some(io::ErrorKind::NotFound) => "a link that leads nowhere".to_owned(),
                        Some(kind) => kind.to_string(),
                        None => SkipKind::Unreadable.meaning().to_owned(),
                    };
                    self.skip(&path, SkipKind::Unreadable, &detail);
                }
            }
        }
    }

    fn file(&mut self, path: &Path, metadata: Option<&Metadata>) {
        // What has no real path (a pipe under `/dev/fd`) is known by the one it was given.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.add(real, Found::at(path, metadata));
    }

    fn add(&mut self, real: PathBuf, found: Found) {
        match self.files.get_mut(&real) {
            Some(known) => {
                if found.label < known.label {
                    known.label = found.label;
                    known.place = found.place;
                }
            }
            None => {
                self.files.insert(real, found);
            }
        }
    }

    fn skip(&mut self, path: &Path, kind: SkipKind, detail: &str) {
        self.skipped.insert(Skipped {
            path: label(path),
            position: None,
            kind,
            detail: detail.to_owned(),
            count: 1,
            source: None,
        });
    }
}

/// Returns whether an entry is to be walked: all are, but a linked directory only the first time.
fn is_new(entry: &DirEntry, linked: &mut HashSet<PathBuf>) -> bool {
    if !entry.path_is_symlink() || !entry.file_type().is_dir() {
        return true;
    }
    fs::canonicalize(entry.path()).map_or(true, |real| linked.insert(real))
}

/// Returns a path as it is shown: what is not Unicode in it is replaced.
pub(crate) fn label(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
