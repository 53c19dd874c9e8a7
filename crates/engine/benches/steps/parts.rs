//! What the parts of a run cost, each by itself.

use crate::{Alone, assert_passed, block_on, drive, nowhere, simulated, source, used};
use lifeboat_engine::chart::Chart;
use lifeboat_engine::decide::Decider;
use lifeboat_journal::chain;
use lifeboat_journal::event::{Draft, Event, EventKind};
use lifeboat_journal::file::{JournalWriter, Stamp, Storage};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::check::check;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Catalog;
use std::hint::black_box;
use std::io;
use std::sync::{Arc, Mutex};

/// A part of a run.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// From the text to the plan.
    Check,
    /// Writing the events.
    Append,
    /// Reading the journal and checking its chain.
    Verify,
    /// Folding the events.
    Fold,
    /// Deciding after each event.
    Decide,
    /// All that a resume does before it goes on: verify, fold, decide once.
    Resume,
}

/// The part of this name.
pub(crate) fn part(name: &str) -> Option<Part> {
    let parts = [
        ("check", Part::Check),
        ("append", Part::Append),
        ("verify", Part::Verify),
        ("fold", Part::Fold),
        ("decide", Part::Decide),
        ("resume", Part::Resume),
    ];
    parts.into_iter().find(|(known, _)| *known == name).map(|(_, part)| part)
}

/// A journal in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Storage for Kept {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_head(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

impl Part {
    /// Seconds of the processor that it takes in a run of so many steps.
    pub(crate) fn spend(self, steps: usize, catalog: &Catalog) -> f64 {
        let text = source("sequence", steps);
        if let Self::Check = self {
            return timed(|| check(text, catalog, &Alone, None).plan.expect("a runbook"));
        }
        let plan = Arc::new(check(text, catalog, &Alone, None).plan.expect("a runbook"));
        let kept = Kept::default();
        block_on(async {
            assert_passed(&drive(&plan, catalog, &simulated(), Box::new(kept.clone())).await);
        });
        let bytes = kept.0.lock().expect("nobody panics").clone();
        let events = chain::verify(&bytes).expect("a whole journal").events;
        match self {
            Self::Check => 0.0,
            Self::Append => timed(|| append(&events)),
            Self::Verify => timed(|| chain::verify(&bytes).expect("a whole journal")),
            Self::Fold => timed(|| RunState::of(&events)),
            Self::Decide => timed(|| decide(&plan, catalog, &events)),
            Self::Resume => timed(|| {
                let verified = chain::verify(&bytes).expect("a whole journal");
                let half = &verified.events[..verified.events.len() / 2];
                decided(&plan, catalog, half)
            }),
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let (before, _) = used();
    black_box(work());
    used().0 - before
}

fn append(events: &[Event]) {
    let mut writer = JournalWriter::create(nowhere(), RunId::new("k3v7qa2mxyz4567b"));
    for event in events {
        let stamp = Stamp { now: event.recorded_at, mono_ms: event.mono_ms };
        let draft = Draft { step: event.step.clone(), ..Draft::run(event.kind.clone()) };
        writer.append(vec![draft], stamp).expect("somewhere to write to");
    }
}

/// Event by event, as a run is decided.
fn decide(plan: &Plan, catalog: &Catalog, events: &[Event]) -> usize {
    let chart = Chart::of(plan);
    let mut state = RunState::of(&events[..1]);
    let mut decider = Decider::new(plan, &chart, catalog, &state);
    let mut commands = 0;
    for event in &events[1..] {
        state.apply(event);
        commands += decider.on(std::slice::from_ref(event), &state).len();
        assert!(commands > 0 || !matches!(event.kind, EventKind::RunFinished(_)));
    }
    commands
}

/// What comes next, once.
fn decided(plan: &Plan, catalog: &Catalog, events: &[Event]) -> usize {
    let chart = Chart::of(plan);
    let state = RunState::of(events);
    Decider::new(plan, &chart, catalog, &state).on(&[], &state).len()
}
