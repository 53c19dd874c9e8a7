//! Who is told of what, and when: `notify`, and what playbooks have besides.

use crate::template::Template;
use chrono::TimeDelta;
use std::ops::Range;

/// The events that `notify` may name, in the order in which they come in a run.
pub const EVENTS: [&str; 10] = [
    "started",
    "asked",
    "answered",
    "failed",
    "blocked",
    "paused",
    "resumed",
    "update",
    "objective_missed",
    "finished",
];

/// Behind `to`: every entry of `notify`.
pub const ALL: &str = "all";

/// An entry of `notify`.
#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    /// Its name: `name`, else its kind, with a number from the second one on.
    pub name: String,
    /// The events it is told of. Questions (`asked`) go to every entry.
    pub events: Vec<String>,
    /// What kind of address it has.
    pub channel: Channel,
    /// The address: a URL, or the ARN of a topic.
    pub address: Template,
    /// What signs the messages of a webhook.
    pub secret: Option<Template>,
    /// Where it stands.
    pub range: Range<usize>,
}

impl Notify {
    /// Whether it is told of this kind of event.
    pub fn wants(&self, event: &str) -> bool {
        event == "asked" || self.events.iter().any(|wanted| wanted == event)
    }

    /// Whether `to` means it: its name, or everybody.
    pub fn is_meant_by(&self, to: &str) -> bool {
        to == ALL || to == self.name
    }
}

/// A way to tell people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// An incoming webhook of Slack.
    Slack,
    /// Any webhook: JSON, signed where there is a secret.
    Webhook,
    /// A topic of Amazon SNS.
    Sns,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Slack, Self::Webhook, Self::Sns];

    /// Its key in an entry of `notify`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Webhook => "webhook",
            Self::Sns => "sns",
        }
    }
}

/// What a playbook says besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Playbook {
    /// `severity`: `sev1` to `sev5`.
    pub severity: Option<String>,
    /// `triggers`: the alarms that call for it.
    pub triggers: Vec<Template>,
    /// `updates`.
    pub updates: Option<Updates>,
}

/// `updates`: how often people are told where an incident stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updates {
    /// How often.
    pub every: TimeDelta,
    /// Who; nothing: every entry of `notify` that is told of updates.
    pub to: Option<String>,
}
