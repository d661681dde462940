//! The arguments that every reading command shares, and reading itself.

mod lost;
mod marks;
mod required;
mod usage_files;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use ipnet::IpNet;
use trailtrim_aggregator::{
    Activity, Background, Coverage, Excluded, Facts, Join as _, MAGIC, NAME_QUOTA, Observer,
    OtherKind, Principal, Quota, Scope, Shards, Sources, Usage, Wanted, resolve,
    resolve_by_workload, resolve_knowing, resolve_some,
};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::report;
use trailtrim_ingest::{Files, Input, Mentions, Prune, Road, SetAside, fold_files};

use crate::exit::hinted;
use crate::globs::{self, Globs};
use crate::output::{TEMPORARY, printable};
use crate::progress::Line;
use crate::{region, time};
use marks::{mark, unread};

/// What to read, and of it what.
#[derive(Debug, Args)]
pub(crate) struct TrailArgs {
    #[command(flatten)]
    input: InputArgs,

    /// Keep principals whose ARN, `role/path/name` or name matches (can be repeated)
    #[arg(long = "principal", value_name = "GLOB", value_parser = globs::parse)]
    principals: Vec<String>,
}

/// What to read, and which records of it.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// File, directory, usage file, or `-` for standard input (can be repeated)
    #[arg(required = true, value_name = "TRAIL")]
    trails: Vec<PathBuf>,

    /// Keep records delivered to this account (can be repeated)
    #[arg(long = "account", value_name = "ID", value_parser = account)]
    accounts: Vec<String>,

    /// Keep events of this region (can be repeated)
    #[arg(long = "region", value_name = "REGION", value_parser = region::parse)]
    regions: Vec<String>,

    /// Keep events from this day or time on; usage files know whole days
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<DateTime<Utc>>,

    /// Keep events before this day or time; usage files know whole days
    ///
    /// Log files whose names say that they were delivered more than 14 days after it stay closed.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<DateTime<Utc>>,

    /// Keep sessions of this name out, as foreign evidence (can be repeated)
    #[arg(long = "exclude-session", value_name = "GLOB", value_parser = globs::parse)]
    excluded_sessions: Vec<String>,

    /// Keep calls from these addresses out, such as `203.0.113.0/24` (can be repeated)
    #[arg(long = "exclude-ip", value_name = "CIDR", value_parser = network)]
    excluded_networks: Vec<IpNet>,

    /// Keep calls out from a time on and before another, `A..B` (can be repeated)
    #[arg(long = "exclude-time", value_name = "A..B", value_parser = time::parse_range)]
    excluded_times: Vec<(DateTime<Utc>, DateTime<Utc>)>,

    /// Names to keep one by one for each principal, operation and bucket before they become a
    /// prefix, and half as many with each level of `/` in names, down to a sixteenth; rounded down to
    /// a power of two. Of buckets and roles sixteen times as many
    #[arg(long, value_name = "N", default_value_t = NonZeroQuota::default())]
    name_quota: NonZeroQuota,

    /// Threads to read with; never changes the result [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_THREADS))]
    threads: Option<u16>,

    /// Read everything on the general road, slowly and with the same result: for tests
    #[arg(long, hide = true)]
    general_road: bool,
}

/// The most threads: as many as the largest machines have cores. Each has buffers of its own.
const MOST_THREADS: i64 = 2048;

/// A [`Quota`] as the command line writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NonZeroQuota(std::num::NonZeroU32);

impl Default for NonZeroQuota {
    fn default() -> Self {
        NonZeroQuota(std::num::NonZeroU32::new(NAME_QUOTA).unwrap_or(std::num::NonZeroU32::MIN))
    }
}

impl std::fmt::Display for NonZeroQuota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for NonZeroQuota {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(NonZeroQuota).map_err(|_| "write a number from 1 on")
    }
}

/// What a reading command works on.
pub(crate) struct Trail {
    /// The selected principals and everything beside them.
    pub(crate) activity: Activity,
    /// Where CloudTrail was looking.
    pub(crate) coverage: Coverage,
    /// What was read, as reports tell it.
    pub(crate) input: report::Input,
    /// What the reading was limited to.
    pub(crate) filters: report::Filters,
    /// Whether something that may matter was not read.
    pub(crate) lossy: bool,
    /// How many files were not parsed, since they do not mention who is asked for.
    pub(crate) passed: u64,
    /// Whether no record passed the filters, whoever was selected.
    pub(crate) nothing: bool,
}

/// How many days a trail must have to be cut in two for a backtest: one week beside another.
const LEAST_DAYS_TO_CUT: i32 = 14;

/// A trail cut in two.
pub(crate) struct Cut {
    /// The first moment of the later part.
    pub(crate) at: DateTime<Utc>,
    /// What was done in the earlier part.
    pub(crate) before: Activity,
    /// Where CloudTrail was looking then.
    pub(crate) coverage: Coverage,
    /// What was done in the later part.
    pub(crate) after: Activity,
}

/// A trail observed in parts.
pub(crate) struct Parts {
    /// What was observed in each stretch of time, in their order.
    pub(crate) usages: Vec<Usage>,
    /// What was read, as reports tell it.
    pub(crate) input: report::Input,
    /// Whether something that may matter was not read.
    pub(crate) lossy: bool,
    /// Whether usage files are among what was read.
    pub(crate) of_usage_files: bool,
}

/// What was read.
pub(crate) struct Observed {
    /// What was observed in each stretch of time, in their order.
    pub(crate) usages: Vec<Usage>,
    /// What it was read from.
    pub(crate) sources: Sources,
    /// How many files were left closed because of their key.
    pub(crate) pruned: u64,
    /// How many files were not parsed, since they do not mention who is asked for.
    pub(crate) passed: u64,
    /// How many files were known before and not read again.
    pub(crate) known: u64,
    /// Whether usage files are among what was read.
    pub(crate) of_usage_files: bool,
    /// The usage files that were observed with limits of their own, or by another release.
    pub(crate) limited: Vec<String>,
}

impl Observed {
    /// Returns whether something that may matter was not read.
    pub(crate) fn lossy(&self) -> bool {
        self.sources.skipped().iter().any(|skipped| !skipped.kind.is_expected())
    }
}

impl InputArgs {
    /// Returns which records count.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            since: self.since,
            until: self.until,
            regions: self.regions.iter().cloned().collect(),
            accounts: self.accounts.iter().cloned().collect(),
            excluded: Excluded {
                sessions: self.excluded_sessions.iter().cloned().collect(),
                networks: self.excluded_networks.iter().map(IpNet::trunc).collect(),
                times: self.excluded_times.iter().copied().collect(),
            },
        }
    }

    /// Returns the options that were given and keep records out.
    fn filters(&self) -> Vec<&'static str> {
        let options = [
            ("--account", !self.accounts.is_empty()),
            ("--region", !self.regions.is_empty()),
            ("--since", self.since.is_some()),
            ("--until", self.until.is_some()),
            ("--exclude-session", !self.excluded_sessions.is_empty()),
            ("--exclude-ip", !self.excluded_networks.is_empty()),
            ("--exclude-time", !self.excluded_times.is_empty()),
        ];
        options.iter().filter(|(_, given)| *given).map(|(option, _)| *option).collect()
    }

    /// Returns the threads to work with.
    pub(crate) fn pool(&self) -> anyhow::Result<rayon::ThreadPool> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.map_or(0, usize::from))
            .build()
            .context("cannot start the threads to work with")
    }

    /// Reads archives and usage files once, and keeps apart what lies before, between and after
    /// `cuts`, which are ascending: one part more than there are cuts. Nothing is read of what
    /// `known` has read before; files named in `apart` are passed over where a directory holds them.
    pub(crate) fn observe(
        &self,
        catalog: Catalog,
        cuts: &[DateTime<Utc>],
        known: Option<&Sources>,
        apart: &[PathBuf],
    ) -> anyhow::Result<Observed> {
        self.observe_those(None, catalog, cuts, known, apart)
    }

    /// Does what [`observe`](Self::observe) does, of archives for the wanted principals only.
    fn observe_those(
        &self,
        wanted: Option<&Wanted>,
        catalog: Catalog,
        cuts: &[DateTime<Utc>],
        known: Option<&Sources>,
        apart: &[PathBuf],
    ) -> anyhow::Result<Observed> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(hinted(
                format!(
                    "nothing lies between --since `{}` and --until `{}`",
                    time::show(since),
                    time::show(until)
                ),
                "swap them; --until is not in the window any more",
            ));
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
        let scopes: Vec<Scope> =
            starts.zip(ends).map(|(since, until)| Scope { since, until, ..self.scope() }).collect();
        let pool = self.pool()?;
        // By a thread that will read: memory that listing lets go of is used again.
        let mut files = pool.install(|| Files::find(&inputs, &prune))?;
        if self.general_road {
            files.set_road(Road::General);
        }
        if let Some(mentions) = wanted.and_then(|wanted| Mentions::new(wanted.mentions()?)) {
            files.look_for(mentions);
        }
        let mut already = 0;
        let apart: Vec<PathBuf> =
            apart.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
        let named: BTreeSet<&Path> = self.trails.iter().map(PathBuf::as_path).collect();
        files.set_aside(&MAGIC);
        files.retain(|file| {
            // What a run that was killed, or still writes, has not finished. Named, it is read.
            if file.path.as_deref().is_some_and(|path| {
                let name = path.file_name().unwrap_or_default().as_encoded_bytes();
                name.starts_with(TEMPORARY.as_bytes()) && !named.contains(path)
            }) {
                return false;
            }
            let real = || std::fs::canonicalize(file.path.as_ref()?).ok();
            if !apart.is_empty() && real().is_some_and(|real| apart.contains(&real)) {
                return false;
            }
            let mark = mark(&file);
            if mark.as_ref().is_some_and(|mark| known.is_some_and(|known| known.knows(mark))) {
                already += 1;
                return false;
            }
            true
        });
        let quota = Quota::new(self.name_quota.0.get());
        let progress = Line::new();
        let shards: Vec<Shards> = scopes.iter().map(|_| Shards::default()).collect();
        let (observers, ingested) = pool.install(|| {
            fold_files(
                &files,
                &progress,
                || {
                    let observers = scopes.iter().zip(&shards).map(|(scope, shards)| {
                        let observer = Observer::with_quota(catalog, scope, quota);
                        let observer = observer.gathering(shards);
                        match wanted {
                            Some(wanted) => observer.only(wanted),
                            None => observer,
                        }
                    });
                    observers.collect::<Vec<_>>()
                },
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
        });
        drop(progress);
        let mut usages: Vec<Usage> = observers.into_iter().map(Observer::into_usage).collect();
        let times = self.excluded_times.iter().map(|(from, to)| (from.timestamp(), to.timestamp()));
        for (from, until) in times {
            usages.iter_mut().for_each(|usage| usage.coverage_mut().exclude(from, until));
        }
        let mut sources = Sources::default();
        let unread = unread(&ingested);
        let usage_files = files.take_aside();
        let of_usage_files = !usage_files.is_empty();
        let aside: BTreeSet<_> = usage_files.iter().filter_map(SetAside::path).collect();
        let whole = files.iter().filter(|file| {
            !unread.contains(file.label)
                && !file.path.as_deref().is_some_and(|path| aside.contains(path))
        });
        sources.mark(whole.filter_map(|file| mark(&file)));
        let (pruned, passed) = (ingested.pruned, ingested.passed);
        sources.add(ingested);
        drop(files);
        let limited =
            self.take_usage_files(usage_files, (scopes, cuts), catalog, &mut usages, &mut sources)?;
        Ok(Observed { usages, sources, pruned, passed, known: already, of_usage_files, limited })
    }
}

impl TrailArgs {
    /// Returns the threads to work with.
    pub(crate) fn pool(&self) -> anyhow::Result<rayon::ThreadPool> {
        self.input.pool()
    }

    /// Reads the trail and names the permissions of those selected.
    pub(crate) fn read(&self, catalog: Catalog) -> anyhow::Result<Trail> {
        let mut trail = self.read_everyone(catalog)?;
        self.select(&mut trail.activity);
        Ok(trail)
    }

    /// Reads the trail and names the permissions of everyone in it.
    pub(crate) fn read_everyone(&self, catalog: Catalog) -> anyhow::Result<Trail> {
        self.read_as(catalog, resolve)
    }

    /// Does what [`read`](Self::read) does, but knows nothing of anyone else, which is much faster.
    pub(crate) fn read_selected(&self, catalog: Catalog) -> anyhow::Result<Trail> {
        let wanted = Wanted::new(self.principals.iter().cloned());
        // What comes once cannot be read again.
        if self.principals.is_empty() || self.reads_once() {
            return self.read(catalog);
        }
        let mut observed = self.input.observe_those(Some(&wanted), catalog, &[], None, &[])?;
        observed.uncover();
        let mut usage = Usage::default();
        std::mem::take(&mut observed.usages).into_iter().for_each(|part| usage.join(part));
        // What others did may say which role is meant by a name: then they are read as well.
        let resolved = self.pool()?.install(|| resolve_some(&usage, catalog));
        let Some(mut activity) = resolved else { return self.read(catalog) };
        let nothing = self.is_nothing(&activity, observed.of_usage_files);
        self.select(&mut activity);
        let timeless = activity.other_events.keys().any(|event| event.kind == OtherKind::NoTime);
        let lossy = observed.lossy() || timeless;
        let (passed, input) = (observed.passed, input(&observed));
        let coverage = usage.into_coverage();
        Ok(Trail { activity, coverage, input, filters: self.filters(), lossy, passed, nothing })
    }

    /// Reads the trail and names the permissions of each workload of those selected.
    pub(crate) fn read_by_workload(&self, catalog: Catalog) -> anyhow::Result<Trail> {
        let mut trail = self.read_as(catalog, resolve_by_workload)?;
        self.select(&mut trail.activity);
        Ok(trail)
    }

    fn read_as(
        &self,
        catalog: Catalog,
        resolve: fn(&Usage, Catalog) -> Activity,
    ) -> anyhow::Result<Trail> {
        let (trail, _) = self.read_usage(catalog, resolve)?;
        Ok(trail)
    }

    fn read_usage(
        &self,
        catalog: Catalog,
        resolve: impl Fn(&Usage, Catalog) -> Activity + Sync,
    ) -> anyhow::Result<(Trail, Usage)> {
        let Parts { usages, input, lossy, of_usage_files } = self.read_parts(catalog, &[])?;
        let mut usage = Usage::default();
        usages.into_iter().for_each(|part| usage.join(part));
        let activity = self.pool()?.install(|| resolve(&usage, catalog));
        // A record without a time may have been inside the window.
        let timeless = activity.other_events.keys().any(|event| event.kind == OtherKind::NoTime);
        let lossy = lossy || timeless;
        let coverage = usage.coverage().clone();
        let (nothing, filters) = (self.is_nothing(&activity, of_usage_files), self.filters());
        let trail = Trail { activity, coverage, input, filters, lossy, passed: 0, nothing };
        region::tell_unseen("--region", &self.input.regions, &trail);
        Ok((trail, usage))
    }

    /// Reads the trail once, and cuts it in two by days where it is long enough: an earlier part and
    /// a later one that drafts from the earlier can be put to. `names` goes before what the trail
    /// teaches about names.
    pub(crate) fn read_and_cut(
        &self,
        catalog: Catalog,
        names: Option<&Facts>,
    ) -> anyhow::Result<(Trail, Option<Cut>)> {
        let background = Background { before: names, behind: None };
        let (trail, usage) =
            self.read_usage(catalog, |usage, catalog| resolve_knowing(usage, background, catalog))?;
        let days: BTreeSet<i32> =
            trail.activity.principals.iter().flat_map(|one| one.days()).collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return Ok((trail, None));
        };
        if last - first + 1 < LEAST_DAYS_TO_CUT {
            return Ok((trail, None));
        }
        let at = first + (last - first + 1) * 2 / 3;
        let Some(moment) = DateTime::from_timestamp(i64::from(at) * 86_400, 0) else {
            return Ok((trail, None));
        };
        let before = usage.limited(&Scope { until: Some(moment), ..Scope::default() });
        let after = usage.limited(&Scope { since: Some(moment), ..Scope::default() });
        let pool = self.pool()?;
        // The draft knows what its own part teaches, or it would know the future; what is put to it is
        // named by what was known until then as well.
        let earlier = Facts::learn(&before, catalog);
        let later = Background { behind: Some(&earlier), ..background };
        let cut = Cut {
            at: moment,
            before: pool.install(|| resolve_knowing(&before, background, catalog)),
            coverage: before.into_coverage(),
            after: pool.install(|| resolve_knowing(&after, later, catalog)),
        };
        Ok((trail, Some(cut)))
    }

    /// Returns whether a principal is selected.
    pub(crate) fn selects(&self, principal: &Principal) -> bool {
        Globs::new(&self.principals).match_principal(principal)
    }

    /// Returns whether a role or user is selected, by its ARN.
    pub(crate) fn selects_arn(&self, arn: &str) -> bool {
        Globs::new(&self.principals).match_arn(arn)
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
        let mut observed = self.input.observe(catalog, cuts, None, &[])?;
        observed.uncover();
        let (lossy, input) = (observed.lossy(), input(&observed));
        let of_usage_files = observed.of_usage_files;
        Ok(Parts { usages: observed.usages, input, lossy, of_usage_files })
    }

    /// Returns whether standard input or a pipe is read, which can be done but once.
    pub(crate) fn reads_once(&self) -> bool {
        let pipe = |path: &PathBuf| {
            std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
        };
        self.input.trails.iter().any(|path| path.as_os_str() == "-" || pipe(path))
    }

    /// Returns whether a moment lies inside `--since` and `--until`, with time before and after.
    pub(crate) fn cuts_window(&self, moment: DateTime<Utc>) -> bool {
        self.input.since.is_none_or(|since| since < moment)
            && self.input.until.is_none_or(|until| moment < until)
    }

    /// Returns the end of the window.
    pub(crate) fn until(&self) -> Option<DateTime<Utc>> {
        self.input.until
    }

    /// Returns whether principals were selected by name.
    pub(crate) fn selects_principals(&self) -> bool {
        !self.principals.is_empty()
    }

    /// Returns the options that were given and let only a part of the trail be looked at.
    pub(crate) fn limits(&self) -> Vec<&'static str> {
        let principals = self.selects_principals().then_some("--principal");
        principals.into_iter().chain(self.input.filters()).collect()
    }

    /// Returns whether only some principals or accounts are looked at.
    pub(crate) fn leaves_out_holders(&self) -> bool {
        self.selects_principals() || !self.input.accounts.is_empty()
    }

    /// Returns whether no record passed the filters, by what everyone did.
    pub(crate) fn is_nothing(&self, activity: &Activity, of_usage_files: bool) -> bool {
        // What usage files tell of others than principals is not limited by region and account, so
        // that it is there whatever these are.
        let limited = !self.input.regions.is_empty() || !self.input.accounts.is_empty();
        // Other events are no calls, or were kept out.
        let nobody_else = activity.outsiders.is_empty() || (limited && of_usage_files);
        activity.principals.is_empty() && nobody_else
    }

    /// Returns every `--principal`.
    pub(crate) fn principal_globs(&self) -> BTreeSet<&str> {
        self.principals.iter().map(String::as_str).collect()
    }

    fn filters(&self) -> report::Filters {
        let sorted = |texts: &[String]| {
            texts.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        report::Filters {
            principals: sorted(&self.principals),
            accounts: sorted(&self.input.accounts),
            regions: sorted(&self.input.regions),
            since: self.input.since.map(time::show),
            until: self.input.until.map(time::show),
        }
    }
}

fn input(observed: &Observed) -> report::Input {
    let facts = observed.sources.facts();
    let mut sources: Vec<report::Source> = facts
        .iter()
        .map(|(hash, facts)| report::Source {
            path: facts.path.to_string(),
            content: hash.to_string(),
            compression: facts.compression.name().to_owned(),
            framing: facts.framing.map(|framing| framing.name().to_owned()),
            chosen: facts.framing.is_some_and(|framing| !framing.is_delivered()),
            records: facts.records,
            bytes: facts.bytes,
        })
        .collect();
    sources.sort_by(|a, b| (&a.path, &a.content).cmp(&(&b.path, &b.content)));
    report::Input {
        files: sources.len() as u64,
        records: facts.values().map(|facts| facts.records).sum(),
        bytes: facts.values().map(|facts| facts.bytes).sum(),
        inflated_bytes: facts.values().map(|facts| facts.inflated_bytes).sum(),
        pruned: observed.pruned,
        sources,
        skipped: observed
            .sources
            .skipped()
            .into_iter()
            .map(|skipped| report::Skipped {
                path: skipped.path,
                byte: skipped.position.map(|position| position.byte),
                record: skipped.position.map(|position| position.record),
                kind: skipped.kind.code().to_owned(),
                loses: !skipped.kind.is_expected(),
                detail: skipped.detail,
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

fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address)))
        .map_err(|_| format!("`{}` is no network; write `203.0.113.0/24`", printable(text)))
}
