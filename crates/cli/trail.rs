//! The arguments that every reading command shares, and reading itself.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDateTime, Utc};
use clap::Args;
use trailtrim_aggregator::{Activity, Join as _, Observer, Scope, Usage, resolve};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::report;
use trailtrim_ingest::{Ingested, Input, Prune, SkipKind, Skipped, fold};

use crate::globs::{self, Globs};
use crate::time;

/// What to read, and of it what.
#[derive(Debug, Args)]
pub(crate) struct TrailArgs {
    /// File, directory, or `-` for standard input (can be repeated)
    #[arg(required = true, value_name = "TRAIL")]
    trails: Vec<PathBuf>,

    /// Keep principals whose ARN, `role/path/name` or name matches (can be repeated)
    #[arg(long = "principal", value_name = "GLOB", value_parser = globs::parse)]
    principals: Vec<String>,

    /// Keep callers of this account (can be repeated)
    #[arg(long = "account", value_name = "ID", value_parser = account)]
    accounts: Vec<String>,

    /// Keep events of this region (can be repeated)
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,

    /// Keep events from this day or time on
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<DateTime<Utc>>,

    /// Keep events before this day or time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<DateTime<Utc>>,

    /// Threads to read with; never changes the result [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// What a reading command works on.
pub(crate) struct Trail {
    /// The selected principals and everything beside them.
    pub(crate) activity: Activity,
    /// What was read, as reports tell it.
    pub(crate) input: report::Input,
    /// What the reading was limited to.
    pub(crate) filters: report::Filters,
    /// Whether something that may matter was not read.
    pub(crate) lossy: bool,
}

/// A trail observed in parts.
pub(crate) struct Parts {
    /// What was observed in each stretch of time, in their order.
    pub(crate) usages: Vec<Usage>,
    /// What was read, as reports tell it.
    pub(crate) input: report::Input,
    /// Whether something that may matter was not read.
    pub(crate) lossy: bool,
}

impl TrailArgs {
    /// Reads the trail and names the permissions of those selected.
    pub(crate) fn read(&self, catalog: Catalog) -> anyhow::Result<Trail> {
        let mut trail = self.read_everyone(catalog)?;
        self.select(&mut trail.activity);
        Ok(trail)
    }

    /// Reads the trail and names the permissions of everyone in it.
    pub(crate) fn read_everyone(&self, catalog: Catalog) -> anyhow::Result<Trail> {
        let Parts { usages, input, lossy } = self.read_parts(catalog, &[])?;
        let mut usage = Usage::default();
        usages.into_iter().for_each(|part| usage.join(part));
        Ok(Trail { activity: resolve(&usage, catalog), input, filters: self.filters(), lossy })
    }

    /// Keeps the selected principals.
    pub(crate) fn select(&self, activity: &mut Activity) {
        let globs = Globs::new(&self.principals);
        activity.principals.retain(|principal| globs.match_principal(principal));
    }

    /// Reads the trail once and keeps apart what lies before, between and after
    /// `cuts`, which are ascending: one part more than there are cuts.
    pub(crate) fn read_parts(
        &self,
        catalog: Catalog,
        cuts: &[DateTime<Utc>],
    ) -> anyhow::Result<Parts> {
        if let (Some(since), Some(until)) = (self.since, self.until) {
            anyhow::ensure!(
                since < until,
                "nothing lies between --since `{}` and --until `{}`; swap them",
                time::show(since),
                time::show(until)
            );
        }
        let inputs: Vec<Input> = self
            .trails
            .iter()
            .map(|path| match path.as_os_str().to_str() {
                Some("-") => Input::Stdin,
                _ => Input::Path(path.clone()),
            })
            .collect();
        let prune = Prune {
            accounts: self.accounts.clone(),
            regions: self.regions.clone(),
            since: self.since,
            until: self.until,
        };
        let starts = [self.since].into_iter().chain(cuts.iter().copied().map(Some));
        let ends = cuts.iter().copied().map(Some).chain([self.until]);
        let scopes: Vec<Scope> = starts
            .zip(ends)
            .map(|(since, until)| Scope {
                since,
                until,
                regions: self.regions.iter().cloned().collect(),
                accounts: self.accounts.iter().cloned().collect(),
            })
            .collect();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.map_or(0, NonZeroUsize::get))
            .build()
            .context("cannot start the threads to read with")?;
        let (observers, ingested) = pool.install(|| {
            fold(
                &inputs,
                &prune,
                || scopes.iter().map(|scope| Observer::new(catalog, scope)).collect::<Vec<_>>(),
                |observers, provenance, record| {
                    for observer in observers {
                        observer.observe(provenance, record);
                    }
                },
                |mut left, right| {
                    left.iter_mut().zip(right).for_each(|(left, right)| left.join(right));
                    left
                },
            )
        })?;
        let mut usages: Vec<Usage> = observers.into_iter().map(Observer::into_usage).collect();
        for (from, until) in ingested.skipped.iter().filter_map(lost) {
            usages.iter_mut().for_each(|usage| usage.coverage_mut().exclude(from, until));
        }
        Ok(Parts {
            usages,
            lossy: ingested.skipped.iter().any(|skipped| !skipped.kind.is_expected()),
            input: input(&ingested),
        })
    }

    /// Returns whether standard input is read, which can be done but once.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.trails.iter().any(|path| path.as_os_str() == "-")
    }

    /// Returns whether a moment lies inside `--since` and `--until`, with time before and after.
    pub(crate) fn cuts_window(&self, moment: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| since < moment)
            && self.until.is_none_or(|until| moment < until)
    }

    /// Returns the end of the window.
    pub(crate) fn until(&self) -> Option<DateTime<Utc>> {
        self.until
    }

    /// Returns whether principals were selected by name.
    pub(crate) fn selects_principals(&self) -> bool {
        !self.principals.is_empty()
    }

    /// Fails where principals were selected by name and there are none of that name.
    pub(crate) fn require_principals(&self, activity: &Activity) -> anyhow::Result<()> {
        anyhow::ensure!(
            !activity.principals.is_empty() || !self.selects_principals(),
            "no principal in the trail matches --principal; leave it out to see all"
        );
        Ok(())
    }

    fn filters(&self) -> report::Filters {
        let sorted = |texts: &[String]| {
            texts.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        report::Filters {
            principals: sorted(&self.principals),
            accounts: sorted(&self.accounts),
            regions: sorted(&self.regions),
            since: self.since.map(time::show),
            until: self.until.map(time::show),
        }
    }
}

/// Returns the time (from, until, in seconds since 1970) of which records are lost with what was
/// skipped: the day before a file's delivery, or all there is where its name does not tell.
///
/// A file that gave no record at all and has no such name is none of a trail's.
fn lost(skipped: &Skipped) -> Option<(i64, i64)> {
    if skipped.kind.is_expected() || skipped.kind == SkipKind::OddField {
        return None;
    }
    let name = skipped.path.rsplit('/').next().unwrap_or_default();
    let delivered = name
        .split('_')
        .find_map(|part| NaiveDateTime::parse_from_str(part, "%Y%m%dT%H%MZ").ok())
        .map(|time| time.and_utc().timestamp());
    match delivered {
        Some(delivered) => Some((delivered - 86_400, delivered + 60)),
        None => skipped.position.filter(|at| at.record > 0).map(|_| (i64::MIN, i64::MAX)),
    }
}

fn input(ingested: &Ingested) -> report::Input {
    let mut sources: Vec<report::Source> = ingested
        .sources
        .iter()
        .map(|(hash, facts)| report::Source {
            path: facts.path.clone(),
            content: hash.to_string(),
            compression: facts.compression.name().to_owned(),
            framing: facts.framing.map(|framing| framing.name().to_owned()),
            records: facts.records,
            bytes: facts.bytes,
        })
        .collect();
    sources.sort_by(|a, b| (&a.path, &a.content).cmp(&(&b.path, &b.content)));
    report::Input {
        files: sources.len() as u64,
        records: ingested.sources.values().map(|facts| facts.records).sum(),
        bytes: ingested.sources.values().map(|facts| facts.bytes).sum(),
        inflated_bytes: ingested.sources.values().map(|facts| facts.inflated_bytes).sum(),
        pruned: ingested.pruned,
        sources,
        skipped: ingested
            .skipped
            .iter()
            .map(|skipped| report::Skipped {
                path: skipped.path.clone(),
                byte: skipped.position.map(|position| position.byte),
                record: skipped.position.map(|position| position.record),
                kind: skipped.kind.code().to_owned(),
                loses: !skipped.kind.is_expected(),
                detail: skipped.detail.clone(),
                count: skipped.count,
            })
            .collect(),
    }
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account id has 12 digits".to_owned())
    }
}
