//! A world that begins at another time.

use chrono::{DateTime, TimeDelta, Utc};

use super::{AlarmDefinition, InstanceDefinition, RegionDefinition, WorldDefinition};

impl WorldDefinition {
    /// The same world beginning at `start`: everything in it happened, and will happen, as long before or after as it
    /// did. Validity of certificates stays: it is no part of the world's course.
    pub fn beginning_at(mut self, start: DateTime<Utc>) -> WorldDefinition {
        let by = start - self.start;
        self.start = start;
        self.accounts.iter_mut().flat_map(|account| account.regions.values_mut()).for_each(|it| it.shift(by));
        for table in self.databases.values_mut().flat_map(|database| database.tables.values_mut()) {
            table.since += by;
            shift(&mut table.until, by);
            table.damage.iter_mut().flat_map(|damage| damage.times()).for_each(|time| *time += by);
        }
        for down in self.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.down) {
            down.from += by;
            shift(&mut down.until, by);
        }
        self
    }
}

fn shift(time: &mut Option<DateTime<Utc>>, by: TimeDelta) {
    if let Some(time) = time {
        *time += by;
    }
}

impl RegionDefinition {
    fn shift(&mut self, by: TimeDelta) {
        self.instances.iter_mut().for_each(|instance| instance.shift(by));
        self.parameters.iter_mut().for_each(|parameter| shift(&mut parameter.modified_at, by));
        self.secrets.iter_mut().for_each(|secret| shift(&mut secret.created_at, by));
        for vault in &mut self.backup_vaults {
            shift(&mut vault.created_at, by);
            vault.recovery_points.iter_mut().for_each(|point| point.created_at += by);
        }
        self.impaired_zones.iter_mut().for_each(|impaired| impaired.from += by);
        self.alarms.iter_mut().for_each(|alarm| alarm.shift(by));
        self.metrics.iter_mut().flat_map(|metric| &mut metric.values).for_each(|value| value.from += by);
    }
}

impl InstanceDefinition {
    fn shift(&mut self, by: TimeDelta) {
        self.created_at += by;
        self.automated_snapshots.iter_mut().for_each(|at| *at += by);
        self.fails.iter_mut().for_each(|failure| failure.at += by);
        self.replica_lag.iter_mut().for_each(|lag| lag.from += by);
        self.pending_maintenance.iter_mut().for_each(|it| shift(&mut it.auto_applied_after, by));
        self.settings.associated_roles.iter_mut().for_each(|role| shift(&mut role.active_from, by));
    }
}

impl AlarmDefinition {
    fn shift(&mut self, by: TimeDelta) {
        shift(&mut self.since, by);
        self.transitions.iter_mut().for_each(|transition| transition.at += by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every time in a document, with where it stands.
    fn times(value: &serde_json::Value, path: &str, found: &mut Vec<(String, DateTime<Utc>)>) {
        match value {
            serde_json::Value::String(text) => {
                let time = DateTime::parse_from_rfc3339(text).ok();
                found.extend(time.map(|time| (path.to_owned(), time.to_utc())));
            }
            serde_json::Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(place, item)| times(item, &format!("{path}/{place}"), found));
            }
            serde_json::Value::Object(fields) => {
                fields.iter().for_each(|(key, field)| times(field, &format!("{path}/{key}"), found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_time_of_the_embedded_worlds_moves_but_the_validity_of_certificates() {
        for name in super::super::names() {
            let world = WorldDefinition::named(name).expect("an embedded world");
            let by = TimeDelta::days(300);
            let moved = world.clone().beginning_at(world.start + by);
            let found = |world: &WorldDefinition| {
                let mut found = Vec::new();
                times(&serde_json::to_value(world).expect("JSON"), "", &mut found);
                found
            };
            let (before, after) = (found(&world), found(&moved));
            assert!(before.len() > 10, "{name}");
            for ((path, before), (_, after)) in before.iter().zip(&after) {
                let expected = if path.contains("/valid_") { *before } else { *before + by };
                assert_eq!(*after, expected, "{name}{path}");
            }
            assert_eq!(moved.problems(), Vec::<String>::new());
        }
    }
}
