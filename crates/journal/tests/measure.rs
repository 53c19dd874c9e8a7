//! What is measured of runs that are written here event by event.

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::event::{
    Answer, BlockedOn, Cloud, Draft, Event, EventKind, FORMAT, Failure, PauseReason, Phase, Question,
    RunStarted, SEMANTICS, StepOutline, StepStarted,
};
use lifeboat_journal::file::{JournalWriter, Stamp, Storage};
use lifeboat_journal::measure::{EstimateSource, FindingKind, Measurements, measure};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::{MarkName, RunId, StepPath};
use lifeboat_runbook::plan::{ExpectSource, Mode};
use lifeboat_runbook::spec::Grade;
use lifeboat_runbook::value::Value;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;

/// A journal nobody keeps.
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

/// A run that is being written; time passes when it is told to.
struct Run {
    writer: JournalWriter,
    events: Vec<Event>,
    wall_ms: i64,
    mono_ms: u64,
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_603_600, 0).expect("2026-01-05T09:00:00Z is a time")
}

fn outline(path: &str, effect: &str) -> StepOutline {
    StepOutline {
        path: StepPath::new(path),
        name: None,
        kind: "action".into(),
        action: Some(format!("test.{effect}")),
        effect: Some(effect.into()),
        parent: None,
        expect_s: None,
        expect_source: None,
        marks: BTreeMap::new(),
        conditional: false,
        only_in: None,
        needs: Vec::new(),
    }
}

fn started(mode: Mode, steps: Vec<StepOutline>) -> RunStarted {
    RunStarted {
        format: FORMAT.into(),
        semantics: SEMANTICS,
        version: "test".into(),
        runbook: "test".into(),
        title: "test".into(),
        sources: Vec::new(),
        mode,
        cloud: Cloud::Aws,
        inputs: BTreeMap::new(),
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        regions: BTreeMap::new(),
        access: Default::default(),
        acts_as: None,
        caller: None,
        operator: "ada".into(),
        host: "laptop".into(),
        rto_objective_s: Some(600.0),
        rpo_objective_s: None,
        loss: "outage".into(),
        disrupted_at: None,
        steps,
        probes: vec![],
        previous_head: None,
        playbook: None,
        people: BTreeMap::new(),
    }
}

fn failure(code: &str) -> Failure {
    Failure { code: code.into(), message: "it is not there".into(), hint: None, refused: false }
}

fn seconds(text: f64) -> i64 {
    (text * 1000.0) as i64
}

impl Run {
    fn new(started: RunStarted) -> Self {
        let writer = JournalWriter::create(Box::new(Nowhere), RunId::new("abcdefghijklmnop"));
        let mut run = Self { writer, events: Vec::new(), wall_ms: 0, mono_ms: 0 };
        run.run(EventKind::RunStarted(Box::new(started)));
        run
    }

    fn pass(&mut self, time_s: f64) {
        self.wall_ms += seconds(time_s);
        self.mono_ms += seconds(time_s) as u64;
    }

    fn write(&mut self, draft: Draft) -> u64 {
        let stamp = Stamp { now: start() + TimeDelta::milliseconds(self.wall_ms), mono_ms: self.mono_ms };
        self.events.extend(self.writer.append(vec![draft], stamp).expect("memory takes everything"));
        self.events.len() as u64
    }

    fn run(&mut self, kind: EventKind) -> u64 {
        self.write(Draft::run(kind))
    }

    fn step(&mut self, path: &str, kind: EventKind) -> u64 {
        self.write(Draft::step(&StepPath::new(path), 1, kind))
    }

    fn phase(&mut self, phase: Phase) -> u64 {
        self.run(EventKind::PhaseEntered { phase })
    }

    fn mark(&mut self, mark: &str) -> u64 {
        self.run(EventKind::MarkSet { mark: MarkName::new(mark), source: None })
    }

    fn begin(&mut self, path: &str, after: Vec<u64>) -> u64 {
        self.begin_with(path, after, 0.0, None)
    }

    fn begin_with(&mut self, path: &str, after: Vec<u64>, timeout_s: f64, wait_for: Option<&str>) -> u64 {
        let intent = StepStarted {
            action: "test".into(),
            effect: "create".into(),
            target: None,
            parameters: BTreeMap::new(),
            names: BTreeMap::new(),
            token: String::new(),
            resolved: BTreeMap::new(),
            captured: BTreeMap::new(),
            findings: Vec::new(),
            wait_for: wait_for.map(str::to_owned),
            readinesses: Vec::new(),
            timeout_s,
            after,
        };
        self.step(path, EventKind::StepStarted(Box::new(intent)))
    }

    fn succeed(&mut self, path: &str) -> u64 {
        self.step(path, EventKind::StepSucceeded { outputs: BTreeMap::new() })
    }

    /// A step that takes this long after what stands before it.
    fn take(&mut self, path: &str, after: u64, time_s: f64) -> u64 {
        self.begin(path, vec![after]);
        self.pass(time_s);
        self.succeed(path)
    }

    fn skip_for_the_mode(&mut self, path: &str) {
        let values = BTreeMap::from([("run.mode".to_owned(), Value::from("drill"))]);
        self.step(path, EventKind::StepSkipped { reason: "its condition is false".into(), values });
    }

    /// Another process takes the run up after this long.
    fn resume(&mut self, away_s: f64) {
        self.wall_ms += seconds(away_s);
        self.mono_ms = 0;
        let verified = lifeboat_journal::chain::Verified {
            events: self.events.clone(),
            head: self.writer.head().to_owned(),
            ..Default::default()
        };
        let run = RunId::new("abcdefghijklmnop");
        self.writer = JournalWriter::resume(Box::new(Nowhere), run, &verified);
        self.run(EventKind::RunResumed { version: "test".into(), away_s, by: None });
    }

    fn measure(&self) -> Measurements {
        measure(&RunState::of(&self.events), &self.events)
    }
}

fn found(measured: &Measurements, kind: FindingKind) -> Vec<&str> {
    let these = measured.findings.iter().filter(|finding| finding.kind == kind);
    these.map(|finding| finding.text.as_str()).collect()
}

fn parts_add_up(measured: &Measurements) -> f64 {
    let parts = &measured.recovery_time.parts_s;
    let parts = [parts.before_run, parts.preflight, parts.execution, parts.verification];
    parts.into_iter().flatten().sum()
}

fn question(timeout_s: Option<f64>) -> EventKind {
    EventKind::PersonAsked(Box::new(Question {
        subject: None,
        kind: "approve".into(),
        text: "go on?".into(),
        options: Vec::new(),
        fields: BTreeMap::new(),
        evidence: BTreeMap::new(),
        from: Vec::new(),
        at_least: 1,
        not_the_operator: false,
        timeout_s,
        on_timeout: None,
    }))
}

fn answer(asked: u64) -> EventKind {
    EventKind::PersonAnswered(Box::new(Answer {
        asked,
        choice: "approve".into(),
        reason: None,
        fields: BTreeMap::new(),
        via: "command".into(),
        ..Answer::default()
    }))
}

#[test]
fn each_step_of_the_path_says_what_it_waited_for() {
    let steps = vec![outline("restore", "create"), outline("approve", "read"), outline("newest", "read")];
    let mut run = Run::new(started(Mode::Drill, steps));
    run.pass(3.0);
    let running = run.phase(Phase::Running);
    run.pass(1.0);
    run.step("restore", EventKind::StepBlocked { on: BlockedOn::Credentials, error: failure("expired") });
    run.pass(20.0);
    run.step("restore", EventKind::StepUnblocked);
    run.begin("restore", vec![running]);
    run.pass(100.0);
    run.step("restore", EventKind::AttemptFailed { during: "wait".into(), error: failure("storage-full") });
    run.pass(30.0);
    run.step("restore", EventKind::TimerFired { purpose: "retry".into() });
    run.begin("restore", vec![running]);
    run.pass(200.0);
    let not_before = Some(start() + TimeDelta::milliseconds(run.wall_ms));
    run.pass(2.0);
    run.step("restore", EventKind::StateSeen { state: "available".into(), not_before });
    let restored = run.succeed("restore");
    run.begin("approve", vec![restored]);
    let asked = run.step("approve", question(Some(60.0)));
    run.pass(50.0);
    run.step("approve", answer(asked));
    let approved = run.succeed("approve");
    run.begin("newest", vec![approved]);
    run.pass(4.0);
    run.succeed("newest");
    run.step("newest", EventKind::MarkSet { mark: MarkName::new("copy_verified"), source: None });
    let measured = run.measure();
    assert_eq!(measured.recovery_time.actual_s, Some(410.0));
    let parts = &measured.recovery_time.parts_s;
    assert_eq!((parts.before_run, parts.preflight), (Some(0.0), Some(3.0)));
    assert_eq!((parts.execution, parts.verification), (Some(353.0), Some(54.0)));
    assert_eq!((parts.decision, parts.blocked, parts.retry, parts.lifeboat), (50.0, 20.0, 30.0, 2.0));
    let [restore, approve, newest] = measured.critical_path.as_slice() else {
        panic!("{:#?}", measured.critical_path)
    };
    assert_eq!((restore.from_s, restore.to_s, restore.attempts), (3.0, 356.0, 1));
    assert_eq!(
        (restore.aws_s, restore.blocked_s, restore.retry_s, restore.lifeboat_s),
        (301.0, 20.0, 30.0, 2.0)
    );
    assert_eq!((approve.person_s, approve.aws_s, approve.total_s), (50.0, 0.0, 50.0));
    assert_eq!((newest.aws_s, newest.to_s), (4.0, 410.0));
    assert_eq!(newest.to, start() + TimeDelta::seconds(410));
    assert_eq!(found(&measured, FindingKind::NearTimeout), ["approve was answered after 50s of 1m"]);
    assert_eq!(found(&measured, FindingKind::Blocked), ["restore waited for 20s for credentials (expired)"]);
    let [retried] = found(&measured, FindingKind::Retry)[..] else { panic!("{:#?}", measured.findings) };
    assert!(retried.contains("attempt 1 of restore failed (wait): storage-full"), "{retried}");
    assert!(measured.slack.is_empty());
    // The journal's own events alone give the same path.
    assert_eq!(measure(&RunState::of(&run.events), &run.events).critical_path, measured.critical_path);
}

/// A recovery that pauses waits for a person, also while no process is there; what passed before the run counts.
#[test]
fn a_pause_is_a_wait_for_a_person() {
    let mut first = started(Mode::Recovery, vec![outline("restore", "create")]);
    first.disrupted_at = Some(start() - TimeDelta::seconds(600));
    let mut run = Run::new(first);
    let running = run.phase(Phase::Running);
    run.begin("restore", vec![running]);
    run.pass(40.0);
    run.step("restore", EventKind::StepFailed { error: failure("broken"), allowed: false });
    run.step("restore", EventKind::RunPaused { why: "it failed".into(), because: PauseReason::Failure });
    run.resume(300.0);
    run.step("restore", EventKind::StateSeen { state: "available".into(), not_before: None });
    run.pass(10.0);
    run.succeed("restore");
    run.step("restore", EventKind::MarkSet { mark: MarkName::new("verified"), source: None });
    let measured = run.measure();
    let time = &measured.recovery_time;
    assert_eq!((time.actual_s, time.clock.as_deref()), (Some(950.0), Some("wall")));
    assert_eq!((time.parts_s.before_run, time.parts_s.execution), (Some(600.0), Some(350.0)));
    assert_eq!((time.parts_s.decision, time.parts_s.away), (300.0, 300.0));
    let [restore] = measured.critical_path.as_slice() else { panic!("{:#?}", measured.critical_path) };
    // Counted once, as the wait for the person who took it up.
    assert_eq!((restore.person_s, restore.away_s, restore.aws_s), (300.0, 0.0, 50.0));
    assert_eq!(
        found(&measured, FindingKind::Processes),
        ["2 processes carried the run, and none for 5m of it"]
    );
}

/// A crash is no decision of anybody.
#[test]
fn a_crash_is_time_in_which_nobody_was_there() {
    let mut run = Run::new(started(Mode::Drill, vec![outline("restore", "create")]));
    let running = run.phase(Phase::Running);
    run.begin("restore", vec![running]);
    run.pass(10.0);
    run.step("restore", EventKind::StateSeen { state: "creating".into(), not_before: None });
    run.resume(90.0);
    run.pass(5.0);
    run.succeed("restore");
    run.step("restore", EventKind::MarkSet { mark: MarkName::new("copy_verified"), source: None });
    let measured = run.measure();
    let restore = &measured.critical_path[0];
    assert_eq!((restore.total_s, restore.away_s, restore.aws_s, restore.person_s), (105.0, 90.0, 15.0, 0.0));
    assert_eq!(measured.recovery_time.parts_s.decision, 0.0);
}

/// What a drill does to a copy is not called "not rehearsed" besides: once where it lies within the recovery time, and
/// as long as it took where it does not.
#[test]
fn what_was_rehearsed_on_a_copy_is_not_counted_twice() {
    let only = |mode, outline: StepOutline| StepOutline { only_in: Some(mode), ..outline };
    let expected = |outline: StepOutline, source| StepOutline {
        expect_s: Some(120.0),
        expect_source: Some(source),
        ..outline
    };
    let steps = vec![
        only(Mode::Drill, outline("fail_over_copy", "modify")),
        only(Mode::Recovery, expected(outline("fail_over", "modify"), ExpectSource::Runbook)),
        outline("newest", "read"),
        only(Mode::Drill, outline("rename_copy", "create")),
        only(Mode::Recovery, outline("move_away", "create")),
        only(Mode::Recovery, outline("move_in", "create")),
        only(Mode::Recovery, expected(outline("serves", "destroy"), ExpectSource::Assumed)),
    ];
    let mut run = Run::new(started(Mode::Drill, steps.clone()));
    let running = run.phase(Phase::Running);
    let over = run.take("fail_over_copy", running, 70.0);
    run.skip_for_the_mode("fail_over");
    let over = run.take("newest", over, 5.0);
    run.step("newest", EventKind::MarkSet { mark: MarkName::new("copy_verified"), source: None });
    run.take("rename_copy", over, 45.0);
    for path in ["move_away", "move_in", "serves"] {
        run.skip_for_the_mode(path);
    }
    let time = run.measure().recovery_time;
    assert_eq!(time.not_rehearsed, [StepPath::new("serves")]);
    let sources: Vec<_> =
        time.estimates.iter().map(|estimate| (estimate.seconds, estimate.source.clone())).collect();
    let rehearsed = EstimateSource::Rehearsed(StepPath::new("rename_copy"));
    assert_eq!(
        sources,
        [
            (Some(0.0), EstimateSource::Contained(StepPath::new("fail_over_copy"))),
            (Some(45.0), rehearsed.clone()),
            (Some(45.0), rehearsed),
            (Some(120.0), EstimateSource::Expected(Some(ExpectSource::Assumed))),
        ]
    );
    assert_eq!((time.actual_s, time.estimated_total_s, time.met), (Some(75.0), Some(285.0), Some(true)));
    // Without the copy's failover there is nothing that stands for the other.
    let mut run = Run::new(started(Mode::Drill, steps));
    let running = run.phase(Phase::Running);
    run.begin("fail_over_copy", vec![running]);
    run.step("fail_over_copy", EventKind::StepFailed { error: failure("broken"), allowed: true });
    run.skip_for_the_mode("fail_over");
    run.mark("copy_verified");
    let time = run.measure().recovery_time;
    assert_eq!((time.not_rehearsed, time.estimated_total_s), (vec![StepPath::new("fail_over")], Some(120.0)));
}

/// Where a step of the drill is the loss of service, what came before is no part of the recovery time.
#[test]
fn what_lies_before_the_loss_of_service_is_not_counted() {
    let steps = vec![outline("copy", "create"), outline("fail_over", "modify"), outline("newest", "read")];
    let mut run = Run::new(started(Mode::Drill, steps));
    run.pass(2.0);
    let running = run.phase(Phase::Running);
    run.begin("copy", vec![running]);
    run.pass(500.0);
    let not_before = Some(start() + TimeDelta::milliseconds(run.wall_ms - 1000));
    run.step("copy", EventKind::StateSeen { state: "available".into(), not_before });
    let copied = run.succeed("copy");
    run.pass(1.0);
    run.begin("fail_over", vec![copied]);
    run.step("fail_over", EventKind::MarkSet { mark: MarkName::new("disrupted"), source: None });
    run.pass(60.0);
    let over = run.succeed("fail_over");
    run.take("newest", over, 7.0);
    run.step("newest", EventKind::MarkSet { mark: MarkName::new("copy_verified"), source: None });
    let measured = run.measure();
    let parts = &measured.recovery_time.parts_s;
    assert_eq!((measured.recovery_time.actual_s, parts.preflight), (Some(67.0), Some(0.0)));
    assert_eq!((parts.execution, parts.verification, parts.lifeboat), (Some(60.0), Some(7.0), 0.0));
    let path: Vec<_> = measured.critical_path.iter().map(|step| (step.step.as_str(), step.total_s)).collect();
    assert_eq!(path, [("fail_over", 60.0), ("newest", 7.0)]);
}

/// Steps side by side: the shorter one has slack, and so has what only it waits for.
#[test]
fn steps_off_the_path_have_slack() {
    let steps = ["a", "b", "b2", "join"].map(|path| outline(path, "create")).to_vec();
    let mut run = Run::new(started(Mode::Drill, steps));
    let running = run.phase(Phase::Running);
    run.begin("a", vec![running]);
    run.begin("b", vec![running]);
    run.pass(10.0);
    let b = run.succeed("b");
    run.begin("b2", vec![b]);
    run.pass(20.0);
    let b2 = run.succeed("b2");
    run.pass(70.0);
    let a = run.succeed("a");
    run.take("join", a.max(b2), 5.0);
    run.step("join", EventKind::MarkSet { mark: MarkName::new("copy_verified"), source: None });
    let measured = run.measure();
    let path: Vec<_> = measured.critical_path.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(path, ["a", "join"]);
    // Nothing names b2 as what it waited for, so it had the time to the end.
    let slack = BTreeMap::from([(StepPath::new("b"), 75.0), (StepPath::new("b2"), 75.0)]);
    assert_eq!(measured.slack, slack);
    // Where the last step waited for both, b2 has the time to the end of a.
    let mut events = run.events.clone();
    for event in &mut events {
        if let (EventKind::StepStarted(intent), Some("join")) =
            (&mut event.kind, event.step.as_ref().map(StepPath::as_str))
        {
            intent.after = vec![a, b2];
        }
    }
    let measured = measure(&RunState::of(&events), &events);
    let slack = BTreeMap::from([(StepPath::new("b"), 70.0), (StepPath::new("b2"), 70.0)]);
    assert_eq!(measured.slack, slack);
}

#[test]
fn what_a_reader_should_know_is_found_with_its_events() {
    let slow = StepOutline {
        expect_s: Some(60.0),
        expect_source: Some(ExpectSource::Runbook),
        ..outline("restore", "create")
    };
    let guess = StepOutline {
        expect_source: Some(ExpectSource::Assumed),
        path: StepPath::new("guess"),
        ..slow.clone()
    };
    let mut run = Run::new(started(Mode::Drill, vec![slow, guess]));
    let running = run.phase(Phase::Running);
    let begun = run.begin_with("restore", vec![running], 100.0, None);
    run.pass(90.0);
    let over = run.succeed("restore");
    run.take("guess", over, 90.0);
    run.step("guess", EventKind::AwsPolled { kind: "rds:db".into(), calls: 9, throttled: 2, errors: 1 });
    let restored = run.mark("restored");
    // Somebody sets the clock back.
    run.wall_ms -= 30_000;
    let stopped = run.mark("writes_stopped");
    let measured = run.measure();
    assert_eq!(
        found(&measured, FindingKind::Slow),
        ["restore took 1m30s, expected 1m (`expect` in the runbook)"]
    );
    assert_eq!(found(&measured, FindingKind::NearTimeout), ["restore took 1m30s of the 1m40s it has"]);
    assert_eq!(
        found(&measured, FindingKind::Throttled),
        ["of 9 looks AWS answered 2 with slow down and 1 with an error"]
    );
    assert_eq!(found(&measured, FindingKind::Clock), ["the wall clock went back by 30s"]);
    // The marks come in their order here: the clock that was set back says so.
    assert_eq!(found(&measured, FindingKind::MarkOrder), Vec::<&str>::new());
    let events = |kind| {
        measured.findings.iter().find(|finding| finding.kind == kind).map(|finding| finding.events.clone())
    };
    assert_eq!(events(FindingKind::Slow), Some(vec![begun, over]));
    assert_eq!(events(FindingKind::Clock), Some(vec![restored, stopped]));
}

#[test]
fn data_from_past_the_end_of_writes_is_a_finding_in_a_recovery_only() {
    for (mode, findings) in [(Mode::Drill, 0), (Mode::Recovery, 1)] {
        let mut first = started(mode, Vec::new());
        first.disrupted_at = Some(start());
        let mut run = Run::new(first);
        let complete_to = start() + TimeDelta::seconds(30);
        let source = "the newest row".to_owned();
        run.step("newest", EventKind::DataTime { complete_to, grade: Grade::A, source });
        let measured = run.measure();
        assert_eq!(measured.data_lost.actual_s, Some(0.0));
        assert_eq!(found(&measured, FindingKind::Negative).len(), findings);
    }
}

/// What can happen to a step, drawn.
#[derive(Clone, Debug)]
enum Happens {
    Passes(u32),
    Retry(u32),
    Blocked(u32),
    Asked(u32),
    Seen(u32),
    Crash(u32),
    Paused(u32),
}

fn happens() -> impl Strategy<Value = Happens> {
    let time = || 0u32..100_000;
    prop_oneof![
        time().prop_map(Happens::Passes),
        time().prop_map(Happens::Retry),
        time().prop_map(Happens::Blocked),
        time().prop_map(Happens::Asked),
        time().prop_map(Happens::Seen),
        time().prop_map(Happens::Crash),
        time().prop_map(Happens::Paused),
    ]
}

fn live(run: &mut Run, path: &str, after: u64, happens: &Happens) {
    let pass = |run: &mut Run, ms: u32| run.pass(f64::from(ms) / 1000.0);
    match happens {
        Happens::Passes(ms) => pass(run, *ms),
        Happens::Retry(ms) => {
            run.step(path, EventKind::AttemptFailed { during: "wait".into(), error: failure("timeout") });
            pass(run, *ms);
            run.step(path, EventKind::TimerFired { purpose: "retry".into() });
            run.begin(path, vec![after]);
        }
        Happens::Blocked(ms) => {
            run.step(path, EventKind::StepBlocked { on: BlockedOn::Permission, error: failure("denied") });
            pass(run, *ms);
            run.step(path, EventKind::StepUnblocked);
        }
        Happens::Asked(ms) => {
            let asked = run.step(path, question(None));
            pass(run, *ms);
            run.step(path, answer(asked));
        }
        Happens::Seen(ms) => {
            let not_before = Some(start() + TimeDelta::milliseconds(run.wall_ms));
            pass(run, *ms);
            run.step(path, EventKind::StateSeen { state: format!("state {ms}"), not_before });
        }
        Happens::Crash(ms) => run.resume(f64::from(*ms) / 1000.0),
        Happens::Paused(ms) => {
            run.step(path, EventKind::RunPaused { why: "stopped".into(), because: PauseReason::Signal });
            run.resume(f64::from(*ms) / 1000.0);
        }
    }
}

proptest! {
    /// Whatever happens: the parts add up to the whole to the millisecond, the steps of the path follow one another
    /// without a gap up to the end, and what each waited for adds up to what it took.
    #[test]
    fn everything_adds_up(
        steps in prop::collection::vec((any::<bool>(), prop::collection::vec(happens(), 0..6)), 1..5),
        preflight_ms in 0u32..10_000,
        stated_before_s in prop::option::of(0u32..5000),
        disrupted_at in prop::option::of(0usize..4),
    ) {
        let name = |index: usize| format!("step{index}");
        let outlines = steps.iter().enumerate();
        let outlines = outlines.map(|(index, (changes, _))| outline(&name(index), if *changes { "create" } else { "read" }));
        let mut first = started(Mode::Drill, outlines.collect());
        first.disrupted_at = stated_before_s.map(|before| start() - TimeDelta::seconds(before.into()));
        let mut run = Run::new(first);
        run.pass(f64::from(preflight_ms) / 1000.0);
        let mut after = run.phase(Phase::Running);
        for (index, (_, happenings)) in steps.iter().enumerate() {
            let path = name(index);
            run.begin(&path, vec![after]);
            if disrupted_at == Some(index) {
                run.step(&path, EventKind::MarkSet { mark: MarkName::new("disrupted"), source: None });
            }
            for happening in happenings {
                live(&mut run, &path, after, happening);
            }
            after = run.succeed(&path);
        }
        let last = name(steps.len() - 1);
        run.step(&last, EventKind::MarkSet { mark: MarkName::new("copy_verified"), source: None });
        let measured = run.measure();
        let time = &measured.recovery_time;
        let actual = time.actual_s.unwrap();
        prop_assert!((parts_add_up(&measured) - actual).abs() < 1e-6, "{time:#?}");
        let contained = [time.parts_s.decision, time.parts_s.away, time.parts_s.retry, time.parts_s.lifeboat];
        prop_assert!(contained.iter().all(|part| (0.0..=actual + 1e-6).contains(part)), "{time:#?}");
        let path = &measured.critical_path;
        for pair in path.windows(2) {
            prop_assert_eq!(pair[0].to_s, pair[1].from_s);
        }
        if let (Some(first), Some(last)) = (path.first(), path.last()) {
            prop_assert!(first.from_s >= 0.0 && (last.to_s - actual).abs() < 1e-6, "{path:#?}");
            let before = time.parts_s.before_run.unwrap() + time.parts_s.preflight.unwrap();
            let sum: f64 = path.iter().map(|step| step.total_s).sum();
            prop_assert!((before + sum - actual).abs() < 1e-6, "{before} + {sum} = {actual}: {path:#?}");
        }
        for step in path {
            let waits = [step.aws_s, step.person_s, step.blocked_s, step.away_s, step.retry_s, step.lifeboat_s];
            prop_assert!(waits.iter().all(|wait| *wait >= 0.0), "{step:#?}");
            prop_assert!((waits.iter().sum::<f64>() - step.total_s).abs() < 1e-6, "{step:#?}");
        }
        let without = measure(&RunState::of(&run.events), &[]);
        prop_assert_eq!(without.recovery_time, measured.recovery_time);
    }
}
