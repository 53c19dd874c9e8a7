//! The names of the functions and how they are called.

use super::ExpressionError;
use super::node::{Function, LoopKind};
use crate::suggestion::nearest;
use std::ops::Range;

/// How a function is called.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Has,
    Default,
    /// `f(x)`, with the least and the greatest number of arguments.
    Function(Function, usize, usize),
    /// `x.f(y)`
    Method(Function),
    /// `list.f(x, …)`
    Loop(LoopKind),
}

/// Every function of the language, in order.
pub(super) const FORMS: [(&str, Form); 19] = [
    ("all", Form::Loop(LoopKind::All)),
    ("contains", Form::Method(Function::Contains)),
    ("default", Form::Default),
    ("duration", Form::Function(Function::Duration, 1, 1)),
    ("endsWith", Form::Method(Function::EndsWith)),
    ("exists", Form::Loop(LoopKind::Exists)),
    ("filter", Form::Loop(LoopKind::Filter)),
    ("float", Form::Function(Function::Float, 1, 1)),
    ("has", Form::Has),
    ("int", Form::Function(Function::Int, 1, 1)),
    ("map", Form::Loop(LoopKind::Map)),
    ("matches", Form::Method(Function::Matches)),
    ("max", Form::Function(Function::Max, 1, usize::MAX)),
    ("min", Form::Function(Function::Min, 1, usize::MAX)),
    ("now", Form::Function(Function::Now, 0, 0)),
    ("size", Form::Function(Function::Size, 1, 1)),
    ("startsWith", Form::Method(Function::StartsWith)),
    ("string", Form::Function(Function::String, 1, 1)),
    ("time", Form::Function(Function::Time, 1, 1)),
];

/// What CEL and other languages call them.
const OTHER_NAMES: [(&str, &str); 11] = [
    ("count", "size"),
    ("double", "float"),
    ("exists_one", "exists"),
    ("includes", "contains"),
    ("isset", "has"),
    ("len", "size"),
    ("length", "size"),
    ("test", "matches"),
    ("timestamp", "time"),
    ("toJson", "string"),
    ("uint", "int"),
];

/// The form of the function called `name`.
pub(super) fn form(name: &str) -> Option<Form> {
    FORMS.into_iter().find(|(known, _)| *known == name).map(|(_, form)| form)
}

/// The error for a function that is none, with the one that was meant.
pub(super) fn unknown_function(name: &str, is_method: bool, range: Range<usize>) -> ExpressionError {
    let known = || FORMS.iter().map(|(known, _)| *known).chain(OTHER_NAMES.iter().map(|(other, _)| *other));
    let same = known().find(|known| known.eq_ignore_ascii_case(name));
    let meant = same.or_else(|| nearest(name, known())).map(|meant| {
        OTHER_NAMES.into_iter().find(|(other, _)| *other == meant).map_or(meant, |(_, known)| known)
    });
    let error = ExpressionError::new(format!("unknown function `{name}`"), range);
    match meant {
        Some(meant) => error.help(format!("did you mean `{}`?", usage(meant))),
        None if is_method => error.help(
            "after a dot there are contains, startsWith, endsWith, matches, size, exists, all, filter and map",
        ),
        None => {
            let names: Vec<_> = FORMS.iter().map(|(known, _)| *known).collect();
            error.help(format!("there are {}", names.join(", ")))
        }
    }
}

/// The error for `f(x)` in place of `x.f()` and the other way round.
pub(super) fn wrong_form(form: Form, name: &str, range: Range<usize>) -> ExpressionError {
    let message = match form {
        Form::Has | Form::Default | Form::Function(..) => format!("`{name}` does not stand behind a dot"),
        Form::Method(_) => format!("`{name}` stands behind a text and a dot"),
        Form::Loop(_) => format!("`{name}` stands behind a list and a dot"),
    };
    ExpressionError::new(message, range).help(format!("write {}", usage(name)))
}

/// How the function is written.
fn usage(name: &str) -> String {
    match form(name) {
        Some(Form::Loop(_)) => format!("list.{name}(x, …)"),
        Some(Form::Method(_)) => format!("x.{name}(y)"),
        Some(Form::Default) => "default(x, y)".to_owned(),
        Some(Form::Function(_, 0, _)) => format!("{name}()"),
        _ => format!("{name}(x)"),
    }
}

/// What to say where `name` has `given` arguments.
pub(super) fn count_message(name: &str, wanted: usize, given: usize) -> String {
    let wanted = match wanted {
        0 => "no argument".to_owned(),
        1 => "one argument".to_owned(),
        more => format!("{more} arguments"),
    };
    format!("`{name}` takes {wanted}, not {given}")
}
