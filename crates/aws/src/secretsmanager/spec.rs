//! What the actions of Secrets Manager say of themselves.

use super::KIND;
use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Touch, Type, TypicalDuration};

/// `secretsmanager.update_keys`.
pub const UPDATE_KEYS: ActionSpec = ActionSpec {
    name: "secretsmanager.update_keys",
    summary: "Writes a new version of a JSON secret in which some keys have other values; the rest stays.",
    effect: Some(Effect::Modify),
    cut_over: true,
    parameters: &[
        Parameter::required("secret", Type::String, "The secret, by name or ARN."),
        Parameter::required(
            "set",
            Type::Map(&Type::Any),
            "Keys and their new values; any of them may be a secret.",
        )
        .secret(),
    ],
    outputs: &[
        Output::new("version_id", Type::String, "The id of the new version, which is AWSCURRENT."),
        Output::new("previous_version_id", Type::String, "The id of the version that was AWSCURRENT before."),
        Output::new("arn", Type::Arn, "The secret's ARN."),
    ],
    touches: &[Touch { effect: Effect::Modify, parameter: "secret", kind: KIND }],
    readiness: &[],
    failure_states: &["deleted", "superseded"],
    calls: &[
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
    ],
    // Only an undo moves the stage back.
    dependent: &["kms:Decrypt", "kms:GenerateDataKey", "secretsmanager:UpdateSecretVersionStage"],
    typical: &[TypicalDuration { what: "the new version", seconds: 2, source: "(assumed)" }],
    timeout_seconds: 300,
    undo: Some("makes the version that was current before current again"),
};
