//! What goes wrong, as data.

use serde::{Deserialize, Serialize};

use crate::chance::Chance;

/// One thing that goes wrong with an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The service's signing name, for example `rds`.
    pub service: String,
    /// The operation, for example `DeleteDBInstance`.
    pub operation: String,
    /// Which calls of that operation it hits.
    pub when: When,
    /// What happens to them.
    pub kind: FaultKind,
}

/// Which calls of an operation a fault hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// The calls with these numbers; the first is 1.
    Calls(Vec<u64>),
    /// Each call with this probability (0 to 1), drawn from the seed.
    Probability(f64),
}

/// What happens to a call that is hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// Refused with `Throttling`, HTTP 400, "Rate exceeded".
    Throttle,
    /// Refused with this error; nothing changes.
    Error {
        /// The code on the wire.
        code: String,
        /// The HTTP status.
        status: u16,
        /// The message.
        #[serde(default)]
        message: String,
    },
    /// The call takes effect, then the connection breaks.
    ReplyLost,
    /// The reply takes this many virtual milliseconds more.
    Latency(u64),
    /// What the call makes ends in this state instead of `available`.
    FinalState(String),
}

/// The first fault that hits call number `call` of an operation, with its place in the list.
pub(crate) fn hitting<'a>(
    faults: &'a [Fault],
    chance: &Chance,
    service: &str,
    operation: &str,
    call: u64,
) -> Option<(usize, &'a Fault)> {
    faults.iter().enumerate().find(|(place, fault)| {
        let hit = || match &fault.when {
            When::Calls(numbers) => numbers.contains(&call),
            When::Probability(probability) => {
                chance.happens(*probability, &["fault", &place.to_string(), &call.to_string()])
            }
        };
        fault.service == service && fault.operation == operation && hit()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(when: When) -> Vec<Fault> {
        vec![Fault { service: "rds".into(), operation: "Op".into(), when, kind: FaultKind::Throttle }]
    }

    #[test]
    fn named_calls_are_hit_and_no_others() {
        let faults = fault(When::Calls(vec![2, 4]));
        let hits = |call| hitting(&faults, &Chance::new(1), "rds", "Op", call).is_some();
        assert_eq!([1, 2, 3, 4, 5].map(hits), [false, true, false, true, false]);
        assert!(hitting(&faults, &Chance::new(1), "sts", "Op", 2).is_none());
        assert!(hitting(&faults, &Chance::new(1), "rds", "Other", 2).is_none());
    }

    #[test]
    fn a_probability_hits_about_its_share_and_the_same_calls_each_time() {
        let faults = fault(When::Probability(0.25));
        let hits = |seed| -> Vec<u64> {
            let chance = Chance::new(seed);
            (0..1000).filter(|call| hitting(&faults, &chance, "rds", "Op", *call).is_some()).collect()
        };
        let once = hits(5);
        assert_eq!(once, hits(5));
        assert!((200..300).contains(&once.len()), "{}", once.len());
    }
}
