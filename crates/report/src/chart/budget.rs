//! The recovery time against its objective: what it was made of, and what is left.

use super::{Axis, Tick, fitting, offset};
use crate::document::Document;
use crate::timeline::duration;
use serde::Serialize;

/// The picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// The axis: time since the beginning of the recovery time.
    pub ticks: Vec<Tick>,
    /// What adds up to the recovery time, and behind it what is estimated.
    pub parts: Vec<BudgetPart>,
    /// The same time by whom it was waited for.
    pub waits: Vec<BudgetPart>,
    /// Where the objective ends.
    pub objective: Option<Tick>,
    /// `12 min to spare`, `4 min over`.
    pub margin: Option<String>,
    /// Whether it is over.
    pub is_over: bool,
}

/// A part of the recovery time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetPart {
    /// Per cent of the width.
    pub x: f64,
    /// Per cent of the width.
    pub width: f64,
    /// What kind it is, for its colour.
    pub kind: &'static str,
    /// Which.
    pub name: &'static str,
    /// How long.
    pub time: String,
    /// What stands in it, where that fits.
    pub text: Option<String>,
}

impl Budget {
    /// The picture of a recovery time that is known.
    pub(crate) fn of(document: &Document) -> Option<Self> {
        let time = &document.rto;
        let actual = time.actual_s.filter(|actual| *actual >= 0.0)?;
        let total = time.estimated_total_s.unwrap_or(actual).max(actual);
        let axis = Axis::new(0.0, time.objective_s.unwrap_or(0.0).max(total) * 1.02);
        let parts = &time.parts_s;
        let measured = [
            ("before", "before the run", parts.before_run),
            ("preflight", "preflight", parts.preflight),
            ("execution", "execution", parts.execution),
            ("verification", "verification", parts.verification),
            ("estimated", "not rehearsed (estimated)", Some(total - actual)),
        ];
        let sum = |wait: fn(&lifeboat_journal::measure::CriticalStep) -> f64| -> f64 {
            document.critical_steps.iter().map(wait).sum()
        };
        let (first, last) = (document.critical_steps.first(), document.critical_steps.last());
        let waits = [
            ("before", "before the first step", first.map(|step| step.from_s)),
            ("aws", "AWS, or what a probe asked", Some(sum(|step| step.aws_s))),
            ("person", "people", Some(sum(|step| step.person_s))),
            ("blocked", "credentials, permissions, the control plane", Some(sum(|step| step.blocked_s))),
            ("away", "nobody: no process carried the run", Some(sum(|step| step.away_s))),
            ("retry", "delays between attempts", Some(sum(|step| step.retry_s))),
            ("lifeboat", "Lifeboat itself, at most", Some(sum(|step| step.lifeboat_s))),
            // After the last step only a probe sets a mark.
            ("verification", "a probe that was to hold up", last.map(|step| actual - step.to_s)),
        ];
        let objective = time.objective_s;
        let margin = objective.map(|objective| match objective - total {
            spare if spare >= 0.0 => format!("{} to spare", duration(spare)),
            over => format!("{} over", duration(-over)),
        });
        Some(Self {
            ticks: axis.ticks(offset),
            parts: laid_out(&axis, measured),
            waits: if document.critical_steps.is_empty() { Vec::new() } else { laid_out(&axis, waits) },
            objective: objective.map(|objective| {
                Tick::new(axis.place(objective), format!("objective {}", duration(objective)))
            }),
            margin,
            is_over: objective.is_some_and(|objective| total > objective),
        })
    }
}

/// One part after the other; what took no time is left out.
fn laid_out<const N: usize>(
    axis: &Axis,
    parts: [(&'static str, &'static str, Option<f64>); N],
) -> Vec<BudgetPart> {
    let mut from_s = 0.0;
    let mut row = Vec::new();
    for (kind, name, seconds) in parts {
        let Some(seconds) = seconds.filter(|seconds| *seconds >= 0.000_5) else { continue };
        let (x, width) = axis.interval(from_s, from_s + seconds);
        from_s += seconds;
        let short = name.split([' ', ',']).next().unwrap_or(name);
        row.push(BudgetPart {
            x,
            width,
            kind,
            name,
            time: duration(seconds),
            text: fitting(name, width).or_else(|| fitting(short, width)),
        });
    }
    row
}
