//! What the operator of an agent chooses.

use std::time::Duration;

use crate::beacon::BeaconTarget;
use crate::keys::{Signed, Trust};
use crate::seal::SealerLimits;

/// Where an agent delivers, and how.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Name or address of the service.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name in its certificate, if it is not `host`.
    pub service_name: Option<String>,
    /// Whom it believes.
    pub trust: Trust,
    /// Epochs that are known before the service is reached.
    pub epochs: Vec<Signed>,
    /// Whether the master secrets of TLS 1.2 are told themselves (T4).
    pub with_master: bool,
    /// When monitors get the secrets of handshakes.
    pub handshake_secrets: HandshakeSecrets,
    /// Most bytes that wait to be on the disk of the service.
    pub queue_bytes: usize,
    /// How long a context is used.
    pub sealer: SealerLimits,
    /// How long the service may be silent.
    pub patience: Duration,
    /// Where secrets go as datagrams as well, before anybody waits for the service.
    pub beacons: Vec<BeaconTarget>,
}

/// When monitors get the secrets of handshakes. `Finished` messages follow from them: who has them while the
/// handshake goes on, and can change packets, could be either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeSecrets {
    /// With those of application data, when the handshake is over at the end that tells.
    WhenOver,
    /// As soon as they are told.
    AtOnce,
}

impl ClientSettings {
    /// Delivers to a service at `host` and `port`, which the authority of `trust` has given keys to.
    #[must_use]
    pub fn new(host: &str, port: u16, trust: Trust) -> Self {
        Self {
            host: host.to_owned(),
            port,
            service_name: None,
            trust,
            epochs: Vec::new(),
            with_master: false,
            handshake_secrets: HandshakeSecrets::WhenOver,
            queue_bytes: 64 << 20,
            sealer: SealerLimits::default(),
            patience: Duration::from_secs(10),
            beacons: Vec::new(),
        }
    }
}
