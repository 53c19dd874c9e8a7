//! How alarms are looked at: a hundred in one call.

use super::ALARM;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::times::time;
use async_trait::async_trait;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, MetricAlarm};
use lifeboat_engine::action::{ActionError, Place};
use lifeboat_engine::lookout::{Lookout, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks at alarms.
pub struct Alarms(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for Alarms {
    fn kind(&self) -> &'static str {
        ALARM
    }

    /// DescribeAlarms takes a hundred names (API reference, AlarmNames).
    fn batch(&self) -> usize {
        100
    }

    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn fold(&self, id: &str) -> String {
        id.to_owned()
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let call = self.0.cloudwatch(&place.region).describe_alarms().set_alarm_names(Some(ids.to_vec()));
        // Who names no types gets no composite alarms (API reference, AlarmTypes).
        let call = call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        let metric = reply.metric_alarms().iter().map(of_metric);
        let mut seen: BTreeMap<String, Seen> = metric
            .chain(reply.composite_alarms().iter().map(of_rule))
            .map(|seen| (seen.id.clone(), seen))
            .collect();
        Ok(ids.iter().map(|id| seen.remove(id).unwrap_or_else(|| Seen::absent(id))).collect())
    }
}

fn of_metric(alarm: &MetricAlarm) -> Seen {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    Seen {
        id: alarm.alarm_name().unwrap_or_default().to_owned(),
        exists: true,
        state: alarm.state_value().map(|state| state.as_str().to_owned()),
        attributes: BTreeMap::from([
            ("arn".to_owned(), alarm.alarm_arn().into()),
            ("evaluation".to_owned(), alarm.evaluation_state().map(|state| state.as_str()).into()),
            ("reason".to_owned(), alarm.state_reason().into()),
            ("since".to_owned(), time(since).into()),
        ]),
        ..Seen::default()
    }
}

fn of_rule(alarm: &CompositeAlarm) -> Seen {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    Seen {
        id: alarm.alarm_name().unwrap_or_default().to_owned(),
        exists: true,
        state: alarm.state_value().map(|state| state.as_str().to_owned()),
        attributes: BTreeMap::from([
            ("arn".to_owned(), alarm.alarm_arn().into()),
            ("reason".to_owned(), alarm.state_reason().into()),
            ("since".to_owned(), time(since).into()),
        ]),
        ..Seen::default()
    }
}
