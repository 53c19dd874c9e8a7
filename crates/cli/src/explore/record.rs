//! What the simulated AWS accepted, and of whom: the world's own log, not the journal.

use super::disk::Death;
use super::tamper::Tamper;
use async_trait::async_trait;
use lifeboat_engine::action::{Accepted, Action, ActionError, Prepared, Stage, StepContext, UndoObservation};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::lookout::Seen;
use lifeboat_engine::meddle::Meddler;
use lifeboat_runbook::id::StepPath;
use lifeboat_sim::{Simulator, WorldEntry, WorldLog};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who asks AWS for something in this moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) step: StepPath,
    pub(super) attempt: u32,
    pub(super) stage: Stage,
    /// Whether it is to be taken back.
    pub(super) undoes: bool,
}

tokio::task_local! {
    static WHO: Who;
}

/// A line of the world's log.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) entry: WorldEntry,
    /// Nobody: neither `act` nor `undo` of an action.
    pub(super) who: Option<Who>,
}

/// The world's log in memory; it outlives the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Arc<Mutex<Vec<Line>>>);

impl Record {
    pub(super) fn lines(&self) -> Vec<Line> {
        self.lock().clone()
    }

    pub(super) fn entries(&self) -> Vec<WorldEntry> {
        self.lock().iter().map(|line| line.entry.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log as one process reaches it: what a dead process asks for is not done.
pub(super) struct Reached {
    pub(super) record: Record,
    pub(super) death: Death,
}

impl WorldLog for Reached {
    fn append(&self, entry: &WorldEntry) -> io::Result<()> {
        self.death.check()?;
        let who = WHO.try_with(Clone::clone).ok();
        self.record.lock().push(Line { entry: entry.clone(), who });
        Ok(())
    }
}

/// Stands before every action and knows who asks; and does what a deliberate fault wants.
pub(super) struct Witness {
    pub(super) tamper: Option<Tamper>,
    pub(super) simulator: Arc<Simulator>,
    pub(super) clock: Clock,
}

impl Witness {
    fn who(cx: &StepContext, stage: &Stage, undoes: bool) -> Who {
        Who { step: cx.path.clone(), attempt: cx.attempt, stage: stage.clone(), undoes }
    }
}

#[async_trait]
impl Meddler for Witness {
    async fn prepare(&self, action: &dyn Action, cx: &StepContext) -> Result<Prepared, ActionError> {
        action.prepare(cx).await
    }

    async fn act(
        &self,
        action: &dyn Action,
        cx: &StepContext,
        stage: &Stage,
    ) -> Result<Accepted, ActionError> {
        let asked = async {
            let accepted = action.act(cx, stage).await?;
            if let Some(tamper) = self.tamper {
                tamper.after_act(self, action, cx, stage).await?;
            }
            Ok(accepted)
        };
        WHO.scope(Self::who(cx, stage, false), asked).await
    }

    async fn undo(&self, action: &dyn Action, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        if self.tamper == Some(Tamper::SkipsUndo) {
            return Ok(());
        }
        WHO.scope(Self::who(cx, stage, true), action.undo(cx, stage)).await
    }

    fn judge_undo(&self, action: &dyn Action, cx: &StepContext, seen: &Seen) -> UndoObservation {
        match self.tamper {
            Some(Tamper::SkipsUndo) => UndoObservation::Gone,
            _ => action.judge_undo(cx, seen),
        }
    }
}
