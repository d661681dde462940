//! The shapes of the core APIs, taken out of the pinned botocore wheel.
//!
//! Only names and types are taken, no documentation texts. A structure is an object, a list an
//! array of its element, a map an object with the one key [`MAP`]. Texts are `text:Shape`, those
//! whose shape or pattern says so `arn:Shape`, enumerations `enum:A|B`, all else `other`. A member
//! with another name on the wire is written `Name@wire`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The key of a map's values.
pub(crate) const MAP: &str = "{}";
/// Where the shapes are kept, below the crate.
pub(super) const KEPT: &str = "lists/shapes.jsonl.zst";
/// Where a wheel has its models, and what the file of one is called.
const MODELS: &str = "botocore/data/";
const MODEL: &str = "/service-2.json.gz";
/// Deepest level of members that is kept.
const DEEPEST: usize = 5;

/// The shapes of one API.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Model {
    /// Name of the model.
    pub(crate) name: String,
    /// First label of the event source.
    pub(super) source: String,
    /// The wire protocol.
    pub(super) protocol: String,
    /// Operations by name.
    pub(crate) operations: BTreeMap<String, Operation>,
}

/// The input of one operation.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Operation {
    /// Members that every call has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) required: Vec<String>,
    /// Members and their shapes.
    #[serde(default)]
    pub(crate) input: Map<String, Value>,
}

/// Writes the kept file anew.
pub(super) fn take(wheel: &Path, models: &[String]) -> Result<usize> {
    let mut wheel = Wheel::open(wheel)?;
    let mut lines = Vec::new();
    for name in models {
        serde_json::to_writer(&mut lines, &wheel.model(name)?)?;
        lines.push(b'\n');
    }
    let packed = zstd::bulk::compress(&lines, 19)?;
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT), &packed)?;
    Ok(packed.len())
}

/// Reads every model of a wheel.
pub(crate) fn all(wheel: &Path) -> Result<Vec<Model>> {
    let mut wheel = Wheel::open(wheel)?;
    let names: BTreeSet<String> = wheel
        .archive
        .file_names()
        .filter(|path| path.ends_with(MODEL))
        .filter_map(|path| path.strip_prefix(MODELS)?.split_once('/'))
        .map(|(name, _)| name.to_owned())
        .collect();
    names.iter().map(|name| wheel.model(name)).collect()
}

/// A botocore wheel, as `pip download` writes it.
struct Wheel {
    archive: zip::ZipArchive<File>,
}

impl Wheel {
    fn open(path: &Path) -> Result<Wheel> {
        let file =
            File::open(path).with_context(|| format!("failed to open `{}`", path.display()))?;
        Ok(Wheel { archive: zip::ZipArchive::new(file)? })
    }

    /// Reads the newest version of a model.
    fn model(&mut self, name: &str) -> Result<Model> {
        let start = format!("{MODELS}{name}/");
        let newest = self
            .archive
            .file_names()
            .filter(|path| path.starts_with(&start) && path.ends_with(MODEL))
            .max()
            .map(str::to_owned)
            .with_context(|| format!("the wheel has no model `{name}`: mend lists/core.toml"))?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(self.archive.by_name(&newest)?).read_to_string(&mut text)?;
        Ok(model(name, &serde_json::from_str(&text)?))
    }
}

/// Reads the kept file.
pub(super) fn kept() -> Result<Vec<Model>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT);
    let packed = std::fs::read(&path).with_context(|| format!("failed to read {KEPT}"))?;
    let lines = zstd::decode_all(packed.as_slice())?;
    serde_json::Deserializer::from_slice(&lines)
        .into_iter()
        .map(|model| model.map_err(anyhow::Error::from))
        .collect()
}

fn model(name: &str, document: &Value) -> Model {
    let metadata =
        |key: &str| document.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
    let endpoint = metadata("endpointPrefix").unwrap_or(name);
    let shapes = Shapes {
        of: document.get("shapes").unwrap_or(&Value::Null),
        wired: ["ec2", "rest-xml"].contains(&metadata("protocol").unwrap_or_default()),
    };
    let operations = document.get("operations").and_then(Value::as_object).into_iter().flatten();
    Model {
        name: name.to_owned(),
        source: metadata("signingName").unwrap_or(endpoint).to_owned(),
        protocol: metadata("protocol").unwrap_or_default().to_owned(),
        operations: operations
            .map(|(name, operation)| {
                let input = operation.pointer("/input/shape").and_then(Value::as_str);
                (name.clone(), shapes.operation(input.unwrap_or_default()))
            })
            .collect(),
    }
}

struct Shapes<'d> {
    of: &'d Value,
    wired: bool,
}

impl Shapes<'_> {
    fn operation(&self, input: &str) -> Operation {
        let required = self.of.get(input).and_then(|shape| shape.get("required"));
        let names = required.and_then(Value::as_array).into_iter().flatten();
        Operation {
            required: names.filter_map(Value::as_str).map(str::to_owned).collect(),
            input: self.members(input, &mut Vec::new()),
        }
    }

    fn members<'s>(&'s self, shape: &'s str, within: &mut Vec<&'s str>) -> Map<String, Value> {
        let mut members = Map::new();
        if within.len() >= DEEPEST || within.contains(&shape) {
            return members;
        }
        let found = self.of.get(shape).and_then(|shape| shape.get("members"));
        within.push(shape);
        for (name, member) in found.and_then(Value::as_object).into_iter().flatten() {
            let text = |key: &str| member.get(key).and_then(Value::as_str);
            let value = self.value(text("shape").unwrap_or_default(), within);
            let key = match text("locationName").filter(|wire| self.wired && wire != name) {
                Some(wire) => format!("{name}@{wire}"),
                None => name.clone(),
            };
            members.insert(key, value);
        }
        within.pop();
        members
    }

    fn value<'s>(&'s self, name: &'s str, within: &mut Vec<&'s str>) -> Value {
        let shape = self.of.get(name).unwrap_or(&Value::Null);
        let text = |pointer: &str| shape.pointer(pointer).and_then(Value::as_str);
        match text("/type").unwrap_or_default() {
            "structure" => Value::Object(self.members(name, within)),
            "list" => {
                let element = self.value(text("/member/shape").unwrap_or_default(), within);
                match text("/member/locationName").filter(|wire| self.wired && *wire != "item") {
                    // EC2 names the elements of its lists.
                    Some(wire) => json!([element, wire]),
                    None => json!([element]),
                }
            }
            "map" => {
                let value = self.value(text("/value/shape").unwrap_or_default(), within);
                json!({ MAP: value })
            }
            "string" => match shape.get("enum").and_then(Value::as_array) {
                Some(values) => {
                    let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                    Value::String(format!("enum:{}", values.join("|")))
                }
                None => {
                    let pattern = text("/pattern").unwrap_or_default().trim_start_matches('^');
                    let is_arn = pattern.starts_with("arn:")
                        || pattern.starts_with("arn[")
                        || name.to_ascii_lowercase().ends_with("arn");
                    Value::String(format!("{}:{name}", if is_arn { "arn" } else { "text" }))
                }
            },
            _ => Value::String("other".to_owned()),
        }
    }
}
