//! A step context for tests of judgements, and a client that must not be asked.

use crate::connect::Aws;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{ActionError, Note, Notes, Place, Prepared, Recorded, StepContext, Values};
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::units;
use std::sync::Arc;

/// Judging asks nobody: a client that is asked is a mistake.
#[derive(Debug)]
struct Nobody;

impl HttpClient for Nobody {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        panic!("a judgement made a call")
    }
}

struct Silent;

impl Notes for Silent {
    fn note(&self, _: &StepPath, _: u32, _: Note) -> Result<(), ActionError> {
        Ok(())
    }
}

pub(crate) fn aws() -> Arc<Aws> {
    Arc::new(Aws::simulated(Nobody, now))
}

pub(crate) fn now() -> DateTime<Utc> {
    units::parse_time("2026-01-05T09:00:00Z").unwrap()
}

/// The first attempt of a step of a drill that has seen these states.
pub(crate) fn context(states_seen: &[&str]) -> StepContext {
    StepContext {
        run: RunId::new("k3v7qa2mxyz4567b"),
        runbook: "book".into(),
        path: StepPath::new("step"),
        attempt: 1,
        effect: None,
        mode: Mode::Drill,
        place: Place { account: "111122223333".into(), region: "eu-west-1".into() },
        with: Values::new(),
        wait_for: None,
        run_started_at: now(),
        prepared: Prepared::default(),
        recorded: Recorded {
            started_at: Some(now()),
            states_seen: states_seen.iter().map(|state| (*state).to_owned()).collect(),
            ..Recorded::default()
        },
        now: now(),
        notes: Arc::new(Silent),
        adopted: false,
    }
}
