//! How a server must prove who it is: `tls: verify`, `tls: {ca: FILE}`, `tls: off`.

use lifeboat_engine::action::ActionError;
use lifeboat_runbook::value::Value;
use std::path::PathBuf;

/// How a server must prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By a certificate for the host's name that leads to a known root.
    Verify,
    /// By one that leads to a root in this PEM file, and to no other.
    Ca(PathBuf),
    /// Not at all, and nothing is encrypted: only where the connection does not leave the machine.
    Off,
}

impl Tls {
    /// What the parameter `tls` says; `verify` where there is none.
    pub(crate) fn of(parameter: Option<&Value>) -> Result<Self, ActionError> {
        match parameter {
            None | Some(Value::Null) => Ok(Self::Verify),
            Some(Value::String(word)) if word == "verify" => Ok(Self::Verify),
            Some(Value::String(word)) if word == "off" => Ok(Self::Off),
            Some(Value::Map(fields)) if fields.len() == 1 => match fields.get("ca") {
                Some(Value::String(file)) => Ok(Self::Ca(file.into())),
                _ => Err(refuse()),
            },
            Some(_) => Err(refuse()),
        }
    }
}

fn refuse() -> ActionError {
    ActionError::refused("parameter", "the parameter `tls` is none of `verify`, `{ ca: FILE }` and `off`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_words_of_tls() {
        let ca = |value: Value| Value::Map(BTreeMap::from([("ca".to_owned(), value)]));
        for (parameter, expected) in [
            (None, Some(Tls::Verify)),
            (Some("verify".into()), Some(Tls::Verify)),
            (Some("off".into()), Some(Tls::Off)),
            (Some(ca("roots.pem".into())), Some(Tls::Ca("roots.pem".into()))),
            (Some(ca(Value::Bool(true))), None),
            (Some("no".into()), None),
            (Some(Value::Bool(false)), None),
        ] {
            assert_eq!(Tls::of(parameter.as_ref()).ok(), expected, "{parameter:?}");
        }
    }
}
