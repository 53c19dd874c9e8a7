//! Actions on AWS, a module per service: `spec.rs` is plain data and always compiled, the code behind it has the
//! service's cargo feature. Without features this crate is the catalogue, and builds nothing of the AWS SDK.
//!
//! Order of use: [`catalog`] for checking; `Aws` and `register` for running.
//!
//! This room must not know the journal's format, reports or the terminal.

pub mod backup;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod iam;
pub mod quotas;
pub mod rds;
pub mod secretsmanager;
pub mod ssm;
pub mod sts;

#[cfg(any(feature = "backup", feature = "secretsmanager", feature = "ssm"))]
mod called;
#[cfg(feature = "sdk")]
mod connect;
#[cfg(feature = "sdk")]
mod credentials;
#[cfg(feature = "sdk")]
mod errors;
#[cfg(feature = "resourcegroupstagging")]
pub mod leftovers;
#[cfg(feature = "sdk")]
mod mfa;
#[cfg(feature = "signed")]
mod signed;
#[cfg(feature = "sdk")]
mod skew;
#[cfg(feature = "sns")]
mod sns;
#[cfg(any(feature = "backup", feature = "cloudwatch", feature = "ssm"))]
mod times;

#[cfg(feature = "sdk")]
pub use connect::Aws;
#[cfg(feature = "sdk")]
pub use credentials::{Role, SESSION};
#[cfg(feature = "sdk")]
pub use mfa::Mfa;
#[cfg(feature = "sns")]
pub use sns::Topics;

use lifeboat_runbook::spec::ActionSpec;

/// What every action of this room says of itself.
pub fn catalog() -> Vec<&'static ActionSpec> {
    let others = [
        &backup::spec::LATEST_RECOVERY_POINT,
        &backup::spec::PUT_VALIDATION_RESULT,
        &backup::spec::START_BACKUP,
        &backup::spec::START_RESTORE,
        &cloudwatch::spec::GET_METRIC,
        &cloudwatch::spec::WAIT_FOR_ALARM,
        &quotas::spec::HEADROOM,
        &secretsmanager::spec::UPDATE_KEYS,
        &ssm::spec::GET_PARAMETER,
        &ssm::spec::PUT_PARAMETER,
        &ssm::spec::RUN_COMMAND,
        &ssm::spec::START_AUTOMATION,
        &sts::spec::IDENTITY,
    ];
    [rds::spec::ALL, &others].concat()
}

/// Puts the actions of this build and their lookouts into `registry`.
#[cfg(feature = "all")]
pub fn register(registry: &mut lifeboat_engine::registry::Registry, aws: &std::sync::Arc<Aws>) {
    use std::sync::Arc;
    rds::register(registry, aws);
    registry.add_action(Arc::new(backup::LatestRecoveryPoint(aws.clone())));
    registry.add_action(Arc::new(backup::PutValidationResult(aws.clone())));
    registry.add_action(Arc::new(backup::StartBackup(aws.clone())));
    registry.add_action(Arc::new(backup::StartRestore(aws.clone())));
    registry.add_lookout(Arc::new(backup::BackupJobs(aws.clone())));
    registry.add_lookout(Arc::new(backup::RestoreJobs(aws.clone())));
    registry.add_lookout(Arc::new(cloudwatch::Alarms(aws.clone())));
    registry.add_action(Arc::new(cloudwatch::GetMetric(aws.clone())));
    registry.add_action(Arc::new(cloudwatch::WaitForAlarm));
    registry.add_action(Arc::new(quotas::Headroom(aws.clone())));
    registry.add_lookout(Arc::new(secretsmanager::Secrets(aws.clone())));
    registry.add_action(Arc::new(secretsmanager::UpdateKeys(aws.clone())));
    registry.add_lookout(Arc::new(ssm::Parameters(aws.clone())));
    registry.add_action(Arc::new(ssm::GetParameter(aws.clone())));
    registry.add_action(Arc::new(ssm::PutParameter(aws.clone())));
    registry.add_lookout(Arc::new(ssm::Commands(aws.clone())));
    registry.add_action(Arc::new(ssm::RunCommand::new(aws.clone())));
    registry.add_lookout(Arc::new(ssm::Executions(aws.clone())));
    registry.add_action(Arc::new(ssm::StartAutomation(aws.clone())));
    registry.add_action(Arc::new(sts::SayIdentity(aws.clone())));
}

/// The records that AWS keeps by itself, in the order in which they are named to people.
#[cfg(feature = "all")]
pub fn records(aws: &std::sync::Arc<Aws>) -> Vec<Box<dyn lifeboat_engine::record::RecordSource>> {
    vec![
        Box::new(cloudwatch::AlarmHistory(aws.clone())),
        Box::new(rds::EventRecord(aws.clone())),
        Box::new(cloudtrail::Trail(aws.clone())),
    ]
}
