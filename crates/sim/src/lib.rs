//! An AWS that runs in memory on a virtual clock, speaking AWS's wire protocols.
//!
//! Read a [`WorldDefinition`] (or take an embedded one), make a [`Simulator`] of it with a seed and a [`SimClock`],
//! and give the SDK a [`SimHttpClient`]; [`Simulator::query`] stands behind the probes of databases.
//!
//! ```text
//! client (SDK) ─┐
//! a socket, a test ─┴─ wire::Request → simulator → protocol → service (operation's handler) → world
//!                                          │  fault (data)
//!                                          └─ log: a line before each change
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`definition`] | the world file |
//! | [`world`] | the truth at an instant, and the agenda of what will happen |
//! | [`service`] | one module per service, each with its table of operations |
//! | [`protocol`] | how requests and replies look on the wire |
//! | [`simulator`] | the way of a request: faults, handler, log, reply |
//! | [`fault`], [`log`] | what goes wrong, and what is kept |
//! | [`reach`] | who answers a probe: declared servers and usable instances |
//! | [`sql`] | databases: answers from the rows that the world says were written |
//! | [`chance`], [`durations`], [`clock`] | where randomness, durations and time come from |
//! | [`wire`], [`client`], [`server`] | plain requests and replies; the SDK's HTTP client; an HTTP endpoint |
//!
//! Everything follows from the definition, the seed, the accepted mutating requests with their times and the faults
//! used up: the same four give the same bytes. This crate knows nothing of runbooks, engine and journal.

pub mod chance;
pub mod client;
pub mod clock;
pub mod definition;
pub mod durations;
pub mod fault;
pub mod log;
pub mod protocol;
pub mod reach;
mod request;
pub mod server;
pub mod service;
pub mod simulator;
pub mod sql;
pub mod wire;
pub mod world;

pub use client::SimHttpClient;
pub use clock::{ManualClock, SimClock};
pub use definition::WorldDefinition;
pub use log::{WorldEntry, WorldLog};
pub use simulator::{Call, ReplayError, Simulator};
