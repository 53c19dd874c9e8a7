//! How metrics are read: GetMetricData with one query, to its last page.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::times::{sdk, time};
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StandardUnit, StatusCode,
};
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{ActionError, ErrorKind};
use std::ops::Range;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// `AWS/RDS`.
    pub(crate) namespace: String,
    /// `ReplicaLag`.
    pub(crate) metric: String,
    /// All dimensions of the metric, names with values: CloudWatch finds it by exactly these.
    pub(crate) dimensions: Vec<(String, String)>,
    /// What is made of the samples of a period: `Maximum`, `p99`.
    pub(crate) statistic: String,
    /// Seconds.
    pub(crate) period: i32,
    /// Only what was reported in this unit; CloudWatch converts nothing.
    pub(crate) unit: Option<String>,
}

/// What CloudWatch has for a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// When the period began.
    pub(crate) at: DateTime<Utc>,
    /// The statistic over it.
    pub(crate) value: f64,
}

/// The data points of the periods that began in `window`, oldest first. None is no error: CloudWatch tells a metric that
/// is not there and one that has said nothing in the same way.
///
/// # Errors
/// When CloudWatch does not answer, or not completely.
pub(crate) async fn read(
    aws: &Aws,
    region: &str,
    query: &Query,
    window: Range<DateTime<Utc>>,
) -> Result<Vec<Point>, ActionError> {
    let client = aws.cloudwatch(region);
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let call = client
            .get_metric_data()
            .metric_data_queries(described(query))
            .start_time(sdk(window.start))
            .end_time(sdk(window.end))
            .set_next_token(next);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        next = reply.next_token().map(str::to_owned);
        for result in reply.metric_data_results() {
            found.extend(points(result, next.is_none())?);
        }
        if next.is_none() {
            found.sort_by_key(|point| point.at);
            return Ok(found);
        }
    }
}

fn described(query: &Query) -> MetricDataQuery {
    let dimensions = query.dimensions.iter();
    let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let metric = Metric::builder().namespace(&query.namespace).metric_name(&query.metric);
    let metric = metric.set_dimensions(Some(dimensions.collect())).build();
    let stat = MetricStat::builder().metric(metric).period(query.period).stat(&query.statistic);
    let stat = stat.set_unit(query.unit.as_deref().map(StandardUnit::from)).build();
    MetricDataQuery::builder().id("metric").metric_stat(stat).build()
}

/// Those of a page. The call succeeds also where the data could not be read; then its status says so (API reference,
/// MetricDataResult).
fn points(result: &MetricDataResult, last_page: bool) -> Result<Vec<Point>, ActionError> {
    match result.status_code() {
        Some(StatusCode::Forbidden) => {
            let message = "CloudWatch does not let the metric be read: Forbidden";
            return Err(ActionError::new(ErrorKind::BlockedOnPermission, "Forbidden", message)
                .hint("cloudwatch:GetMetricData is needed, also in the account that the metric is of"));
        }
        Some(status @ StatusCode::InternalError) => return Err(incomplete(status)),
        Some(status @ StatusCode::PartialData) if last_page => return Err(incomplete(status)),
        _ => {}
    }
    let pairs = result.timestamps().iter().zip(result.values());
    Ok(pairs.filter_map(|(at, value)| Some(Point { at: time(Some(at))?, value: *value })).collect())
}

fn incomplete(status: &StatusCode) -> ActionError {
    ActionError::transient(
        status.as_str(),
        format!("CloudWatch did not read the metric to its end: {status}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::DateTime as SdkTime;

    fn result(status: StatusCode) -> MetricDataResult {
        let minute = SdkTime::from_secs(1_767_603_600);
        MetricDataResult::builder().timestamps(minute).values(2.5).status_code(status).build()
    }

    #[test]
    fn what_was_not_read_to_its_end_is_no_answer() {
        let at = DateTime::from_timestamp(1_767_603_600, 0).expect("a time");
        for (status, last_page) in [(StatusCode::Complete, true), (StatusCode::PartialData, false)] {
            assert_eq!(points(&result(status), last_page), Ok(vec![Point { at, value: 2.5 }]));
        }
        let kind = |status| points(&result(status), true).map_err(|error| error.kind);
        assert_eq!(kind(StatusCode::PartialData), Err(ErrorKind::Transient));
        assert_eq!(kind(StatusCode::InternalError), Err(ErrorKind::Transient));
        assert_eq!(kind(StatusCode::Forbidden), Err(ErrorKind::BlockedOnPermission));
    }
}
