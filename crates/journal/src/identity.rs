//! Who somebody is, as far as that can be told.

use lifeboat_runbook::glob;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who somebody is: whom AWS takes them for, and as whom they are logged in on which machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The caller's ARN before any role was assumed; nothing where AWS was not asked or did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The OS user.
    pub user: String,
    /// The machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
}

/// Sessions of the IAM Identity Center: the session's name is the person's.
const SSO: &str = "AWSReservedSSO_";

/// How session names begin that tools and machines make up; they name nobody.
const MADE_UP: [&str; 5] = ["botocore-session-", "aws-go-sdk-", "aws-sdk-", "aws-cli-session-", "i-"];

impl Identity {
    /// Somebody of whom only the OS user is known.
    pub fn of_user(user: impl Into<String>, host: impl Into<String>) -> Self {
        Self { arn: None, user: user.into(), host: host.into() }
    }

    /// The person's name: the IAM user or the session, where that names a person; else the OS user.
    pub fn name(&self) -> &str {
        self.person().unwrap_or(&self.user)
    }

    /// The person whom the ARN names; nothing where it names a machine, a tool, or what several people share.
    pub fn person(&self) -> Option<&str> {
        let (kind, rest) = self.arn.as_ref()?.splitn(6, ':').nth(5)?.split_once('/')?;
        let last = rest.rsplit('/').next()?;
        let is_made_up = MADE_UP.iter().any(|begin| last.starts_with(begin))
            || last.bytes().all(|byte| byte.is_ascii_digit());
        match kind {
            "user" | "federated-user" => Some(last),
            "assumed-role" if rest.starts_with(SSO) || !is_made_up => Some(last),
            _ => None,
        }
    }

    /// Whether these are two people for certain. By ARN both must name one; only where AWS says nothing of either do the
    /// OS users count.
    pub fn is_told_apart_from(&self, other: &Self) -> bool {
        match (&self.arn, &other.arn) {
            (Some(_), Some(_)) => match (self.person(), other.person()) {
                (Some(one), Some(two)) => !one.eq_ignore_ascii_case(two),
                _ => false,
            },
            (None, None) => self.user != other.user,
            _ => false,
        }
    }

    /// Whether this is `person`: an ARN or a pattern of ARNs, or a name.
    pub fn is(&self, person: &str) -> bool {
        match &self.arn {
            Some(arn) if person.starts_with("arn:") => glob::fits(person, arn),
            Some(_) => self.person().is_some_and(|name| name.eq_ignore_ascii_case(person)),
            None => self.user == person,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.user)?;
        if !self.host.is_empty() {
            write!(formatter, " on {}", self.host)?;
        }
        self.arn.as_ref().map_or(Ok(()), |arn| write!(formatter, " as {arn}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(arn: &str, user: &str) -> Identity {
        Identity {
            arn: Some(arn.to_owned()).filter(|arn| !arn.is_empty()),
            ..Identity::of_user(user, "ship")
        }
    }

    const SSO_ALICE: &str =
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com";
    const SSO_ALICE_ELSEWHERE: &str =
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ReadOnly_0123456789abcdef/Alice@example.com";
    const USER_BOB: &str = "arn:aws:iam::111122223333:user/ops/bob";
    const MACHINE: &str = "arn:aws:sts::111122223333:assumed-role/runner/i-0123456789abcdef0";

    #[test]
    fn an_arn_names_a_person_or_nobody() {
        for (arn, name) in [
            (SSO_ALICE, Some("alice@example.com")),
            (USER_BOB, Some("bob")),
            ("arn:aws:sts::111122223333:assumed-role/recover/carol", Some("carol")),
            ("arn:aws:sts::111122223333:assumed-role/recover/botocore-session-1764500000", None),
            (MACHINE, None),
            ("arn:aws:iam::111122223333:root", None),
            ("", None),
        ] {
            assert_eq!(who(arn, "ubuntu").person(), name, "{arn}");
        }
    }

    #[test]
    fn a_decision_table_of_two_people() {
        for (one, two, apart) in [
            ((SSO_ALICE, "alice"), (USER_BOB, "bob"), true),
            ((SSO_ALICE, "alice"), (SSO_ALICE, "bob"), false),
            ((SSO_ALICE, "alice"), (SSO_ALICE_ELSEWHERE, "bob"), false),
            ((MACHINE, "alice"), (USER_BOB, "bob"), false),
            ((SSO_ALICE, "alice"), ("", "bob"), false),
            (("", "alice"), ("", "bob"), true),
            (("", "alice"), ("", "alice"), false),
        ] {
            let (one, two) = (who(one.0, one.1), who(two.0, two.1));
            assert_eq!(one.is_told_apart_from(&two), apart, "{one} and {two}");
            assert_eq!(two.is_told_apart_from(&one), apart, "{two} and {one}");
        }
    }

    #[test]
    fn a_name_is_that_of_the_arn_and_not_what_somebody_calls_themselves() {
        assert!(who(SSO_ALICE, "ubuntu").is("alice@example.com"));
        assert!(who(SSO_ALICE, "ubuntu").is("arn:aws:sts::*:assumed-role/AWSReservedSSO_*/alice@*"));
        assert!(!who(USER_BOB, "alice").is("alice"));
        assert!(!who(MACHINE, "alice").is("alice"));
        assert!(who("", "alice").is("alice"));
        assert!(!who("", "alice").is("arn:*"));
    }
}
