//! A structure as handlers write it once, for JSON, CBOR and XML alike.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::Xml;

/// A value of an output. Times stay times until the protocol is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// A text.
    Text(String),
    /// A time.
    Time(DateTime<Utc>),
    /// A list.
    List(Vec<Document>),
    /// A structure, or a map by texts.
    Structure(BTreeMap<String, Document>),
}

impl Document {
    /// A structure without members.
    pub fn new() -> Document {
        Document::Structure(BTreeMap::new())
    }

    /// Adds a member to a structure.
    pub fn with(mut self, name: &str, value: impl Into<Document>) -> Document {
        if let Document::Structure(members) = &mut self {
            members.insert(name.into(), value.into());
        }
        self
    }

    /// Adds a member, if there is a value.
    pub fn optional(self, name: &str, value: Option<impl Into<Document>>) -> Document {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a member that is a list.
    pub fn list<T: Into<Document>>(self, name: &str, items: impl IntoIterator<Item = T>) -> Document {
        self.with(name, Document::List(items.into_iter().map(Into::into).collect()))
    }

    /// As JSON, with times as seconds since 1970, the form of awsJson and restJson1.
    pub fn to_json(&self) -> Value {
        match self {
            Document::Flag(flag) => json!(flag),
            Document::Number(number) => json!(number),
            Document::Fraction(fraction) => json!(fraction),
            Document::Text(text) => json!(text),
            Document::Time(time) => match time.timestamp_subsec_millis() {
                0 => json!(time.timestamp()),
                _ => json!(time.timestamp_millis() as f64 / 1000.0),
            },
            Document::List(items) => items.iter().map(Document::to_json).collect(),
            Document::Structure(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), value.to_json()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// As elements of XML; items of lists are called `member`, as in all of CloudWatch's lists.
    pub fn to_xml(&self) -> Xml {
        match self {
            Document::Structure(members) => {
                members.iter().fold(Xml::new(), |xml, (name, value)| value.add_to(xml, name))
            }
            other => other.add_to(Xml::new(), "value"),
        }
    }

    fn add_to(&self, xml: Xml, name: &str) -> Xml {
        match self {
            Document::Flag(flag) => xml.text(name, flag),
            Document::Number(number) => xml.text(name, number),
            Document::Fraction(fraction) => xml.text(name, fraction),
            Document::Text(text) => xml.text(name, text),
            Document::Time(time) => xml.text(name, time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Document::List(items) => {
                let inner = items.iter().fold(Xml::new(), |inner, item| item.add_to(inner, "member"));
                xml.nest(name, inner)
            }
            Document::Structure(_) => xml.nest(name, self.to_xml()),
        }
    }
}

impl Default for Document {
    fn default() -> Document {
        Document::new()
    }
}

impl From<bool> for Document {
    fn from(flag: bool) -> Document {
        Document::Flag(flag)
    }
}

impl From<i64> for Document {
    fn from(number: i64) -> Document {
        Document::Number(number)
    }
}

impl From<u32> for Document {
    fn from(number: u32) -> Document {
        Document::Number(number.into())
    }
}

impl From<f64> for Document {
    fn from(fraction: f64) -> Document {
        Document::Fraction(fraction)
    }
}

impl From<&str> for Document {
    fn from(text: &str) -> Document {
        Document::Text(text.into())
    }
}

impl From<String> for Document {
    fn from(text: String) -> Document {
        Document::Text(text)
    }
}

impl From<&String> for Document {
    fn from(text: &String) -> Document {
        Document::Text(text.clone())
    }
}

impl From<DateTime<Utc>> for Document {
    fn from(time: DateTime<Utc>) -> Document {
        Document::Time(time)
    }
}

impl<T: Into<Document> + Clone> From<&BTreeMap<String, T>> for Document {
    fn from(map: &BTreeMap<String, T>) -> Document {
        Document::Structure(map.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect())
    }
}

impl<T: Into<Document>> From<Vec<T>> for Document {
    fn from(items: Vec<T>) -> Document {
        Document::List(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Document {
        let time = DateTime::from_timestamp_millis(1_767_603_600_250);
        Document::new()
            .with("Name", "a<b")
            .with("Count", 3i64)
            .optional("At", time)
            .optional("Absent", None::<&str>)
            .list("Items", [Document::new().with("Flag", true)])
    }

    #[test]
    fn json_has_times_as_seconds() {
        let expected = r#"{"At":1767603600.25,"Count":3,"Items":[{"Flag":true}],"Name":"a<b"}"#;
        let parsed: Value = serde_json::from_str(expected).unwrap_or_default();
        assert_eq!(sample().to_json(), parsed);
    }

    #[test]
    fn xml_has_times_in_iso_8601_and_calls_items_member() {
        let expected = "<At>2026-01-05T09:00:00.250Z</At><Count>3</Count>\
             <Items><member><Flag>true</Flag></member></Items><Name>a&lt;b</Name>";
        assert_eq!(sample().to_xml().as_str(), expected);
    }
}
