//! The command line of Lifeboat: words, colours, signals, exit codes, files, and the wiring of the rooms.
//!
//! A library, so that the program and what explores it ([`explore`]) are made of the same parts. Nobody else is meant to
//! build on it: there is no promise about what is public here.

#![warn(clippy::print_stderr, clippy::print_stdout)]

#[macro_use]
mod say;

mod args;
mod commands;
mod connect_to;
mod desk;
mod error;
pub mod explore;
mod faults;
mod given;
mod graph;
mod home;
mod imports;
mod inbox;
mod incidents;
mod live;
mod locks;
mod logins;
mod orders;
mod pace;
mod permitted;
mod plan_page;
mod reports;
mod resume;
mod screen;
mod secrets;
mod session;
mod settings;
mod signals;
mod simulated_ports;
mod step_faults;
mod terminal;
mod wiring;

use clap::Parser;
use std::process::ExitCode;

/// The whole program: reads its arguments, does what they say, gives the exit code.
pub fn program() -> ExitCode {
    let arguments = args::Arguments::parse();
    match commands::run(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => error.report(),
    }
}
