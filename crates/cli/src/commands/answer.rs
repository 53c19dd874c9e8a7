//! `lifeboat answer`.

use crate::args::AnswerArguments;
use crate::commands::Globals;
use crate::commands::abort::{held, post};
use crate::connect_to::ProbeArguments;
use crate::error::CommandError;
use crate::home::{Home, ReadRun, host, user};
use crate::inbox::Letter;
use crate::resume::{cut_torn_tail, started};
use crate::session;
use crate::wiring;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, Open, accept};
use lifeboat_journal::event::{Actor, Answer, Cloud, Draft, EventKind};
use lifeboat_journal::file::{JournalWriter, Stamp};
use lifeboat_journal::identity::Identity;
use lifeboat_journal::outcome::PASSED;
use lifeboat_report::document::{AsksDocument, asks};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) fn run(home: &Home, arguments: AnswerArguments, globals: Globals) -> Result<u8, CommandError> {
    let AnswerArguments { run, step, answer, reason, field, link, text, file, overrides, name } = arguments;
    let run = home.unfinished(&run)?;
    let identity = identity(&run, name, globals)?;
    let mut given = Given {
        by: identity.name().to_owned(),
        identity: Some(identity),
        choice: answer,
        reason,
        overrides,
        via: "command".to_owned(),
        ..Given::default()
    };
    for text in &field {
        let Some((name, value)) = text.split_once('=') else {
            return Err(
                CommandError::usage(format!("`--field {text}` has no `=`")).hint("write it as name=value")
            );
        };
        given.fields.insert(name.to_owned(), value.to_owned());
    }
    let named = file.as_ref().map(|file| file.display().to_string());
    let evidence = BTreeMap::from([("link", link), ("text", text), ("file", named)]);
    given.evidence.extend(evidence.into_iter().filter_map(|(kind, text)| Some((kind.to_owned(), text?))));

    let (open, _) = fitting(&run, &step, &given)?;
    if let Some(file) = &file {
        let kept = run.directory.keep_artifact(file);
        let artifact = kept.map_err(|error| CommandError::file("hand in", file, &error))?;
        say!("{} is kept as {}, SHA-256 {}", file.display(), artifact.path, artifact.sha256);
        given.evidence.insert("file".to_owned(), artifact.path.clone());
        given.file = Some(artifact);
    }
    if let Some(holder) = held(&run)? {
        let letter = Letter::Answer { asked: open.asked, given: Box::new(given) };
        post(&run, &format!("{}-{}", open.asked, std::process::id()), &letter)?;
        say!("handed over to {holder}");
        return Ok(PASSED);
    }
    write(home, &run, &step, &given)?;
    let run = home.find(run.id.as_str())?;
    match asks(&run.state).iter().find(|asks| asks.asked == open.asked).and_then(AsksDocument::progress) {
        Some(progress) => {
            say!("{progress}; the others answer with: {}", open.question.command(&run.id, &open.step))
        }
        None => say!("answered; go on with: lifeboat resume {}", run.id),
    }
    Ok(PASSED)
}

/// How long AWS may take to say who somebody is.
const WHO_AM_I: Duration = Duration::from_secs(15);

/// Who answers: in a simulation the OS user, or whom `--as` names; else whom AWS takes them for, if it says so.
fn identity(run: &ReadRun, name: Option<String>, globals: Globals) -> Result<Identity, CommandError> {
    let started = started(run)?;
    let mut identity = Identity::of_user(user(), host());
    match (name, started.is_simulated()) {
        (Some(name), true) => identity.user = name,
        (Some(_), false) => {
            return Err(CommandError::usage("--as is for simulated runs: here you are who AWS says you are")
                .hint("log in as yourself, or choose another profile with --profile"));
        }
        (None, true) => {}
        (None, false) => {
            let runtime = session::runtime(false)?;
            let asked = async {
                let (own_profile, region) = (started.access.profile.clone(), Some(started.region.clone()));
                let probes = ProbeArguments::default();
                let wiring = wiring::real(globals.profile, own_profile, region, &probes).await?;
                Ok::<_, CommandError>(wiring.caller(&started.region).await?)
            };
            let answer = runtime.block_on(async { Clock::real().frozen(WHO_AM_I, asked).await });
            identity.arn = answer.ok().and_then(Result::ok).map(|caller| caller.arn);
            if identity.arn.is_none() {
                say!("AWS does not say who you are; the answer is {identity}'s");
            }
        }
    }
    Ok(identity)
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
    let Some(open) = Open::of(&run.state, &asked.step) else {
        return Err(CommandError::usage(format!("{} asks nothing at `{step}`", run.id)));
    };
    let answer = accept(&open, given).map_err(|problem| {
        CommandError::usage(format!("that does not answer `{step}`: {problem}")).hint(hint(&open))
    })?;
    Ok((open, answer))
}

fn hint(open: &Open) -> String {
    let text = open.question.text.trim();
    match open.question.who() {
        Some(_) => format!("{text} (`--override --reason …` goes over its rules, and becomes a finding)"),
        None => text.to_owned(),
    }
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
