//! Expressions and templates: what they refer to, of what type they are, and what is wanted.

use super::file::plain;
use super::names::Outputs;
use super::reader::Fields;
use super::steps::Steps;
use crate::expression::Expression;
use crate::node::Node;
use crate::spec::Type;
use crate::template::{Part, Template, TemplateKind};
use std::collections::BTreeMap;

impl Steps<'_, '_, '_> {
    pub(super) fn condition(&mut self, fields: &Fields<'_>, key: &str) -> Option<Expression> {
        self.condition_of(fields, key, None)
    }

    /// An expression that must be true or false; `key:` of a loop is text.
    pub(super) fn condition_of(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        own: Option<&Outputs>,
    ) -> Option<Expression> {
        let expression = self.reader.expression(fields, key)?;
        let before = own.map(|own| self.names.own.replace(own.clone()));
        let kind = if key == "key" { Type::String } else { Type::Boolean };
        self.judge(&expression, Some(kind));
        if let Some(before) = before {
            self.names.own = before;
        }
        Some(expression)
    }

    /// Says what is wrong with an expression, and whether it gives what is wanted.
    pub(super) fn judge(&mut self, expression: &Expression, wanted: Option<Type>) -> Option<Type> {
        let misuses = self.names.misuses(expression);
        let known = misuses.iter().any(|(_, misuse)| misuse.code != "may-be-skipped");
        for (reference, misuse) in misuses {
            self.reader.error(misuse.code, reference.range, misuse.message, misuse.help);
        }
        if known {
            return None;
        }
        match expression.type_of(&self.names) {
            Ok(kind) => {
                let wanted = wanted.filter(|wanted| !wanted.accepts(&kind));
                if let Some(wanted) = wanted {
                    let message = format!("`{}` is {kind}, and {wanted} is wanted", expression.text);
                    self.reader.error(
                        "wrong-type",
                        expression.range.clone(),
                        message,
                        format!("write an expression that gives {wanted}"),
                    );
                }
                Some(kind)
            }
            Err(errors) => {
                for error in errors {
                    self.reader.expression_error("expression", error, None);
                }
                None
            }
        }
    }

    pub(super) fn text_template(&mut self, fields: &Fields<'_>, key: &str) -> Option<Template> {
        fields.get(key).map(|node| self.typed_template(node, Type::String, false))
    }

    /// A map of names and templates; `kind` where all have one.
    pub(super) fn templates(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        kind: Option<Type>,
    ) -> BTreeMap<String, Template> {
        let entries = self.reader.named(fields, key);
        let kind = kind.unwrap_or(Type::Any);
        entries
            .iter()
            .map(|field| (field.key.clone(), self.typed_template(&field.value, kind, false)))
            .collect()
    }

    /// A template of a type: what is written out is read now, what is an expression is typed.
    pub(super) fn typed_template(&mut self, node: &Node, kind: Type, secret: bool) -> Template {
        let template = self.reader.template(node);
        let before = std::mem::replace(&mut self.names.secrets_allowed, secret);
        self.judge_template(&template, kind);
        self.names.secrets_allowed = before;
        let Some(value) = plain(&template) else { return template };
        match kind.read(value) {
            Ok(value) => Template { kind: TemplateKind::Literal(value), range: template.range },
            Err(mismatch) => {
                let message = format!("expected {}, found {}", mismatch.expected, mismatch.found);
                let help = format!("write {}", example(kind));
                self.reader.error("wrong-value", template.range.clone(), message, help);
                template
            }
        }
    }

    pub(super) fn judge_template(&mut self, template: &Template, kind: Type) {
        match (&template.kind, kind) {
            (TemplateKind::Literal(_), _) => {}
            (TemplateKind::Whole(expression), kind) => {
                if let Some(given) = self.judge(expression, None)
                    && !kind.accepts(&given)
                {
                    let message = format!("`{}` is {given}, and {kind} is wanted", expression.text);
                    self.reader.error(
                        "wrong-type",
                        expression.range.clone(),
                        message,
                        restore_time_hint(given, kind),
                    );
                }
            }
            (TemplateKind::Text(parts), _) => {
                for part in parts {
                    if let Part::Expression(expression) = part {
                        self.judge(expression, None);
                    }
                }
            }
            (TemplateKind::List(items), Type::List(item)) => {
                items.iter().for_each(|entry| self.judge_template(entry, *item))
            }
            (TemplateKind::List(items), _) => {
                items.iter().for_each(|entry| self.judge_template(entry, Type::Any))
            }
            (TemplateKind::Map(fields), Type::Map(item)) => {
                fields.values().for_each(|entry| self.judge_template(entry, *item))
            }
            (TemplateKind::Map(fields), _) => {
                fields.values().for_each(|entry| self.judge_template(entry, Type::Any))
            }
        }
    }
}

fn restore_time_hint(given: Type, wanted: Type) -> String {
    match (given, wanted) {
        (Type::RestoreTime, Type::Time) => {
            "a restore_time may be `latest`; read what it turned out to be: `steps.ID.resolved.time`"
                .to_owned()
        }
        _ => format!("give it {}", example(wanted)),
    }
}

/// A value of a type, as an author would write it.
fn example(kind: Type) -> String {
    match kind {
        Type::Boolean => "`true` or `false`".to_owned(),
        Type::Integer | Type::Number => "a number such as `5`".to_owned(),
        Type::Duration => "a duration such as `90s` or `15m`".to_owned(),
        Type::Time => "a time such as `2026-01-05T09:00:00Z`".to_owned(),
        Type::RestoreTime => "a time such as `2026-01-05T09:00:00Z`, `-40m`, or `latest`".to_owned(),
        Type::Arn => "an ARN: `arn:aws:…`".to_owned(),
        Type::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Type::List(_) => "a list: `[a, b]`".to_owned(),
        Type::Map(_) => "a map: `{ a: b }`".to_owned(),
        Type::String | Type::Any | Type::Null => "text".to_owned(),
    }
}
