//! Whether whoever starts a run is permitted what it needs, as IAM simulates it.

use crate::wiring::Wiring;
use lifeboat_aws::iam::{self, Question};
use lifeboat_engine::preview::Preview;
use serde::Serialize;

/// What IAM said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "permitted", rename_all = "snake_case")]
pub(crate) enum Permitted {
    /// The policies of the principal permit all that is needed.
    Yes {
        /// Whose policies.
        principal: String,
    },
    /// They do not permit this.
    No {
        /// Whose policies.
        principal: String,
        /// What they do not permit.
        missing: Vec<Missing>,
    },
    /// IAM was not asked, or did not tell.
    NotKnown {
        /// Why.
        why: String,
    },
}

/// An action that is not permitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Missing {
    /// Its name in IAM.
    pub(crate) action: String,
    /// On what: an ARN, or a pattern of them.
    pub(crate) resource: String,
    /// Whether a policy denies it; else none permits it.
    pub(crate) denied: bool,
}

impl Permitted {
    /// Asks IAM for the principal that the run would act as.
    pub(crate) async fn ask(wiring: &Wiring, preview: &Preview, questions: &[Question]) -> Self {
        let not_known = |why: &str| Self::NotKnown { why: why.to_owned() };
        let Some(caller) = preview.acts_as.as_ref().or(preview.caller.as_ref()) else {
            return not_known("AWS was not asked");
        };
        let principal = preview.role.clone().or_else(|| iam::principal(caller));
        let Some(principal) = principal else {
            return not_known("the caller is neither a role nor a user, and has no policies to ask");
        };
        match wiring.permissions(&preview.region, &principal, questions).await {
            Ok(denied) if denied.is_empty() => Self::Yes { principal },
            Ok(denied) => {
                let missing = denied.into_iter().map(|denied| Missing {
                    action: denied.action,
                    resource: denied.resource,
                    denied: denied.is_explicit,
                });
                Self::No { principal, missing: missing.collect() }
            }
            Err(error) => Self::NotKnown { why: format!("{}: {}", error.code, error.message) },
        }
    }
}
