//! `encrypted_client_hello` (RFC 9849 section 5) and its forerunner `encrypted_server_name`.

use wire::Reader;

use super::vectors::end;
use crate::malformed::{Field, Malformed};
use crate::registry::{CipherSuite, HpkeAead, HpkeKdf, NamedGroup};

/// A client's `encrypted_client_hello`.
///
/// GREASE looks the same by design: what is there may mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptedClientHello {
    /// The hello is an outer one that carries an inner one.
    Outer {
        /// Key derivation function.
        kdf: HpkeKdf,
        /// Authenticated encryption.
        aead: HpkeAead,
        /// Identifier of the server's configuration.
        config_id: u8,
        /// Length of the encapsulated key in bytes; 0 after a `HelloRetryRequest`.
        enc_len: u16,
        /// Length of the encrypted inner hello in bytes.
        payload_len: u16,
    },
    /// The hello is an inner one; only a decrypted hello, or a broken client's, says so.
    Inner,
}

impl EncryptedClientHello {
    /// Whether the hello is an outer one.
    #[must_use]
    pub const fn is_outer(self) -> bool {
        matches!(self, Self::Outer { .. })
    }

    /// Reads the body of a client's `encrypted_client_hello`.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit or the type is neither outer nor inner.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        match reader.u8().field("ech_client_hello_type")? {
            0 => {
                let kdf = HpkeKdf(reader.u16().field("kdf_id")?);
                let aead = HpkeAead(reader.u16().field("aead_id")?);
                let config_id = reader.u8().field("config_id")?;
                let enc = reader.prefixed_u16().field("enc")?;
                let payload = reader.prefixed_u16().field("payload")?;
                end(&reader, "payload")?;
                Ok(Self::Outer {
                    kdf,
                    aead,
                    config_id,
                    enc_len: u16::try_from(enc.len()).unwrap_or(u16::MAX),
                    payload_len: u16::try_from(payload.len()).unwrap_or(u16::MAX),
                })
            }
            1 => end(&reader, "inner").map(|()| Self::Inner),
            other => Err(Malformed::Value {
                field: "ech_client_hello_type",
                offset: 0,
                value: u32::from(other),
            }),
        }
    }
}

/// A client's `encrypted_server_name` (draft-ietf-tls-esni-02 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedServerName {
    /// Cipher suite that the name is encrypted with.
    pub cipher_suite: CipherSuite,
    /// Group of the client's key share.
    pub group: NamedGroup,
    /// Length of the encrypted name in bytes.
    pub encrypted_len: u16,
}

impl EncryptedServerName {
    /// Reads the body of a client's `encrypted_server_name`.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let cipher_suite = CipherSuite(reader.u16().field("suite")?);
        let group = NamedGroup(reader.u16().field("group")?);
        reader.prefixed_u16().field("key_exchange")?;
        reader.prefixed_u16().field("record_digest")?;
        let encrypted = reader.prefixed_u16().field("encrypted_sni")?;
        end(&reader, "encrypted_sni")?;
        let encrypted_len = u16::try_from(encrypted.len()).unwrap_or(u16::MAX);
        Ok(Self { cipher_suite, group, encrypted_len })
    }
}
