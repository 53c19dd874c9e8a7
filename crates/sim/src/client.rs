//! The simulator as the SDK's HTTP client: real SDK calls, no sockets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::simulator::Simulator;
use crate::wire::{Request, Response};

/// Give it to the SDK's configuration as `http_client`. Latencies are waited for with `tokio::time::sleep`, so the
/// runtime's clock must be paused.
#[derive(Debug, Clone)]
pub struct SimHttpClient(Arc<Simulator>);

impl SimHttpClient {
    /// A client of this simulator.
    pub fn new(simulator: Arc<Simulator>) -> SimHttpClient {
        SimHttpClient(simulator)
    }
}

impl HttpClient for SimHttpClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.connector(settings))
    }
}

impl SimHttpClient {
    /// A connector with these time limits, as the SDK asks for one.
    pub fn connector(&self, settings: &HttpConnectorSettings) -> SimConnector {
        SimConnector { simulator: Arc::clone(&self.0), read_timeout: settings.read_timeout() }
    }
}

/// Carries one request after the other to the simulator.
#[derive(Debug)]
pub struct SimConnector {
    simulator: Arc<Simulator>,
    read_timeout: Option<Duration>,
}

impl HttpConnector for SimConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let simulator = Arc::clone(&self.simulator);
        let read_timeout = self.read_timeout;
        HttpConnectorFuture::new(async move {
            let reply = simulator.handle(&plain(&request)?);
            // A reply that comes too late is not read; what the request did has happened all the same.
            if let Some(limit) = read_timeout.filter(|limit| *limit < reply.latency) {
                tokio::time::sleep(limit).await;
                return Err(ConnectorError::timeout(format!("no reply within {limit:?}").into()));
            }
            tokio::time::sleep(reply.latency).await;
            match reply.outcome {
                Ok(response) => of_sdk(response),
                Err(lost) => Err(ConnectorError::io(Box::new(lost))),
            }
        })
    }
}

fn plain(request: &HttpRequest) -> Result<Request, ConnectorError> {
    let body = request.body().bytes().ok_or_else(|| {
        ConnectorError::user("the simulated AWS takes no streamed bodies; send the body as bytes".into())
    })?;
    let headers: BTreeMap<String, String> =
        request.headers().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Ok(Request { method: request.method().into(), uri: request.uri().into(), headers, body: body.to_vec() })
}

fn of_sdk(response: Response) -> Result<HttpResponse, ConnectorError> {
    let other = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(error, None);
    let status = StatusCode::try_from(response.status).map_err(|error| other(Box::new(error)))?;
    let mut reply = HttpResponse::new(status, SdkBody::from(response.body));
    for (name, value) in response.headers {
        reply.headers_mut().try_insert(name, value).map_err(|error| other(Box::new(error)))?;
    }
    Ok(reply)
}
