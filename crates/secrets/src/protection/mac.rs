//! The authentication of records before AEADs.

use cipher::KeyInit;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use crate::suite::Hash;

/// A key that authenticates records.
pub(crate) struct RecordMac {
    kind: Kind,
    hash: Hash,
    key: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RFC 6101 section 5.2.3.1.
    Ssl3,
    /// HMAC, with the version among what it covers (RFC 5246 section 6.2.3.1).
    Hmac,
}

/// What a MAC covers beside the data.
#[derive(Clone, Copy)]
pub(crate) struct Covered {
    /// Of DTLS with the epoch in front.
    pub(crate) sequence: u64,
    pub(crate) content_type: u8,
    pub(crate) version: u16,
}

impl RecordMac {
    pub(crate) fn new(kind: Kind, hash: Hash, key: &[u8]) -> Self {
        Self { kind, hash, key: Zeroizing::new(key.to_vec()) }
    }

    /// Length of a MAC in bytes.
    pub(crate) const fn len(&self) -> usize {
        self.hash.digest_len()
    }

    /// Whether `mac` is that of `data`.
    pub(crate) fn is_of(&self, covered: Covered, data: &[u8], mac: &[u8]) -> bool {
        let Ok(len) = u16::try_from(data.len()) else { return false };
        let (sequence, len) = (covered.sequence.to_be_bytes(), len.to_be_bytes());
        let version = covered.version.to_be_bytes();
        let kind = [covered.content_type];
        match self.kind {
            Kind::Ssl3 => {
                let parts = [&sequence[..], &kind, &len, data];
                match self.hash {
                    Hash::Md5 => ssl3::<Md5>(&self.key, 48, parts) == mac,
                    Hash::Sha1 => ssl3::<Sha1>(&self.key, 40, parts) == mac,
                    Hash::Sha256 | Hash::Sha384 => false,
                }
            }
            Kind::Hmac => {
                let parts = [&sequence[..], &kind, &version, &len, data];
                match self.hash {
                    Hash::Md5 => is_hmac::<Hmac<Md5>>(&self.key, parts, mac),
                    Hash::Sha1 => is_hmac::<Hmac<Sha1>>(&self.key, parts, mac),
                    Hash::Sha256 => is_hmac::<Hmac<Sha256>>(&self.key, parts, mac),
                    Hash::Sha384 => is_hmac::<Hmac<Sha384>>(&self.key, parts, mac),
                }
            }
        }
    }
}

fn is_hmac<M: Mac + KeyInit>(key: &[u8], parts: [&[u8]; 5], mac: &[u8]) -> bool {
    let Ok(keyed) = <M as KeyInit>::new_from_slice(key) else { return false };
    parts.iter().fold(keyed, |hmac, part| hmac.chain_update(part)).verify_slice(mac).is_ok()
}

fn ssl3<D: Digest>(key: &[u8], pad_len: usize, parts: [&[u8]; 4]) -> Vec<u8> {
    let inner = D::new().chain_update(key).chain_update(vec![0x36; pad_len]);
    let inner = parts.iter().fold(inner, |hash, part| hash.chain_update(part)).finalize();
    let outer = D::new().chain_update(key).chain_update(vec![0x5c; pad_len]);
    outer.chain_update(inner).finalize().to_vec()
}
