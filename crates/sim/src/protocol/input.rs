//! The parameters of a request that sends a document.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::ApiError;
use super::query::Params;

/// A structure as it was sent, whatever the protocol: JSON, CBOR, a form, or path and query string. Where a protocol
/// only has texts, a text that reads as the wanted type is that type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input(Map<String, Value>);

impl Input {
    /// The structure of these members.
    pub fn new(members: Map<String, Value>) -> Input {
        Input(members)
    }

    /// The structure behind a form's flat names, such as `Names.member.1`.
    pub fn of_form(params: &Params) -> Input {
        let mut root = Map::new();
        for (name, text) in params.as_map() {
            let path: Vec<&str> = name.split('.').collect();
            plant(&mut root, &path, text);
        }
        Input(root.into_iter().map(|(name, value)| (name, listed(value))).collect())
    }

    /// The structure that the world's log kept.
    pub fn of_kept(kept: &BTreeMap<String, Value>) -> Input {
        Input(kept.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The structure as the world's log keeps it.
    pub fn kept(&self) -> BTreeMap<String, Value> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Puts a member in, in place of one of the same name.
    pub(crate) fn insert(&mut self, name: &str, value: Value) {
        self.0.insert(name.into(), value);
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether a member was sent.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A text.
    ///
    /// # Errors
    /// `SerializationException` when the member is something else; so it is for all readers below.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        self.value(name).map(|value| value.as_str().ok_or_else(|| wrong_type(name, "a string"))).transpose()
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `ValidationException` when it is absent or empty.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
    }

    /// True or false.
    ///
    /// # Errors
    /// When it is neither.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let read = |value: &Value| value.as_bool().or_else(|| value.as_str()?.parse().ok());
        self.value(name).map(|value| read(value).ok_or_else(|| wrong_type(name, "a boolean"))).transpose()
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let read = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
        self.value(name).map(|value| read(value).ok_or_else(|| wrong_type(name, "an integer"))).transpose()
    }

    /// A time: seconds since 1970, or ISO 8601.
    ///
    /// # Errors
    /// When it is none.
    pub fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        let read = |value: &Value| match value {
            Value::Number(_) => {
                let milliseconds = (value.as_f64()? * 1000.0).round();
                DateTime::from_timestamp_millis(milliseconds as i64)
            }
            _ => value.as_str()?.parse().ok(),
        };
        self.value(name).map(|value| read(value).ok_or_else(|| wrong_type(name, "a timestamp"))).transpose()
    }

    /// A structure.
    ///
    /// # Errors
    /// When it is none.
    pub fn structure(&self, name: &str) -> Result<Option<Input>, ApiError> {
        self.value(name).map(|value| structure(name, value)).transpose()
    }

    fn items(&self, name: &str) -> Result<&[Value], ApiError> {
        match self.value(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(wrong_type(name, "a list")),
        }
    }

    /// A list of structures; an absent one is empty.
    ///
    /// # Errors
    /// When it is something else.
    pub fn structures(&self, name: &str) -> Result<Vec<Input>, ApiError> {
        self.items(name)?.iter().map(|item| structure(name, item)).collect()
    }

    /// A list of texts; an absent one is empty.
    ///
    /// # Errors
    /// When it is something else.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, ApiError> {
        self.items(name)?.iter().map(|item| text(name, item)).collect()
    }

    /// A map from texts to texts; an absent one is empty.
    ///
    /// # Errors
    /// When it is something else.
    pub fn map(&self, name: &str) -> Result<BTreeMap<String, String>, ApiError> {
        let members = self.structure(name)?.unwrap_or_default().0;
        members.iter().map(|(key, value)| Ok((key.clone(), text(name, value)?))).collect()
    }

    /// A map from texts to lists of texts; an absent one is empty.
    ///
    /// # Errors
    /// When it is something else.
    pub fn lists(&self, name: &str) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
        let members = self.structure(name)?.unwrap_or_default();
        members.0.keys().map(|key| Ok((key.clone(), members.texts(key)?))).collect()
    }
}

fn structure(name: &str, value: &Value) -> Result<Input, ApiError> {
    value.as_object().cloned().map(Input).ok_or_else(|| wrong_type(name, "a structure"))
}

fn text(name: &str, value: &Value) -> Result<String, ApiError> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong_type(name, "a string"))
}

fn wrong_type(name: &str, wanted: &str) -> ApiError {
    ApiError::new("SerializationException", format!("{name} is not {wanted}"))
}

fn missing(name: &str) -> ApiError {
    let message = format!(
        "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
        lower_first(name)
    );
    ApiError::new("ValidationException", message)
}

/// AWS names a member in its messages with a small first letter.
fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Puts a text at a path of nested structures; a path through a text replaces the text.
fn plant(members: &mut Map<String, Value>, path: &[&str], text: &str) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        members.insert((*first).to_owned(), Value::String(text.to_owned()));
        return;
    }
    let inner = members.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new()));
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Value::Object(inner) = inner {
        plant(inner, rest, text);
    }
}

/// Makes lists of structures whose only member is `member`, in the order of their numbers.
fn listed(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    match members.get("member") {
        Some(Value::Object(items)) if members.len() == 1 => {
            let numbered =
                items.iter().filter_map(|(number, item)| Some((number.parse::<u32>().ok()?, item)));
            let ordered: BTreeMap<u32, &Value> = numbered.collect();
            ordered.into_values().map(|item| listed(item.clone())).collect()
        }
        _ => Value::Object(members.into_iter().map(|(name, value)| (name, listed(value))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::query;

    #[test]
    fn a_form_becomes_lists_and_structures() -> Result<(), ApiError> {
        let form = b"Action=X&AlarmNames.member.10=z&AlarmNames.member.9=y&M.member.1.Id=q&M.member.1.Stat.Period=60\
            &Flag=true&At=2026-01-05T09:00:00Z";
        let input = Input::of_form(&query::parse(form).params);
        assert_eq!(input.texts("AlarmNames")?, ["y", "z"]);
        let first = &input.structures("M")?[0];
        assert_eq!(first.text("Id")?, Some("q"));
        assert_eq!(first.structure("Stat")?.unwrap_or_default().number("Period")?, Some(60));
        assert_eq!(input.flag("Flag")?, Some(true));
        assert_eq!(input.time("At")?.map(|time| time.timestamp()), Some(1_767_603_600));
        assert!(input.texts("Absent")?.is_empty());
        Ok(())
    }

    #[test]
    fn what_has_another_type_is_refused_and_what_is_missing_is_named() {
        let input: Map<String, Value> =
            serde_json::from_str(r#"{"Name":3,"List":"x","Empty":""}"#).unwrap_or_default();
        let input = Input::new(input);
        let code = |error: ApiError| error.code;
        assert_eq!(input.text("Name").map_err(code), Err("SerializationException".into()));
        assert_eq!(input.texts("List").map_err(code), Err("SerializationException".into()));
        assert_eq!(input.required("Empty").map_err(code), Err("ValidationException".into()));
        let message = input.required("SecretId").map_err(|error| error.message);
        assert!(message.is_err_and(|message| message.contains("Value null at 'secretId'")));
    }
}
