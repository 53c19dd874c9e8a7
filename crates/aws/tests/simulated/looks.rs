//! `quotas.headroom`, `cloudwatch.get_metric` and `cloudwatch.wait_for_alarm`.

use crate::bench::Bench;
use lifeboat_engine::action::{ActionError, Observation};
use lifeboat_runbook::units::parse_time;
use lifeboat_runbook::value::Value;
use lifeboat_sim::definition::{MetricDefinition, MetricValue, UsageMetricDefinition};

async fn headroom(bench: &Bench, service: &str, quota: &str, need: i64) -> Result<Observation, ActionError> {
    let with = [("service", service.into()), ("quota", quota.into()), ("need", Value::Int(need))];
    let step = bench.step("quotas.headroom", &with);
    step.action.observe(&step.cx).await
}

#[tokio::test(start_paused = true)]
async fn rds_counts_for_itself() {
    let bench = Bench::new(Vec::new());
    for quota in ["DB instances", "db instances", "DBInstances", "L-7B6409FD"] {
        let Ok(Observation::Ready(outputs)) = headroom(&bench, "rds", quota, 39).await else {
            panic!("{quota} has room for 39")
        };
        let numbers = ["limit", "used", "left"].map(|name| outputs[name].clone());
        assert_eq!(numbers, [Value::Float(40.0), Value::Float(1.0), Value::Float(39.0)]);
        let error = headroom(&bench, "rds", quota, 40).await.expect_err("one too many");
        assert_eq!(error.code, "quota");
        assert!(error.message.ends_with("leaves no room for 40 more: limit 40, 1 used"), "{}", error.message);
    }
}

#[tokio::test(start_paused = true)]
async fn of_other_services_only_the_limit_is_known() {
    let bench = Bench::new(Vec::new());
    for quota in ["Fargate On-Demand vCPU resource count", "L-3032A538"] {
        let Ok(Observation::Ready(outputs)) = headroom(&bench, "fargate", quota, 6).await else {
            panic!("{quota} has room for 6")
        };
        assert_eq!((&outputs["limit"], &outputs["left"]), (&Value::Float(6.0), &Value::Null));
        assert_eq!(headroom(&bench, "fargate", quota, 7).await.expect_err("too many").code, "quota");
    }
    let error = headroom(&bench, "fargate", "no such quota", 1).await.expect_err("unknown");
    assert_eq!(error.code, "NoSuchResourceException");
}

/// In the default world this alarm is OK, from 09:02 on in ALARM, from 09:25 on OK again.
const ALARM: &str = "orders-api-5xx";

#[tokio::test(start_paused = true)]
async fn an_alarm_is_waited_for() {
    let bench = Bench::new(Vec::new());
    let mut step =
        bench.step("cloudwatch.wait_for_alarm", &[("alarm", ALARM.into()), ("state", "ALARM".into())]);
    assert_eq!(step.look().await, Observation::InProgress { state: "OK".into() });
    let outputs = step.ready().await;
    assert_eq!(outputs["since"], parse_time("2026-01-05T09:02:00Z").expect("a time").into());
    assert!(outputs["reason"].to_string().starts_with("Threshold Crossed"), "{outputs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_state_must_hold() {
    let bench = Bench::new(Vec::new());
    bench.pass(26 * 60);
    let hold = chrono::TimeDelta::minutes(10).into();
    let with = [("alarm", ALARM.into()), ("state", "OK".into()), ("hold", hold)];
    let mut step = bench.step("cloudwatch.wait_for_alarm", &with);
    assert_eq!(step.look().await, Observation::InProgress { state: "OK".into() });
    step.ready().await;
    let waited = step.cx.now - step.cx.run_started_at;
    assert!((530..=550).contains(&waited.num_seconds()), "ten minutes from 09:25: {waited}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_not_there_is_not_waited_for() {
    let bench = Bench::new(Vec::new());
    for name in ["no-such-alarm", "Orders-API-5xx"] {
        let with = [("alarm", name.into()), ("state", "OK".into())];
        let seen = bench.step("cloudwatch.wait_for_alarm", &with).look().await;
        assert!(matches!(&seen, Observation::Broken { state, .. } if state == "missing"), "{name}: {seen:?}");
    }
}

#[tokio::test]
async fn what_is_used_is_read_from_the_metric_that_service_quotas_names() {
    let usage = UsageMetricDefinition {
        namespace: "AWS/Usage".into(),
        metric: "ResourceCount".into(),
        dimensions: [("Service", "Fargate"), ("Resource", "vCPU")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        statistic: "Maximum".into(),
    };
    let bench = Bench::with(Vec::new(), |world| {
        let from = world.start - chrono::TimeDelta::hours(1);
        let region = world.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
        let values = vec![MetricValue { from, value: Some(4.0) }];
        let (namespace, metric) = (usage.namespace.clone(), usage.metric.clone());
        region.metrics.push(MetricDefinition {
            namespace,
            metric,
            dimensions: usage.dimensions.clone(),
            unit: None,
            values,
        });
        region.quotas[0].usage_metric = Some(usage);
    });
    let Ok(Observation::Ready(outputs)) = headroom(&bench, "fargate", "L-3032A538", 2).await else {
        panic!("2 of 6 are left");
    };
    assert_eq!((&outputs["used"], &outputs["left"]), (&Value::Float(4.0), &Value::Float(2.0)));
    let error = headroom(&bench, "fargate", "L-3032A538", 3).await.expect_err("one too many");
    assert_eq!((error.code.as_str(), error.message.contains("4 used")), ("quota", true), "{error:?}");
}

/// A metric of the default Region with a value each five minutes of the last fifteen: 30, 20, 40.
fn measured() -> Bench {
    Bench::with(Vec::new(), |world| {
        let start = world.start;
        let region = world.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
        let value = |(ago, value): (i64, f64)| MetricValue {
            from: start - chrono::TimeDelta::minutes(ago),
            value: Some(value),
        };
        region.metrics.push(MetricDefinition {
            namespace: "Orders".into(),
            metric: "QueueDepth".into(),
            dimensions: [("Queue".to_owned(), "refunds".to_owned())].into(),
            unit: Some("Count".into()),
            values: [(15, 30.0), (10, 20.0), (5, 40.0)].map(value).to_vec(),
        });
    })
}

async fn depth(bench: &Bench, more: &[(&str, Value)]) -> Result<Observation, ActionError> {
    let dimensions = Value::Map([("Queue".to_owned(), "refunds".into())].into());
    let mut with = vec![("namespace", "Orders".into()), ("metric", "QueueDepth".into())];
    with.push(("dimensions", dimensions));
    with.extend(more.iter().cloned());
    let step = bench.step("cloudwatch.get_metric", &with);
    step.action.observe(&step.cx).await
}

#[tokio::test(start_paused = true)]
async fn a_metric_tells_its_newest_value_and_the_range() {
    let bench = measured();
    let Ok(Observation::Ready(outputs)) = depth(&bench, &[]).await else { panic!("it can be read") };
    let numbers = ["value", "minimum", "maximum"].map(|name| outputs[name].clone());
    assert_eq!(numbers, [40.0, 20.0, 40.0].map(Value::Float), "{outputs:?}");
    // Its minutes are there when CloudWatch has them, some minutes later.
    let newest = parse_time("2026-01-05T08:56:00Z").expect("a time");
    assert_eq!(outputs["at"], newest.into());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_measured_is_nothing_and_not_zero() {
    let bench = measured();
    for more in [("metric", "NoSuchMetric".into()), ("unit", "Bytes".into())] {
        let Ok(Observation::Ready(outputs)) = depth(&bench, &[more]).await else { panic!("an answer") };
        assert_eq!(
            (&outputs["value"], &outputs["at"], &outputs["count"]),
            (&Value::Null, &Value::Null, &Value::Int(0))
        );
    }
    let odd = Value::Duration(chrono::TimeDelta::seconds(90));
    assert_eq!(depth(&bench, &[("period", odd)]).await.expect_err("no such period").code, "parameter");
}
