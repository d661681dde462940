//! `trailtrim diff`: what is attached, beside what was used, and the draft that takes its place.

mod accepted;
mod files;
mod format;
mod tell;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use trailtrim_aggregator::coverage::ActionEvents;
use trailtrim_aggregator::{Facts, permission_set};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::attached::{Inventory, UnknownPolicy};
use trailtrim_emitter::diff::{Diff, Inputs, Options, Past, Status, diff as describe};
use trailtrim_emitter::fit::Budget as Sizes;
use trailtrim_emitter::tighten::{Lookout, Settings, Standards, UNUSED_DAYS};
use trailtrim_emitter::{ConditionKind, Taste};
use trailtrim_iam::read::{Attachments, Elsewhere, HolderKind, PolicyKind};

use accepted::Accepted;
use files::Form;
use format::{DiffFormat, Kind};

use crate::Exit;
use crate::config::{self, Config};
use crate::coverage::{SelectorArgs, tell_stray};
use crate::exit::hinted;
use crate::globs::Globs;
use crate::output::{printable, tell as say, write_stdout};
use crate::policy_files::{Candidates, Given, Missing, read_file};
use crate::screen::Screen;
use crate::trail::{Trail, TrailArgs};
use crate::{directory, interrupt, region, summary, time};

/// Compare what is attached with what was used, and draft what takes its place
///
/// Each attached Allow statement is restricted to the actions and resources that were used, and to
/// what the log could not have shown. Conditions, Deny statements and boundaries stay. Nothing is
/// called unused where CloudTrail was not proved to look: declare what the trails were told to log
/// with --event-selectors, and which regions are in use with --use-region. What the holder's own Deny
/// or its boundary surely forbids goes as well: it is not allowed today.
///
/// Every draft is proved by the policy engine: what was used is still allowed, nothing is allowed
/// that was not before, nothing in it is idle, and it keeps AWS's limits. Where a proof fails, the
/// command fails and writes nothing.
///
/// With --out, the drafts for a principal are written to <DIR>/<account>/<role|user>/<path/name>/, those
/// for what several share to <DIR>/shared/…, and diff.json beside them; drafts that the diff.json of an
/// earlier run lists there and this run does not write are removed. A draft is policy-1.json and so on,
/// or policy.tf, template.yaml or template.json, with what attaches it; detach what it takes the place of.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    trail: TrailArgs,

    /// Policies attached to the one principal that is looked at; of plans and templates in JSON, those that are
    /// attached to it (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "account_authorization_details")]
    attached: Vec<PathBuf>,

    /// Output of `aws iam get-account-authorization-details`, one for each account (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "attached")]
    account_authorization_details: Vec<PathBuf>,

    #[command(flatten)]
    selectors: SelectorArgs,

    /// Configuration (pins, taste, limits); what is given here goes before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Covered days after which what was not seen counts as unused [default: 30]
    #[arg(long, value_name = "DAYS", value_parser = days)]
    unused_days: Option<usize>,

    /// The regions that are in use: what names no region is looked for in these alone (can be repeated)
    #[arg(long = "use-region", value_name = "REGION", value_parser = region::parse)]
    used_regions: Vec<String>,

    /// Take actions out that the log need not have shown, by pattern such as `appsync:*` (can be
    /// repeated)
    #[arg(long, value_name = "ACTION")]
    drop_unobservable: Vec<String>,

    /// How to write the resources that were used: `exact`, `balanced`, `prefix` or `type`
    /// [default: balanced]
    #[arg(long, value_name = "TASTE", value_parser = taste)]
    resources: Option<Taste>,

    /// Add conditions that held in every call of a statement: `requested-region`, `source-vpce` or
    /// `source-ip` (can be repeated). An address is written as the network that it is in, a /24, or a
    /// /48 of IPv6: its neighbours are let in as well
    #[arg(long = "condition", value_name = "KIND", value_parser = config::condition)]
    conditions: Vec<ConditionKind>,

    /// As what the drafts are to be attached, which sets how large they may be
    #[arg(long, value_enum, value_name = "AS", default_value_t)]
    budget: Budget,

    /// Judge roles together that are one in several accounts
    #[arg(long, value_enum, value_name = "BY")]
    group_by: Option<GroupBy>,

    /// Directory for drafts and diff.json; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// End with 1 where something attached is unused, or something used is unexplainedly not attached; where some
    /// input was skipped, with 3 all the same
    #[arg(long)]
    check: bool,

    /// Findings that are known and accepted until a day; --check passes over them
    #[arg(long, value_name = "FILE", requires = "check")]
    baseline: Option<PathBuf>,

    /// How to print, or to write drafts; markdown, html and sarif are written beside diff.json with --out
    #[arg(long, value_enum, default_value_t)]
    format: DiffFormat,
}

/// As what a draft is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Budget {
    /// Customer managed policies
    #[default]
    Managed,
    /// Inline policies, each within the limit of a role, user or group
    #[value(aliases = ["inline-role", "inline-user", "inline-group"])]
    Inline,
    /// Inline policy of a permission set
    PermissionSet,
}

impl Budget {
    fn sizes(self) -> Sizes {
        match self {
            Budget::Managed => Sizes::managed(),
            Budget::Inline => Sizes::inline(),
            Budget::PermissionSet => Sizes::permission_set(),
        }
    }
}

/// By what roles of several accounts are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GroupBy {
    /// The role's name
    RoleName,
    /// The Identity Center permission set
    PermissionSet,
}

fn taste(text: &str) -> Result<Taste, String> {
    let known = || Taste::ALL.iter().map(|taste| taste.code()).collect::<Vec<_>>().join("`, `");
    let found = Taste::ALL.into_iter().find(|taste| taste.code() == text);
    found.ok_or_else(|| format!("write `{}`", known()))
}

fn days(text: &str) -> Result<usize, String> {
    let days = text.parse().ok().filter(|days| *days > 0);
    days.ok_or_else(|| "write a number of days from 1 on".to_owned())
}

/// Runs the command.
pub(crate) fn diff(args: &DiffArgs) -> anyhow::Result<Exit> {
    let catalog = Catalog::embedded();
    // Before anything long: a wrong file should not cost a reading of the archive.
    if let Some(directory) = &args.out {
        directory::require(directory)?;
        interrupt::will_write(directory);
    }
    let declarations = args.selectors.read()?;
    let config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    config.tell_unknown(&args.drop_unobservable, catalog);
    let accepted = args.baseline.as_deref().map(Accepted::read).transpose()?.unwrap_or_default();
    let Dumps { holders: dumps, names } = read_dumps(&args.account_authorization_details)?;
    let attached = read_attached(&args.attached)?;
    let (mut trail, mut cut) = args.trail.read_and_cut(catalog, Some(&names))?;
    args.trail.require_records(trail.nothing, &trail.input, args.out.as_deref())?;
    for declaration in declarations {
        if let Some(cut) = &mut cut {
            cut.coverage.declare(declaration.clone());
        }
        trail.coverage.declare(declaration);
    }
    let mut inventory = match args.attached.is_empty() {
        true => Inventory::of_dumps(&dumps, &trail.activity.policy_changes),
        false => of_files(args, &trail, attached)?,
    };
    let left_out = Globs::new(&config.leave_out);
    if !config.leave_out.is_empty() {
        inventory.leave_out(&|arn| left_out.match_arn(arn));
    }
    match args.group_by {
        None => {}
        Some(GroupBy::RoleName) => inventory
            .group(&|one| one.arn.contains(":role/").then(|| format!("role name {}", one.name))),
        Some(GroupBy::PermissionSet) => inventory.group(&|one| {
            let name = one.arn.split_once(":role/")?.1;
            permission_set(name).map(|set| format!("permission set {set}"))
        }),
    }
    let events = ActionEvents::of(catalog);
    let given = |here: &[String], there: &[String]| -> BTreeSet<String> {
        if here.is_empty() { there } else { here }.iter().cloned().collect()
    };
    let regions = given(&args.used_regions, &config.use_regions);
    let option = if args.used_regions.is_empty() { "`use-regions`" } else { "--use-region" };
    region::tell_unseen(option, &regions, &trail);
    let unused_days = args.unused_days.or(config.unused_days).unwrap_or(UNUSED_DAYS);
    let taste = args.resources.or(config.taste()?).unwrap_or_default();
    let tastes = config.taste_of()?;
    let conditions: BTreeSet<ConditionKind> =
        args.conditions.iter().copied().chain(config.conditions()?).collect();
    let lookout = |coverage| {
        Lookout::new(coverage, &events, unused_days, (!regions.is_empty()).then(|| regions.clone()))
    };
    let earlier = cut.as_ref().map(|cut| lookout(&cut.coverage));
    let lookout = lookout(&trail.coverage);
    let settings = Settings {
        pins: config.pins(),
        never: config.never.clone(),
        drop_unobservable: given(&args.drop_unobservable, &config.drop_unobservable)
            .into_iter()
            .collect(),
    };
    let inputs = Inputs {
        tool_version: env!("CARGO_PKG_VERSION"),
        filters: trail.filters.clone(),
        input: trail.input.clone(),
        options: Options {
            unused_days,
            regions: regions.iter().cloned().collect(),
            resources: taste.code().to_owned(),
        },
        inventory: &inventory,
        activity: &trail.activity,
        coverage: &trail.coverage,
        standards: Standards {
            lookout: &lookout,
            settings: &settings,
            taste_of: &|service| tastes.get(service).copied().unwrap_or(taste),
            conditions: &conditions,
            catalog,
        },
        budget: args.budget.sizes().with(config.limits.document, config.limits.documents),
        past: cut.as_ref().zip(earlier.as_ref()).map(|(cut, lookout)| Past {
            split: time::show(cut.at),
            before: &cut.before,
            lookout,
            after: &cut.after,
        }),
    };
    tell_stray(&trail.coverage);
    let mut described = args.trail.pool()?.install(|| describe(&inputs));
    let sets = described.permission_sets();
    // What the dump has and the configuration leaves out is not missing in it.
    described.not_in_dump.retain(|arn| config.leave_out.is_empty() || !left_out.match_arn(arn));
    if args.trail.selects_principals() {
        described.principals.retain(|one| args.trail.selects_arn(&one.arn));
        if described.principals.is_empty() {
            let known = inventory.principals.len();
            return Err(hinted(
                "no user or role in the account dump matches --principal",
                format!("the dump names {known} users and roles; leave it out to see all"),
            ));
        }
        let selected: BTreeSet<&str> =
            described.principals.iter().flat_map(|one| &one.shares).map(String::as_str).collect();
        described.shared.retain(|one| selected.contains(one.key.as_str()));
        described.not_in_dump.retain(|arn| args.trail.selects_arn(arn));
    }
    let failed = failures(&described);
    if !failed.is_empty() {
        // A draft that is not proved is not shown as one.
        say(&tell::human(&described, Screen::stderr()));
        return Err(hinted(
            format!("the proofs fail, so nothing is written: {}", failed.join("; ")),
            "this is a defect of the program or of its data: report it with what is above",
        ));
    }
    let last = last_day(&trail);
    accepted.mark(&mut described, &last);
    let form = Form { format: args.format, budget: args.budget, sets: &sets };
    match (&args.out, args.format.kind()) {
        (Some(directory), _) => {
            let removed = files::write(directory, &mut described, &trail, form)?;
            say(&tell::human(&described, Screen::stderr()));
            say(&summary::of_removed(&removed));
        }
        (None, Kind::Drafts(_)) => write_stdout(files::only(&mut described, form)?.as_bytes())?,
        (None, Kind::Whole) => {
            let text = args.format.render(&described, &trail, Screen::stdout())?;
            write_stdout(text.as_bytes())?;
            let proposed = described.principals.iter().any(|one| one.status.proposes());
            if args.format == DiffFormat::Human && proposed {
                say(
                    "hint: --out DIR writes the drafts, and --format has the forms in which they are deployed\n",
                );
            }
        }
    }
    say(&summary::of_input(&trail.input));
    if args.check {
        say(&accepted.tell(&described, &last, &args.trail.limits()));
    }
    let concern = accepted::is_concern(&described);
    Ok(if trail.lossy {
        Exit::Skipped
    } else if args.check && concern {
        Exit::Findings
    } else {
        Exit::Done
    })
}

/// Returns the last day that the trail shows, as `2026-11-23`.
fn last_day(trail: &Trail) -> String {
    let rows = trail.activity.principals.iter().flat_map(|one| one.rows.values());
    let last = rows.filter_map(|row| row.stats.last()).max().and_then(|time| {
        chrono::DateTime::from_timestamp(time, 0).map(|time| time.format("%Y-%m-%d").to_string())
    });
    last.unwrap_or_default()
}

/// Returns what failed of all proofs, by principal.
fn failures(diff: &Diff) -> Vec<String> {
    let mut failed = Vec::new();
    for one in &diff.principals {
        // What does not fit is told, and not written.
        let Some(proofs) = one.proofs.as_ref().filter(|_| one.status != Status::DoesNotFit) else {
            continue;
        };
        failed.extend(proofs.failures().into_iter().map(|what| format!("{}: {what}", one.arn)));
    }
    failed
}

/// Reads the policies of one principal. In a dump stand those of all principals, and would all be
/// taken for this one's.
fn read_attached(files: &[PathBuf]) -> anyhow::Result<Candidates> {
    let mut all = Candidates::attached();
    for file in files {
        let contents = read_file(file)?;
        if contents.is_dump {
            return Err(hinted(
                format!(
                    "`{}` is the dump of an account, and --attached takes one principal's policies",
                    file.display()
                ),
                "give it with --account-authorization-details, and name who is asked for with \
                 --principal",
            ));
        }
        let boundary = contents.open_boundary
            || contents.elsewhere.iter().any(|one| one.boundary)
            || contents.policies.iter().any(|policy| policy.kind == PolicyKind::Boundary);
        if boundary {
            say(&format!(
                "note: `{}` tells of a permissions boundary, which --attached does not look at; an account dump has it\n",
                printable(&file.display().to_string())
            ));
        }
        all.add(file, &contents, &[PolicyKind::Identity, PolicyKind::Unstated])?;
    }
    Ok(all)
}

/// What account dumps hold.
struct Dumps {
    /// Users, groups and roles.
    holders: Vec<Attachments>,
    /// What they teach about names.
    names: Facts,
}

fn read_dumps(files: &[PathBuf]) -> anyhow::Result<Dumps> {
    let mut holders: Vec<Attachments> = Vec::new();
    let mut told: HashMap<String, (usize, &PathBuf)> = HashMap::new();
    let mut names = Facts::default();
    for file in files {
        let contents = read_file(file)?;
        if !contents.is_dump {
            return Err(hinted(
                format!("`{}` is no account dump", file.display()),
                "give the output of `aws iam get-account-authorization-details`",
            ));
        }
        // Those of inline policies are no ARNs, and teach nothing.
        contents.policies.iter().for_each(|policy| names.note_arn(&policy.name));
        for holder in contents.principals {
            let Some(&(at, before)) = told.get(&holder.arn) else {
                told.insert(holder.arn.clone(), (holders.len(), file));
                holders.push(holder);
                continue;
            };
            // The same dump may be given twice; of two that differ none is known to be the current one.
            if holders.get(at) != Some(&holder) {
                let (arn, before, file) = (&holder.arn, before.display(), file.display());
                return Err(hinted(
                    format!(
                        "`{arn}` is told of twice, and not alike: in `{before}` and in `{file}`"
                    ),
                    "give one dump of each account, the one that is current",
                ));
            }
        }
    }
    for holder in &holders {
        names.note_arn(&holder.arn);
        // The dump is of now, whatever the log has last.
        if holder.kind == HolderKind::User
            && let Some(other) = names.note_current_user(&holder.unique_id, &holder.arn)
        {
            return Err(hinted(
                format!(
                    "user `{}` goes by two names: `{other}` and `{}`",
                    holder.unique_id, holder.arn
                ),
                "give one dump of each account, the one that is current",
            ));
        }
        for profile in &holder.instance_profiles {
            names.note_arn(profile);
            names.note_profile(profile, &holder.arn);
        }
    }
    Ok(Dumps { holders, names })
}

/// The inventory of the one principal that `--attached` is about.
fn of_files(args: &DiffArgs, trail: &Trail, files: Candidates) -> anyhow::Result<Inventory> {
    let selected: Vec<_> =
        trail.activity.principals.iter().filter(|one| args.trail.selects(one)).collect();
    let one = match selected.as_slice() {
        [one] => one,
        [] => {
            args.trail.require_principals(&trail.activity)?;
            return Err(hinted(
                "no user or role did anything in what was read",
                "`trailtrim usage` lists who did",
            ));
        }
        [one, other, ..] => {
            return Err(hinted(
                format!(
                    "--attached is about one principal, and {} match, among them `{}` and `{}`",
                    selected.len(),
                    one.arn,
                    other.arn
                ),
                "name one with --principal",
            ));
        }
    };
    let mut files = files.of(Some(&one.arn))?;
    let elsewhere = std::mem::take(&mut files.elsewhere);
    let given = files.into_given()?.into_iter();
    let documents = given.map(|Given { name, document, made }| (name, document, made));
    let mut inventory = Inventory::of_files(&one.arn, one.reborn, documents);
    if let Some(attached) = inventory.principals.get_mut(&one.arn) {
        attached.unknown =
            elsewhere.into_iter().filter(|one| !one.policy.boundary).map(unknown).collect();
    }
    Ok(inventory)
}

/// A policy that a file attaches and does not hold.
fn unknown(Missing { policy: Elsewhere { policy, certain, .. }, file }: Missing) -> UnknownPolicy {
    let is = if certain { "is" } else { "may be" };
    UnknownPolicy {
        why: format!("it {is} attached, but its document is not in `{file}`"),
        arn: policy.starts_with("arn:").then(|| policy.clone()),
        group: None,
        name: policy,
    }
}
