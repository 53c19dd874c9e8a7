//! The addresses of `notify`: their secrets are fetched when there is something to send.

use super::Address;
use crate::action::{ActionError, Values};
use crate::chart::Chart;
use crate::evaluate::evaluate;
use crate::hidden::reference_of;
use crate::log::RunLog;
use crate::scope::{RunScope, secret_key};
use crate::secrets::{Keyring, SecretSource, value_of};
use lifeboat_runbook::notice::Notify;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeSet;

/// What is needed to fill in an address.
pub(super) struct Addresses<'run> {
    pub(super) plan: &'run Plan,
    pub(super) catalog: &'run Catalog,
    pub(super) log: &'run RunLog,
    pub(super) secrets: &'run dyn SecretSource,
    pub(super) now: chrono::DateTime<chrono::Utc>,
}

impl Addresses<'_> {
    /// The address of an entry, with its secrets fetched and hidden from everything that is written.
    pub(super) async fn of(&self, entry: &Notify) -> Result<Address, ActionError> {
        let mut keyring = Keyring::default();
        for name in names(entry) {
            let Some(secret) = self.plan.secrets.get(&name) else { continue };
            let (place, reference) =
                self.with_scope(None, |state, scope| reference_of(secret, state, scope))?;
            let fetched = self.secrets.fetch(&place, &reference).await?;
            let value = value_of(&name, &fetched, secret.key.as_deref())?;
            self.log
                .learn(&name, value.expose())
                .map_err(|short| ActionError::refused("secret", short.to_string()))?;
            keyring.secrets.insert(secret_key("", &name), Value::Secret(value));
        }
        let filled = |key: &str, template: &Template| {
            self.with_scope(Some(&keyring), |_, scope| evaluate(key, template, scope)).map(
                |value| match value {
                    Value::Secret(secret) => secret,
                    other => Secret::new(key, other.to_string()),
                },
            )
        };
        Ok(Address {
            place: filled(entry.channel.word(), &entry.address)?,
            secret: entry.secret.as_ref().map(|secret| filled("secret", secret)).transpose()?,
        })
    }

    fn with_scope<T>(
        &self,
        keyring: Option<&Keyring>,
        read: impl FnOnce(&lifeboat_journal::state::RunState, &RunScope<'_>) -> T,
    ) -> T {
        let (chart, none) = (Chart::default(), Values::new());
        self.log.with_state(|state| {
            let scope = RunScope {
                plan: self.plan,
                chart: &chart,
                catalog: self.catalog,
                state,
                own: None,
                item: None,
                own_outputs: Some(&none),
                keyring,
                now: self.now,
            };
            read(state, &scope)
        })
    }
}

/// The secrets an entry refers to.
fn names(entry: &Notify) -> BTreeSet<String> {
    let templates = std::iter::once(&entry.address).chain(&entry.secret);
    let references = templates.flat_map(Template::expressions).flat_map(|it| it.references());
    references
        .filter_map(|reference| match reference.names.as_slice() {
            [root, name, ..] if root == "secrets" => Some(name.clone()),
            _ => None,
        })
        .collect()
}
