//! Records of SSL 3.0 to TLS 1.2, and of DTLS up to 1.2.

use rc4::{Rc4, StreamCipher as _};
use zeroize::Zeroizing;

use super::aead::{AeadKey, NONCE_LEN};
use super::block::BlockKey;
use super::mac::{Covered, Kind, RecordMac};
use crate::suite::{Aead, Bulk, Suite};

/// What differs between versions in how records are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) is_ssl3: bool,
    /// Whether each record of CBC brings its own IV (RFC 4346 section 6.2.3.2).
    pub(crate) has_explicit_iv: bool,
    /// RFC 7366.
    pub(crate) encrypt_then_mac: bool,
}

/// The keys of one direction, as the key block has them.
pub(crate) struct LegacyKeys<'a> {
    pub(crate) mac: &'a [u8],
    pub(crate) key: &'a [u8],
    pub(crate) iv: &'a [u8],
}

/// What protects the records of one direction.
pub(crate) struct LegacyProtection {
    cipher: Cipher,
    framing: Framing,
}

enum Cipher {
    Aead { key: AeadKey, iv: Zeroizing<Vec<u8>>, has_explicit_nonce: bool },
    Cbc { key: BlockKey, mac: RecordMac, next_iv: Zeroizing<Vec<u8>> },
    Stream { rc4: Option<Box<Rc4>>, mac: RecordMac },
}

impl LegacyProtection {
    /// `None` if the keys have not the lengths that the suite asks for.
    pub(crate) fn new(suite: Suite, framing: Framing, keys: &LegacyKeys<'_>) -> Option<Self> {
        let kind = if framing.is_ssl3 { Kind::Ssl3 } else { Kind::Hmac };
        let mac = || Some(RecordMac::new(kind, suite.mac?, keys.mac));
        let cipher = match suite.bulk {
            Bulk::Aead(aead) => Cipher::Aead {
                key: AeadKey::new(aead, keys.key)?,
                iv: Zeroizing::new(keys.iv.to_vec()),
                has_explicit_nonce: has_explicit_nonce(aead),
            },
            Bulk::Cbc(block) => Cipher::Cbc {
                key: BlockKey::new(block, keys.key),
                mac: mac()?,
                next_iv: Zeroizing::new(keys.iv.to_vec()),
            },
            Bulk::Rc4 => {
                let rc4 = <Rc4 as rc4::KeyInit>::new_from_slice(keys.key).ok()?;
                Cipher::Stream { rc4: Some(Box::new(rc4)), mac: mac()? }
            }
            Bulk::Null => Cipher::Stream { rc4: None, mac: mac()? },
        };
        Some(Self { cipher, framing })
    }

    /// Length of the IV that the key block has for one direction, in bytes.
    pub(crate) const fn iv_len(suite: Suite, framing: Framing) -> usize {
        match suite.bulk {
            Bulk::Aead(aead) if has_explicit_nonce(aead) => NONCE_LEN - EXPLICIT_NONCE_LEN,
            Bulk::Aead(_) => NONCE_LEN,
            Bulk::Cbc(block) if !framing.has_explicit_iv => block.block_len(),
            Bulk::Cbc(_) | Bulk::Rc4 | Bulk::Null => 0,
        }
    }

    /// Whether records can be opened behind some that were lost.
    pub(crate) const fn is_followed_after_gap(&self) -> bool {
        !matches!(&self.cipher, Cipher::Stream { rc4: Some(_), .. })
    }

    /// Takes note of a record that was seen, opened or not: the next one may follow from its end.
    pub(crate) fn pass(&mut self, body: &[u8]) {
        let Cipher::Cbc { key, mac, next_iv } = &mut self.cipher else { return };
        let mac_len = if self.framing.encrypt_then_mac { mac.len() } else { 0 };
        let end = body.len().saturating_sub(mac_len);
        let last = end.checked_sub(key.block_len()).and_then(|start| body.get(start..end));
        if let Some(last) = last.filter(|_| !self.framing.has_explicit_iv) {
            next_iv.clear();
            next_iv.extend_from_slice(last);
        }
    }

    /// Opens a record into `out`, or returns `None` if that is not what it is.
    pub(crate) fn open(&mut self, covered: Covered, body: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let framing = self.framing;
        match &mut self.cipher {
            Cipher::Aead { key, iv, has_explicit_nonce } => {
                open_aead(key, iv, *has_explicit_nonce, covered, body, out)
            }
            Cipher::Cbc { key, mac, next_iv } => {
                let iv = if framing.has_explicit_iv { &[] } else { &next_iv[..] };
                open_cbc(key, mac, framing, iv, covered, body, out)
            }
            Cipher::Stream { rc4, mac } => {
                out.clear();
                out.extend_from_slice(body);
                if let Some(rc4) = rc4 {
                    rc4.apply_keystream(out);
                }
                take_mac(mac, covered, out)
            }
        }
    }
}

/// GCM and CCM send half of the nonce (RFC 5288 section 3, RFC 6655 section 3), `ChaCha20` none
/// (RFC 7905 section 2).
const fn has_explicit_nonce(aead: Aead) -> bool {
    !matches!(aead, Aead::ChaCha20Poly1305)
}

fn open_aead(
    key: &AeadKey,
    iv: &[u8],
    has_explicit_nonce: bool,
    covered: Covered,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut nonce = [0; NONCE_LEN];
    nonce.get_mut(..iv.len())?.copy_from_slice(iv);
    let sealed = if has_explicit_nonce {
        let (explicit, sealed) = body.split_at_checked(EXPLICIT_NONCE_LEN)?;
        nonce.get_mut(iv.len()..)?.copy_from_slice(explicit);
        sealed
    } else {
        xor_sequence(&mut nonce, covered.sequence);
        body
    };
    let len = u16::try_from(sealed.len().checked_sub(key.tag_len())?).ok()?;
    let mut associated = [0; ASSOCIATED_LEN];
    let [sequence @ .., kind, v0, v1, l0, l1] = &mut associated;
    sequence.copy_from_slice(&covered.sequence.to_be_bytes());
    *kind = covered.content_type;
    [*v0, *v1] = covered.version.to_be_bytes();
    [*l0, *l1] = len.to_be_bytes();
    key.open(nonce, &associated, sealed, out)
}

fn open_cbc(
    key: &BlockKey,
    mac: &RecordMac,
    framing: Framing,
    next_iv: &[u8],
    covered: Covered,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    let body = if framing.encrypt_then_mac {
        let (sealed, tag) = body.split_at_checked(body.len().checked_sub(mac.len())?)?;
        mac.is_of(covered, sealed, tag).then_some(sealed)?
    } else {
        body
    };
    let (iv, ciphertext) = if framing.has_explicit_iv {
        body.split_at_checked(key.block_len())?
    } else {
        (next_iv, body)
    };
    key.decrypt(iv, ciphertext, out)?;
    let padding_len = usize::from(*out.last()?);
    let len = out.len().checked_sub(padding_len + 1)?;
    let is_padding = if framing.is_ssl3 {
        padding_len < key.block_len()
    } else {
        out.get(len..)?.iter().all(|byte| usize::from(*byte) == padding_len)
    };
    out.truncate(len);
    match (is_padding, framing.encrypt_then_mac) {
        (false, _) => None,
        (true, true) => Some(()),
        (true, false) => take_mac(mac, covered, out),
    }
}

/// Takes the MAC off the end of `out`, if it is that of what is in front of it.
fn take_mac(mac: &RecordMac, covered: Covered, out: &mut Vec<u8>) -> Option<()> {
    let len = out.len().checked_sub(mac.len())?;
    let (data, tag) = out.split_at_checked(len)?;
    let is_whole = mac.is_of(covered, data, tag);
    out.truncate(len);
    is_whole.then_some(())
}

/// Combines a nonce with a sequence number (RFC 9846 section 5.3).
pub(crate) fn xor_sequence(nonce: &mut [u8; NONCE_LEN], sequence: u64) {
    for (byte, number) in nonce.iter_mut().rev().zip(sequence.to_le_bytes()) {
        *byte ^= number;
    }
}

/// Bytes of a nonce that GCM and CCM send with each record.
const EXPLICIT_NONCE_LEN: usize = 8;

/// Sequence number, content type, version and length.
const ASSOCIATED_LEN: usize = 8 + 1 + 2 + 2;
