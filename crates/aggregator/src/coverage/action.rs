//! Whether the use of a *permission* would have shown.
//!
//! A [`Question`] is about events; a policy is about actions. An action can show in several
//! events (`s3:GetObject` in `GetObject` and `HeadObject`), and each of them may be what a
//! principal's next call is: so its use would have shown only where all of them are covered.
//!
//! Surprising here:
//! - Whether an event reads or writes is not known from its name: `kms:Decrypt` is a write to IAM
//!   and a read to CloudTrail. So both must be covered. Only where presence of a data event proves
//!   coverage, the action's own class is asked for: a call stands on one side. Where a trail has one side alone,
//!   no day is covered, and [`Coverage::covered_side`] tells of that.
//! - Which class an event is of follows from the action of its own name, where there is one. Of an
//!   event of another service without one, all it may be is asked.
//! - Some events are selected by another resource than the one an action is used on: `CopyObject`
//!   by its destination, while it reads a source. They must be covered on any resource
//!   (`data/recording.toml`).
//! - As what an event is recorded may hang on the resource: publishing to a platform endpoint is one of
//!   that, to a topic one of the topic, and to a phone number none at all (`data/recording.toml`).
//! - What shows only through other calls (`iam:PassRole`) is covered where all of these are. What
//!   never shows is never covered.
//! - Calls of another service count only where whoever is asked about can make them: that a key-value
//!   store of CloudFront reads an object makes nothing of `s3:GetObject` uncertain for those who make none. So do
//!   data events of what is a management event by itself: `bedrock:InvokeModelWithResponseStream` for agents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::{Equivalent, IndexMap};
use trailtrim_catalog::{AccessLevel, Catalog, Operation, Visibility};

use super::{Access, Class, Coverage, Question, services};

/// Is no event of its own: every operation that takes a role shows it.
const PASS_ROLE: &str = "iam:PassRole";

/// By action the events that can show it; made once for a catalog.
#[derive(Clone, Debug)]
pub struct ActionEvents {
    catalog: Catalog,
    by_action: BTreeMap<&'static str, BTreeSet<Event>>,
}

/// An event by its source and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    source: String,
    name: &'static str,
    shows: Shows,
    /// Whether the trail selects it by the resource that the action is used on.
    here: bool,
    /// Whether it is of another service than the action.
    foreign: bool,
    /// Whether it is a data event of the action's own service, and the action's own one is none.
    apart: bool,
    /// Actions of which at least one is needed for the call; see [`needed`].
    needed: Vec<&'static str>,
    /// The services that a role goes to which it passes, where that is what it shows and they are certain.
    takers: BTreeSet<&'static str>,
}

/// As what an event is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shows {
    Management,
    Data(&'static str),
    /// As the action's own class says.
    AsAction,
    /// As the action's own class says, or as a management event.
    Unsure,
    /// Not at all, or nobody knows.
    Never,
}

/// Where a permission would have been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'p> {
    /// Twelve digits: the account of the principal.
    pub account: &'p str,
    /// The region that is called; see [`Coverage::regions`]. For global services it does not matter.
    pub region: &'p str,
    /// The resource, an ARN or a pattern of a policy.
    pub resource: &'p str,
    /// The ARN of the role or user, where the question is about one.
    pub principal: Option<&'p str>,
}

impl<'p> Place<'p> {
    /// Asks about one event, or about all where none is known by name.
    fn question<'q>(
        &self,
        (event, here): (Option<&'q Event>, bool),
        region: Option<&'static str>,
        class: Class<'q>,
        access: Access,
    ) -> Question<'q>
    where
        'p: 'q,
    {
        Question {
            account: self.account,
            region: region.unwrap_or(self.region),
            class,
            access,
            resource: if here { self.resource } else { "*" },
            event_source: event.map(|event| event.source.as_str()),
            event_name: event.map(|event| event.name),
            principal: self.principal,
        }
    }
}

/// Returns the actions without any of which nobody makes a call: those that no call gets along without,
/// above all the one of its name; where there is none, those of its service that it can need, each of
/// which may be enough for some call, as `s3:GetObjectVersion` is for one that names a version. What
/// only may come with a call allows nothing by itself.
fn needed(operation: &Operation, named: Option<&'static str>) -> Vec<&'static str> {
    if let Some(named) = named.filter(|named| operation.always_needs(named)) {
        return vec![named];
    }
    let always: Vec<_> = operation.actions().filter(|one| operation.always_needs(one)).collect();
    if !always.is_empty() {
        return always;
    }
    let is_own = |action: &&str| operation.service() == action.split(':').next();
    let own: Vec<_> = operation.actions().filter(is_own).collect();
    if own.is_empty() { operation.actions().collect() } else { own }
}

impl ActionEvents {
    /// Turns the catalog's events round.
    pub fn of(catalog: Catalog) -> ActionEvents {
        let mut by_action: BTreeMap<&'static str, BTreeSet<Event>> = BTreeMap::new();
        for (label, operation) in catalog.events() {
            let named = format!("{}:{}", operation.service().unwrap_or(label), operation.name());
            let facts = catalog.action(&named);
            let needed = needed(&operation, facts.map(|facts| facts.id()));
            let passed = operation.passes_roles().then_some(PASS_ROLE);
            let is_listed = operation.actions().any(|action| action == PASS_ROLE);
            let takers = operation.passed_to().filter(|_| !is_listed).unwrap_or_default();
            for action in operation.actions().chain(passed) {
                let own = operation.service() == action.split(':').next();
                let is_data =
                    matches!(facts.map(|one| one.visibility()), Some(Visibility::Data(_)));
                let seen = catalog.action(action).map(|one| one.visibility());
                let event = Event {
                    source: format!("{label}.amazonaws.com"),
                    name: operation.name(),
                    shows: match facts.map(|facts| facts.visibility()) {
                        Some(Visibility::Management) => Shows::Management,
                        Some(Visibility::Data(kind)) => Shows::Data(kind),
                        Some(Visibility::Never | Visibility::Unknown) if !own => Shows::Never,
                        _ if own => Shows::AsAction,
                        _ => Shows::Unsure,
                    },
                    here: !services::selects_elsewhere(label, operation.name(), action),
                    foreign: !own,
                    apart: own && is_data && seen == Some(Visibility::Management),
                    needed: needed.clone(),
                    takers: match action == PASS_ROLE {
                        true => takers.clone(),
                        false => BTreeSet::new(),
                    },
                };
                by_action.entry(action).or_default().insert(event);
            }
        }
        ActionEvents { catalog, by_action }
    }

    /// Returns the actions of calls that an action shows in and that count only where they can be made:
    /// all it shows in, or those of other services and of other kinds of events.
    pub fn carriers(&self, action: &str) -> impl Iterator<Item = &'static str> {
        let through = matches!(self.visibility(action), Visibility::Through(_));
        let events = self.by_action.get(action).into_iter().flatten();
        let carrying =
            events.filter(move |event| carries(event, through) && !event.needed.contains(&action));
        carrying.flat_map(|event| &event.needed).copied()
    }

    /// Returns the actions on which an answer about an action can hang, by whether somebody can do them; one may
    /// come more than once, and always at the same place.
    pub fn deciding(&self, action: &str) -> impl Iterator<Item = &'static str> {
        let through = matches!(self.visibility(action), Visibility::Through(_));
        let events = self.by_action.get(action).into_iter().flatten();
        events.filter(move |event| carries(event, through)).flat_map(|event| &event.needed).copied()
    }

    /// Returns the actions of the calls in which alone an action may be used without a record, as far as
    /// somebody `can` make them, each with the services that a role goes to there; none where that is not
    /// certain.
    pub fn unshown(
        &self,
        action: &str,
        can: &dyn Fn(&str) -> bool,
    ) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        let mut unshown: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        if !matches!(self.visibility(action), Visibility::Through(_)) {
            return unshown;
        }
        let mut unsure = BTreeSet::new();
        let events = self.by_action.get(action).into_iter().flatten();
        for event in events.filter(|event| event.shows == Shows::Never) {
            for needed in event.needed.iter().filter(|needed| can(needed)) {
                if event.takers.is_empty() {
                    unsure.insert(*needed);
                }
                unshown.entry(needed).or_default().extend(&event.takers);
            }
        }
        for (_, takers) in unshown.iter_mut().filter(|(needed, _)| unsure.contains(*needed)) {
            takers.clear();
        }
        unshown
    }

    /// Returns what of an action's use on what a resource pattern means leaves no record, in words.
    pub fn unrecorded(&self, action: &str, resource: &str) -> Option<&'static str> {
        let events = self.by_action.get(action).into_iter().flatten();
        let mut without =
            events.filter_map(|event| services::unrecorded(&event.source, event.name, resource));
        without.next()
    }

    /// Returns what CloudTrail can show of an action; [`Visibility::Unknown`] where the catalog
    /// does not know it.
    pub fn visibility(&self, action: &str) -> Visibility {
        self.catalog.action(action).map_or(Visibility::Unknown, |facts| facts.visibility())
    }
}

/// Tells whether an event counts only where the call can be made: all events of what shows only
/// through others, and else those of other services, and data events of what is a management event by itself.
fn carries(event: &Event, through: bool) -> bool {
    through || event.foreign || event.apart
}

impl Coverage {
    /// Returns whether the use of an action at a place on a day (since 1970-01-01, UTC) would surely
    /// have been recorded, and the record read. Never for an action that leaves no event. By what somebody
    /// `can` do, as in [`covered_days_of`](Self::covered_days_of).
    pub fn covers_action(
        &self,
        events: &ActionEvents,
        action: &str,
        place: &Place<'_>,
        day: i32,
        can: &dyn Fn(&str) -> bool,
    ) -> bool {
        events.demands(action, place.resource, can).is_some_and(|demands| {
            demands.iter().all(|demand| {
                demand.questions(place).all(|question| {
                    let both = ACCESSES
                        .iter()
                        .all(|access| self.covers(&Question { access: *access, ..question }, day));
                    both || (demand.is_data() && self.shows(&question, day))
                })
            })
        })
    }

    /// Returns the days (since 1970-01-01, UTC) on which its use would surely have shown. What shows
    /// only through other calls, or in those of other services, shows through those that somebody `can`
    /// make, by their actions.
    /// `asked` remembers answers, many of which several actions share; it belongs to one coverage.
    pub fn covered_days_of(
        &self,
        events: &ActionEvents,
        action: &str,
        place: &Place<'_>,
        can: &dyn Fn(&str) -> bool,
        asked: &mut Asked,
    ) -> BTreeSet<i32> {
        let Some(demands) = events.demands(action, place.resource, can) else {
            return BTreeSet::new();
        };
        let mut left: Option<BTreeSet<i32>> = None;
        for demand in &demands {
            let days = self.days_of(demand, place, asked);
            let both = match left {
                None => (*days).clone(),
                Some(left) => &left & &days,
            };
            if both.is_empty() {
                return both;
            }
            left = Some(both);
        }
        left.unwrap_or_default()
    }

    /// Returns which side alone is covered of the events that would show an action at a place, and on how many days:
    /// then its use would have shown if it is recorded as such. Nothing where both are on some day, or none.
    pub fn covered_side(
        &self,
        events: &ActionEvents,
        action: &str,
        place: &Place<'_>,
        can: &dyn Fn(&str) -> bool,
        asked: &mut Asked,
    ) -> Option<(Access, usize)> {
        let demands = events.demands(action, place.resource, can)?;
        let [reads, writes] = ACCESSES.map(|access| {
            let mut left: BTreeSet<i32> = self.account_days(place.account).collect();
            let questions = demands
                .iter()
                .flat_map(|demand| demand.questions(place).map(move |question| (demand, question)));
            for (demand, question) in questions {
                if left.is_empty() {
                    break;
                }
                let days = self.side_asked(demand, Question { access, ..question }, asked);
                left.retain(|day| days.contains(day));
            }
            left.len()
        });
        match (reads, writes) {
            (days, 0) if days > 0 => Some((Access::Read, days)),
            (0, days) if days > 0 => Some((Access::Write, days)),
            _ => None,
        }
    }

    /// Returns what is covered on the fewest days at a place, of the events that would show an action; of
    /// equals the action's own, on the resource that it is used on.
    pub fn lack<'e>(
        &self,
        events: &'e ActionEvents,
        action: &str,
        place: &Place<'_>,
        can: &dyn Fn(&str) -> bool,
        asked: &mut Asked,
    ) -> Option<Lack<'e>> {
        let demands = events.demands(action, place.resource, can)?;
        let least = demands.iter().min_by_key(|demand| {
            let strange = demand.event.is_none_or(|event| event.foreign || event.apart);
            let strange = (strange, !demand.here);
            (self.days_of(demand, place, asked).len(), strange)
        })?;
        let event = least.event?;
        let home = || {
            let always = services::recorded(&event.source)? == services::Recorded::Always;
            Some((services::home(place.region)?, always))
        };
        Some(Lack {
            source: &event.source,
            name: event.name,
            data: match least.class {
                Class::Data(kind) => Some(kind),
                Class::Management => None,
            },
            here: least.here,
            foreign: event.foreign || event.apart,
            needed: event.needed.iter().copied().find(|needed| can(needed)),
            home: home(),
            only: least.only_in(place).regions,
            of_all: least.only_in(place).all,
        })
    }

    fn days_of(
        &self,
        demand: &Demand<'_>,
        place: &Place<'_>,
        asked: &mut Asked,
    ) -> Arc<BTreeSet<i32>> {
        let days = demand.questions(place).map(|question| self.days_asked(demand, question, asked));
        days.reduce(|days, more| if days == more { days } else { Arc::new(&*days & &*more) })
            .unwrap_or_default()
    }

    /// Returns the days on which events of one side are covered.
    fn side_asked(
        &self,
        demand: &Demand<'_>,
        question: Question<'_>,
        asked: &mut Asked,
    ) -> Arc<BTreeSet<i32>> {
        let question = demand.shared(question);
        remembered(&mut asked.sides, &question, || self.covered_days(&question))
    }

    fn days_asked(
        &self,
        demand: &Demand<'_>,
        question: Question<'_>,
        asked: &mut Asked,
    ) -> Arc<BTreeSet<i32>> {
        let question = demand.shared(question);
        remembered(&mut asked.days, &question, || {
            let shown = |day: &i32| {
                let both = ACCESSES
                    .iter()
                    .all(|access| self.covers(&Question { access: *access, ..question }, *day));
                both || (demand.is_data() && self.shows(&question, *day))
            };
            self.account_days(question.account).filter(shown).collect()
        })
    }
}

/// Returns the days that answer a question, found out where nobody asked it before.
fn remembered(
    known: &mut Known,
    question: &Question<'_>,
    find: impl FnOnce() -> BTreeSet<i32>,
) -> Arc<BTreeSet<i32>> {
    let asked = Asking::of(question);
    if let Some(days) = known.get(&asked) {
        return Arc::clone(days);
    }
    let days = Arc::new(find());
    known.insert(asked.answered(), Arc::clone(&days));
    days
}

/// A question as answers are remembered by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Asking<'q>(Access, [&'q str; 7]);

impl<'q> Asking<'q> {
    fn of(question: &Question<'q>) -> Asking<'q> {
        let class = match question.class {
            Class::Management => "",
            Class::Data(kind) => kind,
        };
        // What differs most comes first.
        let texts = [
            question.event_source.unwrap_or_default(),
            question.event_name.unwrap_or_default(),
            class,
            question.region,
            question.resource,
            question.account,
            question.principal.unwrap_or_default(),
        ];
        Asking(question.access, texts)
    }

    fn answered(self) -> Answered {
        Answered(self.0, self.1.map(Box::from))
    }
}

impl Equivalent<Answered> for Asking<'_> {
    fn equivalent(&self, known: &Answered) -> bool {
        self.0 == known.0 && self.1.iter().zip(&known.1).all(|(one, known)| **one == **known)
    }
}

const ACCESSES: [Access; 2] = [Access::Read, Access::Write];

/// Answers about one coverage, remembered.
#[derive(Debug, Default)]
pub struct Asked {
    /// The days on which both sides are covered, or each is shown.
    days: Known,
    /// Those of one side.
    sides: Known,
}

type Known = IndexMap<Answered, Arc<BTreeSet<i32>>, RandomState>;

/// An [`Asking`] that was answered; it hashes as that does.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Answered(Access, [Box<str>; 7]);

/// An event that would show an action, and that nothing proves a trail was looking for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack<'e> {
    /// The event source.
    pub source: &'e str,
    /// The event's name.
    pub name: &'static str,
    /// The type of data events that it is one of; else it is a management event.
    pub data: Option<&'e str>,
    /// Whether the trail selects it by the resource that the action is used on.
    pub here: bool,
    /// Whether it is of another service than the action, or a data event beside the action's own one.
    pub foreign: bool,
    /// An action that lets somebody make the call.
    pub needed: Option<&'static str>,
    /// Where its source's calls are delivered with another region than the one that is called: with which,
    /// and whether all of them are; else some may be.
    pub home: Option<(&'static str, bool)>,
    /// The regions that alone take such calls of its source, or some of them, where they are few.
    pub only: &'static [String],
    /// Whether they take all of them.
    pub of_all: bool,
}

/// A kind of event that must be covered.
struct Demand<'e> {
    /// Absent where no rule says in which events an action shows: then all of the class.
    event: Option<&'e Event>,
    class: Class<'e>,
    /// Whether the action reads or writes, as far as IAM tells.
    level: Access,
    /// Whether the trail selects the event by the resource that the action is used on.
    here: bool,
    /// The source of the action's service, where no event is known.
    source: String,
}

impl<'e> Demand<'e> {
    /// Returns the regions that alone take such calls, or some of them, if some do.
    fn only_in(&self, place: &Place<'_>) -> services::Few {
        let there = (place.region, place.resource);
        match self.event {
            Some(event) => services::only_in(&event.source, Some(event.name), there),
            None => services::only_in(&self.source, None, there),
        }
    }

    fn is_data(&self) -> bool {
        matches!(self.class, Class::Data(_))
    }

    /// Returns a question as all of its kind ask it: management events are the same for all names and resources of
    /// a source, as far as is asked here.
    fn shared<'q>(&self, question: Question<'q>) -> Question<'q> {
        match self.is_data() {
            true => question,
            false => Question { event_name: None, resource: "*", ..question },
        }
    }

    /// Asks about each of the regions in which such a call may be.
    fn questions<'q>(&self, place: &Place<'q>) -> impl Iterator<Item = Question<'q>>
    where
        'e: 'q,
    {
        let only = self.only_in(place);
        let own = (!only.all).then_some(None);
        let few = only.regions.iter().map(|region| Some(region.as_str()));
        let regions = own.into_iter().chain(few);
        regions
            .map(|region| place.question((self.event, self.here), region, self.class, self.level))
    }
}

impl ActionEvents {
    /// Returns the events that must all be covered for an action's use to show; nothing where it
    /// never surely does, on something that a resource pattern means.
    fn demands<'e>(
        &'e self,
        action: &str,
        resource: &str,
        can: &dyn Fn(&str) -> bool,
    ) -> Option<Vec<Demand<'e>>> {
        let facts = self.catalog.action(action)?;
        let own = match facts.visibility() {
            Visibility::Management => Some(Class::Management),
            Visibility::Data(kind) => Some(Class::Data(kind)),
            // Its carriers decide, each as what it is itself.
            Visibility::Through(_) => None,
            _ => return None,
        };
        let level = match facts.access_level() {
            AccessLevel::List | AccessLevel::Read => Access::Read,
            _ => Access::Write,
        };
        let demand = |event: Option<&'e Event>, class| {
            let here = event.is_none_or(|event| event.here);
            let service = action.split(':').next().unwrap_or_default();
            Demand { event, class, level, here, source: format!("{service}.amazonaws.com") }
        };
        let Some(all) = self.by_action.get(facts.id()) else {
            return Some(vec![demand(None, own?)]);
        };
        let mut demands = Vec::new();
        for event in all {
            let here = Some(event);
            let mut needed = event.needed.iter();
            if carries(event, own.is_none()) && !needed.any(|one| *one == facts.id() || can(one)) {
                continue;
            }
            if services::unrecorded(&event.source, event.name, resource).is_some() {
                return None;
            }
            let others = services::others(&event.source, event.name, resource);
            for (kind, here) in others.types {
                demands.push(Demand { here, ..demand(Some(event), Class::Data(kind)) });
            }
            if others.instead {
                continue;
            }
            match event.shows {
                Shows::Management => demands.push(demand(here, Class::Management)),
                Shows::Data(kind) => demands.push(demand(here, Class::Data(kind))),
                Shows::AsAction => demands.push(demand(here, own.unwrap_or(Class::Management))),
                Shows::Unsure => {
                    demands.extend(own.map(|class| demand(here, class)));
                    demands.push(demand(here, Class::Management));
                }
                Shows::Never if own.is_none() => return None,
                Shows::Never => {
                    demands.extend(own.map(|class| demand(here, class)));
                    demands.push(demand(here, Class::Management));
                }
            }
        }
        // What nothing carries that somebody can do cannot be used either, as far as the trail can tell; what
        // has events that nobody told of by name shows as all of its class do.
        if demands.is_empty() {
            demands.push(demand(None, own.unwrap_or(Class::Management)));
        }
        Some(demands)
    }
}
