//! The engine against a small world in memory.

mod asking;
mod bench;
mod beside;
mod blocked;
mod clocks;
mod contracts;
mod groups;
mod hidden;
mod lock;
mod loops;
mod notify;
mod orders;
mod people;
mod permit;
mod plans;
mod prefix;
mod preview;
mod runs;
mod world;
