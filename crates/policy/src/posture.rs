//! How a connection is protected: what all connections with the same protection have in common.

use std::fmt::Write as _;

use event::{Carrier, CertificateState, EarlyData, Evidence, KeyExchangeClass, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tls::registry::{GroupClass, NamedGroup};

use crate::cipher::Cipher;

/// How a connection is protected. What differs from session to session (ports, times, randoms) is not
/// in it, so that a few postures stand for all sessions of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Posture {
    /// Negotiated version: `1.3`, `1.2`, `1.1`, `1.0`, or `3.0` and `2.0` of SSL.
    pub version: Option<String>,
    /// `tls`, `dtls`, `ssl` or `tlcp`.
    pub version_protocol: Option<String>,
    /// Cipher suite, by its IANA name.
    pub cipher: Option<String>,
    /// Named group, by its IANA name.
    pub group: Option<String>,
    /// Class of the key exchange.
    pub class: Option<KeyExchangeClass>,
    /// Whether there is forward secrecy.
    pub forward_secret: Option<bool>,
    /// Size of a finite-field Diffie-Hellman modulus in bits.
    pub dh_bits: Option<u32>,
    /// Scheme of the server's handshake signature.
    pub signature_algorithm: Option<String>,
    /// Application protocol, as far as that is sent in clear.
    pub alpn: Option<String>,
    /// What carried the handshake.
    pub carrier: Carrier,
    /// The protocol that was upgraded to TLS.
    pub starttls: Option<String>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Whether the handshake was seen to end in an encrypted channel.
    pub established: bool,
    /// Early data; absent if the client's hello was not seen.
    pub early_data: Option<EarlyData>,
    /// Whether a `HelloRetryRequest` was sent; absent if no hello of the server was seen.
    pub hello_retry: Option<bool>,
    /// Whether the client offered a group with a post-quantum mechanism; absent if its offer is unknown.
    pub offers_post_quantum: Option<bool>,
    /// The server's certificate.
    pub certificate: CertificatePosture,
    /// Where the facts come from.
    pub evidence: Evidence,
}

/// What is known of the server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CertificatePosture {
    /// Whether it was seen, and why not.
    pub state: CertificateState,
    /// Its digest in lower-case hexadecimal: SHA-256, or SHA-1 where only that was recorded.
    pub fingerprint: Option<String>,
    /// Algorithm of its public key, as in the event: `RSA`, `ECDSA`, `Ed25519`, `ML-DSA-65` ...
    pub key_type: Option<String>,
    /// Size of its public key in bits.
    pub key_bits: Option<u32>,
    /// Algorithm of its own signature.
    pub signature_algorithm: Option<String>,
    /// Begin of its validity.
    pub not_before: Option<Timestamp>,
    /// End of its validity.
    pub not_after: Option<Timestamp>,
    /// Whether subject and issuer are the same.
    pub self_signed: Option<bool>,
    /// Whether it covers the server name.
    pub sni_match: Option<bool>,
}

/// A posture at a glance, from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Not encrypted.
    Plain,
    /// Below TLS 1.2, without forward secrecy, or with a broken cipher suite.
    Legacy,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
    /// A key exchange with a post-quantum mechanism.
    Pq,
    /// Not enough was seen.
    Unknown,
}

impl Posture {
    /// The digest that names the posture: 32 hexadecimal digits that follow from its content.
    #[must_use]
    pub fn id(&self) -> String {
        let content = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::digest(&content);
        digest.iter().take(ID_LEN).fold(String::with_capacity(2 * ID_LEN), |mut id, byte| {
            // Writing to a string does not fail.
            write!(id, "{byte:02x}").ok();
            id
        })
    }

    /// The posture at a glance.
    #[must_use]
    pub fn grade(&self) -> Grade {
        let (true, Some(version)) = (self.established, self.version_rank()) else {
            return Grade::Unknown;
        };
        let is_broken = self.cipher_suite().is_some_and(|cipher| cipher.is_broken());
        if version < TLS12 || is_broken || self.forward_secret == Some(false) && version < TLS13 {
            return Grade::Legacy;
        }
        match self.class {
            Some(KeyExchangeClass::HybridPq | KeyExchangeClass::Pq) => Grade::Pq,
            _ if version >= TLS13 => Grade::Tls13,
            _ => Grade::Tls12,
        }
    }

    /// The version as a number that grows with it: `0x0303` is TLS 1.2, and DTLS 1.2 as well.
    #[must_use]
    pub fn version_rank(&self) -> Option<u16> {
        let is_tlcp = self.version_protocol.as_deref() == Some("tlcp");
        version_rank(self.version.as_deref()?).filter(|_| !is_tlcp)
    }

    /// The cipher suite, taken apart; absent if it is unknown.
    #[must_use]
    pub fn cipher_suite(&self) -> Option<Cipher> {
        Cipher::named(self.cipher.as_deref()?)
    }

    /// The group; absent if there was none or it is unknown.
    #[must_use]
    pub fn named_group(&self) -> Option<NamedGroup> {
        NamedGroup::named(self.group.as_deref()?)
    }
}

impl CertificatePosture {
    /// Whole days from `now` to the end of validity; negative after it.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> Option<i64> {
        Some(tls::certificate::days_left(self.not_after?, now))
    }

    /// Whole days from the begin of validity to its end.
    #[must_use]
    pub fn lifetime_days(&self) -> Option<i64> {
        Some(tls::certificate::days_left(self.not_after?, self.not_before?))
    }
}

impl Grade {
    /// All grades, from worst to best.
    pub const ALL: [Self; 6] =
        [Self::Plain, Self::Legacy, Self::Tls12, Self::Tls13, Self::Pq, Self::Unknown];

    /// The name that JSON uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Legacy => "legacy",
            Self::Tls12 => "tls12",
            Self::Tls13 => "tls13",
            Self::Pq => "pq",
            Self::Unknown => "unknown",
        }
    }
}

/// A version as a number that grows with it.
pub(crate) fn version_rank(version: &str) -> Option<u16> {
    Some(match version {
        "1.3" => TLS13,
        "1.2" => TLS12,
        "1.1" => 0x0302,
        "1.0" => 0x0301,
        "3.0" => 0x0300,
        "2.0" => 0x0200,
        _ => return None,
    })
}

/// Whether any of the groups has a post-quantum mechanism.
#[must_use]
pub fn any_post_quantum<G: AsRef<str>>(groups: &[G]) -> bool {
    let class = |group: &G| NamedGroup::named(group.as_ref())?.class();
    groups.iter().any(|group| class(group).is_some_and(|class| class != GroupClass::Classical))
}

/// TLS 1.2.
pub(crate) const TLS12: u16 = 0x0303;

/// TLS 1.3.
pub(crate) const TLS13: u16 = 0x0304;

/// Bytes of a digest in an id: enough that nobody makes two postures with the same one.
const ID_LEN: usize = 16;
