//! What people see while a run goes on where no view can be drawn: plain lines, one per event that matters, on standard
//! error. The live view takes from here what it says above itself.

use crate::inbox::Inbox;
use crate::live::timers;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::log::{Observer, RunLog};
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::state::RunState;
use lifeboat_report::timeline;
use lifeboat_report::view::{self, Sight, Signs};
use lifeboat_runbook::plan::Plan;
use std::sync::Arc;
use std::time::Duration;

/// Prints a line per event.
pub(crate) struct Lines {
    /// Every event, not only those that people need on the way.
    pub(crate) verbose: bool,
}

impl Observer for Lines {
    fn event(&mut self, event: &Event, state: &RunState) {
        if self.verbose || importance(&event.kind) != Importance::Detail {
            for line in lines(event, state) {
                say!("{line}");
            }
        }
    }
}

/// An event in words, with its time since the beginning; what the step found out before it began stands below it.
pub(crate) fn lines(event: &Event, state: &RunState) -> Vec<String> {
    let began = state.began.map_or(event.at, |began| began.at);
    let time = since((event.at - began).num_seconds());
    let step = event.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
    let mut lines = vec![format!("{time}  {step}{}", timeline::words(&event.kind))];
    if let EventKind::StepStarted(intent) = &event.kind {
        lines.extend(intent.findings.iter().map(|finding| format!("{time}  {step}finding: {finding}")));
    }
    lines
}

fn since(seconds: i64) -> String {
    let seconds = seconds.max(0);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// After this long without an end the plain lines say that something still goes on.
const HEARTBEAT: Duration = Duration::from_secs(5 * 60);

/// Says every few minutes what is waited for. Never ends by itself.
pub(crate) async fn heartbeat(clock: Clock, log: Arc<RunLog>, plan: Arc<Plan>) {
    loop {
        clock.sleep(HEARTBEAT).await;
        log.with_state(|state| {
            let now = clock.now();
            let timers = timers(&plan, state);
            let sight =
                Sight { state, now, timers: &timers, answer_with_command: true, signs: &Signs::ASCII };
            let began = state.began.map_or(now, |began| began.at);
            for line in view::waiting(&sight) {
                say!("{}  still {line}", since((now - began).num_seconds()));
            }
        });
    }
}

/// Throws letters away once their answers are in the journal.
pub(crate) struct Answered(pub(crate) Inbox);

impl Observer for Answered {
    fn event(&mut self, event: &Event, state: &RunState) {
        if let EventKind::PersonAnswered(answer) = &event.kind {
            let by = event.actor.id.as_deref();
            self.0.discard(answer.asked, |given| {
                Some(given.by.as_str()) == by && given.choice == answer.choice && given.via == answer.via
            });
            let step = event.step.as_ref().and_then(|path| state.steps.get(path));
            if step.and_then(|step| step.asked()).is_some_and(|asked| asked.ended().is_some()) {
                self.0.discard_all(answer.asked);
            }
        }
    }
}

/// Whom an event concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Importance {
    /// Nobody on the way; all of it is in the journal.
    Detail,
    /// Who follows the run line by line; the live view shows it in place.
    Usual,
    /// Everybody: it should stay in sight.
    Notable,
    /// Everybody: something went wrong.
    Bad,
}

/// Whom an event concerns.
pub(crate) fn importance(kind: &EventKind) -> Importance {
    match kind {
        EventKind::LockRenewed { .. }
        | EventKind::AwsCall { .. }
        | EventKind::AwsPolled { .. }
        | EventKind::AwsEvent(_)
        | EventKind::StepAccepted { .. }
        | EventKind::UndoAccepted { .. }
        | EventKind::RtoMeasured(_)
        | EventKind::RpoMeasured(_)
        | EventKind::DowntimeMeasured { .. }
        | EventKind::ProbeLooked { .. }
        | EventKind::Evidence { .. }
        | EventKind::TimerFired { .. }
        | EventKind::NotifySent(_)
        | EventKind::NotifyRecorded(_)
        | EventKind::RunFinished(_) => Importance::Detail,
        EventKind::AlarmSeen(seen) if seen.state == "OK" => Importance::Detail,
        EventKind::AlarmSeen(seen) if seen.state == "ALARM" => Importance::Bad,
        EventKind::AttemptFailed { .. }
        | EventKind::StepFailed { .. }
        | EventKind::UndoFailed { .. }
        | EventKind::StopTriggered { .. }
        | EventKind::CheckFailed { .. } => Importance::Bad,
        EventKind::StepStarted(intent) if !intent.findings.is_empty() => Importance::Notable,
        EventKind::StepUnknown { .. }
        | EventKind::StepBlocked { .. }
        | EventKind::StepUnblocked
        | EventKind::StepOrdered { .. }
        | EventKind::DoneByHand { .. }
        | EventKind::PersonAnswered(_)
        | EventKind::PersonTimedOut { .. }
        | EventKind::QuestionClosed { .. }
        | EventKind::AbortAsked { .. }
        | EventKind::CleanupAsked { .. }
        | EventKind::PlanAmended(_)
        | EventKind::RunResumed { .. }
        | EventKind::LockWaitedFor { .. }
        | EventKind::LockBroken(_)
        | EventKind::LockLost { .. }
        | EventKind::RoleAssigned { .. }
        | EventKind::UpdateDue { .. }
        | EventKind::NotifyFailed { .. }
        | EventKind::ClockJumped { .. }
        | EventKind::ClockSkew { .. }
        | EventKind::TailDropped { .. } => Importance::Notable,
        EventKind::LockAcquired(lock) if lock.expired.is_some() => Importance::Notable,
        EventKind::LockReleased { error: Some(_) } => Importance::Notable,
        _ => Importance::Usual,
    }
}
