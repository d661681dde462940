//! `trailtrim denials`: what was denied, by what kind of policy, and what would fix it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use trailtrim_catalog::Catalog;
use trailtrim_emitter::denials::{DenialLine, denial_lines};

use crate::format::Format;
use crate::output::{Tone, paint, printable, tell};
use crate::screen::show;
use crate::summary::count;
use crate::trail::TrailArgs;
use crate::{Exit, summary};

/// Show what was denied, by which kind of policy, and what would fix it
///
/// Denied does not mean needed: see who tried, and whether it worked later. As JSON, one object a
/// line for each principal, action, resource and reason.
#[derive(Debug, Args)]
pub(crate) struct DenialsArgs {
    #[command(flatten)]
    trail: TrailArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(crate) fn denials(args: &DenialsArgs) -> anyhow::Result<Exit> {
    let trail = args.trail.read(Catalog::embedded())?;
    args.trail.require_records(trail.nothing, &trail.input, None)?;
    args.trail
        .require_principals(&trail.activity)
        .inspect_err(|_| tell(&summary::of_input(&trail.input)))?;
    let lines = denial_lines(&trail.activity);
    let mut text = String::new();
    match args.format {
        Format::Json => {
            for line in &lines {
                text.push_str(&serde_json::to_string(line)?);
                text.push('\n');
            }
        }
        // Writing to a string cannot fail.
        Format::Human => {
            let _ = describe(&lines, &mut text);
        }
    }
    show(args.format, &text)?;
    tell(&summary::of_input(&trail.input));
    tell(hint(&lines));
    Ok(if trail.lossy { Exit::Skipped } else { Exit::Done })
}

fn describe(lines: &[DenialLine], text: &mut String) -> std::fmt::Result {
    let mut principals: BTreeMap<&str, Vec<&DenialLine>> = BTreeMap::new();
    for line in lines {
        principals.entry(&line.principal).or_default().push(line);
    }
    for (principal, lines) in principals {
        writeln!(text, "{}", paint(Tone::Heading, &printable(principal)))?;
        for line in lines {
            describe_line(line, text)?;
        }
        text.push('\n');
    }
    Ok(())
}

fn describe_line(line: &DenialLine, text: &mut String) -> std::fmt::Result {
    match &line.action {
        Some(action) => {
            let regions: Vec<_> = line.regions.iter().map(|region| printable(region)).collect();
            let at = match regions.is_empty() {
                true => String::new(),
                false => format!(" in {}", regions.join(", ")),
            };
            writeln!(text, "  {}  {}{at}", printable(action), printable(&line.resource))?;
        }
        None => {
            for event in &line.events {
                writeln!(text, "  {} {}", printable(&event.source), printable(&event.name))?;
            }
        }
    }
    let by = line.told();
    let about = if line.seen.calls_estimated { "≈" } else { "" };
    writeln!(
        text,
        "    {by}; {about}{} on {}, last {}",
        count(line.seen.calls, "call", "calls"),
        count(line.seen.days as u64, "day", "days"),
        line.seen.last_seen.as_deref().unwrap_or("unknown")
    )?;
    match (&line.last_success, line.succeeded_later) {
        (Some(at), true) => writeln!(text, "    worked later, last {at}")?,
        (Some(at), false) => writeln!(text, "    worked before, last {at}; not since")?,
        (None, _) => writeln!(text, "    never seen to work")?,
    }
    let scope = match line.fixable_here {
        Some(false) => "not by an identity policy: ",
        _ => "",
    };
    writeln!(text, "    fix: {scope}{}", line.fix)?;
    if let Some(doubt) = line.doubt {
        writeln!(text, "    but: {doubt}")?;
    }
    Ok(())
}

fn hint(lines: &[DenialLine]) -> &'static str {
    let open = |line: &&DenialLine| !line.succeeded_later && line.fixable_here != Some(false);
    if lines.iter().any(|line| open(&line)) {
        "hint: denied does not mean needed; allow only what the principal is meant to do\n"
    } else {
        ""
    }
}
