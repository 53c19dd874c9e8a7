//! What the actions of CloudWatch say of themselves.

use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Readiness, Type, TypicalDuration};

/// `cloudwatch.get_metric`.
pub const GET_METRIC: ActionSpec = ActionSpec {
    name: "cloudwatch.get_metric",
    summary: "Reads the newest value of a metric, such as the lag of a replica or the free space of a disk.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[
        Parameter::required("namespace", Type::String, "The metric's namespace: `AWS/RDS`."),
        Parameter::required("metric", Type::String, "Its name: `ReplicaLag`."),
        Parameter::optional(
            "dimensions",
            Type::Map(&Type::String),
            "All its dimensions: CloudWatch finds it by exactly these.",
        ),
        Parameter::optional(
            "statistic",
            Type::String,
            "What is made of the samples of a period: `Average` unless said, `Maximum`, `Sum`, `p99`, …",
        ),
        Parameter::optional("period", Type::Duration, "The time of one value; 1m unless said."),
        Parameter::optional("window", Type::Duration, "How far back is looked; 15m unless said."),
        Parameter::optional("unit", Type::String, "Only what was reported in this unit."),
    ],
    outputs: &[
        Output::new(
            "value",
            Type::Number,
            "The value of the newest period that is over; nothing where there is none in the window.",
        ),
        Output::new("at", Type::Time, "When its period began."),
        Output::new("minimum", Type::Number, "The smallest value in the window."),
        Output::new("maximum", Type::Number, "The largest value in the window."),
        Output::new("count", Type::Integer, "How many values there are."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &["cloudwatch:GetMetricData"],
    dependent: &[],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 120,
    undo: None,
};

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
