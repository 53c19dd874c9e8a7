//! A signed request to the Query API of IAM.

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
use quick_xml::Reader;
use quick_xml::events::Event;
use std::fmt;
use std::time::SystemTime;

/// The version of the API.
const VERSION: &str = "2010-05-08";

/// IAM is one for a whole partition: its endpoint, and the Region that is signed for
/// (<https://docs.aws.amazon.com/general/latest/gr/iam-service.html>).
fn endpoint(region: &str) -> (&'static str, &'static str) {
    match region {
        region if region.starts_with("cn-") => ("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        region if region.starts_with("us-gov-") => ("https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        _ => ("https://iam.amazonaws.com", "us-east-1"),
    }
}

/// What AWS refused, and why.
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

/// Asks one operation, which only reads; gives the text of the reply.
///
/// # Errors
/// When AWS refuses, or does not answer.
pub(super) async fn ask(
    aws: &Aws,
    region: &str,
    operation: &'static str,
    parameters: &[(String, String)],
) -> Result<String, ActionError> {
    let (own, signed_for) = endpoint(region);
    let url = format!("{}/", aws.endpoint().unwrap_or_else(|| own.to_owned()).trim_end_matches('/'));
    let credentials = aws.credentials().await?;
    let mut form =
        vec![("Action".to_owned(), operation.to_owned()), ("Version".to_owned(), VERSION.to_owned())];
    form.extend(parameters.iter().cloned());
    let body = form.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    let body = body.collect::<Vec<_>>().join("&");
    let request = request(&url, body, &credentials, signed_for, aws.now());
    let request = request.map_err(|error| ActionError::refused("signature", error.to_string()))?;
    let mut call = Operation::builder()
        .service_name("IAM")
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
        .serializer(move |()| request.try_clone().ok_or_else(|| BoxError::from("the body is not there")))
        .deserializer(read)
        .build();
    call.invoke(()).await.map_err(|error| classify(error, Call::Read))
}

/// The request with its signature.
fn request(
    url: &str,
    body: String,
    credentials: &Credentials,
    region: &str,
    now: SystemTime,
) -> Result<HttpRequest, BoxError> {
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("iam")
        .time(now)
        .settings(SigningSettings::default())
        .build()?;
    let headers = [("content-type", FORM)];
    let signable =
        SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _signature) = sign(signable, &parameters.into())?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri(url)?;
    request.headers_mut().insert("content-type", FORM);
    for (name, value) in instructions.headers() {
        request.headers_mut().insert(name.to_owned(), value.to_owned());
    }
    Ok(request)
}

fn read(response: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    if response.status().is_success() {
        return Ok(text);
    }
    let found =
        |name: &str| elements(&text).into_iter().find(|(path, _)| path.ends_with(name)).map(|it| it.1);
    let code = found("/Code").unwrap_or_else(|| response.status().as_u16().to_string());
    let message = found("/Message").unwrap_or_else(|| "no message".to_owned());
    Err(OrchestratorError::operation(Refused(ErrorMetadata::builder().code(code).message(message).build())))
}

/// The texts of an XML document, each with its path: `/A/B/C`. Of what is no XML, those before it.
pub(super) fn elements(text: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(text);
    let (mut path, mut held, mut found) = (String::new(), String::new(), Vec::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                path.push('/');
                path.push_str(start.local_name().as_ref());
                held.clear();
            }
            Ok(Event::Text(text)) => held.push_str(&text),
            Ok(Event::GeneralRef(name)) => {
                let escape = format!("&{};", &*name);
                held.push_str(&quick_xml::escape::unescape(&escape).unwrap_or_default());
            }
            Ok(Event::End(_)) => {
                found.push((path.clone(), std::mem::take(&mut held)));
                path.truncate(path.rfind('/').unwrap_or(0));
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

/// As forms and signatures want it: all but the letters, digits and `-._~` of RFC 3986.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => escaped.push(char::from(byte)),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_path() {
        let text = "<A xmlns=\"x\"><B><C>one &amp; two</C></B><B><C>three</C><D/></B></A>";
        let found = elements(text);
        let texts: Vec<&str> =
            found.iter().filter(|(path, _)| path == "/A/B/C").map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["one & two", "three"]);
    }

    #[test]
    fn a_form_is_escaped() {
        assert_eq!(escaped("arn:aws:rds:*:a b"), "arn%3Aaws%3Ards%3A%2A%3Aa%20b");
    }
}
