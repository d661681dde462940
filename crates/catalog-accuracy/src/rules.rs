//! The rules as their files are now, so that one can be tried out without building everything.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use trailtrim_catalog::Catalog;
use trailtrim_catalog_compiler::{Input, compile, data};

/// Compiles facts and rules into a catalog.
pub(crate) fn compiled() -> Result<Catalog> {
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog");
    let read = |name: &str| {
        std::fs::read(catalog.join("data").join(name))
            .with_context(|| format!("failed to read the catalog's data file `{name}`"))
    };
    let mut rules = BTreeMap::new();
    for entry in std::fs::read_dir(catalog.join("rules"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            rules.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    let services = data::from_lines(&read("iam.jsonl.zst")?)?;
    let models = data::from_lines(&read("operations.jsonl.zst")?)?;
    let input = Input { services, models, rules, ..Input::default() };
    // It is compiled once and lives as long as the program.
    Ok(Catalog::from_bytes(compile(&input)?.leak())?)
}
