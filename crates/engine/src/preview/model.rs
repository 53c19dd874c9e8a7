//! What a plan says, for people and for programs: the keys of its JSON document are these names.

use crate::action::Values;
use chrono::{DateTime, Utc};
use lifeboat_journal::event::{AlarmSeen, Failure};
use lifeboat_journal::lock::LockHolder;
use lifeboat_journal::target::Target;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Effect;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// What would happen.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// The runbook's name.
    pub runbook: String,
    /// Its title.
    pub title: String,
    /// Drill or recovery.
    pub mode: Mode,
    /// `aws`, `simulated`, `endpoint:<url>`.
    pub cloud: String,
    /// The account, where it is known.
    pub account: Option<String>,
    /// The Region.
    pub region: String,
    /// Whose credentials these are; nothing where nobody could say.
    pub caller: Option<String>,
    /// Whose session acts, where a role is assumed.
    pub acts_as: Option<String>,
    /// The role that is assumed.
    pub role: Option<String>,
    /// When it was looked at: what holds now may not hold later.
    pub at: DateTime<Utc>,
    /// The inputs, defaults included.
    pub inputs: Values,
    /// The recovery time objective, in seconds.
    pub rto_objective_s: Option<f64>,
    /// The recovery point objective, in seconds.
    pub rpo_objective_s: Option<f64>,
    /// The lock it would take before its first step; nothing where the runbook has no `concurrency`.
    pub lock: Option<LockPreview>,
    /// The preflight, carried out.
    pub checks: Vec<CheckPreview>,
    /// The alarms of `stop_when`, as they are now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmPreview>,
    /// What looks beside the steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbePreview>,
    /// The steps, in the order in which they would run.
    pub steps: Vec<StepPreview>,
    /// The runbook's own cleanup steps.
    pub cleanup: Vec<StepPreview>,
    /// What an undo takes back, in the order in which it would: the last step first.
    pub takes_back: Vec<Back>,
    /// Whether that happens by itself at the end of a run in which all went well.
    pub cleans_up: bool,
    /// What a failed step leads to, where it does not say so itself: `undo` or `pause`.
    pub on_failure: &'static str,
    /// How long the steps take together.
    pub expected: Expected,
    /// Options that such a run needs, such as `--confirm-destroy NAME`.
    pub needs: Vec<String>,
    /// What stands in the way, in the order of the run.
    pub problems: Vec<Problem>,
    /// What would become of the start.
    pub verdict: Verdict,
}

/// The lock of `concurrency`.
#[derive(Clone, Debug, Serialize)]
pub struct LockPreview {
    /// The key, with its values known.
    pub key: String,
    /// The parameter that would be made.
    pub parameter: String,
    /// Who holds it now; nothing where it is free, or nobody could look.
    pub held_by: Option<LockHolder>,
    /// What stands in the way.
    #[serde(skip)]
    pub(super) problem: Option<Problem>,
}

/// What would become of the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that is known stands in the way.
    Starts,
    /// It would stop and ask a person.
    Asks,
    /// It would be refused, or is known to fail.
    Refused,
}

impl Verdict {
    /// The worst of these problems.
    pub(super) fn of(problems: &[Problem]) -> Self {
        let then = |wanted| problems.iter().any(|problem| problem.then == wanted);
        match (then(Then::Refused) || then(Then::Fails), then(Then::Asks)) {
            (true, _) => Self::Refused,
            (false, true) => Self::Asks,
            (false, false) => Self::Starts,
        }
    }
}

/// Something that stands in the way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    /// Where: a step's path, `account`, `runbook`.
    pub at: String,
    /// AWS's code, or one of ours.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// What the run would do about it.
    pub then: Then,
}

/// What a run does about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It does not start.
    Refused,
    /// It starts, and this step fails.
    Fails,
    /// It asks a person.
    Asks,
    /// It goes on with a finding.
    Warns,
    /// Nobody can say yet: an earlier step changes what this is about.
    Unclear,
}

impl Problem {
    pub(super) fn new(at: &str, failure: Failure, then: Then) -> Self {
        let Failure { code, message, hint, .. } = failure;
        Self { at: at.to_owned(), code, message, hint, then }
    }

    pub(super) fn refused(at: &str, failure: Failure) -> Self {
        Self::new(at, failure, Then::Refused)
    }

    pub(super) fn not_yet(message: String) -> Self {
        let code = "not_yet".to_owned();
        Self { at: "runbook".to_owned(), code, message, hint: None, then: Then::Refused }
    }
}

/// An alarm of `stop_when`.
#[derive(Clone, Debug, Serialize)]
pub struct AlarmPreview {
    /// What was seen of it.
    #[serde(flatten)]
    pub seen: AlarmSeen,
    /// Whether it stops such a run; else it only shows.
    pub stops: bool,
}

/// A probe beside the steps. It is not carried out.
#[derive(Clone, Debug, Serialize)]
pub struct ProbePreview {
    /// Its path.
    pub probe: StepPath,
    /// The action with which it looks.
    pub action: String,
    /// Its parameters, as far as they are known now.
    pub with: Values,
    /// Seconds from one look to the next.
    pub every_s: f64,
    /// Seconds for which it must stay up to have held.
    pub hold_s: f64,
    /// The marks it sets, by moment.
    pub marks: BTreeMap<String, MarkName>,
}

/// A check of the preflight.
#[derive(Clone, Debug, Serialize)]
pub struct CheckPreview {
    /// Its path.
    pub step: StepPath,
    /// What it is for.
    pub name: Option<String>,
    /// Its action.
    pub action: Option<String>,
    /// What came of it.
    pub found: Found,
    /// The values that its asserts looked at, as they are written.
    pub looked_at: BTreeMap<String, String>,
    /// What it read.
    pub outputs: Values,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// It holds now.
    Holds,
    /// It does not.
    Fails {
        /// AWS's code, or `assert`.
        code: String,
        /// Why not.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// What the run would do about it.
        then: Then,
    },
    /// Its `if` is false.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Nobody has looked.
    NotLooked {
        /// Why not.
        why: String,
    },
}

impl CheckPreview {
    pub(super) fn problem(&self) -> Option<Problem> {
        let Found::Fails { code, message, hint, then } = &self.found else { return None };
        let (at, code, message) = (self.step.to_string(), code.clone(), message.clone());
        Some(Problem { at, code, message, hint: hint.clone(), then: *then })
    }
}

/// Where a step acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum ActsIn {
    /// In the run's own target.
    Own,
    /// In another.
    Other(Target),
    /// That depends on steps that have not run.
    Later,
}

/// A step that has not run.
#[derive(Clone, Debug, Serialize)]
pub struct StepPreview {
    /// Its path.
    pub step: StepPath,
    /// What it is for.
    pub name: Option<String>,
    /// `action`, `manual`, `approve`, …
    pub kind: &'static str,
    /// Its action.
    pub action: Option<String>,
    /// What it does to the world.
    #[serde(serialize_with = "word")]
    pub effect: Option<Effect>,
    /// Where it acts, and as whom.
    pub acts_in: ActsIn,
    /// Whether it runs.
    pub runs: Runs,
    /// Its parameters; what comes from steps that have not run is a placeholder such as `‹string: endpoint of restore›`.
    pub with: Values,
    /// The names that parameters wait for, by parameter.
    pub pending: BTreeMap<String, Vec<String>>,
    /// Names that would be made, by parameter: `‹run›` and `‹hash›` are not known before the run.
    pub makes: BTreeMap<String, String>,
    /// What words such as `latest` mean now.
    pub resolved: Values,
    /// The values that would be overwritten: before and after.
    pub changes: BTreeMap<String, (String, String)>,
    /// What `prepare` found worth knowing.
    pub findings: Vec<String>,
    /// Why nothing was prepared: the names it waits for, or in words.
    pub not_prepared: Option<String>,
    /// What it affects besides what it makes.
    pub impacts: Vec<Impact>,
    /// What is waited for, and how long at most.
    pub wait: Option<String>,
    /// Seconds it usually takes.
    pub expected_s: Option<f64>,
    /// Where that number is from.
    pub expected_source: Option<String>,
    /// Whether nothing before it is taken back by itself once it has started.
    pub commit: bool,
    /// Whom it asks, and what.
    pub asks: Option<Asked>,
    /// What is wrong with it.
    pub problem: Option<Problem>,
}

fn word<S: Serializer>(effect: &Option<Effect>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(effect.map_or("unknown", Effect::word))
}

impl StepPreview {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let guarded = self.impacts.iter().filter_map(|impact| impact.problem.clone());
        self.problem.iter().cloned().chain(guarded).collect()
    }

    /// Whether it is known to be skipped.
    pub fn is_skipped(&self) -> bool {
        matches!(self.runs, Runs::Skipped { .. })
    }
}

/// Whether a step runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "runs", rename_all = "snake_case")]
pub enum Runs {
    /// It does.
    Yes,
    /// Its `if` is false.
    Skipped {
        /// The condition, as written.
        condition: String,
        /// The values that make it so.
        values: BTreeMap<String, String>,
    },
    /// Its `if` waits for steps that have not run.
    Depends {
        /// The condition, as written.
        condition: String,
        /// The names it waits for.
        on: Vec<String>,
    },
}

/// A resource that a step affects and that is there before it.
#[derive(Clone, Debug, Serialize)]
pub struct Impact {
    /// What is done to it.
    #[serde(serialize_with = "some_word")]
    pub effect: Effect,
    /// Its kind, as its actions call it: `rds:db`.
    pub kind: String,
    /// Its identifier, or a placeholder.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// The option without which it is refused.
    pub needs: Option<String>,
    /// What the guard says against it.
    pub problem: Option<Problem>,
}

fn some_word<S: Serializer>(effect: &Effect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(effect.word())
}

/// Whose a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// This run would have made it.
    Run,
    /// It was there before.
    Others,
    /// It is known only when an earlier step has run.
    NotKnown,
}

/// What a person is asked.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// The question.
    pub text: String,
    /// Who may answer; empty: anybody.
    pub who: Vec<String>,
    /// The answers there are.
    pub options: Vec<String>,
    /// Seconds there are.
    pub timeout_s: Option<f64>,
    /// What follows if nobody answers.
    pub on_timeout: Option<String>,
}

/// Something that an undo takes back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Back {
    /// The step.
    pub step: StepPath,
    /// How.
    pub how: String,
    /// The step with `commit: true` after whose start this is not taken back any more.
    pub until: Option<StepPath>,
}

/// How long the steps take together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Expected {
    /// Seconds of the steps that run.
    pub seconds: f64,
    /// Seconds more where every step runs whose `if` is not known yet.
    pub at_most_more: f64,
    /// Steps that run, or may, and nobody knows how long they take: those of people among them.
    pub not_known: Vec<StepPath>,
}
