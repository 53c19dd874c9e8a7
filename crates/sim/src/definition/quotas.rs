//! What the world file says of Service Quotas.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A quota of a service that is not simulated. Those of RDS follow from what is enforced, such as `instance_quota`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaDefinition {
    /// The service's code: `ecs`.
    pub service: String,
    /// The service's name: `Amazon Elastic Container Service (Amazon ECS)`.
    pub service_name: String,
    /// The quota's code: `L-…`.
    pub code: String,
    /// The quota's name.
    pub name: String,
    /// The value in force.
    pub value: f64,
    /// AWS's default.
    pub default: f64,
    /// Whether more may be asked for.
    #[serde(default)]
    pub adjustable: bool,
    /// The metric that tells what is used of it, where CloudWatch has one; its values stand under `metrics`.
    #[serde(default)]
    pub usage_metric: Option<UsageMetricDefinition>,
}

/// A `MetricInfo` of Service Quotas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageMetricDefinition {
    /// MetricNamespace: `AWS/Usage`.
    pub namespace: String,
    /// MetricName: `ResourceCount`.
    pub metric: String,
    /// MetricDimensions.
    pub dimensions: BTreeMap<String, String>,
    /// MetricStatisticRecommendation: `Maximum`.
    pub statistic: String,
}
