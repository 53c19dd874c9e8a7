//! An execution of an automation: steps in turn, some of which wait for somebody.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::rate::{Queue, Rate};

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automation {
    /// AutomationExecutionId.
    pub id: String,
    /// DocumentName.
    pub document: String,
    /// Parameters, with the defaults.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// ClientToken, in lower case.
    pub token: Option<String>,
    /// The parameters as they were sent, for the comparison of repeated requests.
    pub sent: BTreeMap<String, Vec<String>>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The ARN of who started it.
    pub executed_by: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Its steps.
    pub steps: Vec<AutomationStep>,
    /// Why it was stopped: when, and when that took effect.
    pub stopped: Option<Stop>,
    /// What it runs for, each in an execution of its own.
    pub targeted: Option<Targeted>,
    /// The execution that runs this one for one of its targets, and the target.
    pub parent: Option<(String, String)>,
    /// Whether it never begins: too many of the others had failed, or they were stopped.
    pub given_up: bool,
}

/// The targets of an execution and its rate controls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targeted {
    /// TargetParameterName.
    pub parameter: String,
    /// Targets as sent.
    pub targets: Vec<(String, Vec<String>)>,
    /// What they came to.
    pub resolved: Vec<String>,
    /// MaxConcurrency.
    pub max_concurrency: Rate,
    /// MaxErrors.
    pub max_errors: Rate,
}

/// A stop that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// When nothing runs any more.
    pub ends_at: DateTime<Utc>,
}

/// A step. When it begins is known as soon as nothing has to be waited for before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomationStep {
    /// StepExecutionId.
    pub id: String,
    /// StepName.
    pub name: String,
    /// Action.
    pub action: String,
    /// How long it takes; of an approval, how long it is waited for.
    pub takes: TimeDelta,
    /// How it ends by itself.
    pub ending: StepEnding,
    /// What goes into it.
    pub inputs: BTreeMap<String, String>,
    /// What it leaves when it succeeds.
    pub outputs: BTreeMap<String, Vec<String>>,
    /// When it begins.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub ends_at: Option<DateTime<Utc>>,
    /// Who has permitted an approval.
    pub permitted_by: Vec<String>,
}

/// How a step ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnding {
    /// Well.
    Success,
    /// Badly: the status, and the message.
    Badly(String, String),
}

/// The action of a step that is an execution of its own.
pub(crate) const EXECUTE: &str = "aws:executeAutomation";

/// The action that waits for a signal.
pub(crate) const APPROVE: &str = "aws:approve";

impl AutomationStep {
    /// StepStatus at an instant.
    pub fn status(&self, now: DateTime<Utc>) -> &str {
        match (self.starts_at, self.ends_at) {
            (Some(start), Some(end)) if start <= now && end <= now => match &self.ending {
                StepEnding::Success => "Success",
                StepEnding::Badly(status, _) => status,
            },
            (Some(start), _) if start <= now && self.action == APPROVE => "Waiting",
            (Some(start), _) if start <= now => "InProgress",
            _ => "Pending",
        }
    }

    /// How many must permit an approval (SSM user guide, aws:approve, MinRequiredApprovals: 1 where it is not said).
    fn needed(&self) -> usize {
        let said = self.inputs.get("MinRequiredApprovals");
        said.and_then(|text| text.trim_matches('"').parse().ok()).unwrap_or(1)
    }

    /// Whether it waits for a signal.
    pub fn is_waiting(&self, now: DateTime<Utc>) -> bool {
        self.status(now) == "Waiting"
    }
}

impl Automation {
    /// The step that runs or waits.
    pub fn current(&self, now: DateTime<Utc>) -> Option<&AutomationStep> {
        self.steps.iter().find(|step| matches!(step.status(now), "InProgress" | "Waiting"))
    }

    /// The first step that ended badly.
    pub fn broken(&self, now: DateTime<Utc>) -> Option<(&str, &str)> {
        self.steps.iter().find_map(|step| match &step.ending {
            StepEnding::Badly(status, message) if step.ends_at.is_some_and(|end| end <= now) => {
                Some((status.as_str(), message.as_str()))
            }
            _ => None,
        })
    }

    /// Whether it has begun: an execution for a target does when it is its turn.
    pub fn is_there(&self, now: DateTime<Utc>) -> bool {
        !self.given_up && self.started_at <= now
    }

    /// AutomationExecutionStatus at an instant.
    pub fn status(&self, now: DateTime<Utc>) -> &str {
        match self.stopped {
            Some(stop) if stop.ends_at <= now => return "Cancelled",
            Some(stop) if stop.asked_at <= now => return "Cancelling",
            _ => (),
        }
        if let Some(targeted) = &self.targeted {
            return self.status_over_targets(targeted, now);
        }
        if let Some((status, _)) = self.broken(now) {
            return status;
        }
        match self.current(now) {
            Some(step) if step.is_waiting(now) => "Waiting",
            None if self.steps.iter().all(|step| step.status(now) == "Success") => "Success",
            _ => "InProgress",
        }
    }

    /// It has failed when more of its targets have than may; what fails within that is left to whoever reads the steps.
    fn status_over_targets(&self, targeted: &Targeted, now: DateTime<Utc>) -> &'static str {
        if self.steps.iter().any(|step| step.ends_at.is_some_and(|end| end > now)) {
            return "InProgress";
        }
        let failed = self.steps.iter().filter(|step| matches!(step.ending, StepEnding::Badly(..)));
        let limit = targeted.max_errors.stops_automations_at(targeted.resolved.len());
        if failed.count() >= limit { "Failed" } else { "Success" }
    }

    /// How it comes out, as far as is known now: when, and how badly. An approval that nobody answers ends too.
    fn course(&self) -> (DateTime<Utc>, StepEnding) {
        let end = self.steps.iter().filter_map(|step| step.ends_at).max().unwrap_or(self.started_at);
        if let Some(stop) = self.stopped {
            return (stop.ends_at, StepEnding::Badly("Cancelled".into(), "Automation was cancelled".into()));
        }
        let badly = self.steps.iter().filter(|step| step.ends_at.is_some()).map(|step| &step.ending);
        let badly = badly.into_iter().find(|ending| **ending != StepEnding::Success);
        (end, badly.cloned().unwrap_or(StepEnding::Success))
    }

    /// Lays out the executions for its targets, oldest first: those that have not begun do so when there is a place, as
    /// long as not too many have failed. Its own steps tell of them.
    pub(crate) fn lay_out_children(&mut self, children: &mut [&mut Automation], now: DateTime<Utc>) {
        let Some(targeted) = &self.targeted else { return };
        let all = targeted.resolved.len();
        let stops_at = targeted.max_errors.stops_automations_at(all);
        let mut queue = Queue::new(targeted.max_concurrency.of(all), self.started_at, stops_at);
        for (child, step) in children.iter_mut().zip(&mut self.steps) {
            let has_begun = child.is_there(now) && step.starts_at.is_some();
            let begins = if has_begun { Ok(child.started_at) } else { queue.next() };
            let stopped = self.stopped.is_some();
            match begins {
                Ok(begins) if has_begun || !stopped => {
                    if !has_begun {
                        child.given_up = false;
                        child.started_at = begins;
                        child.lay_out(0, begins);
                    }
                    let (ends_at, ending) = child.course();
                    queue.took(ends_at, ending != StepEnding::Success);
                    step.starts_at = Some(child.started_at);
                    step.ends_at = Some(ends_at);
                    step.ending = ending;
                }
                _ => {
                    child.given_up = true;
                    step.starts_at = None;
                    step.ends_at = None;
                    step.ending = StepEnding::Success;
                }
            }
        }
    }

    /// When it ended, if it did.
    pub fn ended_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.status(now) {
            "InProgress" | "Waiting" | "Cancelling" => None,
            "Cancelled" => self.stopped.map(|stop| stop.ends_at),
            _ => self.steps.iter().filter_map(|step| step.ends_at).max().or(Some(self.started_at)),
        }
    }

    /// Lays out the steps from one of them on, as far as nothing has to be waited for. An approval ends by itself when
    /// nobody answers in time.
    pub(crate) fn lay_out(&mut self, from: usize, at: DateTime<Utc>) {
        let mut start = at;
        for step in self.steps.iter_mut().skip(from) {
            step.starts_at = Some(start);
            step.ends_at = Some(start + step.takes);
            start += step.takes;
            if step.ending != StepEnding::Success {
                return;
            }
        }
    }

    /// Answers the step that waits: once enough have permitted it the steps after it begin; one rejection fails it. Tells
    /// whether one waited for this caller.
    pub(crate) fn answer(
        &mut self,
        now: DateTime<Utc>,
        approved: bool,
        caller: &str,
        message: String,
    ) -> bool {
        let Some(place) = self.steps.iter().position(|step| step.is_waiting(now)) else { return false };
        let step = &mut self.steps[place];
        if step.permitted_by.iter().any(|by| by == caller) {
            return false;
        }
        if approved {
            step.permitted_by.push(caller.to_owned());
            if step.permitted_by.len() < step.needed() {
                return true;
            }
        }
        step.ends_at = Some(now);
        step.ending =
            if approved { StepEnding::Success } else { StepEnding::Badly("Failed".into(), message) };
        if approved {
            self.lay_out(place + 1, now);
        }
        true
    }

    /// Stops it: at once, or when the running step is through. What has not begun never will.
    pub(crate) fn stop(&mut self, now: DateTime<Utc>, after_step: bool, takes: TimeDelta) {
        let waits = self.current(now).is_some_and(|step| step.is_waiting(now));
        let running = self.current(now).and_then(|step| step.ends_at).filter(|_| after_step && !waits);
        let ends_at = running.unwrap_or(now + takes);
        self.stopped = Some(Stop { asked_at: now, ends_at });
        for step in &mut self.steps {
            if step.starts_at.is_none_or(|start| start > now) {
                step.starts_at = None;
                step.ends_at = None;
            } else if step.ends_at.is_none_or(|end| end > ends_at) {
                step.ends_at = Some(ends_at);
                step.ending = StepEnding::Badly("Cancelled".into(), "Step was cancelled".into());
            }
        }
    }
}
