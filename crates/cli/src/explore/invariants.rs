//! What must be true whatever went wrong.

use super::record::{Line, Who};
use super::subject::Subject;
use super::tamper::Tamper;
use super::trial::Trial;
use crate::step_faults::Wrong;
use lifeboat_engine::log::RunLog;
use lifeboat_journal::chain;
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::measure;
use lifeboat_journal::outcome;
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_report::document::{self, Document};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Resource;
use lifeboat_sim::WorldDefinition;
use lifeboat_sim::world::{Instance, Region, World};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What must be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// The chain of the journal is whole.
    Chain,
    /// The journal folded from the disk is the state the engine decided on.
    Fold,
    /// Each mutation is accepted at most once for a step and an attempt.
    Once,
    /// No two steps share what they made.
    Apart,
    /// What the outcome names as left or kept is what is left in the world, and nothing else is.
    Left,
    /// The exit code says how it ended.
    ExitCode,
    /// Every figure follows from the journal alone.
    Figures,
    /// What was there before a drill is as it would be without the drill.
    Untouched,
    /// The world's log leads to the world that was.
    Rebuilt,
    /// No secret of the world is in the journal.
    Secret,
    /// It comes to an end.
    Ends,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Chain,
        Self::Fold,
        Self::Once,
        Self::Apart,
        Self::Left,
        Self::ExitCode,
        Self::Figures,
        Self::Untouched,
        Self::Rebuilt,
        Self::Secret,
        Self::Ends,
    ];
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was found.
    pub why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.invariant, self.why)
    }
}

/// What was found of an invariant.
pub(super) struct Finding {
    invariant: Invariant,
    why: Option<String>,
}

impl Finding {
    fn of(invariant: Invariant, holds: bool, why: impl FnOnce() -> String) -> Self {
        Self { invariant, why: (!holds).then(why) }
    }

    pub(super) fn violation(self) -> Option<Violation> {
        Some(Violation { invariant: self.invariant, why: self.why? })
    }
}

/// What a process that was not killed leaves.
pub(super) struct End {
    pub(super) state: RunState,
    events: Vec<Event>,
    head: String,
    pub(super) document: Document,
    disk: Vec<u8>,
    pub(super) world: World,
}

impl End {
    pub(super) fn of(log: &RunLog, disk: Vec<u8>, world: World) -> Self {
        let (events, head) = (log.events(), log.head());
        let state = log.with_state(Clone::clone);
        let document = document::document(&state, &events, &head);
        Self { state, events, head, document, disk, world }
    }
}

/// Whenever a process stops by itself.
pub(super) fn at_a_stop(subject: &Subject, trial: &Trial, end: &End) -> Vec<Finding> {
    let verified = match chain::verify(&end.disk) {
        Ok(verified) => verified,
        Err(broken) => return vec![Finding::of(Invariant::Chain, false, || broken.to_string())],
    };
    let mut events = verified.events.clone();
    if trial.tamper == Some(Tamper::ForgetsEvent) {
        events.retain(|event| !matches!(event.kind, EventKind::StepSucceeded { .. }));
    }
    let folded = RunState::of(&events);
    let mut printed = end.document.clone();
    if trial.tamper == Some(Tamper::LiesInFigures) {
        printed.rto.actual_s = Some(1.0);
    }
    let recomputed = document::document(&RunState::of(&verified.events), &verified.events, &verified.head);
    let written = String::from_utf8_lossy(&end.disk);
    let told = secrets(&subject.definition).into_iter().find(|secret| written.contains(secret.as_str()));
    vec![
        Finding::of(Invariant::Chain, verified.torn.is_empty() && verified.head == end.head, || {
            "the head is not that of the last line".to_owned()
        }),
        Finding::of(Invariant::Fold, verified.events == end.events && folded == end.state, || {
            let there = end.state.steps.iter().filter(|(path, step)| folded.steps.get(*path) != Some(*step));
            let steps: Vec<_> = there.map(|(path, _)| path.to_string()).collect();
            format!("the fold from the disk differs; steps: {}", steps.join(", "))
        }),
        Finding::of(Invariant::Figures, printed == recomputed, || {
            "the document that was printed is not that of the journal".to_owned()
        }),
        measured(&verified.events, end),
        Finding::of(Invariant::Secret, told.is_none(), || "a secret is in the journal".to_owned()),
        exit_code(trial, end),
    ]
}

/// The figures journaled at the end follow from the events before them.
fn measured(events: &[Event], end: &End) -> Finding {
    let is_figure = |event: &&Event| matches!(event.kind, EventKind::RtoMeasured(_));
    let Some(last) = events.iter().rev().find(is_figure) else {
        return Finding::of(Invariant::Figures, true, String::new);
    };
    let before: Vec<Event> = events.iter().take_while(|event| event.seq < last.seq).cloned().collect();
    let again = measure::measure(&RunState::of(&before), &before).recovery_time;
    let journaled = end.state.recovery_time.as_deref();
    Finding::of(Invariant::Figures, journaled == Some(&again), || {
        format!("journaled {journaled:?}, measured again {again:?}")
    })
}

/// The code by the table of the documentation, from what the document says in words; and what it says against the steps.
fn exit_code(trial: &Trial, end: &End) -> Finding {
    let document = &end.document;
    let reported = match (trial.tamper, &end.state.outcome) {
        (Some(Tamper::LiesInExitCode), _) => outcome::PASSED,
        (_, Some(outcome)) => outcome.exit_code(),
        (_, None) => outcome::PAUSED,
    };
    let missed = document.rto.met == Some(false) || document.rpo.met == Some(false);
    let expected = match document.outcome.as_str() {
        "paused" | "running" => 4,
        "refused" => 7,
        _ if !document.left_behind.is_empty() => 6,
        "aborted" | "abandoned" => 5,
        "failed" => 1,
        _ if missed => 3,
        _ => 0,
    };
    let failed = end.state.steps.iter().find(|(path, step)| {
        matches!(step.status, StepStatus::Failed { .. }) && !path.as_str().contains("undo:")
    });
    let tells = reported == expected && reported == document.exit_code;
    // A check that warns and a step in a loop may fail in a run that passes; a step of the runbook itself may not.
    let passed = matches!(document.outcome.as_str(), "passed" | "objective_missed");
    let plain = failed.filter(|(path, _)| passed && !path.as_str().contains(['[', '/', ':']));
    Finding::of(Invariant::ExitCode, tells && plain.is_none(), || {
        let step = plain.map(|(path, _)| format!("; {path} has failed")).unwrap_or_default();
        format!("{reported} for `{}`, which is {expected}{step}", document.outcome)
    })
}

/// When the run is over.
pub(super) fn at_the_end(subject: &Subject, trial: &Trial, lines: &[Line], end: &End) -> Vec<Finding> {
    if end.state.outcome.is_none() {
        return Vec::new();
    }
    let mut twin = World::new(subject.definition.clone(), trial.seed);
    twin.settle(end.world.now);
    let mut findings = vec![once(trial, lines), apart(end)];
    if trial.mode == Mode::Drill {
        findings.push(left(trial, &twin, end));
        findings.push(untouched(subject, &twin, &end.world));
    }
    findings
}

/// At most one of each mutation for a step, an attempt and a stage. Where nobody can know whether the one before was
/// accepted (its reply was lost, or the process died), what sets values may be asked for again: that changes nothing more.
/// What makes something may not, whatever happened.
fn once(trial: &Trial, lines: &[Line]) -> Finding {
    let doubled = trial.faults.steps.iter().any(|fault| fault.does == Wrong::ActsTwice);
    let unsure = |line: &&Line| doubled || !trial.kills.is_empty() || line.entry.fault.is_some();
    let makes = |operation: &str| {
        ["Create", "Restore", "Start", "Copy", "Send"].iter().any(|verb| operation.starts_with(verb))
    };
    let mut asked: BTreeMap<(&Who, &str), Vec<&Line>> = BTreeMap::new();
    let mut nobodys = None;
    for line in lines.iter().filter(|line| line.entry.effect) {
        match &line.who {
            Some(who) if !who.undoes => asked.entry((who, &line.entry.operation)).or_default().push(line),
            Some(_) => {}
            None => nobodys = Some(&line.entry.operation),
        }
    }
    let twice = asked.iter().find(|((_, operation), lines)| {
        let before = lines.split_last().map_or(&[][..], |(_, before)| before);
        !before.is_empty() && (makes(operation) || !before.iter().all(unsure))
    });
    let again = twice.map(|((who, operation), lines)| {
        let Who { step, attempt, stage, .. } = who;
        format!("{operation} was accepted {} times of {step}, attempt {attempt}, stage {stage}", lines.len())
    });
    let why = again.or_else(|| nobodys.map(|operation| format!("{operation} was asked for by no step")));
    Finding::of(Invariant::Once, why.is_none(), || why.unwrap_or_default())
}

/// What one step made is not what another made.
fn apart(end: &End) -> Finding {
    let mut makers: BTreeMap<(&str, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for created in &end.state.created {
        let Resource { kind, id, region, .. } = &created.resource;
        makers.entry((kind, id, region)).or_default().insert(created.step.as_str());
    }
    let shared = makers.into_iter().find(|(_, steps)| steps.len() > 1);
    Finding::of(Invariant::Apart, shared.is_none(), || format!("{shared:?} is shared"))
}

/// What is in the world besides what would be there anyway, by name.
fn leftovers(twin: &World, world: &World) -> BTreeSet<String> {
    let mut left = BTreeSet::new();
    for (place, region) in world.regions() {
        let before = twin.region(place);
        let instances =
            region.instances.values().filter(|it| !before.instances.contains_key(&it.resource_id));
        left.extend(instances.map(|instance| instance.identifier.clone()));
        let snapshots = region.snapshots.keys().filter(|name| !before.snapshots.contains_key(*name));
        left.extend(snapshots.cloned());
        let retained = region.retained.iter().filter(|(id, _)| !before.retained.contains_key(*id));
        left.extend(
            retained.map(|(_, backup)| format!("automated backups of {}", backup.instance.identifier)),
        );
        let points = &region.backup.recovery_points;
        let points = points.keys().filter(|arn| !before.backup.recovery_points.contains_key(*arn));
        left.extend(points.cloned());
        left.extend(region.parameters.keys().filter(|name| !before.parameters.contains_key(*name)).cloned());
        left.extend(region.secrets.keys().filter(|name| !before.secrets.contains_key(*name)).cloned());
        let jobs = region.backup.restore_jobs.iter().filter(|job| job.completed_at.is_none());
        left.extend(jobs.map(|job| format!("restore job {}", job.id)));
    }
    left
}

/// What is left is what the outcome names, and the other way round.
fn left(trial: &Trial, twin: &World, end: &End) -> Finding {
    let outcome = end.state.outcome.as_deref();
    let mut named: BTreeSet<String> = BTreeSet::new();
    for outcome in outcome.into_iter().filter(|_| trial.tamper != Some(Tamper::LiesInLeftBehind)) {
        named.extend(outcome.left_behind.iter().chain(&outcome.kept).map(|resource| resource.id.clone()));
    }
    let there = leftovers(twin, &end.world);
    Finding::of(Invariant::Left, named == there, || {
        format!("named {named:?}, there {there:?} (it ended as `{}`)", end.document.outcome)
    })
}

/// A drill without `allow` leaves everything as it would be without it.
fn untouched(subject: &Subject, twin: &World, world: &World) -> Finding {
    let mut changed = Vec::new();
    for (place, before) in twin.regions().filter(|_| subject.plan.allow.is_empty()) {
        changed.extend(changes(before, world.region(place)));
    }
    Finding::of(Invariant::Untouched, changed.is_empty(), || changed.join(", "))
}

fn changes(before: &Region, now: &Region) -> Vec<String> {
    let mut changed = Vec::new();
    let mut compare = |what: &str, name: &str, same: bool| {
        if !same {
            changed.push(format!("the {what} {name} is not what it was"));
        }
    };
    for (id, instance) in &before.instances {
        let same = now.instances.get(id).is_some_and(|now| is_same(instance, now));
        compare("instance", &instance.identifier, same);
    }
    for (name, snapshot) in &before.snapshots {
        compare("snapshot", name, now.snapshots.get(name) == Some(snapshot));
    }
    for (id, backup) in &before.retained {
        compare("automated backup", id, now.retained.get(id) == Some(backup));
    }
    for (name, parameter) in &before.parameters {
        compare("parameter", name, now.parameters.get(name) == Some(parameter));
    }
    for (name, secret) in &before.secrets {
        compare("secret", name, now.secrets.get(name) == Some(secret));
    }
    for (arn, point) in &before.backup.recovery_points {
        compare("recovery point", arn, now.backup.recovery_points.get(arn) == Some(point));
    }
    changed
}

/// A snapshot may be taken of it in this moment, which changes nothing of it.
fn is_same(before: &Instance, now: &Instance) -> bool {
    (
        &before.identifier,
        &before.settings,
        &before.replica_of,
        before.pending.is_some(),
        before.failed_over_at,
    ) == (&now.identifier, &now.settings, &now.replica_of, now.pending.is_some(), now.failed_over_at)
}

/// The passwords of a world.
pub(super) fn secrets(definition: &WorldDefinition) -> Vec<String> {
    let regions = definition.accounts.iter().flat_map(|account| account.regions.values());
    let values = regions.flat_map(|region| &region.secrets).map(|secret| &secret.value);
    let passwords = values.filter_map(|value| value["password"].as_str().map(str::to_owned));
    passwords.collect()
}
