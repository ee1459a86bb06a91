//! What the operator of a service chooses.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::keys::{Trust, VerifyingKey};

/// Where a service has what it needs.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Folder of the archive.
    pub store: PathBuf,
    /// File with the key of the index; it is made if it is not there.
    pub index_key: PathBuf,
    /// Folder with the epochs that the authority has signed. It is looked at again while the service runs.
    pub epochs: PathBuf,
    /// Folder with the grants that the authority has signed: what is not there is revoked.
    pub grants: PathBuf,
    /// The audit log that the service is given, to be read once.
    pub audit_log: PathBuf,
    /// The key that verifies it.
    pub audit_key: VerifyingKey,
    /// Whom it believes.
    pub trust: Trust,
    /// The name in a certificate.
    pub name_of: fn(&CertificateDer<'_>) -> Option<String>,
    /// Limits.
    pub limits: ServiceLimits,
}

/// How much of everything there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Agents and monitors that are connected.
    pub connections: usize,
    /// Monitors among them.
    pub monitors: usize,
    /// Handshakes at a time.
    pub handshakes: usize,
    /// Of these, from one address.
    pub handshakes_of_address: usize,
    /// Bytes that wait for one monitor.
    pub monitor_queue_bytes: usize,
    /// How long a connection may be silent, and a monitor not take what it was sent.
    pub patience: Duration,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            monitors: 32,
            handshakes: 64,
            handshakes_of_address: 16,
            monitor_queue_bytes: 16 << 20,
            patience: Duration::from_secs(30),
        }
    }
}
