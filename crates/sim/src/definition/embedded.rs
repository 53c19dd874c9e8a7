//! The embedded worlds, and world files that are like one of them.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Map, Value};

use super::WorldDefinition;

/// The embedded worlds by name.
const WORLDS: [(&str, &str); 8] = [
    ("default", include_str!("../../worlds/default.json")),
    ("multi-az", include_str!("../../worlds/multi-az.json")),
    ("bad-deployment", include_str!("../../worlds/bad-deployment.json")),
    ("bad-migration", include_str!("../../worlds/bad-migration.json")),
    ("database-failed", include_str!("../../worlds/database-failed.json")),
    ("key-leaked", include_str!("../../worlds/key-leaked.json")),
    ("rows-deleted", include_str!("../../worlds/rows-deleted.json")),
    ("zone-impaired", include_str!("../../worlds/zone-impaired.json")),
];

/// There is no embedded world of this name.
#[derive(Debug, thiserror::Error)]
pub enum UnknownWorld {
    /// The name is not known.
    #[error("there is no world {name:?}; the embedded worlds are: {}", names().join(", "))]
    Name {
        /// The name asked for.
        name: String,
    },
    /// The embedded text does not fit this version.
    #[error("the embedded world {name:?} cannot be read: {source}")]
    Unreadable {
        /// The name asked for.
        name: String,
        /// What the reader met.
        source: serde_json::Error,
    },
}

/// The names of the embedded worlds.
pub fn names() -> Vec<&'static str> {
    WORLDS.iter().map(|(name, _)| *name).collect()
}

fn text(name: &str) -> Option<&'static str> {
    WORLDS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

impl WorldDefinition {
    /// An embedded world: `default` is one private single-AZ gp3 PostgreSQL instance, `orders-prod`, in
    /// eu-west-1 of account 111122223333. In `multi-az` it has a standby in another zone and a read replica. The others
    /// are `default` on the day on which something happened, and are called after it.
    ///
    /// # Errors
    /// When no embedded world has this name.
    pub fn named(name: &str) -> Result<WorldDefinition, UnknownWorld> {
        let text = text(name).ok_or_else(|| UnknownWorld::Name { name: name.into() })?;
        WorldDefinition::read(text).map_err(|source| UnknownWorld::Unreadable { name: name.into(), source })
    }

    /// The world of a world file. Where it says `like`, it is that embedded world with what else the file says.
    ///
    /// # Errors
    /// When the text is no world file.
    pub fn read(file: &str) -> Result<WorldDefinition, serde_json::Error> {
        let mut value: Value = serde_json::from_str(file)?;
        let like = value.as_object_mut().and_then(|fields| fields.remove("like"));
        let Some(like) = like else {
            // Once more from the text: its mistakes then have a line and a column.
            return serde_json::from_str(file);
        };
        let base = like.as_str().and_then(text);
        let base = base.ok_or_else(|| {
            serde_json::Error::custom(format!(
                "like: {like} is none of the embedded worlds, which are: {}",
                names().join(", ")
            ))
        })?;
        let mut world: Value = serde_json::from_str(base)?;
        lay(&mut world, value);
        WorldDefinition::deserialize(world)
    }
}

/// Lays `over` onto `base`: maps key by key, lists of things that have a name or an identifier thing by thing, and all
/// else in place of what was there.
fn lay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(over))
            if !over.is_empty() && over.iter().all(|item| called(item).is_some()) =>
        {
            for item in over {
                match base.iter_mut().find(|known| called(known) == called(&item)) {
                    Some(known) => lay(known, item),
                    None => base.push(item),
                }
            }
        }
        (base, over) => *base = over,
    }
}

/// By what a thing in a list is told from the others.
fn called(item: &Value) -> Option<&str> {
    let fields: &Map<String, Value> = item.as_object()?;
    ["identifier", "id", "name", "host"].iter().find_map(|key| fields.get(*key)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_world_can_be_read_fits_together_and_has_its_own_name() -> Result<(), UnknownWorld> {
        for name in names() {
            let world = WorldDefinition::named(name)?;
            assert_eq!((world.name.as_str(), world.problems()), (name, Vec::new()));
        }
        Ok(())
    }

    #[test]
    fn a_file_that_is_like_another_says_only_what_differs() -> Result<(), Box<dyn std::error::Error>> {
        let file = r#"{ "like": "default", "name": "full",
            "accounts": [{ "id": "111122223333", "regions": { "eu-west-1": { "instance_quota": 1,
                "alarms": [{ "name": "orders-api-5xx", "state": "ALARM" }] } } }],
            "databases": { "orders": { "tables": { "heartbeat": { "every_seconds": 60 } } } } }"#;
        let mut expected = WorldDefinition::named("default")?;
        expected.name = "full".into();
        let region = expected.accounts[0].regions.get_mut("eu-west-1").ok_or("the Region")?;
        region.instance_quota = 1;
        region.alarms[0].state = super::super::AlarmState::Alarm;
        let tables = &mut expected.databases.get_mut("orders").ok_or("the database")?.tables;
        tables.get_mut("heartbeat").ok_or("the table")?.every_seconds = 60;
        assert_eq!(WorldDefinition::read(file)?, expected);
        let refusal = WorldDefinition::read(r#"{ "like": "atlantis" }"#).map_err(|error| error.to_string());
        assert!(refusal.is_err_and(|error| error.starts_with("like: \"atlantis\" is none of")));
        let unknown = WorldDefinition::read(r#"{ "like": "default", "tables": 1 }"#);
        assert!(unknown.is_err_and(|error| error.to_string().contains("unknown field `tables`")));
        Ok(())
    }

    #[test]
    fn an_unknown_world_is_named_in_the_refusal() {
        let refusal = WorldDefinition::named("atlantis").map_err(|error| error.to_string());
        let expected = "there is no world \"atlantis\"; the embedded worlds are: default, multi-az, bad-deployment, \
                        bad-migration, database-failed, key-leaked, rows-deleted, zone-impaired";
        assert_eq!(refusal, Err(expected.into()));
    }
}
