//! Deliberate faults of Lifeboat itself. Each breaks one invariant; the tests show that it is found.

use super::record::Witness;
use lifeboat_engine::action::{Action, ActionError, Note, Stage, StepContext};
use lifeboat_runbook::spec::Resource;
use lifeboat_runbook::value::Value;
use lifeboat_sim::wire::Request;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is wrong with Lifeboat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// What a step made is said to be gone and is not asked to go.
    SkipsUndo,
    /// A mutation is asked for a second time, under another name.
    RepeatsMutations,
    /// A line of the journal does not reach the disk.
    LosesJournalLine,
    /// The fold leaves an event out.
    ForgetsEvent,
    /// A line of the world's log is lost.
    LosesWorldLine,
    /// What one step made is taken for what every other made.
    SharesResources,
    /// What was there before is changed.
    ChangesStranger,
    /// The exit code is 0 whatever happened.
    LiesInExitCode,
    /// The document has another recovery time than the journal.
    LiesInFigures,
    /// What is left behind is not named.
    LiesInLeftBehind,
    /// A step waits for something that never comes.
    NeverEnds,
    /// A secret is written down.
    TellsSecret,
}

impl Tamper {
    pub(super) async fn after_act(
        self,
        witness: &Witness,
        action: &dyn Action,
        cx: &StepContext,
        stage: &Stage,
    ) -> Result<(), ActionError> {
        match self {
            Self::RepeatsMutations => {
                let mut again = cx.clone();
                again.prepared.token.push('x');
                again.prepared.names.values_mut().for_each(|name| name.push('x'));
                action.act(&again, stage).await.map(drop)
            }
            Self::SharesResources => cx.note(Note::Created(Resource {
                kind: "rds:db".to_owned(),
                id: "shared".to_owned(),
                account: cx.place.account.clone(),
                region: cx.place.region.clone(),
                arn: None,
            })),
            Self::ChangesStranger => {
                change_production(witness, cx);
                Ok(())
            }
            Self::NeverEnds => {
                witness.clock.sleep(Duration::from_secs(10 * 365 * 86_400)).await;
                Ok(())
            }
            Self::TellsSecret => {
                let world = witness.simulator.world();
                let told =
                    super::invariants::secrets(&world.definition).into_iter().next().unwrap_or_default();
                cx.note(Note::Evidence { kind: "text".to_owned(), value: Value::from(told.as_str()) })
            }
            _ => Ok(()),
        }
    }
}

/// Asks for other backups of `orders-prod`, past every guard.
fn change_production(witness: &Witness, cx: &StepContext) {
    let scope = format!("AKIAEXAMPLE/20260105/{}/rds/aws4_request", cx.place.region);
    let headers = BTreeMap::from([
        ("authorization".to_owned(), format!("AWS4-HMAC-SHA256 Credential={scope}, X")),
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
    ]);
    let body = "Action=ModifyDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders-prod\
                &BackupRetentionPeriod=1&ApplyImmediately=true";
    let (method, uri) = ("POST".to_owned(), "/".to_owned());
    let _reply = witness.simulator.handle(&Request { method, uri, headers, body: body.into() });
}
