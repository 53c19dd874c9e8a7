//! The servers and programs themselves, behind the ports.
//!
//! Everything that is awaited here lies outside, so it is awaited inside [`Clock::frozen`]: that is where every time
//! limit comes from.

mod cells;
mod notify;
mod postgres;
mod process;
mod socket;
mod trust;
mod web;

pub use process::Programs;

use crate::Ports;
use crate::connect_to::{Address, ConnectTo};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::notify::{Notifier, Notifiers};
use lifeboat_runbook::notice::Channel;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use trust::Trust;

/// Ports that lead to real servers and real programs.
pub fn ports(clock: &Clock, connect_to: ConnectTo) -> Ports {
    let trust = Arc::new(Trust::default());
    Ports {
        sql: Arc::new(postgres::Postgres::new(clock.clone(), trust.clone())),
        http: Arc::new(web::Web::new(clock.clone(), trust)),
        dial: Arc::new(socket::Sockets::new(clock.clone())),
        spawn: Arc::new(Programs::new(clock.clone())),
        connect_to,
    }
}

/// Who tells people over HTTP.
pub fn notifiers(clock: &Clock) -> Notifiers {
    let trust = Arc::new(Trust::default());
    let poster = |channel| {
        let poster = notify::Poster { channel, clock: clock.clone(), trust: trust.clone() };
        (channel, Arc::new(poster) as Arc<dyn Notifier>)
    };
    [Channel::Slack, Channel::Webhook].map(poster).into()
}

/// The addresses of a host, each with the port.
async fn resolve(address: &Address) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = tokio::net::lookup_host((address.host.as_str(), address.port)).await?.collect();
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        false => Ok(found),
    }
}

/// An error with its causes, each once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}
