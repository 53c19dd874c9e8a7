//! Actions that ask whether the recovered system is well.
//!
//! Their outside is a port each ([`sql::Sql`], [`http::Http`], [`dial::Dial`], [`spawn::Spawn`]), so that a simulated
//! run asks the simulated world and a real one the servers themselves ([`real`]). [`catalog`] for checking;
//! [`Ports`] and [`register`] for running.
//!
//! This room must not know AWS or reports.

mod command_run;
pub mod connect_to;
pub mod dial;
pub mod http;
mod http_check;
pub mod notify;
mod notify_send;
mod parameters;
mod query;
pub mod real;
pub mod spawn;
pub mod spec;
pub mod sql;
mod tcp_check;
pub mod tls;

use connect_to::ConnectTo;
use lifeboat_engine::notify::Outbox;
use lifeboat_engine::registry::Registry;
use lifeboat_runbook::spec::ActionSpec;
use std::sync::Arc;

/// What every action of this room says of itself.
pub fn catalog() -> Vec<&'static ActionSpec> {
    vec![&spec::COMMAND_RUN, &spec::HTTP_CHECK, &spec::NOTIFY_SEND, &spec::POSTGRES_QUERY, &spec::TCP_CHECK]
}

/// Whom the actions of this room ask.
#[derive(Clone)]
pub struct Ports {
    /// Databases.
    pub sql: Arc<dyn sql::Sql>,
    /// Servers that speak HTTP.
    pub http: Arc<dyn http::Http>,
    /// Sockets.
    pub dial: Arc<dyn dial::Dial>,
    /// Programs.
    pub spawn: Arc<dyn spawn::Spawn>,
    /// Where connections go instead.
    pub connect_to: ConnectTo,
}

/// Puts the actions of this room into `registry`, asking through these ports.
pub fn register(registry: &mut Registry, ports: Ports) {
    let Ports { sql, http, dial, spawn, connect_to } = ports;
    registry.add_action(Arc::new(command_run::CommandRun::new(spawn)));
    registry.add_action(Arc::new(http_check::HttpCheck { http, connect_to: connect_to.clone() }));
    registry.add_action(Arc::new(query::PostgresQuery { sql, connect_to: connect_to.clone() }));
    registry.add_action(Arc::new(tcp_check::TcpCheck { dial, connect_to }));
}

/// Puts the action that tells people into `registry`; what it tells goes by this outbox.
pub fn register_notify(registry: &mut Registry, outbox: &Arc<Outbox>) {
    registry.add_action(Arc::new(notify_send::NotifySend(outbox.clone())));
}
