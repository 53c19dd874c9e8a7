//! The one integration binary: it runs the real program in a temporary home with a cleared environment.

mod drill;
mod program;
mod verify;
