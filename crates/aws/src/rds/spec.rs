//! What the actions of RDS say of themselves.

use lifeboat_runbook::spec::{
    ActionSpec, Effect, Output, Parameter, Readiness, Touch, Type, TypicalDuration,
};

const TEXT_MAP: Type = Type::Map(&Type::String);
const TEXT_LIST: Type = Type::List(&Type::String);

/// What is known of an instance.
macro_rules! instance_outputs {
    ($($more:expr),* $(,)?) => {
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
            Output::new("backup_retention_days", Type::Integer, "How many days automated backups are kept; 0: none."),
            Output::new("latest_restorable_time", Type::Time, "The newest time it can be restored to."),
            Output::new("encrypted", Type::Boolean, "Whether its storage is encrypted."),
            Output::new("kms_key", Type::String, "The key of its storage."),
            Output::new("deletion_protection", Type::Boolean, "Whether it refuses to be deleted."),
            Output::new("master_username", Type::String, "The name of the master user."),
            Output::new("database", Type::String, "The name of the first database."),
            Output::new("storage_type", Type::String, "The kind of storage: `gp3`."),
            Output::new("allocated_storage_gib", Type::Integer, "The size of its storage, GiB."),
            Output::new("subnet_group", Type::String, "Its subnet group."),
            Output::new("security_groups", TEXT_LIST, "Its security groups."),
            Output::new("parameter_group", Type::String, "Its parameter group."),
            Output::new("tags", TEXT_MAP, "Its tags."),
            $($more),*
        ]
    };
}

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

/// `rds.describe_instance`.
pub const DESCRIBE_INSTANCE: ActionSpec = ActionSpec {
    name: "rds.describe_instance",
    summary: "Reads what is known of a DB instance; that it is absent is a result too.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[Parameter::required("instance", Type::String, "The DB instance.")],
    outputs: instance_outputs!(),
    touches: &[Touch { effect: Effect::Read, parameter: "instance", kind: super::KIND }],
    readiness: &[],
    failure_states: &[],
    calls: &["rds:DescribeDBInstances"],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 300,
    undo: None,
};

/// `rds.restore_to_point_in_time`.
pub const RESTORE_TO_POINT_IN_TIME: ActionSpec = ActionSpec {
    name: "rds.restore_to_point_in_time",
    summary: "Restores a DB instance beside its source, as it was at a time, with the source's network and parameters.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: &[
        Parameter::required(
            "source",
            Type::String,
            "The DB instance, its resource id, or the ARN of its automated backup.",
        ),
        Parameter::required("time", Type::RestoreTime, "A time, one before now (`-40m`), or `latest`."),
        Parameter::optional(
            "instance",
            Type::String,
            "The name of what is made; else made from runbook, run and step.",
        ),
        Parameter::optional("class", Type::String, "The instance class; else the source's."),
        Parameter::optional("availability_zone", Type::String, "The zone; else AWS chooses."),
        Parameter::optional(
            "multi_az",
            Type::Boolean,
            "With a standby; else as the source, in a drill without.",
        ),
        Parameter::optional("subnet_group", Type::String, "The subnet group; else the source's."),
        Parameter::optional("security_groups", TEXT_LIST, "The security groups; else the source's."),
        Parameter::optional("parameter_group", Type::String, "The parameter group; else the source's."),
        Parameter::optional("option_group", Type::String, "The option group; else the source's."),
        Parameter::optional(
            "deletion_protection",
            Type::Boolean,
            "Protect it from deletion; else as the source, in a drill not.",
        ),
        Parameter::optional(
            "like_source",
            TEXT_LIST,
            "Carry over only these settings; else all that can be.",
        ),
        Parameter::optional("tags", TEXT_MAP, "Tags besides Lifeboat's own."),
    ],
    outputs: instance_outputs!(
        Output::new("data_time", Type::Time, "The time its data is of."),
        Output::new("not_restored", TEXT_LIST, "What the source has and the copy has not."),
    ),
    touches: &[Touch { effect: Effect::Create, parameter: "instance", kind: super::KIND }],
    readiness: &[
        Readiness {
            name: "usable",
            summary: "It has an endpoint and takes connections; `backing-up` may go on.",
        },
        Readiness { name: "available", summary: "It is `available`, and nothing about it is pending." },
        Readiness {
            name: "hydrated",
            summary: "Its storage was seen to be loaded; where AWS does not show that, it never is.",
        },
    ],
    failure_states: FAILURE_STATES,
    calls: &[
        "rds:DescribeDBInstances",
        "rds:DescribeDBInstanceAutomatedBackups",
        "rds:RestoreDBInstanceToPointInTime",
        "rds:ModifyDBInstance",
        "rds:DeleteDBInstance",
    ],
    dependent: &["rds:AddTagsToResource", "kms:CreateGrant", "kms:DescribeKey", "iam:PassRole"],
    typical: &[TypicalDuration {
        what: "until usable, 20 to 100 GiB",
        seconds: 960,
        source: "user reports of 10 to 40 minutes; AWS publishes none",
    }],
    timeout_seconds: 10_800,
    undo: Some("deletes the instance, with its automated backups and without a final snapshot"),
};

/// `rds.delete_instance`.
pub const DELETE_INSTANCE: ActionSpec = ActionSpec {
    name: "rds.delete_instance",
    summary: "Deletes a DB instance for good; its deletion protection is switched off first.",
    effect: Some(Effect::Destroy),
    cut_over: false,
    parameters: &[
        Parameter::required("instance", Type::String, "The DB instance."),
        Parameter::required("skip_final_snapshot", Type::Boolean, "Whether to keep no snapshot of it."),
        Parameter::optional("final_snapshot", Type::String, "The name of the snapshot to keep."),
        Parameter::optional(
            "delete_automated_backups",
            Type::Boolean,
            "Delete its backups too: in a drill unless said otherwise; must be said in a recovery.",
        ),
    ],
    outputs: &[Output::new("instance", Type::String, "The instance that is gone.")],
    touches: &[Touch { effect: Effect::Destroy, parameter: "instance", kind: super::KIND }],
    readiness: &[Readiness { name: "gone", summary: "AWS does not know it any more." }],
    failure_states: &[],
    calls: &["rds:DescribeDBInstances", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
    dependent: &[],
    typical: &[TypicalDuration { what: "until gone", seconds: 240, source: "(assumed)" }],
    timeout_seconds: 3600,
    undo: None,
};
