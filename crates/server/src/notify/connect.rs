//! Connections to where notifiers send.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::notifier::Address;

/// Why something could not be sent. It never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// The name has no address, or none that may be used.
    #[error("{0}: no address, or only one of the link")]
    NoAddress(Address),
    /// There is no connection.
    #[error("{0}: {1}")]
    NoConnection(Address, io::ErrorKind),
    /// TLS does not come about.
    #[error("{0}: TLS failed: {1}")]
    NoTls(Address, String),
    /// It takes too long.
    #[error("{0}: no answer in time")]
    TooLate(Address),
    /// The other side does not want it.
    #[error("{0}: answered {1}")]
    Refused(Address, String),
    /// What the other side says makes no sense.
    #[error("{0}: {1}")]
    Nonsense(Address, &'static str),
    /// The notifier's settings make no sense.
    #[error(transparent)]
    Settings(#[from] super::notifier::WrongSetting),
}

/// Connects.
pub(crate) async fn tcp(address: &Address) -> Result<TcpStream, Failure> {
    let mut last = None;
    for candidate in resolve(address).await? {
        match timeout(PATIENCE, TcpStream::connect(candidate)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(Failure::NoConnection(address.clone(), error.kind())),
            Err(_) => last = Some(Failure::TooLate(address.clone())),
        }
    }
    Err(last.unwrap_or_else(|| Failure::NoAddress(address.clone())))
}

/// The addresses of a host, without those of the link: at one of them clouds give their credentials
/// out, and no notifier is there.
pub(crate) async fn resolve(address: &Address) -> Result<Vec<SocketAddr>, Failure> {
    let lookup = timeout(PATIENCE, lookup_host((address.host.as_str(), address.port))).await;
    let found = match lookup {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => return Err(Failure::NoAddress(address.clone())),
        Err(_) => return Err(Failure::TooLate(address.clone())),
    };
    let usable: Vec<_> = found.filter(|it| !is_of_link(it.ip())).take(MAX_ADDRESSES).collect();
    if usable.is_empty() { Err(Failure::NoAddress(address.clone())) } else { Ok(usable) }
}

fn is_of_link(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Protects a connection by TLS; `ca` is trusted beside what the system trusts.
pub(crate) async fn tls(
    stream: TcpStream,
    address: &Address,
    ca: Option<&str>,
) -> Result<TlsStream<TcpStream>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::NoTls(address.clone(), error.to_string());
    let config = config(ca).map_err(|error| failed(&error))?;
    let name = ServerName::try_from(address.host.clone()).map_err(|error| failed(&error))?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(PATIENCE, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(Failure::TooLate(address.clone())),
    }
}

fn config(ca: Option<&str>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = system_roots().clone();
    for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default().as_bytes()) {
        let certificate = certificate
            .map_err(|_error| rustls::Error::General("`ca` is no certificate in PEM".to_owned()))?;
        roots.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What the system trusts; nothing, on a system that says nothing.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

/// For each step on the way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

const MAX_ADDRESSES: usize = 4;
