//! Amazon RDS: instances and snapshots.

pub mod spec;

#[cfg(feature = "rds")]
mod copy_snapshot;
#[cfg(feature = "rds")]
mod create_snapshot;
#[cfg(feature = "rds")]
mod delete_instance;
#[cfg(feature = "rds")]
mod describe;
#[cfg(feature = "rds")]
mod describe_instance;
#[cfg(feature = "rds")]
mod events;
#[cfg(feature = "rds")]
mod failover;
#[cfg(feature = "rds")]
mod followed;
#[cfg(feature = "rds")]
mod following;
#[cfg(feature = "rds")]
mod instances;
#[cfg(feature = "rds")]
mod latest_snapshot;
#[cfg(feature = "rds")]
mod like_source;
#[cfg(feature = "rds")]
mod made;
#[cfg(feature = "rds")]
mod make_snapshot;
#[cfg(feature = "rds")]
mod marks;
#[cfg(feature = "rds")]
mod modify_instance;
#[cfg(feature = "rds")]
mod promote_replica;
#[cfg(feature = "rds")]
mod reboot_instance;
#[cfg(feature = "rds")]
mod record;
#[cfg(feature = "rds")]
mod rename_instance;
#[cfg(feature = "rds")]
mod replica_lag;
#[cfg(feature = "rds")]
mod restore;
#[cfg(feature = "rds")]
mod restore_from_snapshot;
#[cfg(feature = "rds")]
mod restore_to_point_in_time;
#[cfg(feature = "rds")]
mod settings;
#[cfg(feature = "rds")]
mod snapshots;
#[cfg(feature = "rds")]
mod states;
#[cfg(feature = "rds")]
mod take_away;
#[cfg(all(test, feature = "rds"))]
mod testing;

// For the actions of AWS Backup, which make DB instances too.
#[cfg(feature = "backup")]
pub(crate) use instances::look_at as look_at_instance;
#[cfg(feature = "backup")]
pub(crate) use spec::FAILURE_STATES;
#[cfg(feature = "backup")]
pub(crate) use states::{hint, is_usable};
#[cfg(feature = "backup")]
pub(crate) use take_away::{Backups, DELETE, act as take_away_instance, is_protected};

#[cfg(feature = "resourcegroupstagging")]
pub(crate) use marks::EXPIRES_AFTER;
#[cfg(feature = "rds")]
pub(crate) use record::EventRecord;

/// The kind of an instance, as its actions and its lookout call it.
pub const KIND: &str = "rds:db";

/// The kind of a snapshot.
pub const SNAPSHOT: &str = "rds:snapshot";

/// The kind of an instance that is followed by its resource id, with its events.
pub const FOLLOWED: &str = "rds:db by resource id, with events";

/// The kind of an instance that is looked for by its resource id, and what is left of it when it is gone.
pub const REMAINS: &str = "rds:db by resource id, with what remains";

/// The kind of an instance that a step made, looked for by its name and, where it was renamed, by its tags.
pub const MADE: &str = "rds:db by tags";

/// Puts the actions and lookouts into `registry`.
#[cfg(feature = "rds")]
pub fn register(
    registry: &mut lifeboat_engine::registry::Registry,
    aws: &std::sync::Arc<crate::connect::Aws>,
) {
    use std::sync::Arc;
    registry.add_lookout(Arc::new(followed::FollowedInstances(aws.clone())));
    registry.add_lookout(Arc::new(followed::RemainsOfInstances(aws.clone())));
    registry.add_lookout(Arc::new(instances::Instances(aws.clone())));
    registry.add_lookout(Arc::new(made::MadeInstances(aws.clone())));
    registry.add_lookout(Arc::new(snapshots::Snapshots(aws.clone())));
    registry.add_action(Arc::new(copy_snapshot::CopySnapshot(aws.clone())));
    registry.add_action(Arc::new(create_snapshot::CreateSnapshot(aws.clone())));
    registry.add_action(Arc::new(delete_instance::DeleteInstance(aws.clone())));
    registry.add_action(Arc::new(describe_instance::DescribeInstance(aws.clone())));
    registry.add_action(Arc::new(events::Events(aws.clone())));
    registry.add_action(Arc::new(failover::Failover(aws.clone())));
    registry.add_action(Arc::new(latest_snapshot::LatestSnapshot(aws.clone())));
    registry.add_action(Arc::new(modify_instance::ModifyInstance(aws.clone())));
    registry.add_action(Arc::new(promote_replica::PromoteReplica(aws.clone())));
    registry.add_action(Arc::new(reboot_instance::RebootInstance(aws.clone())));
    registry.add_action(Arc::new(rename_instance::RenameInstance(aws.clone())));
    registry.add_action(Arc::new(restore_from_snapshot::RestoreFromSnapshot(aws.clone())));
    registry.add_action(Arc::new(restore_to_point_in_time::RestoreToPointInTime(aws.clone())));
}
