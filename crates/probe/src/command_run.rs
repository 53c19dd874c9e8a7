//! `command.run`.

use crate::parameters::{list, secret, secrets, timeout};
use crate::spawn::{Finished, Spawn, SpawnError, SpawnRequest};
use crate::spec;
use async_trait::async_trait;
use lifeboat_engine::action::{Accepted, Action, ActionError, Note, Observation, Stage, StepContext, Values};
use lifeboat_runbook::spec::{ActionSpec, Effect};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// `command.run`.
pub(crate) struct CommandRun {
    spawn: Arc<dyn Spawn>,
    /// What programs that change something printed, by attempt. It is only kept here: of what a program prints, the
    /// journal holds what the step selects and nothing else.
    printed: Mutex<BTreeMap<Key, Values>>,
}

/// A run, a step's path, an attempt.
type Key = (String, String, u32);

impl CommandRun {
    pub(crate) fn new(spawn: Arc<dyn Spawn>) -> Self {
        Self { spawn, printed: Mutex::default() }
    }

    fn printed(&self) -> MutexGuard<'_, BTreeMap<Key, Values>> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, cx: &StepContext) -> Result<Values, ActionError> {
        let request = request(cx)?;
        let finished = self.spawn.run(&request).await.map_err(failure)?;
        if finished.assumed {
            let told = format!("`{}` was not run; it is assumed to succeed", request.program);
            cx.note(Note::Evidence { kind: "assumed".to_owned(), value: told.into() })?;
        }
        let accepted = list(cx, "statuses");
        let status = Value::Int(finished.status.into());
        let fits = match accepted.is_empty() {
            true => finished.status == 0,
            false => accepted.contains(&status),
        };
        if fits {
            return Ok(outputs(finished));
        }
        let message = format!("`{}` ended with status {status}", request.program);
        Err(ActionError::failed("exit", message).hint(
            "what it printed is not kept; to see it, name the status in `statuses` and select `outputs`",
        ))
    }
}

#[async_trait]
impl Action for CommandRun {
    fn spec(&self) -> &'static ActionSpec {
        &spec::COMMAND_RUN
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let outputs = self.run(cx).await?;
        self.printed().insert(key(cx), outputs);
        Ok(Accepted::default())
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        if cx.effect == Some(Effect::Read) {
            return self.run(cx).await.map(Observation::Ready);
        }
        Ok(match self.printed().get(&key(cx)) {
            Some(outputs) => Observation::Ready(outputs.clone()),
            None => Observation::Broken {
                state: "unknown".to_owned(),
                hint: Some(
                    "Lifeboat ended while the program ran: see what it did before it is run again".into(),
                ),
            },
        })
    }
}

fn key(cx: &StepContext) -> Key {
    (cx.run.to_string(), cx.path.to_string(), cx.attempt)
}

fn request(cx: &StepContext) -> Result<SpawnRequest, ActionError> {
    Ok(SpawnRequest {
        program: cx.required("program")?.to_owned(),
        args: list(cx, "args").iter().map(Value::to_string).collect(),
        env: secrets(cx, "env"),
        stdin: secret(cx, "stdin"),
        timeout: timeout(cx, DEFAULT_TIMEOUT)?,
    })
}

fn failure(error: SpawnError) -> ActionError {
    match error {
        SpawnError::NotStarted { .. } => ActionError::refused("not_started", error.to_string()),
        SpawnError::TooLong { .. } => ActionError::failed("timeout", error.to_string())
            .hint("give it more with the parameter `timeout`"),
    }
}

fn outputs(finished: Finished) -> Values {
    let Finished { status, stdout, stderr, assumed: _ } = finished;
    BTreeMap::from([
        ("status".to_owned(), Value::Int(status.into())),
        ("stderr".to_owned(), Value::String(stderr)),
        ("stdout".to_owned(), Value::String(stdout)),
    ])
}
