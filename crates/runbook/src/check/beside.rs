//! What stands beside the steps: probes, alarms, concurrency.

use super::file::identifier;
use super::names::Outputs;
use super::reader::Fields;
use super::steps::Steps;
use crate::keys;
use crate::spec::Effect;

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

    pub(super) fn read_alarms(&mut self, fields: &Fields<'_>) {
        for node in self.reader.list(fields, "stop_when") {
            let Some(entry) = self.reader.fields(node, &keys::STOP) else { continue };
            self.text_template(&entry, "alarm");
            self.reader.word(&entry, "insufficient_data", &["ok", "stop"]);
        }
        if let Some(entry) =
            fields.get("concurrency").and_then(|node| self.reader.fields(node, &keys::CONCURRENCY))
        {
            self.text_template(&entry, "key");
            self.reader.word(&entry, "on_conflict", &["refuse", "wait"]);
        }
    }
}
