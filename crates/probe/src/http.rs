//! The port to servers that speak HTTP.

use crate::connect_to::Address;
use crate::dial::NoAnswer;
use crate::tls::Tls;
use async_trait::async_trait;
use lifeboat_runbook::value::Secret;
use std::collections::BTreeMap;
use std::time::Duration;

/// No more of a body is read: 1 MiB. A check looks for a word, it does not fetch files.
pub const MOST_BODY: usize = 1 << 20;

/// A question to a server. A redirect is an answer and is not followed.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// The URL, `http` or `https`.
    pub url: reqwest::Url,
    /// The host and the port of the URL; certificates must be made out to this host.
    pub address: Address,
    /// Where the connection goes.
    pub connect: Address,
    /// `GET`, `HEAD`, `OPTIONS`.
    pub method: String,
    /// Headers by name; any of them may be secret.
    pub headers: BTreeMap<String, Secret>,
    /// How the server proves who it is.
    pub tls: Tls,
    /// How long it may take, its body included.
    pub timeout: Duration,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// From the first byte sent to the last one read.
    pub took: Duration,
    /// The body, at most [`MOST_BODY`] of it.
    pub body: Vec<u8>,
}

/// Somebody who can ask a server.
#[async_trait]
pub trait Http: Send + Sync {
    /// Asks once.
    ///
    /// # Errors
    /// Why there is no answer; an answer of any status is one.
    async fn ask(&self, request: &HttpRequest) -> Result<HttpAnswer, NoAnswer>;
}
