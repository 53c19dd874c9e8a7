//! A small catalogue, modelled on the real one: this room does not know the rooms that hold the actions.

use lifeboat_runbook::spec::{
    ActionSpec, Catalog, Effect, Output, Parameter, Readiness, Touch, Type, TypicalDuration,
};

const TEXT_LIST: Type = Type::List(&Type::String);

const DESCRIBE: ActionSpec = ActionSpec {
    name: "rds.describe_instance",
    summary: "Reads what is known of a DB instance.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[Parameter::required("instance", Type::String, "The DB instance.")],
    outputs: &[
        Output::new("instance", Type::String, "Its identifier."),
        Output::new("exists", Type::Boolean, "Whether it is there."),
        Output::new("status", Type::String, "Its state."),
        Output::new("endpoint", Type::String, "Its host name."),
        Output::new("port", Type::Integer, "Its port."),
        Output::new("backup_retention_days", Type::Integer, "How long backups are kept."),
        Output::new("latest_restorable_time", Type::Time, "The newest time it can be restored to."),
        Output::new("tags", Type::Map(&Type::String), "Its tags."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &[],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 300,
    undo: None,
};

const RESTORE: ActionSpec = ActionSpec {
    name: "rds.restore_to_point_in_time",
    effect: Some(Effect::Create),
    parameters: &[
        Parameter::required("source", Type::String, "The DB instance."),
        Parameter::required("time", Type::RestoreTime, "A time, or `latest`."),
        Parameter::optional("instance", Type::String, "The name of what is made."),
        Parameter::optional("multi_az", Type::Boolean, "With a standby."),
        Parameter::optional("security_groups", TEXT_LIST, "The security groups."),
    ],
    touches: &[Touch { effect: Effect::Create, parameter: "instance", kind: "rds:db" }],
    readiness: &[
        Readiness { name: "usable", summary: "It takes connections." },
        Readiness { name: "available", summary: "It is available." },
    ],
    undo: Some("deletes it"),
    ..DESCRIBE
};

const DELETE: ActionSpec = ActionSpec {
    name: "rds.delete_instance",
    effect: Some(Effect::Destroy),
    parameters: &[
        Parameter::required("instance", Type::String, "The DB instance."),
        Parameter::required("skip_final_snapshot", Type::Boolean, "Whether to keep no snapshot."),
    ],
    outputs: &[],
    touches: &[Touch { effect: Effect::Destroy, parameter: "instance", kind: "rds:db" }],
    ..DESCRIBE
};

const QUERY: ActionSpec = ActionSpec {
    name: "postgres.query",
    parameters: &[
        Parameter::required("host", Type::String, "The host."),
        Parameter::optional("port", Type::Integer, "The port."),
        Parameter::required("database", Type::String, "The database."),
        Parameter::required("user", Type::String, "The user."),
        Parameter::optional("password", Type::String, "The password.").secret(),
        Parameter::required("sql", Type::String, "One statement."),
    ],
    outputs: &[Output::new("rows", Type::Any, "The rows.")],
    ..DESCRIBE
};

const UPDATE_KEYS: ActionSpec = ActionSpec {
    name: "secretsmanager.update_keys",
    effect: Some(Effect::Modify),
    cut_over: true,
    parameters: &[
        Parameter::required("secret", Type::String, "The secret."),
        Parameter::required("set", Type::Map(&Type::String), "What to set."),
    ],
    outputs: &[Output::new("version_id", Type::String, "The new version.")],
    undo: Some("puts the old version back"),
    ..DESCRIBE
};

const HEADROOM: ActionSpec = ActionSpec {
    name: "quotas.headroom",
    parameters: &[
        Parameter::required("service", Type::String, "The service."),
        Parameter::required("quota", Type::String, "The quota."),
        Parameter::required("need", Type::Integer, "How much is needed."),
    ],
    outputs: &[Output::new("left", Type::Number, "How much is left.")],
    ..DESCRIBE
};

const DEPLOY: ActionSpec = ActionSpec {
    name: "ecs.deploy_service",
    effect: Some(Effect::Modify),
    parameters: &[
        Parameter::required("cluster", Type::String, "The cluster."),
        Parameter::required("service", Type::String, "The service."),
        Parameter::optional("force_new", Type::Boolean, "Also without a change."),
    ],
    outputs: &[Output::new("task_definition", Type::String, "What runs now.")],
    ..DESCRIBE
};

const HTTP: ActionSpec = ActionSpec {
    name: "http.check",
    parameters: &[Parameter::required("url", Type::String, "The address.")],
    outputs: &[Output::new("status", Type::Integer, "The answer's status.")],
    ..DESCRIBE
};

const CALL: ActionSpec = ActionSpec {
    name: "aws.call",
    effect: None,
    parameters: &[
        Parameter::required("service", Type::String, "The service."),
        Parameter::required("operation", Type::String, "The operation."),
        Parameter::optional("params", Type::Any, "What it is given."),
    ],
    outputs: &[],
    ..DESCRIBE
};

/// The catalogue of these tests.
pub(crate) fn catalog() -> Catalog {
    Catalog::new([&DESCRIBE, &RESTORE, &DELETE, &QUERY, &UPDATE_KEYS, &HEADROOM, &DEPLOY, &HTTP, &CALL])
}
