//! What made the recovery time, in one sentence.

use crate::timeline::duration;
use lifeboat_journal::measure::{CriticalStep, Parts};
use lifeboat_runbook::id::StepPath;

/// Less than this is not worth a word, seconds.
const WORTH_A_WORD: f64 = 1.0;

/// The largest and the next largest of what made it: "41 min of 52 min were the step restore; the next largest was 6 min
/// waiting for a person at approve." `name` gives a step's name for people.
pub fn sentence(
    total_s: f64,
    parts: &Parts,
    path: &[CriticalStep],
    name: &dyn Fn(&StepPath) -> String,
) -> String {
    let mut shares: Vec<(f64, String)> = Vec::new();
    let mut share = |seconds: f64, what: String| {
        if seconds >= WORTH_A_WORD || (seconds > 0.0 && shares.is_empty()) {
            shares.push((seconds, what));
        }
    };
    for critical in path {
        let step = name(&critical.step);
        share(critical.aws_s + critical.lifeboat_s, format!("the step {step}"));
        share(critical.person_s, format!("waiting for a person at {step}"));
        share(
            critical.blocked_s,
            format!("waiting for credentials, a permission or the control plane at {step}"),
        );
        share(critical.away_s, format!("without a process of Lifeboat at {step}"));
        share(critical.retry_s, format!("waiting between the attempts of {step}"));
    }
    share(parts.before_run.unwrap_or_default(), "the time before anybody began the recovery".to_owned());
    share(parts.preflight.unwrap_or_default(), "the checks before the first step".to_owned());
    // Among equals the order of the run stays.
    shares.sort_by(|left, right| right.0.total_cmp(&left.0));
    let total = duration(total_s);
    match shares.as_slice() {
        [] => format!("{total} in all; no step on the way took time that was measured."),
        [(largest, what), (next, other), ..] if *next >= WORTH_A_WORD => {
            let within = if other.starts_with("the ") { "in " } else { "" };
            let (largest, next) = (duration(*largest), duration(*next));
            format!("{largest} of {total} were {what}; the next largest was {next} {within}{other}.")
        }
        [(largest, what), ..] => format!("{} of {total} were {what}.", duration(*largest)),
    }
}
