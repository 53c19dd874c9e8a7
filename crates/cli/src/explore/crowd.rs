//! People, drawn from the seed: whoever answers questions, and the operator of a paused run.

use super::draw::Dice;
use crate::desk::Answers;
use crate::orders::Orders;
use crate::resume;
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, Open, People};
use lifeboat_journal::event::{Actor, Draft, EventKind, PauseReason};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::units::time_text;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What the next process is for.
#[derive(Clone, Debug)]
pub(super) enum Next {
    Start,
    Resume,
    Ordered(Box<Orders>),
    Abort { undo: Option<bool> },
    Cleanup,
}

impl Next {
    /// What it writes first. An order that does not fit the run ends it.
    pub(super) fn drafts(&self, plan: &Plan, catalog: &Catalog, state: &RunState) -> Vec<Draft> {
        let abort = |undo| vec![resume::abort(Some("explored enough".to_owned()), undo)];
        match self {
            Self::Start | Self::Resume => Orders::default().drafts(plan, catalog, state).unwrap_or_default(),
            Self::Ordered(orders) => {
                orders.drafts(plan, catalog, state).unwrap_or_else(|_| abort(Some(true)))
            }
            Self::Abort { undo } => abort(*undo),
            Self::Cleanup => {
                let by = crate::home::user();
                let asked = EventKind::CleanupAsked { by: by.clone() };
                vec![Draft::run(asked).by(Actor::person(by))]
            }
        }
    }
}

/// What the operator orders of a paused run; `pause` is its number.
pub(super) fn orders(seed: u64, pause: usize, state: &RunState) -> Next {
    let mut dice = Dice::new(seed, &format!("operator {pause}"));
    let Some(paused) = &state.paused else { return Next::Resume };
    let step = paused.step.as_ref().map(ToString::to_string);
    let order = |orders: Orders| {
        let reason = Some("tried".to_owned());
        Next::Ordered(Box::new(Orders { reason, ..orders }))
    };
    match (paused.because, step, dice.below(10)) {
        (PauseReason::Failure, Some(step), 0..5) => order(Orders { retry: Some(step), ..Orders::default() }),
        (PauseReason::Failure, Some(step), 5..7) => order(Orders { skip: Some(step), ..Orders::default() }),
        (PauseReason::Check, Some(step), 0..7) => order(Orders { accept: vec![step], ..Orders::default() }),
        (PauseReason::Failure | PauseReason::Check, _, 9) => Next::Abort { undo: None },
        (PauseReason::Failure | PauseReason::Check, _, _) => Next::Abort { undo: Some(true) },
        _ => Next::Resume,
    }
}

/// People who answer, sooner or later, what is right, or this or that, or not at all.
pub(super) struct Crowd {
    seed: u64,
    clock: Clock,
    answers: Answers,
    /// How often each question was asked.
    asked: Mutex<BTreeMap<u64, u32>>,
}

impl Crowd {
    pub(super) fn new(seed: u64, clock: Clock, answers: Answers) -> Self {
        Self { seed, clock, answers, asked: Mutex::default() }
    }
}

#[async_trait]
impl People for Crowd {
    async fn answer(&self, open: &Open) -> Option<Given> {
        let times = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let times = asked.entry(open.asked).or_default();
            *times += 1;
            *times
        };
        let mut dice = Dice::new(self.seed, &format!("person {} {} {times}", open.step, open.asked));
        let right = self.answers.get(open.step.as_str()).or_else(|| self.answers.get(open.step.id()));
        let right = right.and_then(|answers| answers.at(open.circle.approved.len()));
        // Most people know what is right, and most of those say so.
        if times > 3 || dice.below(if right.is_some() { 40 } else { 8 }) == 0 {
            return None;
        }
        self.clock.sleep(Duration::from_secs(1 + dice.below(900))).await;
        if let Some(answer) = right.filter(|_| dice.below(12) > 0) {
            return Some(answer.given("carol"));
        }
        let options = &open.question.options;
        let chosen = if dice.below(5) == 0 { options.last() } else { options.first() };
        let kinds = open.question.evidence.keys();
        let ago = TimeDelta::minutes(5 + i64::try_from(dice.below(60)).unwrap_or(0));
        let field = |kind: &str| match kind {
            "time" => time_text(self.clock.now() - ago),
            "boolean" => "true".to_owned(),
            "duration" => "5m".to_owned(),
            _ => "1".to_owned(),
        };
        Some(Given {
            by: "carol".to_owned(),
            choice: chosen?.id.clone(),
            reason: Some("asked".to_owned()),
            fields: open.question.fields.iter().map(|(name, kind)| (name.clone(), field(kind))).collect(),
            evidence: kinds.map(|kind| (kind.clone(), "https://example.com/1".to_owned())).collect(),
            via: "command".to_owned(),
            ..Given::default()
        })
    }

    fn refuse(&self, _: &Open, _: &Given, _: &str) {}
}
