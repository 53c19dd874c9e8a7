//! What would go on beside the steps: alarms, which are looked at, and probes, which are not carried out.

use super::model::{AlarmPreview, ProbePreview, Problem, Then};
use super::{Foresight, seconds};
use crate::action::Values;
use crate::beside::alarms::{FirstLook, problem};
use crate::chart::Chart;
use crate::log::RunLog;
use crate::scope::RunScope;
use crate::start;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::plan::{Probe, Work};

/// The alarms of the runbook as they are now, and what of them stands in the way.
pub(super) async fn alarms(
    foresight: &Foresight,
    log: &RunLog,
    may_look: bool,
) -> (Vec<AlarmPreview>, Vec<Problem>) {
    if !may_look {
        return Default::default();
    }
    let Foresight { plan, catalog, registry, clock, start, .. } = foresight;
    let chart = Chart::of(plan);
    let (mut alarms, mut problems) = (Vec::new(), Vec::new());
    for (entry, seen) in (FirstLook { plan, chart: &chart, catalog, registry, clock, log }).all().await {
        if let Some((failure, then)) = problem(entry, &seen, start.mode) {
            let then = if then == "refuse" { Then::Refused } else { Then::Warns };
            problems.push(Problem::new("stop_when", failure, then));
        }
        alarms.push(AlarmPreview { seen, stops: entry.modes.contains(&start.mode) });
    }
    (alarms, problems)
}

/// The probes, with their parameters as far as these are known.
pub(super) fn probes(foresight: &Foresight, state: &RunState) -> Vec<ProbePreview> {
    let Foresight { plan, catalog, clock, .. } = foresight;
    let chart = Chart::of(plan);
    let outlines = start::probe_outlines(plan);
    let with = |probe: &Probe| -> Values {
        let (own, own_outputs, keyring) = (Some(&probe.look.path), None, None);
        let scope = RunScope {
            plan,
            chart: &chart,
            catalog,
            state,
            own,
            item: None,
            own_outputs,
            keyring,
            now: clock.now(),
        };
        let Work::Action { with, .. } = &probe.look.work else { return Values::new() };
        with.iter().filter_map(|(name, value)| Some((name.clone(), value.evaluate(&scope).ok()?))).collect()
    };
    let preview = |probe: &Probe| {
        let outline = outlines.iter().find(|outline| outline.path == probe.look.path);
        ProbePreview {
            probe: probe.look.path.clone(),
            action: probe.look.action().unwrap_or_default().to_owned(),
            with: with(probe),
            every_s: seconds(probe.every),
            hold_s: seconds(probe.hold.unwrap_or_default()),
            marks: outline.map(|outline| outline.marks.clone()).unwrap_or_default(),
        }
    };
    plan.every_probe().into_iter().map(preview).collect()
}
