//! Service Quotas, version 2019-06-24. What it says of RDS is what RDS enforces.

use super::paging::{Paging, page};
use super::{Context, Operation, Output, Protocol, Service, rds};
use crate::definition::{QuotaDefinition, UsageMetricDefinition};
use crate::protocol::{ApiError, Document};
use crate::world::World;

pub(super) static SERVICE: Service = Service {
    name: "servicequotas",
    protocol: Protocol::Json { target: "ServiceQuotasV20190624" },
    operations: &[
        Operation::look("GetAWSDefaultServiceQuota", get_default),
        Operation::look("GetServiceQuota", get),
        Operation::look("ListServiceQuotas", list),
    ],
};

const PAGING: Paging = Paging { size: "MaxResults", most: 100, refusal: "InvalidPaginationTokenException" };

/// All quotas of a service in the request's Region; an unknown service is refused.
fn of_service(world: &World, context: &Context<'_>) -> Result<Vec<QuotaDefinition>, ApiError> {
    let code = context.input.required("ServiceCode")?;
    let declared = world.region(context.place).definition.quotas.iter().cloned();
    let all = rds::quotas(world, context.place).into_iter().chain(declared);
    let found: Vec<_> = all.filter(|quota| quota.service == code).collect();
    if found.is_empty() {
        return Err(no_such(format!("The service {code} is not known.")));
    }
    Ok(found)
}

fn no_such(message: String) -> ApiError {
    ApiError::new("NoSuchResourceException", message)
}

fn find(world: &World, context: &Context<'_>) -> Result<QuotaDefinition, ApiError> {
    let code = context.input.required("QuotaCode")?;
    let found = of_service(world, context)?.into_iter().find(|quota| quota.code == code);
    found.ok_or_else(|| no_such(format!("The quota {code} is not known.")))
}

fn record(context: &Context<'_>, quota: &QuotaDefinition, value: f64) -> Document {
    let QuotaDefinition { service, service_name, code, name, adjustable, .. } = quota;
    let (region, account) = (&context.place.region, &context.place.account);
    Document::new()
        .with("ServiceCode", service)
        .with("ServiceName", service_name)
        .with("QuotaArn", format!("arn:aws:servicequotas:{region}:{account}:{service}/{code}"))
        .with("QuotaCode", code)
        .with("QuotaName", name)
        .with("Value", value)
        .with("Unit", "None")
        .with("Adjustable", *adjustable)
        .with("GlobalQuota", false)
        .with("QuotaAppliedAtLevel", "ACCOUNT")
        .optional("UsageMetric", quota.usage_metric.as_ref().map(usage_metric))
}

fn usage_metric(usage: &UsageMetricDefinition) -> Document {
    let dimensions = usage.dimensions.iter();
    let dimensions = dimensions.fold(Document::new(), |document, (name, value)| document.with(name, value));
    Document::new()
        .with("MetricNamespace", &usage.namespace)
        .with("MetricName", &usage.metric)
        .with("MetricDimensions", dimensions)
        .with("MetricStatisticRecommendation", &usage.statistic)
}

fn get(world: &World, context: &Context<'_>) -> Output {
    let quota = find(world, context)?;
    Ok(Document::new().with("Quota", record(context, &quota, quota.value)))
}

fn get_default(world: &World, context: &Context<'_>) -> Output {
    let quota = find(world, context)?;
    Ok(Document::new().with("Quota", record(context, &quota, quota.default)))
}

fn list(world: &World, context: &Context<'_>) -> Output {
    let only = context.input.text("QuotaCode")?;
    let all = of_service(world, context)?.into_iter();
    let meant = all.filter(|quota| only.is_none_or(|code| code == quota.code));
    let records = meant.map(|quota| record(context, &quota, quota.value)).collect();
    let (records, next) = page(records, context.input, PAGING)?;
    Ok(Document::new().list("Quotas", records).optional("NextToken", next))
}
