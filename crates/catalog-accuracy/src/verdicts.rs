//! Two hundred operations, drawn by seed and checked one by one against documentation.
//!
//! `lists/naming-sample.txt` keeps the draw with its verdicts, each with the document that was read.
//! A verdict is of the answer as it was drawn: one that was wrong stays so, with what it was mended
//! to. A line is stale if the catalog no longer says what was checked or mended; then it is to be
//! checked again.

use anyhow::{Result, anyhow};
use trailtrim_catalog::Catalog;
use trailtrim_catalog_compiler::data::Model;

use crate::naming::{find, how, inside};
use crate::shared::share;

/// The seed of the kept draw.
pub const SEED: u64 = 20270107;
/// How many operations the kept draw has.
pub const SIZE: usize = 200;

struct Verdict<'t> {
    operation: &'t str,
    how: &'t str,
    actions: &'t str,
    right: bool,
}

/// Draws the operations: those whose names, mixed with the seed, come first.
fn draw(
    catalog: Catalog,
    models: &[Model],
    seed: u64,
    size: usize,
) -> Vec<(String, &'static str, String)> {
    let mut drawn: Vec<(u64, String, &'static str, String)> = Vec::new();
    for model in models {
        for operation in &model.operations {
            let found = find(catalog, model, operation);
            if !inside(catalog, model, &found) {
                continue;
            }
            let name = format!("{}:{}", model.name, operation.name);
            let actions: Vec<&str> = found.actions().collect();
            let actions = if actions.is_empty() { "-".to_owned() } else { actions.join(",") };
            drawn.push((mixed(&name, seed), name, how(&found), actions));
        }
    }
    drawn.sort();
    drawn.into_iter().take(size).map(|(_, name, how, actions)| (name, how, actions)).collect()
}

/// Mixes a name with the seed (FNV-1a, then a finalizer, so that like names fall apart).
fn mixed(name: &str, seed: u64) -> u64 {
    let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Prints a draw as the list keeps it, without verdicts.
pub fn print(catalog: Catalog, models: &[Model], seed: u64, size: usize) {
    for (name, how, actions) in draw(catalog, models, seed, size) {
        println!("{name} | {how} | {actions} |");
    }
}

fn kept() -> Result<Vec<Verdict<'static>>> {
    let lines = include_str!("../lists/naming-sample.txt").lines();
    lines
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut columns = line.split('|').map(str::trim);
            let mut next = || columns.next().ok_or_else(|| anyhow!("too few columns: `{line}`"));
            let (operation, how, actions, verdict) = (next()?, next()?, next()?, next()?);
            let right = match verdict {
                "right" => true,
                "wrong" => false,
                _ => return Err(anyhow!("`{verdict}` of `{operation}`: say `right` or `wrong`")),
            };
            if next()?.is_empty() {
                return Err(anyhow!("`{operation}` names no document"));
            }
            Ok(Verdict { operation, how, actions, right })
        })
        .collect()
}

pub fn measure(models: &[Model], lists: bool) -> Result<()> {
    let drawn = draw(Catalog::embedded(), models, SEED, SIZE);
    let kept = kept()?;
    let wrong = kept.iter().filter(|verdict| !verdict.right).count();
    let mut stale = 0;
    for (name, how, actions) in &drawn {
        let same = kept.iter().any(|verdict| {
            verdict.operation == name && verdict.how == *how && verdict.actions == actions
        });
        if !same {
            stale += 1;
            if lists {
                println!("    to be checked again: {name} | {how} | {actions} |");
            }
        }
    }
    println!("names: {SIZE} operations drawn by seed and checked against documentation");
    share("right as drawn", kept.len() - wrong, kept.len());
    println!("  drawn but not as they were checked: {stale}");
    Ok(())
}
