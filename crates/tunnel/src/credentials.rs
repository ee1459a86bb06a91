//! Who an agent or a sensor is, and whom it believes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
use rustls::crypto::aws_lc_rs::{self};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A certificate with its key, and the authority that the other side's certificate must be of.
pub struct Credentials {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoCredentials {
    /// A file cannot be read, is not PEM, or has no certificate or key in it.
    #[error("{path}: {cause}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: pem::Error,
    },
    /// TLS does not take them.
    #[error("{path}: {cause}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: rustls::Error,
    },
    /// TLS does not take them.
    #[error("certificate, key and authority do not fit together: {0}")]
    Unfit(String),
}

impl Credentials {
    /// Reads files in PEM: the chain, leaf first, its key, and certificates of authorities.
    ///
    /// # Errors
    /// See [`NoCredentials`].
    pub fn read(certificate: &Path, key: &Path, authority: &Path) -> Result<Self, NoCredentials> {
        let chain = certificates(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key)
            .map_err(|cause| NoCredentials::Pem { path: key.to_owned(), cause })?;
        let mut roots = RootCertStore::empty();
        for root in certificates(authority)? {
            roots
                .add(root)
                .map_err(|cause| NoCredentials::Tls { path: authority.to_owned(), cause })?;
        }
        Ok(Self { chain, key: private, roots: Arc::new(roots) })
    }

    /// How an agent connects: TLS 1.3 with this ALPN, post-quantum key exchange first.
    ///
    /// # Errors
    /// See [`NoCredentials`].
    pub fn client(&self, alpn: &[u8]) -> Result<ClientConfig, NoCredentials> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unfit)?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(unfit)?;
        config.alpn_protocols = vec![alpn.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }

    /// How a sensor listens: the same, and nobody comes in without a certificate.
    ///
    /// # Errors
    /// See [`NoCredentials`].
    pub fn server(&self, alpn: &[u8]) -> Result<ServerConfig, NoCredentials> {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider())
                .build()
                .map_err(|error| NoCredentials::Unfit(error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unfit)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(unfit)?;
        config.alpn_protocols = vec![alpn.to_vec()];
        // A resumed session would outlive the certificate that it began with.
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

fn unfit(error: impl fmt::Display) -> NoCredentials {
    NoCredentials::Unfit(error.to_string())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NoCredentials> {
    let failed = |cause| NoCredentials::Pem { path: path.to_owned(), cause };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(failed)?;
    if found.is_empty() { Err(failed(pem::Error::NoItemsFound)) } else { Ok(found) }
}

fn provider() -> Arc<CryptoProvider> {
    let groups = vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1];
    Arc::new(CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() })
}
