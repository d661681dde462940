//! Coverage never claims the place of a call that the log hides.
//!
//! testkit makes histories whose truth is known and hides a part of them: by
//! what the trail selects, by gaps in the delivery, by regions whose files are
//! not there, by selectors that change. Whatever is hidden, its place (account,
//! region, class, reads or writes, resource, day) must not be covered, whether
//! the trail is declared or not.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and tells its counts"
)]

use std::collections::BTreeSet;

use trailtrim_aggregator::Coverage;
use trailtrim_aggregator::coverage::{Access, ActionEvents, Declaration, Place, Question};
use trailtrim_catalog::Catalog;
use trailtrim_ingest::Record;
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::clock::{DAY, Seconds, iso};
use trailtrim_testkit::trail::event::Event;
use trailtrim_testkit::trail::scenario::{Scenario, Shape};
use trailtrim_testkit::trail::selectors::Selectors;
use trailtrim_testkit::trail::world::Size;

const SEEDS: u64 = 60;

const SHAPE: Shape =
    Shape { size: Size { accounts: 2, principals: 8, keys: 6 }, days: 9, novelties: 3 };

fn feed(coverage: &mut Coverage, text: &str) {
    let record = Record::parse(text).unwrap();
    coverage.note(&record);
    coverage.see(&record);
}

fn see(coverage: &mut Coverage, event: &Event) {
    let mut text = String::new();
    event.write(&mut text);
    feed(coverage, &text);
}

/// Tells the log that the selectors of the event's trail became others.
fn change(coverage: &mut Coverage, event: &Event, time: Seconds, selectors: &Selectors) {
    let response = selectors.json(&event.trail_arn()).replace("\"TrailARN\"", "\"trailARN\"");
    let text = format!(
        r#"{{"eventTime":"{}","eventSource":"cloudtrail.amazonaws.com","eventName":"PutEventSelectors","awsRegion":"{}",
        "recipientAccountId":"{}","eventCategory":"Management","readOnly":false,"responseElements":{response}}}"#,
        iso(time),
        event.region,
        event.recipient
    );
    feed(coverage, &text);
}

/// Returns the questions that a call answers, from the narrowest to whatever its policy may name.
fn questions(event: &Event) -> Vec<Question<'_>> {
    let access = if event.call.reads { Access::Read } else { Access::Write };
    let asked = Question {
        event_source: Some(event.call.source),
        event_name: Some(event.call.name),
        ..Question::management(&event.recipient, &event.region, access)
    };
    if !event.call.data {
        return vec![asked, Question { event_name: None, ..asked }];
    }
    let on = |kind, resource| Question {
        event_source: asked.event_source,
        event_name: asked.event_name,
        ..Question::data(&event.recipient, &event.region, kind, access, resource)
    };
    let resources = event.call.resources.iter();
    resources
        .flat_map(|resource| {
            let one = on(resource.kind, &resource.arn);
            [one, Question { event_name: None, ..one }, on(resource.kind, "*")]
        })
        .collect()
}

fn day(time: Seconds) -> i32 {
    i32::try_from(time.div_euclid(DAY)).unwrap()
}

/// Returns the permissions that a call needs of the service it calls, and where.
///
/// A listing of a bucket is left out: testkit gives it no resource that a selector can name, while
/// CloudTrail gives it the prefix of all objects.
fn uses(event: &Event) -> impl Iterator<Item = (&'static str, Place<'_>)> {
    let service = event.call.source.split('.').next();
    let selectable = !event.call.data
        || event.call.resources.iter().any(|resource| resource.kind != "AWS::S3::Bucket");
    let own = event
        .call
        .needs
        .iter()
        .filter(move |need| selectable && need.action.split(':').next() == service);
    own.map(|need| {
        let place = Place {
            account: &event.recipient,
            region: &event.region,
            resource: &need.resource,
            principal: None,
        };
        (need.action, place)
    })
}

/// Fails where a hidden call's place is covered; counts the shown calls whose place is, and those
/// of them that use an action whose place is.
fn check(
    coverage: &Coverage,
    actions: &ActionEvents,
    shown: &[&Event],
    hidden: &[&Event],
    what: &str,
) -> Covered {
    for event in hidden {
        // Whoever made the call can do what it needed, and nothing else is known of them.
        let can = |wanted: &str| uses(event).any(|(action, _)| action == wanted);
        for (action, place) in uses(event) {
            assert!(
                !coverage.covers_action(actions, action, &place, day(event.time), &can),
                "{what}: {action} at {place:?} is hidden in {} of {:?} at {}",
                event.call.name,
                event.call.resources,
                iso(event.time)
            );
        }
        for question in questions(event) {
            assert!(
                !coverage.covers(&question, day(event.time)),
                "{what}: {question:?} is hidden at {}",
                iso(event.time)
            );
        }
    }
    let covered = |event: &&&Event| {
        questions(event).first().is_some_and(|question| coverage.covers(question, day(event.time)))
    };
    let by_action = |event: &&&Event| {
        let can = |wanted: &str| uses(event).any(|(action, _)| action == wanted);
        uses(event).any(|(action, place)| {
            coverage.covers_action(actions, action, &place, day(event.time), &can)
        })
    };
    Covered {
        calls: shown.iter().filter(covered).count(),
        actions: shown.iter().filter(by_action).count(),
    }
}

/// How many of the calls that are shown have a place that is covered.
#[derive(Clone, Copy, Debug, Default)]
struct Covered {
    calls: usize,
    actions: usize,
}

impl std::ops::AddAssign for Covered {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.actions += other.actions;
    }
}

#[test]
fn the_place_of_a_hidden_call_is_never_covered() {
    let actions = ActionEvents::of(Catalog::embedded());
    let (mut by_presence, mut by_declaration) = (Covered::default(), Covered::default());
    for seed in 0..SEEDS {
        let scenario = Scenario::new(seed, SHAPE);
        let mut random = Random::new(seed).fork("coverage");
        let selectors = Selectors::draw(&mut random, &scenario.events);
        let count = random.below(4);
        let gaps = scenario.gaps(count, &mut random);
        let regions: BTreeSet<&str> = scenario.events.iter().map(|e| e.region.as_str()).collect();
        let regions: Vec<&str> = regions.into_iter().collect();
        let missing = random.chance(0.3).then(|| *random.pick(&regions));
        let (shown, mut hidden) = scenario.seen_and_hidden(&selectors, &gaps);
        let (absent, shown): (Vec<&Event>, Vec<&Event>) =
            shown.into_iter().partition(|event| Some(event.region.as_str()) == missing);
        hidden.extend(absent);

        let mut coverage = Coverage::default();
        shown.iter().for_each(|event| see(&mut coverage, event));
        by_presence +=
            check(&coverage, &actions, &shown, &hidden, &format!("seed {seed}, by presence"));
        let trails: BTreeSet<String> = scenario.events.iter().map(Event::trail_arn).collect();
        for trail in trails {
            coverage.declare(Declaration::parse(&selectors.json(&trail)).unwrap());
        }
        by_declaration +=
            check(&coverage, &actions, &shown, &hidden, &format!("seed {seed}, declared"));
    }
    // A coverage that claims nothing would pass, and be of no use.
    println!("covered: {by_presence:?} by presence, {by_declaration:?} with declarations");
    assert!(by_presence.calls > 5_000 && by_declaration.calls > by_presence.calls + 2_000);
    assert!(by_presence.actions > 2_000 && by_declaration.actions > by_presence.actions + 2_000);
}

#[test]
fn a_change_of_selectors_uncovers_what_either_hides() {
    let actions = ActionEvents::of(Catalog::embedded());
    let mut covered = Covered::default();
    for seed in 0..SEEDS {
        let scenario = Scenario::new(seed, SHAPE);
        let mut random = Random::new(seed).fork("change");
        let before = Selectors::draw(&mut random, &scenario.events);
        let after = Selectors::draw(&mut random, &scenario.events);
        let time = scenario.start + random.between(DAY, 8 * DAY);
        let (shown, hidden): (Vec<&Event>, Vec<&Event>) =
            scenario.events.iter().partition(|event| {
                if event.time < time { before.select(event) } else { after.select(event) }
            });
        let mut coverage = Coverage::default();
        shown.iter().for_each(|event| see(&mut coverage, event));
        let mut changed = BTreeSet::new();
        for event in &scenario.events {
            if changed.insert(event.trail_arn()) {
                change(&mut coverage, event, time, &after);
                let declared = after.json(&event.trail_arn());
                coverage.declare(Declaration::parse(&declared).unwrap());
            }
        }
        covered += check(&coverage, &actions, &shown, &hidden, &format!("seed {seed}"));
    }
    println!("covered: {covered:?}");
    assert!(covered.calls > 5_000);
}
