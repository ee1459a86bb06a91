//! The server's own certificate: a given one, or one that it makes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use event::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::FromDer as _;

use crate::clock::{DAY, SECOND};

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Files in PEM: the chain, leaf first, and its private key.
    Given {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// One that is made for these names and addresses and kept in a folder.
    SelfMade {
        /// The folder.
        folder: PathBuf,
        /// Names and addresses by which the server is reached.
        names: Vec<String>,
    },
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoCertificate {
    /// A file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file is not PEM, or has no certificate or key in it.
    #[error("{path}: {cause}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// The key is none that can be used, or not that of the certificate.
    #[error("{path}: {cause}")]
    Key {
        /// The file of the key.
        path: PathBuf,
        /// What is wrong with it.
        cause: rustls::Error,
    },
    /// It cannot be made.
    #[error("no certificate can be made: {0}")]
    NotMade(#[from] rcgen::Error),
}

/// The certificate that new connections are given. It can be read anew while the server runs.
#[derive(Debug)]
pub struct Certificate {
    identity: Identity,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Certificate {
    /// Reads the certificate, or makes it.
    ///
    /// # Errors
    /// See [`NoCertificate`].
    pub fn open(identity: Identity, now: Timestamp) -> Result<Self, NoCertificate> {
        let key = load(&identity, now)?;
        Ok(Self { identity, current: Arc::new(Current(RwLock::new(Arc::new(key)))) })
    }

    /// Reads it anew, as after a renewal. If that fails the old one stays.
    ///
    /// # Errors
    /// See [`NoCertificate`].
    pub fn reload(&self, now: Timestamp) -> Result<(), NoCertificate> {
        let key = load(&self.identity, now)?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        Ok(())
    }

    /// Whether somebody else vouches for it, so that a browser may be told to insist on it.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        matches!(self.identity, Identity::Given { .. })
    }

    /// SHA-256 of the leaf, as browsers show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let key = self.current.0.read().unwrap_or_else(PoisonError::into_inner);
        let leaf = key.cert.first().map(|leaf| leaf.as_ref()).unwrap_or_default();
        let digest = ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, leaf);
        let pairs: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// How connections are protected: TLS 1.3 and 1.2 with forward secrecy, post-quantum first.
    pub(crate) fn config(&self) -> Result<ServerConfig, rustls::Error> {
        let groups = vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1];
        let provider =
            Arc::new(CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() });
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Current>::clone(&self.current);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn load(identity: &Identity, now: Timestamp) -> Result<CertifiedKey, NoCertificate> {
    match identity {
        Identity::Given { certificate, key } => read(certificate, key),
        Identity::SelfMade { folder, names } => {
            let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
            if certificate.exists() && key.exists() {
                let found = read(&certificate, &key)?;
                if !is_about_to_expire(&found, now) {
                    return Ok(found);
                }
            }
            make(folder, &certificate, &key, names, now)?;
            read(&certificate, &key)
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, NoCertificate> {
    let pem = |path: &Path, cause| NoCertificate::Pem { path: path.to_owned(), cause };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain: Vec<_> = chain.map_err(|cause| pem(certificate, cause))?;
    if chain.is_empty() {
        return Err(pem(certificate, rustls::pki_types::pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|cause| pem(key, cause))?;
    CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
        .map_err(|cause| NoCertificate::Key { path: key.to_owned(), cause })
}

fn is_about_to_expire(key: &CertifiedKey, now: Timestamp) -> bool {
    let leaf = key.cert.first().map(|leaf| leaf.as_ref()).unwrap_or_default();
    let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(leaf) else {
        return true;
    };
    let ends = parsed.validity().not_after.timestamp();
    ends < now.plus_nanos(RENEWED_BEFORE).as_nanos().div_euclid(SECOND)
}

fn make(
    folder: &Path,
    certificate: &Path,
    key: &Path,
    names: &[String],
    now: Timestamp,
) -> Result<(), NoCertificate> {
    let file = |path: &Path, cause| NoCertificate::File { path: path.to_owned(), cause };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|cause| file(folder, cause))?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "tlsight");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let day =
        |time: Timestamp| time::OffsetDateTime::from_unix_timestamp_nanos(time.as_nanos().into());
    if let (Ok(begin), Ok(end)) = (day(now.plus_nanos(-DAY)), day(now.plus_nanos(LIFETIME))) {
        (params.not_before, params.not_after) = (begin, end);
    }
    let pair = KeyPair::generate()?;
    let made = params.self_signed(&pair)?;
    // The key first: a certificate without its key would be served never, and a pair is made anew.
    replace(key, &pair.serialize_pem()).map_err(|cause| file(key, cause))?;
    replace(certificate, &made.pem()).map_err(|cause| file(certificate, cause))
}

/// Writes a file that only its owner may read, whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    if let Err(error) = fs::remove_file(&new)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// Browsers refuse certificates that are valid for longer than 398 days (CA/Browser Forum, ballot
/// SC-31), also those that a user trusts by hand.
const LIFETIME: i64 = 397 * DAY;

/// A server that is started once a month never serves an expired one.
const RENEWED_BEFORE: i64 = 30 * DAY;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_made_certificate_is_kept_until_it_is_about_to_expire() {
        let folder = folder("kept");
        let identity = made(&folder);
        let first = Certificate::open(identity.clone(), at(0)).unwrap();
        let again = Certificate::open(identity.clone(), at(300)).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.fingerprint().len(), 95);
        again.reload(at(380)).unwrap();
        assert_ne!(first.fingerprint(), again.fingerprint());
        assert!(!first.is_given());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_its_owner_may_read_the_key() {
        let folder = folder("mode");
        Certificate::open(made(&folder), at(0)).unwrap();
        for (path, mode) in [(folder.join("server.key"), 0o600), (folder.clone(), 0o700)] {
            let found = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{}", path.display());
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_wrong_file_is_named() {
        let folder = folder("wrong");
        let own = Certificate::open(made(&folder), at(0)).unwrap();
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        let given = |certificate: &Path, key: &Path| Identity::Given {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        assert!(Certificate::open(given(&certificate, &key), at(0)).unwrap().is_given());
        for (identity, named) in [
            (given(&folder.join("none.pem"), &key), "none.pem"),
            (given(&certificate, &certificate), "server.pem"),
            (given(&key, &key), "server.key"),
        ] {
            let error = Certificate::open(identity, at(0)).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        fs::write(&key, "no key").unwrap();
        let before = own.fingerprint();
        own.reload(at(0)).unwrap_err();
        assert_eq!(own.fingerprint(), before);
        fs::remove_dir_all(folder).unwrap();
    }

    fn at(days: i64) -> Timestamp {
        Timestamp::from_nanos(1_800_000_000 * SECOND + days * DAY)
    }

    fn made(folder: &Path) -> Identity {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        Identity::SelfMade { folder: folder.to_owned(), names }
    }

    fn folder(name: &str) -> PathBuf {
        let name = format!("tlsight-certificate-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    }
}
