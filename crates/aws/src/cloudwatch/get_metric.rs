//! `cloudwatch.get_metric`.

use super::metrics::{self, Query};
use super::spec;
use crate::connect::Aws;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// `cloudwatch.get_metric`.
pub(crate) struct GetMetric(pub(crate) Arc<Aws>);

/// Services measure themselves every one to five minutes, and CloudWatch has the number some minutes later.
const WINDOW: TimeDelta = TimeDelta::minutes(15);

#[async_trait]
impl Action for GetMetric {
    fn spec(&self) -> &'static ActionSpec {
        &spec::GET_METRIC
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let query = Query {
            namespace: cx.required("namespace")?.to_owned(),
            metric: cx.required("metric")?.to_owned(),
            dimensions: dimensions(cx),
            statistic: cx.text("statistic").unwrap_or("Average").to_owned(),
            period: period(duration(cx, "period")?.unwrap_or(TimeDelta::minutes(1)))?,
            unit: cx.text("unit").map(str::to_owned),
        };
        let window = window(cx.now, i64::from(query.period), duration(cx, "window")?.unwrap_or(WINDOW))?;
        let points = metrics::read(&self.0, &cx.place.region, &query, window).await?;
        let values = || points.iter().map(|point| point.value);
        let newest = points.last();
        let count = i64::try_from(points.len()).unwrap_or(i64::MAX);
        // Without a data point nothing is known: null, and never zero.
        Ok(Observation::Ready(BTreeMap::from([
            ("value".to_owned(), newest.map(|point| point.value).into()),
            ("at".to_owned(), newest.map(|point| point.at).into()),
            ("minimum".to_owned(), values().reduce(f64::min).into()),
            ("maximum".to_owned(), values().reduce(f64::max).into()),
            ("count".to_owned(), Value::Int(count)),
        ])))
    }
}

fn dimensions(cx: &StepContext) -> Vec<(String, String)> {
    let Some(Value::Map(dimensions)) = cx.with.get("dimensions") else { return Vec::new() };
    dimensions.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

fn duration(cx: &StepContext, name: &str) -> Result<Option<TimeDelta>, ActionError> {
    match cx.with.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Duration(duration)) if *duration > TimeDelta::zero() => Ok(Some(*duration)),
        Some(other) => {
            let message = format!("`{name}: {other}` is no time that could be looked at");
            Err(ActionError::refused("parameter", message).hint("give more than nothing: `1m`"))
        }
    }
}

/// Whole periods, up to the last that is over: of the one that still runs a sum would be too small.
///
/// # Errors
/// When it is shorter than a period, or begins before all time.
fn window(now: DateTime<Utc>, period: i64, wanted: TimeDelta) -> Result<Range<DateTime<Utc>>, ActionError> {
    let refused = |why: &str| {
        let message = format!("`window: {}` {why}", units::duration_text(wanted));
        ActionError::refused("parameter", message)
    };
    if wanted < TimeDelta::seconds(period) {
        return Err(refused("is shorter than the period").hint("make it a few periods long"));
    }
    let end = DateTime::from_timestamp(now.timestamp() / period * period, 0);
    let begin = end.and_then(|end| end.checked_sub_signed(wanted));
    end.zip(begin).map(|(end, begin)| begin..end).ok_or_else(|| refused("goes back too far"))
}

/// CloudWatch takes whole minutes, and of high-resolution metrics 1, 5, 10, 20 or 30 seconds (API reference, MetricStat,
/// Period).
fn period(period: TimeDelta) -> Result<i32, ActionError> {
    let seconds = period.num_seconds();
    let fits = seconds % 60 == 0 || [1, 5, 10, 20, 30].contains(&seconds);
    match i32::try_from(seconds) {
        Ok(seconds) if fits && seconds > 0 && period.subsec_nanos() == 0 => Ok(seconds),
        _ => {
            let message = format!("CloudWatch has no period of {}", units::duration_text(period));
            Err(ActionError::refused("parameter", message).hint("1s, 5s, 10s, 20s, 30s, or whole minutes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_periods_that_are_over_are_looked_at() {
        let at = |minute: i64, second: i64| {
            DateTime::from_timestamp(1_767_603_600 + minute * 60 + second, 0).expect("a time")
        };
        let quarter = TimeDelta::minutes(15);
        assert_eq!(window(at(7, 30), 300, quarter), Ok(at(-10, 0)..at(5, 0)));
        assert_eq!(window(at(7, 30), 60, quarter), Ok(at(-8, 0)..at(7, 0)));
        assert!(window(at(0, 0), 3600, quarter).is_err(), "shorter than a period");
        assert!(window(at(0, 0), 60, TimeDelta::days(100_000_000)).is_err(), "before all time");
    }

    #[test]
    fn periods_are_those_of_cloudwatch() {
        for seconds in [1, 5, 30, 60, 300, 86_400] {
            assert_eq!(period(TimeDelta::seconds(seconds)), Ok(i32::try_from(seconds).expect("small")));
        }
        for seconds in [2, 45, 90] {
            assert_eq!(period(TimeDelta::seconds(seconds)).expect_err("no such period").code, "parameter");
        }
        assert!(period(TimeDelta::milliseconds(1500)).is_err());
    }
}
