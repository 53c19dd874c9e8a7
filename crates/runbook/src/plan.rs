//! A runbook that has been checked: references resolved, parameters typed, the tree of steps built.
//!
//! The plan holds the *whole* language. What this version cannot execute yet is listed in [`Plan::not_yet`], so
//! that `check` judges it and `drill` and `run` refuse it in one sentence.

use crate::diagnostic::Source;
use crate::expression::{Expression, Scope};
use crate::id::{MarkName, StepPath};
use crate::notice::{Notify, Playbook};
use crate::project::Project;
use crate::spec::{Effect, Type};
use crate::template::Template;
use crate::value::Value;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// The marks that measurements know, in the order in which they should come; others are an author's own.
pub const MARKS: [&str; 10] = [
    "disrupted",
    "detected",
    "declared",
    "responding",
    "writes_stopped",
    "restored",
    "copy_verified",
    "verified",
    "normal",
    "closed",
];

/// A checked runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The files it was read from, the runbook itself first.
    pub sources: Vec<Source>,
    /// Runbook or playbook.
    pub kind: Kind,
    /// `name`.
    pub name: String,
    /// `title`, or the name.
    pub title: String,
    /// `description`.
    pub description: Option<String>,
    /// `owner`.
    pub owner: Option<String>,
    /// `review`.
    pub review: Option<Review>,
    /// `objectives`.
    pub objectives: Objectives,
    /// `loss`.
    pub loss: Loss,
    /// `inputs`, in the order of the file.
    pub inputs: Vec<InputDeclaration>,
    /// `secrets` by name.
    pub secrets: BTreeMap<String, SecretReference>,
    /// `roles` by name; true where somebody must hold it.
    pub roles: BTreeMap<String, bool>,
    /// `target`.
    pub target: Target,
    /// `concurrency`.
    pub concurrency: Option<Concurrency>,
    /// `allow`.
    pub allow: Vec<Allow>,
    /// `on_failure` of the file.
    pub on_failure: Option<OnFailure>,
    /// `stop_when`.
    pub stop_when: Vec<StopWhen>,
    /// `probes`.
    pub probes: Vec<Probe>,
    /// `preflight`.
    pub preflight: Vec<Step>,
    /// `steps`.
    pub steps: Vec<Step>,
    /// `cleanup`.
    pub cleanup: Cleanup,
    /// `outputs`.
    pub outputs: BTreeMap<String, Template>,
    /// `notify`.
    pub notify: Vec<Notify>,
    /// What a playbook says besides; nothing of a runbook.
    pub playbook: Option<Playbook>,
    /// `lifeboat.yaml`, where there is one.
    pub project: Option<Project>,
    /// What this version reads and checks but does not execute, with the place of its first use.
    pub not_yet: Vec<NotYet>,
}

/// Drill or recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A rehearsal.
    Drill,
    /// For real.
    Recovery,
}

impl Mode {
    /// The word of `run.mode`: `drill` or `recovery`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Drill => "drill",
            Self::Recovery => "recovery",
        }
    }
}

/// All that is known of every run in a mode.
struct OnlyTheMode(Mode);

impl Scope for OnlyTheMode {
    fn value(&self, names: &[&str]) -> Option<Value> {
        (names == ["run", "mode"]).then(|| self.0.word().into())
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

/// Runbook or playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A procedure.
    Runbook,
    /// An incident, with people and decisions.
    Playbook,
}

/// A part of the language that is read and checked but not executed by this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotYet {
    /// The key or value, as written: `parallel`, `kind: playbook`.
    pub feature: String,
    /// Its place in the first source.
    pub range: Range<usize>,
}

/// `concurrency`.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrency {
    /// Runs with the same key in an account and Region exclude each other.
    pub key: Template,
    /// Whether a second run waits; else it is refused.
    pub waits: bool,
}

/// `review`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The day somebody last read it through.
    pub last: NaiveDate,
    /// How often that should be done.
    pub every: TimeDelta,
}

/// `objectives`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objectives {
    /// The recovery time objective.
    pub rto: Option<TimeDelta>,
    /// The recovery point objective.
    pub rpo: Option<TimeDelta>,
}

/// `loss`: what "data lost" means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// Writes stop when service is lost.
    #[default]
    Outage,
    /// Writes go on after the data went bad, until somebody stops them.
    Corruption,
}

/// An entry of `inputs`.
#[derive(Clone, Debug, PartialEq)]
pub struct InputDeclaration {
    /// The name behind `inputs.`.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// The value when none is given.
    pub default: Option<Value>,
    /// Whether one must be given.
    pub required: bool,
    /// A regular expression the text must match.
    pub pattern: Option<String>,
    /// The only values there are, if any are named.
    pub allowed: Vec<Value>,
    /// One sentence.
    pub description: Option<String>,
}

/// Where a secret is kept; an entry of `secrets`.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretReference {
    /// Which store: `secretsmanager`, `ssm`, `env`, `file`.
    pub store: SecretStore,
    /// Its name there.
    pub name: Template,
    /// The key of a JSON secret.
    pub key: Option<String>,
    /// Another Region than the target's.
    pub region: Option<Template>,
    /// `AWSCURRENT` unless said.
    pub version_stage: Option<String>,
    /// False for values such as a host name, which need not be masked.
    pub sensitive: bool,
}

/// Where a secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretStore {
    /// AWS Secrets Manager.
    SecretsManager,
    /// SSM Parameter Store.
    Ssm,
    /// An environment variable.
    Environment,
    /// A file.
    File,
}

/// `target`: the account and Region it acts in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// The only account it may act in.
    pub account: Option<Template>,
    /// The Region of every step that does not say another.
    pub region: Option<Template>,
    /// Named Regions, such as `primary` and `recovery`.
    pub regions: BTreeMap<String, Template>,
    /// The target of `lifeboat.yaml` it begins with.
    pub name: Option<String>,
    /// The profile of the AWS configuration; only in `lifeboat.yaml`.
    pub profile: Option<String>,
    /// The role to assume, by mode; the same for both where one name was given.
    pub role: Option<TargetRole>,
}

/// Whether this is written like a Region of AWS: `eu-west-1`, `us-gov-east-1`
/// (<https://docs.aws.amazon.com/general/latest/gr/rande.html>). Which there are changes from year to year.
pub fn is_region(text: &str) -> bool {
    let mut parts = text.split('-').rev();
    let number = parts
        .next()
        .is_some_and(|last| (1..=2).contains(&last.len()) && last.bytes().all(|byte| byte.is_ascii_digit()));
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &&str| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    number && words.len() >= 2 && words.iter().all(is_word)
}

/// `target.role`.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRole {
    /// In a drill.
    pub drill: Option<Template>,
    /// In a recovery.
    pub recovery: Option<Template>,
    /// What the role's trust policy wants to be told.
    pub external_id: Option<Template>,
}

/// An entry of `allow`: what a drill may modify or destroy though it did not make it.
#[derive(Clone, Debug, PartialEq)]
pub struct Allow {
    /// Which resource.
    pub resource: AllowedResource,
    /// Which actions; empty permits those that modify, and none that destroys.
    pub actions: Vec<String>,
    /// Where it stands.
    pub range: Range<usize>,
}

/// Which resource an `allow` entry names.
#[derive(Clone, Debug, PartialEq)]
pub enum AllowedResource {
    /// By identifier.
    Id(Template),
    /// By ARN.
    Arn(Template),
    /// By a tag, `key=value`.
    Tag(Template),
}

/// `on_failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Take back what was done.
    Undo,
    /// Leave everything and wait for the operator.
    Pause,
}

/// `cleanup`.
#[derive(Clone, Debug, PartialEq)]
pub enum Cleanup {
    /// What the run created or modified is undone, last first, in a drill; nothing in a recovery.
    Auto,
    /// Nothing, and the outcome names what is kept.
    None,
    /// These steps.
    Steps(Vec<Step>),
}

/// The kind of resource that `stop_when` names.
pub const ALARM: &str = "cloudwatch:alarm";

/// An entry of `stop_when`: an alarm that ends a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StopWhen {
    /// The alarm's name.
    pub alarm: Template,
    /// What INSUFFICIENT_DATA means.
    pub insufficient_data: InsufficientData,
    /// In which modes it stops the run; in the others it only shows.
    pub modes: Vec<Mode>,
}

/// `insufficient_data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InsufficientData {
    /// Not said: a drill does not start with it, and is not stopped by it.
    #[default]
    NotAtStart,
    /// `ok`: nothing.
    Ok,
    /// `stop`: the same as ALARM.
    Stop,
}

/// An entry of `probes`: a check that runs beside the steps and measures the downtime.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// One look, as a step that only reads; its path is `probe:` and the id.
    pub look: Step,
    /// `every`: from one look to the next.
    pub every: TimeDelta,
    /// `hold`: how long it must stay up to have held.
    pub hold: Option<TimeDelta>,
    /// `marks` by moment.
    pub marks: BTreeMap<ProbeMoment, MarkName>,
}

/// When a probe sets a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeMoment {
    /// When it was seen to go down for the first time.
    FirstDown,
    /// When it had been up for as long as it must, after it was down or the run had committed.
    HeldUp,
}

impl ProbeMoment {
    /// The key of `marks`.
    pub fn word(self) -> &'static str {
        match self {
            Self::FirstDown => "first_down",
            Self::HeldUp => "held_up",
        }
    }
}

/// A step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// Its place in the run.
    pub path: StepPath,
    /// `name`, for people.
    pub name: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// Where it stands: the index of the source and the bytes.
    pub source: usize,
    /// The bytes of the step's `id`.
    pub range: Range<usize>,
    /// What it does.
    pub work: Work,
    /// `if`.
    pub condition: Option<Expression>,
    /// `needs`: paths of siblings in a `parallel`.
    pub needs: Vec<StepPath>,
    /// `wait`.
    pub wait: Wait,
    /// `timeout`: one attempt with its wait.
    pub timeout: Option<TimeDelta>,
    /// `retry`.
    pub retry: Option<Retry>,
    /// `assert`.
    pub assert: Vec<Expression>,
    /// `on_fail` of a preflight entry.
    pub on_fail: Option<OnFail>,
    /// `on_failure`.
    pub on_failure: Option<OnFailure>,
    /// `continue_on_error`.
    pub continue_on_error: bool,
    /// `undo`.
    pub undo: Undo,
    /// `commit`: nothing where the step does not say.
    pub commit: Option<bool>,
    /// `marks` by moment.
    pub marks: BTreeMap<MarkMoment, MarkName>,
    /// `recovery_point`.
    pub recovery_point: Option<RecoveryPoint>,
    /// `region`.
    pub region: Option<Template>,
    /// `target` of the step.
    pub target: Option<Target>,
    /// The effect: the step's own `effect:`, else that of the action; read for what is not an action.
    pub effect: Option<Effect>,
    /// `touches` of the step: resources named where the action's spec cannot know them.
    pub touches: Vec<Template>,
    /// How long it usually takes: `expect`, else what is typical of the action.
    pub expect: Option<TimeDelta>,
    /// Where `expect` is from; nothing where it is not known.
    pub expect_source: Option<ExpectSource>,
}

/// Where an expected duration is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectSource {
    /// `expect:` in the runbook.
    Runbook,
    /// A publication about the action: which.
    Published(String),
    /// An assumption of Lifeboat's authors: nobody has published it.
    Assumed,
}

impl ExpectSource {
    /// In words, after "from" or in brackets.
    pub fn words(&self) -> &str {
        match self {
            Self::Runbook => "`expect` in the runbook",
            Self::Published(source) => source,
            Self::Assumed => "assumed by Lifeboat",
        }
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// `action` and `with`.
    Action {
        /// The name in the catalogue.
        action: String,
        /// The parameters given.
        with: BTreeMap<String, Template>,
        /// `outputs` of `aws.call` and `command.run`: what is selected from the reply.
        outputs: BTreeMap<String, Expression>,
    },
    /// `parallel`.
    Parallel(Vec<Step>),
    /// `steps`.
    Sequence(Vec<Step>),
    /// `foreach`.
    Foreach {
        /// The list or map.
        items: Template,
        /// `key`.
        key: Option<Expression>,
        /// `max_parallel`.
        max_parallel: u32,
        /// `max_failures`.
        max_failures: u32,
        /// The steps for each item.
        body: Vec<Step>,
    },
    /// `runbook`: another file as one step.
    Runbook {
        /// The path as written, relative to the file that names it.
        file: String,
        /// Its inputs.
        with: BTreeMap<String, Template>,
        /// The other file, checked.
        plan: Box<Plan>,
    },
    /// `manual`.
    Manual(Manual),
    /// `decide`.
    Decide(Decide),
    /// `approve`.
    Approve(Approve),
    /// `pause`.
    Pause(TimeDelta),
}

/// `manual`: somebody does something outside and confirms it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manual {
    /// What to do, Markdown.
    pub instructions: Template,
    /// What must be shown.
    pub evidence: BTreeMap<String, bool>,
    /// What may be handed in.
    pub fields: BTreeMap<String, Type>,
    /// `timeout`.
    pub timeout: Option<TimeDelta>,
    /// `on_timeout`: `fail`, `continue`, `abort`.
    pub on_timeout: Option<String>,
}

/// `decide`: somebody chooses, with a reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Decide {
    /// The question.
    pub question: Template,
    /// Who decides.
    pub role: Option<String>,
    /// The options in the order of the file.
    pub options: Vec<DecideOption>,
    /// What may be handed in.
    pub fields: BTreeMap<String, Type>,
    /// `timeout`.
    pub timeout: Option<TimeDelta>,
    /// `on_timeout`: an option, `fail`, `abort`.
    pub on_timeout: Option<String>,
}

/// An option of `decide`.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideOption {
    /// Its id: what `outputs.choice` says.
    pub id: String,
    /// What it means.
    pub label: String,
    /// When it is there to be chosen.
    pub when: Option<Expression>,
}

/// `approve`: somebody permits or rejects.
#[derive(Clone, Debug, PartialEq)]
pub struct Approve {
    /// What is to be permitted.
    pub message: Template,
    /// Who may: `role:…`, `arn:…`, `person:…`.
    pub from: Vec<String>,
    /// How many must.
    pub at_least: u32,
    /// Whether the operator may not.
    pub not_the_operator: bool,
    /// What may be handed in.
    pub fields: BTreeMap<String, Type>,
    /// `timeout`.
    pub timeout: Option<TimeDelta>,
    /// `on_timeout`: `reject`, `abort`.
    pub on_timeout: Option<String>,
    /// Whether a rejection stops the run (`on_reject: stop`, the default).
    pub reject_stops: bool,
}

/// `wait`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wait {
    /// What to wait for.
    pub until: WaitUntil,
    /// `fail_if`.
    pub fail_if: Option<Expression>,
    /// `timeout`: of the wait alone.
    pub timeout: Option<TimeDelta>,
    /// `every`: how often it is looked at.
    pub every: Option<TimeDelta>,
    /// `hold`: how long it must stay true.
    pub hold: Option<TimeDelta>,
}

/// What to wait for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum WaitUntil {
    /// The action's first readiness.
    #[default]
    Default,
    /// `none`: not at all.
    None,
    /// `for`: a readiness the action names.
    Readiness(String),
    /// `until`: an expression over `outputs`.
    Expression(Expression),
}

/// `retry`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How many attempts in all, the first included.
    pub attempts: u32,
    /// Before the second attempt.
    pub delay: TimeDelta,
    /// Each further delay is this many times longer.
    pub backoff: f64,
    /// No delay is longer.
    pub max_delay: Option<TimeDelta>,
    /// Which errors; empty means all but a false assert.
    pub errors: Vec<String>,
}

/// `on_fail` of a preflight entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFail {
    /// Do not start.
    Refuse,
    /// Ask the operator.
    Ask,
    /// Go on with a finding.
    Warn,
}

/// `undo`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Undo {
    /// The action's own where it creates or modifies.
    #[default]
    Default,
    /// `true`.
    Own,
    /// `false`.
    Never,
    /// Another action.
    Action {
        /// Its name.
        action: String,
        /// Its parameters.
        with: BTreeMap<String, Template>,
    },
}

/// When a step sets a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkMoment {
    /// When it starts.
    Started,
    /// When it has succeeded.
    Succeeded,
    /// When it has failed.
    Failed,
}

/// `recovery_point`: what the recovered data itself says of how far it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveryPoint {
    /// The newest row.
    pub newest: Expression,
    /// How often a row is written.
    pub cadence: Option<TimeDelta>,
    /// The newest row at the source when service was lost.
    pub source_newest: Option<Expression>,
}

/// The words of [`Step::kind`] of steps that only hold others.
pub const GROUPS: [&str; 4] = ["parallel", "steps", "foreach", "runbook"];

impl Step {
    /// Whether it only holds other steps.
    pub fn is_group(&self) -> bool {
        GROUPS.contains(&self.kind())
    }

    /// All lists of steps inside it: its children, or the preflight, the steps and the cleanup of the runbook it runs.
    pub fn lists(&self) -> [&[Step]; 3] {
        match &self.work {
            Work::Runbook { plan, .. } => plan.lists(),
            _ => [self.children(), &[], &[]],
        }
    }

    /// The steps inside it.
    pub fn children(&self) -> &[Step] {
        match &self.work {
            Work::Parallel(steps) | Work::Sequence(steps) | Work::Foreach { body: steps, .. } => steps,
            Work::Runbook { plan, .. } => &plan.steps,
            Work::Action { .. } | Work::Manual(_) | Work::Decide(_) | Work::Approve(_) | Work::Pause(_) => {
                &[]
            }
        }
    }

    /// The action's name, if it is an action.
    pub fn action(&self) -> Option<&str> {
        match &self.work {
            Work::Action { action, .. } => Some(action),
            _ => None,
        }
    }

    /// Whether a run in this mode may come to it: not where its `if` is false for everything but the mode.
    pub fn may_run_in(&self, mode: Mode) -> bool {
        let condition = self.condition.as_ref().map(|condition| condition.evaluate(&OnlyTheMode(mode)));
        !matches!(condition, Some(Ok(Value::Bool(false))))
    }

    /// The only mode that may come to it, where its `if` rules the other out.
    pub fn only_in(&self) -> Option<Mode> {
        match (self.may_run_in(Mode::Drill), self.may_run_in(Mode::Recovery)) {
            (true, false) => Some(Mode::Drill),
            (false, true) => Some(Mode::Recovery),
            _ => None,
        }
    }

    /// The key that says what the step does: `action`, `manual`, …
    pub fn kind(&self) -> &'static str {
        match &self.work {
            Work::Action { .. } => "action",
            Work::Parallel(_) => "parallel",
            Work::Sequence(_) => "steps",
            Work::Foreach { .. } => "foreach",
            Work::Runbook { .. } => "runbook",
            Work::Manual(_) => "manual",
            Work::Decide(_) => "decide",
            Work::Approve(_) => "approve",
            Work::Pause(_) => "pause",
        }
    }
}

impl Plan {
    /// Cleanup steps, if it has its own.
    pub fn cleanup_steps(&self) -> &[Step] {
        match &self.cleanup {
            Cleanup::Steps(steps) => steps,
            Cleanup::Auto | Cleanup::None => &[],
        }
    }

    /// Its three lists of steps: preflight, steps, cleanup.
    pub fn lists(&self) -> [&[Step]; 3] {
        [&self.preflight, &self.steps, self.cleanup_steps()]
    }

    /// The step at `path`, in any phase, at any depth, also in runbooks that it runs. The path may be that of an item
    /// (`each[orders].restore`); the step's own path is that of the plan (`each[*].restore`).
    pub fn step(&self, path: &StepPath) -> Option<&Step> {
        fn find<'plan>(lists: [&'plan [Step]; 3], path: &StepPath) -> Option<&'plan Step> {
            lists
                .into_iter()
                .flatten()
                .find_map(|step| if step.path == *path { Some(step) } else { find(step.lists(), path) })
        }
        find(self.lists(), &path.planned())
    }

    /// Every step at any depth, the outer ones before those inside them.
    pub fn every_step(&self) -> Vec<&Step> {
        fn collect<'plan>(lists: [&'plan [Step]; 3], found: &mut Vec<&'plan Step>) {
            for step in lists.into_iter().flatten() {
                found.push(step);
                collect(step.lists(), found);
            }
        }
        let mut found = Vec::new();
        collect(self.lists(), &mut found);
        found
    }

    /// Every probe, also of runbooks that it runs.
    pub fn every_probe(&self) -> Vec<&Probe> {
        let inside = self.every_step().into_iter().filter_map(|step| match &step.work {
            Work::Runbook { plan, .. } => Some(&plan.probes),
            _ => None,
        });
        std::iter::once(&self.probes).chain(inside).flatten().collect()
    }

    /// Every entry of `stop_when`, also of runbooks that it runs.
    pub fn every_stop_when(&self) -> impl Iterator<Item = &StopWhen> {
        let inside = self.every_step().into_iter().filter_map(|step| match &step.work {
            Work::Runbook { plan, .. } => Some(&plan.stop_when),
            _ => None,
        });
        std::iter::once(&self.stop_when).chain(inside).flatten()
    }

    /// Roles of the runbook and of those that it runs, by name; true where somebody must hold it.
    pub fn every_role(&self) -> BTreeMap<&str, bool> {
        let inner = self.every_step().into_iter().filter_map(|step| match &step.work {
            Work::Runbook { plan, .. } => Some(&plan.roles),
            _ => None,
        });
        let mut roles = BTreeMap::new();
        for (role, required) in std::iter::once(&self.roles).chain(inner).flatten() {
            *roles.entry(role.as_str()).or_default() |= required;
        }
        roles
    }

    /// Puts `base` before every path in it: the plan is run by the step that `base` names.
    pub(crate) fn move_under(&mut self, base: &str) {
        fn moved(steps: &mut [Step], base: &str) {
            let under = |path: &StepPath| StepPath::new(format!("{base}{path}"));
            for step in steps {
                step.path = under(&step.path);
                step.needs.iter_mut().for_each(|need| *need = under(need));
                match &mut step.work {
                    Work::Parallel(inner) | Work::Sequence(inner) | Work::Foreach { body: inner, .. } => {
                        moved(inner, base);
                    }
                    Work::Runbook { plan, .. } => plan.move_under(base),
                    _ => {}
                }
            }
        }
        for probe in &mut self.probes {
            moved(std::slice::from_mut(&mut probe.look), base);
        }
        moved(&mut self.preflight, base);
        moved(&mut self.steps, base);
        if let Cleanup::Steps(steps) = &mut self.cleanup {
            moved(steps, base);
        }
    }
}
