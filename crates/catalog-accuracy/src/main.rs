//! Prints how true the catalog's answers are; see the README.
//!
//! Without a measurement named it prints every figure, with one the lists behind it. What needs
//! the shared data says so and is skipped where it is absent.
#![expect(clippy::print_stdout, reason = "its output is the figures")]

mod brought;
mod call;
mod denials;
mod dependents;
mod explain;
mod naming;
mod newer;
mod rebuild;
#[path = "../../catalog/tests/support/record.rs"]
mod record;
mod reference;
mod rules;
mod shapes;
mod shared;
mod verdicts;

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Parser, Subcommand};
use serde_json::Value;
use trailtrim_catalog::Catalog;

/// Measure how true the catalog's answers are
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    measurement: Option<Measurement>,
}

#[derive(Subcommand)]
enum Measurement {
    /// List the operations that no IAM action is known for, and why
    Naming,
    /// Check the kept verdicts on operations drawn by seed
    Names {
        /// Print the draw as it is to be checked
        #[arg(long)]
        draw: bool,
        /// Draw by another seed than the kept one
        #[arg(long, default_value_t = verdicts::SEED)]
        seed: u64,
        /// Draw another number than the kept one; a large one prints every operation
        #[arg(long, default_value_t = verdicts::SIZE)]
        draws: usize,
        /// Read the rules from their files instead of those that were built in
        #[arg(long)]
        rules_now: bool,
    },
    /// Judge the ARNs of records made from the shapes of the core services' APIs
    Shapes {
        /// Print what becomes of every operation of this model, or of `all` (can be repeated)
        #[arg(long, value_name = "MODEL")]
        model: Vec<String>,
        /// Print each ARN variable with the members that filled it
        #[arg(long)]
        fills: bool,
        /// Print the drawn sample with its records, as it is to be checked by eye
        #[arg(long)]
        sample: bool,
        /// Draw the sample by another seed than the kept one
        #[arg(long, default_value_t = shapes::SEED)]
        seed: u64,
        /// Draw another number than the kept one; a large one prints every operation
        #[arg(long, default_value_t = shapes::SIZE)]
        draws: usize,
        /// Judge every API of a botocore wheel, not only the core services'
        #[arg(long)]
        wheel: Option<PathBuf>,
        /// Read the rules from their files instead of those that were built in
        #[arg(long)]
        rules_now: bool,
    },
    /// List what the reference says is needed along with calls and that is not granted with them
    Dependents {
        /// Read the rules from their files instead of those that were built in
        #[arg(long)]
        rules_now: bool,
    },
    /// List the tags and roles that come with calls and that nothing is granted for
    Brought {
        /// Read the rules from their files instead of those that were built in
        #[arg(long)]
        rules_now: bool,
    },
    /// Print what becomes of the events on standard input, JSON values one after another
    Explain {
        /// Read the rules from their files instead of those that were built in
        #[arg(long)]
        rules_now: bool,
    },
    /// Rebuild the ARNs of the shared events from their parameters
    Rebuild,
    /// Compare with the actions and ARNs that denial messages name
    Denials,
    /// Compare with a third party's map of SDK methods
    Reference,
    /// List the operations that an older botocore wheel does not have
    TakeNewer {
        /// The wheel of the last release that the youngest source of actions can know
        wheel: PathBuf,
    },
    /// Take the members that hold tags and roles out of a botocore wheel
    TakeBrought {
        /// The wheel, as `pip download` writes it
        wheel: PathBuf,
    },
    /// Take the core services' shapes out of a botocore wheel
    TakeShapes {
        /// The wheel, as `pip download` writes it
        wheel: PathBuf,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().measurement {
        None => everything(),
        Some(Measurement::Naming) => naming::measure(&shared::models()?, true),
        Some(Measurement::Names { draw: true, seed, draws, rules_now }) => {
            verdicts::print(catalog(rules_now)?, &shared::models()?, seed, draws);
            Ok(())
        }
        Some(Measurement::Names { draw: false, .. }) => verdicts::measure(&shared::models()?, true),
        Some(Measurement::Shapes { model, fills, sample, seed, draws, wheel, rules_now }) => {
            shapes::measure(
                catalog(rules_now)?,
                &model,
                wheel.as_deref(),
                fills,
                (sample, seed, draws),
            )
        }
        Some(Measurement::Dependents { rules_now }) => {
            dependents::measure(catalog(rules_now)?, true)
        }
        Some(Measurement::Brought { rules_now }) => brought::measure(catalog(rules_now)?, true),
        Some(Measurement::Explain { rules_now }) => {
            explain::explain(catalog(rules_now)?, std::io::stdin().lock())
        }
        Some(Measurement::Rebuild) => {
            rebuild::measure(&events(), true);
            Ok(())
        }
        Some(Measurement::Denials) => {
            denials::measure(&events());
            Ok(())
        }
        Some(Measurement::Reference) => reference(true),
        Some(Measurement::TakeNewer { wheel }) => newer::take(&wheel, &shared::models()?),
        Some(Measurement::TakeBrought { wheel }) => brought::take(&wheel),
        Some(Measurement::TakeShapes { wheel }) => shapes::take(&wheel),
    }
}

fn catalog(rules_now: bool) -> Result<Catalog> {
    if rules_now { rules::compiled() } else { Ok(Catalog::embedded()) }
}

fn everything() -> Result<()> {
    let models = shared::models()?;
    naming::measure(&models, false)?;
    verdicts::measure(&models, false)?;
    dependents::measure(Catalog::embedded(), false)?;
    brought::measure(Catalog::embedded(), false)?;
    shapes::measure(Catalog::embedded(), &[], None, false, (false, shapes::SEED, shapes::SIZE))?;
    let events = events();
    if events.is_empty() {
        return Ok(());
    }
    rebuild::measure(&events, false);
    denials::measure(&events);
    reference(false)
}

fn events() -> Vec<Value> {
    let events = shared::events();
    if events.is_empty() {
        println!("no shared events here: rebuild, denials and reference are skipped");
    }
    events
}

fn reference(lists: bool) -> Result<()> {
    reference::measure(&shared::models()?, lists).map_err(|error| anyhow!("{error}"))
}
