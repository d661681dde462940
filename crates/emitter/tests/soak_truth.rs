//! Intervals of `soak` against histories whose future is known.
//!
//! For each principal of seeded histories, the days so far say how many grants
//! will be new within the next 1, 2, … days; the days after say how many were.
//! What a call needed is testkit's own word.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking; the measured share is what it is about"
)]

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_emitter::soak::Incidence;
use trailtrim_testkit::trail::clock::DAY;
use trailtrim_testkit::trail::event::Need;
use trailtrim_testkit::trail::scenario::{Scenario, Shape};
use trailtrim_testkit::trail::world::Size;

const DAYS: usize = 40;

/// For each principal, for each thing it needed, the days on which it did.
fn days_of(scenario: &Scenario) -> BTreeMap<String, BTreeMap<&Need, BTreeSet<usize>>> {
    let mut days: BTreeMap<String, BTreeMap<&Need, BTreeSet<usize>>> = BTreeMap::new();
    for event in scenario.events.iter().filter(|event| event.granted()) {
        let Some(principal) = event.who.principal() else { continue };
        let day = usize::try_from((event.time - scenario.start) / DAY).unwrap();
        for need in &event.call.needs {
            days.entry(principal.clone()).or_default().entry(need).or_default().insert(day);
        }
    }
    days
}

/// Held-out days, and of them those on which the truth lay inside the interval.
fn held_out(seeds: std::ops::Range<u64>, look: usize, novelties: usize) -> (usize, usize) {
    let size = Size { accounts: 2, principals: 10, keys: 60 };
    let (mut all, mut inside) = (0, 0);
    for seed in seeds {
        let scenario = Scenario::new(seed, Shape { size, days: DAYS, novelties });
        for needs in days_of(&scenario).values() {
            let before = |days: &BTreeSet<usize>| days.range(..look).count();
            let seen = Incidence::of(look, needs.values().map(before));
            if seen.is_insufficient() {
                continue;
            }
            for ahead in 1..=DAYS - look {
                let new = needs
                    .values()
                    .filter(|days| {
                        days.first().is_some_and(|day| (look..look + ahead).contains(day))
                    })
                    .count() as f64;
                let interval = seen.new_in(ahead);
                all += 1;
                inside += usize::from(interval.low <= new && new <= interval.high);
            }
        }
    }
    (all, inside)
}

#[test]
fn intervals_hold_the_truth_on_nine_held_out_days_of_ten() {
    for (look, novelties) in [(12, 0), (20, 10), (30, 20)] {
        let (all, inside) = held_out(0..12, look, novelties);
        assert!(all > 1000, "only {all} held-out days");
        let share = inside as f64 / all as f64;
        eprintln!(
            "after {look} days: the truth is inside on {inside} of {all} held-out days ({share:.3})"
        );
        assert!(share >= 0.9, "after {look} days only {share:.3}");
    }
}

#[test]
fn intervals_are_not_so_wide_that_they_say_nothing() {
    // Twice the newcomers lie outside where there are enough of them to tell.
    let seen = Incidence::of(30, std::iter::repeat_n(1, 90).chain(std::iter::repeat_n(30, 10)));
    let interval = seen.new_in(10);
    assert!(
        interval.high < 2.0 * interval.value && interval.low > 0.5 * interval.value,
        "{interval:?}"
    );
}
