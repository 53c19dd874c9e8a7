//! How parameters are looked at: ten in one call.

use super::PARAMETER;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::Parameter;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{ActionError, ErrorKind, Place};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::value::Secret;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks at parameters.
pub struct Parameters(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for Parameters {
    fn kind(&self) -> &'static str {
        PARAMETER
    }

    /// GetParameters takes ten names (API reference).
    fn batch(&self) -> usize {
        10
    }

    fn every(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn fold(&self, id: &str) -> String {
        id.to_owned()
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let found = match self.together(place, ids, true).await {
            // Without the key the version can be seen all the same.
            Err(error) if error.kind == ErrorKind::BlockedOnPermission => {
                self.together(place, ids, false).await?
            }
            found => found?,
        };
        let seen = |id: &String| {
            let same =
                |parameter: &&Parameter| [parameter.name(), parameter.arn()].contains(&Some(id.as_str()));
            found.iter().find(same).map_or_else(|| Seen::absent(id), |parameter| seen(id, parameter))
        };
        Ok(ids.iter().map(seen).collect())
    }
}

impl Parameters {
    async fn together(
        &self,
        place: &Place,
        ids: &[String],
        decrypt: bool,
    ) -> Result<Vec<Parameter>, ActionError> {
        let call = self.0.ssm(&place.region).get_parameters().set_names(Some(ids.to_vec()));
        let reply = call.with_decryption(decrypt).send().await;
        let reply = reply.map_err(|error| classify(error, Call::Read))?;
        let hide = |mut parameter: Parameter| {
            if !decrypt && is_secure(&parameter) {
                parameter.value = None;
            }
            parameter
        };
        Ok(reply.parameters.unwrap_or_default().into_iter().map(hide).collect())
    }
}

/// Whether its value is a secret.
pub(super) fn is_secure(parameter: &Parameter) -> bool {
    parameter.r#type().is_some_and(|kind| kind.as_str() == "SecureString")
}

/// When it was written.
pub(super) fn modified_at(parameter: &Parameter) -> Option<DateTime<Utc>> {
    let time = parameter.last_modified_date()?.to_millis().ok()?;
    DateTime::from_timestamp_millis(time)
}

/// The value stands there as a secret: it is compared, and never written down.
fn seen(id: &str, parameter: &Parameter) -> Seen {
    let value = parameter.value().map(|value| Secret::new(id, value));
    Seen {
        id: id.to_owned(),
        exists: true,
        attributes: BTreeMap::from([
            ("arn".to_owned(), parameter.arn().into()),
            ("value".to_owned(), value.into()),
            ("version".to_owned(), parameter.version().into()),
        ]),
        ..Seen::default()
    }
}
