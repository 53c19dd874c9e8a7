//! Signals. Ctrl-C and SIGTERM: the first asks the run to stop in good order, the second leaves now, the third kills. SIGHUP, a
//! terminal that was closed: as the first, however often it comes, for the kernel and the shell both send it. SIGPIPE is
//! ignored by every Rust program, and nobody's going away ends a run (see `say.rs`). Each is an event of the run.

use lifeboat_engine::driver::Stop;
use lifeboat_engine::log::RunLog;
use lifeboat_journal::event::{Draft, EventKind};
use lifeboat_journal::outcome;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Resource;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// A signal that a run hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heard {
    name: &'static str,
    /// Its number, on every Unix the same.
    number: u8,
    /// Whether the next one means more than the first.
    escalates: bool,
}

const HEARD: [Heard; 3] = [
    Heard { name: "SIGINT", number: 2, escalates: true },
    Heard { name: "SIGTERM", number: 15, escalates: true },
    Heard { name: "SIGHUP", number: 1, escalates: false },
];

impl Heard {
    /// From now on the program hears it. Nothing where it was started so that it shall not, as by `nohup`.
    fn listen(self) -> Option<Signal> {
        if is_ignored(self.number) {
            return None;
        }
        signal(SignalKind::from_raw(i32::from(self.number))).ok()
    }

    /// The exit code of a process that it ended.
    fn code(self) -> u8 {
        128 + self.number
    }
}

/// Whether whoever started the program wants a signal to be ignored (Linux, proc(5): SigIgn); elsewhere nobody can say.
fn is_ignored(number: u8) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (number - 1)) != 0
}

/// Turns signals into requests until the process ends.
pub(crate) fn listen(log: Arc<RunLog>, stop: watch::Sender<Option<Stop>>) {
    let (tell, mut told) = mpsc::unbounded_channel();
    for heard in HEARD {
        // Before anything else happens: a task of its own would be heard only when the run first waits.
        let Some(mut signal) = heard.listen() else { continue };
        let tell = tell.clone();
        tokio::spawn(async move { while signal.recv().await.is_some() && tell.send(heard).is_ok() {} });
    }
    tokio::spawn(async move {
        let (mut times, mut stopping) = (0, false);
        while let Some(heard) = told.recv().await {
            times += u32::from(heard.escalates);
            match (heard.escalates, times) {
                (true, 2..) => leave(&log, heard),
                (false, _) if stopping => note(&log, heard, "nothing"),
                _ => {
                    stopping = true;
                    note(&log, heard, "stop");
                    say!("{}: stopping in good order; once more leaves at once", heard.name);
                    stop.send_replace(Some(Stop { by: heard.name.to_owned(), why: None, undo: None }));
                }
            }
        }
    });
    std::thread::spawn(kill_at_the_third);
}

/// Where the journal is lost, the driver finds out with its own next event.
fn note(log: &RunLog, heard: Heard, then: &str) {
    let (signal, then) = (heard.name.to_owned(), then.to_owned());
    let _lost = log.append(vec![Draft::run(EventKind::SignalReceived { signal, then })]);
}

/// Leaves in the middle: says what may be there, and how to go on.
fn leave(log: &RunLog, heard: Heard) {
    note(log, heard, "leave");
    crate::live::put_back();
    let (code, run, left) = log.with_state(|state| {
        let left: Vec<_> = state.left().map(|created| created.resource.clone()).collect();
        (code_now(state, heard.code()), state.run.clone(), left)
    });
    for resource in left {
        let Resource { kind, id, account, region, .. } = resource;
        say!("may be there: {kind} {id} in {account} {region}");
    }
    let run = run.map(|run| run.to_string()).unwrap_or_default();
    say!(
        "leaving now; `lifeboat show {run}` tells what is where, `lifeboat resume {run}` goes on, \
         `lifeboat abort {run}` ends it"
    );
    #[expect(clippy::disallowed_methods, reason = "the second signal means now")]
    std::process::exit(i32::from(code));
}

/// On a thread of its own: a disk or a terminal that hangs may keep the run, and with it the second signal, from being
/// heard.
fn kill_at_the_third() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    runtime.block_on(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        for heard in HEARD.into_iter().filter(|heard| heard.escalates) {
            let Some(mut signal) = heard.listen() else { continue };
            let tell = tell.clone();
            tokio::spawn(async move { while signal.recv().await.is_some() && tell.send(()).is_ok() {} });
        }
        drop(tell);
        let mut times = 0;
        while told.recv().await.is_some() {
            times += 1;
            if times >= 3 {
                let _sent =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
        }
    });
}

/// The exit code of a process that leaves in the middle: what it may have left behind counts more than the signal.
fn code_now(state: &RunState, signal: u8) -> u8 {
    let changed = |(path, step): (&lifeboat_runbook::id::StepPath, &lifeboat_journal::state::StepState)| {
        let effect = state.outline(path).and_then(|outline| outline.effect.as_deref()).unwrap_or("read");
        effect != "read" && step.started.is_some() && step.undo != lifeboat_journal::state::UndoStatus::Undone
    };
    let may_have_left = state.left().next().is_some() || state.steps.iter().any(changed);
    match state.started.as_ref().map(|started| started.mode) {
        _ if !may_have_left => signal,
        Some(Mode::Drill) | None => outcome::LEFT_BEHIND,
        Some(Mode::Recovery) => outcome::PAUSED,
    }
}
