//! `trailtrim coverage`: where CloudTrail was looking, and where it was not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;
use trailtrim_aggregator::coverage::Declaration;
use trailtrim_aggregator::{Coverage, Join as _};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::coverage::{Line, Report};
use trailtrim_emitter::diff::count;

use crate::Exit;
use crate::columns::columns;
use crate::format::Format;
use crate::output::{printable, tell};
use crate::screen::{Screen, show};
use crate::time;
use crate::trail::{Parts, TrailArgs};

/// Show on which days CloudTrail was looking, by account, region and kind of call
///
/// A day is covered where no call of the kind can have been missed: records of it stand close
/// together through the whole day, or a trail that --event-selectors declares logs it and its files
/// run through the day. A night may lie between two records: up to twenty hours, but of hours in a row no
/// more than three times what the log leaves without a record at those on most days, or on most of the
/// same of the week, or six hours. So what is missing at the same hours of most days looks like a night. The
/// first and the last day never are. Only what is covered can be unused.
#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    #[command(flatten)]
    trail: TrailArgs,

    #[command(flatten)]
    selectors: SelectorArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is declared of the trails whose log is read.
#[derive(Debug, Args)]
pub(crate) struct SelectorArgs {
    /// What the trails that are read were told to log: output of `aws cloudtrail
    /// get-event-selectors`, and of `describe-trails` for trails of all regions or of an
    /// organization (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1..)]
    event_selectors: Vec<PathBuf>,
}

impl SelectorArgs {
    /// Reads the files.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Declaration>> {
        self.event_selectors
            .iter()
            .map(|path| {
                let bytes = fs::read(path)
                    .with_context(|| format!("cannot read event selectors `{}`", path.display()))?;
                let wrong = || format!("`{}` holds no event selectors", path.display());
                let text = String::from_utf8(bytes).map_err(|error| {
                    let at = error.utf8_error().valid_up_to();
                    anyhow!("byte {at}: not UTF-8; save the command's output as it is printed")
                });
                let text = text.with_context(wrong)?;
                Declaration::parse(text.trim_start_matches('\u{feff}')).with_context(wrong)
            })
            .collect()
    }
}

/// Runs the command.
pub(crate) fn coverage(args: &CoverageArgs) -> anyhow::Result<Exit> {
    // Before anything long: a wrong file should not cost a reading of the archive.
    let declarations = args.selectors.read()?;
    let Parts { usages, lossy, input, .. } = args.trail.read_parts(Catalog::embedded(), &[])?;
    args.trail.require_some(&input, lossy)?;
    let mut coverage = Coverage::default();
    for usage in usages {
        coverage.join(usage.into_coverage());
    }
    for declaration in declarations {
        coverage.declare(declaration);
    }
    tell_stray(&coverage);
    let report = Report::of(&coverage);
    let text = match args.format {
        Format::Json => format!("{}\n", serde_json::to_string(&report)?),
        Format::Human => tell_all(&report),
    };
    show(args.format, &text)?;
    if report.window.is_none() {
        tell(
            "nothing that was read proves any coverage: no record of a trail's own files, with its \
             account, region and time, lies within the filters\n",
        );
    }
    if lossy {
        tell(
            "some input was skipped, and the days it may be of are not covered; `trailtrim usage` \
             lists it\n",
        );
    }
    Ok(if lossy { Exit::Skipped } else { Exit::Done })
}

/// Says where a few late records keep everything from being unused.
pub(crate) fn tell_stray(coverage: &Coverage) {
    for account in coverage.accounts() {
        let Some((before, first)) = coverage.stray_end(account) else { continue };
        tell(&format!(
            "note: of account `{}` there are a few records from {} on, and none of the time since {}: \
             what is unused is looked for at the end, so nothing is; leave them out with --until {}\n",
            printable(account),
            time::show_day(first),
            time::show_day(before),
            time::show_day(before + 1),
        ));
    }
}

fn tell_all(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(report, &mut text);
    text
}

fn write_all(report: &Report, text: &mut String) -> std::fmt::Result {
    if let Some((first, last)) = &report.window {
        writeln!(text, "{first} to {last}, {}", count(report.days, "day"))?;
    }
    let mut places: BTreeMap<(&str, &str), Vec<&Line>> = BTreeMap::new();
    for line in &report.rows {
        places.entry((&line.account, &line.region)).or_default().push(line);
    }
    for ((account, region), lines) in places {
        writeln!(text, "\n{} {}", printable(account), printable(region))?;
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|line| vec![printable(&line.name()), line.verdict(report.days)])
            .collect();
        text.push_str(&columns(&rows, 2, Screen::stdout().width()));
    }
    if !report.trails.is_empty() {
        writeln!(text, "\ntrails")?;
    }
    for trail in &report.trails {
        writeln!(text, "  {}: {}", printable(&trail.trail), trail.told())?;
    }
    Ok(())
}
