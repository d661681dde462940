//! Turns AWS facts and written rules into the flat table that `trailtrim-catalog` embeds.
//!
//! The facts are the data files of the refresh tool ([`data`]), the rules are TOML. For every
//! event that can be told apart the compiler works out a plan: the actions, for each resource type
//! of each action where every ARN variable comes from, the roles passed, and from all of these the
//! paths of a record that are worth keeping. The table's layout is shared with its reader.
//!
//! It runs in the catalog's `build.rs` and in the refresh tool, so a rule that names something
//! that does not exist fails the build with its file and line.

pub mod data;
mod fill;
#[path = "../../catalog/src/layout.rs"]
#[expect(dead_code, reason = "the reader uses the rest of it")]
mod layout;
mod names;
mod pass;
mod plan;
mod rules;
mod tables;
mod tagging;
mod types;
mod when;
mod world;
mod writer;

use std::collections::BTreeMap;

use data::{Model, Service};

/// A rule that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct CompileError {
    /// Name of the rule file.
    pub file: String,
    /// Line, from 1; 0 if unknown.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// What goes into a catalog.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The authorization reference.
    pub services: Vec<Service>,
    /// The API models.
    pub models: Vec<Model>,
    /// Rule files: name and text, in the order of their names.
    pub rules: BTreeMap<String, String>,
    /// Digest of facts and rules, as the catalog shows it.
    pub digest: String,
    /// Packages: name, version, hash.
    pub packages: Vec<(String, String, String)>,
}

/// Compiles a catalog.
///
/// # Errors
/// Fails on the first rule that is malformed or names something that does not exist.
pub fn compile(input: &Input) -> Result<Vec<u8>, CompileError> {
    let files = parse(&input.rules)?;
    let services = rules::with_actions(&input.services, &files)?;
    let world = world::World::new(&services, &input.models, &files);
    world.check()?;
    tables::write(&world, input)
}

fn parse(rules: &BTreeMap<String, String>) -> Result<Vec<rules::Named>, CompileError> {
    rules.iter().map(|(name, text)| rules::Named::parse(name, text)).collect()
}
