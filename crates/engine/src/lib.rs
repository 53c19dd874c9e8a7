//! Making it happen: what to do next is decided by a pure function, and a dull driver does it.
//!
//! Order of reading: [`action`] (what an action is), [`registry`], [`lookout`] (looking in batches), [`name`].
//!
//! This room must not know AWS, templates of reports, the command line or the terminal.

pub mod action;
pub mod lookout;
pub mod name;
pub mod registry;
