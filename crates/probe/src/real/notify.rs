//! Slack's incoming webhooks, and webhooks of any kind.

use super::chain;
use super::trust::{Purpose, Trust};
use crate::notify::{Body, SIGNATURE, body, signature};
use crate::tls::Tls;
use async_trait::async_trait;
use lifeboat_engine::action::ActionError;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::notify::{Address, Message, Notifier};
use lifeboat_runbook::notice::Channel;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use std::sync::Arc;

/// Posts messages over HTTP.
pub(super) struct Poster {
    pub(super) channel: Channel,
    pub(super) clock: Clock,
    pub(super) trust: Arc<Trust>,
}

#[async_trait]
impl Notifier for Poster {
    async fn deliver(&self, address: &Address, message: &Message) -> Result<(), ActionError> {
        let refuse = |why: String| ActionError::refused("address", why);
        let url: Url =
            address.place.expose().parse().map_err(|_| refuse("the address is no URL".to_owned()))?;
        let config = self.trust.config(&Tls::Verify, Purpose::Web).map_err(refuse)?;
        let client = Client::builder()
            .tls_backend_preconfigured((*config).clone())
            .redirect(Policy::none())
            .user_agent(concat!("lifeboat/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| told(&error.without_url()))?;
        let Body { text, delivery } = body(self.channel, message);
        let mut request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("Lifeboat-Event", message.event)
            .header("Lifeboat-Delivery", delivery);
        if let Some(secret) = &address.secret {
            let now = self.clock.now().timestamp();
            request = request.header(SIGNATURE, signature(secret.expose(), now, &text));
        }
        let answer = request.body(text).send().await.map_err(|error| told(&error.without_url()))?;
        judge(answer.status())
    }
}

fn judge(status: StatusCode) -> Result<(), ActionError> {
    let answered = format!("it answered {status}");
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(ActionError::transient("throttled", answered))
        }
        status if status.is_server_error() => Err(ActionError::transient("http", answered)),
        _ => Err(ActionError::refused("http", answered).hint("look at the address and at what it expects")),
    }
}

fn told(error: &reqwest::Error) -> ActionError {
    ActionError::transient("connect", format!("it cannot be reached: {}", chain(error)))
}
