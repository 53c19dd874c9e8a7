//! Looking at instances and deleting them.

use super::INSTANCE;
use crate::rds::KIND;
use lifeboat_runbook::spec::{
    ActionSpec, Effect, Output, Parameter, Readiness, Touch, Type, TypicalDuration,
};

/// `rds.describe_instance`.
pub const DESCRIBE_INSTANCE: ActionSpec = ActionSpec {
    name: "rds.describe_instance",
    summary: "Reads what is known of a DB instance; that it is absent is a result too.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[INSTANCE],
    outputs: instance_outputs!(),
    touches: &[Touch { effect: Effect::Read, parameter: "instance", kind: KIND }],
    readiness: &[],
    failure_states: &[],
    calls: &["rds:DescribeDBInstances"],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 300,
    undo: None,
};

/// `rds.events`.
pub const EVENTS: ActionSpec = ActionSpec {
    name: "rds.events",
    summary: "Reads what RDS says has happened; its events come up to a minute late, and now and then not at all.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[
        Parameter::optional("instance", Type::String, "Events of this DB instance only."),
        Parameter::optional("snapshot", Type::String, "Events of this DB snapshot only."),
        Parameter::optional("cluster", Type::String, "Events of this DB cluster only."),
        Parameter::optional("parameter_group", Type::String, "Events of this parameter group only."),
        Parameter::optional("since", Type::Time, "The earliest; else two minutes before the run began."),
        Parameter::optional("match", Type::String, "Only texts that contain this; case does not matter."),
    ],
    outputs: &[
        Output::new(
            "events",
            Type::List(&Type::Map(&Type::Any)),
            "Oldest first: `at`, `text`, `categories`, `source`.",
        ),
        Output::new("count", Type::Integer, "How many there are."),
        Output::new("newest_at", Type::Time, "When the newest happened."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &["rds:DescribeEvents"],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 300,
    undo: None,
};

/// `rds.delete_instance`.
pub const DELETE_INSTANCE: ActionSpec = ActionSpec {
    name: "rds.delete_instance",
    summary: "Deletes a DB instance for good; its deletion protection is switched off first.",
    effect: Some(Effect::Destroy),
    cut_over: false,
    parameters: &[
        INSTANCE,
        Parameter::required("skip_final_snapshot", Type::Boolean, "Whether to keep no snapshot of it."),
        Parameter::optional("final_snapshot", Type::String, "The name of the snapshot to keep."),
        Parameter::optional(
            "delete_automated_backups",
            Type::Boolean,
            "Delete its backups too: in a drill unless said otherwise; must be said in a recovery.",
        ),
    ],
    outputs: &[
        Output::new("instance", Type::String, "The instance that is gone."),
        Output::new("final_snapshot", Type::String, "The snapshot that was kept of it."),
    ],
    touches: &[Touch { effect: Effect::Destroy, parameter: "instance", kind: KIND }],
    readiness: &[Readiness {
        name: "gone",
        summary: "AWS does not know it any more, nor backups of it that were to go.",
    }],
    failure_states: &[],
    calls: &[
        "rds:DescribeDBInstances",
        "rds:DescribeDBInstanceAutomatedBackups",
        "rds:DeleteDBInstance",
        "rds:ModifyDBInstance",
    ],
    // A final snapshot.
    dependent: &["rds:CreateDBSnapshot"],
    typical: &[TypicalDuration { what: "until gone", seconds: 240, source: "(assumed)" }],
    timeout_seconds: 3600,
    undo: None,
};
