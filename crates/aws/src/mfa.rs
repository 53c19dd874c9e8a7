//! Profiles that want a code of a person: `mfa_serial`. The SDK knows no such profiles.

use crate::connect::Aws;
use crate::credentials::{given, session_seconds};
use crate::errors::{Call, Told, classify};
use aws_config::profile::{self, ProfileSet};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, Result as Credited};
use aws_smithy_async::time::SharedTimeSource;
use aws_types::os_shim_internal::{Env, Fs};
use lifeboat_engine::action::{ActionError, ErrorKind};

/// A profile whose role is assumed with a code of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mfa {
    /// The profile.
    pub profile: String,
    /// The device that shows the code.
    pub serial: String,
    role: String,
    source: String,
    session_name: Option<String>,
    external_id: Option<String>,
}

impl Mfa {
    /// What the profile wants, `None` being the one of the environment; nothing where it wants no code, or there is no
    /// such profile.
    pub async fn of(profile: Option<&str>) -> Option<Self> {
        let profile = profile.map(|profile| profile.to_owned().into());
        let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), profile).await.ok()?;
        Self::in_profiles(&profiles)
    }

    fn in_profiles(profiles: &ProfileSet) -> Option<Self> {
        let name = profiles.selected_profile();
        let chosen = profiles.get_profile(name)?;
        let text = |key: &str| chosen.get(key).map(str::to_owned);
        Some(Self {
            profile: name.to_owned(),
            serial: text("mfa_serial")?,
            role: text("role_arn")?,
            source: text("source_profile")?,
            session_name: text("role_session_name"),
            external_id: text("external_id"),
        })
    }

    /// AWS with the session that the code opens. It is asked for at once, so that a wrong code is told before anything.
    ///
    /// # Errors
    /// What AWS says of the code, or of the credentials it goes with.
    pub async fn open(&self, code: &str, region: Option<String>) -> Result<Aws, ActionError> {
        let base = Aws::real(Some(self.source.clone()), region).await;
        let asked_in = base.default_region().unwrap_or_else(|| "us-east-1".to_owned());
        let device = self.serial.rsplit('/').next().unwrap_or("lifeboat");
        let call = base.sts(&asked_in).assume_role().role_arn(&self.role);
        let call = call.role_session_name(self.session_name.as_deref().unwrap_or(device));
        let call = call.set_external_id(self.external_id.clone()).duration_seconds(session_seconds());
        let reply = call.serial_number(&self.serial).token_code(code).send().await;
        let reply = reply.map_err(|error| classify(error, Call::Read))?;
        let credentials = given(reply.credentials())
            .map_err(|error| ActionError::refused("mfa", format!("the session cannot be used: {error}")))?;
        let time = base.time();
        Ok(base.instead(Once { credentials, time, profile: self.profile.clone() }))
    }
}

/// A session that only a person can open again.
#[derive(Debug)]
struct Once {
    credentials: Credentials,
    time: SharedTimeSource,
    profile: String,
}

impl Once {
    fn current(&self) -> Credited {
        let is_good = self.credentials.expiry().is_none_or(|end| self.time.now() < end);
        if is_good {
            return Ok(self.credentials.clone());
        }
        let message =
            format!("the session of the profile `{}`, which a code had opened, is over", self.profile);
        let error = ActionError::new(ErrorKind::BlockedOnCredentials, "ExpiredCredentials", message);
        let hint = "stop this process (Ctrl-C) and `lifeboat resume` the run from a terminal: it asks for a new code";
        Err(CredentialsError::provider_error(Told(error.hint(hint))))
    }
}

impl ProvideCredentials for Once {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(self.current())
    }
}
