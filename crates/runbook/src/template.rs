//! A value of the runbook with `${{ … }}` in it.

use crate::expression::{Expression, ExpressionError, Partial, PartialScope, Scope};
use crate::value::{Secret, Value};
use std::collections::BTreeMap;
use std::ops::Range;

/// A value that is known when the step starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// What it is made of.
    pub kind: TemplateKind,
    /// Where it stands in the source, in bytes.
    pub range: Range<usize>,
}

/// What a template is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplateKind {
    /// No expression in it.
    Literal(Value),
    /// One whole `${{ … }}`: keeps the type of the expression.
    Whole(Expression),
    /// Text with expressions in it.
    Text(Vec<Part>),
    /// A list of templates.
    List(Vec<Template>),
    /// A map of templates.
    Map(BTreeMap<String, Template>),
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// As it stands.
    Literal(String),
    /// To be put in.
    Expression(Expression),
}

impl Template {
    /// A template without expressions, from nowhere in the file: a default.
    pub fn literal(value: impl Into<Value>) -> Self {
        Self { kind: TemplateKind::Literal(value.into()), range: 0..0 }
    }

    /// Its value. Text that has a secret in it becomes a secret.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, ExpressionError> {
        match &self.kind {
            TemplateKind::Literal(value) => Ok(value.clone()),
            TemplateKind::Whole(expression) => expression.evaluate(scope),
            TemplateKind::Text(parts) => text(parts, |expression| expression.evaluate(scope)),
            TemplateKind::List(items) => {
                items.iter().map(|item| item.evaluate(scope)).collect::<Result<_, _>>().map(Value::List)
            }
            TemplateKind::Map(fields) => fields
                .iter()
                .map(|(key, field)| Ok((key.clone(), field.evaluate(scope)?)))
                .collect::<Result<_, _>>()
                .map(Value::Map),
        }
    }

    /// Its value before everything has run: what comes later is put in by `placeholder`, as text. The names that it waits
    /// for are added to `pending`; where there are none, the value is the one that the step will have.
    ///
    /// # Errors
    /// Where an expression cannot be worked out from what is known.
    pub fn evaluate_partly(
        &self,
        scope: &dyn PartialScope,
        placeholder: &dyn Fn(&Expression, &[String]) -> String,
        pending: &mut Vec<String>,
    ) -> Result<Value, ExpressionError> {
        let mut put_in = |expression: &Expression| match expression.evaluate_partly(scope)? {
            Partial::Known(value) => Ok(value),
            Partial::Pending(names) => {
                let text = placeholder(expression, &names);
                pending.extend(names);
                Ok(Value::String(text))
            }
        };
        match &self.kind {
            TemplateKind::Literal(value) => Ok(value.clone()),
            TemplateKind::Whole(expression) => put_in(expression),
            TemplateKind::Text(parts) => text(parts, put_in),
            TemplateKind::List(items) => {
                let items = items.iter().map(|item| item.evaluate_partly(scope, placeholder, pending));
                items.collect::<Result<_, _>>().map(Value::List)
            }
            TemplateKind::Map(fields) => fields
                .iter()
                .map(|(key, field)| Ok((key.clone(), field.evaluate_partly(scope, placeholder, pending)?)))
                .collect::<Result<_, _>>()
                .map(Value::Map),
        }
    }

    /// Every expression in it.
    pub fn expressions(&self) -> Vec<&Expression> {
        match &self.kind {
            TemplateKind::Literal(_) => Vec::new(),
            TemplateKind::Whole(expression) => vec![expression],
            TemplateKind::Text(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Literal(_) => None,
                    Part::Expression(expression) => Some(expression),
                })
                .collect(),
            TemplateKind::List(items) => items.iter().flat_map(Self::expressions).collect(),
            TemplateKind::Map(fields) => fields.values().flat_map(Self::expressions).collect(),
        }
    }
}

fn text(
    parts: &[Part],
    mut value: impl FnMut(&Expression) -> Result<Value, ExpressionError>,
) -> Result<Value, ExpressionError> {
    let mut text = String::new();
    let mut secret = None;
    for part in parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Expression(expression) => match value(expression)? {
                Value::Secret(value) => {
                    text.push_str(value.expose());
                    secret = Some(value.name);
                }
                value => text.push_str(&value.to_string()),
            },
        }
    }
    Ok(match secret {
        Some(name) => Value::Secret(Secret::new(name, text)),
        None => Value::String(text),
    })
}
