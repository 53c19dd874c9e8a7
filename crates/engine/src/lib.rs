//! Making it happen: what to do next is decided by a pure function, and a dull driver does it.
//!
//! Order of use: [`inputs::resolve`] and [`start`] make the first event; [`driver::Engine::run`] asks
//! a [`decide::Decider`] after every event what is next and carries it out: a step's attempt (`perform`) prepares,
//! passes the [`guard`], acts, and looks through the [`poller`] until it is decided; `take_back` undoes it. [`action`] is what an action
//! is; [`registry`] holds them; [`preview`] says what would happen; [`record`] reads what AWS has recorded by itself; [`name`] makes names, tokens and tags; [`clock`] is the only one who knows the time.
//!
//! This room must not know AWS, templates of reports, the command line or the terminal.

pub mod action;
pub mod adopt;
pub mod amend;
mod ask;
mod beside;
pub mod chart;
pub mod circle;
pub mod clock;
pub mod decide;
pub mod driver;
mod evaluate;
pub mod guard;
mod hands;
mod hidden;
pub mod inputs;
pub mod lock;
pub mod locking;
pub mod log;
pub mod lookout;
pub mod meddle;
pub mod name;
pub mod notify;
mod patience;
pub mod people;
mod perform;
pub mod poller;
pub mod preview;
pub mod record;
pub mod registry;
pub mod removal;
pub mod scope;
pub mod secrets;
mod select;
pub mod start;
mod take_back;
pub mod target;
mod touches;
