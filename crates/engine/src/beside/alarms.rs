//! `stop_when`: alarms that end a drill, and pause a recovery where the runbook wants that.

use super::{Told, ended};
use crate::action::{ActionError, Place};
use crate::chart::Chart;
use crate::clock::Clock;
use crate::driver::Stop;
use crate::evaluate::evaluate;
use crate::log::{JournalLost, RunLog};
use crate::lookout::{Seen, Watch};
use crate::perform::Worker;
use crate::poller::Poller;
use crate::registry::Registry;
use crate::scope::RunScope;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{AlarmSeen, Draft, EventKind, Failure};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{ALARM, InsufficientData, Mode, Plan, StopWhen};
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::units::time_text;
use lifeboat_runbook::value::Value;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Between two looks at an alarm. AWS evaluates alarms every ten seconds at most.
const EVERY: Duration = Duration::from_secs(10);

/// A first look that is not answered is tried this often.
const TRIES: u32 = 3;

/// Who asks for the end of a run, where that is an alarm.
pub(crate) fn by(alarm: &str) -> String {
    format!("the alarm {alarm}")
}

/// Looks at one alarm beside the steps of a file.
pub(super) struct AlarmGuard {
    pub(super) worker: Worker,
    pub(super) poller: Poller,
    pub(super) file: String,
    pub(super) entry: StopWhen,
    pub(super) stop: mpsc::UnboundedSender<Stop>,
}

impl AlarmGuard {
    pub(super) async fn watch(self, mut told: watch::Receiver<Told>) -> Result<(), JournalLost> {
        let mut first = true;
        loop {
            let look = async {
                let seen = self.look().await;
                (seen, self.worker.clock.now())
            };
            let seen = match select(pin!(ended(&mut told)), pin!(look)).await {
                Either::Left(_) => return Ok(()),
                Either::Right(((seen, _), _)) => seen,
            };
            note(&self.worker.log, &seen)?;
            if self.goes_off(&seen, std::mem::take(&mut first)) {
                // Where the run is over nobody listens any more.
                let _nobody = self.stop.send(stop_by(&seen));
            }
            let rest = self.worker.clock.sleep(EVERY);
            if let Either::Left(_) = select(pin!(ended(&mut told)), pin!(rest)).await {
                return Ok(());
            }
        }
    }

    async fn look(&self) -> AlarmSeen {
        let named = self.worker.log.with_state(|state| {
            let scope = RunScope {
                plan: &self.worker.plan,
                chart: &self.worker.chart,
                catalog: &self.worker.catalog,
                state,
                own: None,
                item: None,
                own_outputs: None,
                keyring: None,
                now: self.worker.clock.now(),
            };
            let own = StepPath::new(format!("{}stop_when", self.file));
            name_of(&self.entry, &scope.of(&own)).map(|name| (name, place(state)))
        });
        match named {
            Ok((name, place)) => look_at(&self.poller, &name, place).await,
            Err(error) => unknown(&self.entry, &error),
        }
    }

    fn goes_off(&self, seen: &AlarmSeen, first: bool) -> bool {
        self.worker.log.with_state(|state| {
            let mode = state.started.as_ref().map_or(Mode::Drill, |started| started.mode);
            if !self.entry.modes.contains(&mode) || state.abort_asked.is_some() {
                return false;
            }
            let inside = first && !self.file.is_empty() && mode == Mode::Drill;
            (inside && at_start(&self.entry, seen).is_some()) || is_transition(&self.entry, seen, mode, state)
        })
    }
}

/// Whether an alarm went off after the run began; in a recovery only where nobody has gone on in spite of it.
fn is_transition(entry: &StopWhen, seen: &AlarmSeen, mode: Mode, state: &RunState) -> bool {
    let insufficient = entry.insufficient_data == InsufficientData::Stop && seen.state == "INSUFFICIENT_DATA";
    let (Some(since), Some(began), true) = (seen.since, state.began, seen.state == "ALARM" || insufficient)
    else {
        return false;
    };
    let known = state.stops.iter().any(|(alarm, at)| *alarm == seen.alarm && at.at >= since);
    since > began.at && (mode == Mode::Drill || !known)
}

fn stop_by(seen: &AlarmSeen) -> Stop {
    let since = seen.since.map(|since| format!(" since {}", time_text(since))).unwrap_or_default();
    let reason = seen.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let why = format!("it is in {}{since}{reason}", seen.state);
    Stop { by: by(&seen.alarm), why: Some(why), undo: None }
}

/// The name of the alarm that asked for a stop.
pub(crate) fn alarm_of(stop: &Stop) -> Option<&str> {
    stop.by.strip_prefix("the alarm ")
}

/// Why a drill does not start while an alarm is seen like this.
pub(crate) fn at_start(entry: &StopWhen, seen: &AlarmSeen) -> Option<Failure> {
    let alarm = &seen.alarm;
    let since = seen.since.map(|since| format!(" since {}", time_text(since))).unwrap_or_default();
    let refused = |code: &str, message: String, hint: &str| {
        let (code, hint) = (code.to_owned(), Some(hint.to_owned()));
        Some(Failure { code, message, hint, refused: true })
    };
    match (seen.state.as_str(), entry.insufficient_data) {
        ("missing", _) => refused(
            "missing",
            format!("there is no alarm {alarm}"),
            "look at its name, the account and the Region; an alarm that is not there stops nothing",
        ),
        ("unknown", _) => refused(
            "unknown",
            format!(
                "the alarm {alarm} cannot be looked at: {}",
                seen.reason.as_deref().unwrap_or("no answer")
            ),
            "it is looked at with cloudwatch:DescribeAlarms; `lifeboat iam` prints the policy",
        ),
        ("ALARM", _) => refused(
            "alarm",
            format!("the alarm {alarm} is in ALARM{since}"),
            "a drill is for a system that is well: wait until the alarm is over",
        ),
        ("INSUFFICIENT_DATA", InsufficientData::NotAtStart | InsufficientData::Stop) => refused(
            "insufficient_data",
            format!("the alarm {alarm} is in INSUFFICIENT_DATA{since}: it would not go off"),
            "if that is how it should be, say `insufficient_data: ok`",
        ),
        _ => None,
    }
}

/// What is needed to look at the alarms of a runbook before its first step.
pub(crate) struct FirstLook<'run> {
    pub(crate) plan: &'run Plan,
    pub(crate) chart: &'run Chart,
    pub(crate) catalog: &'run Catalog,
    pub(crate) registry: &'run Registry,
    pub(crate) clock: &'run Clock,
    pub(crate) log: &'run RunLog,
}

impl FirstLook<'_> {
    /// All alarms of the runbook, each with what was seen.
    pub(crate) async fn all(&self) -> Vec<(&StopWhen, AlarmSeen)> {
        let poller = Poller::new(self.clock.clone(), self.registry.clone());
        let mut all = Vec::new();
        for entry in &self.plan.stop_when {
            let named = self.log.with_state(|state| {
                let scope = RunScope {
                    plan: self.plan,
                    chart: self.chart,
                    catalog: self.catalog,
                    state,
                    own: None,
                    item: None,
                    own_outputs: None,
                    keyring: None,
                    now: self.clock.now(),
                };
                name_of(entry, &scope).map(|name| (name, place(state)))
            });
            let seen = match named {
                Ok((name, place)) => self.patiently(&poller, &name, place).await,
                Err(error) => unknown(entry, &error),
            };
            all.push((entry, seen));
        }
        all
    }

    async fn patiently(&self, poller: &Poller, name: &str, place: Place) -> AlarmSeen {
        let mut seen = look_at(poller, name, place.clone()).await;
        for _ in 1..TRIES {
            if seen.state != "unknown" {
                break;
            }
            seen = look_at(poller, name, place.clone()).await;
        }
        seen
    }

    /// Looks before the first step: a drill does not start while an alarm that would stop it is in ALARM. In a recovery
    /// that is no reason to wait, and what is wrong with an alarm is a finding.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(crate) async fn check(&self) -> Result<(), JournalLost> {
        let mode = self.log.with_state(|state| state.started.as_ref().map(|started| started.mode));
        for (entry, seen) in self.all().await {
            note(self.log, &seen)?;
            let Some((error, then)) = problem(entry, &seen, mode.unwrap_or(Mode::Drill)) else { continue };
            let (check, then) = ("stop_when".to_owned(), then.to_owned());
            self.log.append(vec![Draft::run(EventKind::CheckFailed { check, error, then })])?;
        }
        Ok(())
    }
}

/// What stands in the way of a start, and what follows: `refuse` or `warn`.
pub(crate) fn problem(entry: &StopWhen, seen: &AlarmSeen, mode: Mode) -> Option<(Failure, &'static str)> {
    let failure = at_start(entry, seen)?;
    let nobody_sees = ["missing", "unknown"].contains(&seen.state.as_str());
    match mode {
        Mode::Drill if nobody_sees || entry.modes.contains(&mode) => Some((failure, "refuse")),
        Mode::Recovery if nobody_sees => Some((failure, "warn")),
        _ => None,
    }
}

/// Tells what is seen of an alarm, where that is news.
fn note(log: &RunLog, seen: &AlarmSeen) -> Result<(), JournalLost> {
    let known = log.with_state(|state| {
        let known = state.alarms.get(&seen.alarm).map(|alarm| &alarm.seen);
        known.is_some_and(|known| (&known.state, known.since) == (&seen.state, seen.since))
    });
    match known {
        true => Ok(()),
        false => log.append(vec![Draft::run(EventKind::AlarmSeen(Box::new(seen.clone())))]),
    }
}

fn place(state: &RunState) -> Place {
    let started = state.started.as_ref();
    Place {
        account: started.map(|started| started.account.clone()).unwrap_or_default(),
        region: started.map(|started| started.region.clone()).unwrap_or_default(),
    }
}

fn name_of(entry: &StopWhen, scope: &RunScope<'_>) -> Result<String, ActionError> {
    evaluate("alarm", &entry.alarm, scope).map(|name| name.to_string())
}

async fn look_at(poller: &Poller, name: &str, place: Place) -> AlarmSeen {
    let watch = Watch { kind: ALARM, place, id: name.to_owned() };
    match poller.look(&watch).await {
        Ok(seen) => of_seen(name, &seen),
        Err(error) => {
            let (alarm, state) = (name.to_owned(), "unknown".to_owned());
            AlarmSeen { alarm, state, since: None, reason: Some(error.message) }
        }
    }
}

fn of_seen(name: &str, seen: &Seen) -> AlarmSeen {
    let since: Option<DateTime<Utc>> = seen.attributes.get("since").and_then(Value::as_time);
    let reason = seen.attributes.get("reason").and_then(Value::as_str).map(str::to_owned);
    let state = match seen.exists {
        true => seen.state.clone().unwrap_or_default(),
        false => "missing".to_owned(),
    };
    AlarmSeen { alarm: name.to_owned(), state, since, reason }
}

/// An alarm whose name cannot be made.
fn unknown(entry: &StopWhen, error: &ActionError) -> AlarmSeen {
    let alarm =
        entry.alarm.expressions().first().map_or_else(String::new, |it| format!("${{{{ {} }}}}", it.text));
    AlarmSeen { alarm, state: "unknown".to_owned(), since: None, reason: Some(error.message.clone()) }
}
