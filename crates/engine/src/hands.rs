//! What acts and looks for a step: the run's own actions, or those that use other credentials.

use crate::action::{Action, ActionError, ErrorKind};
use crate::patience::Patience;
use crate::perform::{Ended, Worker, failed};
use crate::poller::{Counts, Poller};
use crate::registry::Registry;
use crate::start::{self, Caller};
use crate::target::{self, Aiming};
use lifeboat_journal::event::{Draft, EventKind, StepStarted};
use lifeboat_journal::target::{Access, AccountChecked, Target};
use lifeboat_runbook::plan::Step;
use lifeboat_runbook::spec::ActionSpec;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where something acts, and in which Regions STS is asked who does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) target: Target,
    pub(crate) asked_in: Vec<String>,
    /// Whether it is the run's own: of that, the run's first event tells.
    pub(crate) own: bool,
}

/// What acts and looks with one set of credentials.
#[derive(Clone)]
pub(crate) struct Hands {
    pub(crate) registry: Registry,
    pub(crate) poller: Poller,
}

/// The hands of a run, by the credentials they use. One poller serves all steps with the same credentials.
#[derive(Clone, Default)]
pub(crate) struct AllHands(Arc<Mutex<BTreeMap<Access, Hands>>>);

impl AllHands {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Access, Hands>> {
        // Nothing is left half done under this lock, so a panic elsewhere has not harmed what it holds.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been asked of AWS since the last call, by kind.
    pub(crate) fn take_counts(&self) -> BTreeMap<&'static str, Counts> {
        let mut all: BTreeMap<&'static str, Counts> = BTreeMap::new();
        let pollers: Vec<Poller> = self.lock().values().map(|hands| hands.poller.clone()).collect();
        for (kind, Counts { calls, throttled, errors }) in pollers.iter().flat_map(Poller::take_counts) {
            let counts = all.entry(kind).or_default();
            counts.calls += calls;
            counts.throttled += throttled;
            counts.errors += errors;
        }
        all
    }
}

impl Worker {
    /// Where a step acts: as its intent says, where it has begun; else as the runbook says.
    pub(crate) fn reach(&self, step: &Step, intent: Option<&StepStarted>) -> Result<Reach, ActionError> {
        let now = self.clock.now();
        self.log.with_state(|state| {
            let Some(started) = &state.started else { return Ok(Reach::default()) };
            let own = Aiming::of(started);
            let aiming = match intent {
                Some(StepStarted { target: None, .. }) => None,
                Some(StepStarted { target: Some(target), .. }) => Some(own.clone().instead(target)),
                None => {
                    let none = crate::action::Values::new();
                    let scope = crate::scope::RunScope { now, ..self.scope(state, &step.path, &none) };
                    target::of_step(&self.plan, &self.chart, started, &step.path, &scope)?
                }
            };
            let is_own = |target: &Target| *target == started.target();
            let (aiming, target) = match aiming {
                Some(aiming) => (aiming.clone(), aiming.target()?),
                None => (own, started.target()),
            };
            Ok(Reach { own: is_own(&target), asked_in: aiming.asked_in(), target })
        })
    }

    /// What acts there.
    pub(crate) async fn hands(&self, reach: &Reach) -> Result<Hands, ActionError> {
        let access = &reach.target.access;
        if let Some(hands) = self.all_hands.lock().get(access).cloned() {
            return Ok(hands);
        }
        let registry = match self.is_own_access(access) {
            true => self.registry.clone(),
            false => self.outside.identity.registry(&reach.target).await?,
        };
        let hands = Hands { poller: Poller::new(self.clock.clone(), registry.clone()), registry };
        Ok(self.all_hands.lock().entry(access.clone()).or_insert(hands).clone())
    }

    fn is_own_access(&self, access: &Access) -> bool {
        self.log.with_state(|state| state.started.as_ref().is_none_or(|started| started.access == *access))
    }

    /// The action of a step, and what it says of itself.
    pub(crate) fn action(
        &self,
        hands: &Hands,
        step: &Step,
    ) -> Result<(Arc<dyn Action>, &'static ActionSpec), ActionError> {
        let name = step.action().unwrap_or_default();
        match (hands.registry.action(name), self.catalog.get(name)) {
            (Some(action), Some(spec)) => Ok((action, spec)),
            _ => Err(ActionError::refused(
                "not_in_this_build",
                format!("the action `{name}` is not in this build"),
            )),
        }
    }

    /// Who acts there, as AWS says.
    pub(crate) async fn who(&self, reach: &Reach) -> Result<Caller, ActionError> {
        start::who(self.outside.identity.as_ref(), &reach.target, &reach.asked_in).await
    }

    /// Other credentials than the run's own are asked whose they are before they are used, once by each process.
    pub(crate) async fn right_account(&self, reach: &Reach, patience: &Patience) -> Result<(), Ended> {
        let Target { account, access, .. } = &reach.target;
        let known = self.log.with_state(|state| {
            state.accounts_checked.contains(&(account.clone(), access.clone()))
                || state
                    .started
                    .as_ref()
                    .is_none_or(|started| (&started.account, &started.access) == (account, access))
        });
        if known || account.is_empty() {
            return Ok(());
        }
        let caller = self.patiently(patience, || self.who(reach)).await?;
        if let Some(wrong) = start::wrong_account(account, &caller) {
            return Err(failed(patience.during, ActionError::from(wrong)));
        }
        let checked = AccountChecked { target: reach.target.clone(), caller: caller.arn };
        self.log.append(vec![Draft::run(EventKind::AccountChecked(Box::new(checked)))])?;
        Ok(())
    }
}

/// Whether another Region may answer where this one did not.
pub(crate) fn may_answer_elsewhere(error: &ActionError) -> bool {
    matches!(error.kind, ErrorKind::BlockedOnControlPlane | ErrorKind::Transient)
}
