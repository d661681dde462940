//! Whether a role or user of which nothing was recorded is unused.
//!
//! That nothing was recorded says little by itself. A role's session begins with a call that is
//! recorded, whatever is done in it: so a role is unused where that call would have shown for as long
//! as asked, and did not, in each region that is in use. A user needs no such call: each action that it is
//! allowed must have been looked for. What speaks for use is believed before that: an assumption, that it was
//! handed to a service of late, or the dump's own word; and who was recorded is in use, whatever of that is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use trailtrim_aggregator::{Activity, Outsider, Reason, Stats, day};
use trailtrim_iam::wildcard;

use super::Standards;
use super::allow::Allow;
use super::bearing::Bearing;
use super::lookout::{Inquiry, Sight, Whose};
use crate::attached::{Attached, moment};
use crate::diff::count;
use crate::report::{last, time};

/// A call that begins a role's session; those that begin one in other ways are recorded as this is.
const BEGINS_SESSION: &str = "sts:AssumeRole";

/// What hands a role over to a service.
const PASSES: &str = "iam:PassRole";

/// A call that any user may make, recorded as the calls of a console are.
const ANYBODYS: &str = "sts:GetAccessKeyInfo";

/// What is known of a principal of which nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It is unused.
    Unused {
        /// On so many covered days.
        days: usize,
        /// When it was last used before that, as the dump has it.
        last_used: Option<String>,
    },
    /// It need not be unused, for these reasons; there is one at least.
    Perhaps(Vec<InUse>),
}

/// Why a principal of which nothing was recorded is not called unused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum InUse {
    /// What it did was recorded, and is left out as foreign evidence.
    Excluded {
        /// How often.
        calls: u64,
        /// Whether that is an estimate.
        calls_estimated: bool,
        /// On how many days.
        days: usize,
        /// When last.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<String>,
    },
    /// Sessions of it were begun; what was done in them was not recorded.
    Assumed {
        /// How often.
        calls: u64,
        /// Whether that is an estimate.
        calls_estimated: bool,
        /// On how many days.
        days: usize,
        /// When last.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<String>,
    },
    /// It signed in to the console, or was seen in other records that are no API calls.
    SignedIn {
        /// How often.
        calls: u64,
        /// Whether that is an estimate.
        calls_estimated: bool,
        /// On how many days.
        days: usize,
        /// When last.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<String>,
    },
    /// It was seen, in records of other accounts only.
    SeenElsewhere {
        /// When last.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<String>,
    },
    /// The dump says that it was used within the days that count.
    LastUsed {
        /// When, as the dump has it.
        at: String,
    },
    /// It was handed to a service too lately for as many covered days as asked: what runs by it may begin
    /// once a month.
    Passed {
        /// When last.
        at: String,
        /// Covered days since.
        days: usize,
        /// Covered days that would be enough.
        needed: usize,
    },
    /// It was made too lately for as many covered days as asked.
    TooNew {
        /// When, as the dump has it.
        created: String,
        /// Covered days since.
        days: usize,
        /// Covered days that would be enough.
        needed: usize,
    },
    /// The log need not have shown it.
    NotCovered {
        /// Why.
        why: String,
    },
}

impl InUse {
    /// Returns the reason in words.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            InUse::Excluded { calls, calls_estimated, days, last } => {
                let times = times(*calls, *calls_estimated, *days, last.as_deref());
                format!("it was recorded {times}, in calls that are excluded as asked")
            }
            InUse::Assumed { calls, calls_estimated, days, last } => {
                let times = times(*calls, *calls_estimated, *days, last.as_deref());
                format!(
                    "it was assumed {times}, and what it then did was not recorded: log the data events \
                     that it makes"
                )
            }
            InUse::SignedIn { calls, calls_estimated, days, last } => {
                let times = times(*calls, *calls_estimated, *days, last.as_deref());
                format!(
                    "it signed in, or was seen in another record that is no API call, {times}; no API call of \
                     it was recorded"
                )
            }
            InUse::SeenElsewhere { last } => format!(
                "it was seen in records of other accounts, last {}",
                last.as_deref().unwrap_or("an unknown time")
            ),
            InUse::LastUsed { at } => format!("it was last used at {at}, by the account dump"),
            InUse::Passed { at, days, needed } => format!(
                "it was passed to a service at {at}, and {} covered since, of {needed} that are asked for",
                are(*days)
            ),
            InUse::TooNew { created, days, needed } => {
                format!(
                    "it was made at {created}, and {} covered since, of {needed} that are asked for",
                    are(*days)
                )
            }
            InUse::NotCovered { why } => why.clone(),
        }
    }
}

/// Says how often something was, on how many days and when last.
fn times(calls: u64, estimated: bool, days: usize, last: Option<&str>) -> String {
    let about = if estimated { "≈" } else { "" };
    let calls = count(usize::try_from(calls).unwrap_or(usize::MAX), "time");
    let last = last.unwrap_or("an unknown time");
    format!("{about}{calls} on {}, last {last}", count(days, "day"))
}

fn is_unused(sight: &Sight) -> bool {
    matches!(sight, Sight::Unused { .. } | Sight::UnusedIn { .. })
}

/// Says of a number of days that they are, before what they are.
fn are(days: usize) -> String {
    format!("{} {}", count(days, "day"), if days == 1 { "is" } else { "are" })
}

/// What principals are judged by.
pub(super) struct Idling<'i, 'a> {
    activity: &'a Activity,
    standards: &'i Standards<'i>,
    allows: &'i [Vec<Allow<'a>>],
    bearing: &'i Bearing,
    /// Assumptions of which only a pattern of names is known.
    patterns: Vec<(&'a str, &'a Stats)>,
    /// When roles were last passed to a service, by their ARNs.
    passed: BTreeMap<&'a str, i64>,
    /// By account, the last day of which a call was seen, and of all accounts.
    ends: (BTreeMap<&'a str, i32>, Option<i32>),
}

impl<'i, 'a> Idling<'i, 'a> {
    pub(super) fn of(
        activity: &'a Activity,
        standards: &'i Standards<'i>,
        allows: &'i [Vec<Allow<'a>>],
        bearing: &'i Bearing,
    ) -> Idling<'i, 'a> {
        let all = activity.assumed.iter().filter(|(arn, _)| arn.contains('*'));
        let patterns = all.map(|(arn, stats)| (arn.as_str(), stats)).collect();
        let mut ends: BTreeMap<&str, i32> = BTreeMap::new();
        for principal in &activity.principals {
            let last = principal.rows.values().filter_map(|row| row.stats.last()).max();
            if let Some(last) = last.map(day) {
                let end = ends.entry(&principal.account).or_insert(last);
                *end = last.max(*end);
            }
        }
        let others = activity.outsiders.values().chain(activity.assumed.values());
        let others = others.filter_map(Stats::last).map(day);
        let end = others.chain(ends.values().copied()).max();
        let mut passed: BTreeMap<&str, i64> = BTreeMap::new();
        let rows = activity.principals.iter().flat_map(|principal| &principal.rows);
        for (key, row) in rows.filter(|(key, _)| key.action == PASSES && key.outcome.grants()) {
            if let Some(last) = row.stats.last() {
                let known = passed.entry(&key.resource).or_insert(last);
                *known = last.max(*known);
            }
        }
        Idling { activity, standards, allows, bearing, patterns, passed, ends: (ends, end) }
    }

    /// Judges a principal of which nothing was recorded.
    pub(super) fn judge(&self, one: &Attached) -> Idle {
        let account = one.arn.split(':').nth(4).unwrap_or_default();
        // Of one that was recorded, nothing says that it did nothing, or that what it did does not show.
        if let Some(excluded) = self.excluded(&one.arn) {
            return Idle::Perhaps(vec![excluded]);
        }
        let mut reasons: Vec<InUse> = self.assumed(&one.arn).into_iter().collect();
        reasons.extend(self.signed_in(&one.arn));
        let elsewhere =
            Outsider { reason: Reason::OtherAccount, identity: one.arn.as_str().into() };
        if let Some(stats) = self.activity.outsiders.get(&elsewhere) {
            reasons.push(InUse::SeenElsewhere { last: last(stats) });
        }
        reasons.extend(self.last_used(one, account));
        reasons.extend(self.passed(one));
        let days = match self.sight(one) {
            Ok(Sight::Unused { days }) => days,
            // In a region of which nothing is known it may do all of its work.
            Ok(Sight::UnusedIn { regions, days }) => {
                let why = self.known_in(one, &regions, days);
                reasons.push(InUse::NotCovered { why });
                days
            }
            Ok(Sight::TooNew { days }) => {
                reasons.push(self.too_few(one, days));
                days
            }
            Ok(Sight::Unobservable { why } | Sight::UnshownTo { why, .. }) | Err(why) => {
                let why = format!("that it did nothing is not known: {why}");
                reasons.push(InUse::NotCovered { why });
                0
            }
        };
        match reasons.is_empty() {
            true => Idle::Unused { days, last_used: one.last_used.clone() },
            false => Idle::Perhaps(reasons),
        }
    }

    /// Says what is known where a use would have shown in these regions only.
    fn known_in(&self, one: &Attached, regions: &BTreeSet<String>, days: usize) -> String {
        let listed = |regions: &BTreeSet<String>| {
            regions.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let lookout = self.standards.lookout;
        let in_use = lookout.in_use(lookout.whose(&one.arn).partition);
        let others = match in_use.map(|in_use| &in_use - regions).filter(|left| !left.is_empty()) {
            Some(left) => format!("{}, which is said to be in use,", listed(&left)),
            None => "other regions".to_owned(),
        };
        format!(
            "nothing that it did was recorded in {} in {}; of {others} nothing is known for as long",
            count(days, "covered day"),
            listed(regions)
        )
    }

    fn excluded(&self, arn: &str) -> Option<InUse> {
        let stats = self.activity.excluded.get(arn)?;
        let calls = stats.calls();
        Some(InUse::Excluded {
            calls: calls.value,
            calls_estimated: calls.estimated,
            days: stats.days().len(),
            last: last(stats),
        })
    }

    fn assumed(&self, arn: &str) -> Option<InUse> {
        let known = self.activity.assumed.get(arn);
        let meant = || self.patterns.iter().find(|(pattern, _)| wildcard::matches(pattern, arn));
        let stats = known.or_else(|| meant().map(|(_, stats)| *stats))?;
        let calls = stats.calls();
        Some(InUse::Assumed {
            calls: calls.value,
            calls_estimated: calls.estimated,
            days: stats.days().len(),
            last: last(stats),
        })
    }

    fn signed_in(&self, arn: &str) -> Option<InUse> {
        let stats = self.activity.signed_in.get(arn)?;
        let calls = stats.calls();
        Some(InUse::SignedIn {
            calls: calls.value,
            calls_estimated: calls.estimated,
            days: stats.days().len(),
            last: last(stats),
        })
    }

    /// What AWS itself says counts where it is not older than the days that are asked for. A text that
    /// is no time says at least that it was used.
    fn last_used(&self, one: &Attached, account: &str) -> Option<InUse> {
        let at = one.last_used.as_ref()?;
        let (ends, all) = &self.ends;
        let end = ends.get(account).copied().or(*all);
        let enough = i32::try_from(self.standards.lookout.enough()).unwrap_or(i32::MAX);
        // The covered days that are enough may lie far apart: anything in the trail's time counts.
        let first = self.standards.lookout.first_day(account).unwrap_or(i32::MAX);
        let old = moment(at)
            .zip(end)
            .is_some_and(|(at, end)| day(at) < end.saturating_sub(enough).min(first));
        (!old).then(|| InUse::LastUsed { at: at.clone() })
    }

    fn passed(&self, one: &Attached) -> Option<InUse> {
        let last = *self.passed.get(one.arn.as_str())?;
        let days = match self.shows(one, BEGINS_SESSION, Some(last)) {
            Sight::Unused { .. } | Sight::UnusedIn { .. } => return None,
            Sight::TooNew { days } => days,
            Sight::Unobservable { .. } | Sight::UnshownTo { .. } => 0,
        };
        let needed = self.standards.lookout.enough();
        Some(InUse::Passed { at: time(last)?, days, needed })
    }

    /// Too few covered days: since it was made, or at all.
    fn too_few(&self, one: &Attached, days: usize) -> InUse {
        let needed = self.standards.lookout.enough();
        let enough = is_unused(&self.shows(one, self.sign(one), None));
        match one.created.clone().filter(|_| enough) {
            Some(created) => InUse::TooNew { created, days, needed },
            None => InUse::NotCovered {
                why: format!("{} covered, of {needed} that are asked for", are(days)),
            },
        }
    }

    fn sign(&self, one: &Attached) -> &'static str {
        if one.arn.contains(":role/") { BEGINS_SESSION } else { ANYBODYS }
    }

    fn shows(&self, one: &Attached, action: &'static str, since: Option<i64>) -> Sight {
        // Whoever assumes a role, or leaves a user's traces, may be anyone as well.
        let whose = Whose { principal: None, ..self.standards.lookout.whose(&one.arn) };
        self.standards.lookout.judge(Inquiry {
            whose,
            action,
            resources: &["*"],
            since,
            limited: None,
            can: &|_| true,
        })
    }

    /// Returns whether a use would have shown, or what is not known of it.
    fn sight(&self, one: &Attached) -> Result<Sight, String> {
        let since = one.created.as_deref().and_then(moment);
        let sign = self.sign(one);
        let mut sight = self.shows(one, sign, since);
        if let Sight::Unobservable { why } = &sight {
            if since.is_some() && is_unused(&self.shows(one, sign, None)) {
                return Ok(Sight::TooNew { days: 0 });
            }
            return Err(format!("of {sign}: {why}"));
        }
        if one.arn.contains(":role/") {
            return Ok(sight);
        }
        if let Some(unknown) = one.unknown.first() {
            return Err(format!("what `{}` allows is not known: {}", unknown.name, unknown.why));
        }
        let held: Vec<&Allow<'_>> =
            one.bundles.iter().filter_map(|at| self.allows.get(*at)).flatten().collect();
        if held.is_empty() {
            let why =
                "no policy allows it anything, and what policies of resources allow is not known";
            return Err(why.to_owned());
        }
        let can = |action: &str| {
            held.iter().any(|allow| allow.holds_action(action) && allow.forbidden(action).is_none())
        };
        for allow in &held {
            if let Some(foreign) = allow.foreign.first() {
                return Err(format!("the catalog knows no action `{foreign}`, which it may do"));
            }
            let limited = allow.regions();
            for action in allow.actions.iter().map(|facts| facts.id()) {
                if allow.dead.contains(action) || allow.forbidden(action).is_some() {
                    continue;
                }
                let on: Vec<&str> = allow
                    .resources
                    .iter()
                    .map(String::as_str)
                    .filter(|on| allow.takes(self.bearing, action, on))
                    .collect();
                let lookout = self.standards.lookout;
                let own = lookout.judge(Inquiry {
                    whose: lookout.whose(&one.arn),
                    action,
                    resources: &on,
                    since,
                    limited: limited.as_ref(),
                    can: &can,
                });
                if let Sight::Unobservable { why } | Sight::UnshownTo { why, .. } = own {
                    return Err(format!("it may do {action} without a trace: {why}"));
                }
                sight = super::verdict::worse(sight, own);
            }
        }
        Ok(sight)
    }
}
