//! The person at this terminal: what is asked, and lines read on a thread of their own, so that nothing waits for them in
//! vain. With a live view the prompt is its last line; without one it is printed, and the terminal edits and echoes.

use crate::live::Live;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, mpsc};

/// A terminal with a person at it.
#[derive(Clone)]
pub(crate) struct Terminal {
    live: Option<Live>,
    lines: Arc<OnceLock<Mutex<mpsc::UnboundedReceiver<String>>>>,
    /// A person has one conversation at a time.
    turn: Arc<Mutex<()>>,
}

/// A conversation, until it is dropped.
pub(crate) struct Turn<'terminal>(MutexGuard<'terminal, ()>);

impl Terminal {
    /// The terminal, if standard input and standard error are one.
    pub(crate) fn here(live: Option<&Live>) -> Option<Self> {
        is_here().then(|| {
            let here = Self { live: live.cloned(), lines: Arc::default(), turn: Arc::default() };
            if here.live.is_some() {
                // From the beginning: what is typed before anything is asked must not wait for the first question.
                here.lines();
            }
            here
        })
    }

    /// Begins a conversation. What was typed before, when nothing was asked, answers nothing.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let turn = Turn(self.turn.lock().await);
        if let Some(live) = &self.live {
            live.forget_typing();
            let mut lines = self.lines().lock().await;
            while lines.try_recv().is_ok() {}
        }
        turn
    }

    /// Shows what is asked about, where no live view shows it anyway.
    pub(crate) fn show(&self, text: impl FnOnce()) {
        if self.live.is_none() {
            text();
        }
    }

    /// Shows a prompt and reads the answer; nothing at the end of the input.
    pub(crate) async fn ask(&self, Turn(_turn): &Turn<'_>, prompt: &str) -> Option<String> {
        let _shown = match &self.live {
            Some(live) => Some(live.prompt(prompt)),
            None => {
                prompt!("{prompt}");
                // A prompt that cannot be shown is seen by nobody; the read that follows tells.
                let _unseen = io::stderr().flush();
                None
            }
        };
        self.lines().lock().await.recv().await.map(|line| line.trim().to_owned())
    }

    fn lines(&self) -> &Mutex<mpsc::UnboundedReceiver<String>> {
        self.lines.get_or_init(|| {
            let (typed, lines) = mpsc::unbounded_channel();
            match &self.live {
                Some(live) => live.read_lines(move |line| typed.send(line).is_ok()),
                None => read_lines(typed),
            }
            Mutex::new(lines)
        })
    }
}

/// Whether standard input and standard error are a terminal.
pub(crate) fn is_here() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn read_lines(typed: mpsc::UnboundedSender<String>) {
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let sent = line.is_ok_and(|line| typed.send(line).is_ok());
            if !sent {
                break;
            }
        }
        wait_if_closed();
    });
}

/// So long SIGHUP may be on its way.
const HANG_UP: Duration = Duration::from_secs(2);

/// A terminal that is closed ends the input as Ctrl-D does, and means something else: SIGHUP says it in a moment. Until then
/// nobody has left a question open.
pub(crate) fn wait_if_closed() {
    if !io::stdin().is_terminal() {
        let (_nobody, nothing) = std::sync::mpsc::channel::<()>();
        let _waited = nothing.recv_timeout(HANG_UP);
    }
}
