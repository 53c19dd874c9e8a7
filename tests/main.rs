//! The one integration binary: it runs the real program in a temporary home with a cleared environment.

mod actions;
mod check;
mod clients;
mod docs;
mod drill;
mod program;
mod resume;
mod rooms;
mod verify;
