//! Ctrl-C and SIGTERM: the first asks the run to stop in good order, the second leaves now.

use futures_util::future::{Either, select};
use lifeboat_engine::driver::Stop;
use lifeboat_engine::log::RunLog;
use lifeboat_journal::outcome;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Resource;
use std::pin::pin;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Turns signals into requests until the process ends.
pub(crate) fn listen(log: Arc<RunLog>, stop: watch::Sender<Option<Stop>>) {
    // Before anything else happens: a task of its own would be heard only when the run first waits.
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        let mut times = 0;
        loop {
            let (by, code) = match select(pin!(interrupt.recv()), pin!(terminate.recv())).await {
                Either::Left(_) => ("SIGINT", 130),
                Either::Right(_) => ("SIGTERM", 143),
            };
            times += 1;
            if times > 1 {
                crate::live::put_back();
                let (code, run, left) = log.with_state(|state| {
                    let left: Vec<_> = state.left().map(|created| created.resource.clone()).collect();
                    (code_now(state, code), state.run.clone(), left)
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
            say!("{by}: stopping in good order; once more leaves at once");
            stop.send_replace(Some(Stop { by: by.to_owned(), why: None, undo: None }));
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
