//! What a step needs and nobody may read: secrets, and outputs that are sensitive.

use crate::action::{ActionError, Place, Values};
use crate::evaluate::evaluate;
use crate::log::JournalLost;
use crate::patience::Patience;
use crate::perform::{Ended, Looked, Worker, failed};
use crate::scope::{RunScope, secret_key};
use crate::secrets::{self, Keyring, Reference};
use lifeboat_journal::event::EventKind;
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{SecretReference, SecretStore, Step};
use lifeboat_runbook::value::{Secret, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

impl Worker {
    pub(crate) fn keyring(&self) -> MutexGuard<'_, Keyring> {
        // Whole values are put in and taken out, so a panic elsewhere has left nothing half done.
        self.keyring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches the secrets and looks again at the sensitive outputs that a step refers to and this process has not
    /// seen yet.
    pub(crate) async fn fetch_what_is_hidden(&self, step: &Step, patience: &Patience) -> Result<(), Ended> {
        let file = self.chart.file(&self.plan, step.path.file());
        for name in secrets::named_in(step) {
            if !self.keyring().secrets.contains_key(&secret_key(step.path.file(), &name))
                && let Some(reference) = file.and_then(|file| file.secrets.get(&name))
            {
                self.fetch(&name, reference, patience).await?;
            }
        }
        for (id, output) in secrets::outputs_named_in(step) {
            let source = self.chart.named(&step.path, &id).and_then(|path| self.step(&path));
            if let Some(source) = source.filter(|source| self.is_hidden(source, &output)) {
                Box::pin(self.look_again(&source)).await?;
            }
        }
        Ok(())
    }

    async fn fetch(&self, name: &str, secret: &SecretReference, patience: &Patience) -> Result<(), Ended> {
        let (place, reference) =
            self.place_of(secret, &patience.path).map_err(|error| failed("prepare", error))?;
        let fetched = self.patiently(patience, || self.outside.secrets.fetch(&place, &reference)).await?;
        let value = secrets::value_of(name, &fetched, secret.key.as_deref())
            .map_err(|error| failed("prepare", error))?;
        let kept = if secret.sensitive {
            self.hide(name, value.expose()).map_err(|error| failed("prepare", error))?;
            Value::Secret(value)
        } else {
            Value::String(value.expose().to_owned())
        };
        self.keyring().secrets.insert(secret_key(patience.path.file(), name), kept);
        let text = |text: &str| Value::String(text.to_owned());
        let mut facts = BTreeMap::from([
            ("secret".to_owned(), text(name)),
            ("kept_in".to_owned(), text(store_word(reference.store))),
            ("name".to_owned(), text(&reference.name)),
        ]);
        facts.extend(fetched.version.map(|version| ("version".to_owned(), Value::String(version))));
        let kind = EventKind::Evidence { kind: "secret".to_owned(), value: Value::Map(facts) };
        Ok(self.log.step(&patience.path, patience.attempt, kind)?)
    }

    fn hide(&self, name: &str, text: &str) -> Result<(), ActionError> {
        self.log.learn(name, text).map_err(|short| ActionError::refused("secret", short.to_string()))
    }

    fn place_of(&self, secret: &SecretReference, own: &StepPath) -> Result<(Place, Reference), ActionError> {
        self.log.with_state(|state| {
            let none = Values::new();
            reference_of(secret, state, &self.scope(state, own, &none))
        })
    }

    fn is_hidden(&self, source: &Step, output: &str) -> bool {
        let spec = source.action().and_then(|action| self.catalog.get(action));
        let sensitive = spec.and_then(|spec| spec.output(output)).is_some_and(|output| output.sensitive);
        sensitive && !self.keyring().outputs.contains_key(&(source.path.clone(), output.to_owned()))
    }

    /// Looks at what a step of an earlier process gave, for the values that are not in the journal.
    async fn look_again(&self, source: &Step) -> Result<(), Ended> {
        let state = self.log.with_state(|state| state.step(&source.path));
        if state.status != StepStatus::Succeeded {
            return Ok(());
        }
        let mut attempt = self.begin(source, state.attempts.max(1), true, &[]).await?;
        let Looked { observation, .. } = self.look(&mut attempt).await?;
        match observation {
            crate::action::Observation::Ready(outputs) => {
                self.hide_sensitive(source, outputs)?;
                Ok(())
            }
            _ => {
                let message = format!(
                    "the sensitive outputs of {} are not kept, and it does not show them any more",
                    source.path
                );
                Err(failed("prepare", ActionError::refused("sensitive", message)))
            }
        }
    }

    /// Keeps sensitive outputs in memory and gives, for the journal, salted digests in their place.
    pub(crate) fn hide_sensitive(&self, step: &Step, outputs: Values) -> Result<Values, JournalLost> {
        let spec = step.action().and_then(|action| self.catalog.get(action));
        let sensitive = |name: &str| spec.and_then(|spec| spec.output(name)).is_some_and(|it| it.sensitive);
        let hide = |(name, value): (String, Value)| match value {
            Value::Null => (name, Value::Null),
            value if sensitive(&name) => {
                let digest = self.keep(&step.path, &name, &value);
                (name, digest)
            }
            value => (name, value),
        };
        Ok(outputs.into_iter().map(hide).collect())
    }

    fn keep(&self, path: &StepPath, name: &str, value: &Value) -> Value {
        let (text, label) = (value.to_string(), format!("{path}.{name}"));
        let salted = self.log.with_state(|state| format!("{:?}\n{label}\n{text}", state.run));
        let digest = lifeboat_journal::chain::hex(&Sha256::digest(salted));
        // A value too short to be masked is not written by us; elsewhere it cannot be told from ordinary text.
        let _too_short = self.log.learn(&label, &text);
        let secret = Value::Secret(Secret::new(label, text));
        self.keyring().outputs.insert((path.clone(), name.to_owned()), secret);
        Value::Map(BTreeMap::from([("sha256".to_owned(), Value::String(digest))]))
    }
}

/// Where a secret is kept, with its values filled in, and from where it is read.
pub(crate) fn reference_of(
    secret: &SecretReference,
    state: &RunState,
    scope: &RunScope<'_>,
) -> Result<(Place, Reference), ActionError> {
    let started = state.started.as_ref();
    let account = started.map(|started| started.account.clone()).unwrap_or_default();
    let home = started.map(|started| started.region.clone()).unwrap_or_default();
    let region = match &secret.region {
        Some(region) => evaluate("region", region, scope)?.to_string(),
        None => home.clone(),
    };
    let reference = Reference {
        store: secret.store,
        name: evaluate("secret", &secret.name, scope)?.to_string(),
        region,
        version_stage: secret.version_stage.clone(),
    };
    Ok((Place { account, region: home }, reference))
}

fn store_word(store: SecretStore) -> &'static str {
    match store {
        SecretStore::SecretsManager => "secretsmanager",
        SecretStore::Ssm => "ssm",
        SecretStore::Environment => "env",
        SecretStore::File => "file",
    }
}
