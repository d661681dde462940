//! The output directory: policies for each principal, and a document that lists them, `report.json`
//! or `diff.json`.
//!
//! The directory may hold what an earlier run left. Its list names the policies it wrote, and
//! those that this run does not write again are removed: a policy that nobody justifies any more
//! must not lie there as if it were up to date. What the list names is not trusted to be ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::{self, BufReader, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use trailtrim_emitter::is_policy_file;

use crate::exit::hinted;
use crate::interrupt::{self, Interrupted};
use crate::output::{Prepared, prepare, write_file};
use crate::summary::count;

/// A policy's file.
#[derive(Clone, Debug)]
pub(crate) struct PolicyText {
    /// The path below the directory, with `/` between segments.
    pub(crate) path: String,
    /// Whose it is.
    pub(crate) owner: String,
    /// What it says.
    pub(crate) text: String,
}

/// What a document says, written when its turn comes.
pub(crate) type Content<'a> = Box<dyn FnOnce(&mut (dyn Write + Send)) -> io::Result<()> + 'a>;

/// Returns a document with this text.
pub(crate) fn text<'a>(text: String) -> Content<'a> {
    Box::new(move |out| out.write_all(text.as_bytes()))
}

/// What is read of an earlier list: a report names all files in one place, a diff those of each draft,
/// and reports of old named one with each principal.
#[derive(Default)]
struct Earlier {
    paths: BTreeSet<String>,
    /// Whether nothing more is to be read: a report is large.
    done: bool,
}

#[derive(Deserialize)]
struct EarlierEntry {
    policy_path: Option<String>,
    draft: Option<EarlierDraft>,
}

#[derive(Deserialize)]
struct EarlierDraft {
    #[serde(default)]
    paths: Vec<String>,
}

impl Earlier {
    /// Returns the paths that a list names; none where it cannot be read.
    fn read(list: &Path) -> BTreeSet<String> {
        let mut earlier = Earlier::default();
        let Ok(file) = fs::File::open(list) else { return earlier.paths };
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
        // Where the reading is done, it is an error that the text goes on.
        let whole = json.deserialize_map(&mut earlier).is_ok();
        if whole || earlier.done { earlier.paths } else { BTreeSet::new() }
    }
}

impl<'de> Visitor<'de> for &mut Earlier {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report or a diff")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "policies" => {
                    self.paths = fields.next_value()?;
                    self.done = true;
                    return Ok(());
                }
                "principals" | "shared" => {
                    for entry in fields.next_value::<Vec<EarlierEntry>>()? {
                        let of_draft = entry.draft.map(|draft| draft.paths).unwrap_or_default();
                        self.paths.extend(entry.policy_path.into_iter().chain(of_draft));
                    }
                }
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Fails where something else stands in the directory's place, or in that of one above it, or where
/// nothing can be written there: after hours of reading it would be late to find out.
pub(crate) fn require(directory: &Path) -> anyhow::Result<()> {
    let there = above(directory);
    match there {
        Some((path, metadata)) if !metadata.is_dir() => {
            let place = if path == directory {
                "is no directory".to_owned()
            } else {
                format!("lies below `{}`, which is no directory", path.display())
            };
            Err(hinted(
                format!("--out `{}` {place}", directory.display()),
                "name another, or remove the file",
            ))
        }
        Some((path, _)) => writable(path),
        None => writable(Path::new(".")),
    }
}

/// Fails where a file cannot be written because it is a directory, or because nothing can be written
/// where it is to be.
pub(crate) fn require_file(file: &Path) -> anyhow::Result<()> {
    if file.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory))
            .with_context(|| format!("cannot write `{}`", file.display()));
    }
    match file.parent().and_then(above) {
        Some((path, metadata)) if !metadata.is_dir() => Err(hinted(
            format!("`{}` lies below `{}`, which is no directory", file.display(), path.display()),
            "name another, or remove the file",
        )),
        Some((path, _)) => writable(path),
        None => writable(Path::new(".")),
    }
}

/// Returns the nearest that is there of a path and those above it.
fn above(path: &Path) -> Option<(&Path, fs::Metadata)> {
    path.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)))
}

/// Fails where no file can be made in a directory; it makes one that is gone at once.
fn writable(directory: &Path) -> anyhow::Result<()> {
    tempfile::tempfile_in(directory)
        .map(drop)
        .with_context(|| format!("cannot write into `{}`", directory.display()))
}

/// Writes policies and documents about them, and returns which policies of an earlier run it removed.
/// The first of the documents is the one that lists the policies.
pub(crate) fn write(
    directory: &Path,
    policies: &[PolicyText],
    documents: Vec<(&str, Content<'_>)>,
) -> anyhow::Result<Vec<String>> {
    let written = paths(policies)?;
    let names: Vec<PathBuf> = documents.iter().map(|(name, _)| directory.join(name)).collect();
    let list = names.first();
    let stale = list.map(|list| stale(directory, list, &written)).unwrap_or_default();
    let _whole = interrupt::hold();
    let interrupted = |left: usize| -> anyhow::Result<()> {
        if !interrupt::requested() {
            return Ok(());
        }
        let names = names.iter().map(|name| format!("`{}`", name.display()));
        Err(Interrupted(format!(
            "{} and {} were not written",
            count(left as u64, "policy", "policies"),
            names.collect::<Vec<_>>().join(", ")
        ))
        .into())
    };
    // What is made while it is written takes longest and may fail: until it is whole, what an earlier
    // run wrote stays as it is.
    let prepared = documents.into_iter().map(|(name, content)| {
        prepare(&directory.join(name), |out| content(&mut Interruptible(out)))
    });
    let prepared = prepared.collect::<anyhow::Result<Vec<Prepared>>>();
    interrupted(policies.len())?;
    let prepared = prepared?;
    // From here to the end the directory is between two runs. First the list goes and last the new one
    // comes, so that none speaks of policies that are not there.
    if let Some(list) = list {
        match fs::remove_file(list) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace `{}`", list.display()));
            }
            _ => {}
        }
    }
    let mut removed = Vec::new();
    for (path, file) in stale {
        fs::remove_file(&file).with_context(|| format!("cannot remove `{}`", file.display()))?;
        removed.push(path);
    }
    for (left, policy) in (1..=policies.len()).rev().zip(policies) {
        interrupted(left)?;
        write_file(&directory.join(&policy.path), policy.text.as_bytes())?;
    }
    prepared.into_iter().rev().try_for_each(Prepared::put)?;
    Ok(removed)
}

/// A writer that fails once the run shall end.
struct Interruptible<'w>(&'w mut (dyn Write + Send));

impl Write for Interruptible<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if interrupt::requested() {
            return Err(io::Error::other("interrupted"));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns the paths of the policies, and fails where two are one: some file systems do not tell
/// upper case from lower.
fn paths(policies: &[PolicyText]) -> anyhow::Result<BTreeSet<&str>> {
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for PolicyText { path, owner, .. } in policies {
        if let Some(other) = folded.insert(path.to_lowercase(), owner) {
            return Err(hinted(
                format!(
                    "the policies of `{other}` and `{owner}` would both be written to `{path}`"
                ),
                "give --principal with the ARN of one, and --out another directory for each",
            ));
        }
        paths.insert(path.as_str());
    }
    Ok(paths)
}

/// Returns the policies that an earlier list names and this run does not write: the listed path and
/// the file.
fn stale(directory: &Path, list: &Path, written: &BTreeSet<&str>) -> Vec<(String, PathBuf)> {
    Earlier::read(list)
        .into_iter()
        .filter(|path| !written.contains(path.as_str()))
        .filter_map(|path| policy_file(directory, &path).map(|file| (path, file)))
        .collect()
}

/// Returns the file of a listed policy, if it is one and lies below the directory, whatever links
/// lead there.
fn policy_file(directory: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let name = relative.file_name()?;
    if !plain || !name.to_str().is_some_and(is_policy_file) {
        return None;
    }
    let folder = fs::canonicalize(directory.join(relative.parent()?)).ok()?;
    let file = folder.join(name);
    let ours = folder.starts_with(fs::canonicalize(directory).ok()?)
        && fs::symlink_metadata(&file).ok()?.is_file();
    ours.then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_emitter::POLICY_FILE;

    #[test]
    fn only_policy_files_below_the_directory_are_ours() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("out");
        for folder in ["out/1/role/a", "outside"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join(POLICY_FILE), "{}").unwrap();
        }
        fs::write(directory.join("1/role/a/notes.txt"), "mine").unwrap();
        let ours = |path: &str| policy_file(&directory, path).is_some();
        fs::write(directory.join("1/role/a/policy.tf"), "").unwrap();
        fs::write(directory.join("1/role/a/policy-2.json"), "").unwrap();
        fs::write(directory.join("1/role/a/policy-x.json"), "").unwrap();
        assert!(ours("1/role/a/policy.json") && ours("1/role/a/policy.tf"));
        assert!(ours("1/role/a/policy-2.json"));
        let absolute = root.path().join("outside/policy.json");
        for path in [
            "../outside/policy.json",
            "1/../../outside/policy.json",
            "1/role/a/notes.txt",
            "1/role/a/policy-x.json",
            "1/role/b/policy.json",
            "policy.json",
            "",
            absolute.to_str().unwrap(),
        ] {
            assert!(!ours(path), "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path().join("outside"), directory.join("link"))
                .unwrap();
            assert!(!ours("link/policy.json"));
        }
    }
}
