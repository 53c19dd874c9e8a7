//! Chance as a pure function: the same seed, kind and resource always draw the same, whatever was drawn before.

use std::f64::consts::TAU;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::durations::Typical;

/// The spread of every duration (σ of the logarithm), from the design's table of durations.
const SPREAD: f64 = 0.3;

/// Draws durations, choices and ids from the world's seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    /// The chance of a world with this seed.
    pub fn new(seed: u64) -> Chance {
        Chance { seed }
    }

    /// 32 bytes that depend on the seed and the parts, and on nothing else.
    pub fn bytes(&self, parts: &[&str]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    }

    /// Two numbers, evenly spread in [0, 1).
    fn pair(&self, parts: &[&str]) -> (f64, f64) {
        let bytes = self.bytes(parts);
        let fraction = |at: usize| {
            let number = bytes[at..at + 6].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            number as f64 / (1u64 << 48) as f64
        };
        (fraction(0), fraction(8))
    }

    /// How long `typical` takes this resource: log-normal around its median, in whole milliseconds.
    pub fn duration(&self, typical: &Typical, resource: &str) -> TimeDelta {
        let (first, second) = self.pair(&["duration", typical.kind, resource]);
        let normal = (-2.0 * (1.0 - first).ln()).sqrt() * (TAU * second).cos();
        let milliseconds = typical.median.as_secs_f64() * 1000.0 * (SPREAD * normal.clamp(-3.0, 3.0)).exp();
        TimeDelta::milliseconds(milliseconds.round() as i64)
    }

    /// Evenly spread whole seconds between `least` and `most`.
    pub fn seconds(&self, kind: &str, resource: &str, least: i64, most: i64) -> TimeDelta {
        let (fraction, _) = self.pair(&["seconds", kind, resource]);
        TimeDelta::seconds(least + (fraction * (most - least + 1) as f64) as i64)
    }

    /// True with this probability (0 to 1).
    pub fn happens(&self, probability: f64, parts: &[&str]) -> bool {
        self.pair(parts).0 < probability
    }

    /// An id of upper-case letters and digits, as AWS makes them.
    pub fn id(&self, parts: &[&str], length: usize) -> String {
        let mut text = data_encoding::BASE32_NOPAD.encode(&self.bytes(parts));
        text.truncate(length);
        text
    }

    /// A UUID-shaped id, as in `x-amzn-RequestId`.
    pub fn request_id(&self, number: u64) -> String {
        self.uuid(&["request", &number.to_string()])
    }

    /// A UUID-shaped id that depends on the parts.
    pub fn uuid(&self, parts: &[&str]) -> String {
        let hex = data_encoding::HEXLOWER.encode(&self.bytes(parts));
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durations;

    #[test]
    fn a_duration_depends_on_seed_kind_and_resource_only() {
        let chance = Chance::new(7);
        let first = chance.duration(&durations::RESTORE_CREATING, "orders");
        chance.duration(&durations::DELETE, "orders");
        assert_eq!(chance.duration(&durations::RESTORE_CREATING, "orders"), first);
        assert_ne!(chance.duration(&durations::RESTORE_CREATING, "other"), first);
        assert_ne!(Chance::new(8).duration(&durations::RESTORE_CREATING, "orders"), first);
    }

    #[test]
    fn the_median_of_many_is_the_stated_median() {
        let chance = Chance::new(1);
        let mut drawn: Vec<i64> = (0..2001)
            .map(|n| chance.duration(&durations::RESTORE_CREATING, &n.to_string()).num_milliseconds())
            .collect();
        drawn.sort_unstable();
        let stated = durations::RESTORE_CREATING.median.as_millis() as f64;
        assert!((drawn[1000] as f64 / stated - 1.0).abs() < 0.03, "{} against {stated}", drawn[1000]);
        let upper = drawn[1683] as f64 / stated;
        assert!((upper.ln() - SPREAD).abs() < 0.05, "one sigma above the median is e^0.3: {upper}");
    }

    #[test]
    fn even_seconds_stay_within_their_bounds() {
        let chance = Chance::new(3);
        let drawn: Vec<i64> =
            (0..500).map(|n| chance.seconds("late", &n.to_string(), 5, 60).num_seconds()).collect();
        assert!(drawn.iter().all(|seconds| (5..=60).contains(seconds)));
        assert!(drawn.contains(&5) && drawn.contains(&60));
    }
}
