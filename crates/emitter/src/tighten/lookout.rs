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
use trailtrim_aggregator::coverage::{ActionEvents, Asked, GLOBAL, Lack, Place};
use trailtrim_aggregator::{Coverage, day};
use trailtrim_catalog::Visibility;

use super::partition::partition_of;

/// How many days at the end of a trail may be uncovered: the last one always is, and the one before
/// is where its records are few.
const TAIL: i32 = 3;

/// How many actions are named through which something may be used without a record.
const NAMED: usize = 5;

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
    /// By all that an answer hangs on, what was found about actions: that of one principal is mostly that
    /// of the next.
    sights: HashMap<Box<[u8]>, Sight, RandomState>,
    /// By account, the last day of which it has records.
    ends: BTreeMap<String, Option<i32>>,
}

/// Of whom it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whose<'w> {
    /// The account.
    pub(crate) account: &'w str,
    /// The partition of that account.
    pub(crate) partition: &'w str,
    /// The ARN of the principal; absent where it may be anyone of the account.
    pub(crate) principal: Option<&'w str>,
}

/// What is asked of an action that was not seen.
#[derive(Clone, Copy)]
pub(crate) struct Inquiry<'q> {
    pub(crate) whose: Whose<'q>,
    /// The action, in canonical case.
    pub(crate) action: &'static str,
    /// On what these patterns mean.
    pub(crate) resources: &'q [&'q str],
    /// Since a time, in seconds since 1970.
    pub(crate) since: Option<i64>,
    /// In these regions, if it is limited to some.
    pub(crate) limited: Option<&'q BTreeSet<&'q str>>,
    /// What shows only through other calls shows through those that the principal can make.
    pub(crate) can: &'q dyn Fn(&str) -> bool,
}

/// What is known of an action that was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It would have shown at every place, for so many days.
    Unused { days: usize },
    /// It would have shown in these regions, and nothing is known of others.
    UnusedIn { regions: BTreeSet<String>, days: usize },
    /// It would have shown, but not for long enough.
    TooNew { days: usize },
    /// It need not have shown.
    Unobservable { why: String },
    /// The passing of a role to these services need not have shown, and to any other would have.
    UnshownTo { services: BTreeSet<&'static str>, days: usize, why: String },
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

    /// Returns the regions that the user says are in use, of those that a partition has; nothing where
    /// any may be.
    pub(crate) fn in_use(&self, partition: &str) -> Option<BTreeSet<String>> {
        let all = self.regions.iter().flatten();
        let own: BTreeSet<String> =
            all.filter(|one| partition_of(one) == partition).cloned().collect();
        Some(own).filter(|regions| !regions.is_empty())
    }

    /// Returns of whom to ask for a principal: of anyone of its account, where no trail is known to tell
    /// callers apart, so that an answer is one for all.
    pub(crate) fn whose<'w>(&self, arn: &'w str) -> Whose<'w> {
        let mut fields = arn.split(':').skip(1);
        let partition = fields.next().unwrap_or_default();
        let account = fields.nth(2).unwrap_or_default();
        Whose { account, partition, principal: self.picks_callers.then_some(arn) }
    }

    /// Judges an action that was not seen.
    pub(crate) fn judge(&self, inquiry: Inquiry<'_>) -> Sight {
        let question = self.question(inquiry);
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sight) = memory().sights.get(&*question) {
            return sight.clone();
        }
        let sight = self.find(inquiry);
        memory().sights.insert(question.into(), sight.clone());
        sight
    }

    /// Writes down all that a judgement hangs on, so that no two that differ are written alike.
    fn question(&self, inquiry: Inquiry<'_>) -> Vec<u8> {
        let Inquiry { whose, action, resources, since, limited, can } = inquiry;
        let Whose { account, partition, principal } = whose;
        let mut question = Vec::new();
        let mut put = |text: &str| {
            question.extend(text.len().to_le_bytes());
            question.extend_from_slice(text.as_bytes());
        };
        [account, partition, principal.unwrap_or_default(), action].into_iter().for_each(&mut put);
        // A time counts by its day, and each list says how long it is.
        let since = since.map_or(String::new(), |since| day(since).to_string());
        put(&since);
        resources.iter().for_each(|resource| put(resource));
        limited.into_iter().flatten().for_each(|region| put(region));
        question.extend(resources.len().to_le_bytes());
        question.extend(limited.map_or(usize::MAX, BTreeSet::len).to_le_bytes());
        question.extend(self.events.deciding(action).map(|one| u8::from(can(one))));
        question
    }

    fn find(&self, inquiry: Inquiry<'_>) -> Sight {
        let Inquiry { whose, action, resources, since, limited, can } = inquiry;
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
        let unshown = self.events.unshown(action, can);
        if !unshown.is_empty() {
            let why = self.through_unshown(action, &unshown);
            let others = |one: &str| !unshown.contains_key(one) && can(one);
            let rest = self.judge(Inquiry { can: &others, ..inquiry });
            return match rest {
                Sight::Unused { days } if unshown.values().all(|takers| !takers.is_empty()) => {
                    let services = unshown.into_values().flatten().collect();
                    Sight::UnshownTo { services, days, why }
                }
                _ => Sight::Unobservable { why },
            };
        }
        // On the day of a change, the time before it was before it.
        let since = since.map(|time| day(time) + 1);
        let mut fewest = usize::MAX;
        // The place where it would have shown on the fewest days.
        let mut unsure: Option<(usize, String)> = None;
        // Of what the user says only the regions that the account can have.
        let in_use = self.in_use(whose.partition);
        // Regions in which something that names its region would not have shown for long enough.
        let mut dark = BTreeSet::new();
        // Where the region of a call does not matter, anywhere stands for all.
        let mut open: Option<BTreeSet<String>> = None;
        for resource in resources {
            let region = region_of(resource);
            if let Some(region) = region {
                let days = self.days(whose, action, region, resource, since, can);
                if days >= self.enough {
                    fewest = fewest.min(days);
                    continue;
                }
                dark.insert(region);
                if unsure.as_ref().is_none_or(|(least, _)| days < *least) {
                    let at = format!("`{resource}`");
                    note(&mut unsure, days, self.lacks(whose, action, region, resource, &at, can));
                }
                continue;
            }
            let anywhere = self.days(whose, action, NOWHERE, resource, since, can);
            if anywhere >= self.enough {
                fewest = fewest.min(anywhere);
                continue;
            }
            let places: BTreeSet<String> = match (limited, &in_use) {
                (Some(limited), _) => limited.iter().map(|&region| region.to_owned()).collect(),
                (None, Some(regions)) => regions.clone(),
                (None, None) => {
                    let seen =
                        self.coverage.regions(whose.account).filter(|region| *region != GLOBAL);
                    seen.map(str::to_owned).collect()
                }
            };
            let closed = limited.is_some() || in_use.is_some();
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
                        let at = format!("`{resource}` in {region}");
                        let why = self.lacks(whose, action, &region, resource, &at, can);
                        note(&mut unsure, days, why);
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
            (None, None) => Sight::Unused { days: fewest },
            (Some(regions), _) if !regions.is_empty() => Sight::UnusedIn { regions, days: fewest },
            (_, Some((days, _))) if days > 0 => Sight::TooNew { days },
            // It was looking, but no more since it is attached as it is.
            (_, Some(_))
                if since.is_some()
                    && !matches!(
                        self.judge(Inquiry { since: None, ..inquiry }),
                        Sight::Unobservable { .. }
                    ) =>
            {
                Sight::TooNew { days: 0 }
            }
            (_, Some((_, why))) => Sight::Unobservable { why },
            _ => {
                let what = self.what(action);
                let why =
                    format!("{what}, and the trail has no region where it was looking for it");
                Sight::Unobservable { why }
            }
        }
    }

    /// Tells whether it is known in what CloudTrail shows an action at all.
    pub(crate) fn is_known(&self, action: &str) -> bool {
        !matches!(self.events.visibility(action), Visibility::Never | Visibility::Unknown)
    }

    /// Returns the actions of calls that an action shows in only where they can be made.
    pub(crate) fn carriers(&self, action: &str) -> impl Iterator<Item = &'static str> {
        self.events.carriers(action)
    }

    fn what(&self, action: &str) -> String {
        match self.events.visibility(action) {
            Visibility::Data(kind) => format!("a data event of {kind}"),
            Visibility::Through(call) => format!("shown only through {call}"),
            _ => "a management event".to_owned(),
        }
    }

    /// Says through which calls an action may be used without a record.
    fn through_unshown(
        &self,
        action: &str,
        unshown: &BTreeMap<&'static str, BTreeSet<&'static str>>,
    ) -> String {
        let names: Vec<&str> = unshown.keys().copied().take(NAMED).collect();
        let more = match unshown.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "{}, and in what CloudTrail shows {}{more}, which may be such a call, is not known",
            self.what(action),
            names.join(", ")
        )
    }

    /// Says why a call need not have shown at a place: by which event nothing proves that the trail was
    /// looking for. It names the region that is called, unless what is missing there are calls that are
    /// delivered with another one.
    fn lacks(
        &self,
        Whose { account, principal, .. }: Whose<'_>,
        action: &'static str,
        region: &str,
        resource: &str,
        at: &str,
        can: &dyn Fn(&str) -> bool,
    ) -> String {
        let what = self.what(action);
        if let Some(unrecorded) = self.events.unrecorded(action, resource) {
            return format!("{what}, but CloudTrail has none of {unrecorded}");
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Place { account, region, resource, principal };
        let asked = &mut memory.asked;
        let Some(lack) = self.coverage.lack(self.events, action, &place, can, asked) else {
            return format!("{what}, and nothing proves that the trail was looking for it on {at}");
        };
        let side = self.coverage.covered_side(self.events, action, &place, can, asked);
        if let Some((side, _)) = side {
            return format!(
                "{what}, and the trail was surely looking on {at} for those alone that are recorded as {}: \
                 whether this one is, only its records tell",
                side.recorded_as()
            );
        }
        let Lack { source, name, data, here, foreign, needed, home, only, of_all } = lack;
        let delivered = home.map(|(home, always)| {
            format!(
                "calls of {source} {} global service events, which are delivered with those of {home}",
                if always { "are" } else { "may be" }
            )
        });
        let which = if of_all { "such" } else { "some such" };
        let delivered = match only {
            [] => delivered,
            [region] => Some(format!("{region} alone takes {which} calls of {source}")),
            regions => Some(format!("only {} take {which} calls of {source}", regions.join(", "))),
        };
        if here && !foreign {
            let at = match delivered {
                Some(delivered) => format!("`{resource}`: {delivered}"),
                None => at.to_owned(),
            };
            // As what it is recorded may hang on the resource.
            let what = data.map_or(what, |kind| format!("a data event of {kind}"));
            return format!("{what}, and nothing proves that the trail was looking for it on {at}");
        }
        let event = match data {
            Some(kind) => format!("{source} {name}, a data event of {kind}"),
            None => format!("{source} {name}, a management event"),
        };
        let because = match (foreign, needed) {
            (true, Some(needed)) => format!(" that {needed} allows"),
            (true, None) => String::new(),
            (false, _) => " that is selected by another resource".to_owned(),
        };
        let whatever = if data.is_some() { ", whatever it is on," } else { "" };
        let delivered = delivered.map(|delivered| format!(": {delivered}")).unwrap_or_default();
        format!(
            "{what}; it may show in {event}{because}, and nothing proves that the trail was looking for \
             that{whatever} in {region}{delivered}"
        )
    }

    /// Returns on how many days since a day it would have shown at one place; none where that ends
    /// before the trail does.
    fn days(
        &self,
        Whose { account, principal, .. }: Whose<'_>,
        action: &'static str,
        region: &str,
        resource: &str,
        since: Option<i32>,
        can: &dyn Fn(&str) -> bool,
    ) -> usize {
        // What is remembered is whole at every moment, so a panic elsewhere leaves it right.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { known, question, asked, ends, .. } = &mut *memory;
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
    use trailtrim_aggregator::coverage::Declaration;
    use trailtrim_catalog::Catalog;
    use trailtrim_ingest::Record;

    const ACCOUNT: &str = "111122223333";

    /// Three weeks from 2026-03-02 of one trail, which leaves KMS's calls out, takes one bucket's objects, and
    /// logs where it is.
    fn coverage() -> Coverage {
        let mut coverage = Coverage::default();
        let declared = r#"{"TrailARN":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/t","EventSelectors":[{"ReadWriteType":"All",
            "IncludeManagementEvents":true,"ExcludeManagementEventSources":["kms.amazonaws.com"],
            "DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::b/"]}]}]}"#;
        coverage.declare(Declaration::parse(declared).unwrap());
        for hour in (0..24 * 21).step_by(2) {
            let time = chrono::DateTime::from_timestamp(1_772_409_600 + hour * 3600, 0).unwrap();
            let text = format!(
                r#"{{"eventTime":"{}","eventSource":"ec2.amazonaws.com","eventName":"DescribeVpcs","readOnly":true,
                "eventCategory":"Management","awsRegion":"eu-west-1","recipientAccountId":"{ACCOUNT}"}}"#,
                time.format("%Y-%m-%dT%H:%M:%SZ")
            );
            coverage.see(&Record::parse(&text).unwrap());
        }
        coverage
    }

    #[test]
    fn what_was_found_before_answers_no_other_question() {
        let coverage = coverage();
        let events = ActionEvents::of(Catalog::embedded());
        let in_use = Some(BTreeSet::from(["eu-west-1".to_owned(), "us-east-1".to_owned()]));
        let new = || Lookout::new(&coverage, &events, 14, in_use.clone());
        let known = new();
        let here = BTreeSet::from(["eu-west-1"]);
        let resources: [&[&str]; 4] = [
            &["*"],
            &["arn:aws:s3:::b/*"],
            &["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"],
            &["arn:aws:ec2:us-east-1:111122223333:*"],
        ];
        let anything = |_: &str| true;
        let own = |action: &str| action.starts_with("s3:");
        let nothing = |_: &str| false;
        let able: [&dyn Fn(&str) -> bool; 3] = [&anything, &own, &nothing];
        let mut found = Vec::new();
        // Twice, so that each is asked for when all are known.
        for _ in 0..2 {
            for action in ["ec2:DescribeVpcs", "iam:PassRole", "kms:Decrypt", "s3:GetObject"] {
                for resources in resources {
                    for since in
                        [None, Some(1_772_409_600 + 86_400 * 3), Some(1_772_409_600 + 86_400 * 12)]
                    {
                        for limited in [None, Some(&here)] {
                            for can in able {
                                let whose = known.whose("arn:aws:iam::111122223333:role/r");
                                let ask = |of: &Lookout<'_>| {
                                    of.judge(Inquiry {
                                        whose,
                                        action,
                                        resources,
                                        since,
                                        limited,
                                        can,
                                    })
                                };
                                let sight = ask(&known);
                                assert_eq!(sight, ask(&new()), "{action} on {resources:?}");
                                found.push(format!("{action} {sight:?}"));
                            }
                        }
                    }
                }
            }
        }
        let different: BTreeSet<&String> = found.iter().collect();
        assert!(different.len() > 15, "too much alike to tell anything: {different:#?}");
    }
}
