//! Requests and replies in plain types, for every transport: the SDK's client, a socket, a test.

use std::collections::BTreeMap;
use std::time::Duration;

/// One HTTP request as it reaches the simulated AWS. Header names are lower-case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `POST`, `GET`, …
    pub method: String,
    /// The whole URI, or path and query only.
    pub uri: String,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The credential scope of an AWS signature: access key, Region, service. `None` where the request is unsigned.
    /// The signature itself is not judged: the simulator has no secrets.
    pub fn credential(&self) -> Option<Credential> {
        let (_, rest) = self.header("authorization")?.split_once("Credential=")?;
        let scope = rest.split([',', ' ']).next()?;
        let mut parts = scope.rsplit('/');
        let (_terminator, service) = (parts.next()?, parts.next()?);
        let (region, _date, access_key) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Credential { access_key: access_key.into(), region: region.into(), service: service.into() })
    }

    /// The path of the URI, `/` where there is none; escapes are left as they are.
    pub fn path(&self) -> &str {
        self.target().split('?').next().filter(|path| !path.is_empty()).unwrap_or("/")
    }

    /// The query string of the URI, without its question mark.
    pub fn query(&self) -> &str {
        self.target().split_once('?').map_or("", |(_, query)| query)
    }

    /// Path and query string.
    fn target(&self) -> &str {
        match self.uri.split_once("://") {
            Some((_, rest)) => rest.find(['/', '?']).map_or("", |at| &rest[at..]),
            None => &self.uri,
        }
    }

    /// The host asked, from the URI or the `host` header, without a port.
    pub fn host(&self) -> Option<&str> {
        let authority = match self.uri.split_once("://") {
            Some((_, rest)) => rest.split('/').next(),
            None => self.header("host"),
        }?;
        authority.split(':').next().filter(|host| !host.is_empty())
    }
}

/// What a signature says about its maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The access key id.
    pub access_key: String,
    /// The Region the request was signed for.
    pub region: String,
    /// The signing name of the service.
    pub service: String,
}

/// One HTTP response. Header names are lower-case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes: XML, JSON or CBOR.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The connection broke before a reply was read: nobody can tell whether the request took effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("connection reset by peer")]
pub struct ConnectionLost;

/// What comes back from the simulated AWS, and how long it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Virtual time between the request and its reply. The transport waits; the simulator never does.
    pub latency: Duration,
    /// The response, or none because the connection broke.
    pub outcome: Result<Response, ConnectionLost>,
}
