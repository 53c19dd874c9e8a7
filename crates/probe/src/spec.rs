//! What the actions of this room say of themselves.

use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Type, TypicalDuration};

/// `postgres.query`.
pub const POSTGRES_QUERY: ActionSpec = ActionSpec {
    name: "postgres.query",
    summary: "Asks a PostgreSQL database one question, in a read-only transaction.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[
        Parameter::required("host", Type::String, "The host name, such as a restored instance's endpoint."),
        Parameter::optional("port", Type::Integer, "The port; 5432 unless said."),
        Parameter::required("database", Type::String, "The database."),
        Parameter::required("user", Type::String, "The user; one that may only read is best."),
        Parameter::optional("password", Type::String, "The password; a secret.").secret(),
        Parameter::required("sql", Type::String, "One statement."),
    ],
    outputs: &[
        Output::new("rows", Type::Any, "The rows, each a map from column to value; at most 1,000 and 1 MiB."),
        Output::new("row_count", Type::Integer, "How many rows there are."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &[],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 120,
    undo: None,
};
