//! The home directory: where runs are, and which one is meant.

use crate::error::CommandError;
use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use lifeboat_journal::chain::Verified;
use lifeboat_journal::event::{EventKind, RunStarted};
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::history::PastRun;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::RunId;
use std::path::{Path, PathBuf};

/// The directory that holds all runs.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    path: PathBuf,
}

/// A run that was read from its journal.
pub(crate) struct ReadRun {
    /// Its id.
    pub(crate) id: RunId,
    /// Its directory.
    pub(crate) directory: RunDirectory,
    /// Its journal, found whole.
    pub(crate) journal: Verified,
    /// What is known of it.
    pub(crate) state: RunState,
}

/// A run whose journal cannot be read.
pub(crate) struct BrokenRun {
    /// Its id.
    pub(crate) id: RunId,
    /// What is wrong with its journal.
    pub(crate) problem: String,
}

impl Home {
    /// The one given, else that of the environment, else the platform's data directory.
    pub(crate) fn of(given: Option<PathBuf>) -> Result<Self, CommandError> {
        // Not by clap: it would put the option into every usage line as if it had to be given.
        if let Some(path) = given.or_else(|| environment("LIFEBOAT_HOME").map(PathBuf::from)) {
            return Ok(Self { path });
        }
        let names = AppStrategyArgs {
            top_level_domain: "dev".to_owned(),
            author: "lifeboat".to_owned(),
            app_name: "lifeboat".to_owned(),
        };
        let strategy = choose_app_strategy(names).map_err(|error| {
            CommandError::usage(format!("no home directory: {error}")).hint("name one with --home DIR")
        })?;
        Ok(Self { path: strategy.data_dir() })
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All runs, the oldest first. A journal that is broken does not hide the others: it is named.
    pub(crate) fn runs(&self) -> Result<Vec<Result<ReadRun, BrokenRun>>, CommandError> {
        let ids =
            RunDirectory::list(&self.path).map_err(|error| CommandError::file("list", &self.path, &error))?;
        let mut runs: Vec<_> = ids.into_iter().map(|id| self.read(&id)).collect();
        // By when they were started here: simulated runs all begin at the same virtual moment.
        runs.sort_by_key(|run| match run {
            Ok(run) => (run.directory.made_at(), run.id.clone()),
            Err(broken) => (None, broken.id.clone()),
        });
        Ok(runs)
    }

    /// The runs that are over and that `counts` by their first event, the oldest first; and those that cannot be read.
    /// Of the others only the first line is read.
    pub(crate) fn past_runs(
        &self,
        counts: impl Fn(&RunStarted) -> bool,
    ) -> Result<(Vec<PastRun>, Vec<BrokenRun>), CommandError> {
        let ids =
            RunDirectory::list(&self.path).map_err(|error| CommandError::file("list", &self.path, &error))?;
        let (mut past, mut broken) = (Vec::new(), Vec::new());
        for id in ids {
            let directory = RunDirectory::of(&self.path, &id);
            let whole = match directory.read_first() {
                Ok(Some(first)) if matches!(&first.kind, EventKind::RunStarted(started) if counts(started)) => {
                    self.read(&id)
                }
                Ok(_) => continue,
                Err(error) => Err(BrokenRun { id, problem: error.to_string() }),
            };
            match whole {
                Ok(run) => past.extend(PastRun::of(&run.state).map(|past| (directory.made_at(), past))),
                Err(problem) => broken.push(problem),
            }
        }
        past.sort_by_key(|(made_at, run)| (run.started_at, *made_at));
        Ok((past.into_iter().map(|(_, run)| run).collect(), broken))
    }

    fn read(&self, id: &RunId) -> Result<ReadRun, BrokenRun> {
        let directory = RunDirectory::of(&self.path, id);
        let journal =
            directory.read().map_err(|error| BrokenRun { id: id.clone(), problem: error.to_string() })?;
        let state = RunState::of(&journal.events);
        Ok(ReadRun { id: id.clone(), directory, journal, state })
    }

    /// The run that `name` means: an unambiguous beginning of an id, or `latest`.
    pub(crate) fn find(&self, name: &str) -> Result<ReadRun, CommandError> {
        let id = self.id(name)?;
        self.read(&id).map_err(|BrokenRun { id, problem }| {
            CommandError::failed(format!("the journal of {id} is broken: {problem}"))
                .hint(format!("`lifeboat verify {id}` names the line"))
        })
    }

    /// The id that `name` means.
    pub(crate) fn id(&self, name: &str) -> Result<RunId, CommandError> {
        if name.is_empty() {
            return Err(
                CommandError::usage("no run is named").hint("give the beginning of its id, or `latest`")
            );
        }
        if name == "latest" {
            let latest = self.runs()?.into_iter().rev().find_map(Result::ok);
            return latest.map(|run| run.id).ok_or_else(|| self.empty());
        }
        let ids =
            RunDirectory::list(&self.path).map_err(|error| CommandError::file("list", &self.path, &error))?;
        match ids.is_empty() {
            true => Err(self.empty()),
            false => meant(ids, name, "run", "`lifeboat runs` lists them"),
        }
    }

    /// The run that `name` means, for commands that change it: `latest` is the one unfinished run, and is refused if
    /// there are several.
    pub(crate) fn unfinished(&self, name: &str) -> Result<ReadRun, CommandError> {
        if name != "latest" {
            return self.find(name);
        }
        let mut open: Vec<_> = self
            .runs()?
            .into_iter()
            .filter_map(Result::ok)
            .filter(|run| run.state.outcome.is_none())
            .collect();
        match (open.pop(), open.is_empty()) {
            (None, _) => Err(CommandError::usage("no run is unfinished").hint("`lifeboat runs` lists them")),
            (Some(one), true) => {
                say!("the unfinished run is {}", one.id);
                Ok(one)
            }
            (Some(last), false) => {
                open.push(last);
                let ids: Vec<_> = open.iter().map(|run| run.id.to_string()).collect();
                Err(CommandError::usage(format!("several runs are unfinished: {}", ids.join(", ")))
                    .hint("name one"))
            }
        }
    }

    fn empty(&self) -> CommandError {
        CommandError::usage(format!("there are no runs in {}", self.path.display()))
            .hint("`lifeboat drill FILE --simulate` makes one; --home names another place")
    }
}

/// The one of `ids` that `name` means: an unambiguous beginning; `what` they are, and which command lists them.
pub(crate) fn meant(ids: Vec<RunId>, name: &str, what: &str, listed: &str) -> Result<RunId, CommandError> {
    if let Some(exact) = ids.iter().find(|id| id.as_str() == name) {
        return Ok(exact.clone());
    }
    let matching: Vec<_> = ids.iter().filter(|id| id.as_str().starts_with(name)).collect();
    match matching.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(CommandError::usage(format!("there is no {what} `{name}`")).hint(listed)),
        several => {
            let several: Vec<_> = several.iter().map(|id| id.as_str()).collect();
            let message = format!("`{name}` is the beginning of {}", several.join(", "));
            Err(CommandError::usage(message).hint("give one letter more, or the whole id"))
        }
    }
}

/// Who holds a run that is being written, for others to read.
pub(crate) fn holder() -> String {
    format!("{} on {}, process {}", user(), host(), std::process::id())
}

/// Whether no process drives a run any more, as far as this machine can tell: the lock names who took it last, and is not
/// taken to find out, or whoever wants to drive the run in this moment would be refused.
pub(crate) fn holder_is_gone(directory: &RunDirectory) -> bool {
    let Ok(holder) = std::fs::read_to_string(directory.path().join("lock")) else { return true };
    let here = format!(" on {}, process ", host());
    let process = holder.split_once(here.as_str()).and_then(|(_, process)| process.trim().parse().ok());
    match process.and_then(rustix::process::Pid::from_raw) {
        Some(process) => rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH),
        // Empty while it is being taken; another machine's processes cannot be seen from here.
        None => false,
    }
}

/// The OS user, for the record.
pub(crate) fn user() -> String {
    let named = environment("USER").or_else(|| environment("LOGNAME"));
    named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// The machine's name, for the record.
pub(crate) fn host() -> String {
    std::fs::read_to_string("/etc/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .or_else(|| environment("HOSTNAME"))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// A variable of the environment that is set and not empty.
pub(crate) fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the binary, where the environment is read")]
    let value = std::env::var(name);
    value.ok().filter(|value| !value.is_empty())
}
