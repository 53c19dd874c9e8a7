//! How a Region's parameters and secrets are at the world's start.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::secret::{CURRENT, PREVIOUS};
use super::{Parameter, ParameterVersion, Place, Secret, SecretValue, SecretVersion, World};
use crate::definition::{ParameterDefinition, SecretDefinition, secret_text};

impl World {
    /// Puts a declared parameter into a Region.
    pub(super) fn place_parameter(&mut self, place: &Place, defined: &ParameterDefinition) {
        let version = ParameterVersion {
            number: 1,
            kind: defined.kind,
            value: self.filled_in(place, &defined.value),
            key_id: defined.key_id.clone(),
            description: None,
            data_type: "text".into(),
            tier: "Standard".into(),
            modified_at: defined.modified_at.unwrap_or(self.now),
            modified_by: format!("arn:aws:iam::{}:root", place.account),
        };
        let parameter = Parameter { versions: vec![version], tags: defined.tags.clone() };
        self.region_mut(place).parameters.insert(defined.name.clone(), parameter);
    }

    /// Puts a declared secret into a Region.
    pub(super) fn place_secret(&mut self, place: &Place, defined: &SecretDefinition) {
        let created_at = defined.created_at.unwrap_or(self.now);
        let values = [(CURRENT, Some(&defined.value)), (PREVIOUS, defined.previous.as_ref())];
        let mut versions = BTreeMap::new();
        for (stage, value) in values {
            let Some(value) = value else { continue };
            let id = self.chance.uuid(&["secret version", &place.region, &defined.name, stage]);
            let value = SecretValue::Text(self.filled_in(place, &secret_text(value)));
            let stages = BTreeSet::from([stage.to_owned()]);
            versions.insert(id, SecretVersion { value, created_at, stages });
        }
        let secret = Secret {
            name: defined.name.clone(),
            arn: self.secret_arn(place, &defined.name, created_at),
            description: defined.description.clone(),
            kms_key_id: defined.kms_key_id.clone(),
            created_at,
            changed_at: created_at,
            deleted_at: None,
            gone_at: None,
            tags: defined.tags.clone(),
            versions,
        };
        self.region_mut(place).secrets.insert(defined.name.clone(), secret);
    }

    /// A new secret's ARN.
    pub(crate) fn secret_arn(&self, place: &Place, name: &str, at: DateTime<Utc>) -> String {
        let Place { account, region } = place;
        let suffix = self.chance.id(&["secret", account, region, name, &at.to_rfc3339()], 6);
        format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-{suffix}")
    }

    /// A declared text with the hosts of DB instances in place of `${endpoint:IDENTIFIER}`. The host depends on the
    /// seed, so no world file can state it.
    fn filled_in(&self, place: &Place, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${endpoint:") {
            let Some((identifier, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(&self.endpoint(place, identifier));
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}
