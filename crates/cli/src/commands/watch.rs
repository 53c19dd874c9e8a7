//! `lifeboat watch`: a run that another process drives, seen from here. Only reads.

use crate::args::{Output, WatchArguments};
use crate::commands::{Globals, print_bytes, show};
use crate::error::CommandError;
use crate::home::{Home, holder_is_gone};
use crate::live::{self, Live, Look};
use crate::orders::what_next;
use crate::resume::kept_plan;
use crate::screen::Lines;
use crate::{session, wiring};
use futures_util::future::{Either, select};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::log::Observer;
use lifeboat_journal::event::{Cloud, Event, EventKind};
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::follow::{FollowError, FollowedLine, Follower};
use lifeboat_journal::outcome::PAUSED;
use lifeboat_journal::state::RunState;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How often the journal is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// The exit code of Ctrl-C.
const INTERRUPTED: u8 = 130;

pub(crate) fn run(home: &Home, arguments: &WatchArguments, globals: &Globals) -> Result<u8, CommandError> {
    let id = home.id(&arguments.run)?;
    let directory = RunDirectory::of(home.path(), &id);
    let mut watch = Watch {
        follower: Follower::new(directory.journal()),
        directory,
        state: RunState::default(),
        events: Vec::new(),
        output: arguments.output.output,
    };
    let past = watch.news()?;
    let runtime = session::runtime(false)?;
    let end = runtime.block_on(async {
        let mut view = View::of(&watch, globals, &past)?;
        let end = watch.follow(&mut view).await;
        view.end();
        end
    })?;
    watch.tell(end)
}

/// What is known of the run so far.
struct Watch {
    directory: RunDirectory,
    follower: Follower,
    state: RunState,
    events: Vec<Event>,
    output: Output,
}

/// Why there is nothing more to watch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Finished,
    /// It is not over, and no process drives it.
    Left,
    Interrupted,
}

impl Watch {
    async fn follow(&mut self, view: &mut View) -> Result<End, CommandError> {
        let clock = Clock::real();
        loop {
            if self.state.outcome.is_some() {
                return Ok(End::Finished);
            }
            // Asked before the journal is read once more: what was written last is in it.
            let is_left = holder_is_gone(&self.directory);
            let news = self.news()?;
            for event in &news {
                view.event(event, self)?;
            }
            if is_left && news.is_empty() {
                return Ok(End::Left);
            }
            let interrupted = pin!(tokio::signal::ctrl_c());
            if let Either::Left(_) = select(interrupted, pin!(clock.sleep(EVERY))).await {
                return Ok(End::Interrupted);
            }
        }
    }

    /// What was written since the last look.
    fn news(&mut self) -> Result<Vec<Event>, CommandError> {
        let lines = self.follower.news().map_err(|error| match error {
            FollowError::Io(error) => CommandError::file("read", &self.directory.journal(), &error),
            FollowError::Broken(broken) => CommandError::failed(format!("the journal is broken: {broken}"))
                .hint("`lifeboat verify` names the line"),
        })?;
        let mut news = Vec::new();
        for FollowedLine { event, text } in lines {
            if self.output == Output::Json {
                print_bytes(format!("{text}\n").as_bytes())?;
            }
            self.state.apply(&event);
            self.events.push(event.clone());
            news.push(event);
        }
        Ok(news)
    }

    /// What came of it, or what it waits for; gives the exit code.
    fn tell(&self, end: End) -> Result<u8, CommandError> {
        if end == End::Interrupted {
            return Ok(INTERRUPTED);
        }
        if self.output == Output::Human {
            let summary = show::summary(&self.state, &self.events, self.follower.head());
            print_bytes(format!("\n{summary}").as_bytes())?;
        }
        if end == End::Left {
            say!("\nnobody drives this run now");
        }
        for line in what_next(&self.state) {
            say!("{line}");
        }
        Ok(self.state.outcome.as_ref().map_or(PAUSED, |outcome| outcome.exit_code()))
    }
}

/// How it is shown.
enum View {
    Live(Live),
    Lines(Lines),
    Nothing,
}

impl View {
    fn of(watch: &Watch, globals: &Globals, past: &[Event]) -> Result<Self, CommandError> {
        if globals.quiet || watch.output == Output::Json {
            return Ok(Self::Nothing);
        }
        if !live::can_be_shown() {
            let mut lines = Lines { verbose: globals.verbose };
            let mut state = RunState::default();
            for event in past {
                state.apply(event);
                lines.event(event, &state);
            }
            return Ok(Self::Lines(lines));
        }
        let started = watch.state.started.as_ref();
        let simulated = started.is_some_and(|started| matches!(started.cloud, Cloud::Simulated { .. }));
        let clock = (!simulated).then(Clock::real);
        let look =
            Look { colored: live::colored(globals.color), verbose: globals.verbose, takes_keys: false };
        Ok(Self::Live(Live::begin(plan(watch), past, clock, look)))
    }

    fn event(&mut self, event: &Event, watch: &Watch) -> Result<(), CommandError> {
        match self {
            Self::Nothing => {}
            Self::Lines(lines) => lines.event(event, &watch.state),
            Self::Live(live) => {
                live.event(event);
                if let (EventKind::RunStarted(_) | EventKind::PlanAmended(_), Some(plan)) =
                    (&event.kind, plan(watch))
                {
                    live.plan(plan);
                }
            }
        }
        Ok(())
    }

    fn end(self) {
        if let Self::Live(live) = self {
            live.end();
        }
    }
}

/// The runbook as it is run, for the times of retries and pauses; without it those are not shown.
fn plan(watch: &Watch) -> Option<Arc<lifeboat_runbook::plan::Plan>> {
    let started = watch.state.started.as_ref()?;
    kept_plan(&watch.directory, &watch.state, started, &wiring::catalog()).ok().map(Arc::new)
}
