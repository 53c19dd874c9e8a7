//! What goes wrong, as data.

use serde::{Deserialize, Serialize};

use crate::chance::Chance;

/// One thing that goes wrong with an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The service's signing name, for example `rds`; `*` is every service.
    pub service: String,
    /// The operation, for example `DeleteDBInstance`; `*` is every operation.
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
    /// Every call in a span of time, in seconds since the world's start: `{"from_s": 300, "to_s": 540}`.
    During {
        /// From this second on.
        from_s: u64,
        /// Up to this second, which is outside; nothing means for ever.
        #[serde(default)]
        to_s: Option<u64>,
    },
    /// The same in one Region: `{"region": "eu-west-1", "from_s": 300}` with `reply_lost` is a Region that is gone.
    In {
        /// The Region.
        region: String,
        /// From this second on.
        from_s: u64,
        /// Up to this second, which is outside; nothing means for ever.
        #[serde(default)]
        to_s: Option<u64>,
    },
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
    /// A look sees the world as it was this many seconds ago, as eventually consistent services show it.
    StaleRead(u64),
    /// The call is taken as one of this account: the credentials are those of somebody else.
    OtherAccount(String),
    /// No call is hit: while it lasts, every read replica is at least this many seconds behind. It takes a span of time.
    ReplicaLag(u32),
}

impl Fault {
    /// What does not fit together, in a sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        let lags = matches!(self.kind, FaultKind::ReplicaLag(_));
        let lasts = matches!(self.when, When::During { .. });
        (lags && !lasts).then(|| "faults: replica_lag takes `when: { during: … }`".to_owned())
    }
}

/// How long ago the stalest look of these faults may see, seconds; nothing where no look is stale.
pub(crate) fn stalest(faults: &[Fault]) -> Option<u64> {
    let seconds = |fault: &Fault| match fault.kind {
        FaultKind::StaleRead(seconds) => Some(seconds),
        _ => None,
    };
    faults.iter().filter_map(seconds).max()
}

/// A call, as far as faults look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    /// The Region that was asked.
    pub(crate) region: &'a str,
    /// Its number among the calls of its operation, from 1.
    pub(crate) call: u64,
    /// Seconds since the world's start.
    pub(crate) second: u64,
}

fn lasts(from_s: u64, to_s: Option<u64>, second: u64) -> bool {
    second >= from_s && to_s.is_none_or(|to_s| second < to_s)
}

/// The first fault that hits a call, with its place in the list.
pub(crate) fn hitting<'a>(faults: &'a [Fault], chance: &Chance, hit: Hit<'_>) -> Option<(usize, &'a Fault)> {
    let named = |pattern: &str, name: &str| pattern == "*" || pattern == name;
    faults.iter().enumerate().find(|(place, fault)| {
        let now = || match &fault.when {
            When::Calls(numbers) => numbers.contains(&hit.call),
            When::Probability(probability) => {
                let call = format!("{} {} {}", hit.service, hit.operation, hit.call);
                chance.happens(*probability, &["fault", &place.to_string(), &call])
            }
            When::During { from_s, to_s } => lasts(*from_s, *to_s, hit.second),
            When::In { region, from_s, to_s } => region == hit.region && lasts(*from_s, *to_s, hit.second),
        };
        !matches!(fault.kind, FaultKind::ReplicaLag(_))
            && named(&fault.service, hit.service)
            && named(&fault.operation, hit.operation)
            && now()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(when: When) -> Vec<Fault> {
        vec![Fault { service: "rds".into(), operation: "Op".into(), when, kind: FaultKind::Throttle }]
    }

    fn hits(faults: &[Fault], seed: u64, service: &str, operation: &str, call: u64) -> bool {
        hitting(
            faults,
            &Chance::new(seed),
            Hit { service, operation, region: "eu-west-1", call, second: call },
        )
        .is_some()
    }

    #[test]
    fn named_calls_are_hit_and_no_others() {
        let faults = fault(When::Calls(vec![2, 4]));
        let hit = |call| hits(&faults, 1, "rds", "Op", call);
        assert_eq!([1, 2, 3, 4, 5].map(hit), [false, true, false, true, false]);
        assert!(!hits(&faults, 1, "sts", "Op", 2));
        assert!(!hits(&faults, 1, "rds", "Other", 2));
    }

    #[test]
    fn a_span_of_time_hits_every_call_in_it() {
        let mut faults = fault(When::During { from_s: 2, to_s: Some(4) });
        faults[0].service = "*".into();
        faults[0].operation = "*".into();
        let hit = |second| hits(&faults, 1, "sts", "GetCallerIdentity", second);
        assert_eq!([1, 2, 3, 4].map(hit), [false, true, true, false]);
        faults[0].when = When::During { from_s: 3, to_s: None };
        assert!(hits(&faults, 1, "rds", "Op", 1_000_000) && !hits(&faults, 1, "rds", "Op", 2));
    }

    #[test]
    fn a_probability_hits_about_its_share_and_the_same_calls_each_time() {
        let faults = fault(When::Probability(0.25));
        let hit =
            |seed| -> Vec<u64> { (0..1000).filter(|call| hits(&faults, seed, "rds", "Op", *call)).collect() };
        let once = hit(5);
        assert_eq!(once, hit(5));
        assert!((200..300).contains(&once.len()), "{}", once.len());
    }
}
