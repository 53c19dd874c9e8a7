//! `lifeboat item`.

use crate::args::Output;
use crate::args::item::{
    AddArguments, ChangeArguments, CloseItemArguments, ItemCommand, ListArguments, WhyArguments,
};
use crate::commands::{print_bytes, print_json};
use crate::error::CommandError;
use crate::home::{Home, user};
use crate::incidents::{PREFIX, append, read_record};
use chrono::NaiveDate;
use lifeboat_engine::clock::Clock;
use lifeboat_journal::event::{Actor, Cloud, Draft, EventKind};
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::items::{Added, Fate, Item, ItemEvent, Items, Proof};
use lifeboat_journal::outcome::{FAILED, PASSED, Verdict};
use lifeboat_report::incident::words::proof_words;
use lifeboat_runbook::id::RunId;
use serde::Serialize;

pub(crate) fn run(home: &Home, command: ItemCommand) -> Result<u8, CommandError> {
    match command {
        ItemCommand::Add(arguments) => add(home, arguments),
        ItemCommand::Change(arguments) => change(home, arguments),
        ItemCommand::List(arguments) => list(home, &arguments),
        ItemCommand::Close(arguments) => close(home, &arguments),
        ItemCommand::Reopen(arguments) => reopen(home, arguments),
        ItemCommand::Drop(arguments) => give_up(home, arguments),
    }
}

/// All items of a home.
pub(crate) fn read(home: &Home) -> Result<Items, CommandError> {
    Ok(Items::of(&read_record(&RunDirectory::of_items(home.path()))?.events))
}

/// Today, UTC.
pub(crate) fn today() -> NaiveDate {
    Clock::real().now().date_naive()
}

/// Writes an event that follows from what stands there.
fn tell(
    home: &Home,
    event: impl FnOnce(&Items) -> Result<ItemEvent, CommandError>,
) -> Result<(), CommandError> {
    append(&RunDirectory::of_items(home.path()), &RunId::new("items"), |journal, _| {
        let event = event(&Items::of(&journal.events))?;
        Ok(vec![Draft::run(EventKind::Item(event)).by(Actor::person(user()))])
    })
}

/// The incident or the run that is meant.
fn origin(home: &Home, name: &str) -> Result<RunId, CommandError> {
    match name.starts_with(PREFIX) {
        true => Ok(home.incident(name)?.id),
        false => home.id(name),
    }
}

fn find<'items>(items: &'items Items, id: &str) -> Result<&'items Item, CommandError> {
    items.find(id).ok_or_else(|| {
        CommandError::usage(format!("there is no item `{id}`")).hint("`lifeboat item list --all` lists them")
    })
}

/// The id of an item that is to be done.
fn open(items: &Items, id: &str) -> Result<String, CommandError> {
    let item = find(items, id)?;
    let id = item.added.item.clone();
    match &item.fate {
        Fate::Open => Ok(id),
        Fate::Done { proof, .. } => {
            Err(CommandError::usage(format!("{id} is done: {}", proof_words(proof))).hint(reopen_line(&id)))
        }
        Fate::Dropped { why } => {
            Err(CommandError::usage(format!("{id} was dropped: {why}")).hint(reopen_line(&id)))
        }
    }
}

fn reopen_line(id: &str) -> String {
    format!("if that is not so: lifeboat item reopen {id} --reason …")
}

fn add(home: &Home, arguments: AddArguments) -> Result<u8, CommandError> {
    let AddArguments { of, title, purpose, who } = arguments;
    if title.trim().is_empty() {
        return Err(
            CommandError::usage("the item says nothing").hint("write what is to be done in a sentence")
        );
    }
    let of = origin(home, &of)?;
    let mut id = String::new();
    tell(home, |items| {
        id = items.next_id();
        let (item, purpose) = (id.clone(), purpose.into());
        let added = Added { item, of, title, purpose, owner: who.owner, due: who.due, ticket: who.ticket };
        Ok(ItemEvent::Added(Box::new(added)))
    })?;
    print_bytes(format!("{id}\n").as_bytes())?;
    Ok(PASSED)
}

fn change(home: &Home, arguments: ChangeArguments) -> Result<u8, CommandError> {
    let ChangeArguments { item, title, who } = arguments;
    tell(home, |items| {
        let item = open(items, &item)?;
        Ok(ItemEvent::Changed { item, title, owner: who.owner, due: who.due, ticket: who.ticket })
    })?;
    Ok(PASSED)
}

fn close(home: &Home, arguments: &CloseItemArguments) -> Result<u8, CommandError> {
    tell(home, |items| {
        let item = open(items, &arguments.item)?;
        let proof = match (&arguments.link, &arguments.proved_by) {
            (Some(link), _) => Proof::Link(link.clone()),
            (None, run) => proved_by(home, find(items, &item)?, run.as_deref().unwrap_or_default())?,
        };
        say!("{item} is done: {}", proof_words(&proof));
        Ok(ItemEvent::Closed { item, proof })
    })?;
    Ok(PASSED)
}

/// A run proves something only if it passed, and was made after there was something to prove.
fn proved_by(home: &Home, item: &Item, run: &str) -> Result<Proof, CommandError> {
    let run = home.find(run)?;
    let refuse = |why: String| Err(CommandError::usage(format!("{} proves nothing: {why}", run.id)));
    let passed = run.state.outcome.as_ref().is_some_and(|outcome| outcome.verdict == Verdict::Passed);
    if !passed {
        return refuse("it did not pass".to_owned());
    }
    let real = run.state.started.as_ref().is_some_and(|started| matches!(started.cloud, Cloud::Aws));
    // The clock of a simulated world tells nothing of when a run was made.
    let made = run.directory.made_at().map(chrono::DateTime::<chrono::Utc>::from);
    let began = run.state.began.map(|began| began.at).filter(|_| real);
    if began.or(made).is_some_and(|began| began < item.at) {
        return refuse(format!("it was made before {} was added", item.added.item));
    }
    if run.id == item.added.of {
        return refuse("it is the run that the item came of".to_owned());
    }
    Ok(Proof::Run { run: run.id, real })
}

fn reopen(home: &Home, WhyArguments { item, reason: why }: WhyArguments) -> Result<u8, CommandError> {
    tell(home, |items| {
        let found = find(items, &item)?;
        let item = found.added.item.clone();
        match found.fate {
            Fate::Open => Err(CommandError::usage(format!("{item} is open"))),
            _ => Ok(ItemEvent::Reopened { item, why }),
        }
    })?;
    Ok(PASSED)
}

fn give_up(home: &Home, WhyArguments { item, reason: why }: WhyArguments) -> Result<u8, CommandError> {
    tell(home, |items| Ok(ItemEvent::Dropped { item: open(items, &item)?, why }))?;
    Ok(PASSED)
}

/// An item in a row.
#[derive(Serialize)]
struct Row {
    item: String,
    of: String,
    title: String,
    #[serde(rename = "type")]
    purpose: &'static str,
    owner: Option<String>,
    due: Option<NaiveDate>,
    ticket: Option<String>,
    status: &'static str,
    overdue: bool,
    proof: Option<String>,
}

impl Row {
    fn of(item: &Item, today: NaiveDate) -> Self {
        let (status, proof) = match &item.fate {
            Fate::Open => ("open", None),
            Fate::Done { proof, .. } => ("done", Some(proof_words(proof))),
            Fate::Dropped { why } => ("dropped", Some(why.clone())),
        };
        let added = &item.added;
        Self {
            item: added.item.clone(),
            of: added.of.to_string(),
            title: added.title.clone(),
            purpose: added.purpose.words(),
            owner: added.owner.clone(),
            due: added.due,
            ticket: added.ticket.clone(),
            status,
            overdue: item.is_overdue(today),
            proof,
        }
    }
}

fn list(home: &Home, arguments: &ListArguments) -> Result<u8, CommandError> {
    let of = arguments.of.as_deref().map(|name| origin(home, name)).transpose()?;
    let (items, today) = (read(home)?, today());
    let wanted = |item: &&Item| {
        of.as_ref().is_none_or(|of| *of == item.added.of)
            && (arguments.all || item.fate == Fate::Open)
            && (!arguments.overdue || item.is_overdue(today))
    };
    let mut rows: Vec<Row> = items.iter().filter(wanted).map(|item| Row::of(item, today)).collect();
    rows.sort_by_key(|row| (!row.overdue, row.due.is_none(), row.due));
    match arguments.output.output {
        Output::Json => print_json(&rows)?,
        Output::Human if rows.is_empty() => say!("nothing is to be done"),
        Output::Human => print_bytes(table(&rows).as_bytes())?,
    }
    Ok(if arguments.overdue && !rows.is_empty() { FAILED } else { PASSED })
}

fn table(rows: &[Row]) -> String {
    let mut text = format!("{:5} {:18} {:15} {:10} {:18}  TITLE\n", "ITEM", "OF", "TYPE", "OWNER", "DUE");
    for row in rows {
        let due = match (row.due, row.overdue) {
            (Some(due), true) => format!("{due} OVERDUE"),
            (Some(due), false) => due.to_string(),
            (None, _) => "no day".to_owned(),
        };
        let status = if row.status == "open" { String::new() } else { format!("[{}] ", row.status) };
        let owner = row.owner.as_deref().unwrap_or("nobody");
        text.push_str(&format!(
            "{:5} {:18} {:15} {owner:10} {due:18}  {status}{}\n",
            row.item, row.of, row.purpose, row.title
        ));
    }
    text
}
