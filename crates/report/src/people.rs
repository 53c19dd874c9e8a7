//! What people answered, for the report.

use lifeboat_journal::event::Answer;
use lifeboat_journal::state::{Moment, RunState};
use serde::Serialize;

/// An answer of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerRow {
    /// The step that asked.
    pub step: String,
    /// The answer.
    pub choice: String,
    /// Why, in the person's words; may be empty.
    pub reason: String,
    /// Who answered.
    pub by: String,
    /// The way it came.
    pub via: String,
    /// Who that was, as far as it could be told.
    pub who: String,
    /// What was handed in; of a file its place and its SHA-256.
    pub evidence: String,
    /// The rules of the question that it goes over; may be empty.
    pub overrides: String,
}

/// Every answer that counts, in the order of the steps.
pub(crate) fn answers(state: &RunState) -> Vec<AnswerRow> {
    let steps = state.steps_in_order().into_iter();
    let asked = steps.filter_map(|(path, _)| Some((path, state.steps.get(path)?)));
    let answers = asked.flat_map(|(path, step)| {
        let given = step.questions.iter().flat_map(|asked| &asked.answers);
        given.map(|(by, _, answer): &(String, Moment, Box<Answer>)| row(path.as_str(), by, answer))
    });
    answers.collect()
}

fn row(step: &str, by: &str, answer: &Answer) -> AnswerRow {
    let shown = answer.evidence.iter().filter(|(kind, _)| *kind != "file");
    let mut evidence: Vec<String> = shown.map(|(kind, text)| format!("{kind}: {text}")).collect();
    evidence.extend(answer.file.iter().map(|file| format!("file: {}, SHA-256 {}", file.path, file.sha256)));
    AnswerRow {
        step: step.to_owned(),
        choice: answer.choice.clone(),
        reason: answer.reason.clone().unwrap_or_default(),
        by: by.to_owned(),
        via: answer.via.clone(),
        who: answer.identity.as_ref().map(ToString::to_string).unwrap_or_default(),
        evidence: evidence.join("; "),
        overrides: answer.overrides.join("; "),
    }
}

/// Who holds which role, in a line; empty where nobody does.
pub(crate) fn roles(state: &RunState) -> String {
    let roles = state.roles.iter().map(|(role, person)| format!("{role}: {person}"));
    roles.collect::<Vec<_>>().join(", ")
}

/// What a playbook says besides, in a line; empty of a runbook.
pub(crate) fn playbook(state: &RunState) -> String {
    let Some(playbook) = state.started.as_ref().and_then(|started| started.playbook.as_ref()) else {
        return String::new();
    };
    let triggers = playbook.triggers.iter().map(|alarm| format!("alarm {alarm}"));
    playbook.severity.iter().cloned().chain(triggers).collect::<Vec<_>>().join(", ")
}
