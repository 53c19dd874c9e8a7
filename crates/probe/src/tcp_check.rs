//! `tcp.check`.

use crate::connect_to::{Address, ConnectTo};
use crate::dial::{Dial, DialRequest};
use crate::parameters::{milliseconds, port, timeout};
use crate::spec;
use async_trait::async_trait;
use lifeboat_engine::action::{Action, ActionError, Note, Observation, Prepared, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// `tcp.check`.
pub(crate) struct TcpCheck {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) connect_to: ConnectTo,
}

#[async_trait]
impl Action for TcpCheck {
    fn spec(&self) -> &'static ActionSpec {
        &spec::TCP_CHECK
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let findings = self.connect_to.findings(&address(cx)?);
        Ok(Prepared { token: cx.token(), findings, ..Prepared::default() })
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let address = address(cx)?;
        if let Some(told) = self.connect_to.told(&address) {
            cx.note(Note::Evidence { kind: "connect_to".to_owned(), value: told.into() })?;
        }
        let connect = self.connect_to.target(&address);
        let request = DialRequest { address, connect, timeout: timeout(cx, DEFAULT_TIMEOUT)? };
        let took = self
            .dial
            .dial(&request)
            .await
            .map_err(|error| ActionError::failed(error.code(), error.to_string()))?;
        Ok(Observation::Ready(BTreeMap::from([("ms".to_owned(), milliseconds(took))])))
    }
}

fn address(cx: &StepContext) -> Result<Address, ActionError> {
    let host = cx.required("host")?.to_owned();
    match port(cx, 0)? {
        0 => Err(ActionError::refused("MissingParameter", "the parameter `port` has no value")),
        port => Ok(Address::new(host, port)),
    }
}
