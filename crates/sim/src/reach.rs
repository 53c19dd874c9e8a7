//! Who answers in the simulated world: servers that the world file declares, and the usable DB instances.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::world::secret::CURRENT;
use crate::world::{Instance, SecretValue, Status, World};

/// A server beside AWS, such as the front door of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointDefinition {
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The status of its HTTP answers.
    #[serde(default = "ok")]
    pub status: u16,
    /// The body of its HTTP answers.
    #[serde(default)]
    pub body: String,
    /// Milliseconds until it answers.
    #[serde(default = "usual_latency")]
    pub latency_ms: u64,
    /// The DB instance without which it answers 503, by its identifier, whatever Region it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// The secret whose `host` must lead to a DB instance that takes connections, by its name; else it answers 503 too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_secret: Option<String>,
    /// When it does not answer, or not well.
    #[serde(default)]
    pub down: Vec<Outage>,
}

/// A time during which a server does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// From this moment on.
    pub from: DateTime<Utc>,
    /// Until this one, if it ever ends.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// It answers with this status meanwhile; `None` refuses every connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

fn ok() -> u16 {
    200
}

/// (assumed) A server in the same continent.
fn usual_latency() -> u64 {
    20
}

/// What a server of the world answers to a question in HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// How long the answer takes.
    pub latency: Duration,
}

/// Nobody answers there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

/// Opens a connection: to a declared server that is up, or to a usable DB instance. Gives how long that takes.
///
/// # Errors
/// When nobody answers there.
pub fn connect(world: &World, host: &str, port: u16) -> Result<Duration, Unanswered> {
    if let Some(endpoint) = declared(world, host, port) {
        return up(world, endpoint).map(|endpoint| Duration::from_millis(endpoint.latency_ms));
    }
    match instance(world, host) {
        Ok(instance) if i64::from(port) == i64::from(instance.settings.port) => {
            Ok(Duration::from_millis(world.definition.latency_ms))
        }
        Ok(_) => Err(Unanswered("connection refused".to_owned())),
        Err(why) => Err(Unanswered(why)),
    }
}

/// Asks a declared server in HTTP.
///
/// # Errors
/// When nobody answers there, or somebody who does not speak HTTP.
pub fn ask(world: &World, host: &str, port: u16) -> Result<Page, Unanswered> {
    match declared(world, host, port) {
        Some(endpoint) => up(world, endpoint).map(|endpoint| {
            let latency = Duration::from_millis(endpoint.latency_ms);
            let has_database = endpoint.needs.as_deref().is_none_or(|needs| is_usable(world, needs))
                && endpoint.needs_secret.as_deref().is_none_or(|secret| leads_somewhere(world, secret));
            let wrong = (!has_database).then_some(UNAVAILABLE);
            match outages(world, endpoint).find_map(|outage| outage.status).or(wrong) {
                None => Page { status: endpoint.status, body: endpoint.body.clone(), latency },
                Some(status) => Page { status, body: String::new(), latency },
            }
        }),
        None => {
            connect(world, host, port)?;
            Err(Unanswered("it does not speak HTTP".to_owned()))
        }
    }
}

/// What a server answers that cannot reach its database.
const UNAVAILABLE: u16 = 503;

/// Whether an instance of this name takes connections.
fn is_usable(world: &World, identifier: &str) -> bool {
    let mut instances = world.regions().flat_map(|(_, region)| region.instances.values());
    instances.any(|instance| instance.identifier == identifier && instance.is_usable())
}

/// Whether the `host` of this secret's current value is that of an instance that takes connections.
fn leads_somewhere(world: &World, name: &str) -> bool {
    let mut secrets = world.regions().filter_map(|(_, region)| region.secrets.get(name));
    let host = secrets.find_map(|secret| {
        let SecretValue::Text(text) = &secret.versions.get(secret.holder(CURRENT)?)?.value else {
            return None;
        };
        let fields: serde_json::Value = serde_json::from_str(text).ok()?;
        Some(fields.get("host")?.as_str()?.to_owned())
    });
    host.is_some_and(|host| instance(world, &host).is_ok())
}

fn declared<'world>(world: &'world World, host: &str, port: u16) -> Option<&'world EndpointDefinition> {
    let mut all = world.definition.endpoints.iter();
    all.find(|endpoint| endpoint.host.eq_ignore_ascii_case(host) && endpoint.port == port)
}

fn up<'world>(
    world: &World,
    endpoint: &'world EndpointDefinition,
) -> Result<&'world EndpointDefinition, Unanswered> {
    match outages(world, endpoint).any(|outage| outage.status.is_none()) {
        true => Err(Unanswered("connection refused".to_owned())),
        false => Ok(endpoint),
    }
}

/// The outages of a server that are going on.
fn outages<'world>(
    world: &World,
    endpoint: &'world EndpointDefinition,
) -> impl Iterator<Item = &'world Outage> {
    let now = world.now;
    endpoint.down.iter().filter(move |it| it.from <= now && it.until.is_none_or(|until| now < until))
}

/// The usable instance whose endpoint has this host; a reason where there is none.
pub(crate) fn instance<'world>(world: &'world World, host: &str) -> Result<&'world Instance, String> {
    let mut all =
        world.regions().flat_map(|(place, region)| region.instances.values().map(move |it| (place, it)));
    let found =
        all.find(|(place, instance)| world.endpoint(place, &instance.identifier).eq_ignore_ascii_case(host));
    let resolves = |instance: &Instance| instance.resolves_from.is_none_or(|from| from <= world.now);
    let instance = found.map(|(_, instance)| instance).filter(|instance| resolves(instance));
    let instance = instance.ok_or_else(|| "the name does not resolve".to_owned())?;
    match (instance.is_usable(), instance.lost_at) {
        (true, _) => Ok(instance),
        (false, Some(_)) if instance.status == Status::Available => Err("no answer".to_owned()),
        (false, _) => Err(format!("{} is {}", instance.identifier, instance.status.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::WorldDefinition;
    use crate::world::Place;
    use chrono::TimeDelta;

    fn world(down: Vec<Outage>) -> World {
        let mut definition = WorldDefinition::named("default").expect("the embedded world");
        definition.endpoints = vec![EndpointDefinition {
            host: "shop.example.com".into(),
            port: 443,
            status: 200,
            body: "all well".into(),
            latency_ms: 25,
            needs: None,
            needs_secret: None,
            down,
        }];
        World::new(definition, 1)
    }

    #[test]
    fn a_declared_server_answers_while_it_is_up() {
        let start = world(Vec::new()).now;
        let minutes = |count| start + TimeDelta::minutes(count);
        let mut world = world(vec![Outage { from: minutes(5), until: Some(minutes(7)), status: None }]);
        for (minute, answers) in [(0, true), (5, false), (6, false), (7, true)] {
            world.settle(minutes(minute));
            assert_eq!(ask(&world, "Shop.example.com", 443).is_ok(), answers, "minute {minute}");
            assert_eq!(connect(&world, "shop.example.com", 443).is_ok(), answers, "minute {minute}");
        }
        let page = ask(&world, "shop.example.com", 443).expect("it is up again");
        let latency = Duration::from_millis(25);
        assert_eq!(page, Page { status: 200, body: "all well".into(), latency });
        assert_eq!(ask(&world, "shop.example.com", 80), Err(Unanswered("the name does not resolve".into())));
    }

    #[test]
    fn an_instance_takes_connections_on_its_port_when_it_is_usable() {
        let mut world = world(Vec::new());
        let place = Place { account: "111122223333".into(), region: "eu-west-1".into() };
        let host = world.endpoint(&place, "orders-prod");
        assert_eq!(connect(&world, &host, 5432), Ok(Duration::from_millis(30)));
        assert_eq!(connect(&world, &host, 5433), Err(Unanswered("connection refused".into())));
        assert_eq!(ask(&world, &host, 5432), Err(Unanswered("it does not speak HTTP".into())));
        let region = world.region_mut(&place);
        region.instances.values_mut().for_each(|instance| instance.status = Status::Creating);
        assert_eq!(connect(&world, &host, 5432), Err(Unanswered("orders-prod is creating".into())));
    }
}
