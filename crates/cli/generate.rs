//! `trailtrim generate`: a policy for each principal, from behaviour alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use trailtrim_catalog::Catalog;
use trailtrim_emitter::{Draft, draft, report};
use trailtrim_iam::escape_controls;

use crate::directory;
use crate::drafting::DraftingArgs;
use crate::output::{tell, write_stdout};
use crate::trail::{Trail, TrailArgs};
use crate::{Exit, summary};

/// Write the least policy that each principal's recorded calls needed
///
/// With --out, each policy is written to <DIR>/<account>/<role|user>/<path/name>/policy.json, and
/// report.json beside them; in other partitions than aws, below the partition's name:
/// <DIR>/aws-cn/<account>/… Policies that the report of an earlier run lists there and this run
/// does not write are removed. Without --out, policies go to standard output: the policy alone
/// where --principal names one, else one JSON object with a policy for each principal's ARN.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    trail: TrailArgs,

    #[command(flatten)]
    drafting: DraftingArgs,

    /// Directory for policies and report; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn generate(args: &GenerateArgs) -> anyhow::Result<Exit> {
    if let Some(directory) = &args.out {
        directory::require(directory)?;
    }
    let catalog = Catalog::embedded();
    let trail = args.trail.read(catalog)?;
    args.trail
        .require_principals(&trail.activity)
        .inspect_err(|_| tell(&summary::of_usage(&trail)))?;
    let options = args.drafting.options();
    let principals = trail.activity.principals.iter();
    let drafts: Vec<Draft> =
        principals.map(|principal| draft(principal, catalog, options)).collect();
    let report = report::report(
        env!("CARGO_PKG_VERSION"),
        catalog,
        trail.filters.clone(),
        trail.input.clone(),
        &trail.activity,
        &drafts,
        options,
    );
    let removed = match &args.out {
        Some(directory) => directory::write(directory, &report, &drafts)?,
        None => {
            write_stdout(stdout_document(args, &trail, &drafts)?.as_bytes())?;
            Vec::new()
        }
    };
    tell(&summary::of_policies(&trail, &report, &removed));
    Ok(if trail.lossy { Exit::Skipped } else { Exit::Done })
}

fn stdout_document(args: &GenerateArgs, trail: &Trail, drafts: &[Draft]) -> anyhow::Result<String> {
    let principals = &trail.activity.principals;
    let mut text = if args.trail.selects_principals() {
        if let [principal, other, ..] = principals.as_slice() {
            bail!(
                "--principal matches {} principals, among them `{}` and `{}`; name one, or give --out",
                principals.len(),
                principal.arn,
                other.arn
            );
        }
        match drafts.first().and_then(|draft| draft.policy.as_ref()) {
            Some(policy) => policy.to_json_pretty(),
            None => bail!("nothing is granted on what was recorded; see `trailtrim usage`"),
        }
    } else {
        let mut policies = BTreeMap::new();
        for (principal, draft) in principals.iter().zip(drafts) {
            if let Some(policy) = &draft.policy {
                policies.insert(&principal.arn, policy);
            }
        }
        // A policy prints its elements in canonical order wherever it stands.
        escape_controls(serde_json::to_string_pretty(&policies)?)
    };
    text.push('\n');
    Ok(text)
}
