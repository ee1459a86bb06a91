//! AEADs.

use aes::{Aes128, Aes256};
use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use ccm::Ccm;
use ccm::aead::AeadInOut;
use ccm::consts::{U8, U12, U16};
use cipher::{Array, InOutBuf, KeyInit};

use crate::suite::Aead;

/// A key of an AEAD.
pub(crate) struct AeadKey {
    key: Key,
    tag_len: usize,
}

enum Key {
    Fast(LessSafeKey),
    Aes128Ccm(Box<Ccm<Aes128, U16, U12>>),
    Aes256Ccm(Box<Ccm<Aes256, U16, U12>>),
    Aes128Ccm8(Box<Ccm<Aes128, U8, U12>>),
    Aes256Ccm8(Box<Ccm<Aes256, U8, U12>>),
}

impl AeadKey {
    /// `None` if the key has not the length that the AEAD asks for.
    pub(crate) fn new(aead: Aead, key: &[u8]) -> Option<Self> {
        let fast = |algorithm| UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new);
        let key = match aead {
            Aead::Aes128Gcm => Key::Fast(fast(&AES_128_GCM)?),
            Aead::Aes256Gcm => Key::Fast(fast(&AES_256_GCM)?),
            Aead::ChaCha20Poly1305 => Key::Fast(fast(&CHACHA20_POLY1305)?),
            Aead::Aes128Ccm => Key::Aes128Ccm(ccm(key)?),
            Aead::Aes256Ccm => Key::Aes256Ccm(ccm(key)?),
            Aead::Aes128Ccm8 => Key::Aes128Ccm8(ccm(key)?),
            Aead::Aes256Ccm8 => Key::Aes256Ccm8(ccm(key)?),
        };
        Some(Self { key, tag_len: aead.tag_len() })
    }

    pub(crate) const fn tag_len(&self) -> usize {
        self.tag_len
    }

    /// Opens `sealed`, a ciphertext with its tag, into `out`; `None` if it is of another key, nonce or
    /// associated data. What is in `out` then has no meaning.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let (ciphertext, tag) = sealed.split_at_checked(sealed.len().checked_sub(self.tag_len)?)?;
        out.resize(ciphertext.len(), 0);
        match &self.key {
            Key::Fast(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.open_separate_gather(nonce, Aad::from(associated), ciphertext, tag, out).ok()
            }
            Key::Aes128Ccm(key) => open_ccm(&**key, nonce, associated, ciphertext, tag, out),
            Key::Aes256Ccm(key) => open_ccm(&**key, nonce, associated, ciphertext, tag, out),
            Key::Aes128Ccm8(key) => open_ccm(&**key, nonce, associated, ciphertext, tag, out),
            Key::Aes256Ccm8(key) => open_ccm(&**key, nonce, associated, ciphertext, tag, out),
        }
    }
}

fn ccm<C: KeyInit>(key: &[u8]) -> Option<Box<C>> {
    C::new_from_slice(key).ok().map(Box::new)
}

fn open_ccm<C: AeadInOut<NonceSize = U12>>(
    key: &C,
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let tag = Array::try_from(tag).ok()?;
    let buffer = InOutBuf::new(ciphertext, out).ok()?;
    key.decrypt_inout_detached(&Array(nonce), associated, buffer, &tag).ok()
}

/// Length of the nonces of all AEADs of TLS, in bytes.
pub(crate) const NONCE_LEN: usize = 12;
