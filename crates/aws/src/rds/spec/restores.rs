//! Restoring instances: what both ways have in common stands once.

use super::{FAILURE_STATES, TEXT_LIST, TEXT_MAP};
use crate::rds::KIND;
use lifeboat_runbook::spec::{ActionSpec, Effect, Parameter, Readiness, Touch, Type, TypicalDuration};

/// What can be said of the instance that is made.
macro_rules! restore_parameters {
    ($($first:expr),* $(,)?) => {
        &[
            $($first),*,
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
        ]
    };
}

const READINESS: &[Readiness] = &[
    Readiness {
        name: "usable",
        summary: "It has an endpoint and takes connections; `backing-up` may go on.",
    },
    Readiness {
        name: "available",
        summary: "It is `available`, has the settings that only a later change can give, and nothing is pending.",
    },
    Readiness {
        name: "hydrated",
        summary: "Its storage was seen to be loaded; where AWS does not show that, it never is.",
    },
];

/// What AWS needs besides, and what only some restores call: settings that a change afterwards gives, with roles and
/// secrets for enhanced monitoring and a managed master password; IAM roles; a reboot for static parameters.
macro_rules! dependent {
    ($($more:expr),*) => {
        &[
            $($more,)*
            "rds:ModifyDBInstance",
            "rds:AddRoleToDBInstance",
            "rds:RebootDBInstance",
            "rds:AddTagsToResource",
            "kms:CreateGrant",
            "kms:DescribeKey",
            "iam:PassRole",
            "secretsmanager:CreateSecret",
            "secretsmanager:TagResource",
        ]
    };
}

const TYPICAL: &[TypicalDuration] = &[TypicalDuration {
    what: "until usable, 20 to 100 GiB",
    seconds: 960,
    source: "user reports of 10 to 40 minutes; AWS publishes none",
}];

const UNDO: Option<&str> =
    Some("deletes the instance, with its automated backups and without a final snapshot");

/// `rds.restore_from_snapshot`.
pub const RESTORE_FROM_SNAPSHOT: ActionSpec = ActionSpec {
    name: "rds.restore_from_snapshot",
    summary: "Restores a DB instance from a snapshot, with the network and parameters of the instance it was taken of.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: restore_parameters!(
        Parameter::required(
            "snapshot",
            Type::String,
            "The DB snapshot, its ARN, or `latest`: the newest of `source`.",
        ),
        Parameter::optional(
            "source",
            Type::String,
            "The DB instance to be like; else the one the snapshot was taken of.",
        ),
        Parameter::optional("max_age", Type::Duration, "With `latest`: refuse one whose data is older."),
    ),
    outputs: instance_outputs!(
        Output::new("snapshot", Type::String, "The snapshot it was restored from."),
        Output::new("data_time", Type::Time, "The time its data is of."),
        Output::new("not_restored", TEXT_LIST, "What the source has and the copy has not."),
    ),
    touches: &[Touch { effect: Effect::Create, parameter: "instance", kind: KIND }],
    readiness: READINESS,
    failure_states: FAILURE_STATES,
    calls: &[
        "rds:DescribeCertificates",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
        "rds:RestoreDBInstanceFromDBSnapshot",
        "rds:DeleteDBInstance",
    ],
    dependent: dependent!(),
    typical: TYPICAL,
    timeout_seconds: 10_800,
    undo: UNDO,
};

/// `rds.restore_to_point_in_time`.
pub const RESTORE_TO_POINT_IN_TIME: ActionSpec = ActionSpec {
    name: "rds.restore_to_point_in_time",
    summary: "Restores a DB instance beside its source, as it was at a time, with the source's network and parameters.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: restore_parameters!(
        Parameter::required(
            "source",
            Type::String,
            "The DB instance, its resource id, or the ARN of its automated backup.",
        ),
        Parameter::required("time", Type::RestoreTime, "A time, one before now (`-40m`), or `latest`."),
    ),
    outputs: instance_outputs!(
        Output::new("data_time", Type::Time, "The time its data is of."),
        Output::new("not_restored", TEXT_LIST, "What the source has and the copy has not."),
    ),
    touches: &[Touch { effect: Effect::Create, parameter: "instance", kind: KIND }],
    readiness: READINESS,
    failure_states: FAILURE_STATES,
    calls: &[
        "rds:DescribeCertificates",
        "rds:DescribeDBInstances",
        "rds:RestoreDBInstanceToPointInTime",
        "rds:DeleteDBInstance",
    ],
    // Where the source is gone, its automated backup says what it can.
    dependent: dependent!("rds:DescribeDBInstanceAutomatedBackups"),
    typical: TYPICAL,
    timeout_seconds: 10_800,
    undo: UNDO,
};
