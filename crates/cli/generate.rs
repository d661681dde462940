//! `trailtrim generate`: a policy for each principal, from behaviour alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use trailtrim_aggregator::{Brought, Principal, Workload};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::backtest::{Drafting, Fold};
use trailtrim_emitter::fit::Limits;
use trailtrim_emitter::page::{self, Sources};
use trailtrim_emitter::render::{NamedPolicy, Target, html, policy_name, report_markdown};
use trailtrim_emitter::report::{self, Described, Report};
use trailtrim_emitter::{
    Draft, MissingDataEvents, POLICY_FILE, Packed, PermissionSets, draft, draft_together, packed,
    policy_path,
};
use trailtrim_iam::{PolicyDocument, escape_controls};

use crate::directory::{self, Content, PolicyText};
use crate::drafting::DraftingArgs;
use crate::exit::hinted;
use crate::output::{printable, tell, write_stdout};
use crate::policy_format::{PolicyFormat, Rendered};
use crate::trail::{Cut, Trail, TrailArgs};
use crate::usage::Split;
use crate::{Exit, interrupt, summary, time};

/// The document that lists the policies.
const REPORT_FILE: &str = "report.json";

/// Write the least policy that each principal's recorded calls needed
///
/// With --out, each policy is written to <DIR>/<account>/<role|user>/<path/name>/policy.json, and
/// report.json beside them; in other partitions than aws, below the partition's name:
/// <DIR>/aws-cn/<account>/… In other formats the file is policy.tf, template.yaml or template.json;
/// as Markdown or HTML, report.md or report.html is written beside report.json, and policies as JSON.
/// Policies that the report of an earlier run lists there and this run does not write are removed.
/// Without --out, policies go to standard output: the policy alone where --principal names one,
/// else one JSON object with a policy for each principal's ARN.
///
/// With --split-by workload, a role that several functions, instances or sessions share gets one
/// policy for each of them, in <…/path/name>/~workloads/<scope|provider|session|none>/<name>/policy.json, and
/// none for all of them together. On standard output each ARN then has an object with a policy for
/// each workload: `scope <ARN>`, `provider <name>`, `session <name>`, the kind alone for more than are kept
/// apart, and `none`.
/// Session names are chosen by whoever assumes the role.
///
/// A policy that is too large for one managed policy is written as several of them in Terraform and
/// CloudFormation, and stays one document as JSON. What is too large even so is marked in the file, in
/// the report and on standard error.
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

    /// Draft one policy for all roles of an Identity Center permission set, which has one in all of its
    /// accounts
    #[arg(long, value_enum, value_name = "BY", conflicts_with = "split_by")]
    group_by: Option<Group>,

    /// Form of the policies, or of what is read about them
    #[arg(long, value_enum, default_value_t)]
    format: GenerateFormat,
}

/// By what roles of several accounts are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// The Identity Center permission set
    PermissionSet,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum GenerateFormat {
    /// The policy documents
    #[default]
    Json,
    /// The policy and its attachment, for Terraform
    Terraform,
    /// The policy and its attachment, as a CloudFormation template in YAML
    Cloudformation,
    /// The policy and its attachment, as a CloudFormation template in JSON
    CloudformationJson,
    /// All principals in one Markdown text that fits a comment on a pull request
    Markdown,
    /// One page for a browser, with all evidence: nothing in it is fetched or sent
    Html,
}

impl GenerateFormat {
    /// Returns the form of the policies themselves.
    fn policies(self) -> PolicyFormat {
        match self {
            GenerateFormat::Json | GenerateFormat::Markdown | GenerateFormat::Html => {
                PolicyFormat::Json
            }
            GenerateFormat::Terraform => PolicyFormat::Terraform,
            GenerateFormat::Cloudformation => PolicyFormat::Cloudformation,
            GenerateFormat::CloudformationJson => PolicyFormat::CloudformationJson,
        }
    }

    /// Returns what is read about all policies together, with the name of its file.
    fn document(
        self,
        report: &Report,
        described: &Described<'_>,
        sources: &Sources<'_>,
    ) -> Option<(&'static str, String)> {
        match self {
            GenerateFormat::Markdown => {
                Some(("report.md", report_markdown(report, &described.all())))
            }
            GenerateFormat::Html => {
                let page = page::of_report(report, &described.all(), sources);
                Some(("report.html", html(&page)))
            }
            _ => None,
        }
    }
}

/// Runs the command.
pub(crate) fn generate(args: &GenerateArgs) -> anyhow::Result<Exit> {
    if let Some(directory) = &args.out {
        directory::require(directory)?;
        interrupt::will_write(directory);
    }
    let catalog = Catalog::embedded();
    let (mut trail, cut) = read(args, catalog)?;
    args.trail.require_records(trail.nothing, &trail.input, args.out.as_deref())?;
    args.trail
        .require_principals(&trail.activity)
        .inspect_err(|_| tell(&summary::of_usage(&trail)))?;
    let options = args.drafting.options();
    let pool = args.trail.pool()?;
    let mut drafts: Vec<Draft> = pool.install(|| {
        let principals = trail.activity.principals.par_iter();
        principals.map(|principal| draft(principal, catalog, options)).collect()
    });
    if args.group_by.is_some() {
        let draft = |roles: &[&Principal]| draft_together(roles, catalog, options);
        group(&mut trail.activity.principals, &mut drafts, &draft);
    }
    let backtest = cut.map(|cut| {
        let before = Drafting { activity: &cut.before, catalog, options };
        Fold::new(time::show(cut.at), None, before, &cut.after)
    });
    let sources = Sources {
        activity: &trail.activity,
        drafts: &drafts,
        coverage: &trail.coverage,
        catalog,
        backtest: backtest.as_ref(),
    };
    let accounts = trail.activity.principals.iter().map(|one| one.account.as_str());
    let missing = MissingDataEvents::of_all(&trail.coverage, accounts);
    let tell_of = |described: &Described<'_>| {
        report::report(
            env!("CARGO_PKG_VERSION"),
            catalog,
            trail.filters.clone(),
            trail.input.clone(),
            described,
            options,
            missing.clone(),
        )
    };
    let removed = match &args.out {
        Some(directory) => {
            let (policies, paths) = pool.install(|| policies(args, &trail, &drafts))?;
            let described = Described::new(&trail.activity, &drafts, &paths)
                .selected(args.trail.leaves_out_holders());
            let report = tell_of(&described);
            let write: Content<'_> = Box::new(|out| pool.install(|| report.write(&described, out)));
            let mut documents = vec![(REPORT_FILE, write)];
            let other = pool.install(|| args.format.document(&report, &described, &sources));
            documents.extend(other.map(|(name, text)| (name, directory::text(text))));
            directory::write(directory, &policies, documents)?
        }
        None => {
            // Nothing is written below a directory.
            let described = Described::new(&trail.activity, &drafts, &[])
                .selected(args.trail.leaves_out_holders());
            let report = tell_of(&described);
            let text = match pool.install(|| args.format.document(&report, &described, &sources)) {
                Some((_, text)) => text,
                None => stdout_document(args, &trail, &drafts)?,
            };
            write_stdout(text.as_bytes())?;
            Vec::new()
        }
    };
    tell(&summary::of_policies(&trail, &drafts, options.taste, &removed));
    tell(&summary::of_missing(&missing));
    let exit = if trail.lossy { Exit::Skipped } else { Exit::Done };
    // Nothing comes after that: the system takes all of it back at once, and not name by name.
    std::mem::forget((trail, drafts));
    Ok(exit)
}

/// Reads the trail; for the page in two parts as well, where it is long enough to put a draft from the
/// first to the second.
fn read(args: &GenerateArgs, catalog: Catalog) -> anyhow::Result<(Trail, Option<Cut>)> {
    Ok(match (args.split_by, args.format) {
        (Some(Split::Workload), _) => (args.trail.read_by_workload(catalog)?, None),
        (None, GenerateFormat::Html) => {
            let (mut trail, mut cut) = args.trail.read_and_cut(catalog, None)?;
            args.trail.select(&mut trail.activity);
            if let Some(cut) = &mut cut {
                args.trail.select(&mut cut.before);
                args.trail.select(&mut cut.after);
            }
            (trail, cut)
        }
        (None, _) => (args.trail.read(catalog)?, None),
    })
}

/// Drafts together what is for roles of one permission set. What could not be mapped of one of them is
/// missing in the policy of all.
fn group(
    principals: &mut [Principal],
    drafts: &mut [Draft],
    draft: &dyn Fn(&[&Principal]) -> Option<Draft>,
) {
    let mut sets: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (at, one) in principals.iter().enumerate() {
        if let Some(set) = &one.permission_set {
            let partition = one.arn.split(':').nth(1).unwrap_or_default();
            sets.entry((partition.to_owned(), set.clone())).or_default().push(at);
        }
    }
    for places in sets.into_values().filter(|places| places.len() > 1) {
        let roles: Vec<&Principal> = places.iter().filter_map(|at| principals.get(*at)).collect();
        let frozen: BTreeSet<String> =
            roles.iter().flat_map(|role| role.frozen.iter().cloned()).collect();
        let mut brought = BTreeMap::<_, Brought>::new();
        for (event, on) in roles.iter().flat_map(|role| &role.brought) {
            brought.entry(event.clone()).or_default().join(on.clone());
        }
        let Some(joint) = draft(&roles) else { continue };
        for at in places {
            if let Some((role, own)) = principals.get_mut(at).zip(drafts.get_mut(at)) {
                role.frozen.clone_from(&frozen);
                role.brought.clone_from(&brought);
                *own = joint.clone();
            }
        }
    }
}

/// A policy that is to be written.
struct Policy<'p> {
    principal: &'p Principal,
    packed: Packed,
    /// What it is for, where that is more than the principal.
    title: Option<String>,
    /// What whoever deploys it has to know first.
    caveats: Vec<String>,
}

/// Packs policies as a form wants them.
struct Packing {
    format: PolicyFormat,
    sets: PermissionSets,
}

impl Packing {
    fn of(args: &GenerateArgs, trail: &Trail) -> Packing {
        let roles = trail.activity.principals.iter();
        let roles = roles.filter_map(|one| Some((&*one.arn, one.permission_set.as_deref()?)));
        let sets = PermissionSets::of(roles).selected(args.trail.leaves_out_holders());
        Packing { format: args.format.policies(), sets }
    }

    fn pack<'p>(
        &self,
        principal: &'p Principal,
        draft: &Draft,
        document: &PolicyDocument,
    ) -> Policy<'p> {
        let set = principal.permission_set.as_deref();
        let packed = match (self.format, set) {
            // A document to read, and to make others of.
            (PolicyFormat::Json, _) => Packed { documents: vec![document.clone()], misfit: None },
            (PolicyFormat::Terraform, Some(_)) => packed(document, &Limits::permission_set()),
            _ => packed(document, &Limits::managed()),
        };
        let mut caveats: Vec<String> = packed.misfit.iter().cloned().collect();
        // Templates bring managed policies, which may differ by account.
        let templates = [PolicyFormat::Cloudformation, PolicyFormat::CloudformationJson];
        if let Some(set) = set.filter(|_| !templates.contains(&self.format)) {
            caveats.extend(match draft.together.is_empty() {
                true => self.sets.caveat(&principal.arn, set),
                false => self.sets.unseen(set),
            });
        }
        let together = draft.together.iter().cloned().collect::<Vec<_>>().join(", ");
        let whole = set.filter(|_| self.format == PolicyFormat::Terraform && !together.is_empty());
        let title = whole.map(|set| {
            format!(
                "the permission set {set}, as it was used in {together}; the file is the same for each \
                 of them: apply one"
            )
        });
        Policy { principal, packed, title, caveats }
    }
}

/// Renders every policy. Returns also the paths of the files, for each principal that has one. Works
/// on the current rayon pool.
fn policies(
    args: &GenerateArgs,
    trail: &Trail,
    drafts: &[Draft],
) -> anyhow::Result<(Vec<PolicyText>, Vec<Option<String>>)> {
    let packing = Packing::of(args, trail);
    let principals = trail.activity.principals.par_iter().zip(drafts);
    let packed = principals
        .map(|(principal, draft)| Some(packing.pack(principal, draft, draft.policy.as_ref()?)));
    let packed: Vec<Option<Policy<'_>>> = packed.collect();
    let cautions: Vec<String> = packed.iter().flatten().flat_map(Policy::cautions).collect();
    let rendered: Vec<Option<(PolicyText, Option<String>)>> = packed
        .into_par_iter()
        .map(|one| {
            let Some(one) = one else { return Ok(None) };
            let rendered = render(packing.format, &one)?;
            let path = policy_path(one.principal);
            let folder = path.strip_suffix(POLICY_FILE).unwrap_or_default();
            let path = format!("{folder}{}", rendered.format.file_name());
            let told = rendered.told(one.principal);
            let owner = one.principal.arn.clone();
            Ok(Some((PolicyText { path, owner, text: rendered.text }, told)))
        })
        .collect::<anyhow::Result<_>>()?;
    rendered.iter().flatten().filter_map(|(_, told)| told.as_deref()).for_each(tell);
    tell(&summary::of_cautions(&cautions));
    let own = |one: &Option<(PolicyText, _)>| one.as_ref().map(|(policy, _)| policy.path.clone());
    let mut paths: Vec<Option<String>> = rendered.iter().map(own).collect();
    let mut policies: Vec<PolicyText> =
        rendered.into_iter().flatten().map(|(policy, _)| policy).collect();
    let renamed = directory::tell_apart(&mut policies);
    for path in paths.iter_mut().flatten() {
        if let Some(other) = renamed.get(path) {
            path.clone_from(other);
        }
    }
    Ok((policies, paths))
}

/// Renders one policy.
fn render(format: PolicyFormat, policy: &Policy<'_>) -> anyhow::Result<Rendered> {
    let own = Target::from(policy.principal);
    let title = policy.title.clone().unwrap_or_else(|| own.title.clone());
    let target = Target { title, caveats: policy.caveats.clone(), ..own };
    let documents = policy.packed.documents.iter();
    let numbers = 1..=documents.len();
    let names: Vec<String> = numbers.map(|number| policy_name(&target, number)).collect();
    let named: Vec<NamedPolicy<'_>> = names
        .iter()
        .zip(documents)
        .map(|(name, document)| NamedPolicy { name, document })
        .collect();
    format.render(&target, &named)
}

impl Rendered {
    /// Says where another form was taken than asked for.
    fn told(&self, principal: &Principal) -> Option<String> {
        let why = self.instead.as_ref()?;
        let (whose, why) = (printable(&principal.arn), printable(why));
        Some(format!("note: the policy of {whose} is written as JSON: {why}\n"))
    }
}

impl Policy<'_> {
    /// Says what is the matter with the policy.
    fn cautions(&self) -> Vec<String> {
        let whose = &self.principal.arn;
        self.caveats.iter().map(|caveat| format!("the policy of {whose}: {caveat}")).collect()
    }
}

/// The policies of a principal by their workloads; by nothing where these are not told apart.
type Policies<'t> = BTreeMap<String, (&'t Principal, &'t Draft, &'t PolicyDocument)>;

fn stdout_document(args: &GenerateArgs, trail: &Trail, drafts: &[Draft]) -> anyhow::Result<String> {
    let principals = &trail.activity.principals;
    let mut policies: BTreeMap<&str, Policies<'_>> = BTreeMap::new();
    for (principal, draft) in principals.iter().zip(drafts) {
        let of = policies.entry(&principal.arn).or_default();
        if let Some(policy) = &draft.policy {
            let label = principal.workload.as_ref().map(Workload::label).unwrap_or_default();
            of.insert(label, (principal, draft, policy));
        }
    }
    let (selected, split) = (args.trail.selects_principals(), args.split_by.is_some());
    // Only JSON has a form for several.
    let single = (selected && policies.len() == 1) || args.format != GenerateFormat::Json;
    if single && let Some((one, other)) = policies.keys().next().zip(policies.keys().nth(1)) {
        return Err(hinted(
            format!(
                "{} {} principals, among them `{one}` and `{other}`",
                if selected { "--principal matches" } else { "the trail has" },
                policies.len()
            ),
            "name one with --principal, or give --out for all",
        ));
    }
    policies.retain(|_, policies| !policies.is_empty());
    let documents = |policies: &Policies<'_>| -> BTreeMap<String, PolicyDocument> {
        policies.iter().map(|(label, (.., policy))| (label.clone(), (*policy).clone())).collect()
    };
    // A policy prints its elements in canonical order wherever it stands.
    let mut text = match policies.first_key_value() {
        None if single => {
            return Err(hinted(
                "nothing is granted on what was recorded",
                "`trailtrim usage` and `trailtrim denials` show what was tried",
            ));
        }
        Some((_, only)) if single && (!split || args.format != GenerateFormat::Json) => {
            let mut all = only.values();
            match (all.next(), all.next()) {
                (Some((principal, draft, policy)), None) => {
                    let packing = Packing::of(args, trail);
                    let policy = packing.pack(principal, draft, policy);
                    let rendered = render(packing.format, &policy)?;
                    rendered.told(principal).as_deref().into_iter().for_each(tell);
                    tell(&summary::of_cautions(&policy.cautions()));
                    return Ok(rendered.text);
                }
                _ => {
                    return Err(hinted(
                        format!("the role has policies for {} workloads", only.len()),
                        "give --out for all, or leave --format out",
                    ));
                }
            }
        }
        Some((_, only)) if single => {
            escape_controls(serde_json::to_string_pretty(&documents(only))?)
        }
        _ if split => {
            let all: BTreeMap<_, _> =
                policies.iter().map(|(arn, policies)| (arn, documents(policies))).collect();
            escape_controls(serde_json::to_string_pretty(&all)?)
        }
        _ => {
            let whole: BTreeMap<_, _> = policies
                .iter()
                .filter_map(|(arn, policies)| Some((arn, policies.values().next()?.2)))
                .collect();
            escape_controls(serde_json::to_string_pretty(&whole)?)
        }
    };
    text.push('\n');
    Ok(text)
}
