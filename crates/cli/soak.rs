//! `trailtrim soak`: how complete the picture of each principal is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use trailtrim_catalog::Catalog;
use trailtrim_emitter::MissingDataEvents;
use trailtrim_emitter::soak::{self, Completeness, Covered, Soak};

use crate::format::Format;
use crate::output::{Tone, paint, printable, tell};
use crate::screen::show;
use crate::summary::count;
use crate::trail::TrailArgs;
use crate::{Exit, summary};

/// How many weeks are told one by one.
const TOLD_WEEKS: usize = 26;

/// Show how complete the picture of each principal is, and what is still to come
///
/// Counts on how many days each grant was seen, as a draft writes it, and estimates from that what was not
/// seen yet. Only
/// days count that the log surely has all through: never the first and the last, nor those beside a
/// silence (see `trailtrim coverage`, also for how long a night may be). The estimates hold for days like those seen; which weekends,
/// month ends and quarter ends were observed stands beside them. As JSON, one object a line for each principal.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    #[command(flatten)]
    trail: TrailArgs,

    /// How many days to look ahead
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: u16,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(crate) fn soak(args: &SoakArgs) -> anyhow::Result<Exit> {
    let catalog = Catalog::embedded();
    let trail = args.trail.read(catalog)?;
    args.trail.require_records(trail.nothing, &trail.input, None)?;
    args.trail
        .require_principals(&trail.activity)
        .inspect_err(|_| tell(&summary::of_input(&trail.input)))?;
    let mut missing: BTreeMap<&str, Option<MissingDataEvents>> = BTreeMap::new();
    let of_each = trail.activity.principals.iter().map(|principal| {
        let of_account = || MissingDataEvents::of(&trail.coverage, &principal.account);
        let missing = missing.entry(&principal.account).or_insert_with(of_account);
        Soak {
            missing_data_events: missing.clone(),
            ..soak::soak(principal, &trail.coverage, catalog, usize::from(args.days))
        }
    });
    let soaks: Vec<Soak> = of_each.collect();
    let mut text = String::new();
    for one in &soaks {
        match args.format {
            Format::Json => {
                text.push_str(&serde_json::to_string(one)?);
                text.push('\n');
            }
            // Writing to a string cannot fail.
            Format::Human => {
                let _ = describe(one, &mut text);
            }
        }
    }
    show(args.format, &text)?;
    tell(&summary::of_input(&trail.input));
    tell(hint(&soaks));
    Ok(if trail.lossy { Exit::Skipped } else { Exit::Done })
}

fn describe(soak: &Soak, text: &mut String) -> std::fmt::Result {
    writeln!(text, "{}", paint(Tone::Heading, &printable(&soak.principal)))?;
    let days = |number: usize| count(number as u64, "day", "days");
    let gap = soak.longest_gap.as_ref().map_or_else(
        || "no gap".to_owned(),
        |gap| format!("longest gap {}, {} to {}", days(gap.days), gap.first, gap.last),
    );
    let (first, last) = (soak.first_day.as_deref(), soak.last_day.as_deref());
    writeln!(
        text,
        "  observed   {} all through, {} to {}; active on {}; {gap}",
        days(soak.days_observed),
        first.unwrap_or("unknown"),
        last.unwrap_or("unknown"),
        soak.days_active
    )?;
    let calendar = &soak.calendar;
    let covered = |Covered { covered, of }: Covered| format!("{covered} of {of}");
    writeln!(
        text,
        "  calendar   weekend days {}, month starts {}, month ends {}, quarter ends {}",
        covered(calendar.weekend_days),
        covered(calendar.month_starts),
        covered(calendar.month_ends),
        covered(calendar.quarter_ends)
    )?;
    for (name, what) in [("grants", &soak.grants), ("actions", &soak.actions)] {
        writeln!(text, "  {name:9}  {}", completeness(what, soak.insufficient))?;
    }
    if let Some(why) = &soak.why {
        writeln!(text, "             insufficient: {why}")?;
    }
    if !soak.new_grants_by_week.is_empty() {
        writeln!(text, "  new        {}", by_week(&soak.new_grants_by_week))?;
    }
    if let (Some(new), Some(since)) = (&soak.last_new, soak.days_since_new) {
        writeln!(
            text,
            "  last new   {}, {} before the last day: {} on {}",
            new.day,
            days(since),
            new.action,
            printable(&new.resource)
        )?;
    }
    if let Some(missing) = &soak.missing_data_events {
        writeln!(text, "  data       {}; it is in none of these numbers", missing.told())?;
    }
    if soak.unmapped_events > 0 {
        writeln!(
            text,
            "  unmapped   {} that no rule maps; what they need is in none of these numbers",
            count(soak.unmapped_events as u64, "kind of event", "kinds of event")
        )?;
    }
    text.push('\n');
    Ok(())
}

/// Tells how many grants were new in each of the last weeks, and in all before.
fn by_week(weeks: &[usize]) -> String {
    let (before, last) = weeks.split_at(weeks.len().saturating_sub(TOLD_WEEKS));
    let told: Vec<String> = last.iter().map(usize::to_string).collect();
    match before {
        [] => format!("by week {}", told.join(" ")),
        before => format!(
            "{} in {}, then by week {}",
            before.iter().sum::<usize>(),
            count(before.len() as u64, "week", "weeks"),
            told.join(" ")
        ),
    }
}

fn completeness(what: &Completeness, insufficient: bool) -> String {
    let mut seen = format!("{} seen, {} of them on one day only", what.seen, what.seen_once);
    if what.seen_elsewhere > 0 {
        // Writing to a string cannot fail.
        let _ = write!(seen, " and {} on days that do not count", what.seen_elsewhere);
    }
    let Some(estimates) = &what.estimates else {
        return if insufficient { seen } else { format!("{seen}; insufficient for estimates") };
    };
    let (total, new) = (estimates.total, estimates.new);
    let reach = if new.too_far { ", further ahead than estimates reach" } else { "" };
    format!(
        "{seen}; coverage {}; at least {:.1} in all ({:.1}–{:.1}); in the next {} {:.1} new ({:.0}–{:.0}){reach}",
        coverage(estimates.coverage),
        total.value,
        total.low,
        total.high,
        count(new.days as u64, "day", "days"),
        new.range.value,
        new.range.low,
        new.range.high
    )
}

/// Rounds down, and never says that nothing is missing: no estimate can know.
fn coverage(share: f64) -> String {
    let rounded = (share * 1000.0).floor() / 10.0;
    if rounded < 99.95 { format!("{rounded:.1} %") } else { "above 99.9 %".to_owned() }
}

fn hint(soaks: &[Soak]) -> &'static str {
    if soaks.is_empty() {
        return "";
    }
    if soaks.iter().all(|soak| soak.insufficient) {
        return "hint: collect more days, or name a longer time with --since\n";
    }
    if soaks.iter().any(|soak| soak.calendar.quarter_ends.covered == 0) {
        return "hint: estimates are for days like those seen; a job that runs at the end of a quarter shows in none of them\n";
    }
    "hint: estimates are for days like those seen; see what a draft would have denied with `trailtrim backtest`\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_not_told_week_by_week() {
        assert_eq!(by_week(&[3, 0, 1]), "by week 3 0 1");
        let mut weeks = vec![1; 40];
        weeks.extend([0; TOLD_WEEKS]);
        let told = by_week(&weeks);
        assert!(told.starts_with("40 in 40 weeks, then by week 0 0 "), "{told}");
        assert_eq!(told.matches(" 0").count(), TOLD_WEEKS);
    }

    #[test]
    fn coverage_is_never_told_as_all() {
        assert_eq!(coverage(0.9876), "98.7 %");
        assert_eq!(coverage(0.9999), "99.9 %");
        assert_eq!(coverage(1.0), "above 99.9 %");
    }
}
