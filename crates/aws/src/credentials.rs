//! Credentials: where they are from, the role that is assumed with them, and their renewal ahead of their end.

use crate::connect::Aws;
use crate::errors::{Call, Told, classify, no_login};
use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider};
use aws_smithy_async::time::SharedTimeSource;
use lifeboat_engine::action::ErrorKind;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Credentials are renewed when so much of their life is left, or a quarter of it, whichever is more: there is time
/// to try again while the old ones are good.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// A renewal that failed is tried again after this long, while the old ones are good.
const AGAIN: Duration = Duration::from_secs(30);

/// Credentials that do not say when they end are asked for anew after this long: somebody may have logged in again.
const UNDATED: Duration = Duration::from_secs(5 * 60);

/// How long a session of a role lasts. Every role allows an hour, and one that is assumed with the session of another
/// (role chaining) allows no more
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>).
pub const SESSION: Duration = Duration::from_secs(3600);

/// Credentials that are kept, and renewed ahead of their end. Where renewing fails, the old ones are used as long as
/// they are good.
pub(crate) struct Renewing {
    source: SharedCredentialsProvider,
    time: SharedTimeSource,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    credentials: Credentials,
    since: SystemTime,
    tried: SystemTime,
}

impl Kept {
    fn is_good(&self, now: SystemTime) -> bool {
        self.credentials.expiry().is_none_or(|end| now < end)
    }

    fn is_due(&self, now: SystemTime) -> bool {
        let Some(end) = self.credentials.expiry() else { return now >= self.since + UNDATED };
        let life = end.duration_since(self.since).unwrap_or_default();
        let ahead = AHEAD.max(life / 4).min(life / 2);
        now + ahead >= end
    }
}

impl Renewing {
    pub(crate) fn new(source: impl ProvideCredentials + 'static, time: SharedTimeSource) -> Self {
        Self { source: SharedCredentialsProvider::new(source), time, kept: Mutex::default() }
    }

    async fn current(&self) -> Result {
        // Whoever comes while they are being renewed waits for the new ones.
        let mut kept = self.kept.lock().await;
        let now = self.time.now();
        if let Some(kept) = kept.as_mut().filter(|kept| kept.is_good(now)) {
            if !kept.is_due(now) || now < kept.tried + AGAIN && kept.tried > kept.since {
                return Ok(kept.credentials.clone());
            }
            kept.tried = now;
        }
        match self.source.provide_credentials().await {
            Ok(credentials) => {
                *kept = Some(Kept { credentials: credentials.clone(), since: now, tried: now });
                Ok(credentials)
            }
            Err(error) => match kept.as_ref().filter(|kept| kept.is_good(self.time.now())) {
                Some(kept) if kept.credentials.expiry().is_some() => Ok(kept.credentials.clone()),
                _ => Err(error),
            },
        }
    }
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(self.current())
    }
}

impl fmt::Debug for Renewing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Renewing")
    }
}

/// What the environment, the profile and the machine give, read anew each time: who has logged in again need not
/// start the run again.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<Region>,
}

impl Chain {
    async fn read(&self) -> Result {
        let mut chain = DefaultCredentialsChain::builder();
        if let Some(profile) = &self.profile {
            chain = chain.profile_name(profile);
        }
        let chain = chain.region(self.region.clone()).build().await;
        let credentials = chain.provide_credentials().await;
        credentials.map_err(|error| {
            let told = no_login(&error, self.profile.as_deref());
            CredentialsError::provider_error(Told(told))
        })
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(self.read())
    }
}

/// A role that is assumed with other credentials.
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The name of the session, by which the trail of AWS knows who began it.
    pub session_name: String,
    /// What its trust policy wants to be told.
    pub external_id: Option<String>,
    /// Where STS is asked, one Region after the other: one that is being left may be dead.
    pub regions: Vec<String>,
}

/// The session of a role.
pub(crate) struct Assumed {
    pub(crate) base: Arc<Aws>,
    pub(crate) role: Role,
}

impl Assumed {
    async fn assume(&self) -> Result {
        let Role { arn, session_name, external_id, regions } = &self.role;
        let mut last = None;
        for region in regions {
            let call = self.base.sts(region).assume_role().role_arn(arn).role_session_name(session_name);
            let call = call.set_external_id(external_id.clone());
            match call.duration_seconds(session_seconds()).send().await {
                Ok(reply) => return given(reply.credentials()),
                Err(error) => {
                    let error = classify(error, Call::Read);
                    let elsewhere =
                        matches!(error.kind, ErrorKind::BlockedOnControlPlane | ErrorKind::Transient);
                    last = Some(error);
                    if !elsewhere {
                        break;
                    }
                }
            }
        }
        Err(match last {
            Some(error) => CredentialsError::provider_error(Told(error)),
            None => {
                CredentialsError::invalid_configuration("no Region is named in which to ask for the role")
            }
        })
    }
}

/// How long a session is asked for.
pub(crate) fn session_seconds() -> i32 {
    i32::try_from(SESSION.as_secs()).unwrap_or(i32::MAX)
}

/// What STS gave.
pub(crate) fn given(credentials: Option<&aws_sdk_sts::types::Credentials>) -> Result {
    let given = credentials.ok_or_else(|| CredentialsError::unhandled("STS gave no credentials"))?;
    let end = SystemTime::try_from(*given.expiration()).map_err(CredentialsError::unhandled)?;
    let token = Some(given.session_token().to_owned());
    let (key, secret) = (given.access_key_id(), given.secret_access_key());
    Ok(Credentials::new(key, secret, token, Some(end), "AssumeRole"))
}

impl fmt::Debug for Assumed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Assumed({})", self.role.arn)
    }
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(self.assume())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_async::time::TimeSource;
    use std::sync::Mutex as Plain;

    /// A clock that is set, and a source that gives sessions of an hour until it gives none.
    #[derive(Clone, Debug, Default)]
    struct Bench(Arc<Plain<(u64, bool, u32)>>);

    impl Bench {
        fn at(&self, second: u64, gives: bool) {
            let mut inner = self.0.lock().unwrap();
            (inner.0, inner.1) = (second, gives);
        }

        fn asked(&self) -> u32 {
            self.0.lock().unwrap().2
        }
    }

    fn moment(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    impl TimeSource for Bench {
        fn now(&self) -> SystemTime {
            moment(self.0.lock().unwrap().0)
        }
    }

    impl ProvideCredentials for Bench {
        fn provide_credentials<'a>(&'a self) -> Provided<'a>
        where
            Self: 'a,
        {
            let (second, gives, asked) = &mut *self.0.lock().unwrap();
            *asked += 1;
            Provided::ready(match gives {
                true => {
                    let (key, end) = (format!("at {second}"), moment(*second + 3600));
                    Ok(Credentials::new(key, "secret", None, Some(end), "test"))
                }
                false => Err(CredentialsError::not_loaded("nobody is logged in")),
            })
        }
    }

    #[tokio::test]
    async fn credentials_are_renewed_ahead_of_their_end_and_the_old_ones_do_while_they_are_good() {
        let bench = Bench::default();
        let renewing = Renewing::new(bench.clone(), SharedTimeSource::new(bench.clone()));
        let current = async || renewing.current().await.map(|it| it.access_key_id().to_owned()).ok();
        let key = |second| Some(format!("at {second}"));
        bench.at(0, true);
        assert_eq!(current().await, key(0));
        bench.at(2699, true);
        assert_eq!((current().await, bench.asked()), (key(0), 1), "more than a quarter is left");
        bench.at(2700, true);
        assert_eq!((current().await, bench.asked()), (key(2700), 2));
        bench.at(5400, false);
        assert_eq!((current().await, bench.asked()), (key(2700), 3), "the old ones are good");
        bench.at(5420, false);
        assert_eq!((current().await, bench.asked()), (key(2700), 3), "not tried again at once");
        bench.at(5440, true);
        assert_eq!((current().await, bench.asked()), (key(5440), 4));
        bench.at(9040, false);
        assert_eq!((current().await, bench.asked()), (None, 5), "they have ended");
        bench.at(9041, true);
        assert_eq!((current().await, bench.asked()), (key(9041), 6));
    }
}
