//! `lifeboat postmortem`.

use crate::args::postmortem::{PostmortemArguments, PostmortemFormat};
use crate::commands::{item, print_bytes};
use crate::error::CommandError;
use crate::home::{Home, ReadRun};
use crate::incidents::{ReadIncident, Said};
use crate::reports::{failed, own_templates, put, sources};
use chrono::NaiveTime;
use lifeboat_journal::file::replace;
use lifeboat_journal::incident::event::{IncidentEvent, Review};
use lifeboat_journal::items::{Fate, Item};
use lifeboat_journal::outcome::{FAILED, PASSED};
use lifeboat_report::incident::kept::{Regenerated, regenerate, to_write};
use lifeboat_report::incident::postmortem::{Postmortem, RunRecord, Sources, html, markdown};
use lifeboat_report::incident::timeline::Part;
use lifeboat_report::record::{Record, Source};
use lifeboat_report::render::OwnTemplate;
use std::fs;
use std::io;
use std::path::Path;

pub(crate) fn run(home: &Home, arguments: &PostmortemArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.incident)?;
    let path = arguments.file.clone().unwrap_or_else(|| incident.directory.path().join("postmortem.md"));
    let own = own_templates(arguments.template.as_deref())?;
    if arguments.check {
        return check(home, &incident, &path, &own);
    }
    let incident = match arguments.review {
        Some(to) => move_review(home, incident, &path, &own, (to.into(), arguments.due))?,
        None => incident,
    };
    let gathered = Gathered::of(home, &incident)?;
    gathered.with(home, &incident, |page| {
        if arguments.format == PostmortemFormat::Json {
            let text = serde_json::to_string_pretty(page).map_err(|error| failed(&error))?;
            return put(arguments.out.as_deref(), &(text + "\n"));
        }
        let made = made(page, &path, &own)?;
        write(&path, &made)?;
        match arguments.format {
            PostmortemFormat::Html => {
                let text = html(page, &made.text, &own).map_err(|error| failed(&error))?;
                put(arguments.out.as_deref(), &text)
            }
            _ => print_bytes(format!("{}\n", path.display()).as_bytes()),
        }
    })?;
    Ok(PASSED)
}

/// What a post-mortem is made from, read from disk.
struct Gathered {
    runs: Vec<ReadRun>,
    sources: Vec<Vec<Source>>,
    items: Vec<Item>,
}

impl Gathered {
    fn of(home: &Home, incident: &ReadIncident) -> Result<Self, CommandError> {
        let runs = home.runs_of(incident);
        let sources = runs.iter().map(sources).collect::<Result<_, _>>()?;
        let came_of =
            |item: &&Item| item.added.of == incident.id || incident.state.runs.contains(&item.added.of);
        let items = item::read(home)?.iter().filter(came_of).cloned().collect();
        Ok(Self { runs, sources, items })
    }

    /// Gives what the records know to whoever lays it out.
    fn with<T>(&self, home: &Home, incident: &ReadIncident, lay_out: impl FnOnce(&Postmortem<'_>) -> T) -> T {
        let runs: Vec<RunRecord<'_>> = self
            .runs
            .iter()
            .zip(&self.sources)
            .map(|(run, sources)| RunRecord {
                id: &run.id,
                record: Record {
                    state: &run.state,
                    events: &run.journal.events,
                    head: &run.journal.head,
                    sources,
                    earlier: &[],
                },
            })
            .collect();
        let own = Part { run: None, events: &incident.journal.events };
        let of_runs = self.runs.iter().map(|run| Part { run: Some(&run.id), events: &run.journal.events });
        let parts: Vec<Part<'_>> = std::iter::once(own).chain(of_runs).collect();
        let sources = Sources {
            state: &incident.state,
            parts: &parts,
            runs: &runs,
            items: &self.items,
            today: item::today(),
        };
        lay_out(&Postmortem::of(home.incident_document(incident), &sources))
    }
}

/// The document as it should stand, with people's words in it.
fn made(page: &Postmortem<'_>, path: &Path, own: &[OwnTemplate]) -> Result<Regenerated, CommandError> {
    let fresh = markdown(page, own).map_err(|error| failed(&error))?;
    Ok(regenerate(in_hand(path)?.as_deref(), &fresh))
}

/// What people have in hand, if there is anything.
fn in_hand(path: &Path) -> Result<Option<String>, CommandError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::file("read", path, &error)),
    }
}

fn write(path: &Path, made: &Regenerated) -> Result<(), CommandError> {
    // Whole or not at all: the words of people are in it.
    replace(path, made.text.as_bytes()).map_err(|error| CommandError::file("write", path, &error))?;
    for part in &made.changed_by_people {
        say!("the part `{part}` was changed by hand: what was written stands below it now");
    }
    if !made.taken_out.is_empty() {
        say!("taken out by hand, and not put back: {}", made.taken_out.join(", "));
    }
    match to_write(&made.text).len() {
        0 => say!("everything is written; it can be reviewed"),
        1 => say!("one place is left for people to write (TODO(human))"),
        many => say!("{many} places are left for people to write (TODO(human))"),
    }
    Ok(())
}

/// What is left to do before the document can be agreed on.
#[derive(Default)]
struct Left {
    /// For people, each with its place.
    people: Vec<String>,
    /// Whether the records have grown since the document was made.
    stale: bool,
}

fn left_to_do(
    home: &Home,
    incident: &ReadIncident,
    path: &Path,
    own: &[OwnTemplate],
) -> Result<Left, CommandError> {
    let Some(text) = in_hand(path)? else {
        let missing =
            format!("{}: it is not there; `lifeboat postmortem {}` makes it", path.display(), incident.id);
        return Ok(Left { people: vec![missing], stale: false });
    };
    let gathered = Gathered::of(home, incident)?;
    let made = gathered.with(home, incident, |page| made(page, path, own))?;
    let mut people: Vec<String> = to_write(&text)
        .into_iter()
        .map(|line| format!("{}:{line}: people must write this", path.display()))
        .collect();
    for item in gathered.items.iter().filter(|item| item.fate == Fate::Open) {
        for (missing, what) in [(item.added.owner.is_none(), "owner"), (item.added.due.is_none(), "last day")]
        {
            if missing {
                people.push(format!("{}: it has no {what}: {}", item.added.item, item.added.title));
            }
        }
    }
    Ok(Left { people, stale: made.text != text })
}

fn check(home: &Home, incident: &ReadIncident, path: &Path, own: &[OwnTemplate]) -> Result<u8, CommandError> {
    let left = left_to_do(home, incident, path, own)?;
    let stale = format!("{}: the records have grown since; make it anew", path.display());
    let lines: Vec<String> = left.people.into_iter().chain(left.stale.then_some(stale)).collect();
    for line in &lines {
        print_bytes(format!("{line}\n").as_bytes())?;
    }
    Ok(if lines.is_empty() { PASSED } else { FAILED })
}

/// A review goes on only when what it wants is there.
fn move_review(
    home: &Home,
    incident: ReadIncident,
    path: &Path,
    own: &[OwnTemplate],
    (to, due): (Review, Option<chrono::NaiveDate>),
) -> Result<ReadIncident, CommandError> {
    if to >= Review::Reviewed {
        // The document says itself how far its review is, so that it may well be behind the records.
        let left = left_to_do(home, &incident, path, own)?.people;
        if !left.is_empty() {
            left.iter().for_each(|line| say!("{line}"));
            return Err(CommandError::failed(format!("it cannot be {}: see above", to.words()))
                .hint(format!("lifeboat postmortem {} --check tells what is left", incident.id)));
        }
    }
    if to == Review::Closed {
        let open = Gathered::of(home, &incident)?.items.into_iter().filter(|item| item.fate == Fate::Open);
        let open: Vec<String> = open.map(|item| item.added.item).collect();
        if !open.is_empty() {
            return Err(CommandError::failed(format!("it cannot be closed: {} are open", open.join(", ")))
                .hint("lifeboat item close ITEM --link … | --proved-by RUN"));
        }
    }
    let due = due.map(|due| due.and_time(NaiveTime::MIN).and_utc());
    home.tell(&incident, vec![Said::now(IncidentEvent::ReviewMoved { to, due })])
}
