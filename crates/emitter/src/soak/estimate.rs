//! How much of what a principal does has been seen: species richness statistics
//! over days.
//!
//! A species is a distinct grant (or action), a sampling unit is a *day*: events
//! come in bursts and depend on each other, so counting them would make the
//! picture look more complete than it is. What counts is on how many days each
//! species was seen.
//!
//! Sources: sample coverage, Chao and Jost 2012 (Ecology 93:2533); the total,
//! Chao2 with its variance, Chao 1987 (Biometrics 43:783) and, where no species
//! was seen on exactly two days, the forms of Colwell's EstimateS guide
//! (appendix B); what is still to come, Colwell et al. 2012 (Journal of Plant
//! Ecology 5:3).
//!
//! The interval for what is still to come is ours, as the papers give one for
//! the mean only. It takes what is new on later days for what the species seen
//! once are on the days so far: arrivals at a low rate, of which the uniques
//! are the only witnesses. With Jeffreys' prior on the rate, the number to come
//! is negative binomial. It holds while days are alike; no number here can know
//! of a job that runs once a quarter.

/// Fewest days on which an estimate says anything.
pub const LEAST_DAYS: usize = 10;

/// Fewest of these days on which something was done. Grants come together, on the days on which a principal
/// works: a day without any is no sample of what it does, and the estimators would take it for one. What
/// is done on one such day in four was seen on one of ten with 94 %, and on one of three with 58 %.
pub const LEAST_GRANT_DAYS: usize = 10;

/// Fewest pairs of species and day on which an estimate says anything.
pub const LEAST_INCIDENCES: usize = 30;

/// The two-sided normal quantile of 95 %.
const Z: f64 = 1.96;

/// What an interval leaves out on each side.
const TAIL: f64 = 0.025;

/// On how many days species were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incidence {
    /// Days that were looked at, with or without a species: m.
    pub days: usize,
    /// Species seen: S.
    pub species: usize,
    /// Species seen on exactly one day: Q1.
    pub uniques: usize,
    /// Species seen on exactly two days: Q2.
    pub duplicates: usize,
    /// The sum over species of the days each was seen on: U.
    pub incidences: usize,
}

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Incidence {
    /// Counts species, given by how many of `days` each was seen on.
    pub fn of(days: usize, seen_on: impl IntoIterator<Item = usize>) -> Incidence {
        let mut incidence = Incidence { days, ..Incidence::default() };
        for count in seen_on.into_iter().filter(|count| *count > 0) {
            incidence.species += 1;
            incidence.incidences += count;
            incidence.uniques += usize::from(count == 1);
            incidence.duplicates += usize::from(count == 2);
        }
        incidence
    }

    /// Returns whether there is too little to estimate from.
    pub fn is_insufficient(&self) -> bool {
        self.days < LEAST_DAYS || self.incidences < LEAST_INCIDENCES
    }

    /// Returns the sample coverage, 0 to 1: which share of all that is done on a
    /// day is of species that were seen.
    pub fn coverage(&self) -> f64 {
        let (m, q1, q2) = self.floats();
        if self.uniques == 0 {
            return 1.0;
        }
        let rest = if self.duplicates > 0 {
            (m - 1.0) * q1 / ((m - 1.0) * q1 + 2.0 * q2)
        } else {
            (m - 1.0) * (q1 - 1.0) / ((m - 1.0) * (q1 - 1.0) + 2.0)
        };
        1.0 - q1 / self.incidences as f64 * rest
    }

    /// Returns how many species there are at least (Chao2).
    pub fn total(&self) -> Interval {
        let (m, q1, q2) = self.floats();
        let seen = self.species as f64;
        if self.days == 0 {
            return Interval { value: seen, low: seen, high: seen };
        }
        let k = (m - 1.0) / m;
        let unseen = self.unseen();
        let value = seen + unseen;
        if unseen <= 0.0 {
            return Interval { value, low: value, high: value };
        }
        let variance = if self.duplicates > 0 {
            let r = q1 / q2;
            q2 * (k * r * r / 2.0 + k * k * r.powi(3) + k * k * r.powi(4) / 4.0)
        } else {
            k * q1 * (q1 - 1.0) / 2.0 + k * k * q1 * (2.0 * q1 - 1.0).powi(2) / 4.0
                - k * k * q1.powi(4) / (4.0 * value)
        };
        let spread = (Z * (1.0 + variance.max(0.0) / (unseen * unseen)).ln().sqrt()).exp();
        Interval { value, low: seen + unseen / spread, high: seen + unseen * spread }
    }

    /// Returns how many species are new in the next `days` days.
    ///
    /// Both ends are whole numbers, and the lower one never lies above the value.
    /// Beyond about twice the days looked at, the value is a lower bound and no more.
    pub fn new_in(&self, days: usize) -> Interval {
        let (m, q1, _) = self.floats();
        let ahead = days as f64;
        let unseen = self.unseen();
        let value = if unseen > 0.0 {
            unseen * (1.0 - (1.0 - q1 / (m * unseen + q1)).powf(ahead))
        } else {
            0.0
        };
        // For how many of the days so far the days ahead stand, as rates fall off.
        let exposure = if unseen > 0.0 { value / q1 } else { ahead / m.max(1.0) };
        let shape = q1 + 0.5;
        Interval {
            value,
            // One species seen once makes the estimator expect nothing more, while the rate it is
            // the witness of does not: then the estimate is the lowest there is.
            low: quantile(shape, exposure, TAIL).min(value.floor()),
            high: quantile(shape, exposure, 1.0 - TAIL),
        }
    }

    /// The species that are not seen yet, at least: Q0.
    fn unseen(&self) -> f64 {
        let (m, q1, q2) = self.floats();
        if self.days == 0 {
            return 0.0;
        }
        let k = (m - 1.0) / m;
        if self.duplicates > 0 { k * q1 * q1 / (2.0 * q2) } else { k * q1 * (q1 - 1.0) / 2.0 }
    }

    fn floats(&self) -> (f64, f64, f64) {
        (self.days as f64, self.uniques as f64, self.duplicates as f64)
    }
}

/// Returns the smallest number that a negative binomial variable reaches with
/// probability `p`: a Poisson variable of mean `exposure` × rate, where the rate
/// has a Gamma distribution of this shape and scale 1.
///
/// Takes as many steps as the result is large.
fn quantile(shape: f64, exposure: f64, p: f64) -> f64 {
    let odds = (exposure / (1.0 + exposure)).ln();
    // In logarithms: the first probability of many uniques is too small for a float.
    let mut log = -shape * exposure.ln_1p();
    let (mut below, mut number) = (log.exp(), 0.0);
    // Beyond twenty standard deviations the tail is lost to rounding.
    let mean = shape * exposure;
    let end = mean + 20.0 * (mean * (1.0 + exposure)).sqrt() + 20.0;
    while below < p && number < end {
        log += ((shape + number) / (number + 1.0)).ln() + odds;
        number += 1.0;
        below += log.exp();
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_rational::BigRational;
    use num_traits::{One as _, ToPrimitive as _, Zero as _};
    use proptest::prelude::*;

    /// The formulas once more, from their definitions and in exact fractions.
    mod exact {
        use super::*;

        fn whole(number: usize) -> BigRational {
            BigRational::from_integer(number.into())
        }

        pub fn unseen(i: Incidence) -> BigRational {
            // C(Q1, 2) pairs of uniques where there are no duplicates to divide by.
            let raw = match i.duplicates {
                0 => whole(i.uniques * i.uniques.saturating_sub(1)) / whole(2),
                q2 => whole(i.uniques * i.uniques) / whole(2 * q2),
            };
            raw * (BigRational::one() - whole(1) / whole(i.days))
        }

        /// The share of uniques among all incidences, discounted by how likely a species that
        /// was seen once is to have been seen by chance.
        pub fn coverage(i: Incidence) -> BigRational {
            if i.uniques == 0 {
                return BigRational::one();
            }
            let (singles, doubles) = match i.duplicates {
                0 => (i.uniques - 1, 1),
                q2 => (i.uniques, q2),
            };
            let weight = whole((i.days - 1) * singles);
            let rest = if weight.is_zero() {
                BigRational::zero()
            } else {
                BigRational::one() / (BigRational::one() + whole(2 * doubles) / weight)
            };
            BigRational::one() - whole(i.uniques) / whole(i.incidences) * rest
        }

        /// The variance of the total: Chao 1987, equation 10 over Q2, and EstimateS' appendix B
        /// where there are no duplicates.
        pub fn variance(i: Incidence) -> BigRational {
            let k = BigRational::one() - whole(1) / whole(i.days);
            let (q1, q2) = (whole(i.uniques), whole(i.duplicates));
            if i.duplicates == 0 {
                let odd = whole(2) * q1.clone() - whole(1);
                let all = unseen(i) + whole(i.species);
                let pairs = k.clone() * q1.clone() * (q1.clone() - whole(1)) / whole(2);
                let rest = q1.clone() * odd.clone() * odd
                    - q1.clone() * q1.clone() * q1.clone() * q1 / all;
                return pairs + k.clone() * k * rest / whole(4);
            }
            // Q1²/Q2 · (k/2 + k² Q1/Q2 + k² Q1²/(4 Q2²))
            let ratio = q1.clone() / q2;
            let inner = k.clone() / whole(2)
                + k.clone() * k.clone() * ratio.clone()
                + k.clone() * k * ratio.clone() * ratio.clone() / whole(4);
            q1 * ratio * inner
        }

        /// Day after day: of what is unseen, the same share turns up.
        pub fn new_in(i: Incidence, days: usize) -> BigRational {
            let mut left = unseen(i);
            if left.is_zero() {
                return left;
            }
            let all = left.clone();
            let share = whole(i.uniques) / (whole(i.days) * left.clone() + whole(i.uniques));
            for _ in 0..days {
                left = left.clone() - left * share.clone();
            }
            all - left
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-3)
    }

    prop_compose! {
        fn incidence()(days in 2usize..60)(
            seen_on in prop::collection::vec(1..=days, 1..80), days in Just(days),
        ) -> Incidence {
            Incidence::of(days, seen_on)
        }
    }

    proptest! {
        #[test]
        fn the_formulas_are_those_of_the_papers(i in incidence(), ahead in 1usize..40) {
            prop_assert!(close(i.coverage(), exact::coverage(i).to_f64().unwrap()), "{i:?}");
            let total = exact::unseen(i).to_f64().unwrap() + i.species as f64;
            prop_assert!(close(i.total().value, total), "{i:?}");
            let unseen = exact::unseen(i).to_f64().unwrap();
            if unseen > 0.0 {
                // ln K of the log-normal interval, from both of its ends.
                let variance = exact::variance(i).to_f64().unwrap();
                let spread = 1.96 * (variance / unseen.powi(2)).ln_1p().sqrt();
                let seen = i.species as f64;
                prop_assert!(close(((i.total().high - seen) / unseen).ln(), spread), "{i:?}");
                prop_assert!(close((unseen / (i.total().low - seen)).ln(), spread), "{i:?}");
            }
            let new = exact::new_in(i, ahead).to_f64().unwrap();
            prop_assert!(close(i.new_in(ahead).value, new), "{i:?}: {} {new}", i.new_in(ahead).value);
        }

        #[test]
        fn intervals_hold_their_estimates(i in incidence(), ahead in 1usize..40) {
            let total = i.total();
            prop_assert!(total.low <= total.value && total.value <= total.high, "{total:?}");
            prop_assert!(total.low >= i.species as f64);
            let new = i.new_in(ahead);
            prop_assert!(new.low <= new.high && new.low <= new.value, "{new:?}");
            prop_assert!((0.0..=1.0).contains(&i.coverage()));
        }

        /// The mixture that the quantile is of, added up from its definition.
        #[test]
        fn quantiles_are_those_of_a_poisson_with_an_unknown_rate(
            uniques in 0usize..12, exposure in 0.01f64..3.0, upper in any::<bool>(),
        ) {
            let (shape, p) = (uniques as f64 + 0.5, if upper { 0.975 } else { 0.025 });
            let number = quantile(shape, exposure, p);
            let reached = mixture(shape, exposure, number);
            prop_assert!(reached >= p - 1e-4, "{reached}");
            prop_assert!(number == 0.0 || mixture(shape, exposure, number - 1.0) < p + 1e-4);
        }
    }

    /// P(N ≤ number), with the rate integrated out by the midpoint rule over its square root,
    /// which takes the pole out of the density at 0.
    fn mixture(shape: f64, exposure: f64, number: f64) -> f64 {
        let (steps, end) = (6000, (shape + 14.0 * shape.sqrt() + 30.0).sqrt());
        let width = end / f64::from(steps);
        let (mut weights, mut reached) = (0.0, 0.0);
        for step in 0..steps {
            let root = (f64::from(step) + 0.5) * width;
            let rate = root * root;
            let density = ((2.0 * shape - 1.0) * root.ln() - rate).exp() * width;
            let (mut term, mut sum) = ((-rate * exposure).exp(), 0.0);
            for count in 0..=number as usize {
                sum += term;
                term *= rate * exposure / (count as f64 + 1.0);
            }
            weights += density;
            reached += density * sum;
        }
        reached / weights
    }

    #[test]
    fn a_known_case_by_hand() {
        // 20 days, 10 species: 4 on one day, 2 on two, 4 on ten.
        let i = Incidence::of(20, [1, 1, 1, 1, 2, 2, 10, 10, 10, 10]);
        assert_eq!((i.species, i.uniques, i.duplicates, i.incidences), (10, 4, 2, 48));
        // 1 − 4/48 · 76/80
        assert!(close(i.coverage(), 0.920_833_333));
        // 10 + 19/20 · 16/4
        assert!(close(i.total().value, 13.8));
        // r = 2, k = .95: var = 2·(.95·2 + .9025·8 + .9025·4) = 25.46; K = exp(1.96·√ln(1 + var/3.8²))
        assert!(close(i.total().low, 10.0 + 3.8 / 7.213_696_79), "{:?}", i.total());
        assert!(close(i.total().high, 10.0 + 3.8 * 7.213_696_79), "{:?}", i.total());
        // 3.8 · (1 − (1 − 4/80)^5)
        assert!(close(i.new_in(5).value, 3.8 * (1.0 - 0.95f64.powi(5))));
    }

    #[test]
    fn nothing_seen_once_expects_nothing_and_does_not_swear_to_it() {
        let i = Incidence::of(20, [20, 20, 19]);
        assert_eq!((i.coverage(), i.total().high, i.new_in(30).value), (1.0, 3.0, 0.0));
        assert!(i.new_in(30).high >= 1.0, "{:?}", i.new_in(30));
        assert_eq!(i.new_in(1).high, 0.0);
    }

    #[test]
    fn one_seen_once_expects_nothing_and_leaves_room_above() {
        // Two days, and far ahead: by the rate alone one at least would be new.
        let new = Incidence::of(2, [1]).new_in(22);
        assert_eq!((new.value, new.low), (0.0, 0.0));
        assert!(new.high > 0.0, "{new:?}");
    }

    #[test]
    fn thousands_of_uniques_are_no_trouble() {
        let i = Incidence::of(50, std::iter::repeat_n(1, 50_000));
        let new = i.new_in(50);
        assert!((45_000.0..=51_000.0).contains(&new.value), "{new:?}");
        assert!(new.low < new.value && new.value < new.high && new.high < 52_000.0, "{new:?}");
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        assert!(Incidence::of(9, [9; 10]).is_insufficient());
        assert!(Incidence::of(10, [2; 14]).is_insufficient());
        assert!(!Incidence::of(10, [2; 15]).is_insufficient());
        assert_eq!(Incidence::default().total(), Interval { value: 0.0, low: 0.0, high: 0.0 });
        assert_eq!(Incidence::default().coverage(), 1.0);
    }
}
