//! Whoever answers a run's questions: a file of answers, the person at this terminal, other terminals.

use crate::error::CommandError;
use crate::inbox::Inbox;
use crate::settings::{self, Scalars};
use crate::terminal::Terminal;
use async_trait::async_trait;
use futures_util::future::{Either, select};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, Open, People};
use lifeboat_journal::event::Question;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, Plan, Step, Work};
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::units;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A person may take as long as they like.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The way an answer came, in the journal.
const ANSWERS_FILE: &str = "answers file";

/// Answers given in advance, by the id of the step or by its path.
pub(crate) type Answers = BTreeMap<String, Advance>;

/// An answer given in advance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    choice: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default)]
    evidence: BTreeMap<String, String>,
    /// Who answers.
    #[serde(default)]
    by: Option<String>,
    /// How long they take, such as `5m`.
    #[serde(default)]
    after: Option<String>,
}

/// Reads answers, and refuses those that no question of the plan could take.
pub(crate) fn read_answers(path: &Path, plan: &Plan) -> Result<Answers, CommandError> {
    let answers: Answers = settings::read(path, Scalars::Text)?;
    let asking: Vec<_> = plan.every_step().into_iter().filter(|step| may_ask(step)).collect();
    for (id, answer) in &answers {
        let named = StepPath::new(id.as_str()).planned();
        if !asking.iter().any(|step| step.id == *id || step.path == named) {
            let hint = match nearest(id, asking.iter().map(|step| step.id.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "`manual`, `decide`, `approve` and automations that wait for an approval ask".to_owned()
                }
            };
            let message = format!("{}: no step `{id}` asks a question", path.display());
            return Err(CommandError::usage(message).hint(hint));
        }
        if let Some(after) = answer.after.as_ref().filter(|after| units::parse_duration(after).is_none()) {
            return Err(CommandError::usage(format!(
                "{}: `after: {after}` is not a duration",
                path.display()
            ))
            .hint("write it as 90s or 5m"));
        }
    }
    Ok(answers)
}

/// Whether a step may ask people: by itself, or by an action on whose effect AWS lets people decide.
fn may_ask(step: &Step) -> bool {
    let asks_itself = matches!(step.work, Work::Manual(_) | Work::Decide(_) | Work::Approve(_));
    asks_itself || step.action() == Some(lifeboat_aws::ssm::spec::START_AUTOMATION.name)
}

/// Where questions are answered.
pub(crate) struct Desk {
    pub(crate) clock: Clock,
    pub(crate) simulated: bool,
    pub(crate) mode: Mode,
    pub(crate) operator: String,
    pub(crate) terminal: Option<Terminal>,
    pub(crate) inbox: Inbox,
    pub(crate) answers: Answers,
    /// The questions that were answered in advance: what did not fit does not fit the second time either.
    pub(crate) used: Mutex<BTreeSet<u64>>,
    /// At a terminal one question is asked after the other.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

#[async_trait]
impl People for Desk {
    async fn answer(&self, open: &Open) -> Option<Given> {
        if let Some(given) = self.in_advance(open).await {
            return Some(given);
        }
        let terminal = self.terminal.as_ref()?;
        let asked = async {
            let typed = pin!(async {
                let _turn = self.turn.lock().await;
                self.converse(terminal, open).await
            });
            let posted = pin!(self.inbox.answer(open.asked));
            match select(posted, typed).await {
                Either::Left((given, _)) => {
                    terminal.show(|| say!("\n{} has answered: {}", given.by, given.choice));
                    Some(given)
                }
                Either::Right((given, _)) => given,
            }
        };
        match self.simulated {
            // The simulated clock stands still while a real person thinks.
            true => self.clock.frozen(FOR_EVER, asked).await.ok().flatten(),
            false => asked.await,
        }
    }

    fn refuse(&self, open: &Open, problem: &str) {
        say!("  that does not fit: {problem}");
        self.inbox.discard(open.asked);
    }
}

impl Desk {
    async fn in_advance(&self, open: &Open) -> Option<Given> {
        let may = self.mode == Mode::Drill || open.question.kind != "approve";
        let answer = self.answers.get(open.step.as_str()).or_else(|| self.answers.get(open.step.id()));
        let answer = answer.filter(|_| may)?.clone();
        if !self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(open.asked) {
            return None;
        }
        let after = answer.after.as_deref().and_then(units::parse_duration);
        if let Some(after) = after.and_then(|after| after.to_std().ok()) {
            self.clock.sleep(after).await;
        }
        Some(Given {
            by: answer.by.unwrap_or_else(|| self.operator.clone()),
            choice: answer.choice,
            reason: answer.reason,
            fields: answer.fields,
            evidence: answer.evidence,
            via: ANSWERS_FILE.to_owned(),
        })
    }

    /// Asks at the terminal, part by part; nothing when the person leaves (end of input).
    async fn converse(&self, terminal: &Terminal, open: &Open) -> Option<Given> {
        let question = &open.question;
        let turn = terminal.turn().await;
        terminal.show(|| {
            say!(
                "
{} asks:",
                open.step
            );
            show(question);
        });
        let choice = terminal.ask(&turn, "  your answer (nothing: leave it open): ").await?;
        if choice.is_empty() {
            return None;
        }
        let mut given =
            Given { by: self.operator.clone(), choice, via: "terminal".to_owned(), ..Given::default() };
        let declining = ["reject", "failed"].contains(&given.choice.as_str());
        for (name, kind) in question.fields.iter().filter(|_| !declining) {
            given.fields.insert(name.clone(), terminal.ask(&turn, &format!("  {name} ({kind}): ")).await?);
        }
        for (kind, required) in question.evidence.iter().filter(|_| !declining) {
            let optional = if *required { "" } else { ", may be left out" };
            let text = terminal.ask(&turn, &format!("  evidence, a {kind}{optional}: ")).await?;
            if !text.is_empty() {
                given.evidence.insert(kind.clone(), text);
            }
        }
        let reason = terminal.ask(&turn, "  why: ").await?;
        given.reason = Some(reason).filter(|reason| !reason.is_empty());
        Some(given)
    }
}

/// A question, as people read it.
pub(crate) fn show(question: &Question) {
    say!();
    for line in question.text.trim().lines() {
        say!("  {line}");
    }
    let width = question.options.iter().map(|option| option.id.chars().count()).max().unwrap_or_default();
    for option in &question.options {
        say!("    {:width$}  {}", option.id, option.label);
    }
}
