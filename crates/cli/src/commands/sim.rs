//! `lifeboat sim serve`: the simulated AWS for anyone who speaks to AWS.

use crate::args::{ServeArguments, SimCommand};
use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::session::Simulation;
use chrono::{DateTime, SubsecRound, Utc};
use futures_util::future::{Either, select};
use lifeboat_engine::clock::Clock;
use lifeboat_journal::outcome::PASSED;
use lifeboat_runbook::units;
use lifeboat_sim::Simulator;
use lifeboat_sim::server::{MemoryLog, RunningClock, Served, serve};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Does what follows `sim`; gives the exit code.
pub(crate) fn run(command: SimCommand, quiet: bool) -> Result<u8, CommandError> {
    let SimCommand::Serve(arguments) = command;
    if !(arguments.clock_rate.is_finite() && arguments.clock_rate >= 0.0) {
        return Err(CommandError::usage("--clock-rate takes a number from 0 on")
            .hint("0 stands still, 1 is real time, 60 makes a minute of every second"));
    }
    let simulation = Simulation::named(&arguments.world, arguments.faults.as_deref(), arguments.seed)?;
    if simulation.kill.is_some() || !simulation.reference.steps.is_empty() {
        let told = "`kill` and `steps` are for runs: `sim serve` has no journal and no steps";
        return Err(CommandError::usage(told).hint("take them out of the file of --faults"));
    }
    let start = arguments.start.as_deref().map(beginning).transpose()?;
    let simulation = match start {
        Some(start) => Simulation { world: simulation.world.beginning_at(start), ..simulation },
        None => simulation,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CommandError::failed(format!("no runtime: {error}")))?;
    runtime.block_on(listen(simulation, &arguments, quiet))
}

/// When the world begins, to the second.
fn beginning(text: &str) -> Result<DateTime<Utc>, CommandError> {
    let time = if text == "now" { Some(Clock::real().now()) } else { units::parse_time(text) };
    time.map(|time| time.trunc_subsecs(0)).ok_or_else(|| {
        CommandError::usage(format!("--start takes `now` or a time, not `{text}`"))
            .hint("RFC 3339 with a zone: 2026-01-05T09:00:00Z")
    })
}

/// Serves until Ctrl-C.
async fn listen(simulation: Simulation, arguments: &ServeArguments, quiet: bool) -> Result<u8, CommandError> {
    let ServeArguments { listen, clock_rate, .. } = arguments;
    let failed = |error: std::io::Error| {
        CommandError::failed(format!("cannot listen on {listen}: {error}"))
            .hint("write it as 127.0.0.1:4580; port 0 takes any that is free")
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let Simulation { world, seed, .. } = simulation;
    if !quiet {
        say!("the simulated AWS {} with seed {seed}; Ctrl-C ends it", world.name);
        say!("  export AWS_ENDPOINT_URL=http://{address} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any");
    }
    print_bytes(format!("http://{address}\n").as_bytes())?;
    let wall = Clock::real();
    let elapsed = move || Duration::from_millis(wall.mono_ms());
    let clock = Arc::new(RunningClock::new(world.start, *clock_rate, elapsed));
    let log = Arc::new(MemoryLog::default());
    let simulator = Arc::new(Simulator::new(world, seed, clock.clone(), Some(log.clone())));
    let serving = pin!(serve(listener, Served { simulator, clock, log }));
    let interrupted = pin!(tokio::signal::ctrl_c());
    match select(interrupted, serving).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) => ended.map(|()| PASSED).map_err(failed),
    }
}
