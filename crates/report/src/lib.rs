//! What it meant: the JSON document, the timeline and the reports of a run.
//!
//! Order of use: [`document::document`] is what machines read; [`timeline::timeline`] is every event in words;
//! [`markdown::markdown`] is the report people read;
//! [`view::view`] is the screen of a run that goes on. All are functions of the journal and its fold.
//!
//! This room must not know the engine, AWS, the network or the clock: it renders measurements, it makes none.

pub mod document;
pub mod line;
pub mod markdown;
pub mod page;
pub mod timeline;
pub mod view;
