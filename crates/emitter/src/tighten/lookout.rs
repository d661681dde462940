//! Would it have shown? What may be called unused, and where.
//!
//! An action that was not seen is unused only where CloudTrail was looking for as
//! long as the user asks: at every place that the attached statement reaches. Where
//! a statement names no region, every region is such a place, and of a region
//! without records nothing is ever known; so the answer may be that the action is
//! unused in some regions, and that the others stay. Whoever knows which regions
//! are in use can say so.
//!
//! The last covered day must be close to the trail's end: what a trail stopped
//! looking at may have been begun since.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use trailtrim_aggregator::coverage::{ActionEvents, Asked, GLOBAL, GlobalLack, Place};
use trailtrim_aggregator::{Coverage, day};
use trailtrim_catalog::Visibility;

/// How many days at the end of a trail may be uncovered: the last one always is, and the one before
/// is where its records are few.
const TAIL: i32 = 3;

/// A region that no account has: what is covered there is covered wherever it is called.
const NOWHERE: &str = "";

/// Where the trail looked, for as many principals as are judged.
pub struct Lookout<'a> {
    coverage: &'a Coverage,
    events: &'a ActionEvents,
    /// The regions that the user says are in use; absent where any may be.
    regions: Option<BTreeSet<String>>,
    /// Covered days that are enough.
    enough: usize,
    /// Whether a trail is known to take calls of some callers only.
    picks_callers: bool,
    memory: Mutex<Memory>,
}

/// What was asked before, for all who judge at once.
#[derive(Default)]
struct Memory {
    /// By question, the covered days, ascending.
    known: HashMap<String, Arc<[i32]>, RandomState>,
    /// The question at hand: the answer is found without anything made for it.
    question: String,
    asked: Asked,
    /// By account, the last day of which it has records.
    ends: BTreeMap<String, Option<i32>>,
}

/// Of whom it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whose<'w> {
    /// The account.
    pub(crate) account: &'w str,
    /// The ARN of the principal; absent where it may be anyone of the account.
    pub(crate) principal: Option<&'w str>,
}

/// What is known of an action that was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It would have shown at every place, for so many days.
    Unused { days: usize },
    /// It can be done in regions only that are not in use, as the user says.
    NotInUse,
    /// It would have shown in these regions, and nothing is known of others.
    UnusedIn { regions: BTreeSet<String>, days: usize },
    /// It would have shown, but not for long enough.
    TooNew { days: usize },
    /// It need not have shown.
    Unobservable { why: String },
}

impl<'a> Lookout<'a> {
    /// Takes what the trail shows of itself. `enough` is the number of covered days after which an
    /// action that was not seen counts as unused, `regions` are those in use where the user says so.
    pub fn new(
        coverage: &'a Coverage,
        events: &'a ActionEvents,
        enough: usize,
        regions: Option<BTreeSet<String>>,
    ) -> Lookout<'a> {
        let picks_callers = coverage.picks_callers();
        Lookout { coverage, events, regions, enough, picks_callers, memory: Mutex::default() }
    }

    /// Returns how many covered days are enough.
    #[must_use]
    pub fn enough(&self) -> usize {
        self.enough
    }

    /// Returns the first day of which the account has records.
    pub(crate) fn first_day(&self, account: &str) -> Option<i32> {
        self.coverage.first_day(account)
    }

    /// Returns whether the user says which regions are in use.
    #[must_use]
    pub fn knows_regions(&self) -> bool {
        self.regions.is_some()
    }

    /// Returns of whom to ask for a principal: of anyone of its account, where no trail is known to tell
    /// callers apart, so that an answer is one for all.
    pub(crate) fn whose<'w>(&self, arn: &'w str) -> Whose<'w> {
        let account = arn.split(':').nth(4).unwrap_or_default();
        Whose { account, principal: self.picks_callers.then_some(arn) }
    }

    /// Judges an action of a principal of an account that was not seen on what some resource
    /// patterns mean, since a time (seconds since 1970) and in some regions if these are limited. What
    /// shows only through other calls shows through those that the principal `can` make.
    pub(crate) fn judge(
        &self,
        whose: Whose<'_>,
        action: &'static str,
        resources: &[&str],
        since: Option<i64>,
        limited: Option<&BTreeSet<&str>>,
        can: &dyn Fn(&str) -> bool,
    ) -> Sight {
        match self.events.visibility(action) {
            Visibility::Never => {
                return Sight::Unobservable { why: "CloudTrail never records it".to_owned() };
            }
            Visibility::Unknown => {
                let why = "it is not known in what CloudTrail shows it".to_owned();
                return Sight::Unobservable { why };
            }
            _ => {}
        }
        // On the day of a change, the time before it was before it.
        let since = since.map(|time| day(time) + 1);
        let mut fewest = usize::MAX;
        // The place where it would have shown on the fewest days.
        let mut unsure: Option<(usize, String)> = None;
        // Regions in which something that names its region would not have shown for long enough.
        let mut dark = BTreeSet::new();
        // Where the region of a call does not matter, anywhere stands for all.
        let mut open: Option<BTreeSet<String>> = None;
        let mut away = false;
        for resource in resources {
            let region = region_of(resource);
            if let Some(region) = region {
                if self.regions.as_ref().is_some_and(|regions| !regions.contains(region)) {
                    away = true;
                    continue;
                }
                let days = self.days(whose, action, region, resource, since, can);
                if days < self.enough {
                    note(&mut unsure, days, format!("`{resource}`"));
                    dark.insert(region);
                } else {
                    fewest = fewest.min(days);
                }
                continue;
            }
            let anywhere = self.days(whose, action, NOWHERE, resource, since, can);
            if anywhere >= self.enough {
                fewest = fewest.min(anywhere);
                continue;
            }
            let places: BTreeSet<String> = match (limited, &self.regions) {
                (Some(limited), None) => limited.iter().map(|&region| region.to_owned()).collect(),
                (Some(limited), Some(regions)) => {
                    let named = limited.iter().filter(|region| {
                        // A call of a global service names a region that nobody chose.
                        regions.contains(**region)
                            || self.lack(whose, action, region, resource, can).is_some()
                    });
                    named.map(|&region| region.to_owned()).collect()
                }
                (None, Some(regions)) => regions.clone(),
                (None, None) => {
                    let seen =
                        self.coverage.regions(whose.account).filter(|region| *region != GLOBAL);
                    seen.map(str::to_owned).collect()
                }
            };
            if places.is_empty() && limited.is_some_and(|limited| !limited.is_empty()) {
                away = true;
                continue;
            }
            let closed = limited.is_some() || self.regions.is_some();
            let (mut clear, mut all_clear) = (BTreeSet::new(), true);
            for region in places {
                let days = self.days(whose, action, &region, resource, since, can);
                if days >= self.enough {
                    fewest = fewest.min(days);
                    clear.insert(region);
                } else {
                    all_clear = false;
                    // Only the place that is told is put into words.
                    if unsure.as_ref().is_none_or(|(least, _)| days < *least) {
                        let at = self.named(whose, action, &region, resource, can);
                        note(&mut unsure, days, at);
                    }
                }
            }
            if closed && all_clear && !clear.is_empty() {
                continue;
            }
            open = Some(match open {
                None => clear,
                Some(others) => &others & &clear,
            });
        }
        let open = open.map(|mut regions| {
            regions.retain(|region| !dark.contains(region.as_str()));
            regions
        });
        match (open, unsure) {
            (None, None) if away && fewest == usize::MAX => Sight::NotInUse,
            (None, None) => Sight::Unused { days: fewest },
            (Some(regions), _) if !regions.is_empty() => Sight::UnusedIn { regions, days: fewest },
            (_, Some((days, _))) if days > 0 => Sight::TooNew { days },
            (_, unsure) => Sight::Unobservable { why: self.blind(action, unsure) },
        }
    }

    /// Returns the actions of calls that an action shows in only where they can be made.
    pub(crate) fn carriers(&self, action: &str) -> impl Iterator<Item = &'static str> {
        self.events.carriers(action)
    }

    /// Says why a call need not have shown.
    fn blind(&self, action: &str, place: Option<(usize, String)>) -> String {
        let what = match self.events.visibility(action) {
            Visibility::Data(kind) => format!("a data event of {kind}"),
            Visibility::Through(call) => format!("shown only through {call}"),
            _ => "a management event".to_owned(),
        };
        match place {
            Some((_, place)) => {
                format!("{what}, and nothing proves that the trail was looking for it on {place}")
            }
            None => format!("{what}, and the trail has no region where it was looking for it"),
        }
    }

    /// Returns the calls that are delivered with another region than the one that is called.
    fn lack(
        &self,
        Whose { account, principal }: Whose<'_>,
        action: &'static str,
        region: &str,
        resource: &str,
        can: &dyn Fn(&str) -> bool,
    ) -> Option<GlobalLack> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Place { account, region, resource, principal };
        self.coverage.global_lack(self.events, action, &place, can, &mut memory.asked)
    }

    /// Names a place: the region that is called, unless what is missing there are calls that are
    /// delivered with another one.
    fn named(
        &self,
        whose: Whose<'_>,
        action: &'static str,
        region: &str,
        resource: &str,
        can: &dyn Fn(&str) -> bool,
    ) -> String {
        match self.lack(whose, action, region, resource, can) {
            Some(GlobalLack { source, always, home }) => format!(
                "`{resource}`: calls of {source} {} global service events, which are delivered with \
                 those of {home}",
                if always { "are" } else { "may be" }
            ),
            None => format!("`{resource}` in {region}"),
        }
    }

    /// Returns on how many days since a day it would have shown at one place; none where that ends
    /// before the trail does.
    fn days(
        &self,
        Whose { account, principal }: Whose<'_>,
        action: &'static str,
        region: &str,
        resource: &str,
        since: Option<i32>,
        can: &dyn Fn(&str) -> bool,
    ) -> usize {
        // What is remembered is whole at every moment, so a panic elsewhere leaves it right.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { known, question, asked, ends } = &mut *memory;
        question.clear();
        for part in [account, principal.unwrap_or_default(), action, region, resource] {
            question.push_str(part);
            question.push('\n');
        }
        let days = match known.get(question.as_str()) {
            Some(days) => Arc::clone(days),
            None => {
                let place = Place { account, region, resource, principal };
                let days = self.coverage.covered_days_of(self.events, action, &place, can, asked);
                let days: Arc<[i32]> = days.into_iter().collect();
                // Through which calls something shows depends on who asks.
                if self.events.carriers(action).next().is_none() {
                    known.insert(question.clone(), Arc::clone(&days));
                }
                days
            }
        };
        let end = match ends.get(account) {
            Some(end) => *end,
            None => {
                let end = self.coverage.last_day(account);
                ends.insert(account.to_owned(), end);
                end
            }
        };
        match (days.last(), end) {
            (Some(last), Some(end)) if end - last <= TAIL => {
                days.len() - since.map_or(0, |since| days.partition_point(|day| *day < since))
            }
            _ => 0,
        }
    }
}

fn note(unsure: &mut Option<(usize, String)>, days: usize, place: String) {
    if unsure.as_ref().is_none_or(|(least, _)| days < *least) {
        *unsure = Some((days, place));
    }
}

/// Returns the region that a resource pattern names, if it names one.
fn region_of(resource: &str) -> Option<&str> {
    let mut parts = resource.splitn(6, ':');
    let (_, _, _) = (parts.next()?, parts.next()?, parts.next()?);
    let region = parts.next()?;
    parts.next()?;
    parts.next()?;
    (!region.is_empty() && !region.contains(['*', '?', '$'])).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_catalog::Catalog;

    #[test]
    fn what_only_regions_not_in_use_allow_is_not_looked_for() {
        let (coverage, events) = (Coverage::default(), ActionEvents::of(Catalog::embedded()));
        let used = || BTreeSet::from(["eu-west-1".to_owned()]);
        let whose = Whose { account: "111122223333", principal: None };
        let judge = |regions, action, on: &str, limited: Option<&[&'static str]>| {
            let limited = limited.map(|regions| regions.iter().copied().collect::<BTreeSet<_>>());
            let lookout = Lookout::new(&coverage, &events, 30, regions);
            let sight = lookout.judge(whose, action, &[on], None, limited.as_ref(), &|_| true);
            sight == Sight::NotInUse
        };
        let stop = "ec2:StopInstances";
        let (far, near) = (&["eu-central-1"][..], &["eu-central-1", "eu-west-1"][..]);
        let instance = "arn:aws:ec2:eu-central-1:111122223333:instance/*";
        assert!(judge(Some(used()), stop, instance, None));
        assert!(judge(Some(used()), stop, "*", Some(far)));
        assert!(!judge(Some(used()), stop, "*", Some(near)));
        assert!(!judge(Some(used()), stop, "*", None));
        assert!(!judge(None, stop, instance, None));
        assert!(!judge(None, stop, "*", Some(far)));
        // Calls of IAM are made in us-east-1, whatever is in use.
        assert!(!judge(Some(used()), "iam:ListRoles", "*", Some(&["us-east-1"])));
    }
}
