//! What the actions of RDS say of themselves.

/// What is known of an instance.
macro_rules! instance_outputs {
    ($($more:expr),* $(,)?) => {{
        use crate::rds::spec::{TEXT_LIST, TEXT_MAP};
        use lifeboat_runbook::spec::{Output, Type};
        &[
            Output::new("instance", Type::String, "Its identifier."),
            Output::new("exists", Type::Boolean, "Whether it is there."),
            Output::new("status", Type::String, "Its state, in AWS's words."),
            Output::new("endpoint", Type::String, "The host name to connect to."),
            Output::new("port", Type::Integer, "The port to connect to."),
            Output::new("arn", Type::Arn, "Its ARN."),
            Output::new("resource_id", Type::String, "The id that stays when it is renamed."),
            Output::new("engine", Type::String, "The database engine: `postgres`."),
            Output::new("engine_version", Type::String, "The engine's version."),
            Output::new("class", Type::String, "The instance class: `db.t4g.medium`."),
            Output::new("multi_az", Type::Boolean, "Whether it has a standby in another zone."),
            Output::new("availability_zone", Type::String, "The zone it is in."),
            Output::new("standby_zone", Type::String, "The zone of its standby."),
            Output::new("replica_of", Type::String, "Of a read replica: the instance it follows."),
            Output::new("replicas", TEXT_LIST, "The read replicas that follow it."),
            Output::new("backup_retention_days", Type::Integer, "How many days automated backups are kept; 0: none."),
            Output::new("latest_restorable_time", Type::Time, "The newest time it can be restored to."),
            Output::new("encrypted", Type::Boolean, "Whether its storage is encrypted."),
            Output::new("kms_key", Type::String, "The key of its storage."),
            Output::new("deletion_protection", Type::Boolean, "Whether it refuses to be deleted."),
            Output::new("master_username", Type::String, "The name of the master user."),
            Output::new("master_secret", Type::Arn, "The secret that RDS keeps the master password in."),
            Output::new("database", Type::String, "The name of the first database."),
            Output::new("storage_type", Type::String, "The kind of storage: `gp3`."),
            Output::new("allocated_storage_gib", Type::Integer, "The size of its storage, GiB."),
            Output::new("subnet_group", Type::String, "Its subnet group."),
            Output::new("security_groups", TEXT_LIST, "Its security groups."),
            Output::new("parameter_group", Type::String, "Its parameter group."),
            Output::new("tags", TEXT_MAP, "Its tags."),
            Output::new("pending_changes", Type::Map(&Type::Any), "Changes that were accepted and are not in force."),
            $($more),*
        ]
    }};
}

mod changes;
mod instances;
mod restores;
mod snapshots;

pub use changes::{FAILOVER, MODIFY_INSTANCE, PROMOTE_REPLICA, REBOOT_INSTANCE, RENAME_INSTANCE};
pub use instances::{DELETE_INSTANCE, DESCRIBE_INSTANCE, EVENTS};
pub use restores::{RESTORE_FROM_SNAPSHOT, RESTORE_TO_POINT_IN_TIME};
pub use snapshots::{COPY_SNAPSHOT, CREATE_SNAPSHOT, LATEST_SNAPSHOT};

use lifeboat_runbook::spec::{Parameter, Type};

const TEXT_MAP: Type = Type::Map(&Type::String);
const TEXT_LIST: Type = Type::List(&Type::String);

/// All of them, by name.
pub const ALL: &[&lifeboat_runbook::spec::ActionSpec] = &[
    &COPY_SNAPSHOT,
    &CREATE_SNAPSHOT,
    &DELETE_INSTANCE,
    &DESCRIBE_INSTANCE,
    &EVENTS,
    &FAILOVER,
    &LATEST_SNAPSHOT,
    &MODIFY_INSTANCE,
    &PROMOTE_REPLICA,
    &REBOOT_INSTANCE,
    &RENAME_INSTANCE,
    &RESTORE_FROM_SNAPSHOT,
    &RESTORE_TO_POINT_IN_TIME,
];

/// The DB instance an action is about.
const INSTANCE: Parameter = Parameter::required("instance", Type::String, "The DB instance.");

/// States in which an instance will not become ready (catalogue §3, *rds-fail*).
pub const FAILURE_STATES: &[&str] = &[
    "failed",
    "restore-error",
    "incompatible-restore",
    "incompatible-create",
    "incompatible-network",
    "incompatible-parameters",
    "incompatible-option-group",
    "insufficient-capacity",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "upgrade-failed",
    "storage-full",
    "stopped",
    "deleting",
];
