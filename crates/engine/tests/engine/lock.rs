//! The lock of `concurrency`: one run holds it, whatever is lost, whoever dies.

use crate::bench::Bench;
use crate::plans::book;
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::action::{ActionError, ErrorKind};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::lock::{Grip, Kept, LEASE, LockName, RunLock, Taken};
use lifeboat_journal::chain;
use lifeboat_journal::event::{Event, EventKind, PauseReason};
use lifeboat_journal::lock::LockHolder;
use lifeboat_journal::measure::{FindingKind, measure};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::{Mode, Plan};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A shelf of texts with their versions, as Parameter Store is one.
#[derive(Default)]
struct Shelf(Mutex<State>);

#[derive(Default)]
struct State {
    texts: BTreeMap<String, Vec<String>>,
    created: usize,
    /// The replies of the next mutations are lost.
    lose_replies: u32,
    /// Every call is answered so.
    refuses: Option<ErrorKind>,
    /// Somebody else writes this before the next `replace`.
    comes_between: Option<String>,
}

impl State {
    fn answer<T>(&mut self, reply: T) -> Result<T, ActionError> {
        if self.lose_replies > 0 {
            self.lose_replies -= 1;
            return Err(ActionError::new(ErrorKind::Unknown, "timeout", "no reply"));
        }
        Ok(reply)
    }

    fn refused(&self) -> Result<(), ActionError> {
        match self.refuses {
            Some(kind) => Err(ActionError::new(kind, "AccessDenied", "not allowed")),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl RunLock for Shelf {
    async fn create(
        &self,
        name: &LockName,
        text: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<bool, ActionError> {
        let mut state = self.0.lock().unwrap();
        state.refused()?;
        assert!(tags.contains_key("lifeboat:run"));
        let free = !state.texts.contains_key(&name.name);
        if free {
            state.created += 1;
            state.texts.insert(name.name.clone(), vec![text.to_owned()]);
        }
        state.answer(free)
    }

    async fn read(&self, name: &LockName, version: Option<i64>) -> Result<Option<Kept>, ActionError> {
        let state = self.0.lock().unwrap();
        state.refused()?;
        let versions = state.texts.get(&name.name);
        Ok(versions.and_then(|versions| {
            let version = version.unwrap_or(i64::try_from(versions.len()).unwrap());
            let text = versions.get(usize::try_from(version - 1).unwrap())?.clone();
            Some(Kept { text, version })
        }))
    }

    async fn replace(&self, name: &LockName, text: &str) -> Result<i64, ActionError> {
        let mut state = self.0.lock().unwrap();
        state.refused()?;
        let other = state.comes_between.take();
        let versions = state.texts.entry(name.name.clone()).or_default();
        versions.extend(other);
        versions.push(text.to_owned());
        let version = i64::try_from(versions.len()).unwrap();
        state.answer(version)
    }

    async fn tag(&self, _: &LockName, _: &BTreeMap<String, String>) -> Result<(), ActionError> {
        self.0.lock().unwrap().refused()
    }

    async fn delete(&self, name: &LockName) -> Result<(), ActionError> {
        let mut state = self.0.lock().unwrap();
        state.refused()?;
        state.texts.remove(&name.name);
        state.answer(())
    }
}

const NAME: &str = "/lifeboat/locks/orders-eu-west-1";

impl Shelf {
    fn holder(&self) -> Option<LockHolder> {
        let state = self.0.lock().unwrap();
        state.texts.get(NAME).map(|versions| serde_json::from_str(versions.last().unwrap()).unwrap())
    }

    fn put(&self, holder: &LockHolder) {
        let text = serde_json::to_string(holder).unwrap();
        self.0.lock().unwrap().texts.entry(NAME.to_owned()).or_default().push(text);
    }
}

fn plan(on_conflict: &str) -> Plan {
    book(
        &format!(
            "inputs: {{ source: {{ type: string, default: orders }} }}\n\
             target: {{ account: \"111122223333\", region: eu-west-1 }}\n\
             concurrency: {{ key: \"${{{{ inputs.source }}}}-${{{{ target.region }}}}\"{on_conflict} }}\n\
             preflight:\n  - {{ id: look, action: test.probe }}\n\
             steps:\n  - {{ id: make, action: test.make, with: {{ takes: 7200 }}, timeout: 3h }}\n"
        ),
        &[],
    )
}

fn bench(shelf: &Arc<Shelf>, mode: Mode) -> Bench {
    let mut bench = Bench { mode, ..Bench::new(plan("")) };
    bench.outside.lock.place = shelf.clone();
    bench
}

/// Another run that has the lock, for so long yet.
fn other(clock: &Clock, left: Option<TimeDelta>) -> LockHolder {
    LockHolder {
        run: RunId::new("otherotherother2"),
        runbook: "book".to_owned(),
        mode: Mode::Recovery,
        operator: "bob".to_owned(),
        host: "shore".to_owned(),
        since: clock.now() - TimeDelta::minutes(5),
        expires: left.map(|left| clock.now() + left),
    }
}

fn events(bench: &Bench) -> Vec<Event> {
    chain::verify(&bench.disk.0.lock().unwrap().durable).unwrap().events
}

fn place_of(events: &[Event], is: impl Fn(&EventKind) -> bool) -> Option<usize> {
    events.iter().position(|event| is(&event.kind))
}

fn lock_findings(state: &RunState, events: &[Event]) -> Vec<String> {
    let findings = measure(state, events).findings.into_iter();
    findings.filter(|finding| finding.kind == FindingKind::Lock).map(|finding| finding.text).collect()
}

#[tokio::test(start_paused = true)]
async fn it_is_taken_before_the_first_step_held_on_and_given_back() {
    for lose_replies in [0, 1] {
        let shelf = Arc::new(Shelf::default());
        shelf.0.lock().unwrap().lose_replies = lose_replies;
        let bench = bench(&shelf, Mode::Drill);
        let state = bench.run().await.unwrap();
        assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed);
        let events = events(&bench);
        let acquired = place_of(&events, |kind| matches!(kind, EventKind::LockAcquired(_))).unwrap();
        let looked = place_of(&events, |kind| matches!(kind, EventKind::StepSucceeded { .. })).unwrap();
        let step = |event: &Event| event.step.as_ref().is_some_and(|step| step.as_str() == "make");
        let made = events.iter().position(step).unwrap();
        assert!(looked < acquired && acquired < made, "{looked} {acquired} {made}");
        let renewed = events.iter().filter(|event| matches!(event.kind, EventKind::LockRenewed { .. }));
        assert!(renewed.count() >= 7, "two hours have eight quarters");
        let released = place_of(&events, |kind| matches!(kind, EventKind::LockReleased { error: None }));
        let finished = place_of(&events, |kind| matches!(kind, EventKind::RunFinished(_)));
        assert!(released.is_some() && released < finished);
        assert_eq!((shelf.holder(), shelf.0.lock().unwrap().created), (None, 1));
        assert!(lock_findings(&state, &events).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_is_refused_and_told_whose_it_is() {
    for mode in [Mode::Drill, Mode::Recovery] {
        let shelf = Arc::new(Shelf::default());
        let bench = bench(&shelf, mode);
        let holder = other(&bench.clock, Some(LEASE));
        shelf.put(&holder);
        let outcome = bench.run().await.unwrap().outcome.unwrap();
        assert_eq!(outcome.exit_code(), 7);
        let Verdict::Refused { finding } = outcome.verdict else { panic!("{outcome:?}") };
        for part in ["otherotherother2", "bob", "shore", "orders-eu-west-1"] {
            assert!(finding.contains(part), "{part}: {finding}");
        }
        assert_eq!((bench.made().len(), shelf.holder()), (0, Some(holder)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_taken_over_and_that_is_said() {
    for lose_replies in [0, 1, 2] {
        let shelf = Arc::new(Shelf::default());
        let bench = bench(&shelf, Mode::Drill);
        shelf.put(&other(&bench.clock, Some(TimeDelta::seconds(-1))));
        shelf.0.lock().unwrap().lose_replies = lose_replies;
        let state = bench.run().await.unwrap();
        assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed);
        let findings = lock_findings(&state, &events(&bench));
        assert!(
            matches!(findings.as_slice(), [one] if one.contains("taken over from otherotherother2")),
            "{findings:?}"
        );
        assert_eq!(shelf.holder(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_may_wait_waits() {
    let shelf = Arc::new(Shelf::default());
    let mut bench = Bench::new(plan(", on_conflict: wait"));
    bench.outside.lock.place = shelf.clone();
    shelf.put(&other(&bench.clock, Some(TimeDelta::minutes(10))));
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
    let events = events(&bench);
    let waited = events.iter().filter(|event| matches!(event.kind, EventKind::LockWaitedFor { .. }));
    assert_eq!(waited.count(), 1, "it is said once");
    let acquired = place_of(&events, |kind| matches!(kind, EventKind::LockAcquired(_))).unwrap();
    assert!(events[acquired].at - events[0].at >= TimeDelta::minutes(10));
}

#[tokio::test(start_paused = true)]
async fn a_process_may_die_at_every_moment_and_the_lock_is_given_back_in_the_end() {
    let whole = bench(&Arc::default(), Mode::Drill);
    whole.run().await.unwrap();
    let syncs = whole.disk.0.lock().unwrap().syncs;
    assert!(syncs > 8);
    for (at, behind) in (1..=syncs).flat_map(|at| [(at, false), (at, true)]) {
        let told = format!("killed at sync {at} (behind it: {behind})");
        let shelf = Arc::new(Shelf::default());
        let bench = bench(&shelf, Mode::Drill);
        bench.disk.0.lock().unwrap().die_at = Some((at, behind));
        assert!(bench.run().await.is_err(), "{told}");
        let state = bench.run().await.unwrap();
        assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed, "{told}");
        assert_eq!(shelf.holder(), None, "{told}");
        assert_eq!(bench.left(), 0, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_keeps_it_and_a_resume_takes_it_only_if_it_is_its_own() {
    let shelf = Arc::new(Shelf::default());
    let bench = bench(&shelf, Mode::Recovery);
    let state = bench.run_until(Some(std::time::Duration::from_secs(600))).await.unwrap();
    assert_eq!(state.paused.as_ref().unwrap().because, PauseReason::Signal);
    let held = shelf.holder().unwrap();
    assert_eq!((held.run.as_str(), held.expires), ("k3v7qa2mxyz4567b", None), "however long people take");
    // Somebody breaks it meanwhile.
    let thief = other(&bench.clock, Some(LEASE));
    shelf.put(&thief);
    let state = bench.run().await.unwrap();
    let paused = state.paused.unwrap();
    assert_eq!(paused.because, PauseReason::Lock);
    assert!(paused.why.contains("otherotherother2"), "{}", paused.why);
    assert_eq!(shelf.holder(), Some(thief));
    // Whoever broke it is through.
    shelf.0.lock().unwrap().texts.clear();
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
    assert_eq!((bench.made().len(), shelf.holder()), (1, None));
}

#[tokio::test(start_paused = true)]
async fn by_order_of_a_person_it_is_broken_and_whoever_had_it_stops() {
    let shelf = Arc::new(Shelf::default());
    let mut breaker = bench(&shelf, Mode::Drill);
    shelf.put(&other(&breaker.clock, Some(LEASE)));
    breaker.outside.lock.by_force = Some(("carol".to_owned(), "that machine is gone".to_owned()));
    let state = breaker.run().await.unwrap();
    assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed);
    let findings = lock_findings(&state, &events(&breaker));
    assert!(
        matches!(findings.as_slice(), [one] if one.contains("carol: that machine is gone")),
        "{findings:?}"
    );

    let robbed = bench(&shelf, Mode::Drill);
    let (clock, thief) = (robbed.clock.clone(), other(&robbed.clock, None));
    let shelf_then = shelf.clone();
    tokio::spawn(async move {
        clock.sleep(std::time::Duration::from_secs(3000)).await;
        shelf_then.put(&thief);
    });
    let state = robbed.run().await.unwrap();
    let outcome = state.outcome.as_ref().unwrap();
    assert!(matches!(&outcome.verdict, Verdict::Aborted { by, .. } if by == "the lock"), "{outcome:?}");
    assert_eq!(robbed.left(), 0, "it took back what it had made");
    assert_eq!(shelf.holder().unwrap().run.as_str(), "otherotherother2", "and left the lock alone");
    let findings = lock_findings(&state, &events(&robbed));
    assert!(matches!(findings.as_slice(), [one] if one.contains("lost to otherotherother2")), "{findings:?}");
}

#[tokio::test(start_paused = true)]
async fn without_permission_the_start_is_refused_unless_a_person_orders_otherwise() {
    for by_force in [false, true] {
        let shelf = Arc::new(Shelf::default());
        shelf.0.lock().unwrap().refuses = Some(ErrorKind::BlockedOnPermission);
        let mut bench = bench(&shelf, Mode::Recovery);
        bench.outside.lock.by_force = by_force.then(|| ("carol".to_owned(), "now".to_owned()));
        let outcome = bench.run().await.unwrap().outcome.unwrap();
        assert_eq!(outcome.exit_code(), if by_force { 0 } else { 7 }, "{outcome:?}");
        assert_eq!(bench.made().len(), usize::from(by_force));
    }
}

/// Of two that take over at the same time the second puts back what the first wrote.
#[tokio::test(start_paused = true)]
async fn of_two_who_take_over_one_has_it() {
    let shelf = Arc::new(Shelf::default());
    let clock = Clock::simulated(chrono::DateTime::from_timestamp(1_767_603_600, 0).unwrap());
    shelf.put(&other(&clock, Some(TimeDelta::seconds(-1))));
    let first = LockHolder { run: RunId::new("first"), ..other(&clock, Some(LEASE)) };
    shelf.0.lock().unwrap().comes_between = Some(serde_json::to_string(&first).unwrap());
    let name = LockName { region: "eu-west-1".to_owned(), name: NAME.to_owned() };
    let holder = LockHolder { run: RunId::new("second"), ..other(&clock, None) };
    let grip = Grip { place: shelf.clone(), name, holder, clock: clock.clone() };
    assert_eq!(grip.take(false).await.unwrap(), Taken::By(first.clone()));
    assert_eq!(shelf.holder(), Some(first));
}
