//! What a template of the report is given: everything of a run that people should read, in words and rows.

use crate::chart::{Budget, Gantt, RecoveryPoint, Sample, Trend};
use crate::controls::{self, Control};
use crate::document::{self, Document};
use crate::made;
use crate::people::{self, AnswerRow};
use crate::record::{Earlier, Record, Source};
use crate::timeline::{self, Row, duration};
use lifeboat_journal::event::{Cloud, Event, EventKind, RunStarted, StepOutline};
use lifeboat_journal::measure::{CriticalStep, DataLost, Downtime, Parts, RecoveryTime};
use lifeboat_journal::outcome::{OBJECTIVE_MISSED, PASSED, PAUSED};
use lifeboat_journal::state::{Created, Moment, RunState, StepState, StepStatus};
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{MARKS, Mode};
use lifeboat_runbook::spec::{Grade, Resource};
use lifeboat_runbook::units::time_text;
use lifeboat_runbook::value::Value;
use serde::Serialize;

/// The names a template may use.
#[derive(Clone, Debug, Serialize)]
pub struct Page<'run> {
    /// The same numbers as machines read them.
    pub document: Document,
    /// What the first event says.
    pub started: Option<&'run RunStarted>,
    /// `Drill report` or `Recovery report`.
    pub kind: &'static str,
    /// Why this is no evidence; nothing for a run against AWS.
    pub not_evidence: Option<String>,
    /// Objectives against actuals.
    pub objectives: Vec<ObjectiveRow>,
    /// Seconds since the start, where the recovery time is not known.
    pub since_start_s: Option<f64>,
    /// One sentence on what made the recovery time.
    pub what_made_it: String,
    /// Where the recovery time went.
    pub parts: Vec<PartRow>,
    /// The steps that made it, in order.
    pub critical_path: Vec<CriticalRow>,
    /// Who holds which role; may be empty.
    pub roles: String,
    /// Severity and triggers of a playbook; empty of a runbook.
    pub playbook: String,
    /// What people answered.
    pub answers: Vec<AnswerRow>,
    /// The marks that were set, in the order in which they should come.
    pub marks: Vec<MarkRow>,
    /// Steps that were skipped because of the mode.
    pub not_rehearsed: Vec<NotRehearsedRow>,
    /// The downtime that each probe saw.
    pub downtime: Vec<DowntimeRow>,
    /// Every statement of how far the recovered data goes.
    pub data_times: Vec<DataTimeRow>,
    /// What steps left as proof.
    pub evidence: Vec<EvidenceRow>,
    /// The steps.
    pub steps: Vec<StepRow>,
    /// What is told apart of what they made, and when it was first seen.
    pub reached: Vec<ReachedRow>,
    /// The checks before them.
    pub preflight: Vec<StepRow>,
    /// Checks that did not hold.
    pub checks: Vec<CheckRow>,
    /// What the recovered copy lacks.
    pub not_restored: Vec<LackRow>,
    /// What the run made, and what became of it.
    pub created: Vec<CreatedRow>,
    /// Steps that failed and were allowed to, and checks that only warned.
    pub warnings: Vec<String>,
    /// `good`, `bad`, `warn`: how the outcome is to be taken.
    pub outcome_class: &'static str,
    /// The picture of the recovery time against its objective, where it is known.
    pub budget: Option<Budget>,
    /// The picture of how far the data goes, where that is known.
    pub recovery_point: Option<RecoveryPoint>,
    /// The picture of what happened when.
    pub gantt: Option<Gantt>,
    /// Both numbers over the earlier runs and this one.
    pub trends: Vec<Trend>,
    /// The earlier runs, the newest first.
    pub earlier: Vec<EarlierRow>,
    /// The controls that such a run is evidence for.
    pub controls: Vec<Control>,
    /// The runbook as it was run.
    pub sources: &'run [Source],
    /// How each number was computed.
    pub methods: Vec<MethodRow>,
    /// Every event.
    pub timeline: Vec<Row>,
}

/// A number against its objective.
#[derive(Clone, Debug, Serialize)]
pub struct ObjectiveRow {
    /// Which number.
    pub name: &'static str,
    /// The objective.
    pub objective: String,
    /// The actual.
    pub actual: String,
    /// `met`, `MISSED`, `unknown`, `no objective`.
    pub judged: &'static str,
    /// What goes with it.
    pub note: String,
}

/// A readiness of what a step made.
#[derive(Clone, Debug, Serialize)]
pub struct ReachedRow {
    /// The step.
    pub step: String,
    /// The readiness: `hydrated`.
    pub readiness: String,
    /// When it was first seen; nothing where nobody saw it.
    pub at: Option<String>,
}

/// A part of the recovery time.
#[derive(Clone, Debug, Serialize)]
pub struct PartRow {
    /// Which.
    pub name: &'static str,
    /// How long.
    pub time: String,
    /// What is counted.
    pub meaning: &'static str,
}

/// A step of the critical path.
#[derive(Clone, Debug, Serialize)]
pub struct CriticalRow {
    /// Which.
    pub step: String,
    /// How long it took.
    pub time: String,
    /// Its share of the recovery time, per cent.
    pub share: Option<u64>,
    /// What it waited for, where that was not AWS alone.
    pub waits: String,
}

/// An earlier run.
#[derive(Clone, Debug, Serialize)]
pub struct EarlierRow {
    /// Its id.
    pub run: String,
    /// When it began.
    pub started_at: String,
    /// How it ended.
    pub outcome: String,
    /// Its recovery time.
    pub recovery_time: String,
    /// The data it lost.
    pub data_lost: String,
}

/// The downtime that a probe saw.
#[derive(Clone, Debug, Serialize)]
pub struct DowntimeRow {
    /// Which.
    pub probe: String,
    /// How long, with its resolution.
    pub down: String,
    /// How often it went down.
    pub times: usize,
    /// How it stood at last.
    pub state: String,
    /// What it looked with, and how often.
    pub looks: String,
}

/// A mark.
#[derive(Clone, Debug, Serialize)]
pub struct MarkRow {
    /// Which.
    pub name: String,
    /// When.
    pub at: String,
    /// Since the run began.
    pub after: String,
    /// The number of the event.
    pub seq: u64,
}

/// A step that a drill leaves out.
#[derive(Clone, Debug, Serialize)]
pub struct NotRehearsedRow {
    /// Which.
    pub step: String,
    /// What it would do.
    pub what: String,
    /// How long it is expected to take.
    pub expected: String,
}

/// A statement of how far the recovered data goes.
#[derive(Clone, Debug, Serialize)]
pub struct DataTimeRow {
    /// Complete up to here.
    pub complete_to: String,
    /// `A`, `B`, `C`.
    pub grade: String,
    /// What the grade means.
    pub meaning: &'static str,
    /// Where it was read.
    pub source: String,
    /// By which step.
    pub step: String,
    /// The number of the event.
    pub seq: u64,
    /// Whether the figure is made with this one.
    pub used: bool,
}

/// Something a step left as proof.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceRow {
    /// By which step.
    pub step: String,
    /// What it is.
    pub kind: String,
    /// The thing itself.
    pub value: String,
}

/// A step.
#[derive(Clone, Debug, Serialize)]
pub struct StepRow {
    /// Its path.
    pub step: String,
    /// Its name for people.
    pub name: String,
    /// What it does.
    pub action: String,
    /// `read`, `create`, `modify`, `destroy`.
    pub effect: String,
    /// Where it stands.
    pub state: String,
    /// How many attempts were begun.
    pub attempts: u32,
    /// How long it took.
    pub time: String,
    /// The states that were seen in AWS.
    pub seen: String,
    /// Why it failed or was skipped.
    pub why: String,
}

/// A check that did not hold.
#[derive(Clone, Debug, Serialize)]
pub struct CheckRow {
    /// What was checked.
    pub check: String,
    /// Why it does not hold.
    pub why: String,
    /// What followed: `refuse`, `ask`, `warn`.
    pub then: String,
}

/// Something the recovered copy has not.
#[derive(Clone, Debug, Serialize)]
pub struct LackRow {
    /// Which step made the copy.
    pub step: String,
    /// What it lacks.
    pub what: String,
}

/// Something the run made.
#[derive(Clone, Debug, Serialize)]
pub struct CreatedRow {
    /// What kind.
    pub kind: String,
    /// Its identifier.
    pub id: String,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// When it was made.
    pub created_at: Option<String>,
    /// By which step.
    pub step: String,
    /// `gone`, `LEFT BEHIND`, `kept`, `in use`.
    pub fate: &'static str,
    /// When it was seen to be gone.
    pub gone_at: Option<String>,
    /// The number of the event which shows that.
    pub gone_seq: Option<u64>,
}

/// How a number was computed.
#[derive(Clone, Debug, Serialize)]
pub struct MethodRow {
    /// Which number.
    pub name: &'static str,
    /// What it is.
    pub definition: String,
    /// How it was found.
    pub method: String,
    /// By which clock.
    pub clock: String,
    /// From which events.
    pub events: Vec<u64>,
}

impl<'run> Page<'run> {
    /// The page of a run, finished or not.
    pub fn of(record: &Record<'run>) -> Self {
        let Record { state, events, head, sources, earlier } = *record;
        let document = document::document(state, events, head);
        let started = state.started.as_deref();
        let mode = started.map_or(Mode::Drill, |started| started.mode);
        let (time, lost) = (&document.rto, &document.rpo);
        Self {
            started,
            kind: match mode {
                Mode::Recovery => "Recovery report",
                Mode::Drill => "Drill report",
            },
            not_evidence: started.and_then(|started| not_evidence(&started.cloud)),
            objectives: vec![recovery_time_row(time), data_lost_row(lost)],
            since_start_s: since_start(state, time),
            what_made_it: what_made_it(state, &document),
            parts: parts(&time.parts_s),
            critical_path: critical_path(&document),
            roles: people::roles(state),
            playbook: people::playbook(state),
            answers: people::answers(state),
            marks: marks(state),
            not_rehearsed: not_rehearsed(started, time),
            downtime: downtime(state, &document),
            data_times: data_times(state, lost),
            evidence: evidence(state),
            steps: rows(state, |path| !path.is_preflight()),
            reached: reached(state),
            preflight: rows(state, StepPath::is_preflight),
            checks: checks(events),
            not_restored: not_restored(state),
            created: created(state),
            warnings: state.outcome.as_ref().map(|outcome| outcome.warnings.clone()).unwrap_or_default(),
            outcome_class: outcome_class(&document),
            budget: Budget::of(&document),
            recovery_point: RecoveryPoint::of(state, &document),
            gantt: Gantt::of(state, events, &document),
            trends: trends(earlier, state, &document),
            earlier: earlier.iter().rev().map(earlier_row).collect(),
            controls: controls::controls(mode),
            sources,
            methods: vec![recovery_time_method(started, time), data_lost_method(started, lost)],
            timeline: timeline::timeline(events),
            document,
        }
    }
}

fn downtime(state: &RunState, document: &Document) -> Vec<DowntimeRow> {
    let row = |down: &Downtime| {
        let path = down.probe.as_ref()?;
        let outline = state.probe_outlines().iter().find(|outline| outline.path == path.planned());
        let how =
            outline.map(|it| format!("{}, every {}", it.action, duration(it.every_s))).unwrap_or_default();
        Some(DowntimeRow {
            probe: path.to_string(),
            down: timeline::down_words(down),
            times: down.times,
            state: down.state.clone(),
            looks: format!("{how}: {} looks, {} not well answered", down.looks, down.failed_looks),
        })
    };
    document.downtime.iter().filter_map(row).collect()
}

fn outcome_class(document: &Document) -> &'static str {
    match document.exit_code {
        PASSED => "good",
        PAUSED | OBJECTIVE_MISSED => "warn",
        _ => "bad",
    }
}

fn earlier_row(earlier: &Earlier) -> EarlierRow {
    EarlierRow {
        run: earlier.run.clone(),
        started_at: earlier.began.map(time_text).unwrap_or_default(),
        outcome: earlier.outcome.replace('_', " "),
        recovery_time: known(earlier.recovery_time.0),
        data_lost: known(earlier.data_lost.0),
    }
}

/// Both numbers of the earlier runs, and of this one behind them.
fn trends(earlier: &[Earlier], state: &RunState, document: &Document) -> Vec<Trend> {
    let this = Earlier {
        recovery_time: (document.rto.actual_s, document.rto.met),
        data_lost: (document.rpo.actual_s, document.rpo.met),
        ..Earlier::of(state)
    };
    let samples = |number: fn(&Earlier) -> (Option<f64>, Option<bool>)| -> Vec<Sample> {
        let sample = |run: &Earlier| {
            let (seconds, met) = number(run);
            let day = run.began.map(|began| began.format("%d %b").to_string()).unwrap_or_default();
            Sample { day, run: run.run.clone(), seconds, met, is_this: run.run == this.run }
        };
        earlier.iter().chain([&this]).map(sample).collect()
    };
    let times = Trend::of("Recovery time", &samples(|run| run.recovery_time), document.rto.objective_s);
    let losses = Trend::of("Data lost", &samples(|run| run.data_lost), document.rpo.objective_s);
    times.into_iter().chain(losses).collect()
}

fn not_evidence(cloud: &Cloud) -> Option<String> {
    match cloud {
        Cloud::Aws => None,
        Cloud::Simulated { world, seed } => Some(format!(
            "SIMULATED – not evidence. This run took place in the simulated world {world} (seed {seed}); nothing \
             of it touched AWS, and its durations are drawn, not observed."
        )),
        Cloud::Endpoint { url } => Some(format!(
            "NOT AWS – not evidence. This run was made against {url}, which only speaks AWS's protocols."
        )),
    }
}

fn judged(objective_s: Option<f64>, met: Option<bool>) -> &'static str {
    match (objective_s, met) {
        (None, _) => "no objective",
        (Some(_), Some(true)) => "met",
        (Some(_), Some(false)) => "MISSED",
        (Some(_), None) => "unknown",
    }
}

fn known(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "unknown".to_owned(), duration)
}

fn recovery_time_row(time: &RecoveryTime) -> ObjectiveRow {
    let scope = match time.scope.as_deref() {
        Some("service") => "up to the proof that users are served again",
        Some(_) => "up to the proof in a recovered copy that serves nobody",
        None => "the run did not reach the mark that ends it",
    };
    let estimate = time.estimated_total_s.map(|total| {
        format!(
            "; with what was not rehearsed {} (estimated), on which the objective is judged",
            duration(total)
        )
    });
    ObjectiveRow {
        name: "recovery time (RTO)",
        objective: time.objective_s.map_or_else(|| "none".to_owned(), duration),
        actual: known(time.actual_s),
        judged: judged(time.objective_s, time.met),
        note: format!("{scope}{}", estimate.unwrap_or_default()),
    }
}

fn data_lost_row(lost: &DataLost) -> ObjectiveRow {
    let at_least = lost.bound.as_deref() == Some("at_least");
    ObjectiveRow {
        name: "data lost (RPO)",
        objective: lost.objective_s.map_or_else(|| "none".to_owned(), duration),
        actual: format!("{}{}", if at_least { "at least " } else { "" }, known(lost.actual_s)),
        judged: judged(lost.objective_s, lost.met),
        note: lost.grade.map_or_else(
            || "nothing in this run says how far the recovered data goes".to_owned(),
            |grade| format!("grade {grade:?}: {}", grade_words(grade)),
        ),
    }
}

fn grade_words(grade: Grade) -> &'static str {
    match grade {
        Grade::A => "read from the recovered data itself",
        Grade::B => "the service's own statement",
        Grade::C => "metadata",
    }
}

/// In a recovery whose beginning nobody stated, the time since the start is all there is; it is not a recovery time.
fn since_start(state: &RunState, time: &RecoveryTime) -> Option<f64> {
    let last = state.finished.or(state.last)?;
    state.began.filter(|_| time.actual_s.is_none()).map(|began| began.seconds_to(&last))
}

fn took(state: &RunState, path: &StepPath) -> Option<f64> {
    let step = state.steps.get(path)?;
    Some(step.started?.seconds_to(&step.finished?))
}

fn what_made_it(state: &RunState, document: &Document) -> String {
    let Some(total) = document.rto.actual_s else {
        let missing = match (&document.rto.from, &document.rto.to) {
            (None, _) => "nobody said when service was lost",
            (_, None) => "no step set the mark that ends it",
            _ => "it could not be measured",
        };
        return format!("The recovery time is not known: {missing}.");
    };
    let name = |path: &StepPath| {
        let named = state.outline(path).and_then(|outline| outline.name.clone());
        named.map_or_else(|| path.to_string(), |name| format!("{path} ({name})"))
    };
    made::sentence(total, &document.rto.parts_s, &document.critical_steps, &name)
}

fn parts(parts: &Parts) -> Vec<PartRow> {
    let Parts { before_run, preflight, detection, decision, execution, verification, .. } = parts;
    let Parts { control_plane, blocked, away, retry, lifeboat, .. } = parts;
    let row = |(name, seconds, meaning): (&'static str, Option<f64>, &'static str)| {
        Some(PartRow { name, time: duration(seconds?), meaning })
    };
    [
        ("before the run", *before_run, "from the loss of service to the start of the run"),
        ("of this detection", *detection, "from the loss of service to its detection"),
        ("preflight", *preflight, "checks before the first step"),
        ("execution", *execution, "from the first step to the end of the last one that changes something"),
        ("verification", *verification, "from there to the proof"),
        ("of these waiting for people", Some(*decision), "for answers, and for somebody to take the run up"),
        ("of these control plane", Some(*control_plane), "AWS not reachable"),
        ("of these blocked", Some(*blocked), "credentials or a permission missing"),
        ("of these nobody there", Some(*away), "no process of Lifeboat carried the run"),
        ("of these delays", Some(*retry), "between the attempts of a step"),
        (
            "of these Lifeboat's own share",
            Some(*lifeboat),
            "at most, between something being ready and its being seen",
        ),
    ]
    .into_iter()
    .filter(|(name, seconds, _)| {
        !name.starts_with("of these") || seconds.is_some_and(|seconds| seconds > 0.0)
    })
    .filter_map(row)
    .collect()
}

fn critical_path(document: &Document) -> Vec<CriticalRow> {
    let total = document.rto.actual_s.filter(|total| *total > 0.0);
    let row = |step: &CriticalStep| CriticalRow {
        step: step.step.to_string(),
        time: duration(step.total_s),
        share: total.map(|total| (step.total_s / total * 100.0).round() as u64),
        waits: waits(step),
    };
    document.critical_steps.iter().map(row).collect()
}

/// What a step waited for, the longest first.
fn waits(step: &CriticalStep) -> String {
    let mut waits = [
        (step.aws_s, "AWS, or what a probe asked"),
        (step.person_s, "a person"),
        (step.blocked_s, "credentials, a permission or the control plane"),
        (step.away_s, "a process of Lifeboat"),
        (step.retry_s, "the next attempt"),
        (step.lifeboat_s, "Lifeboat to see it, at most"),
    ];
    waits.sort_by(|left, right| right.0.total_cmp(&left.0));
    let worth = waits.iter().filter(|(seconds, _)| *seconds >= 0.05);
    worth.map(|(seconds, what)| format!("{} for {what}", duration(*seconds))).collect::<Vec<_>>().join("; ")
}

fn marks(state: &RunState) -> Vec<MarkRow> {
    let place = |name: &MarkName| MARKS.iter().position(|known| *known == name.as_str());
    let mut marks: Vec<(&MarkName, &Moment)> = state.marks.iter().collect();
    marks.sort_by_key(|(name, moment)| (place(name).unwrap_or(MARKS.len()), moment.seq));
    let row = |(name, moment): (&MarkName, &Moment)| MarkRow {
        name: name.to_string(),
        at: time_text(moment.at),
        after: known(state.began.map(|began| began.seconds_to(moment))),
        seq: moment.seq,
    };
    marks.into_iter().map(row).collect()
}

fn not_rehearsed(started: Option<&RunStarted>, time: &RecoveryTime) -> Vec<NotRehearsedRow> {
    let row = |outline: &StepOutline| NotRehearsedRow {
        step: outline.path.to_string(),
        what: what(outline),
        expected: known(outline.expect_s),
    };
    let outlines = started.iter().flat_map(|started| &started.steps);
    outlines.filter(|outline| time.not_rehearsed.contains(&outline.path)).map(row).collect()
}

fn what(outline: &StepOutline) -> String {
    outline.action.clone().unwrap_or_else(|| outline.kind.clone())
}

fn data_times(state: &RunState, lost: &DataLost) -> Vec<DataTimeRow> {
    let row = |data: &lifeboat_journal::state::DataTime| DataTimeRow {
        complete_to: time_text(data.complete_to),
        grade: format!("{:?}", data.grade),
        meaning: grade_words(data.grade),
        source: data.source.clone(),
        step: data.step.as_ref().map(ToString::to_string).unwrap_or_default(),
        seq: data.seq,
        used: lost.events.last() == Some(&data.seq),
    };
    state.data_times.iter().map(row).collect()
}

fn evidence(state: &RunState) -> Vec<EvidenceRow> {
    let of_step = |path: &StepPath| {
        let row = |(kind, value): (String, Value)| EvidenceRow {
            step: path.to_string(),
            kind,
            value: value.to_string(),
        };
        state.step(path).evidence.into_iter().map(row).collect::<Vec<_>>()
    };
    document::paths(state).into_iter().flat_map(of_step).collect()
}

fn rows(state: &RunState, wanted: impl Fn(&StepPath) -> bool) -> Vec<StepRow> {
    let paths = document::paths(state).into_iter().filter(|path| wanted(path));
    paths.map(|path| step_row(state, path)).collect()
}

fn step_row(state: &RunState, path: &StepPath) -> StepRow {
    let step = state.step(path);
    let outline = state.outline(path);
    let seen: Vec<&str> = step.states_seen.iter().map(|seen| seen.state.as_str()).collect();
    StepRow {
        step: path.to_string(),
        name: outline.and_then(|outline| outline.name.clone()).unwrap_or_default(),
        action: outline.map(what).or_else(|| action(&step)).unwrap_or_default(),
        effect: outline.and_then(|outline| outline.effect.clone()).unwrap_or_default(),
        state: step.status.word().replace('_', " "),
        attempts: step.attempts,
        time: took(state, path).map(duration).unwrap_or_default(),
        seen: seen.join(" → "),
        why: why(&step),
    }
}

fn action(step: &StepState) -> Option<String> {
    step.intent.as_ref().map(|intent| intent.action.clone())
}

fn why(step: &StepState) -> String {
    let reason = document::why(step).unwrap_or_default();
    match &step.status {
        StepStatus::Skipped(_) if !step.skipped_because.is_empty() => {
            let values = step.skipped_because.iter().map(|(name, value)| format!("{name}: {value}"));
            format!("{reason} ({})", values.collect::<Vec<_>>().join(", "))
        }
        status => match status.failure().and_then(|failure| failure.hint.as_ref()) {
            Some(hint) => format!("{reason}; {hint}"),
            None => reason,
        },
    }
}

/// Checks that did not hold; those that did are steps of the preflight.
fn checks(events: &[Event]) -> Vec<CheckRow> {
    let row = |event: &Event| match &event.kind {
        EventKind::CheckFailed { check, error, then } => {
            Some(CheckRow { check: check.clone(), why: error.message.clone(), then: then.clone() })
        }
        _ => None,
    };
    events.iter().filter_map(row).collect()
}

fn reached(state: &RunState) -> Vec<ReachedRow> {
    let of_step = |path: &StepPath| {
        let names = document::reached(&state.step(path)).into_iter();
        let row = |(readiness, at)| ReachedRow { step: path.to_string(), readiness, at };
        names.map(row).collect::<Vec<_>>()
    };
    document::paths(state).into_iter().flat_map(of_step).collect()
}

fn not_restored(state: &RunState) -> Vec<LackRow> {
    let of_step = |path: &StepPath| {
        let lacks = match state.step(path).outputs.remove("not_restored") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(lacks)) => lacks.iter().map(ToString::to_string).collect(),
            Some(lack) => vec![lack.to_string()],
        };
        lacks.into_iter().map(|what| LackRow { step: path.to_string(), what }).collect::<Vec<_>>()
    };
    document::paths(state).into_iter().flat_map(of_step).collect()
}

/// Each thing the run made and what became of it; then what the outcome says is left that no event says was made.
fn created(state: &RunState) -> Vec<CreatedRow> {
    let mut rows: Vec<CreatedRow> = state.created.iter().map(|created| created_row(state, created)).collect();
    let left = state.outcome.iter().flat_map(|outcome| &outcome.left_behind);
    for resource in left.filter(|left| !state.created.iter().any(|created| same(&created.resource, left))) {
        rows.push(CreatedRow {
            created_at: None,
            step: String::new(),
            fate: "LEFT BEHIND",
            gone_at: None,
            gone_seq: None,
            ..place(resource)
        });
    }
    rows
}

fn created_row(state: &RunState, created: &Created) -> CreatedRow {
    CreatedRow {
        created_at: Some(time_text(created.at.at)),
        step: created.step.to_string(),
        fate: fate(state, created),
        gone_at: created.deleted.map(|gone| time_text(gone.at)),
        gone_seq: created.deleted.map(|gone| gone.seq),
        ..place(&created.resource)
    }
}

fn place(resource: &Resource) -> CreatedRow {
    CreatedRow {
        kind: resource.kind.clone(),
        id: resource.id.clone(),
        account: resource.account.clone(),
        region: resource.region.clone(),
        created_at: None,
        step: String::new(),
        fate: "",
        gone_at: None,
        gone_seq: None,
    }
}

fn same(left: &Resource, right: &Resource) -> bool {
    (&left.kind, &left.id, &left.account, &left.region)
        == (&right.kind, &right.id, &right.account, &right.region)
}

/// After the end, what nobody has seen gone and nobody asked to keep is left behind, whatever else is said.
fn fate(state: &RunState, created: &Created) -> &'static str {
    match &state.outcome {
        _ if created.deleted.is_some() => "gone",
        None => "in use",
        Some(outcome) if outcome.kept.iter().any(|kept| same(kept, &created.resource)) => "kept",
        Some(_) => "LEFT BEHIND",
    }
}

fn recovery_time_method(started: Option<&RunStarted>, time: &RecoveryTime) -> MethodRow {
    let beginning = match started.map(|started| (started.mode, started.disrupted_at)) {
        Some((_, Some(_))) => "the loss of service, as the operator stated it",
        Some((Mode::Drill, None)) => "the start of the drill, preflight included",
        _ => "the mark of that name; in a recovery it is never assumed",
    };
    let clock = match time.clock.as_deref() {
        Some("monotonic") => "monotonic, within one process",
        Some(_) => "wall, because it spans processes or a moment that somebody stated",
        None => "none: one of the two moments is not known",
    };
    let (from, to) = (time.from.as_deref().unwrap_or("unknown"), time.to.as_deref().unwrap_or("unknown"));
    MethodRow {
        name: "recovery time",
        definition: format!("from {from} to {to}"),
        method: format!("disrupted is {beginning}; {to} is the event that set the mark"),
        clock: clock.to_owned(),
        events: time.events.clone(),
    }
}

fn data_lost_method(started: Option<&RunStarted>, lost: &DataLost) -> MethodRow {
    let stopped = match started.map(|started| started.mode) {
        Some(Mode::Drill) => {
            "writes count as stopped at the start of the drill, unless a mark says otherwise"
        }
        _ => "writes stopped at the mark writes_stopped, else at the loss of service",
    };
    let source = lost.source.as_deref().unwrap_or("nothing was read");
    let bound = match lost.bound.as_deref() {
        Some("at_least") => "; a lower bound, because writes went on and nobody stopped them",
        _ => "",
    };
    MethodRow {
        name: "data lost",
        definition:
            "acknowledged writes that are not in the recovered system: from the moment the recovered data \
                     is complete to, until writes stopped"
                .to_owned(),
        method: format!("complete to: {source}; {stopped}{bound}"),
        clock: "wall".to_owned(),
        events: lost.events.clone(),
    }
}
