//! What people are told of an event.

use chrono::{DateTime, Utc};
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_runbook::id::{RunId, StepPath};

/// A message about an event of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The run.
    pub run: RunId,
    /// The runbook's name.
    pub runbook: String,
    /// `drill` or `recovery`.
    pub mode: &'static str,
    /// `aws`, `simulated` or `endpoint:<url>`.
    pub cloud: String,
    /// What kind of event it is about, in the words of `notify`.
    pub event: &'static str,
    /// The number of that event.
    pub of: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The step it belongs to.
    pub step: Option<StepPath>,
    /// The first line.
    pub title: String,
    /// The rest; may be empty.
    pub text: String,
    /// The command that answers, of a question.
    pub command: Option<String>,
}

impl Message {
    /// What to tell of an event; nothing where nobody is told of such.
    pub fn of(event: &Event, state: &RunState) -> Option<Self> {
        let (word, what, text) = told(event, state)?;
        Some(Self::about(event.seq, event.at, event.step.clone(), state, word, &what, text))
    }

    /// What is told of an open question that an earlier process asked.
    pub(super) fn of_open(step: &StepPath, state: &RunState) -> Option<Self> {
        let asked = state.steps.get(step)?.asked()?;
        let what = format!("{step} asks");
        let text = asked.question.text.trim().to_owned();
        Some(Self::about(asked.at.seq, asked.at.at, Some(step.clone()), state, "asked", &what, text))
    }

    /// What a step of the runbook tells.
    pub(super) fn of_step(step: &StepPath, now: DateTime<Utc>, state: &RunState, text: &str) -> Self {
        let mut lines = text.trim().splitn(2, '\n');
        let (first, rest) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let seq =
            state.steps.get(step).and_then(|step| step.attempt_started).map_or(0, |started| started.seq);
        Self::about(seq, now, Some(step.clone()), state, "message", first, rest.trim().to_owned())
    }

    fn about(
        of: u64,
        at: DateTime<Utc>,
        step: Option<StepPath>,
        state: &RunState,
        event: &'static str,
        what: &str,
        text: String,
    ) -> Self {
        let started = state.started.as_deref();
        let runbook = started.map(|started| started.runbook.clone()).unwrap_or_default();
        let mode = started.map_or("run", |started| started.mode.word());
        let severity = started.and_then(|started| started.playbook.as_ref()?.severity.clone());
        let severity = severity.map(|severity| format!("{severity}, ")).unwrap_or_default();
        let run = state.run.clone().unwrap_or_else(|| RunId::new(""));
        let command = (event == "asked").then(|| {
            let question = state.steps.get(step.as_ref()?)?.asked()?;
            Some(question.question.command(&run, step.as_ref()?))
        });
        Self {
            title: format!("{runbook} ({severity}{mode} {}): {what}", run.short()),
            run,
            runbook,
            mode,
            cloud: started.map(|started| started.cloud.word()).unwrap_or_default(),
            event,
            of,
            at,
            step,
            text,
            command: command.flatten(),
        }
    }
}

/// The word of an event, what happened, and more about it.
fn told(event: &Event, state: &RunState) -> Option<(&'static str, String, String)> {
    let step = event.step.as_ref().map(ToString::to_string).unwrap_or_default();
    let who = event.actor.id.as_deref().unwrap_or("a person");
    let none = String::new;
    Some(match &event.kind {
        EventKind::RunStarted(started) => {
            ("started", format!("started by {}", started.operator), started.title.clone())
        }
        EventKind::PersonAsked(question) => {
            let who = question.who().map(|who| format!("\n({who})")).unwrap_or_default();
            ("asked", format!("{step} asks"), format!("{}{who}", question.text.trim()))
        }
        EventKind::PersonAnswered(answer) => (
            "answered",
            format!("{who} answered {step}: {}", answer.choice),
            answer.reason.clone().unwrap_or_default(),
        ),
        EventKind::StepFailed { error, allowed: false } => {
            ("failed", format!("{step} failed"), format!("{}: {}", error.code, error.message))
        }
        EventKind::CheckFailed { check, error, then } if then == "refuse" => {
            ("failed", format!("the check {check} does not hold"), error.message.clone())
        }
        EventKind::StepBlocked { on, error } => (
            "blocked",
            format!("{step} waits for {}", on.words()),
            format!("{}: {}", error.code, error.message),
        ),
        EventKind::RunPaused { why, .. } => ("paused", "paused".to_owned(), why.clone()),
        EventKind::RunResumed { by, .. } => {
            let by = by.as_ref().map(|by| format!(" by {}", by.name())).unwrap_or_default();
            ("resumed", format!("taken up again{by}"), none())
        }
        EventKind::UpdateDue { number, .. } => ("update", format!("update {number}"), standing(state)),
        EventKind::RtoMeasured(time) if time.met == Some(false) => {
            ("objective_missed", "the recovery time objective is missed".to_owned(), none())
        }
        EventKind::RpoMeasured(lost) if lost.met == Some(false) => {
            ("objective_missed", "the recovery point objective is missed".to_owned(), none())
        }
        EventKind::RunFinished(outcome) => ("finished", format!("finished: {}", outcome.word()), none()),
        _ => return None,
    })
}

/// Where a run stands, a line for each step that something is awaited of.
fn standing(state: &RunState) -> String {
    let (mut over, mut lines) = (0, Vec::new());
    let all = state.steps_in_order();
    for (path, _) in &all {
        let Some(step) = state.steps.get(*path) else { continue };
        match &step.status {
            status if status.is_over() => over += 1,
            StepStatus::Pending => {}
            status => lines.push(format!("{path}: {}", status.word())),
        }
    }
    lines.insert(0, format!("{over} of {} steps are over", all.len()));
    lines.join("\n")
}
