//! The timeline: every event of a run in words, in the order in which things happened.

use chrono::{DateTime, Utc};
use lifeboat_journal::event::{
    Actor, ActorKind, AlarmSeen, Answer, Event, EventKind, Failure, Item, Phase, Precision, Question,
    RunStarted, StepStarted, Values,
};
use lifeboat_journal::lock::{LockAcquired, LockBroken, LockHolder};
use lifeboat_journal::measure::Downtime;
use lifeboat_journal::outcome::{Outcome, Verdict};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Resource;
use lifeboat_runbook::units::time_text;
use serde::{Deserialize, Serialize};

/// A row of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// When it happened, RFC 3339, UTC.
    pub at: String,
    /// Where it is known from: `lifeboat`, `aws`, `import`, or the person.
    pub source: String,
    /// The step it belongs to.
    pub step: Option<String>,
    /// What happened.
    pub what: String,
    /// How exact `at` is: `exact`, `second`, `minute`, `estimated`.
    pub precision: String,
    /// The number of the event.
    pub seq: u64,
}

/// The timeline of a run: by time, then source, then number.
pub fn timeline(events: &[Event]) -> Vec<Row> {
    let row = |event: &Event| (event.at, row(event));
    let mut rows: Vec<(DateTime<Utc>, Row)> = events.iter().map(row).collect();
    rows.sort_by(|(left_at, left), (right_at, right)| {
        (left_at, &left.source, left.seq).cmp(&(right_at, &right.source, right.seq))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

pub(crate) fn row(event: &Event) -> Row {
    let attempt = event.attempt.filter(|attempt| *attempt > 1);
    let what = words(&event.kind);
    Row {
        at: time_text(event.at),
        source: source(&event.actor),
        step: event.step.as_ref().map(ToString::to_string),
        what: attempt.map_or_else(|| what.clone(), |attempt| format!("{what} (attempt {attempt})")),
        precision: precision_word(event.precision).to_owned(),
        seq: event.seq,
    }
}

fn source(actor: &Actor) -> String {
    let kind = match actor.kind {
        ActorKind::Engine => "lifeboat",
        ActorKind::Person => "person",
        ActorKind::Aws => "aws",
        ActorKind::Import => "import",
    };
    actor.id.as_ref().map_or_else(|| kind.to_owned(), |id| format!("{kind} {id}"))
}

/// So many items of a loop are named; of more, their number is enough.
const NAMED_ITEMS: usize = 8;

fn items_found(items: &[Item]) -> String {
    let keys: Vec<&str> = items.iter().take(NAMED_ITEMS).map(|item| item.key.as_str()).collect();
    match items.len() {
        0 => "no items".to_owned(),
        1 => format!("one item: {}", keys[0]),
        many if many > NAMED_ITEMS => format!("{many} items: {}, …", keys.join(", ")),
        many => format!("{many} items: {}", keys.join(", ")),
    }
}

pub(crate) fn precision_word(precision: Precision) -> &'static str {
    match precision {
        Precision::Exact => "exact",
        Precision::Second => "second",
        Precision::Minute => "minute",
        Precision::Estimated => "estimated",
    }
}

/// An event in words; the step it belongs to is not said again.
pub fn words(kind: &EventKind) -> String {
    match kind {
        EventKind::RunStarted(started) => run_started(started),
        EventKind::PhaseEntered { phase } => phase_words(*phase).to_owned(),
        EventKind::RunPaused { why, .. } => format!("paused: {why}"),
        EventKind::RunResumed { version, away_s, by } => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("taken up again{by} with lifeboat {version}, after {}", duration(*away_s))
        }
        EventKind::RoleAssigned { role, person } => format!("{role} is {person}"),
        EventKind::UpdateDue { number, .. } => format!("update {number} is due: tell people where it stands"),
        EventKind::NotifySent(notice) => format!("told by {}: {}", notice.to, notice.title),
        EventKind::NotifyRecorded(notice) => {
            format!("would be told by {}, in a simulation nothing is sent: {}", notice.to, notice.title)
        }
        EventKind::NotifyFailed { notice, error } => {
            format!("could not be told by {}: {} ({})", notice.to, notice.title, failure(error))
        }
        EventKind::AbortAsked { by, why, undo } => abort_asked(by, why.as_deref(), *undo),
        EventKind::CleanupAsked { by } => format!("{by} asked to take away what is left"),
        EventKind::PlanAmended(amended) => format!("the runbook was amended: {}", amended.reason),
        EventKind::RunFinished(outcome) => run_finished(outcome),
        EventKind::StepStarted(intent) => step_started(intent),
        EventKind::StepExpanded { items } => items_found(items),
        EventKind::StepAccepted { stage, .. } => accepted("AWS accepted", stage),
        EventKind::StateSeen { state, .. } => format!("seen as {state}"),
        EventKind::Reached { readiness, .. } => format!("is {readiness}"),
        EventKind::Observed { found } => format!("looked at: {}", found.replace('_', " ")),
        EventKind::StepUnknown { error } => {
            format!("whether it happened is not known ({}); it will be looked at", failure(error))
        }
        EventKind::AttemptFailed { during, error } => {
            format!("attempt failed ({during}): {}", failure(error))
        }
        EventKind::StepSucceeded { .. } => "succeeded".to_owned(),
        EventKind::StepFailed { error, allowed: true } => format!("failed, as it may: {}", failure(error)),
        EventKind::StepFailed { error, allowed: false } => format!("FAILED: {}", failure(error)),
        EventKind::StepSkipped { reason, values } => format!("skipped: {reason}{}", listed(values)),
        EventKind::StepOrdered { order, reason, seconds } => {
            let more = seconds.map(|seconds| format!(", {} more", duration(seconds))).unwrap_or_default();
            format!("ordered: {}{more}{}", order.word(), because(reason.as_deref()))
        }
        EventKind::DoneByHand { reason, outputs, adopted } if adopted.is_empty() => {
            format!("done by hand: {reason}{}", listed(outputs))
        }
        EventKind::DoneByHand { reason, outputs, adopted } => {
            let adopted: Vec<String> = adopted.iter().map(|(name, id)| format!("{name} {id}")).collect();
            format!("done by hand, with {} adopted: {reason}{}", adopted.join(", "), listed(outputs))
        }
        EventKind::StepBlocked { on, error } => {
            format!("BLOCKED, waits for {}: {}", on.words(), failure(error))
        }
        EventKind::StepUnblocked => "can go on".to_owned(),
        EventKind::PersonAsked(question) => asked(question),
        EventKind::PersonAnswered(answer) => answered(answer),
        EventKind::PersonTimedOut { then, .. } => format!("nobody answered in time; what follows: {then}"),
        EventKind::QuestionClosed { why, .. } => format!("nobody needs to answer any more: {why}"),
        EventKind::Evidence { kind, value } => format!("evidence ({kind}): {value}"),
        EventKind::DataTime { complete_to, grade, source } => {
            format!("the data is complete up to {} (grade {grade:?}: {source})", time_text(*complete_to))
        }
        EventKind::UndoStarted => "being taken back".to_owned(),
        EventKind::UndoAccepted { stage } => accepted("AWS accepted to take it back", stage),
        EventKind::Undone => "taken back: seen to be gone".to_owned(),
        EventKind::UndoFailed { error } => format!("COULD NOT BE TAKEN BACK: {}", failure(error)),
        EventKind::TimerFired { purpose } => format!("the time to wait for the {purpose} is over"),
        EventKind::AwsCall { service, operation, request_id, status } => {
            call(service, operation, request_id.as_deref(), *status)
        }
        EventKind::AwsPolled { kind, calls, throttled, errors } => {
            format!("asked AWS {calls} times about {kind} ({throttled} throttled, {errors} errors)")
        }
        EventKind::AwsCreated(resource) => format!("created {}", place(resource)),
        EventKind::AwsEvent(event) => event.message.clone(),
        EventKind::AwsDeleted(resource) => format!("seen to be gone: {}", place(resource)),
        EventKind::CheckFailed { check, error, then } => {
            format!("check does not hold ({then}): {check}: {}", failure(error))
        }
        EventKind::MarkSet { mark, source: None } => format!("mark set: {mark}"),
        EventKind::MarkSet { mark, source: Some(source) } => {
            format!("mark set: {mark} (the time of {source})")
        }
        EventKind::ProbeUp { .. } => "up".to_owned(),
        EventKind::ProbeDown { error, .. } => format!("DOWN: {}", failure(error)),
        EventKind::ProbeHeldUp => "has held up".to_owned(),
        EventKind::ProbeLooked { looks, failed } => {
            format!("looked {looks} times, {failed} not well answered")
        }
        EventKind::ProbeUnwatched { because, error } => {
            let error = error.as_ref().map(|error| format!(" ({})", failure(error))).unwrap_or_default();
            format!("not watched: {}{error}", because.words())
        }
        EventKind::AlarmSeen(seen) => alarm_seen(seen),
        EventKind::StopTriggered { alarm, then } => format!("the alarm {alarm} went off: {then}"),
        EventKind::DowntimeMeasured { probes } => downtime(probes),
        EventKind::RtoMeasured(time) => format!("recovery time: {}", optional(time.actual_s)),
        EventKind::RpoMeasured(lost) => format!("data lost: {}", optional(lost.actual_s)),
        EventKind::LockAcquired(lock) => lock_acquired(lock),
        EventKind::LockWaitedFor { holder } => format!("waits for the lock: {}", lock_holder(holder)),
        EventKind::LockRenewed { expires: Some(expires) } => {
            format!("the lock is held on, until {} if nobody renews it", time_text(*expires))
        }
        EventKind::LockRenewed { expires: None } => {
            "the lock is held on, as long as the run is paused".to_owned()
        }
        EventKind::LockBroken(broken) => lock_broken(broken),
        EventKind::LockLost { holder } => format!("THE LOCK IS LOST: {}", lock_holder(holder)),
        EventKind::LockReleased { error: None } => "the lock is given back".to_owned(),
        EventKind::LockReleased { error: Some(error) } => {
            format!("the lock could not be given back: {}", failure(error))
        }
        EventKind::SignalReceived { signal, then } => match then.as_str() {
            "stop" => format!("{signal} came: the run stops in good order"),
            "leave" => format!("{signal} came: the process leaves at once"),
            _ => format!("{signal} came; the run is stopping already"),
        },
        EventKind::AccountChecked(checked) => {
            format!("{} is the right account: {}", checked.target.words(), checked.caller)
        }
        EventKind::ClockJumped { by_s, asleep_s } => clock_jumped(*by_s, *asleep_s),
        EventKind::ClockSkew { by_s } => {
            let way = if *by_s > 0.0 { "ahead of" } else { "behind" };
            format!("this machine's clock is {} {way} that of AWS", duration(by_s.abs()))
        }
        EventKind::TailDropped { bytes, .. } => {
            format!("a last line torn by a crash ({bytes} bytes) was cut off the journal")
        }
        EventKind::Incident(event) => crate::incident::words::words(event),
        EventKind::Item(event) => crate::incident::words::item_words(event),
        EventKind::Other(other) => {
            format!("{} (written by a later version): {}", other.type_name, other.data)
        }
    }
}

fn lock_acquired(lock: &LockAcquired) -> String {
    let from = lock.expired.as_ref().map(|before| {
        format!(
            ", taken over from {} ({} on {}): its time was over",
            before.run, before.operator, before.host
        )
    });
    format!("holds the lock `{}`{}", lock.key, from.unwrap_or_default())
}

fn lock_broken(broken: &LockBroken) -> String {
    match (&broken.holder, &broken.error) {
        (Some(holder), _) => {
            format!("LOCK BROKEN ({}); {}", broken.reason, lock_holder(holder))
        }
        (None, Some(error)) => {
            format!("goes on WITHOUT THE LOCK ({}), which cannot be taken: {}", broken.reason, failure(error))
        }
        (None, None) => format!("LOCK BROKEN ({})", broken.reason),
    }
}

fn lock_holder(holder: &LockHolder) -> String {
    let LockHolder { run, operator, host, since, .. } = holder;
    format!("held by {run}, {operator} on {host}, since {}", time_text(*since))
}

fn clock_jumped(by_s: f64, asleep_s: f64) -> String {
    let asleep = (asleep_s >= 1.0).then(|| format!("the machine was asleep for {}", duration(asleep_s)));
    let way = if by_s > 0.0 { "forward" } else { "back" };
    let jumped =
        (by_s.abs() >= 1.0).then(|| format!("the wall clock went {way} by {}", duration(by_s.abs())));
    asleep.into_iter().chain(jumped).collect::<Vec<_>>().join("; ")
}

fn run_started(started: &RunStarted) -> String {
    let mode = match started.mode {
        Mode::Drill => "drill",
        Mode::Recovery => "recovery",
    };
    format!(
        "{mode} of {} started by {} in account {}, {}",
        started.runbook, started.operator, started.account, started.region
    )
}

fn alarm_seen(seen: &AlarmSeen) -> String {
    let since = seen.since.map(|since| format!(" since {}", time_text(since))).unwrap_or_default();
    let reason = seen.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("the alarm {} is {}{since}{reason}", seen.alarm, seen.state)
}

fn downtime(probes: &[Downtime]) -> String {
    let each = probes.iter().filter_map(|probe| {
        let path = probe.probe.as_ref()?;
        Some(format!("{path} {}", down_words(probe)))
    });
    format!("downtime: {}", each.collect::<Vec<_>>().join(", "))
}

/// The downtime that a probe saw, for people: `at least 42 s ± 2 s`.
pub fn down_words(probe: &Downtime) -> String {
    let Some(down) = probe.down_s else { return "unknown".to_owned() };
    let bound = if probe.bound == "at_least" { "at least " } else { "" };
    let resolution =
        if probe.times > 0 { format!(" ± {}", duration(probe.resolution_s)) } else { String::new() };
    let down = if probe.times > 0 { duration(down) } else { "none".to_owned() };
    let unwatched = match probe.unwatched_s {
        0.0 => String::new(),
        seconds => format!(", not watched for {}", duration(seconds)),
    };
    format!("{bound}{down}{resolution}{unwatched}")
}

pub(crate) fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn abort_asked(by: &str, why: Option<&str>, undo: Option<bool>) -> String {
    let undo = match undo {
        Some(true) => ", and to take back what was done",
        Some(false) => ", and to leave what was done",
        None => "",
    };
    format!("{by} asked for the end of the run{undo}{}", because(why))
}

fn asked(question: &Question) -> String {
    let options: Vec<&str> = question.options.iter().map(|option| option.id.as_str()).collect();
    let who = question.who().unwrap_or_else(|| "a person".to_owned());
    format!("asks {who} ({}): {}", options.join(" | "), question.text.trim())
}

fn answered(answer: &Answer) -> String {
    let mut text = format!("answered by {}: {}{}", answer.via, answer.choice, listed(&answer.fields));
    text.push_str(&because(answer.reason.as_deref()));
    for (kind, shown) in answer.evidence.iter().filter(|(kind, _)| *kind != "file") {
        text.push_str(&format!("; {kind}: {shown}"));
    }
    if let Some(file) = &answer.file {
        text.push_str(&format!("; file: {}, SHA-256 {}", file.path, file.sha256));
    }
    if let Some(identity) = &answer.identity {
        text.push_str(&format!("; from {identity}"));
    }
    if !answer.overrides.is_empty() {
        text.push_str(&format!("; OVER ITS RULES: {}", answer.overrides.join("; ")));
    }
    text
}

fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Preflight => "preflight begins",
        Phase::Running => "the steps begin",
        Phase::Undoing => "taking back what was done",
        Phase::CleaningUp => "cleaning up",
    }
}

fn run_finished(outcome: &Outcome) -> String {
    let end = match &outcome.verdict {
        Verdict::Passed => "finished: passed".to_owned(),
        Verdict::Failed { step } => format!("finished: FAILED at {step}"),
        Verdict::Aborted { by, why } => format!("finished: aborted by {by}: {why}"),
        Verdict::Refused { finding } => format!("refused to start: {finding}"),
        Verdict::Abandoned { by, why } => format!("given up by {by}: {why}"),
    };
    let also = outcome.also();
    let also =
        if also.is_empty() { String::new() } else { format!(" ({})", also.join(", ").replace('_', " ")) };
    format!("{end}{also}")
}

fn step_started(intent: &StepStarted) -> String {
    let names: Vec<&str> = intent.names.values().map(String::as_str).collect();
    let names = if names.is_empty() { String::new() } else { format!(" → {}", names.join(", ")) };
    format!("started {}{names}{}", intent.action, listed(&intent.resolved))
}

/// The mutation every attempt begins with needs no name.
fn accepted(what: &str, stage: &str) -> String {
    if stage == "first" { what.to_owned() } else { format!("{what}: {stage}") }
}

fn call(service: &str, operation: &str, request_id: Option<&str>, status: u16) -> String {
    let answer = match status {
        0 => "no answer came".to_owned(),
        status => format!("HTTP {status}"),
    };
    let request = request_id.map(|id| format!(", request {id}")).unwrap_or_default();
    format!("called {service} {operation}: {answer}{request}")
}

fn place(resource: &Resource) -> String {
    format!("{} {} in {}, {}", resource.kind, resource.id, resource.account, resource.region)
}

fn listed(values: &Values) -> String {
    if values.is_empty() {
        return String::new();
    }
    let values: Vec<String> = values.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!(" ({})", values.join(", "))
}

fn failure(failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}: {}{hint}", failure.code, failure.message)
}

fn optional(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "unknown".to_owned(), duration)
}

/// Seconds for people: `38 min 12 s`; to the tenth of a second below a minute, in milliseconds below a tenth.
pub fn duration(seconds: f64) -> String {
    if seconds < 0.0 {
        return format!("−{}", duration(-seconds));
    }
    if (0.000_5..0.1).contains(&seconds) {
        return format!("{} ms", (seconds * 1000.0).round());
    }
    if seconds < 59.95 {
        let tenths = (seconds * 10.0).round() / 10.0;
        return format!("{tenths} s");
    }
    let whole = seconds.round() as u64;
    let units =
        [(whole / 86_400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")];
    let parts: Vec<String> =
        units.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    parts.join(" ")
}
