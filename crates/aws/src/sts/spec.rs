//! What the actions of STS say of themselves.

use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Type};

/// `sts.identity`.
pub const IDENTITY: ActionSpec = ActionSpec {
    name: "sts.identity",
    summary: "Says which account and identity the credentials belong to.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[],
    outputs: &[
        Output::new("account", Type::String, "The account id."),
        Output::new("arn", Type::Arn, "The ARN of the caller."),
        Output::new("user_id", Type::String, "The unique id of the caller."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    // GetCallerIdentity needs no permission: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    calls: &[],
    dependent: &[],
    typical: &[],
    timeout_seconds: 60,
    undo: None,
};
