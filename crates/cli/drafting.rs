//! The arguments of every command that drafts.

use clap::{Args, ValueEnum};
use trailtrim_emitter::{DraftOptions, Taste};

/// How to draft.
#[derive(Debug, Args)]
pub(crate) struct DraftingArgs {
    /// How to write the resources that were seen
    #[arg(long, value_enum, default_value_t)]
    resources: Resources,

    /// Leave out what workloads need whatever they do, such as a function's own log
    #[arg(long)]
    no_baseline: bool,
}

/// How to write resources.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Resources {
    /// As they were seen; more names than `--name-quota` keeps, by their prefix
    Exact,
    /// Names of one run by what they are one of, written keys by their prefix, all else exact
    #[default]
    Balanced,
    /// Every key, and every name with a path, by its parent prefix
    Prefix,
    /// Every name by its resource type; never a bucket, never a passed or assumed role
    Type,
}

impl DraftingArgs {
    /// Returns how to draft.
    pub(crate) fn options(&self) -> DraftOptions {
        let taste = match self.resources {
            Resources::Exact => Taste::Exact,
            Resources::Balanced => Taste::Balanced,
            Resources::Prefix => Taste::Prefix,
            Resources::Type => Taste::Type,
        };
        DraftOptions { taste, baseline: !self.no_baseline }
    }
}
