//! How a run ended, and the exit code that says so. Outcome, `also` and exit code are functions of [`Outcome`] here
//! and nowhere else.

use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::spec::Resource;
use serde::{Deserialize, Serialize};

/// Passed: everything asked for was done (also with warnings, kept resources, or an objective that is unknown).
pub const PASSED: u8 = 0;
/// A step or a check failed.
pub const FAILED: u8 = 1;
/// The runbook is invalid, or the command was used wrongly.
pub const USAGE: u8 = 2;
/// It finished, and an objective was missed.
pub const OBJECTIVE_MISSED: u8 = 3;
/// It is paused, waits for a person, or is blocked: it can be resumed.
pub const PAUSED: u8 = 4;
/// It was aborted.
pub const ABORTED: u8 = 5;
/// Undo or cleanup is incomplete: something is left in AWS.
pub const LEFT_BEHIND: u8 = 6;
/// It was refused before it started.
pub const REFUSED: u8 = 7;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The judgement.
    pub verdict: Verdict,
    /// Steps that failed and were allowed to, and checks that only warned.
    pub warnings: Vec<String>,
    /// The recovery time objective.
    pub rto: Objective,
    /// The recovery point objective.
    pub rpo: Objective,
    /// What is still in AWS though it should be gone.
    pub left_behind: Vec<Resource>,
    /// What is still in AWS because it was asked to be kept.
    pub kept: Vec<Resource>,
}

/// The judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All steps did what they should.
    Passed,
    /// One did not.
    Failed {
        /// Which.
        step: StepPath,
    },
    /// Somebody ended it.
    Aborted {
        /// Who or what.
        by: String,
        /// Why.
        why: String,
    },
    /// It was refused before its first step.
    Refused {
        /// What stood against it.
        finding: String,
    },
    /// It was given up; what it left is for people.
    Abandoned {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
}

/// A number against its objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// At most the objective.
    Met,
    /// More than the objective.
    Missed,
    /// There is an objective, and the number is not known.
    Unknown,
    /// There is no objective.
    None,
}

impl Objective {
    /// Judges a number of seconds.
    pub fn judge(objective_s: Option<f64>, actual_s: Option<f64>) -> Self {
        match (objective_s, actual_s) {
            (None, _) => Self::None,
            (Some(_), None) => Self::Unknown,
            (Some(objective), Some(actual)) if actual <= objective => Self::Met,
            (Some(_), Some(_)) => Self::Missed,
        }
    }

    /// `met` of the JSON document.
    pub fn met(self) -> Option<bool> {
        match self {
            Self::Met => Some(true),
            Self::Missed => Some(false),
            Self::Unknown | Self::None => None,
        }
    }
}

impl Outcome {
    /// The word of the JSON document.
    pub fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed if self.missed() => "objective_missed",
            Verdict::Passed => "passed",
            Verdict::Failed { .. } => "failed",
            Verdict::Aborted { .. } => "aborted",
            Verdict::Refused { .. } => "refused",
            Verdict::Abandoned { .. } => "abandoned",
        }
    }

    /// What is true besides.
    pub fn also(&self) -> Vec<&'static str> {
        let passed = self.verdict == Verdict::Passed;
        [
            (!self.warnings.is_empty(), "warnings"),
            (!passed && self.missed(), "objective_missed"),
            ([self.rto, self.rpo].contains(&Objective::Unknown), "objective_unknown"),
            (!self.left_behind.is_empty(), "left_behind"),
            (!self.kept.is_empty(), "kept"),
        ]
        .into_iter()
        .filter_map(|(holds, word)| holds.then_some(word))
        .collect()
    }

    /// The exit code: a refusal first, then the worst counts (6, 5, 1, 3, 0).
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Refused { .. } => REFUSED,
            _ if !self.left_behind.is_empty() => LEFT_BEHIND,
            Verdict::Aborted { .. } | Verdict::Abandoned { .. } => ABORTED,
            Verdict::Failed { .. } => FAILED,
            Verdict::Passed if self.missed() => OBJECTIVE_MISSED,
            Verdict::Passed => PASSED,
        }
    }

    fn missed(&self) -> bool {
        [self.rto, self.rpo].contains(&Objective::Missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdict: Verdict, rto: Objective, left: bool) -> Outcome {
        let resource = Resource {
            kind: "rds:db".into(),
            id: "copy".into(),
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            arn: None,
        };
        Outcome {
            verdict,
            warnings: Vec::new(),
            rto,
            rpo: Objective::Met,
            left_behind: if left { vec![resource] } else { Vec::new() },
            kept: Vec::new(),
        }
    }

    #[test]
    fn the_worst_counts() {
        let failed = || Verdict::Failed { step: StepPath::new("restore") };
        let aborted = || Verdict::Aborted { by: "SIGINT".into(), why: "Ctrl-C".into() };
        let refused = || Verdict::Refused { finding: "wrong account".into() };
        for (verdict, rto, left, code, word) in [
            (Verdict::Passed, Objective::Met, false, 0, "passed"),
            (Verdict::Passed, Objective::Unknown, false, 0, "passed"),
            (Verdict::Passed, Objective::Missed, false, 3, "objective_missed"),
            (Verdict::Passed, Objective::Missed, true, 6, "objective_missed"),
            (failed(), Objective::Missed, false, 1, "failed"),
            (failed(), Objective::Met, true, 6, "failed"),
            (aborted(), Objective::Missed, false, 5, "aborted"),
            (aborted(), Objective::Met, true, 6, "aborted"),
            (refused(), Objective::Met, false, 7, "refused"),
        ] {
            let outcome = outcome(verdict, rto, left);
            assert_eq!((outcome.exit_code(), outcome.word()), (code, word), "{outcome:?}");
        }
    }
}
