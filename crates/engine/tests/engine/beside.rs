//! Beside the steps: probes that measure the downtime, alarms that end a run.

use crate::bench::{Bench, START};
use crate::groups::{span, verdict, word};
use crate::plans::book;
use crate::world::{PROBE, Shared};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{Action, ActionError, Observation, Place, StepContext};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_journal::chain;
use lifeboat_journal::event::{Event, EventKind, PauseReason, UnwatchedReason};
use lifeboat_journal::measure::{Downtime, FindingKind, measure};
use lifeboat_journal::outcome::{REFUSED, Verdict};
use lifeboat_journal::probes::ProbeState;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{ALARM, Mode};
use lifeboat_runbook::spec::{ActionSpec, Output, Parameter, Type};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Somebody answers at the door, or not.
pub(crate) const DOOR: ActionSpec = ActionSpec {
    name: "test.door",
    parameters: &[
        Parameter::optional("wrong", Type::Boolean, "Whether it cannot be asked."),
        Parameter::optional("takes", Type::Integer, "Seconds until the answer."),
    ],
    outputs: &[Output::new("visits", Type::Integer, "How often somebody was there.")],
    ..PROBE
};

pub(crate) struct Door(pub(crate) Shared, pub(crate) Clock);

#[async_trait]
impl Action for Door {
    fn spec(&self) -> &'static ActionSpec {
        &DOOR
    }
    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        if cx.with.get("wrong").and_then(Value::as_bool) == Some(true) {
            return Err(ActionError::refused("parameter", "there is no such door"));
        }
        let takes = cx.with.get("takes").and_then(Value::as_int).unwrap_or_default();
        self.1.sleep(Duration::from_secs(takes.unsigned_abs())).await;
        let now = self.1.now();
        let mut world = self.0.lock().unwrap();
        world.visits += 1;
        if world.closed.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            return Err(ActionError::failed("connect", "nobody answers"));
        }
        Ok(Observation::Ready(BTreeMap::from([("visits".to_owned(), Value::Int(world.visits.into()))])))
    }
}

pub(crate) struct Alarms(pub(crate) Shared, pub(crate) Clock);

#[async_trait]
impl Lookout for Alarms {
    fn kind(&self) -> &'static str {
        ALARM
    }
    fn batch(&self) -> usize {
        100
    }
    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }
    fn fold(&self, id: &str) -> String {
        id.to_owned()
    }
    async fn look(&self, _: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let (now, world) = (self.1.now(), self.0.lock().unwrap());
        let seen = |id: &String| {
            let states = world.alarms.get(id).into_iter().flatten();
            let Some((since, state)) = states.rev().find(|(since, _)| *since <= now) else {
                return Seen::absent(id);
            };
            let attributes = BTreeMap::from([
                ("since".to_owned(), Value::Time(*since)),
                ("reason".to_owned(), Value::from("threshold crossed")),
            ]);
            Seen { exists: true, state: Some((*state).to_owned()), attributes, ..Seen::absent(id) }
        };
        Ok(ids.iter().map(seen).collect())
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(START + second, 0).unwrap()
}

const DOOR_PROBE: &str = "probes: [ { id: door, action: test.door, every: 5s, hold: 30s, \
                          marks: { first_down: disrupted, held_up: verified } } ]\n";

/// A bench at whose door nobody answers between these seconds of the run.
fn bench(text: &str, closed: &[(i64, i64)]) -> Bench {
    let bench = Bench::new(book(text, &[]));
    bench.world.lock().unwrap().closed = closed.iter().map(|(from, to)| (at(*from), at(*to))).collect();
    bench
}

fn make(id: &str, takes: u32) -> String {
    format!("  - {{ id: {id}, action: test.make, with: {{ takes: {takes} }} }}\n")
}

fn door(state: &RunState) -> &ProbeState {
    &state.probes[&StepPath::new("probe:door")]
}

fn events(bench: &Bench) -> Vec<Event> {
    chain::verify(bench.journal().as_bytes()).unwrap().events
}

fn downtime(bench: &Bench, state: &RunState) -> Downtime {
    let measured = measure(state, &events(bench)).downtime;
    assert_eq!(state.downtime.as_deref().unwrap_or(&measured), measured, "it is journaled as it is measured");
    measured.into_iter().next().unwrap()
}

fn kinds(bench: &Bench) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for event in events(bench) {
        let kind = match event.kind {
            EventKind::ProbeUp { .. } => "up",
            EventKind::ProbeDown { .. } => "down",
            EventKind::ProbeHeldUp => "held_up",
            EventKind::ProbeLooked { .. } => "looked",
            EventKind::ProbeUnwatched { .. } => "unwatched",
            EventKind::StopTriggered { .. } => "stop",
            EventKind::AlarmSeen(_) => "alarm",
            _ => continue,
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

fn second_of(state: &RunState, mark: &str) -> f64 {
    let mark = state.marks.get(&MarkName::new(mark)).unwrap_or_else(|| panic!("no mark {mark}"));
    state.began.unwrap().seconds_to(mark)
}

#[tokio::test(start_paused = true)]
async fn what_was_down_is_told_with_its_resolution_and_sets_the_marks() {
    let bench = bench(&format!("{DOOR_PROBE}steps:\n{}", make("a", 300)), &[(101, 162)]);
    let state = bench.run().await.unwrap();
    assert_eq!(*verdict(&state), Verdict::Passed);
    let down = downtime(&bench, &state);
    assert_eq!((down.down_s, down.resolution_s, down.times), (Some(60.0), 5.0, 1), "{down:?}");
    assert_eq!((down.bound.as_str(), down.clock.as_str(), down.unwatched_s), ("exact", "monotonic", 0.0));
    // It went down at 101, which the look at 105 saw; it was up at 165 and had held at 195.
    assert_eq!((second_of(&state, "disrupted"), second_of(&state, "verified")), (105.0, 195.0));
    let time = state.recovery_time.as_ref().unwrap();
    assert_eq!((time.actual_s, time.scope.as_deref()), (Some(90.0), Some("service")));
    let kinds = kinds(&bench);
    assert_eq!((kinds["up"], kinds["down"], kinds["held_up"], kinds["unwatched"]), (2, 1, 1, 1), "{kinds:?}");
    assert!((5..=7).contains(&kinds["looked"]), "{kinds:?}");
    assert_eq!(down.looks, u64::from(bench.world.lock().unwrap().visits), "every look is counted");
    assert_eq!(span(&state, "a").1, 300.0, "the step took no longer");
}

#[tokio::test(start_paused = true)]
async fn the_run_waits_for_what_may_still_hold_up_and_not_for_ever() {
    let text = format!("{DOOR_PROBE}steps:\n{}", make("a", 20));
    let patient = bench(&text, &[(10, 60)]);
    let state = patient.run().await.unwrap();
    assert_eq!(second_of(&state, "verified"), 90.0);
    assert_eq!(*verdict(&state), Verdict::Passed);

    let never = bench(&text, &[(10, 1_000_000)]);
    let state = never.run().await.unwrap();
    assert_eq!(*verdict(&state), Verdict::Passed, "a probe never fails a run");
    assert!(!state.marks.contains_key(&MarkName::new("verified")) && door(&state).given_up);
    assert_eq!(door(&state).spans.last().unwrap().because, Some(UnwatchedReason::GivenUp));
    let finished = state.began.unwrap().seconds_to(&state.finished.unwrap());
    assert!((630.0..=730.0).contains(&finished), "{finished}");
    let findings = measure(&state, &events(&never)).findings;
    assert!(findings.iter().any(|found| found.kind == FindingKind::Probe), "{findings:?}");

    let untouched = bench(&text, &[]);
    let state = untouched.run().await.unwrap();
    assert!(!state.marks.contains_key(&MarkName::new("verified")), "what was never down has not recovered");
    assert_eq!(downtime(&untouched, &state).down_s, Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn after_a_commit_what_never_went_down_counts_when_it_has_held() {
    let steps = "steps:\n  - { id: a, action: test.make, with: { takes: 100 }, commit: true }\n";
    let bench = bench(&format!("{DOOR_PROBE}{steps}"), &[]);
    let state = bench.run().await.unwrap();
    let done = span(&state, "a").1;
    assert_eq!(second_of(&state, "verified"), done + 30.0);
    assert!(!state.marks.contains_key(&MarkName::new("disrupted")));
}

#[tokio::test(start_paused = true)]
async fn down_at_the_first_look_says_nothing_of_when_service_was_lost() {
    let bench = bench(&format!("{DOOR_PROBE}steps:\n{}", make("a", 300)), &[(-100, 62)]);
    let state = bench.run().await.unwrap();
    assert!(!state.marks.contains_key(&MarkName::new("disrupted")));
    assert_eq!(second_of(&state, "verified"), 95.0, "it has recovered all the same");
    let down = downtime(&bench, &state);
    assert_eq!((down.bound.as_str(), down.down_s), ("at_least", Some(65.0)));
    let findings = measure(&state, &events(&bench)).findings;
    assert!(findings.iter().any(|found| found.text.contains("down at its first look")), "{findings:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_did_not_see_is_no_downtime() {
    let bench = bench(&format!("{DOOR_PROBE}steps:\n{}", make("a", 400)), &[(101, 390)]);
    bench.run().await.unwrap();
    // The process died after it had told of its looks once while the door was closed.
    let journal = bench.journal();
    let down = journal.lines().position(|line| line.contains("\"probe.down\"")).unwrap();
    let told = journal.lines().skip(down).position(|line| line.contains("\"probe.looked\"")).unwrap() + down;
    let kept: String = journal.lines().take(told + 1).map(|line| format!("{line}\n")).collect();
    let last = chain::verify(kept.as_bytes()).unwrap().events.pop().unwrap().at;
    bench.disk.0.lock().unwrap().durable = kept.into_bytes();
    let resumed = bench.clock.now();
    let state = bench.run().await.unwrap();
    let spans: Vec<(&str, Option<UnwatchedReason>)> =
        door(&state).spans.iter().map(|span| (span.status.word(), span.because)).collect();
    let died = ("unwatched", Some(UnwatchedReason::Died));
    assert_eq!(spans[..4], [("up", None), ("down", None), died, ("up", None)], "{spans:?}");
    assert_eq!(door(&state).spans[2].from.at, last, "up to the last look that the journal knows of");
    let down = downtime(&bench, &state);
    assert_eq!(down.down_s, Some((last - at(105)).num_milliseconds() as f64 / 1000.0));
    assert_eq!(down.unwatched_s, (resumed - last).num_milliseconds() as f64 / 1000.0);
    assert_eq!(down.bound, "at_least");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_cannot_look_is_told_once_and_harms_nothing() {
    let text = "probes: [ { id: door, action: test.door, with: { wrong: true }, every: 1s } ]\n";
    let bench = bench(&format!("{text}steps:\n{}", make("a", 300)), &[]);
    let state = bench.run().await.unwrap();
    assert_eq!(*verdict(&state), Verdict::Passed);
    let blind = door(&state).spans.iter().filter(|span| span.because == Some(UnwatchedReason::CannotLook));
    assert_eq!(blind.count(), 1);
    let down = downtime(&bench, &state);
    assert_eq!((down.down_s, down.failed_looks), (None, 0), "nobody knows: {down:?}");
    assert!(bench.journal().contains("there is no such door"));
}

#[tokio::test(start_paused = true)]
async fn a_false_assert_is_down_and_so_is_no_answer_in_time() {
    let text = "probes:\n  - { id: door, action: test.door, every: 10s, assert: [ 'outputs.visits > 3' ] }\n  \
                - { id: slow, action: test.door, with: { takes: 20 }, every: 10s, timeout: 2s }\nsteps:\n";
    let bench = bench(&format!("{text}{}", make("a", 100)), &[]);
    let state = bench.run().await.unwrap();
    assert!(door(&state).was_down());
    let slow = &state.probes[&StepPath::new("probe:slow")];
    let downs: Vec<_> = slow.downs().collect();
    assert_eq!(downs.len(), 1);
    assert!(bench.journal().contains("no answer within 2s"));
}

#[tokio::test(start_paused = true)]
async fn expressions_know_what_a_probe_saw() {
    let text = "steps:\n  - { id: a, action: test.make, with: { takes: 100 } }\n  \
                - { id: b, if: probes.door.up, pause: 1s }\n  \
                - { id: c, if: 'probes.door.down_s > 40', pause: 1s }\n  \
                - { id: d, if: 'default(probes.door.up, false) && probes.door.down_s > 70', pause: 1s }\n";
    let mut bench = bench(&format!("{DOOR_PROBE}{text}"), &[(20, 80)]);
    // What a condition reads of a probe changes with time: from scratch it may be decided differently a moment later.
    bench.twin = false;
    let state = bench.run().await.unwrap();
    assert_eq!(["b", "c", "d"].map(|step| word(&state, step)), ["succeeded", "succeeded", "skipped"]);
}

#[tokio::test(start_paused = true)]
async fn probes_of_a_runbook_that_a_step_runs_look_while_it_runs() {
    let inner = format!("{DOOR_PROBE}steps:\n{}", make("b", 100));
    let outer =
        format!("steps:\n{}  - {{ id: part, runbook: inner.yaml }}\n{}", make("a", 50), make("c", 50));
    let bench = Bench::new(book(&outer, &[("inner.yaml", &inner)]));
    bench.world.lock().unwrap().closed = vec![(at(60), at(90))];
    let state = bench.run().await.unwrap();
    assert_eq!(*verdict(&state), Verdict::Passed);
    let path = StepPath::new("part/probe:door");
    let (begins, ends) = span(&state, "part");
    let spans = &state.probes[&path].spans;
    let began = state.began.unwrap();
    assert_eq!(began.seconds_to(&spans[0].from), begins);
    assert_eq!(began.seconds_to(&spans.last().unwrap().from), ends);
    assert!(state.marks.contains_key(&MarkName::new("part.verified")), "{:?}", state.marks);
    assert_eq!(downtime(&bench, &state).probe, Some(path));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_looks_are_cheap_and_few_events() {
    let text = "probes: [ { id: door, action: test.door, every: 1s } ]\n";
    let bench = bench(&format!("{text}steps:\n{}", make("a", 3600)), &[]);
    let state = bench.run().await.unwrap();
    assert!((3590..3620).contains(&door(&state).looks), "{}", door(&state).looks);
    let kinds = kinds(&bench);
    assert!(kinds["looked"] <= 62 && kinds["up"] == 1, "{kinds:?}");
    let again = self::bench(&format!("{text}steps:\n{}", make("a", 3600)), &[]);
    let _same = again.run().await.unwrap();
    assert_eq!(bench.journal().lines().count(), again.journal().lines().count());
}

/// A bench with an alarm that takes these states.
fn alarmed(more: &str, mode: Mode, states: &[(i64, &'static str)]) -> Bench {
    let text =
        format!("stop_when: [ {{ alarm: errors{more} }} ]\nsteps:\n{}{}", make("a", 100), make("b", 100));
    let mut bench = Bench::new(book(&text, &[]));
    bench.mode = mode;
    let states: Vec<_> = states.iter().map(|(second, state)| (at(*second), *state)).collect();
    bench.world.lock().unwrap().alarms.extend((!states.is_empty()).then(|| ("errors".to_owned(), states)));
    bench
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_goes_off_stops_a_drill() {
    let bench = alarmed("", Mode::Drill, &[(-60, "OK"), (42, "ALARM")]);
    let state = bench.run().await.unwrap();
    let Verdict::Aborted { by, why } = verdict(&state) else { panic!("{:?}", verdict(&state)) };
    assert_eq!(by, "the alarm errors");
    assert!(why.contains("ALARM") && why.contains("threshold crossed"), "{why}");
    assert_eq!((bench.left(), word(&state, "b")), (0, "pending"));
    let stopped = state.began.unwrap().seconds_to(&state.stops[0].1);
    assert!((42.0..=55.0).contains(&stopped), "{stopped}");
}

#[tokio::test(start_paused = true)]
async fn a_drill_does_not_start_with_an_alarm_or_without_it() {
    for (more, states, finding) in [
        ("", &[(-60, "ALARM")][..], "is in ALARM"),
        ("", &[(-60, "INSUFFICIENT_DATA")], "INSUFFICIENT_DATA"),
        ("", &[], "there is no alarm errors"),
    ] {
        let bench = alarmed(more, Mode::Drill, states);
        let state = bench.run().await.unwrap();
        assert!(
            matches!(verdict(&state), Verdict::Refused { finding: told } if told.contains(finding)),
            "{state:?}"
        );
        assert_eq!(state.outcome.as_ref().unwrap().exit_code(), REFUSED);
        assert!(bench.made().is_empty());
    }
    let bench = alarmed(", insufficient_data: ok", Mode::Drill, &[(-60, "INSUFFICIENT_DATA")]);
    assert_eq!(*verdict(&bench.run().await.unwrap()), Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_shows_an_alarm_and_pauses_only_where_that_is_said() {
    let bench = alarmed("", Mode::Recovery, &[(-60, "OK"), (42, "ALARM")]);
    let state = bench.run().await.unwrap();
    assert_eq!(*verdict(&state), Verdict::Passed);
    let findings = measure(&state, &events(&bench)).findings;
    assert!(findings.iter().any(|found| found.kind == FindingKind::Alarm), "{findings:?}");

    let missing = alarmed("", Mode::Recovery, &[]);
    let state = missing.run().await.unwrap();
    assert_eq!(*verdict(&state), Verdict::Passed, "a missing alarm stops no recovery");
    assert!(!state.check_warnings.is_empty());

    let bench = alarmed(", in: [drill, recovery]", Mode::Recovery, &[(-60, "OK"), (42, "ALARM")]);
    let state = bench.run().await.unwrap();
    assert_eq!(state.paused.as_ref().map(|paused| paused.because), Some(PauseReason::Alarm), "{state:?}");
    let state = bench.run().await.unwrap();
    assert_eq!(
        *verdict(&state),
        Verdict::Passed,
        "who goes on in spite of it is not stopped by the same again"
    );
    assert_eq!(bench.made().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_went_off_while_nobody_was_there_still_stops_a_drill() {
    let bench = alarmed("", Mode::Drill, &[(-60, "OK"), (150, "ALARM")]);
    bench.disk.0.lock().unwrap().die_at = Some((7, true));
    let died = bench.run().await;
    assert!(died.is_err(), "{died:?}");
    bench.disk.0.lock().unwrap().die_at = None;
    bench.clock.sleep(Duration::from_secs(600)).await;
    let state = bench.run().await.unwrap();
    assert!(matches!(verdict(&state), Verdict::Aborted { .. }), "{:?}", verdict(&state));
    assert_eq!(bench.left(), 0);
}
