//! What the actions of Service Quotas say of themselves.

use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Type, TypicalDuration};

/// `quotas.headroom`.
pub const HEADROOM: ActionSpec = ActionSpec {
    name: "quotas.headroom",
    summary: "Fails where a quota leaves no room for what is needed. What is used it knows of RDS, and where Service Quotas \
              names a metric of it; else only the limit.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[
        Parameter::required("service", Type::String, "The service's code in Service Quotas, such as `rds`."),
        Parameter::required("quota", Type::String, "The quota's name, such as `DB instances`, or its code."),
        Parameter::required("need", Type::Integer, "How many more are needed."),
    ],
    outputs: &[
        Output::new("limit", Type::Number, "The quota in force."),
        Output::new("used", Type::Number, "How many there are; null where it is not known."),
        Output::new("left", Type::Number, "How many more there may be; null where it is not known."),
    ],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &[],
    // RDS says its limits and what is used; of the others a metric may tell.
    dependent: &[
        "cloudwatch:GetMetricData",
        "rds:DescribeAccountAttributes",
        "servicequotas:ListServiceQuotas",
    ],
    typical: &[TypicalDuration { what: "the answer", seconds: 1, source: "(assumed)" }],
    timeout_seconds: 120,
    undo: None,
};
