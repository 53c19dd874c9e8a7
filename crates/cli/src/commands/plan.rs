//! `lifeboat plan`: what would happen; only reads.

use crate::args::{Output, PlanArguments};
use crate::commands::{Globals, iam, print_bytes, print_json};
use crate::error::CommandError;
use crate::home::Home;
use crate::permitted::Permitted;
use crate::plan_page;
use crate::session::{self, Simulation};
use crate::wiring::{self, Wiring};
use lifeboat_engine::action::Values;
use lifeboat_engine::driver::Outside;
use lifeboat_engine::people::Nobody;
use lifeboat_engine::preview::{Foresight, Preview, Verdict, preview};
use lifeboat_engine::start::{self, Start};
use lifeboat_journal::event::Cloud;
use lifeboat_journal::forecast::{Forecast, forecast};
use lifeboat_journal::history::History;
use lifeboat_journal::outcome::{PASSED, REFUSED};
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::value::Value;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The seed of a world that is only looked at: nothing in it takes time.
const SEED: u64 = 1;

/// What is printed: the plan and what goes with it.
#[derive(Serialize)]
pub(crate) struct Document {
    #[serde(flatten)]
    pub(crate) preview: Preview,
    /// How long it takes as earlier runs of this runbook in this home tell, seconds throughout.
    pub(crate) forecast: Forecast,
    /// Permissions by their names in IAM; `lifeboat iam` gives the policy.
    pub(crate) permissions: BTreeSet<String>,
    /// Whether they are granted, as IAM simulates it.
    pub(crate) granted: Permitted,
    /// What this command ends with.
    pub(crate) exit_code: u8,
}

pub(crate) fn run(home: &Home, arguments: &PlanArguments, globals: Globals) -> Result<u8, CommandError> {
    let catalog = wiring::catalog();
    let plan = session::load(&arguments.file, &catalog)?;
    let given = arguments.given.given(home, &plan)?;
    let inputs = arguments.given.resolve(home, &plan)?;
    let permissions = iam::needed(&plan, &catalog, arguments.mode.into(), given.clone());
    let simulation = match &arguments.simulate {
        Some(world) => Some(Simulation::named(world, arguments.faults.as_deref(), Some(SEED))?),
        None => None,
    };
    let forecast = forecast_of(home, &plan, arguments)?;
    let runtime = session::runtime(simulation.is_some())?;
    let wanted = Wanted { plan, catalog, inputs, given };
    let (preview, granted) = runtime.block_on(look_ahead(arguments, globals, simulation, wanted))?;
    let exit_code = if preview.verdict == Verdict::Refused { REFUSED } else { PASSED };
    let document = Document { preview, forecast, permissions, granted, exit_code };
    match arguments.output.output {
        Output::Json => print_json(&document)?,
        Output::Human => print_bytes(plan_page::page(&document, &arguments.file).as_bytes())?,
    }
    Ok(exit_code)
}

/// Drawn from earlier runs against the same kind of AWS: a simulated second says nothing of a real one.
fn forecast_of(home: &Home, plan: &Plan, arguments: &PlanArguments) -> Result<Forecast, CommandError> {
    let (runs, _broken) = home.past_runs(|started| {
        started.runbook == plan.name && (started.cloud == Cloud::Aws) != arguments.simulate.is_some()
    })?;
    let objective = plan.objectives.rto.map(|rto| rto.num_milliseconds() as f64 / 1000.0);
    let (outlines, history) = (start::outlines(plan), History::of(runs));
    Ok(forecast(&outlines, arguments.mode.into(), objective, &history))
}

async fn look_ahead(
    arguments: &PlanArguments,
    globals: Globals,
    simulation: Option<Simulation>,
    Wanted { plan, catalog, inputs, given }: Wanted,
) -> Result<(Preview, Permitted), CommandError> {
    let mut wiring = match simulation {
        Some(Simulation { world, seed, .. }) => wiring::simulated_to_look_at(world, seed, &arguments.probes)?,
        None => {
            let own_profile = start::profile(&plan, arguments.target.as_deref())?;
            let (profile, region) = (globals.profile.clone(), globals.region.clone());
            wiring::real(profile, own_profile, region, &arguments.probes).await?
        }
    };
    let start = start(arguments, globals.region, &wiring, inputs)?;
    let aim = start::aim(&plan, &catalog, &start, wiring.clock.now())?;
    let caller = wiring.enter(&aim).await;
    let outside = Outside {
        people: Arc::new(Nobody),
        secrets: wiring.secrets(),
        identity: wiring.logins(),
        blocked_limit: Some(Duration::ZERO),
        lock: session::locking(&wiring, None),
    };
    let (registry, clock, plan) = (wiring.registry.clone(), wiring.clock.clone(), Arc::new(plan));
    let foresight = Foresight {
        plan: plan.clone(),
        catalog: catalog.clone(),
        registry,
        clock,
        outside,
        start,
        aim,
        caller,
    };
    let preview = preview(foresight).await?;
    let questions = iam::questions(&plan, &catalog, given, &preview);
    let granted = Permitted::ask(&wiring, &preview, &questions).await;
    Ok((preview, granted))
}

/// What is looked at ahead.
struct Wanted {
    plan: Plan,
    catalog: Catalog,
    /// The inputs, defaults included.
    inputs: Values,
    /// The inputs as they were given.
    given: BTreeMap<String, Value>,
}

fn start(
    arguments: &PlanArguments,
    region: Option<String>,
    wiring: &Wiring,
    inputs: Values,
) -> Result<Start, CommandError> {
    let disrupted_at = arguments.disrupted_at.as_deref().map(super::drill::moment).transpose()?;
    Ok(Start {
        mode: arguments.mode.into(),
        cloud: wiring.cloud.clone(),
        inputs,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        operator: crate::home::user(),
        host: crate::home::host(),
        digests: Vec::new(),
        disrupted_at,
        previous_head: None,
        default_region: region.or_else(|| wiring.default_region()),
        roles: arguments.roles.by_role(),
        people: BTreeMap::new(),
        target: arguments.target.clone(),
    })
}
