//! How complete the picture of a principal is, after so many days of logs.
//!
//! The numbers speak of days that are like those seen. They never say
//! "complete": below their thresholds they say "insufficient", and above them
//! how much is missing at least. Beside them stands what they cannot know:
//! which weekends, month ends and quarter ends the log has, and its gaps.
//!
//! A day counts only where it is proved that the log has it all through: see
//! [`Coverage::delivered_days`]. So the first and the last day never do, nor a
//! day beside a silence. What was seen only on other days is seen, and no
//! evidence of how often it is done.

mod calendar;
mod estimate;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use trailtrim_aggregator::{Coverage, Principal, coverage::place};
use trailtrim_catalog::{Catalog, Condition};

pub use calendar::{Calendar, Covered, Gap};
pub use estimate::{Incidence, Interval, LEAST_DAYS, LEAST_GRANT_DAYS, LEAST_INCIDENCES};

use crate::MissingDataEvents;
use crate::coverage::show;
use crate::taste::{Seen, Taste, choose, is_often};
use crate::turnover::thing;

/// The version of the model of a soak.
pub const SOAK_SCHEMA_VERSION: u32 = 1;

/// How complete the picture of one principal is.
#[derive(Clone, Debug, Serialize)]
pub struct Soak {
    /// [`SOAK_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The ARN of the role or user.
    pub principal: String,
    /// Its account.
    pub account: String,
    /// The day on which the principal was first seen.
    pub first_day: Option<String>,
    /// The last day on which the log was proved to run, or the principal was seen.
    pub last_day: Option<String>,
    /// Days from the first on that the log surely has all through: what the estimates count in.
    pub days_observed: usize,
    /// Days on which the principal did something.
    pub days_active: usize,
    /// Whether there is too little to estimate from.
    pub insufficient: bool,
    /// What is too little, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Distinct grants: an action on a resource, as a draft writes it, under conditions.
    pub grants: Completeness,
    /// Distinct actions.
    pub actions: Completeness,
    /// For each week from the first day on, the grants that were new in it.
    pub new_grants_by_week: Vec<usize>,
    /// Days since the last new grant, up to the last day.
    pub days_since_new: Option<usize>,
    /// The last new grant.
    pub last_new: Option<LastNew>,
    /// Which kinds of day were observed.
    pub calendar: Calendar,
    /// The longest time between observed days.
    pub longest_gap: Option<Gap>,
    /// Of which data events the log of the account has some, and when: the numbers say nothing of what others would
    /// show. It is the account's, and so for whoever asks of many principals to fill in ([`MissingDataEvents::of`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_data_events: Option<MissingDataEvents>,
    /// Kinds of successful events that no rule maps: what they need is in no number here.
    pub unmapped_events: usize,
}

/// What was seen of one kind of thing, and what may be missing.
#[derive(Clone, Debug, Serialize)]
pub struct Completeness {
    /// Distinct things seen.
    pub seen: usize,
    /// Those of them seen on one observed day only.
    pub seen_once: usize,
    /// Those of them seen on two observed days.
    pub seen_twice: usize,
    /// Those of them seen on no observed day, only on such as the log may not have all through.
    pub seen_elsewhere: usize,
    /// The estimates; absent where there is too little to estimate from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimates: Option<Estimates>,
}

/// Estimates over days.
#[derive(Clone, Debug, Serialize)]
pub struct Estimates {
    /// The share, 0 to 1, of what is done on a day that is of things seen (Chao and Jost).
    pub coverage: f64,
    /// How many there are at least (Chao2), with a 95 % interval.
    pub total: Range,
    /// How many are new in the days ahead, with a 95 % interval.
    pub new: Ahead,
}

/// An estimate and its interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Range {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What is new in the days ahead.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ahead {
    /// How many days ahead.
    pub days: usize,
    /// The estimate.
    #[serde(flatten)]
    pub range: Range,
    /// Whether that is further ahead than estimates reach: twice the days observed.
    pub too_far: bool,
}

/// A grant that was new when it was last the case that one was.
#[derive(Clone, Debug, Serialize)]
pub struct LastNew {
    /// The day.
    pub day: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
}

/// Returns why a principal was seen too little to say how much is missing; nothing where it was not.
pub(crate) fn too_short(
    principal: &Principal,
    coverage: &Coverage,
    catalog: Catalog,
) -> Option<String> {
    soak(principal, coverage, catalog, 1).why
}

/// Says how complete the picture of a principal is. `ahead` is how many days to
/// look ahead.
///
/// Resources are as a draft writes them: one more key under a pattern that it has is nothing new.
pub fn soak(principal: &Principal, coverage: &Coverage, catalog: Catalog, ahead: usize) -> Soak {
    let active: BTreeSet<i32> = principal.days().collect();
    let first = active.first().copied();
    let granted = || principal.rows.iter().filter(|(key, _)| key.outcome.grants());
    let places = granted().flat_map(|(_, row)| {
        row.events
            .iter()
            .flat_map(|(source, _)| row.regions.iter().map(move |region| place(source, region)))
    });
    let delivered = coverage.delivered_days(&principal.account, places);
    let days: BTreeSet<i32> =
        first.into_iter().flat_map(|first| delivered.range(first..).copied()).collect();
    let last = days.last().max(active.last()).copied();
    let used = granted().map(|(key, row)| Seen::of(key, row));
    let often = is_often([principal]);
    let choice = choose(used, often, &|_| Taste::default(), &|_| Vec::new(), catalog);
    let mut grants: BTreeMap<(&str, &str, &[Condition]), BTreeSet<i32>> = BTreeMap::new();
    let mut actions: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for (key, row) in granted() {
        let seen = row.stats.days();
        let written = choice.resource(&key.action, &key.resource);
        let grant = (key.action.as_str(), thing(written), key.conditions.as_slice());
        grants.entry(grant).or_default().extend(seen.iter());
        actions.entry(&key.action).or_default().extend(seen.iter());
    }
    let observed = |seen: &BTreeSet<i32>| seen.intersection(&days).count();
    let by_grant = Incidence::of(days.len(), grants.values().map(observed));
    let by_action = Incidence::of(days.len(), actions.values().map(observed));
    // Days on which something was granted are what the estimates have to go by.
    let working: BTreeSet<i32> = grants.values().flatten().copied().collect();
    let working = observed(&working);
    let enough = working >= LEAST_GRANT_DAYS;
    let insufficient = !enough || by_grant.is_insufficient();
    let new: Vec<i32> = grants.values().filter_map(|days| days.first().copied()).collect();
    let last_new = grants
        .iter()
        .filter_map(|(key, days)| Some((days.first()?, key)))
        // The first in order of those that were new on the last such day.
        .min_by_key(|(day, key)| (std::cmp::Reverse(**day), *key));
    Soak {
        schema_version: SOAK_SCHEMA_VERSION,
        principal: principal.arn.clone(),
        account: principal.account.clone(),
        first_day: first.map(show),
        last_day: last.map(show),
        days_observed: days.len(),
        days_active: active.len(),
        insufficient,
        why: insufficient.then(|| too_little(&by_grant, grants.is_empty(), working)),
        grants: completeness(by_grant, grants.len(), ahead, enough),
        actions: completeness(by_action, actions.len(), ahead, enough),
        new_grants_by_week: by_week(first, last, &new),
        days_since_new: last_new
            .zip(last)
            .and_then(|((new, _), last)| usize::try_from(last - new).ok()),
        last_new: last_new.map(|(day, (action, resource, _))| LastNew {
            day: show(*day),
            action: (*action).to_owned(),
            resource: (*resource).to_owned(),
        }),
        calendar: Calendar::of(&days),
        longest_gap: calendar::longest_gap(&days),
        missing_data_events: None,
        unmapped_events: principal
            .unmapped
            .keys()
            .filter(|key| key.kind.loses() && key.outcome.grants())
            .map(|key| (&key.event_source, &key.event_name))
            .collect::<BTreeSet<_>>()
            .len(),
    }
}

fn too_little(seen: &Incidence, nothing: bool, working: usize) -> String {
    if nothing {
        // Days are counted where something was granted.
        "no grant was seen on any day".to_owned()
    } else if seen.days < LEAST_DAYS {
        format!(
            "{} days that the log surely has all through, {LEAST_DAYS} are the least; see \
             `trailtrim coverage`",
            seen.days
        )
    } else if working < LEAST_GRANT_DAYS {
        format!(
            "{working} of {} days that count have a grant, {LEAST_GRANT_DAYS} are the least",
            seen.days
        )
    } else {
        format!(
            "grants were seen {} times, counting each once a day; {LEAST_INCIDENCES} are the least",
            seen.incidences
        )
    }
}

/// `all` counts what was seen on any day; `enough` is whether there are days enough to estimate from.
fn completeness(observed: Incidence, all: usize, ahead: usize, enough: bool) -> Completeness {
    Completeness {
        seen: all,
        seen_once: observed.uniques,
        seen_twice: observed.duplicates,
        seen_elsewhere: all.saturating_sub(observed.species),
        estimates: (enough && !observed.is_insufficient()).then(|| Estimates {
            coverage: observed.coverage(),
            total: at_least(all, observed.total()),
            new: Ahead {
                days: ahead,
                range: range(observed.new_in(ahead)),
                too_far: ahead > 2 * observed.days,
            },
        }),
    }
}

/// There are no fewer than were seen, on whatever days.
fn at_least(seen: usize, Interval { value, low, high }: Interval) -> Range {
    let seen = seen as f64;
    Range { value: value.max(seen), low: low.max(seen), high: high.max(seen) }
}

fn range(Interval { value, low, high }: Interval) -> Range {
    Range { value, low, high }
}

fn by_week(first: Option<i32>, last: Option<i32>, new: &[i32]) -> Vec<usize> {
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let week = |day: i32| usize::try_from((day - first) / 7).unwrap_or(0);
    let mut weeks = vec![0; week(last) + 1];
    for day in new {
        if let Some(count) = weeks.get_mut(week(*day)) {
            *count += 1;
        }
    }
    weeks
}
