//! Which roots a certificate may lead to. One TLS stack: rustls with aws-lc-rs, as the AWS SDK has it.

use crate::tls::Tls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The roots of Amazon RDS by Region; the file says where it is from.
const RDS_ROOTS: &[u8] = include_bytes!("../../certificates/rds-roots.pem");

/// What a connection is for: databases trust RDS's roots besides the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Database,
    Web,
}

/// TLS configurations, each read once.
#[derive(Debug, Default)]
pub(super) struct Trust {
    database: OnceLock<Arc<ClientConfig>>,
    web: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// The configuration for this choice; a sentence where there is none.
    pub(super) fn config(&self, tls: &Tls, purpose: Purpose) -> Result<Arc<ClientConfig>, String> {
        let kept = match (tls, purpose) {
            (Tls::Off, _) => return Err("without TLS there is nothing to trust".to_owned()),
            (Tls::Ca(file), _) => return of_file(file).map(Arc::new),
            (Tls::Verify, Purpose::Database) => &self.database,
            (Tls::Verify, Purpose::Web) => &self.web,
        };
        match kept.get() {
            Some(config) => Ok(config.clone()),
            None => {
                let made = Arc::new(of_platform(purpose)?);
                Ok(kept.get_or_init(|| made).clone())
            }
        }
    }
}

fn of_platform(purpose: Purpose) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // A root that this TLS stack cannot read is left out, as every client does: others may still serve.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if purpose == Purpose::Database {
        let rds: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(RDS_ROOTS).collect();
        roots.add_parsable_certificates(rds.map_err(|error| error.to_string())?);
    }
    match roots.is_empty() {
        true => Err("this machine has no root certificates; name some with `tls: { ca: FILE }`".to_owned()),
        false => configure(roots),
    }
}

fn of_file(file: &Path) -> Result<ClientConfig, String> {
    let wrong = |why: String| format!("{} cannot be used: {why}", file.display());
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut roots = RootCertStore::empty();
    for certificate in read.map_err(|error| wrong(error.to_string()))? {
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(wrong("it holds no certificate".to_owned())),
        false => configure(roots),
    }
}

fn configure(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rds_root_in_the_file_is_one_that_can_be_trusted() {
        let roots: Vec<_> = CertificateDer::pem_slice_iter(RDS_ROOTS).collect::<Result<_, _>>().expect("PEM");
        let mut store = RootCertStore::empty();
        let count = roots.len();
        assert_eq!(store.add_parsable_certificates(roots), (count, 0));
        // Three of each Region: RSA2048, RSA4096, ECC384.
        assert_eq!((count, count % 3), (81, 0));
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty.pem");
        std::fs::write(&empty, "nothing\n").unwrap();
        let trust = Trust::default();
        for file in [empty, directory.path().join("absent.pem")] {
            let why = trust.config(&Tls::Ca(file.clone()), Purpose::Web).unwrap_err();
            assert!(why.starts_with(&format!("{} cannot be used", file.display())), "{why}");
        }
    }
}
