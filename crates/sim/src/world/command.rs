//! A Run Command: what was sent to which nodes, and what becomes of it there.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::rate::Rate;

/// A command that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// CommandId.
    pub id: String,
    /// DocumentName.
    pub document: String,
    /// Comment.
    pub comment: String,
    /// Parameters.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// InstanceIds as sent.
    pub instance_ids: Vec<String>,
    /// Targets as sent.
    pub targets: Vec<(String, Vec<String>)>,
    /// When it was sent.
    pub requested_at: DateTime<Utc>,
    /// From then on its invocations are listed.
    pub visible_at: DateTime<Utc>,
    /// TimeoutSeconds: how long its delivery is tried.
    pub timeout_seconds: i64,
    /// MaxConcurrency.
    pub max_concurrency: Rate,
    /// MaxErrors.
    pub max_errors: Rate,
    /// One for each node.
    pub invocations: Vec<Invocation>,
}

/// A command on one node. Its whole course is drawn when the command is sent; a cancellation cuts it short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// InstanceId.
    pub node: String,
    /// When it begins to run; `None` where the node does not answer.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// How it ends.
    pub ending: Ending,
    /// The exit code.
    pub exit_code: i32,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
    /// When its cancellation was asked for.
    pub cancelled_at: Option<DateTime<Utc>>,
}

/// How an invocation ends (SSM user guide, "Understanding command statuses").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Exit code 0.
    Success,
    /// Another exit code.
    Failed,
    /// The node did not take it in time.
    DeliveryTimedOut,
    /// It ran too long.
    ExecutionTimedOut,
    /// It was taken back.
    Cancelled,
    /// Too many others had failed before it was sent.
    Terminated,
    /// In the state that a fault asked for, such as `Undeliverable`.
    Ordered(String),
}

impl Ending {
    /// Status and StatusDetails.
    pub fn words(&self) -> (&str, &str) {
        match self {
            Ending::Success => ("Success", "Success"),
            Ending::Failed => ("Failed", "Failed"),
            Ending::DeliveryTimedOut => ("TimedOut", "DeliveryTimedOut"),
            Ending::ExecutionTimedOut => ("TimedOut", "ExecutionTimedOut"),
            Ending::Cancelled => ("Cancelled", "Cancelled"),
            Ending::Terminated => ("Failed", "Terminated"),
            Ending::Ordered(word) if word.ends_with("TimedOut") => ("TimedOut", word),
            Ending::Ordered(word) => ("Failed", word),
        }
    }
}

impl Ending {
    /// Whether it counts against MaxErrors (SSM API reference, CommandInvocation, StatusDetails: what was never delivered
    /// does not).
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.words().1, "Failed" | "ExecutionTimedOut")
    }
}

impl Invocation {
    /// Status and StatusDetails at an instant.
    pub fn status(&self, now: DateTime<Utc>) -> (&str, &str) {
        if now >= self.ends_at {
            self.ending.words()
        } else if self.cancelled_at.is_some() {
            ("Cancelling", "Cancelling")
        } else if self.starts_at.is_some_and(|start| start <= now) {
            ("InProgress", "InProgress")
        } else {
            ("Pending", "Pending")
        }
    }

    /// Whether it ended.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.ends_at
    }

    /// Takes it back, unless it ended. What takes a moment is telling the node.
    pub(crate) fn cancel(&mut self, now: DateTime<Utc>, takes: TimeDelta) {
        if self.is_over(now) || self.cancelled_at.is_some() {
            return;
        }
        self.cancelled_at = Some(now);
        // It may end by itself before the node hears of it.
        if now + takes < self.ends_at {
            self.ends_at = now + takes;
            self.ending = Ending::Cancelled;
            self.exit_code = -1;
            self.stdout.clear();
            self.stderr.clear();
        }
    }
}

impl Command {
    /// Its invocations, as far as they are listed.
    pub fn listed(&self, now: DateTime<Utc>) -> &[Invocation] {
        if now < self.visible_at { &[] } else { &self.invocations }
    }

    /// Status and StatusDetails. A command without targets is `Success`, the worse of the two that are imaginable.
    pub fn status(&self, now: DateTime<Utc>) -> (&str, &str) {
        if now < self.visible_at {
            return ("Pending", "Pending");
        }
        if let Some(running) = self.invocations.iter().find(|invocation| !invocation.is_over(now)) {
            let all = self.invocations.iter().map(|invocation| invocation.status(now).0);
            let cancelling =
                running.cancelled_at.is_some() || all.clone().any(|status| status == "Cancelling");
            return if cancelling { ("Cancelling", "Cancelling") } else { ("InProgress", "InProgress") };
        }
        let count = |word: &str| self.invocations.iter().filter(|it| it.ending.words().1 == word).count();
        let many = self.max_errors.of(self.invocations.len()).max(1);
        // The words of the invocations that are enough of them (SSM API reference, Command, StatusDetails).
        for (word, status) in
            [("Failed", "Failed"), ("ExecutionTimedOut", "TimedOut"), ("DeliveryTimedOut", "TimedOut")]
        {
            if count(word) >= many {
                return (status, word);
            }
        }
        let ordered = self.invocations.iter().find(|it| matches!(it.ending, Ending::Ordered(_)));
        if let Some(ordered) = ordered {
            return ordered.ending.words();
        }
        match count("Success") == self.invocations.len() {
            true => ("Success", "Success"),
            false if count("Cancelled") > 0 => ("Cancelled", "Cancelled"),
            false => ("Failed", "Incomplete"),
        }
    }

    /// How many invocations are over, failed or ran too long, and timed out in delivery (SSM API reference, Command).
    pub fn counts(&self, now: DateTime<Utc>) -> (usize, usize, usize) {
        let over: Vec<_> = self.listed(now).iter().filter(|invocation| invocation.is_over(now)).collect();
        let is = |ending: &Ending| over.iter().filter(|it| it.ending == *ending).count();
        let errors = over.iter().filter(|it| it.ending.is_error()).count();
        (over.len(), errors, is(&Ending::DeliveryTimedOut))
    }
}
