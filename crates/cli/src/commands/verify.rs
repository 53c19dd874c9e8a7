//! `lifeboat verify`.

use crate::args::VerifyArguments;
use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::home::Home;
use crate::incidents::PREFIX;
use lifeboat_journal::chain;
use lifeboat_journal::event::EventKind;
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::outcome::PASSED;
use lifeboat_journal::state::RunState;
use std::fs;

pub(crate) fn run(home: &Home, arguments: &VerifyArguments) -> Result<u8, CommandError> {
    let (id, directory) = match arguments.run.starts_with(PREFIX) {
        true => home.incident_place(&arguments.run)?,
        false => {
            let id = home.id(&arguments.run)?;
            let directory = RunDirectory::of(home.path(), &id);
            (id, directory)
        }
    };
    let path = directory.journal();
    let bytes = fs::read(&path).map_err(|error| CommandError::file("read", &path, &error))?;
    let verified = chain::verify(&bytes).map_err(|broken| {
        CommandError::failed(format!("{}:{}: {}", path.display(), broken.line, broken.problem))
    })?;
    let lines = verified.events.len();
    if !verified.torn.is_empty() {
        let next = lines + 1;
        return Err(CommandError::failed(format!(
            "{}:{next}: the last line was not written to its end",
            path.display()
        ))
        .hint("a process was stopped while it wrote"));
    }
    let expected = match &arguments.head {
        Some(head) => Some(head.clone()),
        None => fs::read_to_string(directory.head()).ok().map(|head| head.trim().to_owned()),
    };
    // Observations ride with the next event that must be on disk: a process that was killed may have left some behind the
    // head beside the journal, and nothing else.
    let rides = |head: &String| {
        let behind = verified.events.iter().position(|event| event.prev == *head);
        arguments.head.is_none()
            && behind.is_some_and(|at| verified.events[at..].iter().all(|event| !event.kind.is_durable()))
    };
    let differs = |head: &String| *head != verified.head && !rides(head);
    if let Some(expected) = expected.filter(differs) {
        return Err(CommandError::failed(format!(
            "{}:{lines}: the journal ends with {}, and not with {expected}: lines were cut off or added",
            path.display(),
            verified.head
        )));
    }
    let files = directory
        .verify_artifacts(&verified.events)
        .map_err(|error| CommandError::failed(error.to_string()))?;
    let finished = RunState::of(&verified.events).outcome.is_some();
    let is_incident =
        verified.events.first().is_some_and(|event| matches!(event.kind, EventKind::Incident(_)));
    let state = match (is_incident, finished) {
        (true, _) => "an incident",
        (false, true) => "finished",
        (false, false) => "not finished",
    };
    let files = match files {
        0 => String::new(),
        1 => ", and the file that was handed in".to_owned(),
        many => format!(", and {many} files that were handed in"),
    };
    print_bytes(format!("{id}: {lines} lines, whole{files}, {state}\nhead {}\n", verified.head).as_bytes())?;
    Ok(PASSED)
}
