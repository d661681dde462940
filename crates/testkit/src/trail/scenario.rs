//! Small random histories whose truth is known: what was done, what of it the
//! log shows, and what was new on which day.
//!
//! Every regular task is done at least once a day, so that whatever begins later
//! is a novelty by construction. What the trail does not select, and where it has
//! a gap, is hidden from the log and not from the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::api;
use super::archive::{File, Packing, Shelf, records};
use super::clock::{DAY, Seconds, midnight};
use super::corpus::ending;
use super::event::{Call, Event, Need};
use super::identity::{Identity, Origin, Role, Session};
use super::recorder::{Actor, Recorder};
use super::selectors::Selectors;
use super::world::{Place, Size, World};
use crate::random::Random;

/// The proportions of a history.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many accounts and principals.
    pub size: Size,
    /// How many days.
    pub days: usize,
    /// How many principals begin something new on some later day.
    pub novelties: usize,
}

/// Something that a principal did for the first time after the first day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Novelty {
    /// Who.
    pub principal: String,
    /// The service's host name.
    pub source: &'static str,
    /// The event's name.
    pub name: &'static str,
    /// The day, counted from 0.
    pub day: usize,
}

/// A history.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything that happened, in the order of time.
    pub events: Vec<Event>,
    /// What was new, and when.
    pub novelties: BTreeSet<Novelty>,
    /// The first instant.
    pub start: Seconds,
}

/// A time of which an account's log has nothing, as when a bucket's policy broke the delivery.
#[derive(Clone, Debug)]
pub struct Gap {
    /// The account.
    pub account: String,
    /// When.
    pub time: Range<Seconds>,
}

impl Gap {
    /// Says whether the event falls into it.
    pub fn holds(&self, event: &Event) -> bool {
        event.recipient == self.account && self.time.contains(&event.time)
    }
}

impl Scenario {
    /// Makes the history of `seed`.
    pub fn new(seed: u64, shape: Shape) -> Self {
        let random = Random::new(seed).fork("scenario");
        let world = World::new(&random, shape.size);
        let start = midnight(2026, 1, 5);
        let mut recorder = Recorder::new(random.fork("ids"));
        let late = late(&world, shape, &mut random.fork("novelties"));
        let mut novelties = BTreeSet::new();
        for (number, place) in world.places.iter().enumerate() {
            let mut random = random.fork(&format!("days {number}"));
            for day in 0..shape.days {
                let midnight = start + day as Seconds * DAY;
                for (rank, worker) in place.workers.iter().enumerate() {
                    for (index, task) in worker.tasks.iter().enumerate() {
                        let first = late.get(&(number, rank, index)).copied().unwrap_or_default();
                        if day < first {
                            continue;
                        }
                        for attempt in 0..=random.below(3) {
                            let time = midnight + random.between(0, DAY - 1);
                            let actor = worker.at(time);
                            let call = task.call(home(place), time, &mut random);
                            // The first of the day succeeds, so that a habit is seen to be one.
                            if attempt > 0 {
                                let ending = ending(&call, &mut random);
                                recorder.ended(&actor, time, call, ending);
                                continue;
                            }
                            if day == first && first > 0 {
                                novelties.extend(worker.principal().map(|principal| Novelty {
                                    principal,
                                    source: call.source,
                                    name: call.name,
                                    day,
                                }));
                            }
                            recorder.done(&actor, time, call);
                        }
                    }
                }
                let other = world.places.get((number + 1) % world.places.len());
                bystanders(&mut recorder, place, other, midnight + DAY / 2);
            }
        }
        Self { events: recorder.finish(), novelties, start }
    }

    /// Returns what the granted calls of each principal needed.
    pub fn needs(&self) -> BTreeMap<String, BTreeSet<&Need>> {
        let mut needs: BTreeMap<String, BTreeSet<&Need>> = BTreeMap::new();
        for event in self.events.iter().filter(|event| event.granted()) {
            if let Some(principal) = event.who.principal() {
                needs.entry(principal).or_default().extend(&event.call.needs);
            }
        }
        needs
    }

    /// Draws gaps: in each of `count` some account logs nothing for one to three days.
    pub fn gaps(&self, count: usize, random: &mut Random) -> Vec<Gap> {
        let accounts: BTreeSet<&str> =
            self.events.iter().map(|event| event.recipient.as_str()).collect();
        let accounts: Vec<&str> = accounts.into_iter().collect();
        let end = self.events.last().map_or(self.start, |event| event.time);
        (0..count)
            .map(|_| {
                let from = random.between(self.start, end);
                let time = from..from + random.between(DAY, 3 * DAY);
                Gap { account: (*random.pick(&accounts)).to_owned(), time }
            })
            .collect()
    }

    /// Returns the events that the log shows, and those that it hides.
    pub fn seen_and_hidden(
        &self,
        selectors: &Selectors,
        gaps: &[Gap],
    ) -> (Vec<&Event>, Vec<&Event>) {
        self.events
            .iter()
            .partition(|event| selectors.select(event) && !gaps.iter().any(|gap| gap.holds(event)))
    }
}

/// Packs events into files, one for each account, region and quarter of a day, under the keys that
/// CloudTrail would give them.
///
/// About one file in ten repeats records of another.
pub fn pack(events: &[&Event], mut random: Random) -> Vec<File> {
    let mut quarters: BTreeMap<(&str, &str, Seconds), Vec<String>> = BTreeMap::new();
    for event in events {
        let mut line = String::new();
        event.write(&mut line);
        let quarter = event.time.div_euclid(DAY / 4);
        quarters.entry((&event.recipient, &event.region, quarter)).or_default().push(line);
    }
    let mut last = Vec::new();
    quarters
        .into_iter()
        .map(|((account, region, quarter), mut lines)| {
            if random.chance(0.1) {
                lines.append(&mut last);
            }
            random.shuffle(&mut lines);
            last = lines.iter().take(3).cloned().collect();
            let packing = *random.pick(&[
                Packing::Gzip,
                Packing::Gzip,
                Packing::Members,
                Packing::Zstd,
                Packing::Plain,
            ]);
            let unique = random.alphanumeric(16);
            let delivered = (quarter + 1) * (DAY / 4) + 300;
            let shelf = Shelf { organization: None, account, region, delivered, unique: &unique };
            File { key: shelf.key(packing), body: packing.pack(&records(&lines)) }
        })
        .collect()
}

fn home(place: &Place) -> api::Place<'_> {
    api::Place { account: &place.account, region: &place.region }
}

/// Records what every account's log has in it without being a permission of anyone in it.
fn bystanders(recorder: &mut Recorder, place: &Place, other: Option<&Place>, time: Seconds) {
    let here = home(place);
    let linked = Role {
        account: place.account.clone(),
        path: "/aws-service-role/rds.amazonaws.com/".to_owned(),
        name: "AWSServiceRoleForRDS".to_owned(),
        id: "AROAEXAMPLESERVICEROL".to_owned(),
    };
    let session = Session {
        role: linked,
        name: "SLRManagement".to_owned(),
        access_key: "ASIAEXAMPLESERVICEROL".to_owned(),
        opened: time,
        origin: Origin::Service("rds.amazonaws.com"),
    };
    let mut as_ = |who: Identity, call: Call| {
        let actor = Actor {
            who: Arc::new(who),
            account: place.account.id.clone(),
            region: place.region.clone(),
            address: "rds.amazonaws.com".to_owned(),
            agent: "rds.amazonaws.com".to_owned(),
        };
        recorder.done(&actor, time, call);
    };
    as_(Identity::Service("rds.amazonaws.com"), api::identity::assume_role(&session));
    as_(Identity::Session(session), api::compute::describe_instances());
    as_(Identity::Root(place.account.clone()), api::storage::list_buckets(here));
    as_(Identity::Nobody(place.account.clone()), Call::new("kms.amazonaws.com", "RotateKey"));
    if let Some(other) = other.filter(|other| other.account != place.account) {
        let caller = Identity::Foreign(other.account.clone(), "AROAEXAMPLEFOREIGNER0:x".to_owned());
        as_(caller, api::storage::get_object(here, "shared-bucket", "report.csv"));
    }
}

/// Chooses the tasks that begin late: (place, worker, task) → day.
///
/// Only a kind of work that the worker does in no other task can be new.
fn late(
    world: &World,
    shape: Shape,
    random: &mut Random,
) -> BTreeMap<(usize, usize, usize), usize> {
    let mut late = BTreeMap::new();
    let mut workers: Vec<(usize, usize)> = world
        .places
        .iter()
        .enumerate()
        .flat_map(|(number, place)| (0..place.workers.len()).map(move |rank| (number, rank)))
        .collect();
    random.shuffle(&mut workers);
    for (number, rank) in workers.into_iter().take(shape.novelties) {
        let Some(worker) = world.places.get(number).and_then(|place| place.workers.get(rank))
        else {
            continue;
        };
        let single: Vec<usize> = worker
            .tasks
            .iter()
            .enumerate()
            .filter(|(index, task)| {
                worker.tasks.iter().enumerate().all(|(other, twin)| {
                    other == *index || std::mem::discriminant(twin) != std::mem::discriminant(*task)
                })
            })
            .map(|(index, _)| index)
            .collect();
        if !single.is_empty() && shape.days > 1 {
            let day = 1 + random.below(shape.days - 1);
            late.insert((number, rank, *random.pick(&single)), day);
        }
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::trail::archive::write;

    const SHAPE: Shape =
        Shape { size: Size { accounts: 2, principals: 6, keys: 20 }, days: 6, novelties: 4 };

    #[test]
    fn novelties_are_not_done_before_their_day() {
        for seed in 0..20 {
            let scenario = Scenario::new(seed, SHAPE);
            assert!(!scenario.novelties.is_empty(), "seed {seed}");
            for novelty in &scenario.novelties {
                let first = scenario
                    .events
                    .iter()
                    .filter(|event| {
                        event.call.name == novelty.name
                            && event.call.source == novelty.source
                            && event.who.principal().as_deref() == Some(&novelty.principal)
                    })
                    .map(|event| (event.time - scenario.start) / DAY)
                    .min();
                assert_eq!(first, Some(novelty.day as Seconds), "seed {seed}: {novelty:?}");
            }
        }
    }

    #[test]
    fn the_reference_finds_every_call_that_is_shown_and_none_that_is_hidden() {
        for seed in 0..5 {
            let scenario = Scenario::new(seed, SHAPE);
            let mut random = Random::new(seed);
            let selectors = Selectors::draw(&mut random, &scenario.events);
            let gaps = scenario.gaps(2, &mut random);
            let (seen, hidden) = scenario.seen_and_hidden(&selectors, &gaps);
            assert!(!seen.is_empty() && !hidden.is_empty(), "seed {seed}");
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &pack(&seen, Random::new(seed))).unwrap();
            let reading = reference::read(&[folder.path()]).unwrap();
            let read: BTreeSet<&str> =
                reading.observations.iter().map(|call| call.id.as_str()).collect();
            let shown: BTreeSet<&str> = seen
                .iter()
                .filter(|event| event.who.principal().is_some())
                .map(|event| event.id.as_str())
                .collect();
            assert_eq!(read, shown, "seed {seed}");
        }
    }
}
