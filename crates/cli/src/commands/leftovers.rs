//! `lifeboat leftovers`: what runs have left in AWS, by tags alone.

use crate::args::{LeftoversArguments, Output};
use crate::commands::{Globals, print_bytes, print_json};
use crate::connect_to::ProbeArguments;
use crate::error::CommandError;
use crate::home::Home;
use crate::session::{self, typed};
use crate::wiring::{self, Wiring};
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_aws::leftovers::{Leftover, taken_away_by};
use lifeboat_engine::action::{ActionError, Place, Prepared, Recorded, StepContext};
use lifeboat_engine::lock::{Grip, LOCKS, LockName};
use lifeboat_engine::removal::{NoNotes, take_away};
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::lock::LockHolder;
use lifeboat_journal::outcome;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::units::{duration_text, parse_duration, time_text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal};
use std::sync::Arc;

/// What the JSON document says.
#[derive(Serialize)]
struct Document<'found> {
    account: &'found str,
    regions: &'found [String],
    runs: Vec<RunDocument<'found>>,
    /// What could not be looked at.
    blind: &'found [Blind],
    /// What was to be deleted and is still there; absent where nothing was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    still_there: Option<Vec<Still>>,
}

/// What one run left.
#[derive(Serialize)]
struct RunDocument<'found> {
    run: &'found RunId,
    runbook: &'found str,
    resources: Vec<&'found Leftover>,
}

/// Something that could not be looked at.
#[derive(Serialize)]
struct Blind {
    region: String,
    permission: &'static str,
    message: String,
}

/// Something that was to be deleted and is still there.
#[derive(Serialize)]
struct Still {
    kind: String,
    id: String,
    region: String,
    why: String,
}

pub(crate) fn run(home: &Home, arguments: &LeftoversArguments, globals: Globals) -> Result<u8, CommandError> {
    let older_than = arguments.older_than.as_deref().map(age).transpose()?;
    session::runtime(false)?.block_on(look(home, arguments, globals, older_than))
}

fn age(text: &str) -> Result<TimeDelta, CommandError> {
    parse_duration(text).ok_or_else(|| {
        CommandError::usage(format!("--older-than `{text}` is not a duration")).hint("write it as 24h or 7d")
    })
}

async fn look(
    home: &Home,
    arguments: &LeftoversArguments,
    globals: Globals,
    older_than: Option<TimeDelta>,
) -> Result<u8, CommandError> {
    let Globals { profile, region, more_regions, .. } = globals;
    let wiring = wiring::real(profile, None, region.clone(), &ProbeArguments::default()).await?;
    let mut regions: Vec<String> = region.or_else(|| wiring.default_region()).into_iter().collect();
    regions.extend(more_regions);
    let Some(first) = regions.first() else {
        return Err(
            CommandError::usage("no Region is named").hint("name those to look at: --region eu-west-1")
        );
    };
    let account = wiring.caller(first).await?.account;
    let now = wiring.clock.now();
    let (mut found, mut blind) = (Vec::new(), Vec::new());
    for region in &regions {
        let there = wiring.leftovers(region).await;
        found.extend(there.leftovers.into_values());
        blind.extend(there.blind.into_iter().map(|(permission, error)| Blind {
            region: region.clone(),
            permission,
            message: error.message,
        }));
    }
    let is_old = |leftover: &Leftover| {
        older_than.is_none_or(|age| leftover.created.is_some_and(|created| now - created >= age))
    };
    found.retain(is_old);
    found.sort_by(|one, other| {
        (&one.run, one.created, &one.arn).cmp(&(&other.run, other.created, &other.arn))
    });
    let still_there = match &arguments.delete {
        None => None,
        Some(run) => {
            let run = meant(&found, run)?;
            let of_run: Vec<&Leftover> = found.iter().filter(|leftover| leftover.run == run).collect();
            Some(delete(home, &wiring, arguments, &account, &run, of_run).await?)
        }
    };
    let code = code(&still_there, &blind);
    let runs = by_run(&found, arguments, &still_there);
    match arguments.output.output {
        Output::Json => {
            let (account, regions, blind) = (&account, &regions, &blind);
            print_json(&Document { account, regions, runs, blind, still_there })?;
        }
        Output::Human => {
            let text = page(&runs, &still_there, now);
            print_bytes(text.as_bytes())?;
            for Blind { region, permission, message } in &blind {
                say!("NOT LOOKED AT in {region}: {message}");
                say!("  help: it needs {permission}; what it would show is not in this list");
            }
        }
    }
    Ok(code)
}

fn code(still_there: &Option<Vec<Still>>, blind: &[Blind]) -> u8 {
    match still_there {
        Some(still) if !still.is_empty() => outcome::LEFT_BEHIND,
        _ if !blind.is_empty() => outcome::FAILED,
        _ => outcome::PASSED,
    }
}

/// What each run left; after a deletion only that of the run it was about.
fn by_run<'found>(
    found: &'found [Leftover],
    arguments: &LeftoversArguments,
    still_there: &Option<Vec<Still>>,
) -> Vec<RunDocument<'found>> {
    let mut runs: BTreeMap<&RunId, RunDocument<'found>> = BTreeMap::new();
    let about = arguments.delete.as_deref().filter(|_| still_there.is_some());
    for leftover in found.iter().filter(|it| about.is_none_or(|run| it.run.as_str().starts_with(run))) {
        let Leftover { run, runbook, .. } = leftover;
        let resources = Vec::new();
        let document = runs.entry(run).or_insert(RunDocument { run, runbook, resources });
        document.resources.push(leftover);
    }
    runs.into_values().collect()
}

/// The run whose id begins so.
fn meant(found: &[Leftover], name: &str) -> Result<RunId, CommandError> {
    let runs: BTreeSet<&RunId> = found.iter().map(|leftover| &leftover.run).collect();
    let matching: Vec<&RunId> =
        runs.into_iter().filter(|run| !name.is_empty() && run.as_str().starts_with(name)).collect();
    match matching.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(CommandError::usage(format!("nothing carries the tags of a run `{name}`"))
            .hint("`lifeboat leftovers` lists those that left something; --region names where to look")),
        several => {
            let several: Vec<&str> = several.iter().map(|run| run.as_str()).collect();
            Err(CommandError::usage(format!("`{name}` is the beginning of {}", several.join(", "))))
        }
    }
}

/// Takes away what a run left, last first; gives what is still there.
async fn delete(
    home: &Home,
    wiring: &Wiring,
    arguments: &LeftoversArguments,
    account: &str,
    run: &RunId,
    mut leftovers: Vec<&Leftover>,
) -> Result<Vec<Still>, CommandError> {
    leftovers.reverse();
    warn_if_it_goes_on(home, run);
    let is_meant = |it: &&Leftover| it.own_name || arguments.also.contains(&it.id);
    let (own, others): (Vec<_>, Vec<_>) = leftovers.into_iter().partition(is_meant);
    for it in &others {
        say!(
            "leaves {} {} in {}: it carries the tags of the run and not a name that Lifeboat made; AWS copies tags. \
             If it is the run's: --also {}",
            it.kind,
            it.id,
            it.region,
            it.id
        );
    }
    for it in &own {
        say!("deletes {} {} in {} {}", it.kind, it.id, it.account, it.region);
    }
    if own.is_empty() {
        return Ok(Vec::new());
    }
    consent(arguments, account)?;
    let mut still = Vec::new();
    for it in own {
        match remove(wiring, account, it).await {
            Ok(()) => say!("gone: {} {}", it.kind, it.id),
            Err(error) => {
                say!("STILL THERE: {} {}: {}", it.kind, it.id, error.message);
                let (kind, id, region) = (it.kind.clone(), it.id.clone(), it.region.clone());
                still.push(Still { kind, id, region, why: error.message });
            }
        }
    }
    Ok(still)
}

/// Its journal may be here, and tells more than tags do.
fn warn_if_it_goes_on(home: &Home, run: &RunId) {
    let directory = RunDirectory::of(home.path(), run);
    let Some(here) = directory.exists().then(|| home.find(run.as_str()).ok()).flatten() else { return };
    match here.state.outcome {
        None => {
            say!("note: {run} is not over; `lifeboat abort {run} --undo` ends it and takes back what it did")
        }
        Some(_) => {
            say!("note: the journal of {run} is here; `lifeboat cleanup {run}` knows more than its tags")
        }
    }
}

fn consent(arguments: &LeftoversArguments, account: &str) -> Result<(), CommandError> {
    if let Some(confirmed) = &arguments.confirm {
        return match confirmed == account {
            true => Ok(()),
            false => Err(CommandError::refused(format!(
                "--confirm names {confirmed}, and these credentials belong to {account}; nothing was deleted"
            ))),
        };
    }
    if arguments.yes {
        return Ok(());
    }
    let refused = CommandError::refused("not deleted; nothing was touched");
    if !io::stdin().is_terminal() {
        return Err(
            refused.hint(format!("if it is meant, say --yes, or type the account: --confirm {account}"))
        );
    }
    match typed("Delete? [y/N] ")?.as_str() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(refused),
    }
}

/// Takes one thing away, until it is seen to be gone.
async fn remove(wiring: &Wiring, account: &str, it: &Leftover) -> Result<(), ActionError> {
    if it.account != account {
        let message = format!("it is in account {}, and these credentials are for {account}", it.account);
        return Err(ActionError::refused("wrong_account", message));
    }
    if it.id.starts_with(LOCKS) {
        return release(wiring, it).await;
    }
    let by = taken_away_by(&it.kind).and_then(|(action, name)| Some((wiring.registry.action(action)?, name)));
    let (Some((action, name)), Some(step), Some(attempt)) = (by, &it.step, it.attempt) else {
        let message = "Lifeboat makes nothing of this kind, and does not know how to take it away";
        return Err(ActionError::refused("unknown_kind", message));
    };
    let now = wiring.clock.now();
    let cx = StepContext {
        run: it.run.clone(),
        runbook: it.runbook.clone(),
        path: step.clone(),
        attempt,
        mode: Mode::Drill,
        effect: None,
        place: Place { account: it.account.clone(), region: it.region.clone() },
        with: BTreeMap::new(),
        wait_for: None,
        run_started_at: it.created.unwrap_or(now),
        prepared: Prepared {
            names: BTreeMap::from([(name.to_owned(), it.id.clone())]),
            ..Prepared::default()
        },
        recorded: Recorded::default(),
        now,
        notes: Arc::new(NoNotes),
        adopted: false,
    };
    take_away(&action, &wiring.registry, &wiring.clock, cx).await
}

/// A lock is deleted if its text names this run.
async fn release(wiring: &Wiring, it: &Leftover) -> Result<(), ActionError> {
    let holder = LockHolder {
        run: it.run.clone(),
        runbook: it.runbook.clone(),
        mode: Mode::Drill,
        operator: String::new(),
        host: String::new(),
        since: wiring.clock.now(),
        expires: None,
    };
    let name = LockName { region: it.region.clone(), name: it.id.clone() };
    let grip = Grip { place: wiring.locks(), name, holder, clock: wiring.clock.clone() };
    grip.release().await?;
    match grip.look().await? {
        None => Ok(()),
        Some(other) => {
            let message = format!("run {} holds it now; it is not this run's to delete", other.run);
            Err(ActionError::refused("not_ours", message))
        }
    }
}

/// What was found, for people.
fn page(runs: &[RunDocument<'_>], still_there: &Option<Vec<Still>>, now: DateTime<Utc>) -> String {
    if still_there.is_some() {
        return String::new();
    }
    if runs.is_empty() {
        return "Nothing carries the tags of a run.\n".to_owned();
    }
    let mut text = String::new();
    for run in runs {
        text.push_str(&format!("{}  {}\n", run.run, run.runbook));
        for it in &run.resources {
            text.push_str(&format!("  {}\n", line(it, now)));
        }
        text.push_str(&format!("  take it away with: lifeboat leftovers --delete {}\n\n", run.run));
    }
    text
}

fn line(it: &Leftover, now: DateTime<Utc>) -> String {
    let rounded = |time: TimeDelta| duration_text(TimeDelta::minutes(time.num_minutes()));
    let mut parts = vec![format!("{} {}", it.kind, it.id), it.region.clone()];
    parts.extend(it.step.as_ref().map(|step| format!("step {step}")));
    parts.extend(it.state.clone());
    parts.extend(it.size.clone());
    parts.extend(it.created.map(|at| format!("made {} ({} ago)", time_text(at), rounded(now - at))));
    parts.extend(it.expires.map(|at| match at < now {
        true => "expired".to_owned(),
        false => format!("expires in {}", rounded(at - now)),
    }));
    if !it.own_name {
        parts.push("not a name of Lifeboat: its tags may be copied".to_owned());
    }
    parts.join(", ")
}
