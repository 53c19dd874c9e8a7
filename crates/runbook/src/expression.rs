//! Expressions: a stated subset of CEL, parsed by the `cel` crate, typed and evaluated here.
//!
//! The way of an expression: `scan` tests its limits and words, `parse` makes a small tree with places in the
//! file, `types` finds what is wrong before anything runs, `evaluate` gives its value.

mod evaluate;
mod forms;
mod functions;
mod node;
mod operators;
mod parse;
mod partial;
#[cfg(test)]
mod properties;
mod scan;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod typed_tests;
mod types;

use crate::spec::Type;
use crate::value::Value;
use chrono::{DateTime, Utc};
use node::{Function, Kind, Node};
pub use partial::Partial;
use std::ops::Range;

/// An expression that parses, bound to its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As written.
    pub text: String,
    /// Where it stands in the source, in bytes.
    pub range: Range<usize>,
    root: Node,
}

/// A chain of names and constant keys, as far as it is constant: `steps.restore.outputs.rows`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The names.
    pub names: Vec<String>,
    /// Where it stands in the source, in bytes.
    pub range: Range<usize>,
    /// Whether it stands where absence is allowed: inside `has(…)` or as the first argument of `default(…)`.
    pub guarded: bool,
}

/// What is wrong with an expression, before or while it is evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// Where, in bytes of the source.
    pub range: Range<usize>,
    /// What to do.
    pub help: Option<String>,
}

/// What a name is, to the checker.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// A value of this type.
    Value(Type),
    /// Something with exactly these fields (`steps`, `steps.restore`, `steps.restore.outputs`, `run`).
    Fields(Vec<String>),
    /// There is no such name.
    Unknown,
}

/// The names an expression may use and what they are; asked with a path, the shortest first.
pub trait TypeScope {
    /// What `names` is. The empty path is everything: its fields are the names an expression may begin with.
    fn known(&self, names: &[&str]) -> Known;
}

/// The names an expression may use and their values.
pub trait Scope {
    /// The value at the path `names`, if it is there. A path to something with fields gives a map.
    fn value(&self, names: &[&str]) -> Option<Value>;
    /// What `now()` is.
    fn now(&self) -> DateTime<Utc>;
}

/// The same before everything has run: some values come later.
pub trait PartialScope: Scope {
    /// Whether the value at the path `names` comes later; as against one that is there, or never will be.
    fn is_pending(&self, names: &[&str]) -> bool;
}

impl Expression {
    /// Parses `text`, which begins at byte `offset` of the source. The error is the first one found.
    pub fn parse(text: &str, offset: usize) -> Result<Self, ExpressionError> {
        let root = parse::parse(text, offset)?;
        Ok(Self { text: text.to_owned(), range: offset..offset + text.len(), root })
    }

    /// Every chain of names in it, in the order in which they stand. Variables of `exists`, `all`, `filter` and
    /// `map` are not among them.
    pub fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        node::references(&self.root, false, &mut references);
        references.sort_by_key(|reference| reference.range.start);
        references
    }

    /// Whether it calls `now()`.
    pub fn uses_now(&self) -> bool {
        self.root.any(&|node| matches!(&node.kind, Kind::Call(Function::Now, _)))
    }

    /// Its type, or everything that is wrong with it.
    pub fn type_of(&self, scope: &dyn TypeScope) -> Result<Type, Vec<ExpressionError>> {
        types::type_of(&self.root, scope)
    }

    /// Its value.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, ExpressionError> {
        evaluate::evaluate(&self.root, scope)
    }

    /// Its value, as far as that is known before everything has run.
    ///
    /// # Errors
    /// Where it cannot be worked out from what is known.
    pub fn evaluate_partly(&self, scope: &dyn PartialScope) -> Result<Partial, ExpressionError> {
        partial::partly(&self.root, scope)
    }

    /// The values it was made from, for "skipped, because …": every chain of names, with constant indexes, as it
    /// is written, and its value; in the order in which they stand, each once. What is not there is left out;
    /// secrets stay secrets, which print as their name.
    pub fn explain(&self, scope: &dyn Scope) -> Vec<(String, Value)> {
        evaluate::explain(&self.root, scope)
    }
}

impl ExpressionError {
    fn new(message: impl Into<String>, range: Range<usize>) -> Self {
        Self { message: message.into(), range, help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}
