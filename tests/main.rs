//! The one integration binary: it runs the real program in a temporary home with a cleared environment.

mod actions;
#[path = "../crates/probe/tests/real/authority.rs"]
mod authority;
mod bench;
mod beside;
mod check;
mod clients;
#[path = "../crates/probe/tests/real/database.rs"]
mod database;
mod docs;
mod drill;
mod end_to_end;
mod errors;
mod explore;
mod failure;
mod guards;
mod iam;
mod imports;
mod incident;
mod items;
mod journals;
mod kill;
mod leftovers;
mod locks;
mod measured;
mod moto;
mod people;
mod picture;
mod plan;
mod playbooks;
mod postmortem;
mod probes;
mod program;
mod quorum;
mod readme;
mod replicas;
mod rooms;
mod runbooks;
mod scenarios;
mod secrets;
mod signals;
mod simulated_page;
#[path = "../crates/cli/src/simulated_ports.rs"]
mod simulated_ports;
mod targets;
mod terminal;
mod verify;
