//! Where something acts, and as whom.

use serde::{Deserialize, Serialize};

/// Whose credentials act. Nothing in it: those of the environment, as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Access {
    /// The profile of the AWS configuration they begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The role that is assumed with them, by its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What the role's trust policy wants to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl Access {
    /// Whether these are the credentials of the environment, as they are.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a step acts, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// Whose credentials.
    #[serde(default, skip_serializing_if = "Access::is_plain")]
    pub access: Access,
}

impl Target {
    /// In words: account, Region, and the role where one is assumed.
    pub fn words(&self) -> String {
        let role = self.access.role.as_deref().map(|role| format!(", as {}", role_name(role)));
        format!("{} {}{}", self.account, self.region, role.unwrap_or_default())
    }
}

/// Who AWS said that the credentials of a target are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChecked {
    /// For whom it was asked.
    pub target: Target,
    /// The ARN that AWS told.
    pub caller: String,
}

/// `lifeboat-drill` of `arn:aws:iam::111122223333:role/lifeboat-drill`.
pub fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The name of a session that Lifeboat begins for somebody: who they are by the ARN before a role is assumed, so that
/// the trail of AWS names them. STS takes 2 to 64 of `[\w+=,.@-]`
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
pub fn session_name(caller_arn: &str) -> String {
    let who = caller_arn.rsplit(['/', ':']).next().unwrap_or_default();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    let name: String = who.chars().map(|letter| if fits(letter) { letter } else { '-' }).take(64).collect();
    match name.len() {
        0 => "lifeboat-operator".to_owned(),
        1 => format!("lifeboat-{name}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_whoever_begins_it() {
        let name = |arn: &str| session_name(arn);
        assert_eq!(
            name("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_1/alice@example.com"),
            "alice@example.com"
        );
        assert_eq!(name("arn:aws:iam::111122223333:user/dr/bob"), "bob");
        assert_eq!(name("arn:aws:iam::111122223333:root"), "root");
        assert_eq!(name("arn:aws:sts::111122223333:federated-user/émile o'hara"), "-mile-o-hara");
        assert_eq!(name("arn:aws:iam::111122223333:user/x"), "lifeboat-x");
        assert_eq!(name(""), "lifeboat-operator");
        assert_eq!(name(&format!("user/{}", "a".repeat(90))).len(), 64);
    }
}
