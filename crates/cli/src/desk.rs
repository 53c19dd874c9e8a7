//! Whoever answers a run's questions: a file of answers, the person at this terminal, other terminals.

use crate::error::CommandError;
use crate::inbox::Inbox;
use crate::settings::{self, Scalars};
use crate::terminal::Terminal;
use async_trait::async_trait;
use futures_util::future::{Either, select};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, IN_ADVANCE, Open, People};
use lifeboat_journal::event::Question;
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::identity::Identity;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, Plan, Step, Work};
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::units;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A person may take as long as they like.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Answers given in advance, by the id of the step or by its path: one, or a list where several people answer.
pub(crate) type Answers = BTreeMap<String, Advances>;

/// The answers to one step's question, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Advances(Vec<Advance>);

impl Advances {
    /// The answer of whoever answers as number `place` from 0.
    pub(crate) fn at(&self, place: usize) -> Option<Advance> {
        self.0.get(place).cloned()
    }
}

impl Advance {
    /// What is handed in, by `me` where nobody is named.
    pub(crate) fn given(self, me: &str) -> Given {
        let by = self.by.unwrap_or_else(|| me.to_owned());
        Given {
            identity: Some(Identity::of_user(&by, "")),
            by,
            choice: self.choice,
            reason: self.reason,
            fields: self.fields,
            evidence: self.evidence,
            via: IN_ADVANCE.to_owned(),
            ..Given::default()
        }
    }
}

impl<'de> Deserialize<'de> for Advances {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let answers = match value {
            serde_json::Value::Array(answers) => answers,
            one => vec![one],
        };
        let read = answers.into_iter().map(serde_json::from_value);
        read.collect::<Result<_, _>>().map(Self).map_err(D::Error::custom)
    }
}

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
        let afters = answer.0.iter().filter_map(|answer| answer.after.as_ref());
        if let Some(after) = afters.into_iter().find(|after| units::parse_duration(after).is_none()) {
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
    /// Whether the clock goes on while people think.
    pub(crate) tabletop: bool,
    /// Who sits at this terminal.
    pub(crate) me: Identity,
    /// Where files are kept that people hand in.
    pub(crate) directory: RunDirectory,
    pub(crate) terminal: Option<Terminal>,
    pub(crate) inbox: Inbox,
    pub(crate) answers: Answers,
    /// How many of the answers in advance to a question were used: what did not fit does not fit the second time either.
    pub(crate) used: Mutex<BTreeMap<u64, usize>>,
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
        match self.simulated && !self.tabletop {
            // The simulated clock stands still while a real person thinks.
            true => self.clock.frozen(FOR_EVER, asked).await.ok().flatten(),
            false => asked.await,
        }
    }

    fn refuse(&self, open: &Open, given: &Given, problem: &str) {
        say!("  that does not fit ({} by {}): {problem}", given.choice, given.by);
        self.inbox.discard(open.asked, |other| other == given);
    }
}

impl Desk {
    async fn in_advance(&self, open: &Open) -> Option<Given> {
        let may = self.mode == Mode::Drill || open.question.kind != "approve";
        let answers = self.answers.get(open.step.as_str()).or_else(|| self.answers.get(open.step.id()));
        let answer = {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that are in the journal already were used by an earlier process.
            let place = used.entry(open.asked).or_insert(open.circle.approved.len());
            let answer = answers.filter(|_| may)?.at(*place)?;
            *place += 1;
            answer
        };
        let after = answer.after.as_deref().and_then(units::parse_duration);
        if let Some(after) = after.and_then(|after| after.to_std().ok()) {
            self.clock.sleep(after).await;
        }
        Some(self.with_file(answer.given(&self.me.user)))
    }

    /// The same with the file it names kept beside the journal; what cannot be kept is missing, and asked for again.
    fn with_file(&self, mut given: Given) -> Given {
        let Some(named) = given.evidence.remove("file").filter(|named| !named.trim().is_empty()) else {
            return given;
        };
        match self.directory.keep_artifact(Path::new(&named)) {
            Ok(artifact) => {
                given.evidence.insert("file".to_owned(), artifact.path.clone());
                given.file = Some(artifact);
            }
            Err(error) => say!("  {named} cannot be handed in: {error}"),
        }
        given
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
        let (by, identity) = (self.me.name().to_owned(), Some(self.me.clone()));
        let mut given = Given { by, identity, choice, via: "terminal".to_owned(), ..Given::default() };
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
        Some(self.with_file(given))
    }
}

/// A question, as people read it.
pub(crate) fn show(question: &Question) {
    say!();
    for line in question.text.trim().lines() {
        say!("  {line}");
    }
    if let Some(who) = question.who() {
        say!("  ({who})");
    }
    let width = question.options.iter().map(|option| option.id.chars().count()).max().unwrap_or_default();
    for option in &question.options {
        say!("    {:width$}  {}", option.id, option.label);
    }
}
