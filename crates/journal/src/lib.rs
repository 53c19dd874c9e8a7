//! What happened: a run is a file of events, and everything known of a run is a fold of them.
//!
//! Order of use: a [`event::Draft`] becomes an [`event::Event`] in [`file::JournalWriter::append`] (masked, chained
//! by hash, on disk); [`state::RunState::apply`] is the only fold, used live, on resume, by `show` and by reports;
//! [`measure`] turns a state into recovery time and data lost; [`outcome`] says how it ended and with which exit code;
//! [`incident`] is what people did in an incident, [`items`] what is to be done after it; [`history`] is what earlier runs tell, [`forecast`] what they say of the next.
//!
//! This room must not know the engine, tokio, AWS or templates.

pub mod artifact;
pub mod chain;
pub mod event;
pub mod file;
pub mod follow;
pub mod forecast;
pub mod history;
pub mod identity;
pub mod incident;
pub mod items;
pub mod lock;
pub mod masker;
pub mod measure;
pub mod outcome;
pub mod probes;
pub mod state;
pub mod target;
