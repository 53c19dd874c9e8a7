//! A forecast in words.

use crate::timeline::duration;
use lifeboat_journal::forecast::{Forecast, ForecastSource, StepForecast};
use lifeboat_runbook::plan::ExpectSource;

/// From how many durations on a step's history says more than "it took this long".
const FEW: usize = 5;

/// "P50 31 min, P95 47 min; 91 % chance to meet 45 min (…)", with what it rests on.
pub fn sentence(forecast: &Forecast) -> String {
    let bound = if forecast.unknown.is_empty() { "" } else { "at least " };
    let mut text = format!("{bound}P50 {}", duration(forecast.p50_s));
    if let Some(p95) = forecast.p95_s {
        text.push_str(&format!(", P95 {}", duration(p95)));
    }
    match (forecast.objective_s, forecast.chance) {
        (Some(objective), Some(chance)) => {
            text.push_str(&format!("; {} chance to meet {}", percent(chance), duration(objective)));
        }
        (Some(objective), None) => {
            text.push_str(&format!("; the chance to meet {} is not known", duration(objective)));
        }
        (None, _) => {}
    }
    format!("{text} ({})", rests_on(forecast))
}

/// Rounded towards the middle: what did not happen in the sample is not impossible.
fn percent(chance: f64) -> String {
    match (chance * 100.0).round() {
        whole if whole >= 100.0 => "over 99 %".to_owned(),
        whole if whole <= 0.0 => "under 1 %".to_owned(),
        whole => format!("{whole} %"),
    }
}

/// What a forecast rests on, and how little that is.
fn rests_on(forecast: &Forecast) -> String {
    let mut parts = Vec::new();
    match forecast.n {
        0 => parts.push("no earlier run counts: it is what is expected, without any spread".to_owned()),
        n => {
            let few = if n < FEW { ", which are few" } else { "" };
            let runs = if n == 1 { "run" } else { "runs" };
            parts.push(format!("from at least {n} earlier {runs} of each step{few}"));
            if forecast.share_without_history > 0.0 {
                let share = (forecast.share_without_history * 100.0).ceil();
                parts.push(format!("{share} % of it has no history and is what is expected"));
            }
        }
    }
    if !forecast.unknown.is_empty() {
        let unknown: Vec<&str> = forecast.unknown.iter().map(|step| step.as_str()).collect();
        parts.push(format!("nobody knows how long {} takes", unknown.join(", ")));
    }
    parts.join("; ")
}

/// Where a step's part of a forecast is from, in words.
pub fn source(step: &StepForecast) -> String {
    match &step.source {
        ForecastSource::History => format!("{} earlier", step.n),
        ForecastSource::Copy(copy) => format!("{} earlier of {copy}, which does it to a copy", step.n),
        ForecastSource::Expected(source) => {
            source.as_ref().map_or("as the journal says", ExpectSource::words).to_owned()
        }
        ForecastSource::Unknown => "nobody knows".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_runbook::id::StepPath;
    use lifeboat_runbook::plan::Mode;

    fn forecast() -> Forecast {
        Forecast {
            mode: Mode::Recovery,
            from: "run".into(),
            to: Some("verified".into()),
            p50_s: 1860.0,
            p95_s: Some(2820.0),
            objective_s: Some(2700.0),
            chance: Some(0.912),
            share_without_history: 0.0,
            n: 12,
            steps: Vec::new(),
            unknown: Vec::new(),
        }
    }

    #[test]
    fn it_says_what_it_rests_on() {
        assert_eq!(
            sentence(&forecast()),
            "P50 31 min, P95 47 min; 91 % chance to meet 45 min (from at least 12 earlier runs of each step)"
        );
        let few = Forecast { n: 3, share_without_history: 0.031, chance: Some(1.0), ..forecast() };
        assert_eq!(
            sentence(&few),
            "P50 31 min, P95 47 min; over 99 % chance to meet 45 min (from at least 3 earlier runs of each step, which \
             are few; 4 % of it has no history and is what is expected)"
        );
        let unknown = vec![StepPath::new("cut_over")];
        let none = Forecast { n: 0, p95_s: None, chance: None, unknown, ..forecast() };
        assert_eq!(
            sentence(&none),
            "at least P50 31 min; the chance to meet 45 min is not known (no earlier run counts: it is what is \
             expected, without any spread; nobody knows how long cut_over takes)"
        );
    }
}
