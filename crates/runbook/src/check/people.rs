//! Steps that are done by people: `manual`, `decide`, `approve`.

use super::file::requirements;
use super::names::Outputs;
use super::reader::Fields;
use super::steps::Steps;
use crate::keys;
use crate::node::{Node, NodeKind};
use crate::plan::{Approve, Decide, DecideOption, Manual, Work};
use crate::spec::Type;
use crate::suggestion::nearest;
use crate::template::Template;
use std::collections::BTreeMap;

const ANY_LIST: Type = Type::List(&Type::Any);

/// `manual`.
pub(super) fn manual(steps: &mut Steps<'_, '_, '_>, node: &Node) -> Option<(Work, Outputs)> {
    let fields = steps.reader.fields(node, &keys::MANUAL)?;
    let evidence = requirements(steps.reader, &fields, "evidence");
    for name in evidence.keys().filter(|name| !["link", "text", "file"].contains(&name.as_str())) {
        let help = "evidence is `link`, `text` or `file`";
        let range = fields.get("evidence").map_or(0..0, |node| node.range.clone());
        steps.reader.error("wrong-value", range, format!("`{name}` is no kind of evidence"), help);
    }
    let work = Manual {
        instructions: message(steps, &fields, "instructions"),
        evidence,
        fields: handed_in(steps, &fields),
        timeout: steps.reader.duration(&fields, "timeout"),
        on_timeout: steps
            .reader
            .word(&fields, "on_timeout", &["fail", "continue", "abort"])
            .map(str::to_owned),
    };
    let outputs = Outputs::fields([
        ("by", Type::String),
        ("at", Type::Time),
        ("evidence", Type::Map(&Type::Any)),
        ("fields", Type::Map(&Type::Any)),
    ]);
    Some((Work::Manual(work), outputs))
}

/// `decide`.
pub(super) fn decide(steps: &mut Steps<'_, '_, '_>, node: &Node) -> Option<(Work, Outputs)> {
    let fields = steps.reader.fields(node, &keys::DECIDE)?;
    let role = steps.reader.text(&fields, "role");
    if let (Some(role), Some(node)) = (&role, fields.get("role")) {
        known_role(steps, role, node.range.clone());
    }
    let mut options = Vec::new();
    for field in steps.reader.named(&fields, "options") {
        let Some(entry) = steps.reader.fields(&field.value, &keys::OPTION) else { continue };
        let when = steps.condition(&entry, "when");
        let label = steps.reader.text(&entry, "label").unwrap_or_default();
        options.push(DecideOption { id: field.key.clone(), label, when });
    }
    if let (Some(field), 0 | 1) = (fields.field("options"), options.len()) {
        let help = "name at least two options, or use `approve`";
        steps.reader.error("too-few-options", field.key_range.clone(), "there is nothing to decide", help);
    }
    let on_timeout = steps.reader.text(&fields, "on_timeout");
    if let (Some(word), Some(node)) = (&on_timeout, fields.get("on_timeout")) {
        let words = || options.iter().map(|option| option.id.as_str()).chain(["fail", "abort"]);
        if !words().any(|known| known == word) {
            let known = words().collect::<Vec<_>>().join("`, `");
            let help = nearest(word, words())
                .map_or(format!("write one of `{known}`"), |near| format!("did you mean `{near}`?"));
            let message = format!("`on_timeout: {word}` is none of `{known}`");
            steps.reader.error("wrong-value", node.range.clone(), message, help);
        }
    }
    let work = Decide {
        question: message(steps, &fields, "question"),
        role,
        options,
        fields: handed_in(steps, &fields),
        timeout: steps.reader.duration(&fields, "timeout"),
        on_timeout,
    };
    let outputs = Outputs::fields([
        ("choice", Type::String),
        ("by", Type::String),
        ("at", Type::Time),
        ("reason", Type::String),
        ("fields", Type::Map(&Type::Any)),
    ]);
    Some((Work::Decide(work), outputs))
}

/// `approve`.
pub(super) fn approve(steps: &mut Steps<'_, '_, '_>, node: &Node) -> Option<(Work, Outputs)> {
    let fields = steps.reader.fields(node, &keys::APPROVE)?;
    let from = steps.reader.texts(&fields, "from");
    for (who, range) in &from {
        match who.split_once(':') {
            Some(("role", role)) => known_role(steps, role, range.clone()),
            Some(("arn" | "person", rest)) if !rest.is_empty() => {}
            _ => {
                let message = format!("`{who}` says not who may approve");
                steps.reader.error(
                    "wrong-value",
                    range.clone(),
                    message,
                    "write `role:NAME`, `arn:PATTERN` or `person:NAME`",
                );
            }
        }
    }
    let at_least = steps.reader.integer(&fields, "at_least").unwrap_or(1);
    if let Some(node) = fields.get("at_least") {
        quorum(steps, at_least, &from, node.range.clone());
    }
    let work = Approve {
        message: message(steps, &fields, "message"),
        from: from.into_iter().map(|(who, _)| who).collect(),
        at_least,
        not_the_operator: steps.reader.boolean(&fields, "not_the_operator").unwrap_or(false),
        fields: handed_in(steps, &fields),
        timeout: steps.reader.duration(&fields, "timeout"),
        on_timeout: steps.reader.word(&fields, "on_timeout", &["reject", "abort"]).map(str::to_owned),
        reject_stops: steps.reader.word(&fields, "on_reject", &["stop", "continue"]) != Some("continue"),
    };
    let outputs = Outputs::fields([
        ("approved", Type::Boolean),
        ("by", Type::String),
        ("at", Type::Time),
        ("reason", Type::String),
        ("answers", ANY_LIST),
        ("fields", Type::Map(&Type::Any)),
    ]);
    Some((Work::Approve(work), outputs))
}

/// A number of people that there are, or may be.
fn quorum(
    steps: &mut Steps<'_, '_, '_>,
    at_least: u32,
    from: &[(String, std::ops::Range<usize>)],
    range: std::ops::Range<usize>,
) {
    if at_least == 0 {
        let help = "at least one person approves; without a question take the step out";
        steps.reader.error("quorum", range, "an approval by nobody approves nothing", help);
        return;
    }
    // A role and a name are one person each; a pattern of ARNs may be many.
    let countable = !from.is_empty() && from.iter().all(|(who, _)| !who.starts_with("arn:"));
    if countable && from.len() < at_least as usize {
        let message = format!("{at_least} people must approve, and `from` names {}", from.len());
        let help = "name more in `from`, or lower `at_least`";
        steps.reader.error("quorum", range, message, help);
    }
}

fn message(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>, key: &str) -> Template {
    steps.text_template(fields, key).unwrap_or_else(|| Template::literal(""))
}

/// `fields: {bad_at: {type: time}}`, or `{bad_at: time}`.
fn handed_in(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>) -> BTreeMap<String, Type> {
    let mut kinds = BTreeMap::new();
    for field in steps.reader.named(fields, "fields") {
        let kind = match &field.value.kind {
            NodeKind::Map(_) => {
                let entry = steps.reader.fields(&field.value, &keys::INPUT);
                entry.and_then(|entry| steps.reader.word(&entry, "type", keys::INPUT_TYPES))
            }
            _ => {
                let word = field.value.scalar().map_or("", |scalar| scalar.text.as_str());
                let known = keys::INPUT_TYPES.iter().find(|known| **known == word).copied();
                if known.is_none() {
                    let help = format!("write one of {}", keys::INPUT_TYPES.join(", "));
                    steps.reader.error(
                        "wrong-value",
                        field.value.range.clone(),
                        format!("`{word}` is no type"),
                        help,
                    );
                }
                known
            }
        };
        kinds.insert(field.key.clone(), kind.and_then(Type::named).unwrap_or(Type::String));
    }
    kinds
}

fn known_role(steps: &mut Steps<'_, '_, '_>, role: &str, range: std::ops::Range<usize>) {
    let roles = &steps.names.roles;
    if roles.contains_key(role) {
        return;
    }
    let help = match nearest(role, roles.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("declare it: `roles: {{ {role}: required }}`"),
    };
    steps.reader.error("unknown-role", range, format!("there is no role `{role}`"), help);
}
