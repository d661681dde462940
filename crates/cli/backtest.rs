//! `trailtrim backtest`: what a draft from the past would have denied later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use trailtrim_aggregator::{Activity, Background, Facts, Join as _, Principal, resolve_knowing};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::backtest::{Backtest, Denied, Drafting, Fold, NotTested, Passage, Replayed};

use crate::drafting::DraftingArgs;
use crate::exit::hinted;
use crate::format::Format;
use crate::output::{Tone, paint, printable, tell};
use crate::screen::show;
use crate::summary::count;
use crate::trail::TrailArgs;
use crate::{Exit, globs, summary, time};

/// How many event ids are shown for one denial; JSON has more.
const EVENTS: usize = 3;

/// How many resources are shown for one action, and principals for one reason; JSON has all.
const LISTED: usize = 5;

/// Show what a draft from the first part of a trail would have denied in the rest
///
/// The policy of each principal is drafted from what was recorded before the split, and each
/// successful call after it is put to that policy. With --folds, the days are cut into one part
/// more than there are folds: each fold drafts from all parts before and replays the next one.
#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    #[command(flatten)]
    trail: TrailArgs,

    #[command(flatten)]
    cut: Cut,

    #[command(flatten)]
    drafting: DraftingArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// End with exit code 1 if something would have been denied
    #[arg(long)]
    check: bool,
}

/// Where to cut the trail.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Cut {
    /// Draft from what came before this day or time, replay the rest
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    split: Option<DateTime<Utc>>,

    /// Cut the days with records into this many folds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    folds: Option<u16>,
}

/// Runs the command.
pub(crate) fn backtest(args: &BacktestArgs) -> anyhow::Result<Exit> {
    let catalog = Catalog::embedded();
    let cuts = cuts(args, catalog)?;
    let parts = args.trail.read_parts(catalog, &cuts)?;
    let mut usages = parts.usages.into_iter();
    let mut before = usages.next().unwrap_or_default();
    let mut earlier = Facts::learn(&before, catalog);
    let mut folds = Vec::new();
    let options = args.drafting.options();
    let mut unmatched = args.trail.principal_globs();
    let mut nothing = true;
    let pool = args.trail.pool()?;
    for (at, (cut, after)) in cuts.iter().zip(usages).enumerate() {
        let until = cuts.get(at + 1).copied().or(args.trail.until());
        let mut select = |mut activity: Activity| {
            nothing &= args.trail.is_nothing(&activity, parts.of_usage_files);
            args.trail.select(&mut activity);
            let here = args.trail.unmatched(&activity);
            unmatched.retain(|glob| here.contains(glob));
            activity
        };
        let mut resolved = |usage, background| {
            select(pool.install(|| resolve_knowing(usage, background, catalog)))
        };
        // A draft knows what its own part teaches, or it would know the future; what is put to it is
        // named by what was known until then as well.
        let drafted = resolved(&before, Background::default());
        let replayed = resolved(&after, Background { behind: Some(&earlier), before: None });
        let (drafted, replayed) = (Drafting { activity: &drafted, catalog, options }, &replayed);
        folds.push(Fold::new(time::show(*cut), until.map(time::show), drafted, replayed));
        earlier.join(Facts::learn(&after, catalog));
        before.join(after);
    }
    args.trail.require_records(nothing, &parts.input, None)?;
    let result = Backtest::new(folds);
    globs::require_none(&unmatched).inspect_err(|_| tell(&summary::of_input(&parts.input)))?;
    // A check that looked at nobody would pass whatever the drafts are.
    if args.check && !tested(&result) {
        tell(&summary::of_input(&parts.input));
        return Err(hinted(
            "--check has nothing to go by: no principal was seen on both sides of the split",
            "move the split, or give fewer folds",
        ));
    }
    let text = match args.format {
        Format::Json => format!("{}\n", serde_json::to_string(&result)?),
        Format::Human => describe(&result),
    };
    show(args.format, &text)?;
    tell(&summary::of_input(&parts.input));
    tell(hint(&result));
    Ok(match () {
        () if parts.lossy => Exit::Skipped,
        () if args.check && result.found_denials() => Exit::Findings,
        () => Exit::Done,
    })
}

fn cuts(args: &BacktestArgs, catalog: Catalog) -> anyhow::Result<Vec<DateTime<Utc>>> {
    if let Some(split) = args.cut.split {
        if !args.trail.cuts_window(split) {
            return Err(hinted(
                format!("--split `{}` leaves nothing on one side of it", time::show(split)),
                "move it between --since and --until",
            ));
        }
        return Ok(vec![split]);
    }
    if args.trail.reads_once() {
        return Err(hinted(
            "--folds reads the trail twice, and standard input or a pipe comes once",
            "give --split, or a file",
        ));
    }
    let folds = usize::from(args.cut.folds.unwrap_or(1));
    let activity = args.trail.read(catalog)?.activity;
    let days: BTreeSet<i32> = activity.principals.iter().flat_map(Principal::days).collect();
    if days.len() <= folds {
        return Err(hinted(
            format!(
                "the selected records lie on {}, and {} need {} at least",
                count(days.len() as u64, "day", "days"),
                count(folds as u64, "fold", "folds"),
                folds + 1
            ),
            "give fewer folds, or --split with a time",
        ));
    }
    let days: Vec<i32> = days.into_iter().collect();
    (1..=folds)
        .map(|part| {
            let day = days.get(part * days.len() / (folds + 1));
            day.and_then(|day| DateTime::from_timestamp(i64::from(*day) * 86_400, 0))
                .context("the days of the records are out of range")
        })
        .collect()
}

fn describe(result: &Backtest) -> String {
    let mut text = String::new();
    for fold in &result.folds {
        // Writing to a string cannot fail.
        let _ = describe_fold(fold, &mut text);
    }
    text
}

fn describe_fold(fold: &Fold, text: &mut String) -> std::fmt::Result {
    let until = fold.until.as_deref().map(|until| format!(" up to {until}")).unwrap_or_default();
    writeln!(text, "drafted from what came before {}, replayed from then on{until}", fold.split)?;
    let denied = fold.principals.iter().filter(|one| !one.denied.is_empty()).count();
    writeln!(
        text,
        "  {} of {} would have been denied something; {}",
        denied,
        count(fold.principals.len() as u64, "tested principal", "tested principals"),
        passed(&fold.all)
    )?;
    let reasons = [
        (NotTested::NotSeenBefore, "not seen before"),
        (NotTested::NothingDrafted, "nothing granted before"),
        (NotTested::NotSeenAfter, "no successful call after"),
    ];
    for (why, words) in reasons {
        let who: Vec<_> = fold.untested.iter().filter(|one| one.why == why).collect();
        if !who.is_empty() {
            writeln!(text, "  not tested, {words}: {}", who.len())?;
        }
        for one in who.iter().take(LISTED) {
            writeln!(text, "    {}", printable(&one.principal))?;
        }
        more(who.len(), text)?;
    }
    text.push('\n');
    for replayed in &fold.principals {
        describe_principal(replayed, text)?;
    }
    Ok(())
}

fn describe_principal(replayed: &Replayed, text: &mut String) -> std::fmt::Result {
    writeln!(text, "{}", paint(Tone::Heading, &printable(&replayed.principal)))?;
    writeln!(
        text,
        "  drafted from {}; {}",
        count(replayed.drafted_from_days as u64, "day", "days"),
        passed(&replayed.passage)
    )?;
    let mut actions: BTreeMap<&str, Vec<&Denied>> = BTreeMap::new();
    for denied in &replayed.denied {
        actions.entry(&denied.action).or_default().push(denied);
    }
    for (action, denied) in actions {
        let why = match denied.iter().any(|denied| denied.action_drafted) {
            true => "drafted, but not like this",
            false => "not drafted",
        };
        writeln!(text, "  denied  {action}, {why}")?;
        for one in denied.iter().take(LISTED) {
            describe_denied(one, text)?;
        }
        more(denied.len(), text)?;
    }
    for event in &replayed.unmapped {
        writeln!(
            text,
            "  not mapped  {} {}: {}; {}",
            printable(&event.event_source),
            printable(&event.event_name),
            printable(&event.why),
            count(event.seen.calls, "call", "calls")
        )?;
    }
    text.push('\n');
    Ok(())
}

fn more(all: usize, text: &mut String) -> std::fmt::Result {
    match all.saturating_sub(LISTED) {
        0 => Ok(()),
        hidden => writeln!(text, "    … and {hidden} more; --format json has all"),
    }
}

fn describe_denied(denied: &Denied, text: &mut String) -> std::fmt::Result {
    writeln!(text, "    {}", printable(&denied.resource))?;
    for condition in &denied.conditions {
        writeln!(
            text,
            "      where {} {} {}",
            condition.operator,
            condition.key,
            printable(&condition.values.join(", "))
        )?;
    }
    let seen = &denied.seen;
    let about = if seen.calls_estimated { "≈" } else { "" };
    let likely = if denied.inferred { "likely needed; " } else { "" };
    let events: Vec<_> =
        seen.evidence.iter().take(EVENTS).map(|one| printable(&one.event_id)).collect();
    writeln!(
        text,
        "      {likely}{about}{} on {}, {} to {}: {}",
        count(seen.calls, "call", "calls"),
        count(seen.days as u64, "day", "days"),
        seen.first_seen.as_deref().unwrap_or("unknown"),
        seen.last_seen.as_deref().unwrap_or("unknown"),
        events.join(", ")
    )
}

/// Tells what passed, and of what.
fn passed(passage: &Passage) -> String {
    if passage.calls == 0 && passage.calls_unmapped == 0 {
        return "no call to replay".to_owned();
    }
    let about = if passage.calls_estimated { "≈" } else { "" };
    let unmapped = match passage.calls_unmapped {
        0 => String::new(),
        calls => format!(", {about}{} not mapped", count(calls, "call", "calls")),
    };
    let denied = match passage.calls_denied {
        0 => "none denied".to_owned(),
        calls => format!("{about}{calls} denied"),
    };
    format!(
        "{} of {about}{} and {} of {} would have passed ({denied}{unmapped})",
        percent(passage.share_of_calls),
        count(passage.calls, "call", "calls"),
        percent(passage.share_of_days),
        count(passage.days as u64, "day", "days"),
    )
}

/// Rounds down: only all is 100 %.
fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1000.0).floor() / 10.0)
}

/// Returns whether anybody was tested.
fn tested(result: &Backtest) -> bool {
    result.folds.iter().any(|fold| !fold.principals.is_empty())
}

fn hint(result: &Backtest) -> &'static str {
    if result.found_denials() {
        "hint: draft from a longer time, or see with `trailtrim soak` how complete the picture is\n"
    } else if !tested(result) {
        "hint: no principal was seen on both sides of the split; move it\n"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(
            (percent(1.0), percent(0.99999), percent(0.0)),
            ("100.0 %".into(), "99.9 %".into(), "0.0 %".into())
        );
    }
}
