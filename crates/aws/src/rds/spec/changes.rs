//! Changing instances that are there.

use super::{FAILURE_STATES, INSTANCE};
use crate::rds::KIND;
use lifeboat_runbook::spec::{
    ActionSpec, Effect, Output, Parameter, Readiness, Touch, Type, TypicalDuration,
};

const TOUCHES: &[Touch] = &[Touch { effect: Effect::Modify, parameter: "instance", kind: KIND }];

/// `rds.modify_instance`.
pub const MODIFY_INSTANCE: ActionSpec = ActionSpec {
    name: "rds.modify_instance",
    summary: "Changes settings of a DB instance and waits until they are in force.",
    effect: Some(Effect::Modify),
    cut_over: false,
    parameters: &[
        INSTANCE,
        Parameter::required(
            "changes",
            Type::Map(&Type::Any),
            "New values by the names of the outputs, such as `class`, `multi_az` or `backup_retention_days`.",
        ),
        Parameter::optional(
            "apply_immediately",
            Type::Boolean,
            "Now, unless false: then in the maintenance window, and the step ends when the change is pending.",
        ),
    ],
    outputs: instance_outputs!(),
    touches: TOUCHES,
    readiness: &[Readiness {
        name: "applied",
        summary: "The change was seen to begin, each value is in force, and nothing is pending.",
    }],
    failure_states: FAILURE_STATES,
    calls: &["rds:DescribeDBInstances", "rds:DescribeEvents", "rds:ModifyDBInstance"],
    dependent: &[
        "iam:PassRole",
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
        "kms:DescribeKey",
        "kms:CreateGrant",
    ],
    typical: &[TypicalDuration { what: "until in force", seconds: 180, source: "(assumed)" }],
    timeout_seconds: 7200,
    undo: Some("sends the values from before again; storage does not shrink, and versions do not go back"),
};

/// `rds.rename_instance`.
pub const RENAME_INSTANCE: ActionSpec = ActionSpec {
    name: "rds.rename_instance",
    summary: "Gives a DB instance another identifier, and with it another endpoint; DNS follows in minutes.",
    effect: Some(Effect::Modify),
    cut_over: true,
    parameters: &[
        INSTANCE,
        Parameter::required("to", Type::String, "The new identifier, which nothing may have yet."),
    ],
    outputs: instance_outputs!(),
    touches: TOUCHES,
    readiness: &[Readiness { name: "renamed", summary: "It has the new identifier and takes connections." }],
    failure_states: FAILURE_STATES,
    calls: &["rds:DescribeDBInstances", "rds:DescribeEvents", "rds:ModifyDBInstance"],
    dependent: &[],
    typical: &[TypicalDuration { what: "until renamed, without DNS", seconds: 90, source: "(assumed)" }],
    timeout_seconds: 1800,
    undo: Some("gives it the identifier from before"),
};

/// `rds.reboot_instance`.
pub const REBOOT_INSTANCE: ActionSpec = ActionSpec {
    name: "rds.reboot_instance",
    summary: "Restarts a DB instance where it is; static parameters come into force.",
    effect: Some(Effect::Modify),
    cut_over: false,
    parameters: &[INSTANCE],
    outputs: &[
        Output::new("instance", Type::String, "Its identifier."),
        Output::new("status", Type::String, "Its state, in AWS's words."),
        Output::new("restarted_at", Type::Time, "When RDS says it was restarted.").moment(),
    ],
    touches: TOUCHES,
    readiness: &[Readiness {
        name: "restarted",
        summary: "RDS says that it was restarted, and it is usable.",
    }],
    failure_states: FAILURE_STATES,
    calls: &["rds:DescribeDBInstances", "rds:DescribeEvents", "rds:RebootDBInstance"],
    dependent: &[],
    typical: &[TypicalDuration { what: "until restarted", seconds: 90, source: "(assumed)" }],
    timeout_seconds: 1800,
    undo: None,
};

/// `rds.failover`.
pub const FAILOVER: ActionSpec = ActionSpec {
    name: "rds.failover",
    summary: "Lets the standby of a Multi-AZ DB instance take over; refused where there is no standby.",
    effect: Some(Effect::Modify),
    cut_over: true,
    parameters: &[INSTANCE],
    outputs: &[
        Output::new("instance", Type::String, "Its identifier."),
        Output::new("status", Type::String, "Its state, in AWS's words."),
        Output::new("from_zone", Type::String, "The zone it was in."),
        Output::new("to_zone", Type::String, "The zone its standby was in."),
        Output::new(
            "zone_confirmed",
            Type::Boolean,
            "Whether AWS shows it in that zone; that comes minutes late.",
        ),
        Output::new("started_at", Type::Time, "When RDS says the failover started."),
        Output::new("completed_at", Type::Time, "When RDS says it was completed: the clock.").moment(),
    ],
    touches: TOUCHES,
    readiness: &[
        Readiness { name: "completed", summary: "RDS says that it is completed, and it is usable." },
        Readiness {
            name: "confirmed",
            summary: "AWS also shows it in the other zone; at most 10 minutes later.",
        },
    ],
    failure_states: FAILURE_STATES,
    calls: &[
        "rds:DescribeDBInstances",
        "rds:DescribeEvents",
        "rds:DescribePendingMaintenanceActions",
        "rds:RebootDBInstance",
    ],
    dependent: &[],
    typical: &[TypicalDuration {
        what: "until completed",
        seconds: 120,
        source: "RDS user guide: typically 60 to 120 seconds",
    }],
    timeout_seconds: 1800,
    undo: None,
};

/// `rds.promote_replica`.
pub const PROMOTE_REPLICA: ActionSpec = ActionSpec {
    name: "rds.promote_replica",
    summary: "Makes a read replica a DB instance of its own that takes writes. One way: it never follows again.",
    effect: Some(Effect::Modify),
    cut_over: true,
    parameters: &[
        INSTANCE,
        Parameter::optional(
            "backup_retention_days",
            Type::Integer,
            "How many days its automated backups are kept; else 1, as AWS has it.",
        ),
        Parameter::optional(
            "max_lag",
            Type::Duration,
            "How far it may be behind (CloudWatch's ReplicaLag), else it is refused; must be said in a recovery.",
        ),
    ],
    outputs: instance_outputs!(
        Output::new("former_source", Type::String, "The instance that it followed."),
        Output::new(
            "replica_lag",
            Type::Duration,
            "The most it was behind, in the last minute before service was lost."
        ),
        Output::new("data_time", Type::Time, "Whatever the source took before this is in it, by that lag."),
    ),
    touches: TOUCHES,
    readiness: &[
        Readiness { name: "promoted", summary: "It follows nobody and takes connections." },
        Readiness { name: "available", summary: "It is also `available`: its first backup is done." },
    ],
    failure_states: FAILURE_STATES,
    calls: &[
        "cloudwatch:GetMetricData",
        "rds:DescribeDBInstances",
        "rds:DescribeEvents",
        "rds:PromoteReadReplica",
    ],
    dependent: &[],
    typical: &[TypicalDuration {
        what: "until promoted",
        seconds: 300,
        source: "RDS user guide: a few minutes",
    }],
    timeout_seconds: 3600,
    undo: None,
};
