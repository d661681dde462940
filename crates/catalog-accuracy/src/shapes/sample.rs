//! A hundred operations drawn by seed, with the verdicts of a person who checked each against
//! documentation (`lists/shapes-sample.toml`).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Trial;
use super::judge::Verdict;

const LIST: &str = include_str!("../../lists/shapes-sample.toml");
/// How many are drawn in the draw that is kept.
pub(crate) const SIZE: usize = 100;
/// What the order of drawing starts from in the draw that is kept.
pub(crate) const SEED: u64 = 20_261_215;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked {
    #[serde(default)]
    drawn: Vec<Drawn>,
}

/// A draw as it was checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drawn {
    /// `model Operation`.
    operation: String,
    /// What the catalog answered when it was checked.
    grants: Vec<String>,
    /// Whether all of it is right.
    right: bool,
    /// What the answer was compared with.
    #[expect(dead_code, reason = "it is for people")]
    note: String,
}

/// The operations with an ARN to check, in the order of drawing.
pub(super) struct Sample {
    seed: u64,
    size: usize,
    offered: BTreeMap<(u64, String), Trial>,
}

/// Mixes a name with the seed (FNV-1a), so that the order does not follow the alphabet.
fn place(name: &str, seed: u64) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn lines(trial: &Trial) -> Vec<String> {
    trial.grants.iter().map(|grant| format!("{} {}", grant.action, grant.resource)).collect()
}

impl Sample {
    /// Returns an empty drum.
    pub(super) fn new(seed: u64, size: usize) -> Sample {
        Sample { seed, size, offered: BTreeMap::new() }
    }

    /// Takes an operation into the drum, with one of its trials.
    pub(super) fn offer(&mut self, model: &str, operation: &str, trials: Vec<Trial>) {
        let name = format!("{model} {operation}");
        let place = place(&name, self.seed);
        let count = u64::try_from(trials.len()).unwrap_or(1).max(1);
        let named = |trial: &Trial| {
            matches!(trial.verdict, Verdict::Concrete | Verdict::ServerMade)
                && !trial.fills.is_empty()
        };
        let pick = usize::try_from(place % count).unwrap_or_default();
        if let Some(trial) = trials.into_iter().nth(pick).filter(named) {
            self.offered.insert((place, name), trial);
            if self.offered.len() > self.size {
                self.offered.pop_last();
            }
        }
    }

    /// Prints how many of the drawn were checked and right, and with `all` every draw.
    pub(super) fn print(&self, all: bool) -> Result<()> {
        let checked: Checked =
            toml::from_str(LIST).context("lists/shapes-sample.toml is not as expected")?;
        let checked: BTreeMap<&str, &Drawn> =
            checked.drawn.iter().map(|drawn| (drawn.operation.as_str(), drawn)).collect();
        let (mut right, mut wrong) = (0, 0);
        let mut anew = Vec::new();
        for ((_, name), trial) in &self.offered {
            match checked.get(name.as_str()) {
                Some(drawn) if drawn.grants == lines(trial) => {
                    *if drawn.right { &mut right } else { &mut wrong } += 1;
                }
                _ => anew.push(name.as_str()),
            }
            if all {
                println!("[[drawn]]\noperation = \"{name}\"");
                println!("# {}", trial.event.get("requestParameters").unwrap_or_default());
                println!("grants = {:#?}", lines(trial));
            }
        }
        println!(
            "  drawn by seed and checked by eye: {} drawn, {right} right, {wrong} wrong, {} to be checked",
            self.offered.len(),
            anew.len()
        );
        for name in anew.iter().take(if all { self.size } else { 5 }) {
            println!("    to be checked: {name}");
        }
        Ok(())
    }
}
