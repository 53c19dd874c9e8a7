//! Clients: one configuration, one HTTP client, one client per service and Region.

use crate::credentials::{Assumed, Chain, Renewing, Role};
#[cfg(feature = "signed")]
use crate::errors::{no_login, told};
use crate::skew::Skew;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_runtime::invocation_id::{InvocationId, InvocationIdGenerator, SharedInvocationIdGenerator};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::HttpClient;
#[cfg(feature = "signed")]
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use chrono::{DateTime, Utc};
#[cfg(feature = "signed")]
use lifeboat_engine::action::ActionError;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// No call waits longer for its answer: waiting is the engine's, in many short looks.
const CALL_LIMIT: Duration = Duration::from_secs(30);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The credentials of a simulated run; the simulated world knows whom they mean.
const SIMULATED_KEY: &str = "AKIASIMULATED0000000";

/// The way to AWS, or to what stands in for it.
pub struct Aws {
    config: SdkConfig,
    credentials: SharedCredentialsProvider,
    skew: Skew,
    endpoint: Option<String>,
    invocations: Option<SharedInvocationIdGenerator>,
    clients: Clients,
}

impl Aws {
    /// AWS as the environment, the profile and the machine say. The SDK's own retries are off: the engine retries,
    /// with patience the SDK does not have.
    pub async fn real(profile: Option<String>, region: Option<String>) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .timeout_config(limits());
        if let Some(profile) = &profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        // Which credentials there are is read anew whenever they must be renewed.
        let config = loader.no_credentials().load().await;
        let endpoint = config.endpoint_url().map(str::to_owned);
        let chain = Chain { profile, region: config.region().cloned() };
        Self::with(config, endpoint, None, chain)
    }

    /// A simulated AWS behind `http_client`, at the times that `now` gives. Two processes that ask the same send the
    /// same bytes.
    pub fn simulated(
        http_client: impl HttpClient + 'static,
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> Self {
        let credentials = Credentials::new(SIMULATED_KEY, "simulated", None, None, "simulated");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client)
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(VirtualTime(Arc::new(now))))
            .retry_config(RetryConfig::disabled())
            .timeout_config(limits())
            .stalled_stream_protection(
                aws_config::stalled_stream_protection::StalledStreamProtectionConfig::disabled(),
            )
            .build();
        Self::with(config, None, Some(SharedInvocationIdGenerator::new(Counting::default())), credentials)
    }

    fn with(
        config: SdkConfig,
        endpoint: Option<String>,
        invocations: Option<SharedInvocationIdGenerator>,
        source: impl ProvideCredentials + 'static,
    ) -> Self {
        let time = config.time_source().unwrap_or_default();
        let credentials = SharedCredentialsProvider::new(Renewing::new(source, time.clone()));
        let config = config
            .into_builder()
            .credentials_provider(credentials.clone())
            .identity_cache(aws_config::identity::IdentityCache::no_cache())
            .build();
        Self {
            config,
            credentials,
            skew: Skew::new(time),
            endpoint,
            invocations,
            clients: Clients::default(),
        }
    }

    /// The same AWS as the session of a role, which is renewed ahead of its end as long as these credentials last.
    pub fn assuming(self: &Arc<Self>, role: Role) -> Self {
        self.instead(Assumed { base: self.clone(), role })
    }

    /// The same AWS with credentials of another source.
    pub(crate) fn instead(&self, source: impl ProvideCredentials + 'static) -> Self {
        let (endpoint, invocations) = (self.endpoint.clone(), self.invocations.clone());
        let aws = Self::with(self.config.clone(), endpoint, invocations, source);
        Self { skew: self.skew.clone(), ..aws }
    }

    pub(crate) fn time(&self) -> SharedTimeSource {
        self.config.time_source().unwrap_or_default()
    }

    /// When the present credentials end; nothing where they do not say.
    pub async fn credentials_end(&self) -> Option<DateTime<Utc>> {
        let credentials = self.credentials.provide_credentials().await.ok()?;
        credentials.expiry().map(DateTime::from)
    }

    /// The present credentials.
    ///
    /// # Errors
    /// When there are none.
    #[cfg(feature = "signed")]
    pub(crate) async fn credentials(&self) -> Result<Credentials, ActionError> {
        let credentials = self.credentials.provide_credentials().await;
        credentials.map_err(|error| told(&error).unwrap_or_else(|| no_login(&error, None)))
    }

    #[cfg(feature = "signed")]
    pub(crate) fn now(&self) -> SystemTime {
        self.time().now()
    }

    #[cfg(feature = "signed")]
    pub(crate) fn http_client(&self) -> Option<SharedHttpClient> {
        self.config.http_client()
    }

    #[cfg(feature = "signed")]
    pub(crate) fn sleep_impl(&self) -> Option<SharedAsyncSleep> {
        self.config.sleep_impl()
    }

    #[cfg(feature = "signed")]
    pub(crate) fn limits(&self) -> TimeoutConfig {
        limits()
    }

    /// The furthest that this machine's clock was seen ahead of AWS's, seconds; nothing before the first reply.
    pub fn skew_s(&self) -> Option<f64> {
        self.skew.furthest_s()
    }

    /// The endpoint that stands in for AWS, if one is configured.
    pub fn endpoint(&self) -> Option<String> {
        self.endpoint.clone()
    }

    /// The Region of the profile or the environment.
    pub fn default_region(&self) -> Option<String> {
        self.config.region().map(ToString::to_string)
    }
}

/// A client per Region, made when it is first asked for.
macro_rules! clients {
    ($($(#[$doc:meta])* $service:ident: $feature:literal, $sdk:ident;)*) => {
        /// The clients that have been made so far, by Region.
        #[derive(Default)]
        struct Clients {
            $(#[cfg(feature = $feature)] $service: Mutex<BTreeMap<String, $sdk::Client>>,)*
        }

        impl Aws {
            $(
                $(#[$doc])*
                #[cfg(feature = $feature)]
                pub(crate) fn $service(&self, region: &str) -> $sdk::Client {
                    client(&self.clients.$service, region, || {
                        let region = Region::new(region.to_owned());
                        let mut config = $sdk::config::Builder::from(&self.config).region(region);
                        config.set_invocation_id_generator(self.invocations.clone());
                        config.push_interceptor(SharedInterceptor::new(self.skew.clone()));
                        $sdk::Client::from_conf(config.build())
                    })
                }
            )*
        }
    };
}

clients! {
    /// The AWS Backup client of a Region.
    backup: "backup", aws_sdk_backup;
    /// The CloudWatch client of a Region.
    cloudwatch: "cloudwatch", aws_sdk_cloudwatch;
    /// The RDS client of a Region.
    rds: "rds", aws_sdk_rds;
    /// The client of a Region that finds what carries a tag.
    resourcegroupstagging: "resourcegroupstagging", aws_sdk_resourcegroupstagging;
    /// The Secrets Manager client of a Region.
    secretsmanager: "secretsmanager", aws_sdk_secretsmanager;
    /// The Service Quotas client of a Region.
    servicequotas: "servicequotas", aws_sdk_servicequotas;
    /// The client of a Region that publishes to topics.
    sns: "sns", aws_sdk_sns;
    /// The Systems Manager client of a Region.
    ssm: "ssm", aws_sdk_ssm;
    /// The STS client of a Region: the regional endpoint, which does not depend on another Region.
    sts: "sdk", aws_sdk_sts;
}

fn client<C: Clone>(clients: &Mutex<BTreeMap<String, C>>, region: &str, make: impl FnOnce() -> C) -> C {
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    clients.entry(region.to_owned()).or_insert_with(make).clone()
}

fn limits() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).operation_attempt_timeout(CALL_LIMIT).build()
}

struct VirtualTime(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl fmt::Debug for VirtualTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VirtualTime")
    }
}

impl TimeSource for VirtualTime {
    fn now(&self) -> SystemTime {
        self.0().into()
    }
}

/// Numbers instead of random ids, so that the same run sends the same bytes.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl InvocationIdGenerator for Counting {
    fn generate(&self) -> Result<Option<InvocationId>, aws_smithy_runtime_api::box_error::BoxError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Some(InvocationId::new(format!("00000000-0000-4000-8000-{number:012x}"))))
    }
}
