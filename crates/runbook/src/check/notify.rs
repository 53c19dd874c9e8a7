//! `notify`, and what playbooks have besides: `severity`, `triggers`, `updates`.

use super::file::plain;
use super::reader::{Fields, Reader};
use super::steps::Steps;
use crate::keys;
use crate::node::Node;
use crate::notice::{ALL, Channel, EVENTS, Notify, Playbook, Updates};
use crate::plan::{Kind, Plan, Step, Work};
use crate::spec::Type;
use crate::suggestion::nearest;
use crate::template::Template;
use crate::value::Value;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::ops::Range;

/// The action whose `to` names entries of `notify`.
const SEND: &str = "notify.send";

/// More often than this nobody reads them.
const QUICKEST_UPDATES: TimeDelta = TimeDelta::minutes(1);

/// The entries of `notify`.
pub(super) fn notify(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>) -> Vec<Notify> {
    steps.names.secrets_allowed = true;
    let mut entries: Vec<Notify> = Vec::new();
    for node in steps.reader.list(fields, "notify") {
        let Some(mut entry) = entry(steps, node) else { continue };
        let same_kind = entries.iter().filter(|other| other.channel == entry.channel).count();
        if entry.name.is_empty() {
            let word = entry.channel.word();
            entry.name = if same_kind == 0 { word.to_owned() } else { format!("{word} {}", same_kind + 1) };
        }
        if entry.name == ALL || entries.iter().any(|other| other.name == entry.name) {
            let message = format!("the name `{}` means another entry", entry.name);
            steps.reader.error("duplicate-id", entry.range.clone(), message, "give it another `name`");
        }
        entries.push(entry);
    }
    steps.names.secrets_allowed = false;
    entries
}

fn entry(steps: &mut Steps<'_, '_, '_>, node: &Node) -> Option<Notify> {
    let entry = steps.reader.fields(node, &keys::NOTIFY)?;
    let events = steps.reader.texts(&entry, "events");
    for (event, range) in &events {
        known_event(steps.reader, event, range.clone());
    }
    let places: Vec<Channel> = Channel::ALL.into_iter().filter(|channel| entry.has(channel.word())).collect();
    let [channel] = places.as_slice() else {
        let message = "an entry of `notify` has exactly one address";
        let help = "give it one of `slack`, `webhook`, `sns`";
        steps.reader.error("notify-where", node.range.clone(), message, help);
        return None;
    };
    let address = secret_template(steps, &entry, channel.word())?;
    judge_address(steps.reader, *channel, &address);
    // No notifier of this build speaks to SNS.
    steps.not_yet.key(&entry, Channel::Sns.word());
    let secret = secret_template(steps, &entry, "secret");
    if let Some(secret) = secret.as_ref().filter(|secret| plain(secret).is_some()) {
        let help = "keep it in `secrets`, and write `secret: \"${{ secrets.NAME }}\"`; and change it, it has been seen";
        let message = "the secret that signs the messages is written out";
        steps.reader.error("secret-literal", secret.range.clone(), message, help);
    }
    if let (Some(field), false) = (entry.field("secret"), *channel == Channel::Webhook) {
        let message = format!("`secret` has no meaning beside `{}`", channel.word());
        steps.reader.error("misplaced-key", field.key_range.clone(), message, "only webhooks are signed");
    }
    Some(Notify {
        name: steps.reader.text(&entry, "name").unwrap_or_default(),
        events: events.into_iter().map(|(event, _)| event).collect(),
        channel: *channel,
        address,
        secret,
        range: node.range.clone(),
    })
}

fn secret_template(steps: &mut Steps<'_, '_, '_>, entry: &Fields<'_>, key: &str) -> Option<Template> {
    entry.get(key).map(|node| steps.typed_template(node, Type::String, true))
}

fn known_event(reader: &mut Reader<'_>, event: &str, range: Range<usize>) {
    if EVENTS.contains(&event) {
        return;
    }
    let help = match nearest(event, EVENTS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", EVENTS.join(", ")),
    };
    reader.error("wrong-value", range, format!("nobody can be told of `{event}`"), help);
}

/// What can be known of an address that is written out.
fn judge_address(reader: &mut Reader<'_>, channel: Channel, address: &Template) {
    let Some(Value::String(text)) = plain(address) else { return };
    let range = address.range.clone();
    match channel {
        Channel::Slack => {
            let help = "whoever knows it can write there: keep it in `secrets`, and write `slack: \"${{ secrets.NAME }}\"`";
            reader.error("secret-literal", range, "the address of a Slack webhook is written out", help);
        }
        Channel::Webhook if !text.starts_with("https://") && !text.starts_with("http://") => {
            reader.error("wrong-value", range, format!("`{text}` is no URL"), "write `https://…`");
        }
        Channel::Sns if !(text.starts_with("arn:") && text.contains(":sns:")) => {
            let help = "write `arn:aws:sns:REGION:ACCOUNT:NAME`";
            reader.error("wrong-value", range, format!("`{text}` is not the ARN of a topic"), help);
        }
        _ => {}
    }
}

/// What a playbook has besides; in a runbook each of these keys is a mistake.
pub(super) fn playbook(steps: &mut Steps<'_, '_, '_>, fields: &Fields<'_>, kind: Kind) -> Option<Playbook> {
    for key in ["severity", "triggers", "updates"] {
        if let (Kind::Runbook, Some(field)) = (kind, fields.field(key)) {
            let message = format!("`{key}` belongs to playbooks");
            let help = "say `kind: playbook`, or take it out";
            steps.reader.error("playbook-only", field.key_range.clone(), message, help);
        }
    }
    let severity = steps.reader.word(fields, "severity", keys::SEVERITIES).map(str::to_owned);
    let mut triggers = Vec::new();
    for node in steps.reader.list(fields, "triggers") {
        let Some(entry) = steps.reader.fields(node, &keys::TRIGGER) else { continue };
        triggers.extend(steps.text_template(&entry, "alarm"));
    }
    let updates = fields.get("updates").and_then(|node| updates(steps, node));
    (kind == Kind::Playbook).then_some(Playbook { severity, triggers, updates })
}

fn updates(steps: &mut Steps<'_, '_, '_>, node: &Node) -> Option<Updates> {
    let fields = steps.reader.fields(node, &keys::UPDATES)?;
    let every = steps.reader.duration(&fields, "every")?;
    if let (Some(node), true) = (fields.get("every"), every < QUICKEST_UPDATES) {
        let message = "nobody reads updates that come so often";
        steps.reader.error("too-short", node.range.clone(), message, "at least a minute: `every: 30m`");
    }
    Some(Updates { every, to: steps.reader.text(&fields, "to") })
}

/// Names in `to`, of `updates` and of the steps that send, which no entry has.
pub(super) fn judge_receivers(reader: &mut Reader<'_>, fields: &Fields<'_>, plan: &Plan) {
    let named = fields.get("updates").filter(|_| plan.playbook.is_some());
    let updates = plan.playbook.as_ref().and_then(|playbook| playbook.updates.as_ref()?.to.as_deref());
    if let (Some(to), Some(node)) = (updates, named) {
        receiver(reader, to, node.range.clone(), &plan.notify);
    }
    let inside = plan.lists().into_iter().flatten();
    for step in inside {
        senders(reader, step, &plan.notify);
    }
}

fn senders(reader: &mut Reader<'_>, step: &Step, entries: &[Notify]) {
    if let Work::Action { action, with, .. } = &step.work
        && action == SEND
    {
        literal_receiver(reader, with, entries);
    }
    // A runbook that is run as a step was judged when it was read.
    if !matches!(step.work, Work::Runbook { .. }) {
        step.children().iter().for_each(|step| senders(reader, step, entries));
    }
}

fn literal_receiver(reader: &mut Reader<'_>, with: &BTreeMap<String, Template>, entries: &[Notify]) {
    let Some(template) = with.get("to") else { return };
    if let Some(Value::String(to)) = plain(template) {
        receiver(reader, &to, template.range.clone(), entries);
    }
}

fn receiver(reader: &mut Reader<'_>, to: &str, range: Range<usize>, entries: &[Notify]) {
    if entries.iter().any(|entry| entry.is_meant_by(to)) {
        return;
    }
    let names = || entries.iter().map(|entry| entry.name.as_str());
    let help = match nearest(to, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if entries.is_empty() => {
            format!("add it: `notify: [ {{ name: {to}, events: [asked], webhook: \"https://…\" }} ]`")
        }
        None => format!("there are: {}, and `{ALL}`", names().collect::<Vec<_>>().join(", ")),
    };
    reader.error("unknown-receiver", range, format!("no entry of `notify` is called `{to}`"), help);
}
