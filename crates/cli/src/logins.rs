//! Whose credentials act: those of the environment, of a profile, or of a role that is assumed with them.

use async_trait::async_trait;
use lifeboat_aws::{Aws, Role};
use lifeboat_engine::action::ActionError;
use lifeboat_engine::driver::Identity;
use lifeboat_engine::notify::Outbox;
use lifeboat_engine::registry::Registry;
use lifeboat_engine::start::{self, Caller};
use lifeboat_journal::target::{Access, Target, session_name};
use lifeboat_probe::Ports;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The ways into AWS of one process, each made when it is first needed.
pub(crate) struct Logins {
    base: Arc<Aws>,
    ports: Ports,
    /// What `notify.send` sends by, once there is a run.
    outbox: Arc<Outbox>,
    /// The profile that the run's own target names, which is that of `base`.
    own_profile: Option<String>,
    /// Whether profiles mean something: not in a simulated AWS.
    has_profiles: bool,
    made: Mutex<BTreeMap<Access, Arc<Aws>>>,
    /// The Regions of the run's target: where one of them is gone, roles are asked for in another.
    regions: Mutex<Vec<String>>,
}

impl Logins {
    /// Those that begin with `base`.
    pub(crate) fn new(
        base: Arc<Aws>,
        ports: Ports,
        outbox: &Arc<Outbox>,
        own_profile: Option<String>,
        has_profiles: bool,
    ) -> Self {
        let (outbox, made, regions) = (outbox.clone(), Mutex::default(), Mutex::default());
        Self { base, ports, outbox, own_profile, has_profiles, made, regions }
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<Access, Arc<Aws>>> {
        // Nothing is left half done under this lock, so a panic elsewhere has not harmed what it holds.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// AWS with the credentials of a target.
    pub(crate) async fn aws(&self, target: &Target) -> Result<Arc<Aws>, ActionError> {
        if let Some(aws) = self.made().get(&target.access).cloned() {
            return Ok(aws);
        }
        let before = self.before(target).await;
        let aws = match &target.access.role {
            None => before,
            Some(role) => {
                let caller = lifeboat_aws::sts::caller_identity(&before, &target.region).await?;
                Arc::new(before.assuming(Role {
                    arn: role.clone(),
                    session_name: session_name(&caller.arn),
                    external_id: target.access.external_id.clone(),
                    regions: self.asked_in(&target.region),
                }))
            }
        };
        Ok(self.made().entry(target.access.clone()).or_insert(aws).clone())
    }

    /// A Region, and behind it the others of the run.
    fn asked_in(&self, region: &str) -> Vec<String> {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let others = regions.iter().filter(|other| *other != region).cloned();
        std::iter::once(region.to_owned()).chain(others).collect()
    }

    /// The same before a role is assumed.
    async fn before(&self, target: &Target) -> Arc<Aws> {
        let profile = target
            .access
            .profile
            .as_ref()
            .filter(|profile| self.has_profiles && Some(*profile) != self.own_profile.as_ref());
        let Some(profile) = profile else { return self.base.clone() };
        let access = Access { profile: Some(profile.clone()), ..Access::default() };
        if let Some(aws) = self.made().get(&access).cloned() {
            return aws;
        }
        let aws = Arc::new(Aws::real(Some(profile.clone()), Some(target.region.clone())).await);
        self.made().entry(access).or_insert(aws).clone()
    }

    /// Who acts at the run's own target, asked in these Regions.
    pub(crate) async fn who(&self, target: &Target, regions: &[String]) -> Result<Caller, ActionError> {
        *self.regions.lock().unwrap_or_else(PoisonError::into_inner) = regions.to_vec();
        start::who(self, target, regions).await
    }

    /// The actions with the credentials of a way in.
    pub(crate) fn actions(&self, aws: &Arc<Aws>) -> Registry {
        let mut registry = Registry::default();
        lifeboat_aws::register(&mut registry, aws);
        lifeboat_probe::register(&mut registry, self.ports.clone());
        lifeboat_probe::register_notify(&mut registry, &self.outbox);
        registry
    }
}

#[async_trait]
impl Identity for Logins {
    async fn caller(&self, target: &Target) -> Result<Caller, ActionError> {
        let aws = self.aws(target).await?;
        let identity = lifeboat_aws::sts::caller_identity(&aws, &target.region).await?;
        let before = match &target.access.role {
            None => None,
            Some(_) => {
                let before = self.before(target).await;
                Some(lifeboat_aws::sts::caller_identity(&before, &target.region).await?.arn)
            }
        };
        Ok(Caller { account: identity.account, arn: identity.arn, before })
    }

    async fn registry(&self, target: &Target) -> Result<Registry, ActionError> {
        Ok(self.actions(&self.aws(target).await?))
    }

    fn skew_s(&self) -> Option<f64> {
        // All of them measure with the same clock.
        self.base.skew_s()
    }
}
