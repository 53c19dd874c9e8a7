//! What the actions of Systems Manager say of themselves.

use super::PARAMETER;
use lifeboat_runbook::spec::{
    ActionSpec, Effect, Output, Parameter, Readiness, Touch, Type, TypicalDuration,
};

/// `ssm.get_parameter`.
pub const GET_PARAMETER: ActionSpec = ActionSpec {
    name: "ssm.get_parameter",
    summary: "Reads a parameter of Parameter Store. A SecureString is refused: name it under `secrets:`.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[Parameter::required(
        "name",
        Type::String,
        "The name or ARN; with `:3` or `:label` behind it, that version.",
    )],
    outputs: &[
        Output::new("value", Type::String, "The value."),
        Output::new("version", Type::Integer, "The version."),
        Output::new("arn", Type::Arn, "The ARN."),
        Output::new("modified_at", Type::Time, "When it was written."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &["ssm:GetParameter"],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 60,
    undo: None,
};

/// `ssm.put_parameter`.
pub const PUT_PARAMETER: ActionSpec = ActionSpec {
    name: "ssm.put_parameter",
    summary: "Writes a parameter of Parameter Store: a new version, or a new parameter.",
    effect: Some(Effect::Modify),
    cut_over: false,
    parameters: &[
        Parameter::required("name", Type::String, "The name."),
        Parameter::required("value", Type::String, "The value; it may be a secret.").secret(),
        Parameter::optional(
            "type",
            Type::OneOf(&["String", "StringList", "SecureString"]),
            "That of the parameter that is there; String for a new one.",
        ),
        Parameter::optional(
            "kms_key",
            Type::String,
            "The key of a SecureString; that of the parameter that is there, else AWS's own.",
        ),
        Parameter::optional(
            "expect_version",
            Type::Integer,
            "The version that must be there now; 0 if there must be none.",
        ),
    ],
    outputs: &[
        Output::new("version", Type::Integer, "The new version."),
        Output::new("arn", Type::Arn, "The ARN."),
    ],
    touches: &[Touch { effect: Effect::Modify, parameter: "name", kind: PARAMETER }],
    readiness: &[],
    failure_states: &["superseded"],
    calls: &[
        "ssm:DeleteParameter",
        "ssm:GetParameter",
        "ssm:GetParameterHistory",
        "ssm:GetParameters",
        "ssm:PutParameter",
    ],
    dependent: &["kms:Decrypt", "kms:Encrypt"],
    typical: &[TypicalDuration { what: "the new version", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 300,
    undo: Some("writes the value that was there before as a newer version; deletes a parameter that was new"),
};

/// States in which a command is over on a node, or as a whole, and did not do what it should (SSM user guide,
/// "Understanding command statuses").
pub(crate) const COMMAND_FAILURES: &[&str] = &[
    "AccessDenied",
    "Cancelled",
    "Delivery Timed Out",
    "DeliveryTimedOut",
    "Execution Timed Out",
    "ExecutionTimedOut",
    "Failed",
    "Incomplete",
    "InvalidPlatform",
    "No Instances In Tag",
    "NoInstancesInTag",
    "Rate Exceeded",
    "RateExceeded",
    "Terminated",
    "TimedOut",
    "Undeliverable",
];

/// `ssm.run_command`.
pub const RUN_COMMAND: ActionSpec = ActionSpec {
    name: "ssm.run_command",
    summary: "Runs a command document on managed nodes and waits for all of them. Of what they print only what `outputs:` \
              selects is kept.",
    effect: None,
    cut_over: false,
    parameters: &[
        Parameter::required("document", Type::String, "The document, such as `AWS-RunShellScript`."),
        Parameter::optional(
            "instances",
            Type::List(&Type::String),
            "The nodes; they or `targets` must be given.",
        ),
        Parameter::optional(
            "targets",
            Type::Map(&Type::Any),
            "What the nodes have: `{ \"tag:role\": [api] }`; a value or a list for each.",
        ),
        Parameter::optional(
            "parameters",
            Type::Map(&Type::Any),
            "The document's parameters; a value or a list for each.",
        ),
        Parameter::optional(
            "expect_targets",
            Type::Integer,
            "The least number of nodes it must have reached; 1 unless said.",
        ),
        Parameter::optional(
            "delivery_timeout",
            Type::Duration,
            "How long delivery is tried; 1h unless said.",
        ),
        Parameter::optional("max_concurrency", Type::String, "How many nodes at once: `10` or `25%`."),
        Parameter::optional(
            "max_errors",
            Type::String,
            "How many may fail before no more begin: `1` or `10%`.",
        ),
    ],
    outputs: &[
        Output::new("status", Type::String, "`Success`."),
        Output::new("command", Type::String, "The id of the command."),
        Output::new("targets", Type::Integer, "How many nodes it reached."),
        Output::new("nodes", Type::Map(&Type::String), "The status of each node."),
        Output::new("outputs", Type::Map(&Type::String), "What each node printed, as far as AWS keeps it.")
            .selected(),
    ],
    touches: &[],
    readiness: &[Readiness {
        name: "success",
        summary: "it succeeded on every node, and reached enough of them",
    }],
    failure_states: COMMAND_FAILURES,
    calls: &["ssm:CancelCommand", "ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:SendCommand"],
    dependent: &[],
    typical: &[TypicalDuration { what: "a short script", seconds: 5, source: "(assumed)" }],
    timeout_seconds: 2 * 3_600,
    undo: Some("cancels it where it still runs; what it did stays"),
};

/// States in which an execution is over and did not do what it should (Systems Manager user guide, "Understanding automation
/// statuses"; API reference, AutomationExecution, AutomationExecutionStatus).
pub(crate) const AUTOMATION_FAILURES: &[&str] = &[
    "Cancelled",
    "ChangeCalendarOverrideRejected",
    "CompletedWithFailure",
    "Exited",
    "Failed",
    "Rejected",
    "TimedOut",
];

/// `ssm.start_automation`.
pub const START_AUTOMATION: ActionSpec = ActionSpec {
    name: "ssm.start_automation",
    summary: "Runs an automation document and waits for its end. Where it waits for an approval, people are asked here.",
    effect: None,
    cut_over: false,
    parameters: &[
        Parameter::required("document", Type::String, "The document, by name or ARN."),
        Parameter::optional("version", Type::String, "The document's version; its default unless said."),
        Parameter::optional(
            "parameters",
            Type::Map(&Type::Any),
            "The document's parameters; a value or a list for each.",
        ),
        Parameter::optional(
            "targets",
            Type::Map(&Type::Any),
            "What it runs for, once each: `{ \"tag:role\": [api] }`; a value or a list for each.",
        ),
        Parameter::optional(
            "target_parameter",
            Type::String,
            "The document's parameter that takes a target; given together with `targets`.",
        ),
        Parameter::optional("max_concurrency", Type::String, "For how many targets at once: `10` or `25%`."),
        Parameter::optional(
            "max_errors",
            Type::String,
            "For how many it may fail before no more begin: `1` or `10%`.",
        ),
        Parameter::optional(
            "tags",
            Type::Map(&Type::Any),
            "Tags of the execution besides Lifeboat's own; at most two.",
        ),
    ],
    outputs: &[
        Output::new("status", Type::String, "`Success` or `CompletedWithSuccess`."),
        Output::new("execution", Type::String, "The id of the execution."),
        Output::new(
            "steps",
            Type::List(&Type::Any),
            "Its steps: `name`, `action`, `status`, `started_at`, `ended_at`, `message`; of what it ran for a target also `target`.",
        ),
        Output::new("outputs", Type::Map(&Type::Any), "What its steps left, by `step.output`.").selected(),
    ],
    touches: &[],
    readiness: &[Readiness { name: "success", summary: "it has ended well" }],
    failure_states: AUTOMATION_FAILURES,
    calls: &[
        "ssm:DescribeAutomationExecutions",
        "ssm:DescribeAutomationStepExecutions",
        "ssm:GetAutomationExecution",
        "ssm:ListTagsForResource",
        "ssm:StartAutomationExecution",
        "ssm:StopAutomationExecution",
    ],
    dependent: &["iam:PassRole", "ssm:AddTagsToResource", "ssm:SendAutomationSignal"],
    typical: &[TypicalDuration { what: "a step", seconds: 10, source: "(assumed)" }],
    timeout_seconds: 4 * 3_600,
    undo: Some("stops it where it still runs; what its steps did stays"),
};
