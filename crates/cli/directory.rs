//! The output directory: a policy for each principal, and `report.json`.
//!
//! The directory may hold what an earlier run left. Its report lists the policies it wrote, and
//! those that this run does not write again are removed: a policy that nobody justifies any more
//! must not lie there as if it were up to date. What the report lists is not trusted to be ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use trailtrim_emitter::POLICY_FILES;
use trailtrim_emitter::report::Report;
use trailtrim_iam::escape_controls;

use crate::exit::hinted;
use crate::interrupt::{self, Interrupted};
use crate::output::write_file;
use crate::summary::count;

const REPORT_FILE: &str = "report.json";

/// What is read of an earlier report.
#[derive(Deserialize)]
struct Earlier {
    principals: Vec<EarlierPrincipal>,
}

#[derive(Deserialize)]
struct EarlierPrincipal {
    policy_path: Option<String>,
}

/// Fails where something else stands in the directory's place, or in that of one above it.
pub(crate) fn require(directory: &Path) -> anyhow::Result<()> {
    let there = directory.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)));
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
        _ => Ok(()),
    }
}

/// Writes policies and report, and returns which policies of an earlier run it removed. `texts`
/// belong to the report's principals, in their order.
pub(crate) fn write(
    directory: &Path,
    report: &Report,
    texts: &[Option<String>],
) -> anyhow::Result<Vec<String>> {
    let written = paths(report)?;
    let stale = stale(directory, &written);
    let policies: Vec<(&String, &String)> = report
        .principals
        .iter()
        .zip(texts)
        .filter_map(|(principal, text)| principal.policy_path.as_ref().zip(text.as_ref()))
        .collect();
    // From here to the end the directory is between two runs.
    let _whole = interrupt::hold();
    let report_path = directory.join(REPORT_FILE);
    // First the report and last the new one, so that none speaks of policies that are not there.
    match fs::remove_file(&report_path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error)
                .with_context(|| format!("cannot replace `{}`", report_path.display()));
        }
        _ => {}
    }
    let mut removed = Vec::new();
    for (path, file) in stale {
        fs::remove_file(&file).with_context(|| format!("cannot remove `{}`", file.display()))?;
        removed.push(path);
    }
    for (left, (path, text)) in (1..=policies.len()).rev().zip(policies) {
        if interrupt::requested() {
            return Err(Interrupted(format!(
                "{} and `{}` were not written",
                count(left as u64, "policy", "policies"),
                report_path.display()
            ))
            .into());
        }
        write_file(&directory.join(path), text.as_bytes())?;
    }
    let mut text = escape_controls(serde_json::to_string_pretty(report)?);
    text.push('\n');
    write_file(&report_path, text.as_bytes())?;
    Ok(removed)
}

/// Returns the paths of the policies, and fails where two are one: some file systems do not tell
/// upper case from lower.
fn paths(report: &Report) -> anyhow::Result<BTreeSet<&str>> {
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for principal in &report.principals {
        let Some(path) = &principal.policy_path else { continue };
        if let Some(other) = folded.insert(path.to_lowercase(), &principal.arn) {
            return Err(hinted(
                format!(
                    "the policies of `{other}` and `{}` would both be written to `{path}`",
                    principal.arn
                ),
                "give --principal with the ARN of one, and --out another directory for each",
            ));
        }
        paths.insert(path.as_str());
    }
    Ok(paths)
}

/// Returns the policies that an earlier report lists and this run does not write: the listed path
/// and the file.
fn stale(directory: &Path, written: &BTreeSet<&str>) -> Vec<(String, PathBuf)> {
    let Some(earlier) = fs::read(directory.join(REPORT_FILE))
        .ok()
        .and_then(|text| serde_json::from_slice::<Earlier>(&text).ok())
    else {
        return Vec::new();
    };
    let listed: BTreeSet<String> =
        earlier.principals.into_iter().filter_map(|principal| principal.policy_path).collect();
    listed
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
    if !plain || !POLICY_FILES.iter().any(|file| name == *file) {
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
        assert!(ours("1/role/a/policy.json") && ours("1/role/a/policy.tf"));
        let absolute = root.path().join("outside/policy.json");
        for path in [
            "../outside/policy.json",
            "1/../../outside/policy.json",
            "1/role/a/notes.txt",
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
