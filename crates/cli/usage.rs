//! `trailtrim usage`: who did what.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use trailtrim_aggregator::{permission_set, session_habit};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::report::Workload;
use trailtrim_emitter::{UsageLine, usage_lines};
use trailtrim_iam::escape_controls;

use crate::columns::columns;
use crate::format::Format;
use crate::output::{Tone, paint, printable, tell};
use crate::screen::{Screen, show};
use crate::trail::TrailArgs;
use crate::{Exit, summary};

/// Show which actions each principal used on which resources
///
/// As JSON, one object a line for each principal, action, resource and outcome; with --by workload
/// for each workload of a principal.
#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    trail: TrailArgs,

    /// Tell apart who acts inside each role: by the function or instance that AWS issued the
    /// credentials for, else by the session's name, which whoever assumes the role chooses
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<Split>,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a principal's calls can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Split {
    /// Functions, instances and sessions
    Workload,
}

/// Runs the command.
pub(crate) fn usage(args: &UsageArgs) -> anyhow::Result<Exit> {
    let catalog = Catalog::embedded();
    let trail = match args.by {
        Some(Split::Workload) => args.trail.read_by_workload(catalog)?,
        None => args.trail.read_selected(catalog)?,
    };
    let told = summary::of_usage(&trail);
    args.trail.require_principals(&trail.activity).inspect_err(|_| tell(&told))?;
    args.trail.require_some(&trail.input, trail.lossy)?;
    let lines = usage_lines(&trail.activity);
    let text = match args.format {
        Format::Json => escape_controls(json_lines(&lines)?),
        Format::Human => table(&lines),
    };
    show(args.format, &text)?;
    tell(&told);
    Ok(if trail.lossy { Exit::Skipped } else { Exit::Done })
}

fn json_lines(lines: &[UsageLine]) -> serde_json::Result<String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
}

/// Lines by service.
type Services<'l> = BTreeMap<&'l str, Vec<&'l UsageLine>>;

/// By principal and workload, then service with its last access, then action.
fn table(lines: &[UsageLine]) -> String {
    let mut principals: BTreeMap<(&str, Option<&Workload>), Services<'_>> = BTreeMap::new();
    for line in lines {
        let service = line.action.split(':').next().unwrap_or_default();
        let whose = (line.principal.as_str(), line.workload.as_ref());
        principals.entry(whose).or_default().entry(service).or_default().push(line);
    }
    let mut text = String::new();
    for ((principal, workload), services) in principals {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", paint(Tone::Heading, &printable(principal)));
        if let Some(workload) = workload {
            let _ = writeln!(text, "  {}", told(principal, workload));
        }
        for (service, lines) in services {
            let last = lines.iter().filter_map(|line| line.seen.last_seen.as_deref()).max();
            let _ = writeln!(
                text,
                "  {service}, last accessed {}",
                last.map_or("at an unknown time", day)
            );
            let action = |line: &UsageLine| {
                line.action.split_once(':').map_or(line.action.clone(), |(_, name)| name.to_owned())
            };
            let mut rows = Vec::with_capacity(2 * lines.len());
            for line in &lines {
                let about = if line.seen.calls_estimated { "≈" } else { "" };
                rows.push(vec![action(line), printable(&line.resource)]);
                let told = format!(
                    "  {}, {about}{} {} on {} {}, last {}; {}{}",
                    line.outcome,
                    line.seen.calls,
                    plural(line.seen.calls, "call"),
                    line.seen.days,
                    plural(line.seen.days as u64, "day"),
                    line.seen.last_seen.as_deref().map_or("unknown", day),
                    line.origin,
                    line.reason
                        .as_deref()
                        .map(|why| format!(": {}", printable(why)))
                        .unwrap_or_default(),
                );
                rows.push(vec![String::new(), told]);
            }
            text.push_str(&columns(&rows, 4, Screen::stdout().width()));
        }
        text.push('\n');
    }
    text
}

/// Says how a session is named in a role that Identity Center made: only it begins sessions there.
const OF_IDENTITY_CENTER: &str = "the name of its user in Identity Center";

/// Says where the name of a session is from.
fn named(principal: &str, name: &str) -> &'static str {
    let role = principal.split_once(":role/").map(|(_, role)| role);
    if role.and_then(permission_set).is_some() {
        return OF_IDENTITY_CENTER;
    }
    session_habit(name).unwrap_or("a name that the caller chose")
}

fn told(principal: &str, workload: &Workload) -> String {
    let about = if workload.names_estimated { "≈" } else { "" };
    if let (Some(name), "provider") = (workload.name.as_deref(), workload.attribution.as_str()) {
        return format!("sessions by {}", printable(name));
    }
    match (workload.name.as_deref(), workload.chosen_by_caller) {
        (Some(name), false) => format!("in the scope of {}", printable(name)),
        (Some(name), true) => {
            format!("session `{}`, {}", printable(name), named(principal, name))
        }
        (None, true) => {
            let names = workload.names;
            format!("{about}{names} session names that callers chose, more than are kept apart")
        }
        (None, false) if workload.names > 0 => {
            format!("in {about}{} scopes, more than are kept apart", workload.names)
        }
        (None, false) => "without a session".to_owned(),
    }
}

fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

fn plural(number: u64, one: &str) -> String {
    if number == 1 { one.to_owned() } else { format!("{one}s") }
}
