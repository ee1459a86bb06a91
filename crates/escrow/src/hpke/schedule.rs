//! The key schedule and the AEAD (RFC 9180 sections 5.1 and 5.2).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::{HpkeError, Kem};

/// Keys for messages to one recipient.
pub struct Context {
    key: LessSafeKey,
    base_nonce: [u8; NONCE_LEN],
}

impl Context {
    pub(super) fn new(kem: Kem, shared_secret: &[u8], info: &[u8]) -> Result<Self, HpkeError> {
        let [a, b] = kem.id().to_be_bytes();
        let [c, d] = KDF_HKDF_SHA256.to_be_bytes();
        let [e, f] = AEAD_AES_256_GCM.to_be_bytes();
        let suite = [b'H', b'P', b'K', b'E', a, b, c, d, e, f];
        let psk_id_hash = labeled_extract(&suite, &[], b"psk_id_hash", &[]);
        let info_hash = labeled_extract(&suite, &[], b"info_hash", info);
        let context = [&[MODE_BASE][..], psk_id_hash.as_ref(), info_hash.as_ref()].concat();
        let secret = labeled_extract(&suite, shared_secret, b"secret", &[]);
        let secret = Zeroizing::new(secret.as_ref().to_vec());
        let mut key = Zeroizing::new([0; KEY_LEN]);
        labeled_expand(&suite, &secret, b"key", &context, &mut key);
        let mut base_nonce = [0; NONCE_LEN];
        labeled_expand(&suite, &secret, b"base_nonce", &context, &mut base_nonce);
        let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_error| HpkeError)?;
        Ok(Self { key: LessSafeKey::new(key), base_nonce })
    }

    /// Seals what is in `message` in its place, and appends the tag. No number may be used twice.
    ///
    /// # Errors
    /// The message is longer than 64 GiB.
    pub fn seal_at(
        &self,
        sequence: u64,
        aad: &[u8],
        message: &mut Vec<u8>,
    ) -> Result<(), HpkeError> {
        self.key
            .seal_in_place_append_tag(self.nonce(sequence), Aad::from(aad), message)
            .map_err(|_error| HpkeError)
    }

    /// Opens the message with this number.
    ///
    /// # Errors
    /// It is of another context, number or associated data, or not as it was sealed.
    pub fn open_at(
        &self,
        sequence: u64,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let nonce = self.nonce(sequence);
        let len = self
            .key
            .open_in_place(nonce, Aad::from(aad), &mut bytes)
            .map_err(|_error| HpkeError)?
            .len();
        bytes.truncate(len);
        Ok(bytes)
    }

    fn nonce(&self, sequence: u64) -> Nonce {
        let mut nonce = self.base_nonce;
        for (byte, number) in nonce.iter_mut().rev().zip(sequence.to_le_bytes()) {
            *byte ^= number;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// `LabeledExtract` (RFC 9180 section 4): `HKDF-Extract` is an HMAC.
pub(super) fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> hmac::Tag {
    let zeros = [0; HASH_LEN];
    let salt = if salt.is_empty() { &zeros[..] } else { salt };
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
    for part in [VERSION_LABEL, suite, label, ikm] {
        mac.update(part);
    }
    mac.sign()
}

/// `LabeledExpand` (RFC 9180 section 4), of at most 32 bytes: one block.
pub(super) fn labeled_expand<const N: usize>(
    suite: &[u8],
    prk: &[u8],
    label: &[u8],
    info: &[u8],
    out: &mut [u8; N],
) {
    const { assert!(N <= HASH_LEN, "more than one block of HKDF") };
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, prk));
    let len = u16::try_from(N).unwrap_or_default().to_be_bytes();
    for part in [&len[..], VERSION_LABEL, suite, label, info, &[1]] {
        mac.update(part);
    }
    for (byte, from) in out.iter_mut().zip(mac.sign().as_ref()) {
        *byte = *from;
    }
}

const VERSION_LABEL: &[u8] = b"HPKE-v1";

const MODE_BASE: u8 = 0;

/// RFC 9180 section 7.2.
const KDF_HKDF_SHA256: u16 = 1;
/// RFC 9180 section 7.3.
const AEAD_AES_256_GCM: u16 = 2;

const HASH_LEN: usize = 32;
const KEY_LEN: usize = 32;
