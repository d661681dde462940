//! The output directory: policies for each principal, and a document that lists them, `report.json`
//! or `diff.json`.
//!
//! The directory may hold what an earlier run left. Its list names the policies it wrote, and
//! those that this run does not write again are removed: a policy that nobody justifies any more
//! must not lie there as if it were up to date. What the list names is not trusted to be ours. A run
//! that does not come to its end leaves a journal in the list's place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::{self, BufReader, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use trailtrim_emitter::is_policy_file;

use crate::exit::hinted;
use crate::interrupt::{self, Interrupted};
use crate::output::{Prepared, prepare, printable, tell, write_file};
use crate::summary::{LINES, count};

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
    /// Returns the paths that a list names, none where there is none; nothing where it is damaged.
    fn read(list: &Path) -> Option<BTreeSet<String>> {
        let mut earlier = Earlier::default();
        let Ok(file) = fs::File::open(list) else { return Some(earlier.paths) };
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
        // Where the reading is done, it is an error that the text goes on.
        let whole = json.deserialize_map(&mut earlier).is_ok();
        (whole || earlier.done).then_some(earlier.paths)
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
    require_inside(directory, policies)?;
    let names: Vec<PathBuf> = documents.iter().map(|(name, _)| directory.join(name)).collect();
    let list = names.first();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for list in list.into_iter().flat_map(|list| [list.clone(), journal(list)]) {
        match Earlier::read(&list) {
            Some(listed) => known.extend(listed),
            None => tell(&format!(
                "note: `{}` of an earlier run is damaged: policies that it lists and this run does not write stay there\n",
                list.display()
            )),
        }
    }
    let stale = stale(directory, &known, &written);
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
    // comes, so that none speaks of policies that are not there. What either names stands in the journal
    // until then: where this run does not come to its end, the next one knows by it what to remove.
    if let Some(list) = list {
        let policies = known.iter().map(String::as_str).chain(written.iter().copied()).collect();
        write_file(&journal(list), &serde_json::to_vec_pretty(&Journal { policies })?)?;
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
    if let Some(journal) = list.map(|list| journal(list)) {
        fs::remove_file(&journal)
            .with_context(|| format!("cannot remove `{}`", journal.display()))?;
    }
    Ok(removed)
}

/// What a list and the one before it name, while neither is there. It reads as a list does.
#[derive(Serialize)]
struct Journal<'p> {
    policies: BTreeSet<&'p str>,
}

/// Returns where the journal stands while what a list names is written. It is not hidden: whoever finds
/// it sees that the directory is not what any run wrote.
fn journal(list: &Path) -> PathBuf {
    let mut name = list.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    list.with_file_name(name)
}

/// Fails where a link in the directory leads a policy out of it: what is not removed through a link is
/// not written through it either.
fn require_inside(directory: &Path, policies: &[PolicyText]) -> anyhow::Result<()> {
    // Where it is not there yet, nothing is in it.
    let Ok(root) = fs::canonicalize(directory) else { return Ok(()) };
    let folders: BTreeSet<&Path> =
        policies.iter().filter_map(|policy| Path::new(&policy.path).parent()).collect();
    for folder in folders {
        let there = folder
            .ancestors()
            .map(|part| directory.join(part))
            .find(|part| fs::symlink_metadata(part).is_ok());
        let Some(there) = there else { continue };
        // What a link names may be missing, and would be made.
        if !fs::canonicalize(&there).is_ok_and(|real| real.starts_with(&root)) {
            return Err(hinted(
                format!(
                    "`{}` leads out of --out `{}` by a link",
                    there.display(),
                    directory.display()
                ),
                "remove the link, or name another directory",
            ));
        }
    }
    Ok(())
}

/// The longest folder of a policy below the directory: what some systems take for a whole path, less
/// some for where the directory is. What IAM allows as a name is shorter.
const LONGEST_FOLDER: usize = 900;

/// Gives folders of policies other names where a file system may not take them as they are: of those
/// that differ in case only each gets a suffix, and what is too long stands below `~long` by its hash.
/// Which name that is follows from the folder alone, and whether it is given from who else is there; no
/// segment of a name has a tilde in it. Returns the new path of each policy whose path changed.
pub(crate) fn tell_apart(policies: &mut [PolicyText]) -> BTreeMap<String, String> {
    let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for policy in &*policies {
        let folder = split(&policy.path).0;
        spellings.entry(folder.to_lowercase()).or_default().insert(folder.to_owned());
    }
    let (mut renamed, mut told) = (BTreeMap::new(), BTreeSet::new());
    for policy in policies {
        let (folder, file) = split(&policy.path);
        let hash = blake3::hash(folder.as_bytes()).to_hex();
        let (folder, why) = if folder.len() > LONGEST_FOLDER {
            let top = folder.split('/').next().unwrap_or_default();
            (format!("{top}/~long/{hash}"), "its own path is longer than file systems take")
        } else if spellings.get(&folder.to_lowercase()).is_some_and(|all| all.len() > 1) {
            let suffix = hash.get(..8).unwrap_or_default();
            (format!("{folder}~{suffix}"), "another name differs from it in case only")
        } else {
            continue;
        };
        let path = format!("{folder}/{file}");
        // Names are chosen by those who made the log, and may be many.
        if told.insert(folder.clone()) && told.len() <= LINES {
            let (owner, folder) = (printable(&policy.owner), printable(&folder));
            tell(&format!("note: what is for {owner} stands in `{folder}`: {why}\n"));
        }
        renamed.insert(std::mem::replace(&mut policy.path, path.clone()), path);
    }
    if let Some(more @ 1..) = told.len().checked_sub(LINES) {
        tell(&format!("note: {more} more stand in places with a `~`, for the same reasons\n"));
    }
    renamed
}

/// Returns the folder and the name of a policy's file.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
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
/// upper case from lower. [`tell_apart`] leaves only such as nobody would meet with by chance.
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

/// Returns the policies that earlier runs named and this one does not write: the listed path and
/// the file.
fn stale(
    directory: &Path,
    known: &BTreeSet<String>,
    written: &BTreeSet<&str>,
) -> Vec<(String, PathBuf)> {
    known
        .iter()
        .filter(|path| !written.contains(path.as_str()))
        .filter_map(|path| Some((path.clone(), policy_file(directory, path)?)))
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

    fn policy(path: &str) -> PolicyText {
        PolicyText { path: path.into(), owner: path.into(), text: "{}".into() }
    }

    #[test]
    fn folders_that_a_file_system_may_not_take_get_other_names() {
        let long = format!("1/role/{}", "a/".repeat(500));
        let mut policies = [
            policy("1/role/Api/policy-1.json"),
            policy("1/role/Api/policy-2.json"),
            policy("1/role/api/policy-1.json"),
            policy("1/role/Team/web/policy-1.json"),
            policy("1/role/team/db/policy-1.json"),
            policy(&format!("{long}policy.json")),
        ];
        let mut backwards = policies.clone();
        backwards.reverse();
        let renamed = tell_apart(&mut policies);
        assert_eq!(tell_apart(&mut backwards), renamed);
        let paths: Vec<&str> = policies.iter().map(|policy| policy.path.as_str()).collect();
        // Folders that hold files are told apart, and nothing else.
        assert_eq!(renamed.len(), 4);
        assert_eq!(paths[3..5], ["1/role/Team/web/policy-1.json", "1/role/team/db/policy-1.json"]);
        assert!(paths[0].starts_with("1/role/Api~") && paths[0].ends_with("/policy-1.json"));
        assert_eq!(split(paths[0]).0, split(paths[1]).0);
        assert!(paths[2].starts_with("1/role/api~"));
        assert!(paths[5].starts_with("1/~long/") && paths[5].len() < 100, "{}", paths[5]);
        let folded: BTreeSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
        assert_eq!(folded.len(), paths.len());
    }

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
