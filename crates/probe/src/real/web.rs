//! Servers that speak HTTP.

use super::trust::{Purpose, Trust};
use super::{chain, resolve};
use crate::dial::NoAnswer;
use crate::http::{Http, HttpAnswer, HttpRequest, MOST_BODY};
use async_trait::async_trait;
use lifeboat_engine::clock::{Clock, TooLong};
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The machine's network.
pub(super) struct Web {
    clock: Clock,
    trust: Arc<Trust>,
}

#[async_trait]
impl Http for Web {
    async fn ask(&self, request: &HttpRequest) -> Result<HttpAnswer, NoAnswer> {
        match self.clock.frozen(request.timeout, self.converse(request)).await {
            Ok(answer) => answer,
            Err(TooLong(limit)) => Err(NoAnswer::Timeout { address: request.address.clone(), limit }),
        }
    }
}

impl Web {
    pub(super) fn new(clock: Clock, trust: Arc<Trust>) -> Self {
        Self { clock, trust }
    }

    async fn converse(&self, request: &HttpRequest) -> Result<HttpAnswer, NoAnswer> {
        let address = request.address.clone();
        let failed = |error: reqwest::Error| told(request, error);
        let began = self.clock.mono_ms();
        let addresses = resolve(&request.connect)
            .await
            .map_err(|error| NoAnswer::Connect { address, why: error.to_string() })?;
        let client = self.client(request, &addresses)?;
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or(Method::GET);
        let sent = client.request(method, elsewhere(request)).headers(headers(request)?).send();
        let mut response = sent.await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            let room = MOST_BODY - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == MOST_BODY {
                break;
            }
        }
        Ok(HttpAnswer { status, took: Duration::from_millis(self.clock.mono_ms() - began), body })
    }

    /// A client of one request: a kept connection would not show that new ones can be made. No proxy of the
    /// environment: the check asks what the URL names.
    fn client(&self, request: &HttpRequest, addresses: &[SocketAddr]) -> Result<Client, NoAnswer> {
        let refuse = |why| NoAnswer::Tls { address: request.address.clone(), why };
        let config = self.trust.config(&request.tls, Purpose::Web).map_err(refuse)?;
        Client::builder()
            .tls_backend_preconfigured((*config).clone())
            .redirect(Policy::none())
            .no_proxy()
            .http1_only()
            .user_agent(concat!("lifeboat/", env!("CARGO_PKG_VERSION")))
            .resolve_to_addrs(&request.address.host, addresses)
            .build()
            .map_err(|error| told(request, error))
    }
}

/// The URL with the port, and for a bare IP address the host, to connect to.
fn elsewhere(request: &HttpRequest) -> Url {
    let mut url = request.url.clone();
    if request.connect == request.address {
        return url;
    }
    // A URL that has a host can have another; both calls refuse only URLs without one.
    let _changed = url.set_port(Some(request.connect.port));
    if request.address.host.parse::<IpAddr>().is_ok() {
        let _changed = url.set_host(Some(&request.connect.host));
    }
    url
}

fn headers(request: &HttpRequest) -> Result<HeaderMap, NoAnswer> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let why = format!("the header `{name}` cannot be sent");
        let refuse = || NoAnswer::Connect { address: request.address.clone(), why: why.clone() };
        let header: HeaderName = name.parse().map_err(|_| refuse())?;
        let value = HeaderValue::from_str(value.expose()).map_err(|_| refuse())?;
        headers.insert(header, value);
    }
    if request.connect != request.address && !headers.contains_key(HOST) {
        let authority = request.url.authority();
        headers.extend(HeaderValue::from_str(authority).ok().map(|authority| (HOST, authority)));
    }
    Ok(headers)
}

/// The error without the URL, which may hold what nobody should read.
fn told(request: &HttpRequest, error: reqwest::Error) -> NoAnswer {
    let error = error.without_url();
    let address = request.address.clone();
    let why = chain(&error);
    match concerns_tls(&error) {
        true => NoAnswer::Tls { address, why },
        false => NoAnswer::Connect { address, why },
    }
}

/// Whether TLS is somewhere among the causes; errors of I/O hold theirs inside, where `source` passes them by.
fn concerns_tls(error: &(dyn Error + 'static)) -> bool {
    let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || inside.is_some_and(|inside| concerns_tls(inside))
        || error.source().is_some_and(concerns_tls)
}
