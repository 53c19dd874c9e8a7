//! Questions in HTTP and to sockets.

use crate::authority::{Authority, Identity};
use lifeboat_engine::clock::Clock;
use lifeboat_probe::Ports;
use lifeboat_probe::connect_to::{Address, ConnectTo};
use lifeboat_probe::dial::{DialRequest, NoAnswer};
use lifeboat_probe::http::{HttpAnswer, HttpRequest, MOST_BODY};
use lifeboat_probe::real;
use lifeboat_probe::tls::Tls;
use lifeboat_runbook::value::Secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

fn ports() -> Ports {
    real::ports(&Clock::real(), ConnectTo::default())
}

/// A server that gives every connection the same answer; the port, and what it was asked.
fn server(answer: Vec<u8>, identity: Option<Identity>) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = identity.map(|identity| {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
    });
    let (asked, questions) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            match &tls {
                None => serve(stream, &answer, &asked),
                Some(config) => {
                    let connection = ServerConnection::new(config.clone()).unwrap();
                    serve(StreamOwned::new(connection, stream), &answer, &asked);
                }
            }
        }
    });
    (port, questions)
}

/// Reads a request's head and answers. A client may hang up at any time.
fn serve(mut stream: impl Read + Write, answer: &[u8], asked: &mpsc::Sender<String>) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let _nobody_waits = asked.send(String::from_utf8_lossy(&head).into_owned());
    let _hung_up = stream.write_all(answer).and_then(|()| stream.flush());
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn request(url: &str, connect: u16) -> HttpRequest {
    let url = reqwest::Url::parse(url).unwrap();
    HttpRequest {
        address: Address::new(url.host_str().unwrap(), url.port_or_known_default().unwrap()),
        connect: Address::new("127.0.0.1", connect),
        url,
        method: "GET".into(),
        headers: BTreeMap::new(),
        tls: Tls::Verify,
        timeout: Duration::from_secs(20),
    }
}

async fn ask(request: &HttpRequest) -> Result<HttpAnswer, NoAnswer> {
    ports().http.ask(request).await
}

#[tokio::test]
async fn an_answer_has_its_status_and_body_and_the_server_sees_the_name() {
    let (port, questions) = server(answer("503 Busy", b"not now"), None);
    let headers = BTreeMap::from([("x-probe".to_owned(), Secret::new("x-probe", "token-123"))]);
    let found =
        ask(&HttpRequest { headers, ..request("http://shop.test/health?deep=1", port) }).await.unwrap();
    assert_eq!((found.status, found.body.as_slice()), (503, &b"not now"[..]));
    let question = questions.recv().unwrap().to_lowercase();
    for expected in
        ["get /health?deep=1 http/1.1\r\n", "\r\nhost: shop.test\r\n", "\r\nx-probe: token-123\r\n"]
    {
        assert!(question.contains(expected), "{expected}:\n{question}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (elsewhere, reached) = server(answer("200 OK", b""), None);
    let head = format!("302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/");
    let (port, questions) = server(answer(&head, b""), None);
    assert_eq!(ask(&request("http://shop.test/", port)).await.unwrap().status, 302);
    assert!(questions.recv().is_ok());
    assert!(reached.try_recv().is_err());
}

#[tokio::test]
async fn of_a_long_body_only_the_beginning_is_read() {
    let (port, _questions) = server(answer("200 OK", &vec![b'x'; MOST_BODY + 5]), None);
    assert_eq!(ask(&request("http://shop.test/", port)).await.unwrap().body.len(), MOST_BODY);
}

#[tokio::test]
async fn a_server_must_prove_its_name() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.root()).unwrap();
    let (port, _questions) = server(answer("200 OK", b"well"), Some(authority.identity("shop.test")));
    let trusting = |url| HttpRequest { tls: Tls::Ca(ca.clone()), ..request(url, port) };
    assert_eq!(ask(&trusting("https://shop.test/")).await.unwrap().body, b"well");
    for wrong in [trusting("https://other.test/"), request("https://shop.test/", port)] {
        let error = ask(&wrong).await.unwrap_err();
        assert_eq!(error.code(), "tls", "{error}");
    }
}

#[tokio::test]
async fn nobody_and_somebody_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let timeout = Duration::from_millis(50);
    let error = ask(&HttpRequest { timeout, ..request("http://shop.test/", port) }).await.unwrap_err();
    assert_eq!(error.code(), "timeout");
    drop(silent);
    let error = ask(&request("http://shop.test/?token=hidden", port)).await.unwrap_err();
    assert_eq!(error.code(), "connect");
    assert!(error.to_string().starts_with("cannot connect to shop.test:80: "), "{error}");
    assert!(!error.to_string().contains("hidden"), "{error}");
}

#[tokio::test]
async fn a_socket_is_open_or_it_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::new("db.test", 5432);
    let connect = Address::new("127.0.0.1", listener.local_addr().unwrap().port());
    let request = DialRequest { address, connect, timeout: Duration::from_secs(20) };
    let took = ports().dial.dial(&request).await.unwrap();
    assert!(took < request.timeout);
    drop(listener);
    let error = ports().dial.dial(&request).await.unwrap_err();
    assert_eq!(error.code(), "connect", "{error}");
}
