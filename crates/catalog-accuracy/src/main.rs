//! Prints how true the catalog's answers are; see the README.
#![expect(clippy::print_stdout, reason = "its output is the figures")]

#[expect(dead_code, reason = "each user of it needs another part")]
#[path = "../../catalog/tests/support/record.rs"]
mod record;
mod rules;
mod shapes;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use trailtrim_catalog::Catalog;

/// Measure how true the catalog's answers are
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    measurement: Option<Measurement>,
}

#[derive(Subcommand)]
enum Measurement {
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
        /// Read the rules from their files instead of those that were built in
        #[arg(long)]
        rules_now: bool,
    },
    /// Take the core services' shapes out of a botocore wheel
    TakeShapes {
        /// The wheel, as `pip download` writes it
        wheel: PathBuf,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().measurement {
        None => shapes::measure(Catalog::embedded(), &[], false, false),
        Some(Measurement::Shapes { model, fills, sample, rules_now }) => {
            let catalog = if rules_now { rules::compiled()? } else { Catalog::embedded() };
            shapes::measure(catalog, &model, fills, sample)
        }
        Some(Measurement::TakeShapes { wheel }) => shapes::take(&wheel),
    }
}
