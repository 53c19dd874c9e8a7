//! Questions to people: those that are steps, and those on which the effect of an action waits.

use crate::action::{Observation, Said, Stage};
use crate::decide::on_timeout;
use crate::driver::Came;
use crate::log::JournalLost;
use crate::people::{self, Open};
use crate::perform::{Attempt, CONSISTENCY_WINDOW, Ended, Worker};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{Actor, Answer, Choice, Draft, EventKind, PauseReason, Question};
use lifeboat_journal::state::{Asked, StepState};
use lifeboat_runbook::id::StepPath;
use std::pin::{Pin, pin};

/// Who answered, and what; nothing where nobody is there.
pub(crate) type Answered = Option<(String, Answer)>;

/// A question of an action that waits for its answer while its effect is looked at.
pub(crate) struct Conversation<'worker> {
    subject: String,
    open: Open,
    answered: Pin<Box<dyn Future<Output = Answered> + Send + 'worker>>,
}

impl Worker {
    /// Waits for the answer to a step's question, or until people had their time.
    pub(crate) async fn ask(&self, step: &StepPath) -> Result<Came, JournalLost> {
        let Some(open) = self.log.with_state(|state| Open::of(state, step)) else { return Ok(Came::Over) };
        let answered = pin!(self.fitting_answer(open.clone()));
        let too_late = pin!(self.too_late(step));
        let stopped = pin!(self.stopped_or(std::future::pending()));
        match select(stopped, select(answered, too_late)).await {
            Either::Left(_) => Ok(Came::Over),
            Either::Right((Either::Left((None, _)), _)) => Ok(Came::Nobody { why: waits(&open) }),
            Either::Right((Either::Left((answered, _)), _)) => {
                self.record(&open, answered)?;
                Ok(Came::Over)
            }
            Either::Right((Either::Right(_), _)) => {
                let then = on_timeout(&open.question);
                let kind = EventKind::PersonTimedOut { asked: open.asked, then };
                self.log.append(vec![Draft { step: Some(step.clone()), ..Draft::run(kind) }])?;
                Ok(Came::Over)
            }
        }
    }

    /// Waits until people had their time, which somebody may lengthen meanwhile.
    async fn too_late(&self, step: &StepPath) {
        loop {
            let due = self.log.with_state(|state| state.step(step).asked().and_then(Asked::due));
            match due {
                Some(due) if due > self.clock.now() => self.clock.sleep_until(due).await,
                Some(_) => return,
                None => std::future::pending().await,
            }
        }
    }

    /// Asks until an answer fits; nothing where nobody is there.
    async fn fitting_answer(&self, open: Open) -> Answered {
        loop {
            let given = self.outside.people.answer(&open).await?;
            match people::accept(&open, &given) {
                Ok(answer) => return Some((given.by, answer)),
                Err(problem) => self.outside.people.refuse(&open, &given, &problem),
            }
        }
    }

    /// Journals an answer, or that the run waits for one; gives the answer.
    fn record(&self, open: &Open, answered: Answered) -> Result<Answered, JournalLost> {
        let step = &open.step;
        let draft = |kind| Draft { step: Some(step.clone()), ..Draft::run(kind) };
        let draft = match answered.clone() {
            Some((by, answer)) => draft(EventKind::PersonAnswered(Box::new(answer))).by(Actor::person(by)),
            None => draft(EventKind::RunPaused { why: waits(open), because: PauseReason::Person }),
        };
        self.log.append(vec![draft])?;
        Ok(answered)
    }

    /// What an action asks: a new question goes into the journal, an open one is gone on with, and an answer that AWS is
    /// not known to have taken is handed on. Gives those who are asked, as long as the question is open.
    pub(crate) async fn settle<'worker>(
        &'worker self,
        attempt: &mut Attempt<'_>,
        talking: Option<Conversation<'worker>>,
        subject: String,
        text: String,
        sent: &mut Option<DateTime<Utc>>,
    ) -> Result<Option<Conversation<'worker>>, Ended> {
        if talking.as_ref().is_some_and(|talking| talking.subject == subject) {
            return Ok(talking);
        }
        let path = attempt.cx.path.clone();
        let known = || self.log.with_state(|state| last_about(&state.step(&path), &subject).cloned());
        let asked = match known().filter(|asked| asked.closed.is_none()) {
            Some(asked) => asked,
            None => {
                self.step_event(attempt, EventKind::PersonAsked(Box::new(approval(&subject, text))))?;
                let Some(asked) = known() else { return Ok(None) };
                asked
            }
        };
        if let Some((_, _, answer)) = &asked.answer {
            self.hand_on(attempt, &Stage::answer(&answer.choice, &subject), sent).await?;
            return Ok(None);
        }
        let Some(open) = self.log.with_state(|state| Open::of(state, &path)) else { return Ok(None) };
        let answered = Box::pin(self.fitting_answer(open.clone()));
        Ok(Some(Conversation { subject, open, answered }))
    }

    /// Tells AWS what people answered, unless it is known to have taken it, or was told a moment ago: that need not be
    /// seen yet.
    async fn hand_on(
        &self,
        attempt: &mut Attempt<'_>,
        stage: &Stage,
        sent: &mut Option<DateTime<Utc>>,
    ) -> Result<(), Ended> {
        let taken = attempt.cx.recorded.accepted.iter().any(|(accepted, ..)| accepted == stage);
        let now = self.clock.now();
        if taken || sent.is_some_and(|at| now - at < CONSISTENCY_WINDOW) {
            return Ok(());
        }
        *sent = Some(now);
        self.act(attempt, stage).await
    }

    /// Closes the question of an action that does not ask it any more: somebody answered it elsewhere, or it is over.
    pub(crate) fn close_questions(&self, attempt: &Attempt<'_>, seen: &Observation) -> Result<(), Ended> {
        let still = match seen {
            Observation::Asks { subject, .. } => Some(subject.as_str()),
            Observation::Unknown => return Ok(()),
            _ => None,
        };
        let open = self.log.with_state(|state| {
            let step = state.step(&attempt.cx.path);
            let open = step.asked().filter(|asked| asked.is_of_an_action() && asked.ended().is_none());
            open.filter(|asked| asked.question.subject.as_deref() != still).map(|asked| asked.at.seq)
        });
        let Some(asked) = open else { return Ok(()) };
        let why = match attempt.cx.recorded.states_seen.last() {
            Some(state) => format!("it went on without an answer from here, and is `{state}`"),
            None => "it went on without an answer from here".to_owned(),
        };
        self.step_event(attempt, EventKind::QuestionClosed { asked, why })
    }

    /// What comes first: an answer, or the next look. The end of the run comes before both.
    pub(crate) async fn answered_or<T>(
        &self,
        talking: &mut Conversation<'_>,
        next: impl Future<Output = Result<T, Ended>>,
    ) -> Result<Either<Answered, T>, Ended> {
        let stopped = pin!(self.stopped_or(std::future::pending()));
        match select(stopped, select(&mut talking.answered, pin!(next))).await {
            Either::Left(_) => Err(self.stopped("wait")),
            Either::Right((Either::Left((answered, _)), _)) => Ok(Either::Left(answered)),
            Either::Right((Either::Right((looked, _)), _)) => looked.map(Either::Right),
        }
    }

    /// Journals the answer to an action's question and hands it on; with nobody there the run is paused.
    pub(crate) async fn hear(
        &self,
        attempt: &mut Attempt<'_>,
        talked: Conversation<'_>,
        answered: Answered,
        sent: &mut Option<DateTime<Utc>>,
    ) -> Result<(), Ended> {
        let Conversation { subject, open, .. } = talked;
        let Some((by, answer)) = self.record(&open, answered)? else { return Err(Ended::Left) };
        let stage = Stage::answer(&answer.choice, &subject);
        attempt.cx.recorded.answers.push(said(&subject, by, &answer));
        *sent = None;
        self.hand_on(attempt, &stage, sent).await
    }
}

fn waits(open: &Open) -> String {
    format!("{} waits for an answer: {}", open.step, open.question.text.trim())
}

fn last_about<'state>(state: &'state StepState, subject: &str) -> Option<&'state Asked> {
    state.questions_of_the_attempt().filter(|asked| asked.question.subject.as_deref() == Some(subject)).last()
}

fn said(subject: &str, by: String, answer: &Answer) -> Said {
    Said { subject: subject.to_owned(), by, reason: answer.reason.clone() }
}

/// What people have said to the questions of this attempt.
pub(crate) fn answers(state: &StepState) -> Vec<Said> {
    let answered = |asked: &Asked| {
        let (by, _, answer) = asked.answer.as_ref()?;
        Some(said(asked.question.subject.as_deref()?, by.clone(), answer))
    };
    state.questions_of_the_attempt().filter_map(answered).collect()
}

/// How long the present attempt has waited for people: until AWS took the answer. It does not count against its time.
pub(crate) fn asked_for(state: &StepState, now: DateTime<Utc>) -> TimeDelta {
    let took = |asked: &Asked| {
        let subject = asked.question.subject.as_deref().unwrap_or_default();
        let stages = state.accepted.iter();
        let taken =
            stages.filter(|(stage, ..)| Stage::named(stage).answers().is_some_and(|(_, it)| it == subject));
        let until =
            taken.map(|(_, at, _)| *at).next().or(asked.closed.map(|closed| closed.at)).unwrap_or(now);
        (until - asked.at.at).max(TimeDelta::zero())
    };
    state.questions_of_the_attempt().map(took).fold(TimeDelta::zero(), |sum, took| sum + took)
}

fn approval(subject: &str, text: String) -> Question {
    let choice = |(id, label): (&str, &str)| Choice { id: id.to_owned(), label: label.to_owned() };
    let options = [("approve", "permit it"), ("reject", "do not permit it")].map(choice).into();
    Question { subject: Some(subject.to_owned()), ..Question::new("approve", text, options) }
}
