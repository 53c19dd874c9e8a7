//! Programs on this machine.

use crate::spawn::{Finished, MOST_PRINTED, Spawn, SpawnError, SpawnRequest};
use async_trait::async_trait;
use futures_util::future::join3;
use lifeboat_engine::clock::{Clock, TooLong};
use lifeboat_runbook::value::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Runs programs for real.
pub struct Programs {
    clock: Clock,
}

impl Programs {
    /// On this clock; one that is simulated stands still while a program runs.
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Spawn for Programs {
    async fn run(&self, request: &SpawnRequest) -> Result<Finished, SpawnError> {
        let not_started = |error: io::Error| SpawnError::NotStarted {
            program: request.program.clone(),
            why: error.to_string(),
        };
        let mut child = command(request).spawn().map_err(not_started)?;
        let group = Group::of(&child);
        let ended = attend(&mut child, &group, request.stdin.as_ref());
        match self.clock.frozen(request.timeout, ended).await {
            Ok(finished) => finished.map_err(not_started),
            Err(TooLong(limit)) => Err(SpawnError::TooLong { program: request.program.clone(), limit }),
        }
    }
}

fn command(request: &SpawnRequest) -> Command {
    let mut command = Command::new(&request.program);
    command
        .args(&request.args)
        .envs(request.env.iter().map(|(name, value)| (name, value.expose())))
        .stdin(if request.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        // A group of its own: it can be ended with what it started, and Ctrl-C on the terminal does not reach it.
        .process_group(0);
    command
}

async fn attend(child: &mut Child, group: &Group, stdin: Option<&Secret>) -> io::Result<Finished> {
    let input = child.stdin.take();
    let feed = async {
        if let (Some(mut pipe), Some(text)) = (input, stdin) {
            // A program that does not read its input to the end may.
            let _unread = pipe.write_all(text.expose().as_bytes()).await;
        }
    };
    let printed = join3(feed, beginning(child.stdout.take()), beginning(child.stderr.take()));
    let status = async {
        let status = child.wait().await;
        // What it left running would hold the pipes open.
        group.end();
        status
    };
    let (((), stdout, stderr), status) = futures_util::future::join(printed, status).await;
    Ok(Finished { status: code(status?), stdout: stdout?, stderr: stderr?, assumed: false })
}

/// The beginning of what a program prints. The rest is read too, or the program would wait for it.
async fn beginning(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut pipe) = pipe else { return Ok(String::new()) };
    let mut kept = Vec::new();
    (&mut pipe).take(MOST_PRINTED as u64).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// A program with what it started; ended when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn end(&self) {
        // An empty group cannot be ended, and need not be.
        let _ended = self.0.map(|group| kill_process_group(group, Signal::KILL));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}
