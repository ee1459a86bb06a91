//! Keys that follow from a traffic secret (RFC 9846 section 7.3).

use zeroize::Zeroizing;

use crate::hkdf::{expand_label, expanded};
use crate::protection::{AeadKey, NONCE_LEN, xor_sequence};
use crate::secret::Secret;
use crate::suite::{Bulk, Suite};

/// What protects the records of one direction as long as its traffic secret holds.
pub(crate) struct TrafficKeys {
    key: AeadKey,
    iv: Zeroizing<[u8; NONCE_LEN]>,
}

/// A record, as it is on the wire.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl TrafficKeys {
    /// `None` if the secret is none of the suite, or the suite none of TLS 1.3.
    pub(crate) fn derive(suite: Suite, secret: &[u8]) -> Option<Self> {
        let Bulk::Aead(aead) = suite.bulk else { return None };
        if secret.len() != suite.hash.len() {
            return None;
        }
        let key = expanded(suite.hash, secret, b"key", aead.key_len())?;
        let mut iv = Zeroizing::new([0; NONCE_LEN]);
        expand_label(suite.hash, secret, b"iv", &mut *iv)?;
        Some(Self { key: AeadKey::new(aead, &key)?, iv })
    }

    /// Opens the record with this number into `out`.
    pub(crate) fn open(&self, sequence: u64, record: Sealed<'_>, out: &mut Vec<u8>) -> bool {
        let mut nonce = *self.iv;
        xor_sequence(&mut nonce, sequence);
        self.key.open(nonce, record.header, record.body, out).is_some()
    }
}

/// The secret of the next generation (RFC 9846 section 7.2).
pub(crate) fn next_secret(suite: Suite, secret: &Secret) -> Option<Secret> {
    let bytes = secret.dangerous_bytes();
    expanded(suite.hash, bytes, b"traffic upd", bytes.len()).map(Secret::of)
}
