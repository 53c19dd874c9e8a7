//! What the actions of CloudWatch say of themselves.

use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Readiness, Type, TypicalDuration};

/// `cloudwatch.wait_for_alarm`.
pub const WAIT_FOR_ALARM: ActionSpec = ActionSpec {
    name: "cloudwatch.wait_for_alarm",
    summary: "Waits until an alarm, also a composite one, is in a state and has been for some time.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[
        Parameter::required("alarm", Type::String, "The alarm's name."),
        Parameter::required("state", Type::OneOf(&["OK", "ALARM", "INSUFFICIENT_DATA"]), "The state."),
        Parameter::optional("hold", Type::Duration, "How long it must have been in it; 0s unless said."),
    ],
    outputs: &[
        Output::new("since", Type::Time, "Since when it is in that state.").moment(),
        Output::new("reason", Type::String, "Why, in CloudWatch's words."),
        Output::new("arn", Type::Arn, "The alarm's ARN."),
    ],
    touches: &[],
    readiness: &[Readiness { name: "reached", summary: "it is in the state and has been for `hold`" }],
    failure_states: &["missing", "EVALUATION_ERROR", "EVALUATION_FAILURE"],
    calls: &["cloudwatch:DescribeAlarms"],
    dependent: &[],
    typical: &[TypicalDuration { what: "three periods of a minute", seconds: 180, source: "(assumed)" }],
    timeout_seconds: 1_800,
    undo: None,
};
