//! The operations that are newer than what is known of actions.
//!
//! `lists/newer.txt` is the difference between the pinned models and an older release of them, the
//! last one of which the youngest source of actions can be expected to know the operations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use trailtrim_catalog_compiler::data::Model;

const KEPT: &str = "lists/newer.txt";

/// Operations by model.
pub type Newer = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// Returns the kept list.
pub fn kept() -> Newer {
    include_str!("../lists/newer.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(model, operations)| (model, operations.split(' ').collect()))
        .collect()
}

#[derive(Deserialize)]
struct Operations {
    operations: BTreeMap<String, serde::de::IgnoredAny>,
}

/// Writes the list anew: what the pinned models have and a wheel of an older release has not.
pub fn take(wheel: &Path, models: &[Model]) -> Result<()> {
    let file = File::open(wheel).with_context(|| format!("cannot open `{}`", wheel.display()))?;
    let mut archive = zip::ZipArchive::new(file)?;
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    let mut paths: Vec<String> = archive.file_names().map(str::to_owned).collect();
    paths.sort();
    for path in paths {
        if let ["botocore", "data", model, _, "service-2.json.gz"] =
            path.split('/').collect::<Vec<_>>().as_slice()
        {
            newest.insert((*model).to_owned(), path.clone());
        }
    }
    let release = wheel.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let release = release.split('-').nth(1).unwrap_or_default();
    let mut text = format!(
        "# Operations that botocore {release} did not have, a model a line: `take-newer WHEEL`.\n"
    );
    let mut count = 0;
    for model in models {
        let old = match newest.get(&model.name) {
            None => BTreeMap::new(),
            Some(path) => {
                let mut content = String::new();
                flate2::read::GzDecoder::new(archive.by_name(path)?)
                    .read_to_string(&mut content)?;
                serde_json::from_str::<Operations>(&content)?.operations
            }
        };
        let names = model.operations.iter().map(|operation| operation.name.as_str());
        let names: Vec<&str> = names.filter(|name| !old.contains_key(*name)).collect();
        if !names.is_empty() {
            count += names.len();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {}", model.name, names.join(" "));
        }
    }
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT), text)?;
    println!("{count} operations are newer than {release}");
    Ok(())
}
