//! A writer of XML elements that escapes what it is given.

use std::fmt::Display;

use chrono::{DateTime, SecondsFormat, Utc};
use quick_xml::escape::escape;

/// XML elements in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xml(String);

impl Xml {
    /// No elements.
    pub fn new() -> Xml {
        Xml::default()
    }

    /// Adds an element that holds a text.
    pub fn text(mut self, name: &str, value: impl Display) -> Xml {
        let value = value.to_string();
        self.0.push_str(&format!("<{name}>{}</{name}>", escape(value.as_str())));
        self
    }

    /// Adds an element, if there is a value.
    pub fn optional(self, name: &str, value: Option<impl Display>) -> Xml {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds an element that holds a time.
    pub fn time(self, name: &str, value: DateTime<Utc>) -> Xml {
        self.text(name, value.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    /// Adds an element that holds a time, if there is one.
    pub fn optional_time(self, name: &str, value: Option<DateTime<Utc>>) -> Xml {
        match value {
            Some(value) => self.time(name, value),
            None => self,
        }
    }

    /// Adds an element that holds elements.
    pub fn nest(mut self, name: &str, inner: Xml) -> Xml {
        self.0.push_str(&format!("<{name}>{}</{name}>", inner.0));
        self
    }

    /// Adds an element that holds elements, if `there`.
    pub fn nest_if(self, there: bool, name: &str, inner: impl FnOnce() -> Xml) -> Xml {
        if there { self.nest(name, inner()) } else { self }
    }

    /// Adds an element that holds one element for each item.
    pub fn list<T>(
        self,
        name: &str,
        member: &str,
        items: impl IntoIterator<Item = T>,
        each: impl Fn(T) -> Xml,
    ) -> Xml {
        let inner = items.into_iter().fold(Xml::new(), |inner, item| inner.nest(member, each(item)));
        self.nest(name, inner)
    }

    /// Adds an element that holds one text element for each item.
    pub fn texts<T: Display>(self, name: &str, member: &str, items: impl IntoIterator<Item = T>) -> Xml {
        let inner = items.into_iter().fold(Xml::new(), |inner, item| inner.text(member, item));
        self.nest(name, inner)
    }

    /// The elements as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_break_out_of_an_element_is_escaped() {
        let xml = Xml::new().text("A", "</A><B>&\"").optional("C", None::<&str>);
        assert_eq!(xml.as_str(), "<A>&lt;/A&gt;&lt;B&gt;&amp;&quot;</A>");
    }

    #[test]
    fn lists_keep_their_order() {
        let xml = Xml::new().texts("L", "m", ["x", "y"]).list("E", "e", [1], |n| Xml::new().text("n", n));
        assert_eq!(xml.as_str(), "<L><m>x</m><m>y</m></L><E><e><n>1</n></e></E>");
    }
}
