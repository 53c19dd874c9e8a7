//! Signed requests of our own, for services of which one operation is asked: a client of the SDK has all of them, and takes
//! a minute and more to build.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use lifeboat_engine::action::ActionError;
use std::fmt;
use std::time::SystemTime;

/// What is asked. Only operations that read: who does not get an answer asks again.
pub(crate) struct Request<'a> {
    /// The service as signatures name it.
    pub(crate) service: &'static str,
    /// The operation.
    pub(crate) operation: &'static str,
    /// The endpoint that AWS has for it; one that is configured goes before.
    pub(crate) endpoint: String,
    /// The Region that is signed for.
    pub(crate) region: &'a str,
    /// What is said besides the body.
    pub(crate) headers: &'a [(&'static str, &'static str)],
    /// The body.
    pub(crate) body: String,
    /// Reads why AWS refused.
    pub(crate) refusal: fn(&str) -> Refusal,
}

/// Why AWS refused, as far as its reply says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Debug)]
struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// Asks; gives the text of the reply.
///
/// # Errors
/// When AWS refuses, or does not answer.
pub(crate) async fn ask(aws: &Aws, request: Request<'_>) -> Result<String, ActionError> {
    let (service, operation, refusal) = (request.service, request.operation, request.refusal);
    let endpoint = aws.endpoint().unwrap_or_else(|| request.endpoint.clone());
    let url = format!("{}/", endpoint.trim_end_matches('/'));
    let credentials = aws.credentials().await?;
    let signed = signed(request, &url, &credentials, aws.now());
    let signed = signed.map_err(|error| ActionError::refused("signature", error.to_string()))?;
    let mut call = Operation::builder()
        .service_name(service)
        .operation_name(operation)
        .behavior_version(aws_config::BehaviorVersion::latest())
        .endpoint_url(&url)
        .no_auth()
        .no_retry()
        .timeout_config(aws.limits());
    if let Some(client) = aws.http_client() {
        call = call.http_client(client);
    }
    if let Some(sleep) = aws.sleep_impl() {
        call = call.sleep_impl(sleep);
    }
    let call = call
        .serializer(move |()| signed.try_clone().ok_or_else(|| BoxError::from("the body is not there")))
        .deserializer(move |response: &HttpResponse| read(response, refusal))
        .build();
    call.invoke(()).await.map_err(|error| classify(error, Call::Read))
}

/// The request with its signature.
fn signed(
    request: Request<'_>,
    url: &str,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<HttpRequest, BoxError> {
    let Request { service, region, headers, body, .. } = request;
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()?;
    let bytes = SignableBody::Bytes(body.as_bytes());
    let signable = SignableRequest::new("POST", url, headers.iter().copied(), bytes)?;
    let (instructions, _signature) = sign(signable, &parameters.into())?.into_parts();
    let mut signed = HttpRequest::new(SdkBody::from(body));
    signed.set_method("POST")?;
    signed.set_uri(url)?;
    for (name, value) in headers {
        signed.headers_mut().insert(*name, *value);
    }
    for (name, value) in instructions.headers() {
        signed.headers_mut().insert(name.to_owned(), value.to_owned());
    }
    Ok(signed)
}

fn read(response: &HttpResponse, refusal: fn(&str) -> Refusal) -> Result<String, OrchestratorError<Refused>> {
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    if response.status().is_success() {
        return Ok(text);
    }
    let Refusal { code, message } = refusal(&text);
    let code = code.unwrap_or_else(|| response.status().as_u16().to_string());
    let message = message.unwrap_or_else(|| "no message".to_owned());
    Err(OrchestratorError::operation(Refused(ErrorMetadata::builder().code(code).message(message).build())))
}
