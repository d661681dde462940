//! `trailtrim compare`: does a policy allow anything that another does not?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use trailtrim_catalog::Catalog;
use trailtrim_iam::read::{Contents, Document, Elsewhere, PolicyKind};
use trailtrim_iam::{Comparison, Effect, Limits, Policies, Witness, compare as contain, wildcard};

use crate::Exit;
use crate::exit::hinted;
use crate::format::Format;
use crate::output::{printable, tell as say};
use crate::policy_files::{Candidates, PolicyFiles, StatementName, read_file};
use crate::screen::show;

/// Prove that new policies allow nothing that existing ones do not, or show what they do
///
/// All that the files hold of one kind counts, which is to be what one principal or resource has: that of
/// --existing together, and that of --new. A request that is shown was checked by evaluating both.
/// What can neither be proved nor shown is undecided, with the reason.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Policies that are there (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    existing: Vec<PathBuf>,

    /// Policies that shall take their place (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    new: Vec<PathBuf>,

    /// What the policies are for [default: as the files say]
    #[arg(long, value_enum)]
    kind: Option<Kind>,

    /// Exit with 1 unless it is proved that there is no new access
    #[arg(long)]
    check: bool,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a policy is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Users, groups or roles
    Identity,
    /// A resource; also a role's trust policy
    Resource,
}

impl Kind {
    fn policies(self) -> &'static [PolicyKind] {
        match self {
            Self::Identity => &[PolicyKind::Identity, PolicyKind::Unstated],
            Self::Resource => &[PolicyKind::Resource, PolicyKind::Trust, PolicyKind::Unstated],
        }
    }
}

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Answer {
    /// `null` where it is undecided.
    new_access: Option<bool>,
    witnesses: Vec<Shown>,
    undecided: Vec<Open>,
}

/// A request that is new access.
#[derive(Debug, Serialize)]
struct Shown {
    action: String,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    /// The condition keys of the request; all others are absent from it.
    context: BTreeMap<String, Vec<String>>,
    /// The statement that allows it.
    allowed_by: StatementName,
}

/// A statement of which it is not known.
#[derive(Debug, Serialize)]
struct Open {
    reason: String,
    statement: StatementName,
}

/// Runs the command.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let (existing, new) = sides(args)?;
    pass_over(&existing, &new)?;
    let catalog = Catalog::embedded();
    let name_actions = |pattern: &str| name_actions(catalog, pattern);
    let takes = |action: &str, resource: &str| takes(catalog, action, resource);
    let limits = Limits { name_actions: &name_actions, takes: &takes, ..Limits::default() };
    let found = contain(&existing.documents(), &new.documents(), &limits);
    let answer = Answer::of(&found, &existing, &new);
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&answer)? + "\n",
        Format::Human => answer.tell(),
    };
    show(args.format, &text)?;
    Ok(if args.check && answer.new_access != Some(false) { Exit::Findings } else { Exit::Done })
}

/// What limits a principal, or an organization's: compared where the files say of nothing else what it is.
const LIMITS: [PolicyKind; 3] =
    [PolicyKind::Boundary, PolicyKind::ServiceControl, PolicyKind::ResourceControl];

/// Reads both sides: policies of one kind, and of one whom they are attached to.
fn sides(args: &CompareArgs) -> anyhow::Result<(PolicyFiles, PolicyFiles)> {
    let contents = |files: &[PathBuf]| -> anyhow::Result<Vec<Contents>> {
        files.iter().map(|file| read_file(file)).collect()
    };
    let (before, after) = (contents(&args.existing)?, contents(&args.new)?);
    let files: Vec<Vec<PolicyKind>> = before.iter().chain(&after).map(kinds).collect();
    let held: BTreeSet<PolicyKind> = files.iter().flatten().copied().collect();
    let stated: BTreeSet<PolicyKind> =
        held.iter().copied().filter(|kind| *kind != PolicyKind::Unstated).collect();
    let only = stated.first().filter(|kind| stated.len() == 1 && LIMITS.contains(kind));
    // What names no principal may be either.
    let can_be =
        |kind: Kind| files.iter().all(|held| held.iter().any(|one| kind.policies().contains(one)));
    let wanted: Vec<PolicyKind> = match (args.kind, only) {
        (Some(kind), _) => kind.policies().to_vec(),
        (None, Some(only)) => vec![*only, PolicyKind::Unstated],
        (None, None) => {
            let kind = match (can_be(Kind::Identity), can_be(Kind::Resource)) {
                (false, true) => Kind::Resource,
                _ => Kind::Identity,
            };
            // No policy is passed over that nobody said to pass over.
            if !stated.iter().all(|one| kind.policies().contains(one)) {
                return Err(hinted(
                    "the files hold policies of several kinds",
                    "choose one with --kind",
                ));
            }
            kind.policies().to_vec()
        }
    };
    if wanted.contains(&PolicyKind::Identity) {
        require_limits(&before, &after)?;
    }
    let read = |files: &[PathBuf]| {
        let files = Candidates::read(files, &wanted)?;
        match wanted.iter().any(|kind| matches!(kind, PolicyKind::Identity | PolicyKind::Boundary))
        {
            true => files.of(None),
            false => files.of_one(),
        }
    };
    Ok((read(&args.existing)?, read(&args.new)?))
}

/// Returns the kinds of a file's policies, also of those that it attaches and does not hold.
fn kinds(contents: &Contents) -> Vec<PolicyKind> {
    let kind = |one: &Elsewhere| match one.boundary {
        true => PolicyKind::Boundary,
        false => PolicyKind::Identity,
    };
    let held = contents.policies.iter().map(|policy| policy.kind);
    held.chain(contents.elsewhere.iter().map(kind)).collect()
}

/// What a boundary forbids today it is to forbid then: fails where one is another then, or is not known.
fn require_limits(before: &[Contents], after: &[Contents]) -> anyhow::Result<()> {
    let limits = |side: &[Contents]| -> Vec<(BTreeSet<String>, Document)> {
        let policies = side.iter().flat_map(|contents| &contents.policies);
        let boundaries = policies.filter(|policy| policy.kind == PolicyKind::Boundary);
        boundaries.map(|one| (one.holders.clone(), one.document.clone())).collect()
    };
    let then = limits(after);
    let open = before.iter().any(|contents| contents.open_boundary);
    if !open && limits(before).iter().all(|one| then.contains(one)) {
        return Ok(());
    }
    Err(hinted(
        "a permissions boundary of --existing is another in --new, or is not known",
        "compare documents without one, each as a file of its own, and boundaries by themselves",
    ))
}

/// A policy whose document the files have not allows the same on both sides, where both surely attach it to the same, and
/// no Deny statement is in question that limited it. A boundary limits both alike.
fn pass_over(existing: &PolicyFiles, new: &PolicyFiles) -> anyhow::Result<()> {
    let attached = |side: &PolicyFiles| -> BTreeSet<Elsewhere> {
        side.elsewhere.iter().map(|missing| missing.policy.clone()).collect()
    };
    let mut statements = existing.documents.iter().flat_map(|document| &document.statements);
    let denies = statements.any(|statement| statement.effect == Effect::Deny);
    let open = attached(existing).iter().any(|one| !one.certain);
    if attached(existing) != attached(new) || denies || open {
        for side in [new, existing] {
            side.elsewhere.first().map_or(Ok(()), |missing| Err(missing.refused()))?;
        }
    }
    for Elsewhere { policy, boundary, .. } in attached(existing) {
        let (what, so) = match boundary {
            true => ("a permissions boundary", "what is found may be forbidden by it"),
            false => ("attached", "what is found may be allowed by it"),
        };
        say(&format!(
            "note: `{}` is {what} on both sides, and its document is not given: {so}\n",
            printable(&policy)
        ));
    }
    Ok(())
}

/// Returns the catalog's actions that match a lower-case pattern.
fn name_actions(catalog: Catalog, pattern: &str) -> Vec<String> {
    let Some((service, _)) = pattern.split_once(':') else { return Vec::new() };
    let names = |facts: trailtrim_catalog::ServiceFacts| {
        let ids = facts.actions().map(|action| action.id());
        let matching = ids.filter(|id| wildcard::matches_ignore_case(pattern, id));
        matching.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    if service.contains(['*', '?']) {
        return catalog.services().flat_map(names).collect();
    }
    catalog.service(service).map(names).unwrap_or_default()
}

/// Tells whether an action can be done to a resource, as far as the catalog knows: one that takes no
/// ARN can be done to `*` only.
fn takes(catalog: Catalog, action: &str, resource: &str) -> bool {
    let Some(facts) = catalog.action(action) else { return true };
    if !facts.resource_types_are_known() {
        return true;
    }
    resource == "*" || facts.resource_types().next().is_some()
}

impl Answer {
    fn of(found: &Comparison, existing: &PolicyFiles, new: &PolicyFiles) -> Self {
        let policies = Policies::compile(existing.documents.iter().chain(&new.documents));
        let shown = |witness: &Witness| {
            let request = &witness.request;
            let context = request.context.iter().filter_map(|(key, values)| {
                Some((policies.spelled(key).to_owned(), values?.to_vec()))
            });
            Shown {
                action: request.action.to_string(),
                resource: request.resource.clone(),
                principal: request.principal.as_ref().map(|who| who.as_str().to_owned()),
                context: context.collect(),
                allowed_by: new.name(&witness.statement),
            }
        };
        let open = found.undecided.iter().map(|undecided| Open {
            reason: undecided.reason.to_string(),
            statement: new.name(&undecided.statement),
        });
        Self {
            new_access: found.new_access(),
            witnesses: found.witnesses.iter().map(shown).collect(),
            undecided: open.collect(),
        }
    }

    fn tell(&self) -> String {
        let mut text = String::from(match self.new_access {
            Some(false) => "proved: no new access\n",
            Some(true) => "new access\n",
            None => "undecided\n",
        });
        for Shown { action, resource, principal, context, allowed_by } in &self.witnesses {
            let _ = write!(text, "  {action} on {}", printable(resource));
            if let Some(principal) = principal {
                let _ = write!(text, " by {}", printable(principal));
            }
            for (key, values) in context {
                let _ = write!(text, ", {}={}", printable(key), printable(&values.join(",")));
            }
            let _ = writeln!(text, "\n    allowed by {}", printable(&allowed_by.text()));
        }
        for Open { reason, statement } in &self.undecided {
            let _ = writeln!(text, "  {}: {}", printable(&statement.text()), printable(reason));
        }
        text
    }
}
