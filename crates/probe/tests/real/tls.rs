//! Who a server is, is proved by its certificate.

use crate::asking::{DATABASE, question, refusal, row};
use crate::authority::Authority;
use lifeboat_probe::connect_to::Address;
use lifeboat_probe::sql::SqlRequest;
use lifeboat_probe::tls::Tls;
use lifeboat_runbook::value::Value;

const IS_ENCRYPTED: &str = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

#[tokio::test]
async fn a_server_whose_certificate_leads_to_the_named_root_is_trusted() {
    assert_eq!(row(&question(IS_ENCRYPTED)).await.get("ssl"), Some(&Value::Bool(true)));
}

#[tokio::test]
async fn another_root_another_name_and_roots_at_large_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.pem");
    std::fs::write(&other, Authority::new().root()).unwrap();
    let trusted = Tls::Ca(DATABASE.ca.clone());
    for (name, tls) in [
        ("db.test", Tls::Ca(other)),
        ("other.test", trusted.clone()),
        ("127.0.0.1", trusted),
        ("db.test", Tls::Verify),
        ("db.test", Tls::Ca(directory.path().join("absent.pem"))),
    ] {
        let address = Address::new(name, 5432);
        let (code, why) = refusal(&SqlRequest { address, tls: tls.clone(), ..question(IS_ENCRYPTED) }).await;
        assert_eq!(code, "tls", "{name} {tls:?}: {why}");
    }
}

#[tokio::test]
async fn without_tls_only_this_machine_is_asked() {
    let request = SqlRequest { tls: Tls::Off, ..question(IS_ENCRYPTED) };
    assert_eq!(row(&request).await.get("ssl"), Some(&Value::Bool(false)));
    // An address that documentation may use and nobody has (RFC 5737): it is refused before anything is sent.
    let elsewhere = SqlRequest { connect: Address::new("192.0.2.1", 5432), ..request };
    let (code, why) = refusal(&elsewhere).await;
    assert_eq!(code, "tls");
    assert!(why.contains("stay on this machine, and 192.0.2.1 is not on it"), "{why}");
}
