//! The commands, one file each.

mod abandon;
mod abort;
mod actions;
mod answer;
pub(crate) mod check;
mod cleanup;
mod drill;
mod extend;
mod graph;
mod history;
mod iam;
mod incident;
mod item;
mod leftovers;
pub(crate) mod plan;
mod postmortem;
mod report;
mod resume;
mod runs;
pub(crate) mod show;
mod sim;
mod verify;
mod watch;

use crate::args::{Arguments, ColorChoice, Command};
use crate::error::CommandError;
use crate::home::Home;
use clap::CommandFactory;
use lifeboat_journal::outcome::PASSED;
use serde::Serialize;
use std::io::{self, Write};

/// Options that stand before or behind every command.
pub(crate) struct Globals {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    /// More of them than one, where a command looks at several.
    pub(crate) more_regions: Vec<String>,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) color: ColorChoice,
}

/// Does what the command line says; gives the exit code.
pub(crate) fn run(arguments: Arguments) -> Result<u8, CommandError> {
    let Arguments { command, home, profile, region, color, quiet, verbose } = arguments;
    let home = || Home::of(home);
    let (region, more_regions) = one_region(&command, region)?;
    let globals = Globals { profile, region, more_regions, quiet, verbose, color };
    match command {
        Command::Check(arguments) => check::run(&arguments, check::colored(color)),
        Command::Plan(arguments) => plan::run(&home()?, &arguments, globals),
        Command::Drill(arguments) => drill::drill(&home()?, arguments, globals),
        Command::Run(arguments) => drill::recover(&home()?, arguments, globals),
        Command::Resume(arguments) => resume::run(&home()?, arguments, globals),
        Command::Answer(arguments) => answer::run(&home()?, arguments, globals),
        Command::Extend(arguments) => extend::run(&home()?, arguments),
        Command::Abort(arguments) => abort::run(&home()?, arguments, globals),
        Command::Cleanup(arguments) => cleanup::run(&home()?, arguments, globals),
        Command::Abandon(arguments) => abandon::run(&home()?, arguments, globals),
        Command::Runs(arguments) => runs::run(&home()?, arguments.output),
        Command::Show(arguments) => show::run(&home()?, &arguments),
        Command::Watch(arguments) => watch::run(&home()?, &arguments, &globals),
        Command::Verify(arguments) => verify::run(&home()?, &arguments),
        Command::Report(arguments) => report::run(&home()?, &arguments),
        Command::Graph(arguments) => graph::run(&arguments),
        Command::History(arguments) => history::run(&home()?, &arguments),
        Command::Incident(command) => incident::run(&home()?, command, globals),
        Command::Postmortem(arguments) => postmortem::run(&home()?, &arguments),
        Command::Item(command) => item::run(&home()?, command),
        Command::Leftovers(arguments) => leftovers::run(&home()?, &arguments, globals),
        Command::Iam(arguments) => iam::run(&home()?, &arguments),
        Command::Actions(arguments) => actions::run(&arguments),
        Command::Sim(command) => sim::run(command, globals.quiet),
        Command::Schema => {
            print_json(&lifeboat_runbook::keys::schema(&crate::wiring::catalog())).map(|()| PASSED)
        }
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "lifeboat", &mut script);
            print_bytes(&script).map(|()| PASSED)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command())
                .render(&mut page)
                .map_err(|error| CommandError::failed(error.to_string()))?;
            print_bytes(&page).map(|()| PASSED)
        }
    }
}

/// All commands but one act in one Region.
fn one_region(
    command: &Command,
    mut regions: Vec<String>,
) -> Result<(Option<String>, Vec<String>), CommandError> {
    let more = regions.split_off(regions.len().min(1));
    if !more.is_empty() && !matches!(command, Command::Leftovers(_)) {
        return Err(CommandError::usage("--region is given more than once")
            .hint("only `lifeboat leftovers` looks at several"));
    }
    Ok((regions.pop(), more))
}

/// Prints one JSON document on standard output.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), CommandError> {
    let mut text = serde_json::to_vec_pretty(document)
        .map_err(|error| CommandError::failed(format!("no JSON: {error}")))?;
    text.push(b'\n');
    print_bytes(&text)
}

/// Prints on standard output; a reader that has gone away is not an error.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), CommandError> {
    match io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()) {
        // A terminal that was closed answers with EIO.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
