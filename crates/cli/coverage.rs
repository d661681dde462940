//! `trailtrim coverage`: where CloudTrail was looking, and where it was not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use chrono::DateTime;
use clap::Args;
use serde::Serialize;
use trailtrim_aggregator::coverage::{
    Access, Condition, Declaration, Kind, Proof, Row, Selector, Trail,
};
use trailtrim_aggregator::{Coverage, Join as _};
use trailtrim_catalog::Catalog;

use crate::Exit;
use crate::columns::{columns, width};
use crate::format::Format;
use crate::output::{printable, tell, write_stdout};
use crate::trail::{Parts, TrailArgs};

/// Show on which days CloudTrail was looking, by account, region and kind of call
///
/// A day is covered where no call of the kind can have been missed: records of it stand close
/// together through the whole day, or a trail that --event-selectors declares logs it and its files
/// run through the day. The first and the last day never are. Only what is covered can be unused.
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
    let Parts { usages, lossy, .. } = args.trail.read_parts(Catalog::embedded(), &[])?;
    let mut coverage = Coverage::default();
    for usage in usages {
        coverage.join(usage.into_coverage());
    }
    for declaration in declarations {
        coverage.declare(declaration);
    }
    let report = Report::of(&coverage);
    let text = match args.format {
        Format::Json => format!("{}\n", serde_json::to_string(&report)?),
        Format::Human => report.tell(),
    };
    write_stdout(text.as_bytes())?;
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

/// The first and the last day of a span, as `2026-11-23`.
type Span = (String, String);

/// The answer, as it is printed for programs.
#[derive(Debug, Serialize)]
struct Report {
    /// The first and the last day with any record.
    window: Option<Span>,
    days: usize,
    rows: Vec<Line>,
    trails: Vec<Told>,
}

#[derive(Debug, Serialize)]
struct Line {
    account: String,
    region: String,
    class: &'static str,
    /// The source of management events that trails may leave out; none for all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    access: &'static str,
    #[serde(flatten)]
    proof: About,
    seen_days: usize,
    covered_days: usize,
    covered: Vec<Span>,
    gaps: Vec<Span>,
}

/// Which events of a type a line is about.
#[derive(Debug, Default, Serialize)]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    resources_seen: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<Selector>,
}

/// What is known of a trail.
#[derive(Debug, Serialize)]
struct Told {
    trail: String,
    declared: bool,
    /// Whether it logs all regions; none where nobody said.
    multi_region: Option<bool>,
    organization: Option<bool>,
    /// Days on which the log shows it being changed.
    changed: Vec<String>,
}

impl Report {
    fn of(coverage: &Coverage) -> Report {
        let window = coverage.window();
        let days = window.map_or(0..0, |(first, last)| first..last + 1);
        let trails = coverage.trails().iter().map(|(key, trail)| Told::of(key.as_str(), trail));
        Report {
            window: window.map(|(first, last)| (show(first), show(last))),
            days: days.len(),
            rows: coverage.rows().into_iter().map(|row| Line::of(row, days.clone())).collect(),
            trails: trails.collect(),
        }
    }

    fn tell(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        if let Some((first, last)) = &self.window {
            writeln!(text, "{first} to {last}, {}", count(self.days, "day"))?;
        }
        let mut places: BTreeMap<(&str, &str), Vec<&Line>> = BTreeMap::new();
        for line in &self.rows {
            places.entry((&line.account, &line.region)).or_default().push(line);
        }
        for ((account, region), lines) in places {
            writeln!(text, "\n{} {}", printable(account), printable(region))?;
            let rows: Vec<Vec<String>> =
                lines.iter().map(|line| vec![line.name(), line.verdict(self.days)]).collect();
            text.push_str(&columns(&rows, 2, width()));
        }
        if !self.trails.is_empty() {
            writeln!(text, "\ntrails")?;
        }
        for trail in &self.trails {
            writeln!(text, "  {}: {}", printable(&trail.trail), trail.tell())?;
        }
        Ok(())
    }
}

impl Line {
    fn of(row: Row, days: std::ops::Range<i32>) -> Line {
        let gaps: BTreeSet<i32> = days.filter(|day| !row.covered.contains(day)).collect();
        let (class, event_source, resource_type, proof) = match row.kind {
            Kind::Management(source) => ("management", source, None, About::default()),
            Kind::Data(kind, proof) => ("data", None, Some(kind), About::of(proof)),
        };
        Line {
            account: row.account,
            region: row.region,
            class,
            event_source,
            resource_type,
            access: match row.access {
                Access::Read => "read",
                Access::Write => "write",
            },
            proof,
            seen_days: row.seen.len(),
            covered_days: row.covered.len(),
            covered: spans(&row.covered),
            gaps: spans(&gaps),
        }
    }

    fn name(&self) -> String {
        let what = match (&self.resource_type, &self.event_source) {
            (Some(kind), _) => printable(kind),
            (None, Some(source)) => format!("management of {}", printable(source)),
            (None, None) => "management".to_owned(),
        };
        let of = match &self.proof {
            About { resource: Some(arn), event_name: Some(name), .. } => {
                format!(", {} of {}", printable(name), printable(arn))
            }
            About { selector: Some(selector), .. } => format!(", {}", printable(&told(selector))),
            _ => String::new(),
        };
        format!("{what}, {}{of}", self.access)
    }

    fn verdict(&self, days: usize) -> String {
        let on = format!("on {}", count(self.seen_days, "day"));
        let seen = match (self.seen_days, self.proof.resources_seen) {
            _ if self.proof.selector.is_some() => String::new(),
            (0, _) => "; never seen".to_owned(),
            (_, Some(resources)) => format!("; {} seen {on}", count(resources, "resource")),
            (_, None) => format!("; seen {on}"),
        };
        if self.covered_days == 0 {
            return format!("not covered{seen}");
        }
        let gaps: Vec<String> = self
            .gaps
            .iter()
            .map(|(from, to)| if from == to { from.clone() } else { format!("{from} to {to}") })
            .collect();
        format!("{} of {days} days covered, without {}{seen}", self.covered_days, gaps.join(", "))
    }
}

impl About {
    fn of(proof: Proof) -> About {
        let none = About::default();
        match proof {
            Proof::Any(resources) => About { resources_seen: Some(resources), ..none },
            Proof::Selected(trail, selector) => {
                About { trail: Some(trail.as_str().to_owned()), selector: Some(selector), ..none }
            }
            Proof::Present(name, arn) => {
                About { event_name: Some(name), resource: Some(arn), ..none }
            }
        }
    }
}

impl Told {
    fn of(key: &str, trail: &Trail) -> Told {
        // The reach as it is now, after every change that was seen.
        let reach = trail.reach(i64::MAX);
        let days: BTreeSet<String> = trail
            .changes()
            .keys()
            .filter_map(|time| Some(DateTime::from_timestamp(*time, 0)?.date_naive().to_string()))
            .collect();
        Told {
            trail: key.to_owned(),
            declared: trail.is_declared(),
            multi_region: reach.map(|reach| reach.regions),
            organization: reach.map(|reach| reach.organization),
            changed: days.into_iter().collect(),
        }
    }

    fn tell(&self) -> String {
        let mut parts = vec![match (self.declared, self.multi_region) {
            (false, _) => {
                "not declared, so it covers nothing; name its selectors with --event-selectors if \
                 its files are read"
                    .to_owned()
            }
            (true, None) => "declared, for its own region only; add the output of `aws cloudtrail \
                 describe-trails` if it logs all regions"
                .to_owned(),
            (true, Some(regions)) => {
                format!("declared, for {}", if regions { "all regions" } else { "its own region" })
            }
        }];
        if self.organization == Some(true) {
            parts.push("for all accounts of the organization".to_owned());
        }
        if !self.changed.is_empty() {
            parts.push(format!("changed on {}", self.changed.join(", ")));
        }
        parts.join("; ")
    }
}

/// Returns what a selector of data events demands beside type and access, in words.
fn told(selector: &Selector) -> String {
    let told: Vec<String> = selector
        .conditions()
        .iter()
        .filter(|(field, _)| !matches!(&***field, "eventCategory" | "resources.type" | "readOnly"))
        .map(|(field, condition)| format!("{field} {}", operators(condition)))
        .collect();
    if told.is_empty() { "all".to_owned() } else { told.join(" and ") }
}

fn operators(condition: &Condition) -> String {
    let told: Vec<String> = [
        ("is", &condition.equals),
        ("begins with", &condition.starts_with),
        ("ends with", &condition.ends_with),
        ("is not", &condition.not_equals),
        ("does not begin with", &condition.not_starts_with),
        ("does not end with", &condition.not_ends_with),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .map(|(verb, values)| {
        let values: Vec<&str> = values.iter().map(|value| &**value).collect();
        format!("{verb} {}", values.join(" or "))
    })
    .collect();
    told.join(", ")
}

fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// Returns the runs of days that follow one another.
fn spans(days: &BTreeSet<i32>) -> Vec<Span> {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *day => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    runs.into_iter().map(|(from, to)| (show(from), show(to))).collect()
}

/// Writes a day since 1970 as `2026-11-23`.
fn show(day: i32) -> String {
    DateTime::from_timestamp(i64::from(day) * 86_400, 0)
        .map_or_else(|| day.to_string(), |time| time.date_naive().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_follow_one_another_are_one_span() {
        let days = BTreeSet::from([20514, 20515, 20517]);
        let span = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            spans(&days),
            [span("2026-03-02", "2026-03-03"), span("2026-03-05", "2026-03-05")]
        );
    }
}
