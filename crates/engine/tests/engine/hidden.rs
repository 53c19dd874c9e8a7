//! Secrets and sensitive outputs: nowhere to be read, and there again after a resume.

use crate::bench::Bench;
use crate::plans::{expression, plan, step};
use crate::world::{ECHO, MAKE, forms};
use async_trait::async_trait;
use lifeboat_engine::action::{ActionError, Place};
use lifeboat_engine::secrets::{Fetched, Reference, SecretSource};
use lifeboat_journal::outcome::Verdict;
use lifeboat_runbook::plan::{Plan, SecretReference, SecretStore, Step, Work};
use lifeboat_runbook::template::{Template, TemplateKind};
use std::sync::{Arc, Mutex};

const CANARY: &str = "c4n\"ary/in+the\\mine ü?";

struct Vault {
    asked: Mutex<u32>,
    text: &'static str,
}

#[async_trait]
impl SecretSource for Vault {
    async fn fetch(&self, _: &Place, reference: &Reference) -> Result<Fetched, ActionError> {
        *self.asked.lock().unwrap() += 1;
        assert_eq!(reference.name, "orders/db");
        Ok(Fetched { text: self.text.to_owned(), version: Some("v7".into()) })
    }
}

fn says(id: &str, what: &str, fails: bool) -> Step {
    let mut step = step(id, &ECHO, &[("fails", fails.into())]);
    if let Work::Action { with, .. } = &mut step.work {
        let kind = TemplateKind::Whole(expression(what));
        with.insert("text".to_owned(), Template { kind, range: 0..0 });
    }
    step
}

fn with_a_secret(mut plan: Plan) -> Plan {
    let reference = SecretReference {
        store: SecretStore::SecretsManager,
        name: Template::literal("orders/db"),
        key: None,
        region: None,
        version_stage: None,
        sensitive: true,
    };
    plan.secrets.insert("password".to_owned(), reference);
    plan
}

fn bench(plan: Plan, text: &'static str) -> (Bench, Arc<Vault>) {
    let mut bench = Bench::new(with_a_secret(plan));
    let vault = Arc::new(Vault { asked: Mutex::default(), text });
    bench.outside.secrets = vault.clone();
    (bench, vault)
}

fn assert_hidden(journal: &str) {
    for form in forms(CANARY) {
        // What is left of a form where its ends depend on the neighbours.
        let inner: String = form.trim_matches('"').chars().skip(4).collect();
        let inner = inner.get(..inner.len().saturating_sub(6)).unwrap_or(&inner);
        assert!(!journal.contains(inner), "{form} can be read");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_fetched_once_and_is_nowhere_to_be_read() {
    let steps = vec![says("one", "secrets.password", false), says("two", "secrets.password", true)];
    let (bench, vault) = bench(plan(steps), CANARY);
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().exit_code(), 1, "the second says it in its error");
    assert_eq!(*vault.asked.lock().unwrap(), 1);
    let journal = bench.journal();
    assert_hidden(&journal);
    assert!(journal.contains("‹secret password›") && journal.contains("\"version\":\"v7\""));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_hidden_is_refused() {
    let (bench, _) = bench(plan(vec![says("one", "secrets.password", false)]), "12345");
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().exit_code(), 1);
    assert!(bench.journal().contains("fewer than 6 characters"));
    assert_eq!(*bench.echoes.lock().unwrap(), 0, "nothing was done with it");
}

/// The sensitive output of one step goes into another. A process that dies between the two has to look again.
#[tokio::test(start_paused = true)]
async fn a_sensitive_output_is_looked_at_again_after_a_resume() {
    let steps = || {
        let third = says("third", "steps.first.outputs.token", false);
        plan(vec![says("first", "secrets.password", false), step("second", &MAKE, &[]), third])
    };
    let (whole, _) = bench(steps(), CANARY);
    let state = whole.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
    assert_eq!(*whole.echoes.lock().unwrap(), 2, "undisturbed, nothing is looked at twice");
    assert_hidden(&whole.journal());
    assert!(whole.journal().contains("\"token\":{\"sha256\":"));
    let syncs = whole.disk.0.lock().unwrap().syncs;
    let mut looked_again = 0;
    for at in 1..=syncs {
        let (bench, _) = bench(steps(), CANARY);
        bench.disk.0.lock().unwrap().die_at = Some((at, true));
        assert!(bench.run().await.is_err());
        let state = bench.run().await.unwrap();
        assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed, "{at}");
        assert_hidden(&bench.journal());
        looked_again += u32::from(*bench.echoes.lock().unwrap() > 2);
    }
    assert!(looked_again > 3, "{looked_again} of {syncs}");
}
