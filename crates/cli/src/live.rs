//! The live view: what a person at a terminal sees of a run, in place, second by second.
//!
//! A thread of its own folds the events and draws ([`lifeboat_report::view`]). It stands behind the journal: the run only
//! hands events over and never waits for a terminal. What should stay goes above the view as a line ([`region`]).

mod keys;
pub(crate) mod region;

use crate::args::ColorChoice;
use crate::home::environment;
use crate::screen;
use chrono::{DateTime, Utc};
use keys::Typing;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::decide::retry_at;
use lifeboat_engine::log::Observer;
use lifeboat_journal::event::Event;
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_report::line::{Line, Tone};
use lifeboat_report::view::{Sight, Signs, Size, Timer, view};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Plan, Work};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it looks whether there is something new to be seen: the next second, another size.
const BEAT: Duration = Duration::from_millis(100);

/// How it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) colored: bool,
    /// Whether every event is said, not only those that people must know.
    pub(crate) verbose: bool,
    /// Whether keys typed here are answers; else the view names the command that answers.
    pub(crate) takes_keys: bool,
}

/// Whether there is a terminal on which lines can be drawn again.
pub(crate) fn can_be_shown() -> bool {
    io::stderr().is_terminal() && environment("TERM").is_none_or(|term| term != "dumb")
}

/// Whether to colour what goes to standard error.
pub(crate) fn colored(choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stderr().is_terminal() && environment("NO_COLOR").is_none(),
    }
}

/// Takes the view from the terminal, wherever the process is; what it showed stays.
pub(crate) fn put_back() {
    region::end();
    keys::put_back();
}

/// The live view of a run. Cheap to clone; it ends with [`Live::end`], or when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Live {
    news: Sender<News>,
    typing: Typing,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    _ends: Arc<Ends>,
}

/// What the thread is told.
enum News {
    Event(Box<Event>),
    /// The moment on a clock that it cannot read: that of a simulated run.
    Now(DateTime<Utc>),
    /// What is asked for, or that nothing is.
    Prompt(Option<String>),
    Plan(Arc<Plan>),
    Key,
    End,
}

/// Puts the terminal back when a command ends with an error.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        put_back();
    }
}

impl Live {
    /// Shows a run whose journal holds `events` so far. `clock` is the machine's, or nothing for a simulated run: its
    /// time is that of its last event, or what [`Live::tell`] says.
    pub(crate) fn begin(plan: Option<Arc<Plan>>, events: &[Event], clock: Option<Clock>, look: Look) -> Self {
        put_back_after_panic();
        region::begin(look.colored);
        if look.takes_keys {
            keys::quiet();
        }
        let (news, heard) = mpsc::channel();
        let typing = Typing::default();
        let scene = Scene {
            plan,
            state: RunState::of(events),
            clock,
            told: None,
            prompt: None,
            typing: typing.clone(),
            look,
            signs: if is_unicode() { &Signs::UNICODE } else { &Signs::ASCII },
            drawn: None,
        };
        let thread = std::thread::spawn(move || scene.play(&heard));
        Self { news, typing, thread: Arc::new(Mutex::new(Some(thread))), _ends: Arc::new(Ends) }
    }

    /// What hands it every event.
    pub(crate) fn observer(&self) -> Box<dyn Observer> {
        Box::new(Watcher(self.clone()))
    }

    /// Something happened.
    pub(crate) fn event(&self, event: &Event) {
        self.say(News::Event(Box::new(event.clone())));
    }

    /// It is now this time in the simulation.
    pub(crate) fn tell(&self, now: DateTime<Utc>) {
        self.say(News::Now(now));
    }

    /// The runbook is this one.
    pub(crate) fn plan(&self, plan: Arc<Plan>) {
        self.say(News::Plan(plan));
    }

    /// Shows a prompt as the last line of the view, until what is returned is dropped.
    pub(crate) fn prompt(&self, text: &str) -> Prompt {
        self.say(News::Prompt(Some(text.to_owned())));
        Prompt(self.clone())
    }

    /// Reads what is typed, line by line.
    pub(crate) fn read_lines(&self, line: impl Fn(String) -> bool + Send + 'static) {
        let (news, told) = (self.news.clone(), self.news.clone());
        let whole = move |text| {
            // Answered: nothing more can be typed there, even if who asked has not heard it yet.
            drop(told.send(News::Prompt(None)));
            line(text)
        };
        self.typing.read(whole, move || news.send(News::Key).is_ok());
    }

    /// Forgets what has been typed of a line.
    pub(crate) fn forget_typing(&self) {
        self.typing.forget();
    }

    /// Shows the last state, which stays, and gives the terminal back.
    pub(crate) fn end(&self) {
        self.say(News::End);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that panicked has said so, and the view is gone with it.
        drop(thread.map(JoinHandle::join));
        put_back();
    }

    fn say(&self, news: News) {
        // When nobody draws any more, nothing is seen; the run goes on.
        drop(self.news.send(news));
    }
}

/// A prompt that is shown.
pub(crate) struct Prompt(Live);

impl Drop for Prompt {
    fn drop(&mut self) {
        self.0.typing.forget();
        self.0.say(News::Prompt(None));
    }
}

struct Watcher(Live);

impl Observer for Watcher {
    fn event(&mut self, event: &Event, _: &RunState) {
        self.0.event(event);
    }
}

/// A panic must find the terminal as everybody expects it, whichever thread it is in.
fn put_back_after_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            put_back();
            before(panic);
        }));
    });
}

/// Whether the locale's characters are Unicode.
fn is_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(environment).unwrap_or_default();
    let locale = locale.to_lowercase().replace('-', "");
    locale.contains("utf8")
}

/// What the thread knows.
struct Scene {
    plan: Option<Arc<Plan>>,
    state: RunState,
    clock: Option<Clock>,
    told: Option<DateTime<Utc>>,
    prompt: Option<String>,
    typing: Typing,
    look: Look,
    signs: &'static Signs,
    /// When, and for which size, it was drawn last: the same second in the same size looks the same.
    drawn: Option<(i64, Size)>,
}

impl Scene {
    fn play(mut self, heard: &Receiver<News>) {
        loop {
            match heard.recv_timeout(BEAT) {
                Ok(news) => {
                    // What came together is shown together.
                    let ends = std::iter::once(news).chain(heard.try_iter()).fold(false, |ends, news| {
                        let end = self.take(news);
                        ends || end
                    });
                    self.draw();
                    if ends {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.look.takes_keys {
                        keys::quiet();
                    }
                    if self.drawn != Some((self.now().timestamp(), region::size())) {
                        self.draw();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whether it ends with this.
    fn take(&mut self, news: News) -> bool {
        match news {
            News::Event(event) => {
                self.state.apply(&event);
                self.say(&event);
            }
            News::Now(now) => self.told = Some(now),
            News::Prompt(prompt) => self.prompt = prompt,
            News::Plan(plan) => self.plan = Some(plan),
            News::Key => {}
            News::End => {
                self.prompt = None;
                return true;
            }
        }
        false
    }

    fn now(&self) -> DateTime<Utc> {
        let last = self.state.last.map(|last| last.at);
        match &self.clock {
            Some(clock) => clock.now(),
            None => self.told.max(last).unwrap_or_default(),
        }
    }

    /// Says what should stay.
    fn say(&self, event: &Event) {
        let importance = screen::importance(&event.kind);
        let tone = match importance {
            screen::Importance::Bad => Tone::Bad,
            screen::Importance::Notable => Tone::Warn,
            screen::Importance::Usual | screen::Importance::Detail if self.look.verbose => Tone::Dim,
            _ => return,
        };
        for line in screen::lines(event, &self.state) {
            region::say_line(&Line::of(tone, line));
        }
    }

    fn draw(&mut self) {
        let (now, size) = (self.now(), region::size());
        let prompt = self.prompt_line(size);
        let rows = size.rows.saturating_sub(usize::from(prompt.is_some()));
        let timers = self.plan.as_ref().map(|plan| timers(plan, &self.state)).unwrap_or_default();
        let sight = Sight {
            state: &self.state,
            now,
            timers: &timers,
            answer_with_command: !self.look.takes_keys,
            signs: self.signs,
        };
        let mut lines = view(&sight, Size { rows, ..size });
        lines.extend(prompt);
        self.drawn = Some((now.timestamp(), size));
        region::show(lines);
    }

    /// The prompt and the end of what is typed: there the cursor is.
    fn prompt_line(&self, size: Size) -> Option<Line> {
        let prompt = self.prompt.as_ref()?;
        let columns = size.columns.saturating_sub(2);
        let typed = self.typing.text();
        let room = columns / 2;
        let prompt = Line::of(Tone::Strong, prompt.trim_end()).cut(columns.saturating_sub(room.min(20)));
        let room = columns.saturating_sub(prompt.width() + 1);
        let mut shown = Line::of(Tone::Plain, &typed);
        let mut rest = typed.as_str();
        while shown.width() > room {
            let mut characters = rest.chars();
            characters.next();
            rest = characters.as_str();
            shown = Line::of(Tone::Plain, format!("…{rest}"));
        }
        let mut line = prompt.and(Tone::Plain, " ");
        for (tone, text) in shown.pieces() {
            line.push(tone, text);
        }
        Some(line)
    }
}

/// The times that steps wait for.
pub(crate) fn timers(plan: &Plan, state: &RunState) -> BTreeMap<StepPath, Timer> {
    let timer = |(path, known): (&StepPath, &lifeboat_journal::state::StepState)| {
        let step = plan.step(path)?;
        let timer = match (&known.status, &step.work) {
            (StepStatus::AttemptFailed(_), _) => {
                let (retry, failed) = (step.retry.as_ref()?, known.attempt_failed?);
                let due = retry_at(retry, known.attempts_failed, failed.at);
                (known.attempts_failed < retry.attempts)
                    .then_some(Timer { due, attempts: Some(retry.attempts) })?
            }
            (StepStatus::Running, Work::Pause(time)) => {
                Timer { due: known.attempt_started?.at + *time, attempts: None }
            }
            _ => return None,
        };
        Some((path.clone(), timer))
    };
    state.steps.iter().filter_map(timer).collect()
}
