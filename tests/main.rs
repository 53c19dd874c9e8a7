//! The one integration binary: it runs the real program in a temporary home with a cleared environment.

mod actions;
mod check;
mod docs;
mod drill;
mod probes;
mod program;
mod resume;
mod rooms;
mod verify;
