//! Finds the files behind the inputs.
//!
//! A file is identified by its real path, so that one named twice, or reached through a link, is
//! read once; its label is the smallest of the paths by which the user can know it. Links inside
//! directories are followed. A link to a directory that is walked already adds nothing and is
//! passed over, which also ends loops.
//!
//! Of a real path its hash is kept, since an archive has millions of files: nothing but their labels
//! is left when the walk is over, and nothing was allocated between these.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use walkdir::{DirEntry, WalkDir};

use crate::{IngestError, Input, Label, Prune, SkipKind, Skipped};

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// How it is called in results.
    pub(crate) label: Label,
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
    fn at(path: &Path, metadata: Option<&Metadata>, label: Label) -> Self {
        let place = match path.to_str() {
            Some(_) => Place::Label,
            None => Place::Path(path.into()),
        };
        Self {
            label,
            place,
            bytes: metadata.map_or(0, Metadata::len),
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
        }
    }

    /// Returns where it is; `None` is standard input.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Stdin => None,
            Place::Label => Some(self.label.to_string().into()),
            Place::Path(path) => Some(path.to_path_buf()),
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
    let mut walk = Walk {
        prune,
        files: HashMap::new(),
        skipped: BTreeSet::new(),
        folders: Vec::new(),
        labelled: None,
    };
    let inputs: BTreeSet<&Input> = inputs.iter().collect();
    for input in inputs {
        match input {
            Input::Stdin => walk.add(
                Path::new("-"),
                Found { label: Label::from("-"), place: Place::Stdin, bytes: 0, modified: None },
            ),
            Input::Path(path) => walk.argument(path)?,
        }
    }
    let Walk { files, skipped, .. } = walk;
    let all = files.len();
    let mut files: Vec<Found> = files.into_values().flatten().collect();
    files.shrink_to_fit();
    let pruned = (all - files.len()) as u64;
    files.sort_unstable_by(|a, b| {
        let labels = || a.label.cmp(&b.label).then_with(|| a.path().cmp(&b.path()));
        b.bytes.cmp(&a.bytes).then_with(labels)
    });
    Ok(Walked { files, skipped, pruned })
}

struct Walk<'p> {
    prune: &'p Prune,
    /// By the hash of their real path; `None` where they stay closed.
    files: HashMap<blake3::Hash, Option<Found>>,
    skipped: BTreeSet<Skipped>,
    /// The real paths of the folders in which the walk is, outermost first; nothing where one has none.
    folders: Vec<Option<PathBuf>>,
    /// The folder in the last label.
    labelled: Option<Arc<str>>,
}

impl Walk<'_> {
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
            // Not only regular files: a pipe that the user names is meant to be read. What has no real
            // path (a pipe under `/dev/fd`) is known by the one it was given.
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            self.add(&real, Found::at(path, Some(&metadata), Label::from(label(path).as_str())));
        }
        Ok(())
    }

    fn directory(&mut self, root: &Path) {
        let mut linked = HashSet::new();
        let real = fs::canonicalize(root).ok();
        linked.extend(real.clone());
        self.folders = vec![real];
        let entries = WalkDir::new(root).min_depth(1).follow_links(true).sort_by_file_name();
        for entry in entries.into_iter().filter_entry(|entry| is_new(entry, &mut linked)) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    let real = self.real(&entry);
                    self.folders.truncate(entry.depth());
                    self.folders.push(real);
                }
                Ok(entry) if entry.file_type().is_file() => {
                    let label = self.label(entry.path());
                    let found = Found::at(entry.path(), entry.metadata().ok().as_ref(), label);
                    let real = self.real(&entry).unwrap_or_else(|| entry.path().to_owned());
                    self.add(&real, found);
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

    /// Returns the real path of what was found: its name in the real folder, unless it is a link.
    fn real(&self, entry: &DirEntry) -> Option<PathBuf> {
        let folder = entry.depth().checked_sub(1).and_then(|depth| self.folders.get(depth));
        match folder {
            Some(Some(folder)) if !entry.path_is_symlink() => Some(folder.join(entry.file_name())),
            _ => fs::canonicalize(entry.path()).ok(),
        }
    }

    /// Returns the label of a file; those in a folder share that.
    fn label(&mut self, path: &Path) -> Label {
        let label = Label::sharing(&label(path), |folder| match &self.labelled {
            Some(known) if **known == *folder => Arc::clone(known),
            _ => Arc::from(folder),
        });
        self.labelled = Some(Arc::clone(label.folder()));
        label
    }

    fn add(&mut self, real: &Path, found: Found) {
        let closed = self.prune.leaves_closed(real);
        match self.files.entry(blake3::hash(real.as_os_str().as_encoded_bytes())) {
            Entry::Occupied(mut known) => {
                if let Some(known) = known.get_mut()
                    && found.label < known.label
                {
                    known.label = found.label;
                    known.place = found.place;
                }
            }
            Entry::Vacant(new) => {
                new.insert((!closed).then_some(found));
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
