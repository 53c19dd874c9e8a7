//! awsQuery: a form in the body, XML in the reply.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{ApiError, Incoming, Xml};

/// The parameters of a request, flat as on the wire: `Tags.Tag.1.Key`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

/// Reads a form: `Action`, `Version`, and all the rest as parameters. An absent `Action` is an empty operation name.
pub fn parse(body: &[u8]) -> Incoming {
    let mut fields: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let operation = fields.remove("Action").unwrap_or_default();
    let version = fields.remove("Version").unwrap_or_default();
    Incoming { operation, version, params: Params(fields), ..Incoming::default() }
}

impl Params {
    /// Parameters from what was kept of them.
    pub fn new(fields: BTreeMap<String, String>) -> Params {
        Params(fields)
    }

    /// The parameters as they are kept.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// A text; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `MissingParameter`.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        let missing =
            || ApiError::new("MissingParameter", format!("The request must contain the parameter {name}."));
        self.get(name).ok_or_else(missing)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `MalformedInput` when it is neither.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.parsed(name)
    }

    /// A whole number.
    ///
    /// # Errors
    /// `MalformedInput` when it is none.
    pub fn number(&self, name: &str) -> Result<Option<u32>, ApiError> {
        self.parsed(name)
    }

    /// A time in ISO 8601.
    ///
    /// # Errors
    /// `MalformedInput` when it is none.
    pub fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        self.parsed(name)
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let malformed = |_| ApiError::new("MalformedInput", format!("{text:?} is not a value of {name}"));
        text.parse().map(Some).map_err(malformed)
    }

    /// A list of texts under either list name: `Ids.member.1` and `Ids.Id.1`.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.structures(name).into_iter().filter_map(|mut item| item.0.remove("")).collect()
    }

    /// Whether any member of the list was sent.
    pub fn has_list(&self, name: &str) -> bool {
        !self.structures(name).is_empty()
    }

    /// A list of structures; the fields of each without their prefix.
    pub fn structures(&self, name: &str) -> Vec<Params> {
        let prefix = format!("{name}.");
        let mut items: BTreeMap<u64, BTreeMap<String, String>> = BTreeMap::new();
        for (key, value) in self.0.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let mut parts = key[prefix.len()..].splitn(3, '.');
            let (_member, number) = (parts.next(), parts.next().and_then(|number| number.parse().ok()));
            if let Some(number) = number {
                let field = parts.next().unwrap_or_default();
                items.entry(number).or_default().insert(field.into(), value.clone());
            }
        }
        items.into_values().map(Params).collect()
    }
}

/// A good reply.
pub fn reply(operation: &str, namespace: &str, result: &Xml, request_id: &str) -> String {
    let inner = Xml::new()
        .nest(&format!("{operation}Result"), result.clone())
        .nest("ResponseMetadata", Xml::new().text("RequestId", request_id));
    format!("<{operation}Response xmlns=\"{namespace}\">{}</{operation}Response>", inner.as_str())
}

/// An error's reply.
pub fn error(error: &ApiError, namespace: &str, request_id: &str) -> String {
    let side = if error.status < 500 { "Sender" } else { "Receiver" };
    let inner = Xml::new().text("Type", side).text("Code", &error.code).text("Message", &error.message);
    let body = Xml::new().nest("Error", inner).text("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{namespace}\">{}</ErrorResponse>", body.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_either_kind_are_read_in_number_order() {
        let query = parse(
            b"Action=Op&Version=1&A.A.10=last&A.A.2=first&B.member.1=x&Tags.Tag.1.Key=k&Tags.Tag.1.Value=v+w%26",
        );
        assert_eq!((query.operation.as_str(), query.version.as_str()), ("Op", "1"));
        assert_eq!(query.params.list("A"), ["first", "last"]);
        assert_eq!(query.params.list("B"), ["x"]);
        let tags = query.params.structures("Tags");
        assert_eq!((tags[0].get("Key"), tags[0].get("Value")), (Some("k"), Some("v w&")));
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        let params = parse(b"Flag=maybe&Number=12&Time=2026-01-05T09:00:00Z").params;
        assert_eq!(params.flag("Flag").map_err(|error| error.code), Err("MalformedInput".into()));
        assert_eq!(params.number("Number"), Ok(Some(12)));
        assert_eq!(
            params.time("Time").map(|time| time.map(|time| time.timestamp())),
            Ok(Some(1_767_603_600))
        );
        assert_eq!(params.required("Absent").map_err(|error| error.code), Err("MissingParameter".into()));
    }
}
