//! What a user may choose, with Packetbeat's names.

use event::Evidence;
use tls::certificate::Fingerprints;

use crate::decryption::Decryption;

/// Choices that shape the events.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether events describe certificates in full (`x509` and the chains); subject, issuer,
    /// validity and digests of the leaf are always there. Default: yes.
    pub send_certificates: bool,
    /// Whether events carry the certificates in PEM. Default: no.
    pub include_raw_certificates: bool,
    /// Whether events have `tls.detailed`, and `x509` of the leaf. Default: yes.
    pub include_detailed_fields: bool,
    /// Digests of certificates. Default: SHA-1.
    pub fingerprints: Fingerprints,
    /// Bound of the memory for flows and sessions in bytes. Default: 512 MiB.
    pub memory_bytes: usize,
    /// Where the packets come from. Default: the wire.
    pub evidence: Evidence,
    /// Whether and how records are opened. Default: they are not.
    pub decryption: Option<Decryption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            send_certificates: true,
            include_raw_certificates: false,
            include_detailed_fields: true,
            fingerprints: Fingerprints::default(),
            memory_bytes: DEFAULT_MEMORY_BYTES,
            evidence: Evidence::Wire,
            decryption: None,
        }
    }
}

/// Some hundred thousand handshakes at a time, and a small part of any machine that captures.
const DEFAULT_MEMORY_BYTES: usize = 512 << 20;
