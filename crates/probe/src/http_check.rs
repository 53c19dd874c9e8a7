//! `http.check`.

use crate::connect_to::{Address, ConnectTo};
use crate::http::{Http, HttpAnswer, HttpRequest};
use crate::parameters::{list, milliseconds, secrets, timeout};
use crate::spec;
use crate::tls::Tls;
use async_trait::async_trait;
use lifeboat_engine::action::{Action, ActionError, Note, Observation, Prepared, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use reqwest::Url;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// `http.check`.
pub(crate) struct HttpCheck {
    pub(crate) http: Arc<dyn Http>,
    pub(crate) connect_to: ConnectTo,
}

#[async_trait]
impl Action for HttpCheck {
    fn spec(&self) -> &'static ActionSpec {
        &spec::HTTP_CHECK
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let findings = self.connect_to.findings(&self.request(cx)?.address);
        Ok(Prepared { token: cx.token(), findings, ..Prepared::default() })
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let request = self.request(cx)?;
        if let Some(told) = self.connect_to.told(&request.address) {
            cx.note(Note::Evidence { kind: "connect_to".to_owned(), value: told.into() })?;
        }
        let answer = self
            .http
            .ask(&request)
            .await
            .map_err(|error| ActionError::failed(error.code(), error.to_string()))?;
        judge(cx, &answer)?;
        Ok(Observation::Ready(BTreeMap::from([
            ("body".to_owned(), Value::String(String::from_utf8_lossy(&answer.body).into_owned())),
            ("ms".to_owned(), milliseconds(answer.took)),
            ("status".to_owned(), Value::Int(answer.status.into())),
        ])))
    }
}

impl HttpCheck {
    fn request(&self, cx: &StepContext) -> Result<HttpRequest, ActionError> {
        let url = url(cx.required("url")?)?;
        let tls = Tls::of(cx.with.get("tls"))?;
        if tls == Tls::Off {
            let message = "`tls: off` has no meaning here: the URL says whether there is TLS";
            return Err(ActionError::refused("parameter", message));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let address = Address::new(host, url.port_or_known_default().unwrap_or_default());
        Ok(HttpRequest {
            connect: self.connect_to.target(&address),
            address,
            url,
            method: cx.text("method").unwrap_or("GET").to_owned(),
            headers: secrets(cx, "headers"),
            tls,
            timeout: timeout(cx, DEFAULT_TIMEOUT)?,
        })
    }
}

fn url(text: &str) -> Result<Url, ActionError> {
    let refuse = |why: String| ActionError::refused("parameter", format!("`{text}` cannot be asked: {why}"));
    let url = Url::parse(text).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse("it is no URL of http or https".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it would stand in the journal.
        let message = "the URL holds a user or a password";
        return Err(ActionError::refused("parameter", message).hint("give them in a header, from a secret"));
    }
    Ok(url)
}

/// Whether the answer is the one that was wanted; if not, that is a false assert of the check.
fn judge(cx: &StepContext, answer: &HttpAnswer) -> Result<(), ActionError> {
    let wanted = list(cx, "status");
    let status = Value::Int(answer.status.into());
    let fits = match wanted.is_empty() {
        true => (200..300).contains(&answer.status),
        false => wanted.iter().any(|wanted| wanted.to_string() == status.to_string()),
    };
    if !fits {
        return Err(ActionError::failed("assert", format!("it answered with status {status}")));
    }
    match cx.text("contains") {
        Some(text) if !String::from_utf8_lossy(&answer.body).contains(text) => {
            Err(ActionError::failed("assert", format!("its body does not contain `{text}`")))
        }
        _ => Ok(()),
    }
}
