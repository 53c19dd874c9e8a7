//! What the world file says of CloudWatch.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// Within the threshold.
    Ok,
    /// Beyond it.
    Alarm,
    /// Nobody knows.
    InsufficientData,
}

impl AlarmState {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            AlarmState::Ok => "OK",
            AlarmState::Alarm => "ALARM",
            AlarmState::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// The state that the API calls so.
    pub fn named(word: &str) -> Option<AlarmState> {
        [AlarmState::Ok, AlarmState::Alarm, AlarmState::InsufficientData]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// An alarm and the course of its states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmDefinition {
    /// Its name.
    pub name: String,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// What it watches.
    pub watches: Watched,
    /// Its state at the world's start.
    pub state: AlarmState,
    /// Since when; `None` is the world's start.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// The states that it takes by itself, in order of time.
    #[serde(default)]
    pub transitions: Vec<AlarmTransition>,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Watched {
    /// A metric against a threshold.
    Metric {
        /// Namespace.
        namespace: String,
        /// MetricName.
        metric: String,
        /// Dimensions.
        #[serde(default)]
        dimensions: BTreeMap<String, String>,
        /// Statistic.
        statistic: String,
        /// Period, seconds.
        period: u32,
        /// EvaluationPeriods, and DatapointsToAlarm.
        evaluation_periods: u32,
        /// Threshold.
        threshold: f64,
        /// ComparisonOperator.
        comparison: String,
    },
    /// A rule over other alarms: a composite alarm.
    Rule(String),
}

/// A state that an alarm takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmTransition {
    /// When.
    pub at: DateTime<Utc>,
    /// The state.
    pub state: AlarmState,
    /// StateReason.
    pub reason: String,
}

/// A metric and the course of its values, a datapoint a minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricDefinition {
    /// Namespace.
    pub namespace: String,
    /// MetricName.
    pub metric: String,
    /// Dimensions.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    /// Unit of every value; `None` is CloudWatch's unit "None".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The values in order of time; each holds until the next, and before the first there is none.
    pub values: Vec<MetricValue>,
}

/// A value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricValue {
    /// From then on.
    pub from: DateTime<Utc>,
    /// The value; `None` is a gap.
    pub value: Option<f64>,
}
