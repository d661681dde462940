//! What a usage was read from, and what of it was not read.
//!
//! Sources are keyed by content, so a file read twice counts once. What was skipped is keyed by
//! content, place and kind; a file that could not be read at all is known by its path only, and
//! stays listed until a file of that path was read to its end.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use trailtrim_ingest::{ContentHash, Ingested, Label, Position, SkipKind, Skipped, SourceFacts};

use crate::stats::Join;

/// What is less than this part of what it is added to is added one by one.
const LITTLE: usize = 16;

/// What tells a file that was read from one that is new, without reading it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileMark {
    /// The label it is read under.
    pub path: Label,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970: an archive has a million of these, so that one
    /// from another age than 1678 to 2262 has no mark.
    pub modified: i64,
}

/// Sources, skips and marks of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub(crate) facts: BTreeMap<ContentHash, SourceFacts>,
    pub(crate) skips: BTreeMap<SkipKey, Skip>,
    pub(crate) files: BTreeSet<FileMark>,
}

/// What one skip is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SkipKey {
    pub(crate) source: Result<ContentHash, String>,
    pub(crate) position: Option<Position>,
    pub(crate) kind: SkipKind,
}

/// What is known of one skip.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip {
    pub(crate) path: String,
    pub(crate) detail: String,
    pub(crate) count: u64,
}

impl Sources {
    /// Takes up what reading came to.
    pub fn add(&mut self, ingested: Ingested) {
        let Ingested { sources, skipped, .. } = ingested;
        self.join(Sources { facts: sources, ..Sources::default() });
        for Skipped { path, position, kind, detail, count, source } in skipped {
            let key = SkipKey { source: source.ok_or_else(|| path.clone()), position, kind };
            self.add_skip(key, Skip { path, detail, count });
        }
    }

    /// Takes up the marks of files that were read.
    pub fn mark(&mut self, files: impl IntoIterator<Item = FileMark>) {
        // A set that is made at once takes half the memory of one that grows.
        self.files.append(&mut files.into_iter().collect());
    }

    /// Returns whether a file was read as it is now.
    pub fn knows(&self, file: &FileMark) -> bool {
        self.files.contains(file)
    }

    /// Returns every file that was read to its end, by content.
    pub fn facts(&self) -> &BTreeMap<ContentHash, SourceFacts> {
        &self.facts
    }

    /// Returns what was not read, ordered by path and place, but for files that were read whole since.
    /// Only a name that CloudTrail gives is of one file in the world; what else has a name of before may
    /// be another file.
    pub fn skipped(&self) -> BTreeSet<Skipped> {
        let lossy = self.skips.keys().filter(|key| !key.kind.is_expected());
        let cut: HashSet<ContentHash> =
            lossy.filter_map(|key| key.source.as_ref().ok().copied()).collect();
        let whole = self.facts.iter().filter(|(hash, _)| !cut.contains(*hash));
        let whole: HashSet<&Label> = whole.map(|(_, facts)| &facts.path).collect();
        let read_since = |path: &str| is_delivered(path) && whole.contains(&Label::from(path));
        self.skips
            .iter()
            .filter(|(key, skip)| key.kind.is_expected() || !read_since(&skip.path))
            .map(|(key, skip)| Skipped {
                path: skip.path.clone(),
                position: key.position,
                kind: key.kind,
                detail: skip.detail.clone(),
                count: skip.count,
                source: key.source.as_ref().ok().copied(),
            })
            .collect()
    }

    pub(crate) fn add_facts(&mut self, hash: ContentHash, facts: SourceFacts) {
        // All but the path follows from the content; of several paths the smallest stays.
        match self.facts.get_mut(&hash) {
            Some(known) if facts.path < known.path => *known = facts,
            Some(_) => {}
            None => {
                self.facts.insert(hash, facts);
            }
        }
    }

    pub(crate) fn add_skip(&mut self, key: SkipKey, skip: Skip) {
        match self.skips.get_mut(&key) {
            Some(known) if skip < *known => *known = skip,
            Some(_) => {}
            None => {
                self.skips.insert(key, skip);
            }
        }
    }
}

/// Tells whether a path ends with a name that CloudTrail gives: account, region, time and letters that
/// are drawn.
fn is_delivered(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut parts = name.split('_');
    let account = parts.next().unwrap_or_default();
    account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && parts.next() == Some("CloudTrail")
        && parts.count() == 3
}

impl Join for Sources {
    fn join(&mut self, other: Self) {
        if self.facts.is_empty() {
            self.facts = other.facts;
        } else {
            for (hash, facts) in other.facts {
                self.add_facts(hash, facts);
            }
        }
        for (key, skip) in other.skips {
            self.add_skip(key, skip);
        }
        let mut files = other.files;
        // A set that is made at once takes half the memory, and more time where there is little to add.
        if files.len() < self.files.len() / LITTLE {
            self.files.extend(files);
        } else {
            self.files.append(&mut files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_ingest::Compression;

    fn read(hash: u8, path: &str) -> Ingested {
        let facts = SourceFacts {
            path: path.into(),
            bytes: 1,
            inflated_bytes: 1,
            records: 1,
            compression: Compression::Plain,
            framing: None,
        };
        let mut ingested = Ingested::default();
        ingested.sources.insert(ContentHash::from_bytes([hash; 32]), facts);
        ingested
    }

    fn skipped(path: &str, source: Option<u8>) -> Ingested {
        let mut ingested = Ingested::default();
        ingested.skipped.insert(Skipped {
            path: path.to_owned(),
            position: None,
            kind: SkipKind::Unreadable,
            detail: "d".to_owned(),
            count: 1,
            source: source.map(|hash| ContentHash::from_bytes([hash; 32])),
        });
        ingested
    }

    fn of(all: &[Ingested]) -> Sources {
        let mut sources = Sources::default();
        all.iter().for_each(|one| sources.add(one.clone()));
        sources
    }

    #[test]
    fn what_was_unreadable_is_hidden_once_it_was_read() {
        const DELIVERED: &str =
            "x/111122223333_CloudTrail_eu-west-1_20260307T1005Z_0123456789abcdef.json.gz";
        let paths = |all: &[Ingested]| -> Vec<String> {
            of(all).skipped().into_iter().map(|skip| skip.path).collect()
        };
        let other = DELIVERED.replace("T1005Z", "T1010Z");
        let unread = [skipped(DELIVERED, None), skipped(&other, None)];
        assert_eq!(paths(&[&unread[..], &[read(1, DELIVERED)]].concat()), [other]);
        // It was cut when it was read first, and is not any more.
        let cut = [read(1, DELIVERED), skipped(DELIVERED, Some(1))];
        assert_eq!(paths(&cut), [DELIVERED]);
        assert!(paths(&[&cut[..], &[read(2, DELIVERED)]].concat()).is_empty());
        let twice = [read(2, DELIVERED), skipped(DELIVERED, Some(2))];
        assert_eq!(paths(&[cut, twice].concat()).len(), 2);
        // Of any other name there may be many files.
        assert_eq!(paths(&[skipped("a", None), read(1, "a")]), ["a"]);
    }

    #[test]
    fn one_content_is_one_source_whatever_its_names() {
        let all = [
            read(1, "b"),
            read(1, "a"),
            read(2, "c"),
            skipped("z", Some(1)),
            skipped("y", Some(1)),
        ];
        let mut backwards = all.clone();
        backwards.reverse();
        let (mut left, right) = (of(&all), of(&backwards));
        assert_eq!(left, right);
        assert_eq!(left.facts().len(), 2);
        assert_eq!(left.skipped().len(), 1);
        left.join(right.clone());
        assert_eq!(left, right);
    }
}
