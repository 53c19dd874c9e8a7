//! `lifeboat answer`.

use crate::args::AnswerArguments;
use crate::commands::abort::{held, post};
use crate::error::CommandError;
use crate::home::{Home, ReadRun, user};
use crate::inbox::Letter;
use crate::resume::{cut_torn_tail, started};
use crate::session::{self};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, Open, accept};
use lifeboat_journal::event::{Actor, Answer, Cloud, Draft, EventKind};
use lifeboat_journal::file::{JournalWriter, Stamp};
use lifeboat_journal::outcome::PASSED;
use lifeboat_report::document::asks;
use std::collections::BTreeMap;

pub(crate) fn run(home: &Home, arguments: AnswerArguments) -> Result<u8, CommandError> {
    let AnswerArguments { run, step, answer, reason, field, link, text } = arguments;
    let mut given =
        Given { by: user(), choice: answer, reason, via: "command".to_owned(), ..Given::default() };
    for text in &field {
        let Some((name, value)) = text.split_once('=') else {
            return Err(
                CommandError::usage(format!("`--field {text}` has no `=`")).hint("write it as name=value")
            );
        };
        given.fields.insert(name.to_owned(), value.to_owned());
    }
    let evidence = BTreeMap::from([("link", link), ("text", text)]);
    given.evidence.extend(evidence.into_iter().filter_map(|(kind, text)| Some((kind.to_owned(), text?))));

    let run = home.unfinished(&run)?;
    let (open, _) = fitting(&run, &step, &given)?;
    if let Some(holder) = held(&run)? {
        let letter = Letter::Answer { asked: open.asked, given };
        post(&run, &format!("{}-{}", open.asked, std::process::id()), &letter)?;
        say!("handed over to {holder}");
        return Ok(PASSED);
    }
    write(home, &run, &step, &given)?;
    say!("answered; go on with: lifeboat resume {}", run.id);
    Ok(PASSED)
}

/// The question that `step` asks now, and the answer to it.
fn fitting(run: &ReadRun, step: &str, given: &Given) -> Result<(Open, Answer), CommandError> {
    let questions = asks(&run.state);
    let exactly = questions.iter().find(|asks| asks.step.as_str() == step);
    let mut called = questions.iter().filter(|asks| asks.step.id() == step);
    let asked = exactly.or_else(|| called.next().filter(|_| called.next().is_none()));
    let Some(asked) = asked else {
        let open: Vec<&str> = questions.iter().map(|asks| asks.step.as_str()).collect();
        let hint = match open.as_slice() {
            [] if run.state.outcome.is_some() => {
                format!("it is over; `lifeboat show {}` tells how it ended", run.id)
            }
            [] => format!("it asks nothing now; `lifeboat show {}` tells where it stands", run.id),
            open => format!("it asks at: {}", open.join(", ")),
        };
        return Err(CommandError::usage(format!("{} asks nothing at `{step}`", run.id)).hint(hint));
    };
    let open = Open { step: asked.step.clone(), asked: asked.asked, question: asked.question.clone() };
    let answer = accept(&open, given).map_err(|problem| {
        CommandError::usage(format!("that does not answer `{step}`: {problem}"))
            .hint(open.question.text.trim())
    })?;
    Ok((open, answer))
}

/// Nobody is running it: the answer goes into the journal at once.
fn write(home: &Home, run: &ReadRun, step: &str, given: &Given) -> Result<(), CommandError> {
    let _lock = session::lock(&run.directory)?;
    let run = home.find(run.id.as_str())?;
    let (open, answer) = fitting(&run, step, given)?;
    let kind = EventKind::PersonAnswered(Box::new(answer));
    let mut drafts = cut_torn_tail(&run.directory, &run.journal)?;
    drafts.push(Draft { step: Some(open.step), ..Draft::run(kind) }.by(Actor::person(&given.by)));
    append(&run, drafts)
}

/// Writes events of a run that nobody is driving. The clock of a simulated world stands still meanwhile.
pub(crate) fn append(run: &ReadRun, drafts: Vec<Draft>) -> Result<(), CommandError> {
    let simulated = matches!(started(run)?.cloud, Cloud::Simulated { .. });
    let last = run.state.last.map(|last| last.at).filter(|_| simulated);
    let clock = Clock::real();
    let stamp = Stamp { now: last.unwrap_or_else(|| clock.now()), mono_ms: clock.mono_ms() };
    let mut writer = JournalWriter::resume(session::storage(&run.directory)?, run.id.clone(), &run.journal);
    let written = writer.append(drafts, stamp);
    written.map(drop).map_err(|error| CommandError::file("write", &run.directory.journal(), &error))
}
