//! From botocore's service models to [`Model`]s: operations and the members that identify.
//!
//! Most of a model is structure that never names a resource. Kept are all texts at the top level,
//! further down only what is called an id, a name, an ARN or a role, and of structures only that
//! they are there.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use trailtrim_catalog_compiler::data::{Model, ModelOperation};

/// Deepest level at which ids and names are kept.
const NAMES: usize = 3;
/// Deepest level at which ARNs and roles are kept: they are looked for wherever they are.
const ARNS: usize = 5;

/// Converts every model of the package, newest version of each.
pub(crate) fn models(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Model>> {
    // Several old version directories hold endpoints only; the last with a model is the newest.
    let mut newest = BTreeMap::new();
    for path in files.keys() {
        let parts: Vec<&str> = path.split('/').collect();
        if let ["botocore", "data", service, _, "service-2.json.gz"] = parts.as_slice() {
            newest.insert((*service).to_owned(), path);
        }
    }
    newest
        .into_iter()
        .map(|(name, path)| {
            let content = files.get(path).map(Vec::as_slice).unwrap_or_default();
            let document: Value = serde_json::from_reader(flate2::read::GzDecoder::new(content))
                .with_context(|| format!("`{path}` is not a service model"))?;
            Ok(model(name, &document))
        })
        .collect()
}

fn model(name: String, document: &Value) -> Model {
    let metadata =
        |key: &str| document.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
    let endpoint = metadata("endpointPrefix").unwrap_or(&name).to_owned();
    let signing = metadata("signingName").unwrap_or(&endpoint).to_owned();
    let empty = Map::new();
    let shapes = document.get("shapes").and_then(Value::as_object).unwrap_or(&empty);
    let uris_matter = name.starts_with("apigateway");
    let is_ec2 = metadata("protocol") == Some("ec2");
    let mut operations: Vec<ModelOperation> = document
        .get("operations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, operation)| {
            let text = |pointer: &str| operation.pointer(pointer).and_then(Value::as_str);
            let members = |pointer: &str| {
                let mut walk = Walk { shapes, is_ec2, paths: BTreeSet::new(), within: Vec::new() };
                walk.shape(text(pointer).unwrap_or_default(), "", 1);
                walk.paths
            };
            let http = uris_matter.then(|| {
                let verb = text("/http/method").unwrap_or("POST").to_owned();
                let uri = text("/http/requestUri").unwrap_or("/");
                (verb, member_uri(shapes, text("/input/shape").unwrap_or_default(), uri))
            });
            let output = members("/output/shape")
                .into_iter()
                .filter(|path| !path.contains(['?', '{']) && identifies(path))
                .map(|path| path.trim_start_matches('!').to_owned())
                .collect();
            let input = members("/input/shape").into_iter().collect();
            ModelOperation { name: name.clone(), http, input, output }
        })
        .collect();
    operations.sort_by(|a, b| a.name.cmp(&b.name));
    Model { name, signing, endpoint, operations }
}

/// Returns a URI whose placeholders are called like the members that fill them.
fn member_uri(shapes: &Map<String, Value>, input: &str, uri: &str) -> String {
    let members = shapes.get(input).and_then(|shape| shape.get("members")?.as_object());
    // A member of the body may be called on the wire as one of the URI is in the model.
    let of_uri = |member: &Value| member.get("location").and_then(Value::as_str) == Some("uri");
    let members = members.into_iter().flatten().filter(|(_, member)| of_uri(member));
    members.fold(uri.to_owned(), |uri, (name, member)| {
        match member.get("locationName").and_then(Value::as_str) {
            Some(wire) => uri
                .replace(&format!("{{{wire}}}"), &format!("{{{name}}}"))
                .replace(&format!("{{{wire}+}}"), &format!("{{{name}+}}")),
            None => uri,
        }
    })
}

struct Walk<'m> {
    shapes: &'m Map<String, Value>,
    is_ec2: bool,
    paths: BTreeSet<String>,
    within: Vec<String>,
}

impl<'m> Walk<'m> {
    fn shape(&mut self, shape: &str, path: &str, depth: usize) {
        if depth > ARNS || self.within.iter().any(|outer| outer == shape) {
            return;
        }
        let Some(members) = self.field(shape, "members").and_then(Value::as_object) else {
            return;
        };
        let required: Vec<&str> = self
            .field(shape, "required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        self.within.push(shape.to_owned());
        for (name, member) in members {
            let target = member.get("shape").and_then(Value::as_str).unwrap_or_default();
            let mark = if depth == 1 && required.contains(&name.as_str()) { "!" } else { "" };
            self.member(&join(mark, path, name), target, depth);
            // EC2 writes members by the name they have on the wire.
            let wire = member.get("locationName").and_then(Value::as_str);
            if let Some(wire) = wire
                && self.is_ec2
                && !wire.eq_ignore_ascii_case(name)
            {
                self.member(&join(mark, path, wire), target, depth);
            }
        }
        self.within.pop();
    }

    fn member(&mut self, path: &str, target: &str, depth: usize) {
        match self.text(target, "type") {
            "string" => self.keep(path, depth),
            "list" => {
                let element = self.field(target, "member").and_then(|member| member.get("shape"));
                let element = element.and_then(Value::as_str).unwrap_or_default();
                match self.text(element, "type") {
                    "structure" => self.structure(path, element, depth),
                    "string" => self.keep(path, depth),
                    _ => {}
                }
            }
            "map" if depth == 1 => {
                self.paths.insert(format!("{path}{{}}"));
            }
            "structure" => self.structure(path, target, depth),
            "boolean" if depth == 1 => {
                self.paths.insert(format!("{path}?"));
            }
            _ => {}
        }
    }

    fn structure(&mut self, path: &str, shape: &str, depth: usize) {
        if depth == 1 {
            self.paths.insert(format!("{path}?"));
        }
        self.shape(shape, path.trim_start_matches('!'), depth + 1);
    }

    fn keep(&mut self, path: &str, depth: usize) {
        if depth == 1
            || (depth <= NAMES && identifies(path))
            || (depth <= ARNS && is_arn_or_role(path))
        {
            self.paths.insert(path.to_owned());
        }
    }

    fn text(&self, shape: &str, field: &str) -> &'m str {
        self.field(shape, field).and_then(Value::as_str).unwrap_or_default()
    }

    fn field(&self, shape: &str, field: &str) -> Option<&'m Value> {
        self.shapes.get(shape)?.get(field)
    }
}

fn join(mark: &str, path: &str, name: &str) -> String {
    if path.is_empty() { format!("{mark}{name}") } else { format!("{path}.{name}") }
}

fn leaf(path: &str) -> String {
    path.rsplit('.').next().unwrap_or_default().trim_start_matches('!').to_ascii_lowercase()
}

fn identifies(path: &str) -> bool {
    let leaf = leaf(path);
    is_arn_or_role(path)
        || ["id", "ids", "name", "names", "identifier", "identifiers"]
            .iter()
            .any(|ending| leaf.ends_with(ending))
}

fn is_arn_or_role(path: &str) -> bool {
    let leaf = leaf(path);
    ["arn", "arns"].iter().any(|ending| leaf.ends_with(ending))
        || ["role", "profile"].iter().any(|word| leaf.contains(word))
}
