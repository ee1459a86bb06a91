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
        if secret.len() != suite.hash.digest_len() {
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

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use tls::registry::CipherSuite;

    use super::*;

    /// RFC 8448 section 3: the server's first application traffic secret and what follows from it.
    #[test]
    fn keys_are_those_of_rfc_8448() {
        let secret = b"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
        let secret = HEXLOWER.decode(secret).unwrap();
        let key = expanded(crate::suite::Hash::Sha256, &secret, b"key", 16).unwrap();
        assert_eq!(HEXLOWER.encode(&key), "9f02283b6c9c07efc26bb9f2ac92e356");
        let iv = expanded(crate::suite::Hash::Sha256, &secret, b"iv", 12).unwrap();
        assert_eq!(HEXLOWER.encode(&iv), "cf782b88dd83549aadf1e984");
    }

    #[test]
    fn a_secret_of_another_length_is_refused() {
        let suite = Suite::of(CipherSuite(0x1302)).unwrap();
        for len in [0, 32, 47, 49] {
            assert!(TrafficKeys::derive(suite, &vec![1; len]).is_none(), "{len} bytes");
        }
        assert!(TrafficKeys::derive(suite, &[1; 48]).is_some());
        assert_eq!(next_secret(suite, &Secret::new(&[1; 48])).unwrap().len(), 48);
    }
}
