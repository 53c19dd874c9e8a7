//! Messages to people: what a webhook gets, its signature, and what becomes of refusals.

use chrono::DateTime;
use lifeboat_engine::action::{ActionError, ErrorKind};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::notify::{Address, Message};
use lifeboat_probe::notify::signature;
use lifeboat_probe::real::notifiers;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::notice::Channel;
use lifeboat_runbook::value::Secret;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

/// A listener that answers once with this status; nothing: it hangs up.
fn listener(status: Option<&'static str>) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/hook?token=hidden", listener.local_addr().unwrap().port());
    let (got, requests) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase().split("content-length: ").nth(1).map(str::to_owned).unwrap();
                if body.len() >= length.lines().next().unwrap().trim().parse::<usize>().unwrap() {
                    got.send((head.to_owned(), body.to_owned())).unwrap();
                    break;
                }
            }
            let count = stream.read(&mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..count]);
        }
        if let Some(status) = status {
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
    });
    (url, requests)
}

fn message() -> Message {
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
        text: "Go?".into(),
        command: None,
    }
}

async fn deliver(channel: Channel, url: &str, secret: Option<&str>) -> Result<(), ActionError> {
    let secret = secret.map(|secret| Secret::new("key", secret));
    let address = Address { place: Secret::new("hook", url), secret };
    notifiers(&Clock::real())[&channel].deliver(&address, &message()).await
}

#[tokio::test]
async fn a_webhook_gets_json_with_a_signature_that_can_be_verified() {
    let (url, requests) = listener(Some("204 No Content"));
    deliver(Channel::Webhook, &url, Some("whsec_test")).await.unwrap();
    let (head, body) = requests.recv().unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: "))).unwrap();
        line.split_once(": ").unwrap().1.to_owned()
    };
    let signed = header("lifeboat-signature");
    let time = signed.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
    assert_eq!(signed, signature("whsec_test", time, &body));
    assert_ne!(signed, signature("another", time, &body));
    assert_eq!(header("lifeboat-delivery"), "k3v7qa2mxyz4567b-7");
    assert!(body.contains("\"event\":\"asked\""), "{body}");
}

#[tokio::test]
async fn slack_gets_blocks_and_no_signature() {
    let (url, requests) = listener(Some("200 OK"));
    deliver(Channel::Slack, &url, None).await.unwrap();
    let (head, body) = requests.recv().unwrap();
    assert!(!head.to_lowercase().contains("lifeboat-signature"), "{head}");
    assert!(body.contains("\"blocks\""), "{body}");
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_stays_is_not() {
    for (status, kind) in [
        (Some("503 Busy"), ErrorKind::Transient),
        (Some("429 Slow Down"), ErrorKind::Transient),
        (Some("403 Forbidden"), ErrorKind::Refused),
        (Some("302 Found"), ErrorKind::Refused),
        (None, ErrorKind::Transient),
    ] {
        let (url, _requests) = listener(status);
        let error = deliver(Channel::Webhook, &url, None).await.unwrap_err();
        assert_eq!(error.kind, kind, "{status:?}: {error}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
    let nobody = deliver(Channel::Webhook, "http://127.0.0.1:9/", None).await.unwrap_err();
    assert_eq!((nobody.kind, nobody.code.as_str()), (ErrorKind::Transient, "connect"));
}
