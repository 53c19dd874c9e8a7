//! What the actions of Systems Manager say of themselves.

use super::PARAMETER;
use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Touch, Type, TypicalDuration};

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
