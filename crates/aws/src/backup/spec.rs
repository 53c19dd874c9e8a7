//! What the actions of AWS Backup say of themselves.

use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Readiness, Type, TypicalDuration};

/// `backup.latest_recovery_point`.
pub const LATEST_RECOVERY_POINT: ActionSpec = ActionSpec {
    name: "backup.latest_recovery_point",
    summary: "Finds the newest recovery point that can be restored now: complete, in warm storage, without malware found.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[
        Parameter::optional("resource", Type::Arn, "Of this resource; it or `vault` must be given."),
        Parameter::optional("vault", Type::String, "In this vault."),
        Parameter::optional("before", Type::Time, "Created no later than this."),
        Parameter::optional("max_age", Type::Duration, "An older one fails the step."),
        Parameter::optional(
            "allow_continuous",
            Type::Boolean,
            "Whether a continuous one counts, which is restored to a time; false unless said.",
        ),
    ],
    outputs: &[
        Output::new("recovery_point", Type::Arn, "Its ARN."),
        Output::new("vault", Type::String, "The vault it is in."),
        Output::new("resource", Type::Arn, "The resource it is of."),
        Output::new("resource_type", Type::String, "RDS, DynamoDB, …"),
        Output::new("data_time", Type::Time, "When it was created; its data is not older than that."),
        Output::new(
            "passed_over",
            Type::List(&Type::String),
            "Newer ones that cannot be restored now, and why.",
        ),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &["backup:DescribeRecoveryPoint"],
    // By vault where one is named, else by resource.
    dependent: &["backup:ListRecoveryPointsByBackupVault", "backup:ListRecoveryPointsByResource"],
    typical: &[TypicalDuration { what: "the answer", seconds: 2, source: "(assumed)" }],
    timeout_seconds: 120,
    undo: None,
};

/// `backup.put_validation_result`.
pub const PUT_VALIDATION_RESULT: ActionSpec = ActionSpec {
    name: "backup.put_validation_result",
    summary: "Tells AWS Backup what became of a restore. A job that takes no verdict is a note and no failure.",
    effect: Some(Effect::Modify),
    cut_over: false,
    parameters: &[
        Parameter::required("restore_job", Type::String, "The id of the restore job."),
        Parameter::required(
            "status",
            Type::OneOf(&["SUCCESSFUL", "FAILED", "TIMED_OUT", "VALIDATING"]),
            "The verdict.",
        ),
        Parameter::optional("message", Type::String, "Why."),
    ],
    outputs: &[
        Output::new("status", Type::String, "The verdict that the job has now; null if it takes none."),
        Output::new("accepted", Type::Boolean, "Whether AWS Backup took the verdict."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &["backup:DescribeRestoreJob", "backup:PutRestoreValidationResult"],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    // More than the two minutes in which a resumed step looks whether it was done.
    timeout_seconds: 600,
    undo: None,
};

/// States in which a backup job is over without a whole recovery point.
pub(crate) const BACKUP_FAILURES: &[&str] = &["ABORTED", "EXPIRED", "FAILED", "PARTIAL"];

/// `backup.start_backup`.
pub const START_BACKUP: ActionSpec = ActionSpec {
    name: "backup.start_backup",
    summary: "Backs a resource up into a vault.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: &[
        Parameter::required("vault", Type::String, "The vault."),
        Parameter::required("resource", Type::Arn, "The resource."),
        Parameter::required("role", Type::Arn, "The role under which AWS Backup works."),
        Parameter::optional("delete_after_days", Type::Integer, "When AWS Backup deletes it by itself."),
        Parameter::optional(
            "start_window",
            Type::Duration,
            "It must begin within this; at least 60m, 8h unless said.",
        ),
        Parameter::optional(
            "complete_window",
            Type::Duration,
            "It must be done within this; 7d unless said.",
        ),
        Parameter::optional(
            "tags",
            Type::Map(&Type::Any),
            "Tags of the recovery point besides Lifeboat's own.",
        ),
    ],
    outputs: &[
        Output::new("recovery_point", Type::Arn, "The ARN of the recovery point."),
        Output::new("job", Type::String, "The id of the job."),
        Output::new("vault", Type::String, "The vault."),
        Output::new("data_time", Type::Time, "When the recovery point was created."),
    ],
    touches: &[],
    readiness: &[Readiness { name: "completed", summary: "the recovery point is whole" }],
    failure_states: BACKUP_FAILURES,
    calls: &[
        "backup:DeleteRecoveryPoint",
        "backup:DescribeBackupJob",
        "backup:DescribeRecoveryPoint",
        "backup:ListBackupJobs",
        "backup:StartBackupJob",
    ],
    dependent: &["backup:TagResource", "iam:PassRole"],
    typical: &[TypicalDuration { what: "a snapshot of 100 GiB", seconds: 400, source: "(assumed)" }],
    timeout_seconds: 6 * 3_600,
    undo: Some("deletes the recovery point, unless the vault is locked"),
};

/// States in which a restore job is over without a usable resource.
pub(crate) const RESTORE_FAILURES: &[&str] = &["ABORTED", "FAILED"];

/// `backup.start_restore`.
pub const START_RESTORE: ActionSpec = ActionSpec {
    name: "backup.start_restore",
    summary: "Restores a DB instance of RDS from a recovery point of AWS Backup, with the network and the parameter group \
              of its source. Other types of resources are refused.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: &[
        Parameter::required("recovery_point", Type::Arn, "The recovery point."),
        Parameter::required("vault", Type::String, "The vault it is in."),
        Parameter::required("role", Type::Arn, "The role under which AWS Backup works."),
        Parameter::optional(
            "instance",
            Type::String,
            "The name of what is made; else made from runbook, run and step.",
        ),
        Parameter::optional(
            "metadata",
            Type::Map(&Type::Any),
            "Restore metadata in AWS Backup's words, over what the recovery point says; lists as JSON text.",
        ),
    ],
    outputs: &[
        Output::new("instance", Type::String, "The DB instance."),
        Output::new("arn", Type::Arn, "Its ARN."),
        Output::new("status", Type::String, "Its state."),
        Output::new("endpoint", Type::String, "Its host name."),
        Output::new("port", Type::Integer, "Its port."),
        Output::new("engine", Type::String, "The engine."),
        Output::new("class", Type::String, "The instance class."),
        Output::new("resource_id", Type::String, "The resource id."),
        Output::new("job", Type::String, "The id of the restore job."),
        Output::new("recovery_point", Type::Arn, "The recovery point."),
        Output::new("data_time", Type::Time, "When the recovery point was created."),
    ],
    touches: &[],
    readiness: &[Readiness {
        name: "usable",
        summary: "the job is completed, and the instance takes connections",
    }],
    failure_states: RESTORE_FAILURES,
    calls: &[
        "backup:DescribeRecoveryPoint",
        "backup:DescribeRestoreJob",
        "backup:GetRecoveryPointRestoreMetadata",
        "backup:StartRestoreJob",
        "rds:AddTagsToResource",
        "rds:DeleteDBInstance",
        "rds:DescribeDBInstances",
    ],
    // A job whose reply was lost is looked for; a protected copy loses its protection before it is deleted.
    dependent: &["backup:ListRestoreJobs", "iam:PassRole", "rds:ModifyDBInstance"],
    typical: &[TypicalDuration {
        what: "until usable, 20 to 100 GiB",
        seconds: 1_020,
        source: "a restore of RDS and a minute more (assumed)",
    }],
    timeout_seconds: 4 * 3_600,
    undo: Some("deletes the instance, with its automated backups and without a final snapshot"),
};
