//! Session secrets that a capture carries for its reader.

use zeroize::Zeroizing;

/// What the bytes of a Decryption Secrets Block are (draft-ietf-opsawg-pcapng, section 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecretsType(pub u32);

impl SecretsType {
    /// A TLS key log (RFC 9850): "TLSK".
    pub const TLS_KEY_LOG: Self = Self(0x544c_534b);
    /// An SSH key log: "SSHK".
    pub const SSH_KEY_LOG: Self = Self(0x5353_484b);
    /// A `WireGuard` key log: "WGKL".
    pub const WIREGUARD_KEY_LOG: Self = Self(0x5747_4b4c);
}

/// The content of one Decryption Secrets Block. It is wiped when dropped.
pub struct DecryptionSecrets {
    kind: SecretsType,
    bytes: Zeroizing<Vec<u8>>,
}

impl DecryptionSecrets {
    pub(crate) fn new(kind: SecretsType, bytes: &[u8]) -> Self {
        Self { kind, bytes: Zeroizing::new(bytes.to_vec()) }
    }

    /// What the bytes are.
    #[must_use]
    pub const fn kind(&self) -> SecretsType {
        self.kind
    }

    /// The secrets themselves: for the key log's parser only, never for a log or a record.
    #[must_use]
    pub fn dangerous_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
