//! The one integration binary: it runs the real program in a temporary home with a cleared environment.

mod actions;
mod bench;
mod check;
mod docs;
mod drill;
mod iam;
mod program;
mod resume;
mod rooms;
mod runbooks;
mod scenarios;
mod verify;
