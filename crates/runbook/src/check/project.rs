//! `lifeboat.yaml`: targets, people, and who is told, for all runbooks beside it.

use super::Closure;
use super::file::{NotYets, secrets, target};
use super::names::Names;
use super::reader::{Fields, Reader};
use super::steps::Steps;
use crate::keys;
use crate::node::{Field, Node, NodeKind};
use crate::plan::Target;
use crate::project::{Notice, Person, Project};
use crate::spec::Type;
use std::collections::BTreeMap;

/// Reads the file; where there are mistakes, as much of it as makes sense.
pub(super) fn read(
    reader: &mut Reader<'_>,
    root: &Node,
    closure: &mut Closure<'_>,
    source: usize,
) -> Project {
    let fields = reader.fields(root, &keys::PROJECT);
    let empty = Fields::empty(&keys::PROJECT);
    let fields = fields.as_ref().unwrap_or(&empty);
    reader.word(fields, "schema", &["lifeboat/v1"]);
    let people = people(reader, fields);
    let secrets = secrets(reader, fields);
    let names = Names { secrets: secrets.keys().cloned().collect(), ..Names::default() };
    let mut steps = Steps::new(reader, closure, names, source, NotYets { found: Vec::new() });
    let targets = targets(&mut steps, fields);
    let notify = steps.reader.list(fields, "notify");
    let notify = notify.iter().filter_map(|node| notice(&mut steps, node)).collect();
    Project { source, targets, people, secrets, notify }
}

fn targets(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>) -> BTreeMap<String, Target> {
    let mut targets = BTreeMap::new();
    for field in steps.reader.named(fields, "targets") {
        name(steps.reader, field, "a target");
        targets.insert(field.key.clone(), target(steps, &field.value, &keys::NAMED_TARGET));
    }
    targets
}

fn people(reader: &mut Reader<'_>, fields: &Fields<'_>) -> BTreeMap<String, Person> {
    let mut people = BTreeMap::new();
    for field in reader.named(fields, "people") {
        name(reader, field, "a person");
        let Some(entry) = reader.fields(&field.value, &keys::PERSON) else { continue };
        let person =
            Person { arns: one_or_several(reader, &entry, "arn"), contact: reader.text(&entry, "contact") };
        people.insert(field.key.clone(), person);
    }
    people
}

/// A text, or a list of texts.
fn one_or_several(reader: &mut Reader<'_>, entry: &Fields<'_>, key: &str) -> Vec<String> {
    match entry.get(key).map(|node| &node.kind) {
        Some(NodeKind::List(_)) => reader.texts(entry, key).into_iter().map(|(text, _)| text).collect(),
        Some(_) => reader.text(entry, key).into_iter().collect(),
        None => Vec::new(),
    }
}

fn notice(steps: &mut Steps<'_, '_, '_>, node: &Node) -> Option<Notice> {
    let entry = steps.reader.fields(node, &keys::NOTIFY)?;
    let events = steps.reader.texts(&entry, "events").into_iter().map(|(event, _)| event).collect();
    let mut template = |key| entry.get(key).map(|node| steps.typed_template(node, Type::String, true));
    Some(Notice {
        events,
        slack: template("slack"),
        webhook: template("webhook"),
        sns: template("sns"),
        secret: template("secret"),
    })
}

/// Names of targets and people are typed on the command line: `--target prod-eu`.
fn name(reader: &mut Reader<'_>, field: &Field, what: &str) {
    let fits = field.key.starts_with(|first: char| first.is_ascii_alphanumeric())
        && field.key.chars().all(|letter| letter.is_ascii_alphanumeric() || "._@-".contains(letter));
    if !fits {
        let message = format!("`{}` cannot name {what}", field.key);
        let help = "begin with a letter or a digit; letters, digits and `.`, `_`, `@`, `-`";
        reader.error("bad-name", field.key_range.clone(), message, help);
    }
}
