//! Steps that wait for people or for time: what is asked, and what an answer comes to.

use super::{Command, Decision, Here};
use chrono::TimeDelta;
use lifeboat_journal::event::{Answer, Choice, EventKind, Failure, Question, Values};
use lifeboat_journal::state::{APPROVE, Asked, Moment, StepState};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Approve, Decide, Manual, Step, Work};
use lifeboat_runbook::spec::Type;
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// The code of the error of a step whose approval was rejected.
pub const REJECTED: &str = "rejected";

/// The code of the error of a step that ends the run because nobody answered.
pub const ABORTED: &str = "aborted";

/// The purpose of the timer of a `pause`.
const PAUSE: &str = "pause";

/// What follows from a question: an outcome of its step.
enum Came {
    Out(Values),
    Failed(Failure),
}

impl Decision<'_> {
    /// Begins a step that asks people or waits for time.
    pub(super) fn begin_waiting(&self, here: Here<'_>) -> Vec<Command> {
        let started = Command::record_step(here.path, self.intent(here, Values::new()));
        if matches!(here.step.work, Work::Pause(_)) {
            return vec![started];
        }
        match self.ask(here) {
            asked @ Command::Record { .. } if is_question(&asked) => vec![started, asked],
            failed => vec![failed],
        }
    }

    /// Asks the question of a step, or fails it where it cannot be put.
    pub(super) fn ask(&self, here: Here<'_>) -> Command {
        match self.question(here) {
            Ok(question) => Command::record_step(here.path, EventKind::PersonAsked(Box::new(question))),
            Err(failure) => self.fail(here, failure),
        }
    }

    /// Goes on with a `pause`: until its time is over.
    pub(super) fn pausing(&self, here: Here<'_>, state: &StepState, time: TimeDelta) -> Command {
        if state.fired.iter().any(|purpose| purpose == PAUSE) {
            return Command::record_step(here.path, EventKind::StepSucceeded { outputs: Values::new() });
        }
        let since = state.attempt_started.map(|started| started.at).unwrap_or_default();
        Command::Wake { step: here.path.clone(), purpose: PAUSE, due: since + time }
    }

    fn question(&self, here: Here<'_>) -> Result<Question, Failure> {
        match &here.step.work {
            Work::Manual(manual) => self.manual(manual, here.path),
            Work::Decide(decide) => self.choice(decide, here.path),
            Work::Approve(approve) => self.approval(approve, here.path),
            _ => Err(expression(format!("`{}` asks nobody", here.step.kind()))),
        }
    }

    fn manual(&self, manual: &Manual, own: &StepPath) -> Result<Question, Failure> {
        let options = choices(&[("done", "it is done"), ("failed", "it cannot be done")]);
        Ok(Question {
            fields: field_types(&manual.fields),
            evidence: manual.evidence.clone(),
            timeout_s: manual.timeout.map(seconds),
            on_timeout: manual.on_timeout.clone(),
            ..Question::new("manual", self.text(&manual.instructions, own)?, options)
        })
    }

    fn choice(&self, decide: &Decide, own: &StepPath) -> Result<Question, Failure> {
        let mut options = Vec::new();
        for option in &decide.options {
            let applies = match &option.when {
                None => true,
                Some(when) => {
                    let value = when.evaluate(&self.scope(own)).map_err(|error| expression(error.message))?;
                    value.as_bool().ok_or_else(|| expression(format!("`{}` is no boolean", when.text)))?
                }
            };
            if applies {
                options.push(Choice { id: option.id.clone(), label: option.label.clone() });
            }
        }
        if options.is_empty() {
            return Err(expression("no option applies: each `when` is false".to_owned()));
        }
        Ok(Question {
            fields: field_types(&decide.fields),
            from: decide.role.iter().map(|role| format!("role:{role}")).collect(),
            timeout_s: decide.timeout.map(seconds),
            on_timeout: decide.on_timeout.clone(),
            ..Question::new("decide", self.text(&decide.question, own)?, options)
        })
    }

    fn approval(&self, approve: &Approve, own: &StepPath) -> Result<Question, Failure> {
        let options = choices(&[("approve", "permit it"), ("reject", "do not permit it")]);
        Ok(Question {
            fields: field_types(&approve.fields),
            from: approve.from.clone(),
            at_least: approve.at_least,
            not_the_operator: approve.not_the_operator,
            timeout_s: approve.timeout.map(seconds),
            on_timeout: approve.on_timeout.clone(),
            ..Question::new("approve", self.text(&approve.message, own)?, options)
        })
    }

    fn text(&self, template: &Template, own: &StepPath) -> Result<String, Failure> {
        let value = template.evaluate(&self.scope(own)).map_err(|error| expression(error.message))?;
        Ok(value.to_string())
    }

    /// Goes on with a step that asks: its outcome, once there is an answer or the time is over.
    pub(super) fn asking(&self, here: Here<'_>, asked: &Asked) -> Command {
        let Here { step, path, .. } = here;
        let came = match (&asked.answer, &asked.timed_out) {
            (Some((by, at, answer)), _) => answered(step, asked, by, Value::Time(at.at), answer),
            (None, Some((then, at))) => timed_out(step, then, Value::Time(at.at)),
            (None, None) => return Command::Ask { step: path.clone(), asked: asked.at.seq },
        };
        match came {
            Came::Out(outputs) => match self.first_false(here, &outputs) {
                None => Command::record_step(path, EventKind::StepSucceeded { outputs }),
                Some(failure) => self.fail(here, failure),
            },
            Came::Failed(error) => self.fail(here, error),
        }
    }

    /// The first assert of a step that is not true of its outputs.
    pub(super) fn first_false(&self, here: Here<'_>, outputs: &Values) -> Option<Failure> {
        let scope = crate::scope::RunScope { own_outputs: Some(outputs), ..self.scope(here.path) };
        here.step.assert.iter().find_map(|assert| match assert.evaluate(&scope) {
            Ok(Value::Bool(true)) => None,
            Ok(_) => Some(failure("assert", format!("`{}` is false", assert.text))),
            Err(error) => Some(expression(format!("`{}`: {}", assert.text, error.message))),
        })
    }
}

fn is_question(command: &Command) -> bool {
    matches!(command, Command::Record { kind, .. } if matches!(**kind, EventKind::PersonAsked(_)))
}

/// What follows if nobody answers and the runbook does not say.
pub(crate) fn on_timeout(question: &Question) -> String {
    let default = if question.kind == "approve" { "reject" } else { "fail" };
    question.on_timeout.clone().unwrap_or_else(|| default.to_owned())
}

fn answered(step: &Step, asked: &Asked, by: &str, at: Value, answer: &Answer) -> Came {
    let reason = answer.reason.clone().unwrap_or_default();
    let mut outputs = Values::from([
        ("by".to_owned(), by.into()),
        ("at".to_owned(), at),
        ("fields".to_owned(), Value::Map(answer.fields.clone())),
    ]);
    match (&step.work, answer.choice.as_str()) {
        (Work::Manual(_), "failed") => {
            return Came::Failed(failure("not_done", format!("{by} could not do it: {reason}")));
        }
        (Work::Manual(_), _) => {
            let evidence = answer.evidence.iter();
            let evidence = evidence.map(|(kind, text)| (kind.clone(), text.as_str().into())).collect();
            outputs.insert("evidence".to_owned(), Value::Map(evidence));
        }
        (Work::Approve(approve), "reject") if approve.reject_stops => {
            return Came::Failed(failure(REJECTED, format!("{by} rejected it: {reason}")));
        }
        (Work::Approve(_), choice) => {
            let names: Vec<&str> = asked.answers.iter().map(|(by, ..)| by.as_str()).collect();
            outputs.insert("by".to_owned(), names.join(", ").into());
            outputs.insert("approved".to_owned(), Value::Bool(choice == APPROVE));
            outputs.insert("answers".to_owned(), Value::List(asked.answers.iter().map(entry).collect()));
            outputs.insert("reason".to_owned(), reason.into());
        }
        (_, choice) => {
            outputs.insert("choice".to_owned(), choice.into());
            outputs.insert("reason".to_owned(), reason.into());
        }
    }
    Came::Out(outputs)
}

/// An answer as later steps may read it.
fn entry((by, at, answer): &(String, Moment, Box<Answer>)) -> Value {
    let reason = answer.reason.as_deref().unwrap_or_default();
    let texts = [("by", by.as_str()), ("choice", &answer.choice), ("reason", reason)];
    let mut entry: Values = texts.map(|(name, text)| (name.to_owned(), text.into())).into();
    entry.insert("at".to_owned(), Value::Time(at.at));
    Value::Map(entry)
}

const NOBODY: &str = "nobody answered in time";

fn timed_out(step: &Step, then: &str, at: Value) -> Came {
    let common = || {
        Values::from([
            ("by".to_owned(), Value::Null),
            ("at".to_owned(), at.clone()),
            ("reason".to_owned(), NOBODY.into()),
            ("fields".to_owned(), Value::Map(Values::new())),
        ])
    };
    let with = |name: &str, value: Value| {
        let mut outputs = common();
        outputs.insert(name.to_owned(), value);
        Came::Out(outputs)
    };
    match (&step.work, then) {
        (_, "fail") => Came::Failed(failure("timeout", NOBODY.to_owned())),
        (_, "abort") => Came::Failed(failure(ABORTED, NOBODY.to_owned())),
        (Work::Approve(approve), _) if approve.reject_stops => {
            Came::Failed(failure(REJECTED, format!("rejected: {NOBODY}")))
        }
        (Work::Approve(_), _) => with("approved", Value::Bool(false)),
        (Work::Manual(_), _) => with("evidence", Value::Map(Values::new())),
        (_, option) => with("choice", option.into()),
    }
}

fn choices(options: &[(&str, &str)]) -> Vec<Choice> {
    let choice = |(id, label): &(&str, &str)| Choice { id: (*id).to_owned(), label: (*label).to_owned() };
    options.iter().map(choice).collect()
}

fn field_types(fields: &BTreeMap<String, Type>) -> BTreeMap<String, String> {
    fields.iter().map(|(name, kind)| (name.clone(), kind.to_string())).collect()
}

fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1000.0
}

pub(super) fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message, hint: None, refused: true }
}

pub(super) fn expression(message: String) -> Failure {
    failure("expression", message)
}
