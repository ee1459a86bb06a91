//! TLS with somebody who may be an agent.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{CertificateError, Error, ServerConfig, ServerConnection};

use super::audit::RefusedHow;
use super::name::AgentName;

/// Does the handshake, and says who it is.
///
/// # Errors
/// Why it is nobody who may come in.
pub(super) fn handshake(
    tcp: &mut TcpStream,
    config: &Arc<ServerConfig>,
) -> Result<(ServerConnection, AgentName), RefusedHow> {
    let broken = |error: io::Error| {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            RefusedHow::Silent
        } else {
            RefusedHow::Handshake(error.to_string())
        }
    };
    let mut tls = ServerConnection::new(Arc::clone(config)).map_err(refused)?;
    let deadline = Instant::now() + PATIENCE;
    while tls.is_handshaking() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(RefusedHow::Silent);
        }
        if tls.wants_write() {
            tcp.set_write_timeout(Some(left)).map_err(broken)?;
            tls.write_tls(tcp).map_err(broken)?;
            continue;
        }
        tcp.set_read_timeout(Some(left)).map_err(broken)?;
        if tls.read_tls(tcp).map_err(broken)? == 0 {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        if let Err(error) = tls.process_new_packets() {
            // The other side is told why, if it still listens.
            tls.write_tls(tcp).ok();
            return Err(refused(error));
        }
    }
    let name = tls.peer_certificates().and_then(<[_]>::first).and_then(AgentName::of);
    Ok((tls, name.ok_or(RefusedHow::NoName)?))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else it is has no name of its own")]
fn refused(error: Error) -> RefusedHow {
    match error {
        Error::NoCertificatesPresented => RefusedHow::NoCertificate,
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => RefusedHow::BadCertificate("expired".to_owned()),
        Error::InvalidCertificate(why) => RefusedHow::BadCertificate(why.to_string()),
        other => RefusedHow::Handshake(other.to_string()),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
