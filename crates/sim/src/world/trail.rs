//! The trail: who changed what, as CloudTrail's event history has it.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::Value;

use super::{Place, World};
use crate::definition::Caller;
use crate::durations::TRAIL_LATENESS;

/// A call that was accepted and changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailEvent {
    /// When, whole seconds.
    pub at: DateTime<Utc>,
    /// When LookupEvents begins to list it.
    pub visible_at: DateTime<Utc>,
    /// EventId.
    pub id: String,
    /// The request's id, as its reply had it.
    pub request_id: String,
    /// The service's principal: `rds.amazonaws.com`.
    pub source: String,
    /// The operation.
    pub operation: &'static str,
    /// Who called.
    pub caller: Caller,
    /// What it was about: types and names.
    pub resources: Vec<(&'static str, String)>,
}

impl TrailEvent {
    /// The last part of the caller's ARN: the session's name.
    pub fn username(&self) -> &str {
        self.caller.arn.rsplit('/').next().unwrap_or_default()
    }
}

/// A call on its way into the trail.
pub(crate) struct Trace<'call> {
    /// The account and Region it acted on.
    pub(crate) place: &'call Place,
    /// Who called.
    pub(crate) caller: &'call Caller,
    /// The service's signing name.
    pub(crate) service: &'static str,
    /// The operation.
    pub(crate) operation: &'static str,
    /// The number of the request: looks are counted too.
    pub(crate) request: u64,
    /// The number of its line in the world's log: only what was accepted is counted.
    pub(crate) accepted: u64,
    /// Its parameters; only names of resources are taken from them, never what could be a secret.
    pub(crate) params: &'call BTreeMap<String, Value>,
}

/// The parameters that name resources, with their types.
const RESOURCES: [(&str, &str); 12] = [
    ("DBInstanceIdentifier", "AWS::RDS::DBInstance"),
    ("TargetDBInstanceIdentifier", "AWS::RDS::DBInstance"),
    ("SourceDBInstanceIdentifier", "AWS::RDS::DBInstance"),
    ("DBSnapshotIdentifier", "AWS::RDS::DBSnapshot"),
    ("TargetDBSnapshotIdentifier", "AWS::RDS::DBSnapshot"),
    ("SourceDBSnapshotIdentifier", "AWS::RDS::DBSnapshot"),
    ("ResourceName", "AWS::RDS::DBInstance"),
    ("SecretId", "AWS::SecretsManager::Secret"),
    ("AlarmName", "AWS::CloudWatch::Alarm"),
    ("RecoveryPointArn", "AWS::Backup::RecoveryPoint"),
    ("DocumentName", "AWS::SSM::Document"),
    ("RoleArn", "AWS::IAM::Role"),
];

impl World {
    /// Takes a call that changed something into the trail; it becomes visible some minutes later.
    pub(crate) fn trace(&mut self, trace: &Trace<'_>) {
        let request_id = self.chance.request_id(trace.request);
        let number = trace.accepted.to_string();
        let id = self.chance.uuid(&["trail", &number]);
        let (least, most) = TRAIL_LATENESS;
        let late = self.chance.seconds("trail", &number, least, most);
        let named = RESOURCES.iter().filter_map(|(parameter, kind)| {
            let name = trace.params.get(*parameter)?.as_str()?;
            Some((*kind, name.to_owned()))
        });
        let event = TrailEvent {
            at: self.now.trunc_subsecs(0),
            visible_at: self.now + late,
            id,
            request_id,
            source: format!("{}.amazonaws.com", trace.service),
            operation: trace.operation,
            caller: trace.caller.clone(),
            resources: named.collect(),
        };
        self.region_mut(trace.place).trail.push(event);
    }
}
