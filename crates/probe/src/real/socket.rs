//! Opens a connection and closes it.

use super::chain;
use crate::dial::{Dial, DialRequest, NoAnswer};
use async_trait::async_trait;
use lifeboat_engine::clock::{Clock, TooLong};
use std::time::Duration;

/// The machine's network.
pub(super) struct Sockets {
    clock: Clock,
}

impl Sockets {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Dial for Sockets {
    #[expect(clippy::disallowed_types, reason = "it is awaited inside Clock::frozen")]
    async fn dial(&self, request: &DialRequest) -> Result<Duration, NoAnswer> {
        let DialRequest { address, connect, timeout } = request;
        let began = self.clock.mono_ms();
        let connected = tokio::net::TcpStream::connect((connect.host.as_str(), connect.port));
        match self.clock.frozen(*timeout, connected).await {
            Ok(Ok(_)) => Ok(Duration::from_millis(self.clock.mono_ms() - began)),
            Ok(Err(error)) => Err(NoAnswer::Connect { address: address.clone(), why: chain(&error) }),
            Err(TooLong(limit)) => Err(NoAnswer::Timeout { address: address.clone(), limit }),
        }
    }
}
