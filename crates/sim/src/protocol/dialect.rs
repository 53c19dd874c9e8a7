//! Which protocol a service speaks, which of its dialects a request is in, and the way in and out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::query::{self, Params};
use super::{ApiError, Document, Input, Route, Xml, cbor, json, rest};
use crate::wire::Request;

/// How a service is spoken to, by the protocols of the Smithy specification.
#[derive(Debug)]
pub enum Protocol {
    /// awsQuery: a form, answered in XML of this namespace. Its handlers read [`Params`] and write [`Xml`].
    Query {
        /// The XML namespace of the replies.
        namespace: &'static str,
    },
    /// awsJson1.1: `X-Amz-Target` names this prefix and the operation.
    Json {
        /// The target's prefix.
        target: &'static str,
    },
    /// restJson1: method and path name the operation.
    Rest {
        /// One for each operation.
        routes: &'static [Route],
    },
    /// rpcv2Cbor, awsJson1.0 or awsQuery, as the client likes. CloudWatch is such a service: the Rust SDK speaks
    /// only rpcv2Cbor to it, boto3 and the AWS CLI either of the others.
    Several {
        /// The service's shape: in the path of rpcv2Cbor, and the prefix of awsJson's target.
        shape: &'static str,
        /// The XML namespace of the replies to awsQuery.
        namespace: &'static str,
    },
}

/// The protocol of one request and of its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// awsQuery.
    Query,
    /// awsJson1.0.
    Json10,
    /// awsJson1.1.
    Json11,
    /// restJson1.
    Rest,
    /// rpcv2Cbor.
    Cbor,
}

/// What a request asks for. Which of the two kinds of parameters is filled follows from the service's protocol.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Incoming {
    /// The operation; empty where the request names none.
    pub operation: String,
    /// The API version, where the request names it.
    pub version: String,
    /// The flat parameters of awsQuery.
    pub params: Params,
    /// The parameters of the protocols that send documents.
    pub input: Input,
}

/// What a handler answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// The elements inside `…Result`.
    Xml(Xml),
    /// The output structure.
    Document(Document),
}

impl From<Xml> for Body {
    fn from(xml: Xml) -> Body {
        Body::Xml(xml)
    }
}

impl From<Document> for Body {
    fn from(document: Document) -> Body {
        Body::Document(document)
    }
}

/// A reply on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The HTTP status.
    pub status: u16,
    /// Headers that belong to the protocol, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Protocol {
    /// The dialect of a request to such a service.
    pub fn dialect(&self, request: &Request) -> Dialect {
        match self {
            Protocol::Query { .. } => Dialect::Query,
            Protocol::Json { .. } => Dialect::Json11,
            Protocol::Rest { .. } => Dialect::Rest,
            Protocol::Several { .. } => Dialect::guess(request),
        }
    }

    /// The XML namespace of replies in awsQuery.
    pub fn namespace(&self) -> &'static str {
        match self {
            Protocol::Query { namespace } | Protocol::Several { namespace, .. } => namespace,
            Protocol::Json { .. } | Protocol::Rest { .. } => "",
        }
    }

    /// Reads a request's operation and parameters.
    ///
    /// # Errors
    /// When the body is not of the dialect.
    pub fn read(&self, dialect: Dialect, request: &Request) -> Result<Incoming, ApiError> {
        match (self, dialect) {
            (Protocol::Query { .. }, _) => Ok(query::parse(&request.body)),
            (Protocol::Rest { routes }, _) => rest::read(routes, request),
            (Protocol::Json { target }, _) => json::read(target, request),
            (Protocol::Several { shape, .. }, Dialect::Cbor) => cbor::read(shape, request),
            (Protocol::Several { shape, .. }, Dialect::Json10 | Dialect::Json11) => {
                json::read(shape, request)
            }
            (Protocol::Several { .. }, Dialect::Query | Dialect::Rest) => {
                let Incoming { operation, version, params, .. } = query::parse(&request.body);
                Ok(Incoming { operation, version, params: Params::default(), input: Input::of_form(&params) })
            }
        }
    }

    /// The HTTP status of an operation's good reply.
    pub fn success(&self, operation: &str) -> u16 {
        match self {
            Protocol::Rest { routes } => {
                routes.iter().find(|route| route.operation == operation).map_or(200, |route| route.status)
            }
            _ => 200,
        }
    }

    /// The parameters as the world's log keeps them.
    pub fn kept(&self, incoming: &Incoming) -> BTreeMap<String, Value> {
        match self {
            Protocol::Query { .. } => {
                let fields = incoming.params.as_map().iter();
                fields.map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect()
            }
            _ => incoming.input.kept(),
        }
    }

    /// The parameters from the world's log.
    pub fn restored(&self, kept: &BTreeMap<String, Value>) -> (Params, Input) {
        match self {
            Protocol::Query { .. } => {
                let text = |value: &Value| value.as_str().map(str::to_owned);
                let fields = kept.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
                (Params::new(fields.collect()), Input::default())
            }
            _ => (Params::default(), Input::of_kept(kept)),
        }
    }
}

impl Dialect {
    /// The dialect of a request to nobody knows whom.
    pub fn guess(request: &Request) -> Dialect {
        let is = |kind: &str| request.header("content-type").is_some_and(|value| value.starts_with(kind));
        if request.header("smithy-protocol") == Some("rpc-v2-cbor") {
            Dialect::Cbor
        } else if request.header("x-amz-target").is_some() {
            if is("application/x-amz-json-1.0") { Dialect::Json10 } else { Dialect::Json11 }
        } else if request.method == "POST" && !is("application/json") {
            Dialect::Query
        } else {
            Dialect::Rest
        }
    }

    /// A code as this dialect calls it: what awsQuery calls `ExpiredToken` is `ExpiredTokenException` elsewhere
    /// (AWS general reference, common errors of the Query and of the JSON protocols).
    pub fn common(self, code: &str) -> String {
        match (self, code) {
            (Dialect::Query, _) => code.to_owned(),
            (_, "InvalidAction") => "UnknownOperationException".to_owned(),
            (_, "InvalidClientTokenId") => "UnrecognizedClientException".to_owned(),
            (_, "AccessDenied") => "AccessDeniedException".to_owned(),
            _ => format!("{code}Exception"),
        }
    }

    /// A good reply.
    pub fn reply(self, protocol: &Protocol, operation: &str, body: &Body, request_id: &str) -> Outgoing {
        let status = protocol.success(operation);
        let bytes = match (self, body) {
            // A status without content has no body, not even an empty document.
            _ if status == 204 => Vec::new(),
            (_, Body::Xml(xml)) => {
                query::reply(operation, protocol.namespace(), xml, request_id).into_bytes()
            }
            (Dialect::Query, Body::Document(document)) => {
                query::reply(operation, protocol.namespace(), &document.to_xml(), request_id).into_bytes()
            }
            (Dialect::Cbor, Body::Document(document)) => cbor::write(document),
            (_, Body::Document(document)) => document.to_json().to_string().into_bytes(),
        };
        Outgoing { status, headers: self.headers(), body: bytes }
    }

    /// A refusal.
    pub fn refusal(self, error: &ApiError, namespace: &str, request_id: &str) -> Outgoing {
        let mut headers = self.headers();
        let body = match self {
            Dialect::Query => query::error(error, namespace, request_id).into_bytes(),
            Dialect::Cbor => cbor::write(&json::error(error)),
            Dialect::Json10 | Dialect::Json11 => json::error(error).to_json().to_string().into_bytes(),
            Dialect::Rest => {
                headers.insert("x-amzn-errortype".into(), error.code.clone());
                rest::error(error).to_json().to_string().into_bytes()
            }
        };
        if matches!(self, Dialect::Cbor | Dialect::Json10) {
            // What clients of awsQuery were told before the service spoke anything else (Smithy, awsQueryCompatible).
            let side = if error.status < 500 { "Sender" } else { "Receiver" };
            headers.insert("x-amzn-query-error".into(), format!("{};{side}", error.code));
        }
        Outgoing { status: error.status, headers, body }
    }

    fn headers(self) -> BTreeMap<String, String> {
        let kind = match self {
            Dialect::Query => "text/xml",
            Dialect::Json10 => "application/x-amz-json-1.0",
            Dialect::Json11 => "application/x-amz-json-1.1",
            Dialect::Rest => "application/json",
            Dialect::Cbor => "application/cbor",
        };
        let mut headers = BTreeMap::from([("content-type".to_owned(), kind.to_owned())]);
        if self == Dialect::Cbor {
            headers.insert("smithy-protocol".into(), "rpc-v2-cbor".into());
        }
        headers
    }
}
