//! What it meant: the JSON document, the timeline and the reports of a run.
//!
//! Order of use: [`document::document`] is what machines read; [`timeline::timeline`] is every event in words;
//! [`page::Page`] is everything people should read, which [`render::render`] lays out as Markdown or HTML;
//! [`junit::junit`] is for a build server, [`export`] for tools that read timelines. [`view::view`] is the
//! screen of a run that goes on. All but that are functions of a [`record::Record`]: the journal, its fold, and what lies
//! beside it.
//!
//! This room must not know the engine, AWS, the network or the clock: it renders measurements, it makes none.

pub mod chart;
pub mod controls;
pub mod document;
pub mod export;
pub mod forecast;
mod html;
pub mod incident;
pub mod junit;
pub mod line;
pub mod made;
mod markdown;
pub mod page;
pub mod people;
pub mod record;
pub mod render;
pub mod timeline;
pub mod view;
