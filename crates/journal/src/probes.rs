//! What is known of the probes beside the steps, and of the alarms that end a run: a part of the fold.

use crate::event::{AlarmSeen, Event, EventKind, Failure, UnwatchedReason};
use crate::state::Moment;
use chrono::{DateTime, Utc};

/// Where a probe stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ProbeStatus {
    /// Nobody knows.
    #[default]
    Unwatched,
    /// It answers well.
    Up,
    /// It does not.
    Down {
        /// Since when.
        since: Moment,
    },
}

impl ProbeStatus {
    /// The word of the JSON document: `unwatched`, `up`, `down`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unwatched => "unwatched",
            Self::Up => "up",
            Self::Down { .. } => "down",
        }
    }
}

/// A time in which a probe stood as it did, up to the next such time.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSpan {
    /// How it stood.
    pub status: ProbeStatus,
    /// Since when.
    pub from: Moment,
    /// The last look that said otherwise.
    pub not_before: Option<DateTime<Utc>>,
    /// Why nobody knows, where nobody does.
    pub because: Option<UnwatchedReason>,
}

/// A probe, as far as its events tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeState {
    /// Where it stands.
    pub status: ProbeStatus,
    /// How it stood, in order; each lasts until the next.
    pub spans: Vec<ProbeSpan>,
    /// The last look that the journal knows of.
    pub last_look: Option<Moment>,
    /// How often it has looked, as far as the journal knows.
    pub looks: u64,
    /// How often that was not well answered.
    pub failed_looks: u64,
    /// When it was seen to go down for the first time: it had been up.
    pub first_down: Option<Moment>,
    /// When it had been up for as long as it must.
    pub held_up: Option<Moment>,
    /// Whether the run does not wait any longer for it to hold up.
    pub given_up: bool,
    /// What was answered while it was down, or what is wrong with the probe itself.
    pub error: Option<Failure>,
}

impl ProbeState {
    pub(crate) fn apply(&mut self, event: &Event, moment: Moment) {
        match &event.kind {
            EventKind::ProbeUp { not_before } => self.stand(ProbeStatus::Up, moment, *not_before),
            EventKind::ProbeDown { not_before, error } => {
                if not_before.is_some() {
                    self.first_down.get_or_insert(moment);
                }
                self.stand(ProbeStatus::Down { since: moment }, moment, *not_before);
                self.error = Some(error.clone());
            }
            EventKind::ProbeHeldUp => {
                self.held_up.get_or_insert(moment);
                self.last_look = Some(moment);
            }
            EventKind::ProbeLooked { looks, failed } => {
                self.looks += looks;
                self.failed_looks += failed;
                self.last_look = Some(moment);
            }
            EventKind::ProbeUnwatched { because, error } => {
                self.given_up |= *because == UnwatchedReason::GivenUp;
                // What is told of a process that is gone is about its last look, whose monotonic time is known.
                let from = self.last_look.filter(|look| look.at == moment.at);
                let from = from.map_or(moment, |look| Moment { seq: moment.seq, ..look });
                self.status = ProbeStatus::Unwatched;
                let because = Some(*because);
                self.spans.push(ProbeSpan { status: self.status, from, not_before: None, because });
                self.error.clone_from(error);
            }
            _ => {}
        }
    }

    fn stand(&mut self, status: ProbeStatus, moment: Moment, not_before: Option<DateTime<Utc>>) {
        self.status = status;
        self.spans.push(ProbeSpan { status, from: moment, not_before, because: None });
        self.last_look = Some(moment);
        self.error = None;
    }

    /// How it was last known to stand, and since when: that its work is over, or the run stands still, says nothing new.
    pub fn last_known(&self) -> (ProbeStatus, Option<Moment>) {
        let ends = [UnwatchedReason::Over, UnwatchedReason::GivenUp, UnwatchedReason::Paused];
        let mut spans = self.spans.iter().rev();
        let known = spans.find(|span| span.because.is_none_or(|because| !ends.contains(&because)));
        known.map_or((ProbeStatus::Unwatched, None), |span| (span.status, Some(span.from)))
    }

    /// Since when it stands as it does.
    pub fn since(&self) -> Option<Moment> {
        self.spans.last().map(|span| span.from)
    }

    /// Whether it was seen down.
    pub fn was_down(&self) -> bool {
        self.spans.iter().any(|span| matches!(span.status, ProbeStatus::Down { .. }))
    }

    /// The times in which it was down, each with the end of which the journal knows. A time that goes on ends with the
    /// last look: what came after it nobody has seen.
    pub fn downs(&self) -> impl Iterator<Item = (&ProbeSpan, Moment, Option<&ProbeSpan>)> {
        self.spans.iter().enumerate().filter(|(_, span)| matches!(span.status, ProbeStatus::Down { .. })).map(
            |(place, span)| {
                let next = self.spans.get(place + 1);
                let end = next.map_or_else(|| self.last_look.unwrap_or(span.from), |next| next.from);
                (span, end, next)
            },
        )
    }

    /// The moment of this event of the probe, where it has a monotonic time: a mark is written later.
    pub(crate) fn moment_at(&self, at: DateTime<Utc>) -> Option<Moment> {
        let downs = self.spans.iter().map(|span| span.from);
        downs.chain(self.held_up).find(|moment| moment.at == at && moment.epoch != 0)
    }
}

/// An alarm of `stop_when`, as it was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmState {
    /// What was seen.
    pub seen: AlarmSeen,
    /// When.
    pub at: Moment,
}
