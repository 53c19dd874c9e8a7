//! The language of runbooks: text becomes a [`node::Node`], a [`document::Document`], a [`plan::Plan`].
//!
//! Order of use: [`check::check`] reads text and gives either a [`plan::Plan`] or every mistake as a
//! [`diagnostic::Diagnostic`]; the engine then evaluates the plan's [`template::Template`]s and
//! [`expression::Expression`]s against a [`expression::Scope`].
//!
//! This room must not know the clock, the file system, tokio, AWS or the journal: checking a runbook gives the
//! same answer on every machine at every moment.

pub mod check;
pub mod diagnostic;
pub mod duty;
pub mod expression;
pub mod glob;
pub mod id;
pub mod inputs;
pub mod keys;
pub mod node;
pub mod notice;
pub mod plan;
pub mod project;
pub mod render;
pub mod spec;
pub mod suggestion;
pub mod template;
pub mod units;
pub mod value;
