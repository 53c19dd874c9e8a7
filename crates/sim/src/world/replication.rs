//! Read replicas: how far each has come, which its data and CloudWatch's ReplicaLag both follow from.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Data, Instance, Place, World};
use crate::fault::{FaultKind, When};

/// How a replica follows from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// So much behind.
    Behind(TimeDelta),
    /// Replication has stopped.
    Stopped,
}

impl World {
    /// Up to when a replica had received its source's writes at `at`. What was received is never lost again: a lag that
    /// begins lets it stand still until it is so much behind.
    fn received(&self, instance: &Instance, at: DateTime<Utc>) -> DateTime<Utc> {
        let mut changes = self.pace_changes(instance);
        changes.retain(|change| *change < at);
        let Some(first) = changes.first().copied() else { return at - behind(self.pace(instance, at), at) };
        let ends = changes.iter().skip(1).copied().chain([at]);
        changes.iter().zip(ends).fold(first, |held, (begin, end)| match self.pace(instance, *begin) {
            Pace::Behind(lag) => held.max(end - lag),
            Pace::Stopped => held,
        })
    }

    /// The moments at which a replica's pace changes, in order.
    fn pace_changes(&self, instance: &Instance) -> Vec<DateTime<Utc>> {
        let mut changes: Vec<_> = instance.replica_lag.iter().map(|lag| lag.from).collect();
        for (from, to, _) in self.ordered_lags() {
            changes.push(from);
            changes.extend(to);
        }
        changes.sort();
        changes.dedup();
        changes
    }

    fn pace(&self, instance: &Instance, at: DateTime<Utc>) -> Pace {
        let told = instance.replica_lag.iter().rev().find(|lag| lag.from <= at).map(|lag| lag.seconds);
        let Some(told) = told.unwrap_or(Some(0)) else { return Pace::Stopped };
        let ordered = self.ordered_lags().filter(|(from, to, _)| *from <= at && to.is_none_or(|to| at < to));
        let most = ordered.map(|(_, _, seconds)| seconds).max().unwrap_or(0).max(told);
        Pace::Behind(TimeDelta::seconds(most.into()))
    }

    /// The lags that faults order: from, to, seconds.
    fn ordered_lags(&self) -> impl Iterator<Item = (DateTime<Utc>, Option<DateTime<Utc>>, u32)> {
        let start = self.definition.start;
        let second =
            move |second: u64| start + TimeDelta::seconds(i64::try_from(second).unwrap_or(i64::MAX / 1000));
        self.definition.faults.iter().filter_map(move |fault| match (&fault.kind, &fault.when) {
            (FaultKind::ReplicaLag(seconds), When::During { from_s, to_s }) => {
                Some((second(*from_s), to_s.map(second), *seconds))
            }
            _ => None,
        })
    }

    /// What an instance holds of what was written up to `at`: a replica is behind.
    pub(crate) fn held(&self, instance: &Instance, at: DateTime<Utc>) -> Data {
        match &instance.replica_of {
            Some(source) => {
                let mut all = self.regions().filter_map(|(_, region)| region.instances.get(source));
                let lost = all.find_map(|source| source.lost_at);
                let received = self.received(instance, at);
                instance.data.up_to(lost.map_or(received, |lost| lost.min(received)))
            }
            None => instance.data.up_to(at),
        }
    }

    /// CloudWatch's ReplicaLag at a moment, seconds: -1 where replication has stopped, nothing where the instance was no
    /// replica (RDS user guide, monitoring read replication).
    pub(crate) fn replica_lag(&self, instance: &Instance, at: DateTime<Utc>) -> Option<f64> {
        let created = instance.created_at.is_some_and(|created| created <= at);
        let followed =
            instance.replica_of.is_some() || instance.followed_until.is_some_and(|until| at < until);
        match (created && followed).then(|| self.pace(instance, at))? {
            Pace::Stopped => Some(-1.0),
            Pace::Behind(_) => Some((at - self.received(instance, at)).num_milliseconds() as f64 / 1000.0),
        }
    }

    /// Whether a replica receives anything now.
    pub(crate) fn replicates(&self, instance: &Instance) -> bool {
        self.pace(instance, self.now) != Pace::Stopped
    }

    /// A replica follows nobody any more: it keeps what it has received.
    pub(super) fn stand_alone(&mut self, place: &Place, resource: &str, at: DateTime<Utc>) {
        let Some(instance) = self.region(place).instances.get(resource) else { return };
        let data = self.held(instance, at);
        self.with_instance(place, resource, |it| {
            it.replica_of = None;
            it.followed_until = Some(at);
            it.data = data;
        });
    }

    /// The replicas of an instance that is gone are promoted by that (RDS user guide, deleting a source in its Region).
    pub(super) fn leave_replicas(&mut self, place: &Place, source: &str, at: DateTime<Utc>) {
        let replicas = self.region(place).instances.values();
        let replicas = replicas.filter(|each| each.replica_of.as_deref() == Some(source));
        let replicas: Vec<_> = replicas.map(|each| each.resource_id.clone()).collect();
        replicas.iter().for_each(|replica| self.stand_alone(place, replica, at));
    }
}

/// How much a replica is behind whose pace never changed before.
fn behind(pace: Pace, at: DateTime<Utc>) -> TimeDelta {
    match pace {
        Pace::Behind(lag) => lag,
        Pace::Stopped => at - DateTime::UNIX_EPOCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{LagDefinition, WorldDefinition};
    use crate::fault::Fault;

    /// The world `multi-az`, whose replica follows as `lags` say: seconds since the start, seconds behind.
    fn world(lags: &[(i64, Option<u32>)], faults: Vec<Fault>) -> World {
        let mut definition = WorldDefinition::named("multi-az").expect("the embedded world");
        let start = definition.start;
        let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
        let replica = region.instances.iter_mut().find(|it| it.replica_of.is_some()).expect("a replica");
        let lag = |(from, seconds): &(i64, Option<u32>)| LagDefinition {
            from: start + TimeDelta::seconds(*from),
            seconds: *seconds,
        };
        replica.replica_lag = lags.iter().map(lag).collect();
        definition.faults = faults;
        World::new(definition, 1)
    }

    fn lag(world: &World, second: i64) -> f64 {
        let (_, region) = world.regions().next().expect("a Region");
        let replica = region.instance("orders-replica").expect("the replica");
        world.replica_lag(replica, world.definition.start + TimeDelta::seconds(second)).expect("a replica")
    }

    #[test]
    fn a_lag_grows_until_it_is_there_and_what_was_received_stays() {
        let world = world(&[(-60, Some(2)), (100, Some(30)), (200, None), (300, Some(0))], Vec::new());
        let lags = [0, 100, 110, 128, 190, 200, 250, 301].map(|second| lag(&world, second));
        assert_eq!(lags, [2.0, 2.0, 12.0, 30.0, 30.0, -1.0, -1.0, 0.0]);
        let (_, region) = world.regions().next().expect("a Region");
        let replica = region.instance("orders-replica").expect("the replica");
        let at = |second| world.definition.start + TimeDelta::seconds(second);
        assert_eq!(world.received(replica, at(110)), at(98), "it stands still");
        assert_eq!(world.received(replica, at(250)), at(170), "and so when replication has stopped");
    }

    #[test]
    fn a_fault_lets_it_lag_for_a_while() {
        let when = When::During { from_s: 60, to_s: Some(600) };
        let kind = FaultKind::ReplicaLag(400);
        let fault = Fault { service: "rds".into(), operation: "*".into(), when, kind };
        let lags = [0, 120, 599, 601].map(|second| lag(&world(&[], vec![fault.clone()]), second));
        assert_eq!(lags, [0.0, 60.0, 400.0, 0.0]);
        assert_eq!(fault.problem(), None);
        let always = Fault { when: When::Probability(0.5), ..fault };
        assert!(always.problem().is_some_and(|problem| problem.contains("during")));
    }
}
