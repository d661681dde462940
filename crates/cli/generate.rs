//! `trailtrim generate`: a policy for each principal, from behaviour alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use trailtrim_aggregator::Workload;
use trailtrim_catalog::Catalog;
use trailtrim_emitter::{Draft, draft, report};
use trailtrim_iam::{PolicyDocument, escape_controls};

use crate::directory;
use crate::drafting::DraftingArgs;
use crate::output::{tell, write_stdout};
use crate::trail::{Trail, TrailArgs};
use crate::usage::Split;
use crate::{Exit, summary};

/// Write the least policy that each principal's recorded calls needed
///
/// With --out, each policy is written to <DIR>/<account>/<role|user>/<path/name>/policy.json, and
/// report.json beside them; in other partitions than aws, below the partition's name:
/// <DIR>/aws-cn/<account>/… Policies that the report of an earlier run lists there and this run
/// does not write are removed. Without --out, policies go to standard output: the policy alone
/// where --principal names one, else one JSON object with a policy for each principal's ARN.
///
/// With --split-by workload, a role that several functions, instances or sessions share gets one
/// policy for each of them, in <…/path/name>/~workloads/<scope|session|none>/<name>/policy.json, and
/// none for all of them together. On standard output each ARN then has an object with a policy for
/// each workload: `scope <ARN>`, `session <name>`, `session` for more than are kept apart, `none`.
/// Session names are chosen by whoever assumes the role.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    trail: TrailArgs,

    #[command(flatten)]
    drafting: DraftingArgs,

    /// Directory for policies and report; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Draft one policy for each workload of a role that several share
    #[arg(long, value_enum, value_name = "WHAT")]
    split_by: Option<Split>,
}

/// Runs the command.
pub(crate) fn generate(args: &GenerateArgs) -> anyhow::Result<Exit> {
    if let Some(directory) = &args.out {
        directory::require(directory)?;
    }
    let catalog = Catalog::embedded();
    let trail = match args.split_by {
        Some(Split::Workload) => args.trail.read_by_workload(catalog)?,
        None => args.trail.read(catalog)?,
    };
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
    let mut policies: BTreeMap<&str, BTreeMap<String, &PolicyDocument>> = BTreeMap::new();
    for (principal, draft) in principals.iter().zip(drafts) {
        let of = policies.entry(&principal.arn).or_default();
        if let Some(policy) = &draft.policy {
            of.insert(principal.workload.as_ref().map(Workload::label).unwrap_or_default(), policy);
        }
    }
    if args.trail.selects_principals()
        && let Some((one, other)) = policies.keys().next().zip(policies.keys().nth(1))
    {
        bail!(
            "--principal matches {} principals, among them `{one}` and `{other}`; name one, or give --out",
            policies.len()
        );
    }
    policies.retain(|_, policies| !policies.is_empty());
    // A policy prints its elements in canonical order wherever it stands.
    let split = args.split_by.is_some();
    let mut text = match policies.first_key_value() {
        None if args.trail.selects_principals() => {
            bail!("nothing is granted on what was recorded; see `trailtrim usage`")
        }
        Some((_, only)) if args.trail.selects_principals() => match only.values().next() {
            Some(policy) if !split => policy.to_json_pretty(),
            _ => escape_controls(serde_json::to_string_pretty(only)?),
        },
        _ if split => escape_controls(serde_json::to_string_pretty(&policies)?),
        _ => {
            let whole: BTreeMap<&str, &PolicyDocument> = policies
                .iter()
                .filter_map(|(arn, policies)| Some((*arn, *policies.values().next()?)))
                .collect();
            escape_controls(serde_json::to_string_pretty(&whole)?)
        }
    };
    text.push('\n');
    Ok(text)
}
