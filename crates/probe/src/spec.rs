//! What the actions of this room say of themselves.

use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Type, TypicalDuration};

/// What the specs of this room have in common.
const PROBE: ActionSpec = ActionSpec {
    name: "",
    summary: "",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[],
    outputs: &[],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &[],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 120,
    undo: None,
};

/// `command.run`.
pub const COMMAND_RUN: ActionSpec = ActionSpec {
    name: "command.run",
    summary: "Runs a program on this machine, without a shell. Of what it prints only what `outputs:` selects is kept.",
    effect: None,
    parameters: &[
        Parameter::required("program", Type::String, "A path, or a name that is looked for on the PATH."),
        Parameter::optional(
            "args",
            Type::List(&Type::Any),
            "Its arguments, each as it is: nothing is expanded.",
        ),
        Parameter::optional("env", Type::Map(&Type::Any), "Variables besides Lifeboat's own environment.")
            .secret(),
        Parameter::optional("stdin", Type::String, "What it reads on standard input; empty unless said.")
            .secret(),
        Parameter::optional(
            "statuses",
            Type::List(&Type::Integer),
            "Exit statuses that mean success; [0] unless said.",
        ),
        Parameter::optional(
            "timeout",
            Type::Duration,
            "After this it is killed, with what it started; 10m unless said.",
        ),
    ],
    outputs: &[
        Output::new(
            "status",
            Type::Integer,
            "Its exit status; 128 and the signal's number where one ended it.",
        ),
        Output::new("stdout", Type::String, "What it printed, at most 64 KiB.").selected(),
        Output::new("stderr", Type::String, "What it printed to standard error, at most 64 KiB.").selected(),
    ],
    typical: &[TypicalDuration { what: "the program", seconds: 5, source: "(assumed)" }],
    timeout_seconds: 3_600,
    ..PROBE
};

/// `notify.send`.
pub const NOTIFY_SEND: ActionSpec = ActionSpec {
    name: "notify.send",
    summary: "Tells people, by an entry of `notify`. In a simulation it is recorded and not sent; after a crash it may be sent twice.",
    effect: Some(Effect::Modify),
    parameters: &[
        Parameter::required("to", Type::String, "The name of an entry of `notify`, or `all`."),
        Parameter::required("text", Type::String, "What to tell; the first line is the title."),
    ],
    outputs: &[Output::new("told", Type::List(&Type::String), "The entries that took it.")],
    typical: &[TypicalDuration { what: "the delivery", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 300,
    ..PROBE
};

/// `http.check`.
pub const HTTP_CHECK: ActionSpec = ActionSpec {
    name: "http.check",
    summary: "Asks a URL and judges status and body. A redirect is an answer and is not followed.",
    parameters: &[
        Parameter::required("url", Type::String, "The URL, http or https."),
        Parameter::optional("method", Type::OneOf(&["GET", "HEAD", "OPTIONS"]), "GET unless said."),
        Parameter::optional(
            "status",
            Type::Any,
            "The status that is wanted, or a list of them; any 2xx unless said.",
        ),
        Parameter::optional(
            "contains",
            Type::String,
            "A text that the first 1 MiB of the body must contain.",
        ),
        Parameter::optional("headers", Type::Map(&Type::Any), "Headers by name.").secret(),
        Parameter::optional(
            "tls",
            Type::Any,
            "`verify` (the platform's roots) unless said; or `{ ca: FILE }`: only the roots in this PEM file.",
        ),
        Parameter::optional("timeout", Type::Duration, "For the whole answer; 10s unless said."),
    ],
    outputs: &[
        Output::new("status", Type::Integer, "The status."),
        Output::new(
            "ms",
            Type::Integer,
            "Milliseconds from the start of the connection to the end of the body.",
        ),
        Output::new("body", Type::String, "The body, at most 1 MiB.").selected(),
    ],
    ..PROBE
};

/// `postgres.query`.
pub const POSTGRES_QUERY: ActionSpec = ActionSpec {
    name: "postgres.query",
    summary: "Asks a PostgreSQL database one question, in a read-only transaction; with `effect: modify` on the step, \
              changes it with one statement.",
    parameters: &[
        Parameter::required("host", Type::String, "The host name, such as a restored instance's endpoint."),
        Parameter::optional("port", Type::Integer, "The port; 5432 unless said."),
        Parameter::required("database", Type::String, "The database."),
        Parameter::required("user", Type::String, "The user; one that may only read is best."),
        Parameter::optional("password", Type::String, "The password; a secret.").secret(),
        Parameter::optional(
            "iam_auth",
            Type::Boolean,
            "Refused in this version: IAM database authentication.",
        ),
        Parameter::optional(
            "tls",
            Type::Any,
            "`verify` (RDS's and the platform's roots) unless said; `{ ca: FILE }`: only the roots in this PEM file; `off`: only to this machine.",
        ),
        Parameter::required("sql", Type::String, "One statement."),
        Parameter::optional("params", Type::List(&Type::Any), "The values of `$1`, `$2`, …").secret(),
        Parameter::optional("timeout", Type::Duration, "For the statement; 30s unless said."),
    ],
    outputs: &[
        Output::new("rows", Type::Any, "The rows, each a map from column to value; at most 1,000 and 1 MiB."),
        Output::new("row_count", Type::Integer, "How many rows there are, or were changed."),
    ],
    ..PROBE
};

/// `tcp.check`.
pub const TCP_CHECK: ActionSpec = ActionSpec {
    name: "tcp.check",
    summary: "Opens a connection and closes it.",
    parameters: &[
        Parameter::required("host", Type::String, "The host."),
        Parameter::required("port", Type::Integer, "The port."),
        Parameter::optional("timeout", Type::Duration, "For the connection; 10s unless said."),
    ],
    outputs: &[Output::new("ms", Type::Integer, "Milliseconds until it was open.")],
    ..PROBE
};
