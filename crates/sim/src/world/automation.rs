//! An execution of an automation: steps in turn, some of which wait for somebody.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

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
}

/// How a step ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnding {
    /// Well.
    Success,
    /// Badly: the status, and the message.
    Badly(String, String),
}

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

    /// AutomationExecutionStatus at an instant.
    pub fn status(&self, now: DateTime<Utc>) -> &str {
        match self.stopped {
            Some(stop) if stop.ends_at <= now => return "Cancelled",
            Some(stop) if stop.asked_at <= now => return "Cancelling",
            _ => (),
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

    /// Answers the step that waits: the steps after it begin, or it fails. Tells whether one waited.
    pub(crate) fn answer(&mut self, now: DateTime<Utc>, approved: bool, message: String) -> bool {
        let Some(place) = self.steps.iter().position(|step| step.is_waiting(now)) else { return false };
        let step = &mut self.steps[place];
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
