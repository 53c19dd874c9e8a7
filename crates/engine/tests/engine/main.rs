//! The engine against a small world in memory.

mod bench;
mod blocked;
mod contracts;
mod groups;
mod hidden;
mod loops;
mod orders;
mod people;
mod plans;
mod prefix;
mod runs;
mod world;
