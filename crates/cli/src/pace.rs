//! `--pace`: how fast the simulated time of a run passes for whoever watches it.
//!
//! A simulated clock leaps from timer to timer as soon as nothing else is to be done. A metronome on the same clock holds
//! it, in real time, after every beat: everything else happens at the very moment it would have happened anyway, so the
//! journal is the same at every pace, and signals and answers come in at the moment that is on the screen.

use crate::live::Live;
use lifeboat_engine::clock::Clock;
use std::future::pending;
use std::time::Duration;

/// How fast simulated time passes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Pace {
    /// As fast as the machine can.
    #[default]
    Instant,
    /// So many simulated seconds in a real one.
    Times(f64),
}

/// Real time between two beats: short enough for seconds to be seen passing at `real`.
const BEAT: Duration = Duration::from_millis(100);

impl Pace {
    /// `instant`, `real`, or a factor such as `60x`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "write instant, real, or a factor such as 60x".to_owned();
        match text {
            "instant" => Ok(Self::Instant),
            "real" => Ok(Self::Times(1.0)),
            _ => {
                let factor = text.strip_suffix('x').and_then(|factor| factor.parse::<f64>().ok());
                factor.and_then(Self::times).ok_or_else(expected)
            }
        }
    }

    /// So many simulated seconds in a real one, where that can be kept.
    pub(crate) fn times(factor: f64) -> Option<Self> {
        (0.1..=1e6).contains(&factor).then_some(Self::Times(factor))
    }

    /// Holds a simulated clock to the pace, and tells the live view its time. Never ends by itself.
    pub(crate) async fn keep(self, clock: Clock, live: Option<Live>) {
        let Self::Times(factor) = self else { return };
        loop {
            clock.sleep(BEAT.mul_f64(factor)).await;
            if let Some(live) = &live {
                live.tell(clock.now());
            }
            // Nothing is awaited but the limit.
            let _over = clock.frozen(BEAT, pending::<()>()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_word_or_a_factor() {
        for (text, pace) in [
            ("instant", Some(Pace::Instant)),
            ("real", Some(Pace::Times(1.0))),
            ("60x", Some(Pace::Times(60.0))),
            ("0.5x", Some(Pace::Times(0.5))),
            ("60", None),
            ("0x", None),
            ("-1x", None),
            ("NaNx", None),
            ("fast", None),
        ] {
            assert_eq!(Pace::parse(text).ok(), pace, "{text}");
        }
    }
}
