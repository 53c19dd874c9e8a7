//! How far a read replica is behind, as CloudWatch has it: what a promotion would lose.

use crate::cloudwatch::metrics::{self, Point, Query};
use crate::connect::Aws;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{ActionError, StepContext};
use lifeboat_runbook::units;

/// Datapoints are a minute apart (RDS user guide, CloudWatch metrics).
const PERIOD: TimeDelta = TimeDelta::seconds(60);

/// A datapoint from longer before says nothing any more.
const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// The most a replica was behind in a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// When the minute began.
    pub(crate) at: DateTime<Utc>,
    /// How far it was behind.
    pub(crate) lag: TimeDelta,
}

impl Sample {
    /// Whatever was written before this had arrived, whenever in the minute the lag was measured.
    pub(crate) fn complete_to(self) -> DateTime<Utc> {
        self.at - self.lag
    }

    /// Where the number is from.
    pub(crate) fn source(self) -> String {
        let (lag, at) = (units::duration_text(self.lag), units::time_text(self.at));
        format!("CloudWatch's ReplicaLag, at most {lag} in the minute from {at}")
    }
}

/// What is known of a replica before it is promoted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lag {
    /// The newest before service was lost: what a promotion loses of the source's last writes.
    pub(crate) before: Option<Sample>,
    /// The newest of all.
    pub(crate) newest: Option<Sample>,
}

impl Lag {
    /// The one to judge by. Where the source is dead the lag grows with time though no more is lost: then what counts is
    /// from before. Where replication goes on it may have caught up meanwhile.
    pub(crate) fn judged(self, replicates: bool) -> Option<Sample> {
        let now = self.newest.filter(|_| replicates);
        self.before.into_iter().chain(now).min_by_key(|sample| sample.lag)
    }
}

/// Reads the lag of a replica up to now, from some minutes before service was lost.
///
/// # Errors
/// When CloudWatch does not answer, or not so.
pub(crate) async fn read(aws: &Aws, cx: &StepContext, replica: &str) -> Result<Lag, ActionError> {
    let lost_at = cx.run_started_at.min(cx.now);
    let query = Query {
        namespace: "AWS/RDS".to_owned(),
        metric: "ReplicaLag".to_owned(),
        dimensions: vec![("DBInstanceIdentifier".to_owned(), replica.to_owned())],
        statistic: "Maximum".to_owned(),
        period: 60,
        unit: None,
    };
    let points = metrics::read(aws, &cx.place.region, &query, lost_at - WINDOW..cx.now).await?;
    Ok(of(points.into_iter().filter_map(sample).collect(), lost_at, cx.now))
}

/// -1 and the like say that it is not known (RDS user guide, monitoring read replication).
fn sample(Point { at, value: seconds }: Point) -> Option<Sample> {
    let known = seconds.is_finite() && (0.0..1e9).contains(&seconds);
    known.then(|| Sample { at, lag: TimeDelta::milliseconds((seconds * 1000.0).round() as i64) })
}

/// Of samples in the order of time.
fn of(samples: Vec<Sample>, lost_at: DateTime<Utc>, now: DateTime<Utc>) -> Lag {
    let before = samples.iter().rfind(|sample| sample.at + PERIOD <= lost_at).copied();
    let newest = samples.last().filter(|sample| now - sample.at <= WINDOW).copied();
    Lag { before, newest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::now;

    fn at(minute: i64, lag_s: i64) -> Sample {
        Sample { at: now() + TimeDelta::minutes(minute), lag: TimeDelta::seconds(lag_s) }
    }

    #[test]
    fn what_is_not_known_is_no_sample() {
        assert_eq!(
            sample(Point { at: now(), value: 2.5 }).map(|it| it.lag),
            Some(TimeDelta::milliseconds(2500))
        );
        for unknown in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(sample(Point { at: now(), value: unknown }), None);
        }
    }

    #[test]
    fn evidence_is_from_before_and_a_dead_source_does_not_speak_against_it() {
        // Service was lost at minute 0, and the source is dead: its replica falls behind from then on.
        let lag = of(vec![at(-3, 2), at(-1, 3), at(0, 30), at(4, 240)], now(), now() + TimeDelta::minutes(6));
        assert_eq!((lag.before, lag.newest), (Some(at(-1, 3)), Some(at(4, 240))));
        assert_eq!(lag.judged(false), Some(at(-1, 3)));
        assert_eq!(lag.before.map(Sample::complete_to), Some(now() - TimeDelta::seconds(63)));
        // Writes were stopped and it has caught up.
        let caught_up = of(vec![at(-1, 600), at(4, 0)], now(), now() + TimeDelta::minutes(6));
        assert_eq!(caught_up.judged(true), Some(at(4, 0)));
        assert_eq!(caught_up.judged(false), Some(at(-1, 600)), "a replica that stands still proves nothing");
        // An old number says nothing of now, and none is unknown.
        let old = of(vec![at(-1, 1)], now(), now() + TimeDelta::minutes(60));
        assert_eq!((old.newest, old.judged(true)), (None, Some(at(-1, 1))));
        assert_eq!(of(vec![], now(), now()).judged(true), None);
    }
}
