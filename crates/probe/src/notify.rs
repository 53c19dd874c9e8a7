//! What is sent to people, as bytes: the text for Slack, the JSON of a webhook, the signature.

use hmac::{Hmac, KeyInit, Mac};
use lifeboat_engine::notify::Message;
use lifeboat_runbook::notice::Channel;
use lifeboat_runbook::units::time_text;
use serde_json::{Value, json};
use sha2::Sha256;

/// The header that proves that a message is from whoever knows the secret: `t=SECONDS,v1=HEX`, where HEX is the
/// HMAC-SHA256 of `SECONDS.BODY`, as Stripe does it. A receiver refuses times that are long past.
pub const SIGNATURE: &str = "Lifeboat-Signature";

/// Slack refuses longer texts in a block (`api.slack.com/reference/block-kit/blocks#section`).
const LONGEST_BLOCK: usize = 3000;

/// What is sent.
pub struct Body {
    /// JSON.
    pub text: String,
    /// Which message it is: the same when it is sent again.
    pub delivery: String,
}

/// The body of a message.
pub fn body(channel: Channel, message: &Message) -> Body {
    let value = match channel {
        Channel::Slack => slack(message),
        Channel::Webhook | Channel::Sns => webhook(message),
    };
    Body { text: value.to_string(), delivery: format!("{}-{}", message.run, message.of) }
}

/// The signature of a body that is sent at `now`, in seconds since 1970.
pub fn signature(secret: &str, now: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{now}.{body}").as_bytes());
    let digest = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    format!("t={now},v1={digest}")
}

/// The JSON of a webhook. Keys are stable.
fn webhook(message: &Message) -> Value {
    json!({
        "version": 1,
        "event": message.event,
        "title": message.title,
        "text": message.text,
        "run": message.run.as_str(),
        "runbook": message.runbook,
        "mode": message.mode,
        "cloud": message.cloud,
        "step": message.step.as_ref().map(|step| step.as_str()),
        "seq": message.of,
        "at": time_text(message.at),
        "command": message.command,
    })
}

/// Blocks of Slack, and the text of notifications that show none.
fn slack(message: &Message) -> Value {
    let section = |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let mut blocks = vec![section(format!("*{}*", cut(&escaped(&message.title))))];
    if !message.text.is_empty() {
        blocks.push(section(cut(&escaped(&message.text))));
    }
    if let Some(command) = &message.command {
        blocks.push(section(format!("```{}```", cut(&escaped(command)))));
    }
    json!({ "text": escaped(&message.title), "blocks": blocks })
}

/// Slack reads `&`, `<` and `>` as its own marks: `<!channel>` in the reply of a database would wake everybody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_BLOCK - 10) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use lifeboat_runbook::id::{RunId, StepPath};

    fn message(text: &str) -> Message {
        Message {
            run: RunId::new("k3v7qa2mxyz4567b"),
            runbook: "orders".into(),
            mode: "recovery",
            cloud: "aws".into(),
            event: "asked",
            of: 7,
            at: DateTime::UNIX_EPOCH,
            step: Some(StepPath::new("go")),
            title: "orders: go asks".into(),
            text: text.into(),
            command: Some("lifeboat answer k3v7qa2mxyz4567b go approve|reject".into()),
        }
    }

    #[test]
    fn slack_is_given_nothing_it_would_act_on() {
        let sent = body(Channel::Slack, &message("<!channel> a & b")).text;
        assert!(sent.contains("&lt;!channel&gt; a &amp; b"), "{sent}");
        assert!(sent.contains("lifeboat answer k3v7qa2mxyz4567b go approve|reject"), "{sent}");
        let long = body(Channel::Slack, &message(&"ü".repeat(5000))).text;
        let blocks: Value = serde_json::from_str(&long).unwrap();
        assert!(blocks["blocks"][1]["text"]["text"].as_str().unwrap().chars().count() <= LONGEST_BLOCK);
    }

    /// RFC 4231, test case 2, over a text that is no timestamp; and one that was computed with another tool.
    #[test]
    fn the_signature_is_an_hmac_of_time_and_body() {
        let signed = signature("whsec_test", 1_764_547_200, "{\"a\":1}");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_test").unwrap();
        mac.update(b"1764547200.{\"a\":1}");
        let expected = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
        assert_eq!(signed, format!("t=1764547200,v1={expected}"));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        let digest = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
        assert_eq!(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_webhook_has_stable_keys() {
        let sent: Value = serde_json::from_str(&body(Channel::Webhook, &message("why")).text).unwrap();
        assert_eq!((sent["event"].as_str(), sent["seq"].as_u64()), (Some("asked"), Some(7)));
        assert_eq!(sent["command"], "lifeboat answer k3v7qa2mxyz4567b go approve|reject");
    }
}
