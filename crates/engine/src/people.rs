//! People in a run: whom the engine asks, and whether an answer fits its question.

use crate::action::Values;
use crate::circle::Circle;
use async_trait::async_trait;
use lifeboat_journal::artifact::Artifact;
use lifeboat_journal::event::{Answer, Question};
use lifeboat_journal::identity::Identity;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::spec::Type;
use lifeboat_runbook::suggestion::nearest;
use std::collections::BTreeMap;

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The step that asks.
    pub step: StepPath,
    /// The number of the question's event.
    pub asked: u64,
    /// The question.
    pub question: Question,
    /// The people who may answer, or have.
    pub circle: Circle,
}

impl Open {
    /// The last question of a step, as the run stands; nothing where it asked none.
    pub fn of(state: &RunState, step: &StepPath) -> Option<Self> {
        let asked = state.steps.get(step)?.asked()?;
        let (step, question) = (step.clone(), (*asked.question).clone());
        Some(Self { step, asked: asked.at.seq, question, circle: Circle::of(state, asked) })
    }
}

/// The way an answer came that was given before the run, in the journal.
pub const IN_ADVANCE: &str = "answers file";

/// An answer as it was given: all text, not judged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Who answered.
    pub by: String,
    /// One of the question's options.
    pub choice: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// What is handed in.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Evidence, by kind.
    #[serde(default)]
    pub evidence: BTreeMap<String, String>,
    /// The file that is handed in as evidence, kept with the run already.
    #[serde(default)]
    pub file: Option<Artifact>,
    /// Who that is, as far as it can be told; nothing: no more than the name.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// Whether the rules of the question shall not stop it.
    #[serde(default)]
    pub overrides: bool,
    /// The way it came: `terminal`, `command`, `answers file`.
    #[serde(default)]
    pub via: String,
}

impl Given {
    /// Who answers.
    pub fn identity(&self) -> Identity {
        self.identity.clone().unwrap_or_else(|| Identity::of_user(&self.by, ""))
    }
}

/// Somebody who can be asked.
#[async_trait]
pub trait People: Send + Sync {
    /// Waits for an answer; nothing where nobody is there who could give one.
    async fn answer(&self, open: &Open) -> Option<Given>;

    /// Tells whoever gave this answer that it does not fit; [`Self::answer`] is asked again.
    fn refuse(&self, open: &Open, given: &Given, problem: &str);
}

/// Nobody to ask: every question pauses the run.
pub struct Nobody;

#[async_trait]
impl People for Nobody {
    async fn answer(&self, _: &Open) -> Option<Given> {
        None
    }

    fn refuse(&self, _: &Open, _: &Given, _: &str) {}
}

/// Answers that end the matter without it having been done: they need no fields and no evidence.
const DECLINING: [&str; 2] = ["reject", "failed"];

/// The answer to journal, if what was given fits the question.
///
/// # Errors
/// What does not fit, in words for whoever answered.
pub fn accept(open: &Open, given: &Given) -> Result<Answer, String> {
    let question = &open.question;
    if !question.options.iter().any(|option| option.id == given.choice) {
        let words = || question.options.iter().map(|option| option.id.as_str());
        let known = words().collect::<Vec<_>>().join("`, `");
        let near = nearest(&given.choice, words()).map(|near| format!("; did you mean `{near}`?"));
        return Err(format!("`{}` is none of `{known}`{}", given.choice, near.unwrap_or_default()));
    }
    let declining = DECLINING.contains(&given.choice.as_str());
    let reason = given.reason.clone().filter(|reason| !reason.trim().is_empty());
    if reason.is_none() && (question.kind == "decide" || declining) {
        return Err("it needs a reason (--reason)".to_owned());
    }
    let fields = fields(question, given, declining)?;
    let mut broken = open.circle.broken(question, given);
    broken.extend(missing_evidence(question, given, declining)?);
    if let (Some(rule), false) = (broken.first(), given.overrides) {
        return Err(rule.clone());
    }
    if reason.is_none() && !broken.is_empty() {
        return Err("an override needs a reason (--reason)".to_owned());
    }
    Ok(Answer {
        asked: open.asked,
        choice: given.choice.clone(),
        reason,
        fields,
        evidence: given.evidence.clone(),
        file: given.file.clone(),
        identity: Some(Box::new(given.identity())),
        overrides: broken,
        via: given.via.clone(),
    })
}

fn fields(question: &Question, given: &Given, declining: bool) -> Result<Values, String> {
    if let Some(unknown) = given.fields.keys().find(|name| !question.fields.contains_key(*name)) {
        let known = question.fields.keys().map(String::as_str);
        return Err(match nearest(unknown, known) {
            Some(near) => format!("it asks for no field `{unknown}`; did you mean `{near}`?"),
            None => format!("it asks for no field `{unknown}`"),
        });
    }
    let mut fields = Values::new();
    for (name, kind) in &question.fields {
        match given.fields.get(name) {
            Some(text) => {
                let kind = Type::named(kind).unwrap_or(Type::String);
                let value = kind.read(text.as_str().into());
                fields.insert(name.clone(), value.map_err(|wrong| format!("the field `{name}`: {wrong}"))?);
            }
            None if declining => {}
            None => return Err(format!("the field `{name}` ({kind}) is missing (--field {name}=…)")),
        }
    }
    Ok(fields)
}

/// The evidence that is required and not there, in words.
fn missing_evidence(question: &Question, given: &Given, declining: bool) -> Result<Option<String>, String> {
    if let Some(kind) = given.evidence.keys().find(|kind| !question.evidence.contains_key(*kind)) {
        return Err(format!("it asks for no {kind}"));
    }
    let missing = question.evidence.iter().find(|(kind, required)| {
        **required && !declining && given.evidence.get(*kind).is_none_or(|text| text.trim().is_empty())
    });
    Ok(missing.map(|(kind, _)| format!("it needs evidence: a {kind} (--{kind} …)")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_journal::event::Choice;
    use lifeboat_runbook::value::Value;

    fn open(kind: &str, options: &[&str]) -> Open {
        let choice = |id: &&str| Choice { id: (*id).to_owned(), label: (*id).to_owned() };
        let question = Question {
            fields: BTreeMap::from([("bad_at".to_owned(), "time".to_owned())]),
            evidence: BTreeMap::from([("link".to_owned(), true)]),
            ..Question::new(kind, "?", options.iter().map(choice).collect())
        };
        Open { step: StepPath::new("ask"), asked: 7, question, circle: Circle::default() }
    }

    fn given(choice: &str, more: &[(&str, &str)]) -> Given {
        let mut given = Given { by: "alice".into(), choice: choice.into(), ..Given::default() };
        for (key, value) in more {
            match *key {
                "reason" => given.reason = Some((*value).into()),
                "link" | "text" => drop(given.evidence.insert((*key).into(), (*value).into())),
                name => drop(given.fields.insert(name.into(), (*value).into())),
            }
        }
        given
    }

    #[test]
    fn an_answer_must_fit_its_question() {
        let at = ("bad_at", "2026-01-05T09:00:00Z");
        let link = ("link", "https://example.com");
        let decide = open("decide", &["restore", "wait"]);
        let manual = open("manual", &["done", "failed"]);
        for (open, given, problem) in [
            (&decide, given("restor", &[at, link, ("reason", "r")]), "did you mean `restore`?"),
            (&decide, given("restore", &[at, link]), "it needs a reason"),
            (&decide, given("restore", &[at, link, ("reason", " ")]), "it needs a reason"),
            (&decide, given("restore", &[link, ("reason", "r")]), "the field `bad_at` (time) is missing"),
            (&decide, given("restore", &[("bad_at", "nine"), link, ("reason", "r")]), "expected time"),
            (
                &decide,
                given("restore", &[at, ("bad_a", "x"), link, ("reason", "r")]),
                "did you mean `bad_at`?",
            ),
            (&manual, given("done", &[at]), "it needs evidence: a link"),
            (&manual, given("done", &[at, link, ("text", "t")]), "it asks for no text"),
            (&manual, given("failed", &[]), "it needs a reason"),
        ] {
            let refused = accept(open, &given).unwrap_err();
            assert!(refused.contains(problem), "{given:?}: {refused}");
        }
        let answer = accept(&manual, &given("done", &[at, link])).unwrap();
        assert!(matches!(answer.fields["bad_at"], Value::Time(_)));
        assert_eq!((answer.asked, answer.choice.as_str()), (7, "done"));
        assert!(accept(&manual, &given("failed", &[("reason", "the door is locked")])).is_ok());
    }
}
