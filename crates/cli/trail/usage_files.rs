//! Usage files among what is read: what was observed before, limited to what is asked for now.
//!
//! They know whole days and no sessions, addresses or times of day, so not everything can be asked of
//! them; and they may have been observed with limits of their own, which whoever reads on is told.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use trailtrim_aggregator::{Epoch, Join as _, Scope, Sources, Usage, UsageFile};
use trailtrim_catalog::Catalog;
use trailtrim_ingest::SetAside;

use super::InputArgs;
use crate::exit::hinted;
use crate::output::tell;
use crate::{time, usage_file};

impl InputArgs {
    /// Adds what usage files hold to the usages of stretches of time, each with its scope, that cuts lie between.
    /// Returns the files that were observed with limits, or by another release.
    pub(super) fn take_usage_files(
        &self,
        files: Vec<SetAside>,
        (scopes, cuts): (Vec<Scope>, &[DateTime<Utc>]),
        catalog: Catalog,
        usages: &mut [Usage],
        sources: &mut Sources,
    ) -> anyhow::Result<Vec<String>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        // The day of a cut comes behind it, and not on both sides.
        let midnight = |cut: DateTime<Utc>| cut.duration_trunc(TimeDelta::days(1)).unwrap_or(cut);
        let scopes: Vec<Scope> = scopes
            .into_iter()
            .enumerate()
            .map(|(at, scope)| Scope {
                since: scope.since.map(|since| if at > 0 { midnight(since) } else { since }),
                until: scope
                    .until
                    .map(|until| if at < cuts.len() { midnight(until) } else { until }),
                ..scope
            })
            .collect();
        let here = [Scope::default(), self.scope()].map(|scope| Epoch::of(catalog, &scope));
        let mut limited = Vec::new();
        for found in files {
            let (name, file) = match found {
                SetAside::File(path) => {
                    let name = path.display().to_string();
                    let file = self.usage_file(&name, || usage_file::read(&path), catalog)?;
                    (name, file)
                }
                SetAside::Once(label, open) => {
                    let name = label.to_string();
                    let read = || usage_file::read_from(open, &name);
                    let file = self.usage_file(&name, read, catalog)?;
                    (name, file)
                }
            };
            if file.epochs.keys().any(|epoch| !here.contains(epoch)) {
                limited.push(name);
            }
            let file = file.into_usage();
            let mut take_up = |usage: &mut Usage, mut limited: Usage| {
                sources.join(std::mem::take(limited.sources_mut()));
                usage.join(limited);
            };
            let mut wanted = usages.iter_mut().zip(&scopes);
            let last = wanted.next_back();
            wanted.for_each(|(usage, scope)| take_up(usage, file.limited(scope)));
            if let Some((usage, scope)) = last {
                take_up(usage, file.into_limited(scope));
            }
        }
        self.tell_limits(cuts);
        Ok(limited)
    }

    /// Reads a usage file, unless something is asked of it that it cannot tell.
    fn usage_file(
        &self,
        name: &str,
        read: impl FnOnce() -> anyhow::Result<UsageFile>,
        catalog: Catalog,
    ) -> anyhow::Result<UsageFile> {
        if !self.scope().excluded.is_empty() {
            return Err(hinted(
                format!("`{name}` does not know sessions, addresses and times of day any more"),
                "give --exclude-… when observing, or leave the file out",
            ));
        }
        let file = read()?;
        usage_file::tell_of(name, &file, catalog);
        Ok(file)
    }

    /// Says what usage files cannot be limited to.
    fn tell_limits(&self, cuts: &[DateTime<Utc>]) {
        let window = [("--since", self.since), ("--until", self.until)];
        let is_within_a_day = |time: &DateTime<Utc>| time.timestamp().rem_euclid(86_400) != 0;
        for (what, time) in window {
            if let Some(time) = time.filter(is_within_a_day) {
                tell(&format!(
                    "note: usage files know whole days, so {what} `{}` takes all of that day from \
                     them\n",
                    time::show(time)
                ));
            }
        }
        for cut in cuts.iter().filter(|cut| is_within_a_day(cut)) {
            tell(&format!(
                "note: usage files know whole days, so all of the day of the split at `{}` comes after it\n",
                time::show(*cut)
            ));
        }
        if !self.regions.is_empty() {
            tell(
                "note: with --region, usage files do not tell on which days global services were covered\n",
            );
        }
        if !self.regions.is_empty() || !self.accounts.is_empty() {
            tell(
                "note: callers without a policy in usage files are not limited by region or account\n",
            );
        }
    }
}
