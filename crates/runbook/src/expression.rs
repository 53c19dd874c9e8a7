//! Expressions: a stated subset of CEL, parsed by the `cel` crate, typed and evaluated here.

use crate::spec::Type;
use crate::value::Value;
use chrono::{DateTime, Utc};
use std::ops::Range;

/// An expression that parses, bound to its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As written.
    pub text: String,
    /// Where it stands in the source, in bytes.
    pub range: Range<usize>,
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
    /// What `names` is.
    fn known(&self, names: &[&str]) -> Known;
}

/// The names an expression may use and their values.
pub trait Scope {
    /// The value at the path `names`, if it is there. A path to something with fields gives a map.
    fn value(&self, names: &[&str]) -> Option<Value>;
    /// What `now()` is.
    fn now(&self) -> DateTime<Utc>;
}

impl Expression {
    /// Parses `text`, which begins at byte `offset` of the source.
    pub fn parse(text: &str, offset: usize) -> Result<Self, ExpressionError> {
        let _ = (text, offset);
        unimplemented!("the expressions helper writes this")
    }

    /// Every chain of names in it.
    pub fn references(&self) -> Vec<Reference> {
        unimplemented!()
    }

    /// Whether it calls `now()`.
    pub fn uses_now(&self) -> bool {
        unimplemented!()
    }

    /// Its type, or everything that is wrong with it.
    pub fn type_of(&self, scope: &dyn TypeScope) -> Result<Type, Vec<ExpressionError>> {
        let _ = scope;
        unimplemented!()
    }

    /// Its value.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, ExpressionError> {
        let _ = scope;
        unimplemented!()
    }
}
