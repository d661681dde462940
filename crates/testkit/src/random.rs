//! A small random number generator whose stream never changes.
//!
//! Fixtures and failing seeds must mean the same bytes years from now and on
//! every machine, so the algorithm (xoshiro256++, seeded by splitmix64; Blackman
//! and Vigna 2019) is written out here and not left to a crate's next major
//! version. Only additions and multiplications are used on floats: `ln` and
//! `cos` differ between platforms in the last bit.

/// Draws a reproducible stream of numbers, names and identifiers.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

const UPPER: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Random {
    /// Returns the stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut state = [0; 4];
        let mut x = seed;
        for word in &mut state {
            x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = x;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *word = z ^ (z >> 31);
        }
        Self { state }
    }

    /// Returns an independent stream named by `label`; does not advance this one.
    ///
    /// What is drawn for one part of a scenario then stays the same when
    /// another part begins to draw more.
    pub fn fork(&self, label: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a
        for byte in label.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let [a, b, c, d] = self.state;
        Self::new(hash ^ a ^ b.rotate_left(17) ^ c.rotate_left(31) ^ d.rotate_left(47))
    }

    /// Returns the next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// Returns a number in `0..bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// Returns a number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low) as usize;
        low + self.below(span.saturating_add(1)) as i64
    }

    /// Returns a number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns true with the probability `share`.
    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Returns one of `choices`.
    ///
    /// # Panics
    /// Where `choices` is empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len());
        #[expect(clippy::indexing_slicing, reason = "below() stays under the length")]
        &choices[index]
    }

    /// Returns a positive number whose logarithm is roughly normal, with the given median.
    ///
    /// `spread` is the standard deviation of the logarithm.
    pub fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        // Twelve uniforms less six: mean 0, variance 1, tails cut at 6.
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        median * exp(normal * spread)
    }

    /// Shuffles `items` in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }

    /// Appends `length` letters and digits.
    pub fn alphanumeric(&mut self, length: usize) -> String {
        self.letters(ALPHANUMERIC, length)
    }

    /// Returns `length` lower-case hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        self.letters(LOWER_HEX, length)
    }

    /// Returns an IAM unique id or access key id: `prefix` and 17 upper-case letters or digits.
    pub fn unique_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.letters(UPPER, 17))
    }

    /// Appends a version 4 UUID to `out`.
    pub fn uuid_onto(&mut self, out: &mut String) {
        let bits = (u128::from(self.bits()) << 64) | u128::from(self.bits());
        let bits = bits & !(0xf << 76) & !(0x3 << 62) | (4 << 76) | (2 << 62);
        for (position, shift) in (0..32).rev().enumerate() {
            if matches!(position, 8 | 12 | 16 | 20) {
                out.push('-');
            }
            let digit = ((bits >> (4 * shift)) & 0xf) as usize;
            #[expect(clippy::indexing_slicing, reason = "four bits index sixteen digits")]
            out.push(char::from(LOWER_HEX[digit]));
        }
    }

    /// Returns a version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let mut out = String::with_capacity(36);
        self.uuid_onto(&mut out);
        out
    }

    fn letters(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}

/// Returns e to the power `x`, to about nine digits, alike on every platform.
fn exp(x: f64) -> f64 {
    // The limit (1 + x/n)^n with its first error term taken off, n = 2^20.
    let n = f64::from(1 << 20);
    let mut power = 1.0 + x / n + x * x / (2.0 * n * n);
    for _ in 0..20 {
        power *= power;
    }
    power
}

/// Ranks drawn by Zipf's law: rank k (from 0) with a weight of 1 / (k + 1).
#[derive(Clone, Debug)]
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Returns the law over `count` ranks.
    pub fn new(count: usize) -> Self {
        let mut total = 0.0;
        let cumulative = (0..count)
            .map(|rank| {
                total += 1.0 / (rank + 1) as f64;
                total
            })
            .collect();
        Self { cumulative }
    }

    /// Draws a rank.
    pub fn draw(&self, random: &mut Random) -> usize {
        let point = random.unit() * self.cumulative.last().copied().unwrap_or_default();
        self.cumulative.partition_point(|&edge| edge <= point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_is_pinned() {
        // The reference implementation's first outputs for the state that
        // splitmix64 makes of 0.
        let mut random = Random::new(0);
        assert_eq!(
            [random.bits(), random.bits(), random.bits()],
            [0x5317_5d61_490b_23df, 0x61da_6f3d_c380_d507, 0x5c0f_df91_ec9a_7bfc]
        );
    }

    #[test]
    fn forks_differ_by_label_and_do_not_advance() {
        let random = Random::new(7);
        assert_eq!(random.fork("a").bits(), random.fork("a").bits());
        assert_ne!(random.fork("a").bits(), random.fork("b").bits());
    }

    #[test]
    fn uuids_are_version_four() {
        let uuid = Random::new(3).uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }

    #[test]
    fn exp_is_close() {
        for x in [-3.0, -0.5, 0.0, 1.0, 2.5] {
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-8, "{x}");
        }
    }

    #[test]
    fn zipf_favours_the_first_ranks_and_stays_in_range() {
        let (law, mut random) = (Zipf::new(100), Random::new(1));
        let mut counts = [0; 100];
        for _ in 0..10_000 {
            counts[law.draw(&mut random)] += 1;
        }
        assert!(counts[0] > 3 * counts[9] && counts[9] > counts[99]);
    }
}
