//! The Query API of IAM.

use crate::connect::Aws;
use crate::signed::{self, Refusal, Request};
use lifeboat_engine::action::ActionError;
use quick_xml::Reader;
use quick_xml::events::Event;

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
    let (endpoint, region) = endpoint(region);
    let mut form =
        vec![("Action".to_owned(), operation.to_owned()), ("Version".to_owned(), VERSION.to_owned())];
    form.extend(parameters.iter().cloned());
    let body = form.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    let request = Request {
        service: "iam",
        operation,
        endpoint: endpoint.to_owned(),
        region,
        headers: &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
        body: body.collect::<Vec<_>>().join("&"),
        refusal,
    };
    signed::ask(aws, request).await
}

fn refusal(text: &str) -> Refusal {
    let found = |name: &str| elements(text).into_iter().find(|(path, _)| path.ends_with(name)).map(|it| it.1);
    Refusal { code: found("/Code"), message: found("/Message") }
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
