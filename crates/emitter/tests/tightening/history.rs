//! A history, and what of it the log shows.

use std::collections::BTreeSet;

use trailtrim_aggregator::coverage::Declaration;
use trailtrim_aggregator::{Activity, Coverage, Join as _, Observer, Scope, resolve};
use trailtrim_catalog::Catalog;
use trailtrim_ingest::{Provenance, Record};
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::clock::{DAY, Seconds};
use trailtrim_testkit::trail::event::Event;
use trailtrim_testkit::trail::scenario::{Gap, Scenario, Shape};
use trailtrim_testkit::trail::selectors::{ReadWrite, Selectors};
use trailtrim_testkit::trail::world::Size;

const SIZE: Size = Size { accounts: 2, principals: 2, keys: 4 };

pub struct History {
    pub scenario: Scenario,
    pub days: usize,
    selectors: Selectors,
    gaps: Vec<Gap>,
    /// A region whose files are not there.
    missing: Option<String>,
    declared: bool,
}

impl History {
    pub fn draw(seed: u64, random: &mut Random) -> History {
        let days = 5 + random.below(5);
        let scenario = Scenario::new(seed, Shape { size: SIZE, days, novelties: 2 });
        let mut selectors = Selectors::draw(random, &scenario.events);
        // Most trails log all management events; else hardly anything would ever be unused.
        if random.chance(0.6) {
            (selectors.read_write, selectors.management) = (ReadWrite::All, true);
        }
        let count = random.below(3);
        let gaps = scenario.gaps(count, random);
        let regions: BTreeSet<&str> = scenario.events.iter().map(|one| &*one.region).collect();
        let regions: Vec<&str> = regions.into_iter().collect();
        let missing = random.chance(0.1).then(|| (*random.pick(&regions)).to_owned());
        History { scenario, days, selectors, gaps, missing, declared: random.chance(0.7) }
    }

    fn delivers(&self, event: &Event) -> bool {
        self.selectors.select(event) && self.missing.as_ref() != Some(&event.region)
    }

    pub fn shows(&self, event: &Event) -> bool {
        self.delivers(event) && !self.gaps.iter().any(|gap| gap.holds(event))
    }

    /// Counts the days since a time on which the log would have shown such a call at any hour.
    pub fn days_it_would_show(&self, event: &Event, since: Option<Seconds>) -> usize {
        if !self.delivers(event) {
            return 0;
        }
        let days = (0..self.days).map(|day| self.scenario.start + day as Seconds * DAY);
        let whole = days.filter(|from| {
            let day = *from..*from + DAY;
            let broken = self.gaps.iter().any(|gap| {
                gap.account == event.recipient
                    && gap.time.start < day.end
                    && day.start < gap.time.end
            });
            !broken && since.is_none_or(|since| since < day.start)
        });
        whole.count()
    }

    /// Observes what the log shows, in the order that a stream draws, as two readers would.
    pub fn observe(&self, catalog: Catalog, order: Option<Random>) -> (Activity, Coverage) {
        let mut shown: Vec<&Event> =
            self.scenario.events.iter().filter(|event| self.shows(event)).collect();
        if let Some(mut random) = order {
            random.shuffle(&mut shown);
        }
        let usage = observe(catalog, shown.iter().map(|event| written(event)));
        let activity = resolve(&usage, catalog);
        let mut coverage = usage.into_coverage();
        if self.declared {
            let trails: BTreeSet<String> =
                self.scenario.events.iter().map(Event::trail_arn).collect();
            for trail in trails {
                coverage.declare(Declaration::parse(&self.selectors.json(&trail)).unwrap());
            }
        }
        (activity, coverage)
    }
}

fn written(event: &Event) -> String {
    let mut text = String::new();
    event.write(&mut text);
    text
}

/// Observes records by two readers in turn, and joins what they found.
pub fn observe(
    catalog: Catalog,
    records: impl Iterator<Item = String>,
) -> trailtrim_aggregator::Usage {
    let scope = Scope::default();
    let mut readers = [Observer::new(catalog, &scope), Observer::new(catalog, &scope)];
    for (number, text) in records.enumerate() {
        let reader = readers.get_mut(number % 2).unwrap();
        reader.observe(&Provenance::bare(&"trail".into()), &Record::parse(&text).unwrap());
    }
    let [left, right] = readers.map(Observer::into_usage);
    let mut usage = left;
    usage.join(right);
    usage
}
