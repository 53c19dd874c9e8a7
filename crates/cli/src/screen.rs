//! What people see while a run goes on: plain lines, one per event that matters, on standard error.

use crate::inbox::Inbox;
use lifeboat_engine::log::Observer;
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::state::RunState;
use lifeboat_report::timeline;

/// Prints a line per event.
pub(crate) struct Lines;

impl Observer for Lines {
    fn event(&mut self, event: &Event, state: &RunState) {
        let began = state.began.map_or(event.at, |began| began.at);
        if is_detail(&event.kind) {
            return;
        }
        let seconds = (event.at - began).num_seconds().max(0);
        let step = event.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        say!("{hours:02}:{minutes:02}:{:02}  {step}{}", seconds % 60, timeline::words(&event.kind));
    }
}

/// Throws letters away once their answers are in the journal.
pub(crate) struct Answered(pub(crate) Inbox);

impl Observer for Answered {
    fn event(&mut self, event: &Event, _: &RunState) {
        if let EventKind::PersonAnswered(answer) = &event.kind {
            self.0.discard(answer.asked);
        }
    }
}

/// What a person does not need on the way; all of it is in the journal.
fn is_detail(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::AwsCall { .. }
            | EventKind::AwsPolled { .. }
            | EventKind::AwsEvent(_)
            | EventKind::StepAccepted { .. }
            | EventKind::UndoAccepted { .. }
            | EventKind::RtoMeasured(_)
            | EventKind::RpoMeasured(_)
            | EventKind::Evidence { .. }
            | EventKind::TimerFired { .. }
            | EventKind::RunFinished(_)
    )
}
