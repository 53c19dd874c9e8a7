//! Snapshots.

use super::{INSTANCE, TEXT_MAP};
use crate::rds::{KIND, SNAPSHOT};
use lifeboat_runbook::spec::{
    ActionSpec, Effect, Output, Parameter, Readiness, Touch, Type, TypicalDuration,
};

const OUTPUTS: &[Output] = &[
    Output::new("snapshot", Type::String, "Its identifier."),
    Output::new("arn", Type::Arn, "Its ARN."),
    Output::new("status", Type::String, "Its state, in AWS's words."),
    Output::new("instance", Type::String, "The DB instance it was taken of."),
    Output::new("data_time", Type::Time, "The time its data is of."),
    Output::new(
        "data_grade",
        Type::String,
        "`B`: when the last change in it was made; `C`: when it was taken.",
    ),
    Output::new("created_at", Type::Time, "When it was taken; of a copy, when it was copied."),
    Output::new("type", Type::String, "`automated`, `manual` or `awsbackup`."),
    Output::new("engine", Type::String, "The database engine."),
    Output::new("engine_version", Type::String, "The engine's version."),
    Output::new("allocated_storage_gib", Type::Integer, "The size of its storage, GiB."),
    Output::new("encrypted", Type::Boolean, "Whether it is encrypted."),
    Output::new("kms_key", Type::String, "The key it is encrypted with."),
    Output::new("tags", TEXT_MAP, "Its tags."),
];

/// States in which a snapshot will not be complete.
const FAILED: &[&str] = &["failed", "deleting"];

const AVAILABLE: &[Readiness] =
    &[Readiness { name: "available", summary: "It is complete and can be restored from." }];

const UNDO: Option<&str> = Some("deletes the snapshot in a drill; one that a recovery made is kept");

/// `rds.latest_snapshot`.
pub const LATEST_SNAPSHOT: ActionSpec = ActionSpec {
    name: "rds.latest_snapshot",
    summary: "Finds the DB snapshot with the newest data that can be restored from.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[
        Parameter::required("source", Type::String, "The DB instance it was taken of."),
        Parameter::optional(
            "type",
            Type::OneOf(&["automated", "manual", "awsbackup"]),
            "Only snapshots of this type; else automated and manual ones.",
        ),
        Parameter::optional("before", Type::Time, "Only data from before this time."),
        Parameter::optional("max_age", Type::Duration, "Fail where its data is older than this."),
    ],
    outputs: OUTPUTS,
    touches: &[Touch { effect: Effect::Read, parameter: "source", kind: KIND }],
    readiness: &[],
    failure_states: &[],
    calls: &["rds:DescribeDBSnapshots"],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 300,
    undo: None,
};

/// `rds.create_snapshot`.
pub const CREATE_SNAPSHOT: ActionSpec = ActionSpec {
    name: "rds.create_snapshot",
    summary: "Takes a DB snapshot; of a single-AZ instance, I/O stops for a moment.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: &[
        INSTANCE,
        Parameter::optional("snapshot", Type::String, "Its name; else made from runbook, run and step."),
        Parameter::optional("tags", TEXT_MAP, "Tags besides Lifeboat's own."),
    ],
    outputs: OUTPUTS,
    touches: &[Touch { effect: Effect::Create, parameter: "snapshot", kind: SNAPSHOT }],
    readiness: AVAILABLE,
    failure_states: FAILED,
    calls: &["rds:DescribeDBSnapshots", "rds:CreateDBSnapshot", "rds:DeleteDBSnapshot"],
    dependent: &["rds:AddTagsToResource"],
    typical: &[TypicalDuration {
        what: "3 minutes and 1 second for each GiB; the first one longest",
        seconds: 300,
        source: "(assumed)",
    }],
    timeout_seconds: 10_800,
    undo: UNDO,
};

/// `rds.copy_snapshot`.
pub const COPY_SNAPSHOT: ActionSpec = ActionSpec {
    name: "rds.copy_snapshot",
    summary: "Copies a DB snapshot into the Region of the run; a copy keeps the time of its data in a tag.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: &[
        Parameter::required(
            "source",
            Type::String,
            "The snapshot to copy; its ARN where it is in another Region.",
        ),
        Parameter::optional(
            "snapshot",
            Type::String,
            "The copy's name; else made from runbook, run and step.",
        ),
        Parameter::optional(
            "kms_key",
            Type::String,
            "The key of the copy; must be given where an encrypted one comes from another Region.",
        ),
        Parameter::optional("option_group", Type::String, "The copy's option group."),
        Parameter::optional("copy_tags", Type::Boolean, "Carry the original's tags too; not unless said."),
        Parameter::optional("tags", TEXT_MAP, "Tags besides Lifeboat's own."),
    ],
    outputs: OUTPUTS,
    touches: &[Touch { effect: Effect::Create, parameter: "snapshot", kind: SNAPSHOT }],
    readiness: AVAILABLE,
    failure_states: FAILED,
    calls: &["rds:DescribeDBSnapshots", "rds:CopyDBSnapshot", "rds:DeleteDBSnapshot"],
    dependent: &["rds:AddTagsToResource", "kms:CreateGrant", "kms:DescribeKey"],
    typical: &[TypicalDuration { what: "to another Region", seconds: 720, source: "(assumed)" }],
    timeout_seconds: 21_600,
    undo: UNDO,
};
