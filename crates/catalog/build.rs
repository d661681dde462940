//! Compiles facts and rules into the table that the crate embeds; a broken rule fails the build
//! with its file and line.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use trailtrim_catalog_compiler::{Input, compile, data};

fn main() -> Result<(), Box<dyn Error>> {
    let own = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo::rerun-if-changed=data");
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=build.rs");
    let input = read(&own)?;
    let bytes = compile(&input).map_err(|error| format!("rules/{error}"))?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("catalog.bin");
    std::fs::write(out, bytes)?;
    Ok(())
}

fn read(own: &Path) -> Result<Input, Box<dyn Error>> {
    let mut hasher = blake3::Hasher::new();
    let mut load = |name: &str| -> std::io::Result<Vec<u8>> {
        let content = std::fs::read(own.join("data").join(name))?;
        hasher.update(&content);
        Ok(content)
    };
    let services = data::from_lines(&load("iam.jsonl.zst")?)?;
    let models = data::from_lines(&load("operations.jsonl.zst")?)?;
    let sources: data::Sources = serde_json::from_slice(&load("sources.json")?)?;
    let mut rules = BTreeMap::new();
    for entry in std::fs::read_dir(own.join("rules"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            rules.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    for (name, text) in &rules {
        hasher.update(name.as_bytes()).update(text.as_bytes());
    }
    let packages = sources
        .packages
        .into_iter()
        .map(|package| {
            (format!("{}:{}", package.registry, package.name), package.version, package.sha256)
        })
        .collect();
    Ok(Input { services, models, rules, digest: hasher.finalize().to_hex().to_string(), packages })
}
