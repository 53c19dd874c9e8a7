//! The person at this terminal: lines are read on a thread of their own, so that nothing waits for them in vain.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, mpsc};

/// A terminal with a person at it.
#[derive(Clone)]
pub(crate) struct Terminal {
    lines: Arc<OnceLock<Mutex<mpsc::UnboundedReceiver<String>>>>,
}

impl Terminal {
    /// The terminal, if standard input and standard error are one.
    pub(crate) fn here() -> Option<Self> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then(|| Self { lines: Arc::default() })
    }

    /// Shows a prompt and reads the answer; nothing at the end of the input.
    pub(crate) async fn ask(&self, prompt: &str) -> Option<String> {
        prompt!("{prompt}");
        // A prompt that cannot be shown is seen by nobody; the read that follows tells.
        let _unseen = io::stderr().flush();
        let lines = self.lines.get_or_init(|| Mutex::new(read_lines()));
        lines.lock().await.recv().await.map(|line| line.trim().to_owned())
    }
}

fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (typed, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let sent = line.is_ok_and(|line| typed.send(line).is_ok());
            if !sent {
                return;
            }
        }
    });
    lines
}
