//! What people see while a run goes on: plain lines, one per event that matters, on standard error.

use chrono::{DateTime, Utc};
use lifeboat_engine::log::Observer;
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::state::RunState;
use lifeboat_report::timeline;

/// Prints a line per event.
#[derive(Default)]
pub(crate) struct Lines {
    began: Option<DateTime<Utc>>,
}

impl Observer for Lines {
    fn event(&mut self, event: &Event, _: &RunState) {
        let began = *self.began.get_or_insert(event.at);
        if is_detail(&event.kind) {
            return;
        }
        let seconds = (event.at - began).num_seconds().max(0);
        let step = event.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        eprintln!("{hours:02}:{minutes:02}:{:02}  {step}{}", seconds % 60, timeline::words(&event.kind));
    }
}

/// What a person does not need on the way; all of it is in the journal.
fn is_detail(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::AwsCall { .. }
            | EventKind::AwsPolled { .. }
            | EventKind::StepAccepted { .. }
            | EventKind::UndoAccepted { .. }
            | EventKind::RtoMeasured(_)
            | EventKind::RpoMeasured(_)
            | EventKind::Evidence { .. }
            | EventKind::TimerFired { .. }
            | EventKind::RunFinished(_)
    )
}
