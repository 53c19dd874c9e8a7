//! What stands beside the steps: probes, notices, alarms, concurrency.

use super::file::identifier;
use super::names::Outputs;
use super::reader::Fields;
use super::steps::Steps;
use crate::keys;
use crate::plan::Concurrency;
use crate::spec::{Effect, Type};

impl Steps<'_, '_, '_> {
    pub(super) fn read_probes(&mut self, fields: &Fields<'_>) {
        for node in self.reader.list(fields, "probes") {
            let Some(probe) = self.reader.fields(node, &keys::PROBE) else { continue };
            let id = self.reader.text(&probe, "id").unwrap_or_default();
            if let Some(node) = probe.get("id") {
                identifier(self.reader, &id, node.range.clone(), "a probe");
            }
            let action = self.reader.text(&probe, "action");
            let spec = match (&action, probe.get("action")) {
                (Some(action), Some(node)) => self.known_action(action, node.range.clone()),
                _ => None,
            };
            if let (Some(Effect::Create | Effect::Modify | Effect::Destroy), Some(node)) =
                (spec.and_then(|spec| spec.effect), probe.get("action"))
            {
                self.reader.error(
                    "probe-reads",
                    node.range.clone(),
                    "a probe only reads",
                    "choose an action that reads",
                );
            }
            self.with(&probe, spec);
            self.asserts(&probe, &spec.map_or(Outputs::Any, Outputs::Spec));
            for key in ["every", "hold", "timeout"] {
                self.reader.duration(&probe, key);
            }
            for field in self.reader.named(&probe, "marks") {
                if !["first_down", "held_up"].contains(&field.key.as_str()) {
                    let message = format!("unknown moment `{}`", field.key);
                    self.reader.error(
                        "unknown-key",
                        field.key_range.clone(),
                        message,
                        "a probe sets marks at `first_down` and `held_up`",
                    );
                }
                self.mark(&field.value);
            }
            self.names.probes.push(id);
        }
    }

    pub(super) fn read_notices(&mut self, fields: &Fields<'_>) {
        self.names.secrets_allowed = true;
        for node in self.reader.list(fields, "notify") {
            let Some(entry) = self.reader.fields(node, &keys::NOTIFY) else { continue };
            self.reader.texts(&entry, "events");
            for key in ["slack", "webhook", "sns", "secret"] {
                if let Some(node) = entry.get(key) {
                    self.typed_template(node, Type::String, true);
                }
            }
        }
        self.names.secrets_allowed = false;
        for node in self.reader.list(fields, "stop_when") {
            let Some(entry) = self.reader.fields(node, &keys::STOP) else { continue };
            self.text_template(&entry, "alarm");
            self.reader.word(&entry, "insufficient_data", &["ok", "stop"]);
        }
        for node in self.reader.list(fields, "triggers") {
            let Some(entry) = self.reader.fields(node, &keys::TRIGGER) else { continue };
            self.text_template(&entry, "alarm");
        }
    }

    /// `concurrency`: its key is wanted before anything is looked at.
    pub(super) fn read_concurrency(&mut self, fields: &Fields<'_>) -> Option<Concurrency> {
        let node = fields.get("concurrency")?;
        let entry = self.reader.fields(node, &keys::CONCURRENCY)?;
        let waits = self.reader.word(&entry, "on_conflict", &["refuse", "wait"]) == Some("wait");
        let key = self.text_template(&entry, "key")?;
        for expression in key.expressions() {
            for reference in expression.references() {
                let root = reference.names.first().map(String::as_str).unwrap_or_default();
                if !BEFORE_ANYTHING.contains(&root) {
                    let message = format!("`{root}` is not known yet when the lock is taken");
                    let help =
                        format!("it may name {}", BEFORE_ANYTHING.map(|root| format!("`{root}`")).join(", "));
                    self.reader.error("too-early", expression.range.clone(), message, help);
                }
            }
        }
        Some(Concurrency { key, waits })
    }
}

/// What is known before anything is looked at.
const BEFORE_ANYTHING: [&str; 3] = ["inputs", "target", "run"];
