//! The one integration binary: it runs the real program in a temporary home with a cleared environment.

mod actions;
#[path = "../crates/probe/tests/real/authority.rs"]
mod authority;
mod check;
#[path = "../crates/probe/tests/real/database.rs"]
mod database;
mod docs;
mod drill;
mod moto;
mod probes;
mod program;
mod resume;
mod rooms;
mod verify;
