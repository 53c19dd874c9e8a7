//! The engine against a small world in memory.

mod bench;
mod blocked;
mod hidden;
mod orders;
mod people;
mod plans;
mod prefix;
mod runs;
mod world;
