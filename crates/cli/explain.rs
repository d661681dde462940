//! `trailtrim explain`: why a permission is, or is not, in a principal's policy.

use std::fmt::Write as _;

use clap::Args;
use trailtrim_aggregator::coverage::ActionEvents;
use trailtrim_catalog::Catalog;
use trailtrim_emitter::draft;
use trailtrim_emitter::explain::{Explanation, Query, Shown, Verdict, explain as explained};
use trailtrim_emitter::report::{Permission, Seen, Unmapped};
use trailtrim_iam::{PolicyDocument, escape_controls};

use crate::Exit;
use crate::catalog::unknown_action;
use crate::coverage::SelectorArgs;
use crate::drafting::DraftingArgs;
use crate::exit::hinted;
use crate::format::Format;
use crate::output::{Tone, paint, printable, tell};
use crate::screen::show;
use crate::summary::{self, count};
use crate::trail::TrailArgs;

/// How many events of each permission are shown; JSON has all that are kept.
const EVENTS: usize = 3;

/// Show why a permission is, or is not, in a principal's policy
///
/// From the events and the rule that maps them to the statement that holds it. Where it is not
/// there: which calls were refused, which events could not be mapped, and whether the trail could
/// have shown such a call at all. As JSON, one object a line for each principal.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    trail: TrailArgs,

    /// Action, such as `s3:GetObject`, or a pattern, such as `s3:Get*`
    #[arg(long, value_name = "ACTION")]
    action: String,

    /// ARN of a resource, or a pattern [default: whatever it was used on]
    #[arg(long, value_name = "ARN")]
    resource: Option<String>,

    #[command(flatten)]
    drafting: DraftingArgs,

    #[command(flatten)]
    selectors: SelectorArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(crate) fn explain(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let catalog = Catalog::embedded();
    // Before anything long: a typing error should not cost a reading of the archive.
    if !args.trail.selects_principals() {
        return Err(hinted(
            "no principal is named",
            "say whose policy it is about, such as `--principal role/service/orders-api`",
        ));
    }
    if !args.action.contains(['*', '?']) && catalog.action(&args.action).is_none() {
        return Err(unknown_action(catalog, &args.action));
    }
    let declarations = args.selectors.read()?;
    let mut trail = args.trail.read(catalog)?;
    declarations.into_iter().for_each(|declaration| trail.coverage.declare(declaration));
    args.trail
        .require_principals(&trail.activity)
        .inspect_err(|_| tell(&summary::of_usage(&trail)))?;
    let query = Query { action: &args.action, resource: args.resource.as_deref() };
    let mut text = String::new();
    let (events, options) = (ActionEvents::of(catalog), args.drafting.options());
    for principal in &trail.activity.principals {
        let draft = draft(principal, catalog, options);
        let answer = explained(principal, &draft, &query, catalog, (&trail.coverage, &events));
        match args.format {
            Format::Json => {
                text.push_str(&escape_controls(serde_json::to_string(&answer)?));
                text.push('\n');
            }
            // Writing to a string cannot fail.
            Format::Human => {
                let _ = describe(&answer, &mut text);
            }
        }
    }
    show(args.format, &text)?;
    tell(&summary::of_input(&trail.input));
    Ok(if trail.lossy { Exit::Skipped } else { Exit::Done })
}

fn describe(answer: &Explanation, text: &mut String) -> std::fmt::Result {
    writeln!(text, "{}", paint(Tone::Heading, &printable(&answer.principal)))?;
    let on = match &answer.resource {
        Some(resource) => format!(" on {}", printable(resource)),
        None => String::new(),
    };
    let (tone, verdict) = match answer.verdict {
        Verdict::Granted if answer.grants.iter().all(|one| one.inferred) => (
            Tone::Doubtful,
            "in the draft, because a call was seen that likely, but not certainly, needs it",
        ),
        Verdict::Granted => (Tone::Good, "in the draft, because it was used"),
        Verdict::Baseline => {
            (Tone::Good, "in the draft: no call proves it, and a workload needs it")
        }
        Verdict::NotProven => (Tone::Bad, "not in the draft: it was tried, and no call proves it"),
        Verdict::MaybeUnmapped => (
            Tone::Doubtful,
            "not in the draft: not seen, but events that are or may be of its service could not be mapped",
        ),
        Verdict::NotSeen => (Tone::Bad, "not in the draft: it was not seen"),
    };
    writeln!(text, "{}{on}: {}", printable(&answer.action), paint(tone, verdict))?;
    let permissions: Vec<&Permission> = answer.grants.iter().chain(&answer.not_granted).collect();
    for permission in permissions.iter().take(summary::LINES) {
        text.push('\n');
        describe_permission(permission, text)?;
    }
    if let Some(more) = permissions.len().checked_sub(summary::LINES).filter(|more| *more > 0) {
        writeln!(text, "\n… and {more} more; --format json has all")?;
    }
    for one in &answer.baseline {
        let told = one
            .told_by
            .as_ref()
            .map(|told| format!(", as {} of {} tells", printable(&told.event_name), told.time));
        let (workload, told) = (printable(&one.workload), told.unwrap_or_default());
        writeln!(text, "\nneeded by {workload}, since {}{told}:", one.reason)?;
        for need in &one.needs {
            for resource in &need.resources {
                writeln!(text, "  {} on {}", need.action, printable(resource))?;
            }
        }
    }
    for one in &answer.generalisations {
        writeln!(
            text,
            "\n{} stands for {}:",
            printable(&one.to),
            count(one.names as u64, "name", "names")
        )?;
        writeln!(text, "  {}; it adds {}", printable(&one.why), printable(&one.adds))?;
    }
    if !answer.other_resources.is_empty() {
        writeln!(text, "\nused on other resources:")?;
        list(answer.other_resources.iter().map(String::as_str), text)?;
    }
    for shown in &answer.shown {
        text.push('\n');
        describe_shown(shown, text)?;
    }
    if !answer.unmapped.is_empty() {
        writeln!(text, "\nevents that may have needed it, and could not be mapped:")?;
        for unmapped in answer.unmapped.iter().take(summary::LINES) {
            describe_unmapped(unmapped, text)?;
        }
        if let Some(more) = answer.unmapped.len().checked_sub(summary::LINES).filter(|n| *n > 0) {
            writeln!(text, "  … and {more} more")?;
        }
    }
    for statement in answer.statements.values() {
        let document = PolicyDocument::new(vec![statement.clone()]);
        writeln!(text, "\nstatement of the draft:")?;
        for line in document.to_json_pretty().lines().skip(3) {
            // The statement alone, without the document around it.
            if let Some(line) = line.strip_prefix("    ") {
                writeln!(text, "  {line}")?;
            }
        }
    }
    text.push('\n');
    Ok(())
}

fn describe_permission(permission: &Permission, text: &mut String) -> std::fmt::Result {
    let statement = match &permission.statement {
        Some(sid) => format!("in statement {sid}"),
        None => permission.outcome.to_owned(),
    };
    writeln!(
        text,
        "{} on {}: {}",
        permission.action,
        printable(&permission.resource),
        printable(&statement)
    )?;
    if let Some(pattern) = &permission.granted_as {
        writeln!(text, "  granted as {}", printable(pattern))?;
    }
    writeln!(text, "  calls      {}", seen(&permission.seen))?;
    let events: Vec<String> =
        permission.events.iter().map(|event| format!("{} {}", event.source, event.name)).collect();
    writeln!(text, "  events     {}", printable(&events.join(", ")))?;
    let sure = if permission.inferred { ", likely but not certain to be needed" } else { "" };
    writeln!(text, "  action     named by {}{sure}", confidence(permission.confidence))?;
    for origin in &permission.origins {
        writeln!(text, "  resource   {}", printable(&origin.told()))?;
    }
    for condition in &permission.conditions {
        writeln!(
            text,
            "  condition  {} {} {}",
            condition.operator,
            condition.key,
            printable(&condition.values.join(", "))
        )?;
    }
    let outcome = match permission.outcome {
        "granted" => "allowed",
        "granted-with-error" => "allowed, and failed for another reason",
        "denied" => "denied",
        "not-evaluated" => "failed before permissions were looked at",
        _ if permission.error_codes.is_empty() => "the record does not tell whether it was allowed",
        _ => "failed, and the error does not tell whether it was allowed",
    };
    writeln!(text, "  outcome    {outcome}")?;
    for (name, values) in [
        ("errors", &permission.error_codes),
        ("denied by", &permission.denied_by),
        ("through", &permission.via),
    ] {
        if !values.is_empty() {
            writeln!(text, "  {name:9}  {}", printable(&values.join(", ")))?;
        }
    }
    evidence(&permission.seen, text)
}

fn confidence(code: &str) -> &str {
    match code {
        "exact" => "AWS's own documentation or a checked rule for this event",
        "rule" => "a general rule of its service",
        "heuristic" => "the event's name alone",
        other => other,
    }
}

fn seen(seen: &Seen) -> String {
    let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "unknown".to_owned());
    format!(
        "{}{} on {}, first {}, last {}",
        if seen.calls_estimated { "≈" } else { "" },
        count(seen.calls, "call", "calls"),
        count(seen.days as u64, "day", "days"),
        time(&seen.first_seen),
        time(&seen.last_seen)
    )
}

fn evidence(seen: &Seen, text: &mut String) -> std::fmt::Result {
    for event in seen.evidence.iter().take(EVENTS) {
        writeln!(
            text,
            "  evidence   {} {} in {}",
            event.time.as_deref().unwrap_or("at an unknown time"),
            printable(&event.event_id),
            printable(&event.file.to_string())
        )?;
    }
    Ok(())
}

fn describe_unmapped(unmapped: &Unmapped, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "  {} {}: {} ({})",
        printable(&unmapped.event_source),
        printable(&unmapped.event_name),
        printable(&unmapped.why),
        seen(&unmapped.seen)
    )
}

fn describe_shown(shown: &Shown, text: &mut String) -> std::fmt::Result {
    let action = shown.action;
    match (shown.kind, shown.detail) {
        ("management", _) => {
            writeln!(text, "CloudTrail shows {action} as a management event, in every trail")?;
        }
        ("data", Some(kind)) => writeln!(
            text,
            "CloudTrail shows {action} as a data event of {kind}, in trails that select it"
        )?,
        ("through", Some(calls)) => {
            writeln!(text, "CloudTrail shows {action} only through {calls}")?;
        }
        ("never", _) => {
            writeln!(text, "CloudTrail never shows {action}: that it was not seen says nothing")?
        }
        _ => writeln!(
            text,
            "it is not known whether CloudTrail shows {action}: that it was not seen says nothing"
        )?,
    }
    if matches!(shown.kind, "management" | "data" | "through") {
        for place in &shown.places {
            let days = match place.at_most {
                Some(most) => format!("{} to {most}", place.covered_days),
                None => place.covered_days.to_string(),
            };
            let all = count(shown.days as u64, "day", "days");
            write!(text, "  {}: {days} of {all} covered", printable(&place.region))?;
            match place.of_one_side {
                Some(side) => writeln!(
                    text,
                    "; {} for calls that are recorded as {}: whether these are, only their records tell",
                    side.days, side.recorded_as
                )?,
                None => writeln!(text)?,
            }
        }
        if shown.places.iter().any(|place| place.at_most.is_some()) {
            writeln!(
                text,
                "  how many depends on which calls that may show it its policies allow, which are not \
                 known here: `trailtrim diff` asks what is attached"
            )?;
        } else if shown
            .places
            .iter()
            .all(|place| place.covered_days == 0 && place.of_one_side.is_none())
        {
            writeln!(
                text,
                "  no day is covered in the principal's account: that it was not seen says nothing"
            )?;
        }
    }
    for (with, reason) in &shown.companion_of {
        writeln!(text, "it goes with {with}, which was seen: {reason}")?;
    }
    Ok(())
}

fn list<'t>(texts: impl ExactSizeIterator<Item = &'t str>, text: &mut String) -> std::fmt::Result {
    let more = texts.len().saturating_sub(summary::LINES);
    for one in texts.take(summary::LINES) {
        writeln!(text, "  {}", printable(one))?;
    }
    if more > 0 {
        writeln!(text, "  … and {more} more")?;
    }
    Ok(())
}
