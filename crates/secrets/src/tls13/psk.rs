//! The key schedule of TLS 1.3 with a pre-shared key that was agreed outside of it, and no (EC)DHE.

use std::sync::Arc;

use cipher::KeyInit as _;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256, Sha384};
use tls::handshake::ClientHello;
use zeroize::Zeroizing;

use crate::hkdf::expand_label_with;
use crate::secret::Secret;
use crate::suite::Hash;

/// What follows from a pre-shared key alone (`psk_ke`, RFC 9846 sections 4.2.9 and 7.1): all secrets of a
/// session in which there is no other key exchange, and those of early data in any.
pub struct ExternalPsk {
    hash: Hash,
    early: Zeroizing<Vec<u8>>,
}

impl ExternalPsk {
    /// The one of `psks` that a `ClientHello`, a message with its header, was made with: its binder tells
    /// (RFC 9846 section 4.2.11.2).
    #[must_use]
    pub fn of_client_hello(psks: &[Arc<Secret>], message: &[u8]) -> Option<Self> {
        let hello = ClientHello::parse(message.get(HEADER_LEN..)?).ok()?;
        let offered = hello.pre_shared_keys()?;
        let signed = message.get(..message.len().checked_sub(offered.binders_len())?)?;
        offered.binders().take(MAX_BINDERS).find_map(|binder| {
            let hash = [Hash::Sha256, Hash::Sha384];
            let hash = hash.into_iter().find(|hash| hash.digest_len() == binder.len())?;
            let candidates = psks.iter().map(|psk| Self::new(hash, psk));
            candidates.flatten().find(|it| it.binder(signed).is_some_and(|own| *own == binder))
        })
    }

    fn new(hash: Hash, psk: &Secret) -> Option<Self> {
        let zeros = vec![0; hash.digest_len()];
        Some(Self { hash, early: extract(hash, &zeros, psk.dangerous_bytes())? })
    }

    /// The hash of its key schedule.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Protects the client's early data; `client_hello` is the message.
    #[must_use]
    pub fn early_traffic(&self, client_hello: &[u8]) -> Option<Secret> {
        self.derived(&self.early, b"c e traffic", client_hello).map(Secret::of)
    }

    /// Protect the handshakes of client and server; `messages` are those up to the `ServerHello`.
    #[must_use]
    pub fn handshake_traffic(&self, messages: &[u8]) -> Option<[Secret; 2]> {
        let secret = self.next(&self.early)?;
        self.both(&secret, [b"c hs traffic", b"s hs traffic"], messages)
    }

    /// Protect the application data of client and server; `messages` are those up to the server's
    /// `Finished`.
    #[must_use]
    pub fn application_traffic(&self, messages: &[u8]) -> Option<[Secret; 2]> {
        let secret = self.next(&self.next(&self.early)?)?;
        self.both(&secret, [b"c ap traffic", b"s ap traffic"], messages)
    }

    /// What stands for the first `ClientHello` after a retry (RFC 9846 section 4.4.1).
    #[must_use]
    pub fn message_hash(&self, first_hello: &[u8]) -> Vec<u8> {
        let digest = digest(self.hash, first_hello);
        let len = u8::try_from(digest.len()).unwrap_or(u8::MAX);
        [&[MESSAGE_HASH, 0, 0, len], &digest[..]].concat()
    }

    fn binder(&self, signed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.derived(&self.early, b"ext binder", &[])?;
        let mut finished = Zeroizing::new(vec![0; self.hash.digest_len()]);
        expand_label_with(self.hash, &key, b"finished", &[], &mut finished)?;
        extract(self.hash, &finished, &digest(self.hash, signed))
    }

    /// The secret behind one, with no key exchange in between.
    fn next(&self, secret: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let salt = self.derived(secret, b"derived", &[])?;
        extract(self.hash, &salt, &vec![0; self.hash.digest_len()])
    }

    fn both(&self, secret: &[u8], labels: [&[u8]; 2], messages: &[u8]) -> Option<[Secret; 2]> {
        let [client, server] = labels.map(|label| self.derived(secret, label, messages));
        Some([Secret::of(client?), Secret::of(server?)])
    }

    /// `Derive-Secret` (RFC 9846 section 7.1).
    fn derived(&self, secret: &[u8], label: &[u8], messages: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut out = Zeroizing::new(vec![0; self.hash.digest_len()]);
        expand_label_with(self.hash, secret, label, &digest(self.hash, messages), &mut out)?;
        Some(out)
    }
}

/// `HKDF-Extract` (RFC 5869 section 2.2), which is an HMAC.
fn extract(hash: Hash, salt: &[u8], material: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = match hash {
        Hash::Sha256 => {
            let mac = Hmac::<Sha256>::new_from_slice(salt).ok()?;
            mac.chain_update(material).finalize().into_bytes().to_vec()
        }
        Hash::Sha384 => {
            let mac = Hmac::<Sha384>::new_from_slice(salt).ok()?;
            mac.chain_update(material).finalize().into_bytes().to_vec()
        }
        Hash::Md5 | Hash::Sha1 => return None,
    };
    Some(Zeroizing::new(bytes))
}

fn digest(hash: Hash, bytes: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha384 => Sha384::digest(bytes).to_vec(),
        Hash::Md5 | Hash::Sha1 | Hash::Sha256 => Sha256::digest(bytes).to_vec(),
    }
}

/// Message type and length.
const HEADER_LEN: usize = 4;

/// The handshake type `message_hash`.
const MESSAGE_HASH: u8 = 254;

/// Binders of a hello that are tried: clients offer one or two keys.
const MAX_BINDERS: usize = 8;

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// RFC 8448 section 4 has the early secret of a resumption; what follows from it is derived alike.
    #[test]
    fn early_secrets_are_those_of_rfc_8448() {
        let psk = "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3";
        let psk = Secret::new(&HEXLOWER.decode(psk.as_bytes()).unwrap());
        let early = ExternalPsk::new(Hash::Sha256, &psk).unwrap();
        assert_eq!(
            HEXLOWER.encode(&early.early),
            "9b2188e9b2fc6d64d71dc329900e20bb41915000f678aa839cbb797cb7d8332c"
        );
        // Derive-Secret(early, "derived", "") of the same section.
        let derived = early.derived(&early.early, b"derived", &[]).unwrap();
        assert_eq!(
            HEXLOWER.encode(&derived),
            "5f1790bbd82c5e7d376ed2e1e52f8e6038c9346db61b43be9a52f77ef3998e80"
        );
    }
}
