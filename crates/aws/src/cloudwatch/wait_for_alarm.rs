//! `cloudwatch.wait_for_alarm`.

use super::{ALARM, spec};
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;

/// States of the evaluation in which the alarm cannot change: what it says means nothing.
const BROKEN: [&str; 2] = ["EVALUATION_ERROR", "EVALUATION_FAILURE"];

/// `cloudwatch.wait_for_alarm`.
pub struct WaitForAlarm;

#[async_trait]
impl Action for WaitForAlarm {
    fn spec(&self) -> &'static ActionSpec {
        &spec::WAIT_FOR_ALARM
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        Some(Watch { kind: ALARM, place: cx.place.clone(), id: cx.text("alarm")?.to_owned() })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if !seen.exists {
            let hint = Some("look at the alarm's name, the account and the Region".to_owned());
            return Observation::Broken { state: "missing".to_owned(), hint };
        }
        let evaluation = seen.attributes.get("evaluation").and_then(Value::as_str);
        if let Some(state) = evaluation.filter(|state| BROKEN.contains(state)) {
            let hint =
                Some("CloudWatch cannot evaluate the alarm: look at its metrics and permissions".to_owned());
            return Observation::Broken { state: state.to_owned(), hint };
        }
        let state = seen.state.clone().unwrap_or_default();
        match Some(state.as_str()) == cx.text("state") && has_held(cx, seen) {
            true => Observation::Ready(outputs(seen)),
            false => Observation::InProgress { state },
        }
    }
}

/// Whether it has been in its state for as long as it must.
fn has_held(cx: &StepContext, seen: &Seen) -> bool {
    let hold = match cx.with.get("hold") {
        Some(Value::Duration(hold)) => *hold,
        _ => TimeDelta::zero(),
    };
    let since = seen.attributes.get("since").and_then(Value::as_time);
    hold.is_zero() || since.is_some_and(|since| cx.now - since >= hold)
}

fn outputs(seen: &Seen) -> lifeboat_engine::action::Values {
    let mut outputs = seen.attributes.clone();
    outputs.retain(|name, _| name != "evaluation");
    outputs
}
