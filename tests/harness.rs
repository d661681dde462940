//! Runs the binary, apart from the user's environment.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Returns a command that runs the binary with nothing of the environment.
pub fn trailtrim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailtrim"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// A finished `generate --out`.
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard error.
    pub stderr: String,
    out: TempDir,
}

impl Run {
    /// Returns `report.json`.
    pub fn report(&self) -> Value {
        let text = fs::read_to_string(self.out.path().join("report.json"))
            .unwrap_or_else(|error| panic!("no report: {error}\n{}", self.stderr));
        serde_json::from_str(&text).unwrap()
    }

    /// Returns every file that was written, by its path below the output directory.
    pub fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        tree(self.out.path())
    }

    /// Returns the policy files by principal ARN, as the report names them.
    pub fn policies(&self) -> BTreeMap<String, Value> {
        let report = self.report();
        let mut policies = BTreeMap::new();
        for principal in list(&report, "principals") {
            if let Some(path) = principal.get("policy_path").and_then(Value::as_str) {
                let text = fs::read_to_string(self.out.path().join(path)).unwrap();
                policies.insert(
                    text_of(principal, "arn").to_owned(),
                    serde_json::from_str(&text).unwrap(),
                );
            }
        }
        policies
    }
}

/// Runs `generate` on `trails` into a fresh directory.
pub fn generate<T: AsRef<OsStr>>(trails: &[T], options: &[&str]) -> Run {
    let mut command = trailtrim();
    command.arg("generate").args(trails).args(options);
    finish(command)
}

/// Adds a fresh output directory to a `generate` command, and runs it.
pub fn finish(mut command: Command) -> Run {
    let out = TempDir::new().unwrap();
    let Output { status, stdout, stderr } = command.arg("--out").arg(out.path()).output().unwrap();
    let stderr = text(stderr);
    assert!(stdout.is_empty(), "data on standard output beside --out");
    let code = status.code().unwrap_or_else(|| panic!("killed: {status}\n{stderr}"));
    assert!(!stderr.contains("panicked"), "{stderr}");
    Run { code, stderr, out }
}

/// Returns the files below a directory by their paths.
pub fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    files(root)
        .into_iter()
        .map(|path| {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            (key, fs::read(path).unwrap())
        })
        .collect()
}

/// Returns the files below a directory in the order of their paths.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns a folder of the shared real data, or says why the test is skipped.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: the shared data are not beside the repository (../shared/data/{folder})");
    None
}

/// Returns the input of the fixture trail.
pub fn fixture_trail() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trail/input")
}

/// Returns the list in a field; empty where it is absent.
pub fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the string in a field.
pub fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text in `{field}` of {value}"))
}

/// Returns the number in a field.
pub fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("no number in `{field}` of {value}"))
}

/// Returns bytes as text, which everything that the program says must be.
pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
