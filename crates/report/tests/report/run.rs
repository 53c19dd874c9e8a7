//! Runs in memory.

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::event::{
    Cloud, Draft, Event, EventKind, FORMAT, Failure, Phase, RunStarted, SEMANTICS, SourceDigest, StepOutline,
    StepStarted,
};
use lifeboat_journal::file::{JournalWriter, Stamp, Storage};
use lifeboat_journal::measure::measure;
use lifeboat_journal::outcome::{Objective, Outcome, Verdict};
use lifeboat_journal::state::RunState;
use lifeboat_report::page::Page;
use lifeboat_report::record::{Earlier, Record, Source};
use lifeboat_report::render::{Form, OwnTemplate, ReportError, render};
use lifeboat_runbook::id::{MarkName, RunId, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::{Grade, Resource};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::io;

/// A journal nobody keeps: what was appended is in the events that come back.
struct Nowhere;

impl Storage for Nowhere {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_head(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

/// A run that is being written.
pub(crate) struct Run {
    writer: JournalWriter,
    pub(crate) events: Vec<Event>,
    milliseconds: u64,
}

pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_603_600, 0).expect("2026-01-05T09:00:00Z is a time")
}

pub(crate) fn resource() -> Resource {
    Resource {
        kind: "rds:db".into(),
        id: "pitr-abcdef-restore".into(),
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        arn: Some("arn:aws:rds:eu-west-1:111122223333:db:pitr-abcdef-restore".into()),
    }
}

pub(crate) fn failure(message: &str) -> Failure {
    Failure {
        code: "assert".into(),
        message: message.into(),
        hint: Some("look there".into()),
        refused: false,
    }
}

fn outline(path: &str, action: &str, effect: &str) -> StepOutline {
    StepOutline {
        path: StepPath::new(path),
        name: None,
        kind: "action".into(),
        action: Some(action.into()),
        effect: Some(effect.into()),
        parent: None,
        expect_s: Some(178.0),
        marks: BTreeMap::new(),
        expect_source: None,
        conditional: false,
        only_in: None,
        needs: Vec::new(),
    }
}

pub(crate) fn started(mode: Mode, cloud: Cloud) -> RunStarted {
    RunStarted {
        format: FORMAT.into(),
        semantics: SEMANTICS,
        version: "0.1.0".into(),
        runbook: "pitr".into(),
        title: "Restore the orders database".into(),
        sources: vec![SourceDigest { name: "pitr.yaml".into(), sha256: "5eed".repeat(16) }],
        mode,
        cloud,
        inputs: ["a", "b", "c", "d", "e", "f"].map(|name| (name.to_owned(), Value::from("x"))).into(),
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        regions: BTreeMap::new(),
        access: Default::default(),
        acts_as: None,
        caller: None,
        operator: "ada".into(),
        host: "laptop".into(),
        rto_objective_s: Some(3600.0),
        rpo_objective_s: Some(900.0),
        loss: "outage".into(),
        disrupted_at: None,
        steps: vec![
            outline("preflight:source", "rds.describe_instance", "read"),
            outline("restore", "rds.restore_to_point_in_time", "create"),
            outline("newest", "postgres.query", "read"),
            outline("cut_over", "secretsmanager.update_keys", "modify"),
        ],
        probes: vec![],
        previous_head: None,
        playbook: None,
        people: BTreeMap::new(),
    }
}

pub(crate) fn simulated() -> Cloud {
    Cloud::Simulated { world: "default".into(), seed: 7 }
}

pub(crate) fn intent(action: &str, after: Vec<u64>) -> EventKind {
    EventKind::StepStarted(Box::new(StepStarted {
        action: action.into(),
        effect: "create".into(),
        target: None,
        parameters: BTreeMap::new(),
        names: BTreeMap::new(),
        token: "token".into(),
        resolved: BTreeMap::new(),
        captured: BTreeMap::new(),
        findings: Vec::new(),
        wait_for: None,
        readinesses: Vec::new(),
        timeout_s: 60.0,
        after,
    }))
}

pub(crate) fn outcome(verdict: Verdict, left_behind: Vec<Resource>, kept: Vec<Resource>) -> Outcome {
    Outcome { verdict, warnings: Vec::new(), rto: Objective::Met, rpo: Objective::Met, left_behind, kept }
}

impl Run {
    pub(crate) fn new(started: RunStarted) -> Self {
        let writer = JournalWriter::create(Box::new(Nowhere), RunId::new("abcdefghijklmnop"));
        let mut run = Self { writer, events: Vec::new(), milliseconds: 0 };
        run.write(0.0, Draft::run(EventKind::RunStarted(Box::new(started))));
        run
    }

    /// Writes an event `seconds` after the one before, and returns its number.
    pub(crate) fn write(&mut self, seconds: f64, draft: Draft) -> u64 {
        self.milliseconds += (seconds * 1000.0) as u64;
        let now = start() + TimeDelta::milliseconds(self.milliseconds as i64);
        let stamp = Stamp { now, mono_ms: self.milliseconds };
        self.events.extend(self.writer.append(vec![draft], stamp).expect("memory takes everything"));
        self.events.len() as u64
    }

    pub(crate) fn run(&mut self, seconds: f64, kind: EventKind) -> u64 {
        self.write(seconds, Draft::run(kind))
    }

    pub(crate) fn step(&mut self, seconds: f64, path: &str, kind: EventKind) -> u64 {
        self.write(seconds, Draft::step(&StepPath::new(path), 1, kind))
    }

    pub(crate) fn state(&self) -> RunState {
        RunState::of(&self.events)
    }

    pub(crate) fn head(&self) -> String {
        self.writer.head().to_owned()
    }

    /// The report, laid out by Lifeboat's templates and these.
    pub(crate) fn report_with(
        &self,
        form: Form,
        sources: &[Source],
        earlier: &[Earlier],
        own: &[OwnTemplate],
    ) -> Result<String, ReportError> {
        let (state, head) = (self.state(), self.head());
        let record = Record { state: &state, events: &self.events, head: &head, sources, earlier };
        render(form, &Page::of(&record), own)
    }

    /// The report in this form.
    pub(crate) fn report(&self, form: Form) -> String {
        self.report_with(form, &[], &[], &[]).expect("Lifeboat's own templates fit")
    }

    /// The measurements and the last event, as the engine writes them.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        let measured = measure(&self.state(), &self.events);
        self.run(0.0, EventKind::RtoMeasured(Box::new(measured.recovery_time)));
        self.run(0.0, EventKind::RpoMeasured(Box::new(measured.data_lost)));
        self.run(0.0, EventKind::RunFinished(Box::new(outcome)));
    }
}

/// Preflight 2 s, restore 2260 s, the newest row 30 s later, ready for its clean-up: 2292 s to `copy_verified`.
pub(crate) fn restored(cloud: Cloud) -> Run {
    let mut run = Run::new(started(Mode::Drill, cloud));
    run.run(0.0, EventKind::PhaseEntered { phase: Phase::Preflight });
    run.step(0.0, "preflight:source", intent("rds.describe_instance", vec![1]));
    run.step(2.0, "preflight:source", EventKind::StepSucceeded { outputs: BTreeMap::new() });
    let running = run.run(0.0, EventKind::PhaseEntered { phase: Phase::Running });
    run.step(0.0, "restore", intent("rds.restore_to_point_in_time", vec![running]));
    run.step(1.0, "restore", EventKind::AwsCreated(resource()));
    run.step(4.0, "restore", EventKind::StateSeen { state: "creating".into(), not_before: None });
    let not_before = Some(start() + TimeDelta::milliseconds(2_260_600));
    run.step(2255.0, "restore", EventKind::StateSeen { state: "backing-up".into(), not_before });
    let lacks = Value::List(vec!["the read replica | its lag alarm".into()]);
    let outputs = BTreeMap::from([("not_restored".to_owned(), lacks)]);
    let done = run.step(0.0, "restore", EventKind::StepSucceeded { outputs });
    run.step(0.0, "restore", EventKind::MarkSet { mark: MarkName::new("restored"), source: None });
    run.step(0.0, "newest", intent("postgres.query", vec![done]));
    let complete_to = start() - TimeDelta::seconds(287);
    let source = "newest heartbeat".to_owned();
    run.step(30.0, "newest", EventKind::DataTime { complete_to, grade: Grade::A, source });
    let proved = run.step(0.0, "newest", EventKind::StepSucceeded { outputs: BTreeMap::new() });
    run.step(0.0, "newest", EventKind::MarkSet { mark: MarkName::new("copy_verified"), source: None });
    let values = BTreeMap::from([("run.mode".to_owned(), Value::from("drill"))]);
    run.step(0.0, "cut_over", EventKind::StepSkipped { reason: "its condition is false".into(), values });
    assert_eq!(proved, 14, "the numbers of events below count on this");
    run
}

/// The same with its copy seen to be gone, and finished.
pub(crate) fn cleaned_up(cloud: Cloud) -> Run {
    let mut run = restored(cloud);
    run.run(0.0, EventKind::PhaseEntered { phase: Phase::CleaningUp });
    run.step(0.0, "restore", EventKind::UndoStarted);
    run.step(300.0, "restore", EventKind::AwsDeleted(resource()));
    run.step(0.0, "restore", EventKind::Undone);
    run.finish(outcome(Verdict::Passed, Vec::new(), Vec::new()));
    run
}

/// The same with a copy that could not be deleted.
pub(crate) fn left_behind() -> Run {
    let mut run = restored(simulated());
    run.step(1.0, "restore", EventKind::UndoStarted);
    run.step(1.0, "restore", EventKind::UndoFailed { error: failure("deletion protection is on") });
    run.finish(outcome(Verdict::Passed, vec![resource()], Vec::new()));
    run
}
