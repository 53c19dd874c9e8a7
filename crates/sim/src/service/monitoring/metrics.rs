//! GetMetricData, for metrics with one datapoint a minute.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::MetricDefinition;
use crate::durations::METRIC_LATENESS;
use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output};
use crate::world::{Instance, World};

/// The most datapoints of a request (CloudWatch API reference, MaxDatapoints).
const MOST_DATAPOINTS: i64 = 100_800;
const MINUTE: i64 = 60;
/// The metric of RDS that follows from the world.
const REPLICA_LAG: &str = "ReplicaLag";

pub(super) fn get_data(world: &World, context: &Context<'_>) -> Output {
    let input = context.input;
    let queries = input.structures("MetricDataQueries")?;
    let (Some(start), Some(end)) = (input.time("StartTime")?, input.time("EndTime")?) else {
        return Err(ApiError::new("MissingParameter", "StartTime and EndTime must be given"));
    };
    if queries.is_empty() || start >= end {
        return Err(invalid("MetricDataQueries must not be empty, and StartTime must be before EndTime"));
    }
    let ascending = input.text("ScanBy")? == Some("TimestampAscending");
    let results: Result<Vec<_>, ApiError> =
        queries.iter().map(|query| answer(world, context, query, (start, end), ascending)).collect();
    let shown = queries.iter().zip(results?);
    let returned = shown.filter(|(query, _)| query.flag("ReturnData").ok().flatten().unwrap_or(true));
    Ok(Document::new().list("MetricDataResults", returned.map(|(_, result)| result)))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

fn answer(
    world: &World,
    context: &Context<'_>,
    query: &Input,
    (start, end): (DateTime<Utc>, DateTime<Utc>),
    ascending: bool,
) -> Output {
    let id = query.required("Id")?;
    if query.has("Expression") {
        return Err(invalid(format!("{id}: the simulated CloudWatch computes no expressions")));
    }
    let wanted =
        query.structure("MetricStat")?.ok_or_else(|| invalid(format!("{id}: MetricStat is absent")))?;
    let metric = wanted.structure("Metric")?.unwrap_or_default();
    let period = wanted.number("Period")?.unwrap_or_default();
    if period < MINUTE || period % MINUTE != 0 {
        return Err(invalid(format!("{id}: Period must be a multiple of {MINUTE} seconds")));
    }
    if (end - start).num_seconds() / period > MOST_DATAPOINTS {
        return Err(invalid(format!("{id}: more than {MOST_DATAPOINTS} datapoints are asked for")));
    }
    let statistic = Statistic::named(wanted.required("Stat")?)?;
    let unit = wanted.text("Unit")?;
    let found = find(world, context, &metric)?.filter(|course| unit.is_none_or(|unit| unit == course.unit()));
    let mut points =
        found.map(|course| points(world, &course, (start, end), period, statistic)).unwrap_or_default();
    if !ascending {
        points.reverse();
    }
    let (times, values): (Vec<_>, Vec<_>) = points.into_iter().unzip();
    let label = query.text("Label")?.or(metric.text("MetricName")?).unwrap_or_default();
    Ok(Document::new()
        .with("Id", id)
        .with("Label", label)
        .list("Timestamps", times)
        .list("Values", values)
        .with("StatusCode", "Complete"))
}

/// Where datapoints come from.
enum Course<'a> {
    /// The world file.
    Told(&'a MetricDefinition),
    /// How a read replica follows.
    ReplicaLag(&'a Instance),
}

impl Course<'_> {
    fn name(&self) -> &str {
        match self {
            Course::Told(metric) => &metric.metric,
            Course::ReplicaLag(_) => REPLICA_LAG,
        }
    }

    /// The unit that its values were reported in; under another there are none (CloudWatch API reference, MetricStat).
    fn unit(&self) -> &str {
        match self {
            Course::Told(metric) => metric.unit.as_deref().unwrap_or("None"),
            Course::ReplicaLag(_) => "Seconds",
        }
    }

    fn value(&self, world: &World, at: DateTime<Utc>) -> Option<f64> {
        match self {
            Course::Told(metric) => metric.values.iter().rev().find(|value| value.from <= at)?.value,
            Course::ReplicaLag(instance) => world.replica_lag(instance, at),
        }
    }
}

/// The metric with exactly these dimensions.
fn find<'a>(world: &'a World, context: &Context<'_>, wanted: &Input) -> Result<Option<Course<'a>>, ApiError> {
    let (namespace, name) = (wanted.required("Namespace")?, wanted.required("MetricName")?);
    let mut dimensions = BTreeMap::new();
    for dimension in wanted.structures("Dimensions")? {
        dimensions.insert(dimension.required("Name")?.to_owned(), dimension.required("Value")?.to_owned());
    }
    let region = world.region(context.place);
    let mut metrics = region.definition.metrics.iter();
    let told =
        metrics.find(|it| it.namespace == namespace && it.metric == name && it.dimensions == dimensions);
    if told.is_some() || (namespace, name) != ("AWS/RDS", REPLICA_LAG) || dimensions.len() != 1 {
        return Ok(told.map(Course::Told));
    }
    let instance = dimensions.get("DBInstanceIdentifier").and_then(|name| region.instance(name));
    Ok(instance.map(Course::ReplicaLag))
}

/// What is made of the datapoints of a period.
#[derive(Clone, Copy)]
enum Statistic {
    Average,
    Maximum,
    Minimum,
    SampleCount,
    Sum,
}

impl Statistic {
    fn named(word: &str) -> Result<Statistic, ApiError> {
        Ok(match word {
            "Average" => Statistic::Average,
            "Maximum" => Statistic::Maximum,
            "Minimum" => Statistic::Minimum,
            "SampleCount" => Statistic::SampleCount,
            "Sum" => Statistic::Sum,
            _ => {
                return Err(invalid(format!(
                    "the simulated CloudWatch does not compute the statistic {word}"
                )));
            }
        })
    }

    fn of(self, samples: &[f64]) -> f64 {
        let sum: f64 = samples.iter().sum();
        match self {
            Statistic::Average => sum / samples.len() as f64,
            Statistic::Maximum => samples.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Statistic::Minimum => samples.iter().copied().fold(f64::INFINITY, f64::min),
            Statistic::SampleCount => samples.len() as f64,
            Statistic::Sum => sum,
        }
    }
}

/// The datapoints of whole periods from `start` to before `end`, oldest first. What was measured in the last minutes has
/// not arrived yet.
fn points(
    world: &World,
    course: &Course<'_>,
    (start, end): (DateTime<Utc>, DateTime<Utc>),
    period: i64,
    statistic: Statistic,
) -> Vec<(DateTime<Utc>, f64)> {
    let (least, most) = METRIC_LATENESS;
    let late = world.chance.seconds("metric", course.name(), least, most);
    let arrived = world.now - late - TimeDelta::seconds(MINUTE);
    let first = start.timestamp().div_euclid(period) * period;
    let mut points = Vec::new();
    for begin in (first..end.timestamp()).step_by(usize::try_from(period).unwrap_or(1)) {
        let minutes = (begin..begin + period).step_by(MINUTE as usize);
        let times = minutes.filter_map(|seconds| DateTime::from_timestamp(seconds, 0));
        let samples: Vec<f64> =
            times.filter(|time| *time <= arrived).filter_map(|time| course.value(world, time)).collect();
        if let (Some(time), false) = (DateTime::from_timestamp(begin, 0), samples.is_empty()) {
            points.push((time, statistic.of(&samples)));
        }
    }
    points
}
