//! `quotas.headroom`.

use super::spec;
use crate::cloudwatch::metrics::{self, Query};
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_servicequotas::types::MetricInfo;
use chrono::TimeDelta;
use lifeboat_engine::action::{Action, ActionError, ErrorKind, Note, Observation, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Quotas of RDS by code and name in Service Quotas, and as RDS itself calls them, which also says what is used
/// (Service Quotas console and RDS API reference, AccountQuota).
const RDS: &[(&str, &str, &str)] = &[
    ("L-7B6409FD", "DB instances", "DBInstances"),
    ("L-952B80B8", "DB clusters", "DBClusters"),
    ("L-272F1212", "Manual DB instance snapshots", "ManualSnapshots"),
    ("L-9B510759", "Manual DB cluster snapshots", "ManualClusterSnapshots"),
    ("L-48C6BF61", "DB subnet groups", "DBSubnetGroups"),
    ("L-DE55804A", "Parameter groups", "DBParameterGroups"),
    ("L-7ADDB58A", "Total storage for all DB instances", "AllocatedStorage"),
];

/// How far back usage counts.
const USAGE_WINDOW: TimeDelta = TimeDelta::minutes(15);

/// `quotas.headroom`.
pub struct Headroom(pub(crate) Arc<Aws>);

/// A quota, and what is used of it where that is known.
struct Quota {
    limit: f64,
    used: Option<f64>,
}

#[async_trait]
impl Action for Headroom {
    fn spec(&self) -> &'static ActionSpec {
        &spec::HEADROOM
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let (service, name) = (cx.required("service")?, cx.required("quota")?);
        let need = cx.with.get("need").and_then(Value::as_int).unwrap_or_default() as f64;
        let quota = self.quota(cx, service, name).await?;
        let left = quota.used.map(|used| (quota.limit - used).max(0.0));
        if left.unwrap_or(quota.limit) < need {
            return Err(not_enough(name, &quota, need));
        }
        if quota.used.is_none() {
            let told = format!("how much of `{name}` is used is not known; only the limit was compared");
            cx.note(Note::Evidence { kind: "quota".to_owned(), value: told.into() })?;
        }
        Ok(Observation::Ready(BTreeMap::from([
            ("left".to_owned(), left.into()),
            ("limit".to_owned(), quota.limit.into()),
            ("used".to_owned(), quota.used.into()),
        ])))
    }
}

impl Headroom {
    async fn quota(&self, cx: &StepContext, service: &str, name: &str) -> Result<Quota, ActionError> {
        let of_rds = RDS.iter().find(|(code, said, own)| {
            *code == name || said.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(name)
        });
        match of_rds.filter(|_| service == "rds") {
            Some((_, _, own)) => match self.of_rds(cx, own).await? {
                Some(quota) => Ok(quota),
                None => self.of_service(cx, service, name).await,
            },
            None => self.of_service(cx, service, name).await,
        }
    }

    /// RDS counts for itself, exactly and for nothing.
    async fn of_rds(&self, cx: &StepContext, own: &str) -> Result<Option<Quota>, ActionError> {
        let reply = self.0.rds(&cx.place.region).describe_account_attributes().send().await;
        let reply = reply.map_err(|error| classify(error, Call::Read))?;
        let found = reply.account_quotas().iter().find(|quota| quota.account_quota_name() == Some(own));
        Ok(found
            .and_then(|quota| Some(Quota { limit: quota.max()? as f64, used: Some(quota.used()? as f64) })))
    }

    async fn of_service(&self, cx: &StepContext, service: &str, name: &str) -> Result<Quota, ActionError> {
        let client = self.0.servicequotas(&cx.place.region);
        let mut next = None;
        loop {
            let call = client.list_service_quotas().service_code(service).set_next_token(next);
            let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
            let found = reply.quotas().iter().find(|quota| {
                quota.quota_code() == Some(name)
                    || quota.quota_name().is_some_and(|said| said.eq_ignore_ascii_case(name))
            });
            if let Some((quota, limit)) = found.and_then(|quota| Some((quota, quota.value()?))) {
                let used = match quota.usage_metric() {
                    Some(metric) => self.used(cx, metric).await?,
                    None => None,
                };
                return Ok(Quota { limit, used });
            }
            next = reply.next_token().map(str::to_owned);
            if next.is_none() {
                let message = format!("Service Quotas knows no quota `{name}` of `{service}`");
                return Err(ActionError::refused("NoSuchResourceException", message).hint(format!(
                    "`aws service-quotas list-service-quotas --service-code {service}` lists them"
                )));
            }
        }
    }
}

impl Headroom {
    /// What is used, by the metric that Service Quotas names. A service measures it every few minutes: the newest of the
    /// last quarter of an hour counts. Where it may not be read, nothing is known of it.
    async fn used(&self, cx: &StepContext, metric: &MetricInfo) -> Result<Option<f64>, ActionError> {
        let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
        let dimensions = metric.metric_dimensions().into_iter().flatten();
        let query = Query {
            namespace: text(metric.metric_namespace()),
            metric: text(metric.metric_name()),
            dimensions: dimensions.map(|(name, value)| (name.clone(), value.clone())).collect(),
            statistic: metric.metric_statistic_recommendation().unwrap_or("Maximum").to_owned(),
            period: 300,
            unit: None,
        };
        match metrics::read(&self.0, &cx.place.region, &query, cx.now - USAGE_WINDOW..cx.now).await {
            Ok(points) => Ok(points.last().map(|point| point.value)),
            Err(error) if error.kind == ErrorKind::BlockedOnPermission => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn not_enough(name: &str, quota: &Quota, need: f64) -> ActionError {
    let used = quota.used.map(|used| format!(", {used} used")).unwrap_or_default();
    let message = format!("the quota `{name}` leaves no room for {need} more: limit {}{used}", quota.limit);
    ActionError::refused("quota", message).hint("ask for a higher quota, or remove what is not needed")
}
