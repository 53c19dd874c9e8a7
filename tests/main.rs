//! The one integration binary: it runs the real program in a temporary home with a cleared environment.

mod actions;
mod bench;
mod check;
mod docs;
mod drill;
mod failure;
mod guards;
mod journals;
mod kill;
mod people;
mod program;
mod rooms;
mod scenarios;
mod secrets;
mod verify;
