//! Whom to trust, of connections with TLS.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{RootCerts, TlsConfig};

use crate::settings::WrongSetting;

/// Certificates of authorities: those in a file, or those of the system.
pub(crate) fn authorities(ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, WrongSetting> {
    let Some(path) = ca else { return Ok(rustls_native_certs::load_native_certs().certs) };
    let failed = |why: &str| WrongSetting(format!("ca: {}: {why}", path.display()));
    let found = rustls_native_certs::load_certs_from_paths(Some(path), None);
    if let Some(error) = found.errors.first() {
        return Err(failed(&error.to_string()));
    }
    if found.certs.is_empty() {
        return Err(failed("there is no certificate in it"));
    }
    Ok(found.certs)
}

/// For requests of HTTP.
pub(crate) fn for_http(ca: Option<&Path>) -> Result<TlsConfig, WrongSetting> {
    let certificates = authorities(ca)?
        .iter()
        .map(|certificate| ureq::tls::Certificate::from_der(certificate).to_owned())
        .collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build())
}

/// For connections of other protocols.
pub(crate) fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>, WrongSetting> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(ca)?);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| WrongSetting(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
