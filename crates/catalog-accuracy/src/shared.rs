//! The data that measurements stand on: the models, and the shared events where they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use trailtrim_catalog_compiler::data::{Model, from_lines};

/// Returns the API models.
pub fn models() -> std::io::Result<Vec<Model>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog/data/operations.jsonl.zst");
    from_lines(&std::fs::read(path)?)
}

/// Returns where the shared data would be.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data")
}

/// Returns a list of what people found out while they read the measurements' results.
pub fn list(name: &str) -> std::io::Result<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("lists").join(name))
}

/// Reasons why something is not granted, as a list keeps them, with those that were needed.
pub struct Reasons<R> {
    apart: Vec<R>,
    needed: BTreeSet<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Apart<R> {
    apart: Vec<R>,
}

impl<R: DeserializeOwned> Reasons<R> {
    /// Reads the reasons of a list.
    pub fn of(name: &str) -> Result<Reasons<R>> {
        let Apart { apart } =
            toml::from_str(&list(name)?).with_context(|| format!("lists/{name}"))?;
        Ok(Reasons { apart, needed: BTreeSet::new() })
    }

    /// Returns what the first reason answers that holds; it is needed then.
    pub fn find<T>(&mut self, holds: impl Fn(&R) -> Option<T>) -> Option<T> {
        let mut found =
            self.apart.iter().enumerate().filter_map(|(at, reason)| Some((at, holds(reason)?)));
        let (at, answer) = found.next()?;
        self.needed.insert(at);
        Some(answer)
    }

    /// Returns all reasons, needed or not.
    pub fn all(&self) -> impl Iterator<Item = &R> {
        self.apart.iter()
    }

    /// Returns the numbers of the reasons that nothing needed, from one on.
    pub fn idle(&self) -> Vec<usize> {
        (0..self.apart.len()).filter(|at| !self.needed.contains(at)).map(|at| at + 1).collect()
    }
}

/// Returns the CloudTrail events of the shared data, in the order of their files.
pub fn events() -> Vec<Value> {
    let mut files = Vec::new();
    walk(&directory().join("events"), &mut files);
    files.sort();
    let mut events = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            match value {
                Ok(value) => unwrap(value, &mut events),
                Err(_) => break,
            }
        }
    }
    events
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

fn unwrap(value: Value, events: &mut Vec<Value>) {
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| unwrap(value, events)),
        Value::Object(mut members) => {
            if let Some(records @ Value::Array(_)) = members.remove("Records") {
                unwrap(records, events);
            } else if let Some(detail @ Value::Object(_)) = members.remove("detail") {
                unwrap(detail, events);
            } else if members.contains_key("eventSource") && members.contains_key("eventName") {
                events.push(Value::Object(members));
            }
        }
        _ => {}
    }
}

/// Returns whether an event is an API call. Notifications and streams have records with the same
/// two names, whose source is no service's host name.
pub fn is_call(event: &Value) -> bool {
    let source = event.get("eventSource").and_then(Value::as_str).unwrap_or_default();
    source.contains('.')
        && event.get("eventType").and_then(Value::as_str).is_none_or(|kind| kind == "AwsApiCall")
}

/// Prints a share of a whole.
pub fn share(what: &str, part: usize, whole: usize) {
    let percent = if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
    println!("  {what}: {part} of {whole} ({percent:.1} %)");
}
