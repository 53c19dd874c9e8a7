//! Where a probe goes instead: `--connect HOST:PORT=HOST:PORT`, as curl's `--connect-to`.
//!
//! A restored database often has a private name that only its own network can reach. Whoever brings it nearer (a
//! tunnel, a test) says so here. The host's name stays what certificates and `Host` headers are compared with; only
//! the connection goes elsewhere, and the journal says so.

use lifeboat_runbook::glob;
use std::fmt;
use std::str::FromStr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// This host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

/// One `--connect`: where what fits goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    host: String,
    port: String,
    to: Address,
}

/// Text that is no redirect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not HOST:PORT=HOST:PORT: {why}")]
pub struct NotARedirect {
    text: String,
    why: &'static str,
}

impl FromStr for Redirect {
    type Err = NotARedirect;

    fn from_str(text: &str) -> Result<Self, NotARedirect> {
        let wrong = |why| NotARedirect { text: text.to_owned(), why };
        let (from, to) = text.split_once('=').ok_or_else(|| wrong("there is no `=`"))?;
        let (host, port) = split(from).ok_or_else(|| wrong("there is no `:` before the `=`"))?;
        let (to_host, to_port) = split(to).ok_or_else(|| wrong("there is no `:` behind the `=`"))?;
        let to_port = to_port.parse().map_err(|_| wrong("the port behind the `=` is not a number"))?;
        if !port.is_empty() && !port.contains(['*', '?']) && port.parse::<u16>().is_err() {
            return Err(wrong("the port before the `=` is neither a number nor a pattern"));
        }
        if to_host.is_empty() {
            return Err(wrong("there is no host behind the `=`"));
        }
        Ok(Self { host: host.to_lowercase(), port: port.to_owned(), to: Address::new(to_host, to_port) })
    }
}

/// Host and port; the brackets of an IPv6 address are taken off.
fn split(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Some((bare.unwrap_or(host), port))
}

impl Redirect {
    fn fits(&self, asked: &Address) -> bool {
        let any = |pattern: &str, text: &str| pattern.is_empty() || glob::fits(pattern, text);
        any(&self.host, &asked.host.to_lowercase()) && any(&self.port, &asked.port.to_string())
    }
}

/// All redirects of a run; the first that fits counts.
#[derive(Clone, Debug, Default)]
pub struct ConnectTo {
    redirects: Vec<Redirect>,
    is_finding: bool,
}

impl ConnectTo {
    /// These redirects. `is_finding` on real AWS, where a reader of the numbers should know that the probe did not
    /// go where an application would.
    pub fn new(redirects: Vec<Redirect>, is_finding: bool) -> Self {
        Self { redirects, is_finding }
    }

    /// Where a connection to `asked` goes.
    pub fn target(&self, asked: &Address) -> Address {
        let redirect = self.redirects.iter().find(|redirect| redirect.fits(asked));
        redirect.map_or_else(|| asked.clone(), |redirect| redirect.to.clone())
    }

    /// What the journal says of a connection that goes elsewhere.
    pub(crate) fn told(&self, asked: &Address) -> Option<String> {
        let target = self.target(asked);
        (target != *asked).then(|| format!("connections to {asked} went to {target} (--connect)"))
    }

    /// What a reader of the numbers should know of it.
    pub(crate) fn findings(&self, asked: &Address) -> Vec<String> {
        self.told(asked).into_iter().filter(|_| self.is_finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(redirects: &[&str]) -> ConnectTo {
        ConnectTo::new(redirects.iter().map(|text| text.parse().unwrap()).collect(), true)
    }

    #[test]
    fn a_table_of_redirects() {
        for (redirect, asked, port, expected) in [
            ("db.example:5432=127.0.0.1:15432", "db.example", 5432, "127.0.0.1:15432"),
            ("db.example:5432=127.0.0.1:15432", "DB.Example", 5432, "127.0.0.1:15432"),
            ("db.example:5432=127.0.0.1:15432", "db.example", 5433, "db.example:5433"),
            ("*.rds.amazonaws.com:*=localhost:1", "a.b.eu-west-1.rds.amazonaws.com", 5432, "localhost:1"),
            ("*.rds.amazonaws.com:*=localhost:1", "rds.amazonaws.com", 5432, "rds.amazonaws.com:5432"),
            ("db-?.example:543?=localhost:1", "db-7.example", 5439, "localhost:1"),
            (":=localhost:1", "anything", 80, "localhost:1"),
            ("[::1]:5432=[fd00::2]:15432", "::1", 5432, "[fd00::2]:15432"),
        ] {
            let target = to(&[redirect]).target(&Address::new(asked, port));
            assert_eq!(target.to_string(), expected, "{redirect} for {asked}:{port}");
        }
        assert_eq!(to(&["a:1=b:2", "*:*=c:3"]).target(&Address::new("a", 1)), Address::new("b", 2));
    }

    #[test]
    fn text_that_is_none_is_refused_with_the_reason() {
        for (text, why) in [
            ("db.example:5432", "there is no `=`"),
            ("db.example=localhost:1", "there is no `:` before the `=`"),
            ("db.example:5432=localhost", "there is no `:` behind the `=`"),
            ("db.example:5432=localhost:http", "the port behind the `=` is not a number"),
            ("db.example:pg=localhost:1", "the port before the `=` is neither a number nor a pattern"),
            ("db.example:5432=:1", "there is no host behind the `=`"),
        ] {
            let error = text.parse::<Redirect>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn only_what_goes_elsewhere_is_told_of() {
        let redirects = to(&["db.example:5432=127.0.0.1:15432"]);
        let told = "connections to db.example:5432 went to 127.0.0.1:15432 (--connect)";
        assert_eq!(redirects.findings(&Address::new("db.example", 5432)), [told]);
        assert_eq!(redirects.told(&Address::new("other.example", 5432)), None);
        let quiet = ConnectTo::new(redirects.redirects, false);
        assert_eq!(quiet.findings(&Address::new("db.example", 5432)), Vec::<String>::new());
    }
}
