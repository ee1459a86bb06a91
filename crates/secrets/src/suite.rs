//! How a cipher suite protects records, as its name says.

use tls::registry::CipherSuite;

/// A hash function of key schedules and record MACs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Hash {
    /// Length of a digest in bytes.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// A cipher of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bulk {
    Aead(Aead),
    Cbc(Block),
    Rc4,
    /// None: records are only authenticated.
    Null,
}

/// An AEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    Aes128Ccm,
    Aes256Ccm,
    Aes128Ccm8,
    Aes256Ccm8,
    ChaCha20Poly1305,
}

/// A block cipher, used in CBC mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Block {
    Aes128,
    Aes256,
    TripleDes,
    Des,
}

/// What protects the records of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    pub(crate) bulk: Bulk,
    /// Hash of the record MAC; none of an AEAD.
    pub(crate) mac: Option<Hash>,
    /// Hash of the key schedule from TLS 1.2 on.
    pub(crate) hash: Hash,
}

impl Suite {
    /// What `suite` says; `None` if its cipher is not known here.
    #[must_use]
    pub fn of(suite: CipherSuite) -> Option<Self> {
        let name = suite.known_name()?.strip_prefix("TLS_")?;
        // The names of TLS 1.3 have no key exchange.
        let protection = name.split_once("_WITH_").map_or(name, |(_, protection)| protection);
        let (bulk, rest) = BULKS.iter().find_map(|&(prefix, bulk)| {
            let rest = protection.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with('_')).then_some((bulk, rest))
        })?;
        let named = match rest {
            "" => None,
            "_MD5" => Some(Hash::Md5),
            "_SHA" => Some(Hash::Sha1),
            "_SHA256" => Some(Hash::Sha256),
            "_SHA384" => Some(Hash::Sha384),
            _ => return None,
        };
        let mac = match bulk {
            Bulk::Aead(_) => None,
            Bulk::Cbc(_) | Bulk::Rc4 | Bulk::Null => Some(named?),
        };
        let hash = match named {
            Some(Hash::Sha384) => Hash::Sha384,
            Some(Hash::Md5 | Hash::Sha1 | Hash::Sha256) | None => Hash::Sha256,
        };
        Some(Self { bulk, mac, hash })
    }

    /// Hash of the key schedule from TLS 1.2 on.
    #[must_use]
    pub const fn hash(self) -> Hash {
        self.hash
    }

    /// Whether the suite has an AEAD.
    #[must_use]
    pub const fn is_aead(self) -> bool {
        matches!(self.bulk, Bulk::Aead(_))
    }
}

impl Aead {
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm | Self::Aes128Ccm8 => 16,
            Self::Aes256Gcm | Self::Aes256Ccm | Self::Aes256Ccm8 | Self::ChaCha20Poly1305 => 32,
        }
    }

    pub(crate) const fn tag_len(self) -> usize {
        match self {
            Self::Aes128Ccm8 | Self::Aes256Ccm8 => 8,
            Self::Aes128Gcm
            | Self::Aes256Gcm
            | Self::Aes128Ccm
            | Self::Aes256Ccm
            | Self::ChaCha20Poly1305 => 16,
        }
    }
}

impl Block {
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
            Self::TripleDes => 24,
            Self::Des => 8,
        }
    }

    pub(crate) const fn block_len(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes256 => 16,
            Self::TripleDes | Self::Des => 8,
        }
    }
}

/// What names begin with; where one begins another, the longer comes first.
const BULKS: [(&str, Bulk); 13] = [
    ("AES_128_GCM", Bulk::Aead(Aead::Aes128Gcm)),
    ("AES_256_GCM", Bulk::Aead(Aead::Aes256Gcm)),
    ("AES_128_CCM_8", Bulk::Aead(Aead::Aes128Ccm8)),
    ("AES_256_CCM_8", Bulk::Aead(Aead::Aes256Ccm8)),
    ("AES_128_CCM", Bulk::Aead(Aead::Aes128Ccm)),
    ("AES_256_CCM", Bulk::Aead(Aead::Aes256Ccm)),
    ("CHACHA20_POLY1305", Bulk::Aead(Aead::ChaCha20Poly1305)),
    ("AES_128_CBC", Bulk::Cbc(Block::Aes128)),
    ("AES_256_CBC", Bulk::Cbc(Block::Aes256)),
    ("3DES_EDE_CBC", Bulk::Cbc(Block::TripleDes)),
    ("DES_CBC", Bulk::Cbc(Block::Des)),
    ("RC4_128", Bulk::Rc4),
    ("NULL", Bulk::Null),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_read_from_its_name() {
        let of = |name| Suite::of(CipherSuite::named(name).unwrap()).unwrap();
        let suite = of("TLS_AES_128_GCM_SHA256");
        assert_eq!(
            suite,
            Suite { bulk: Bulk::Aead(Aead::Aes128Gcm), mac: None, hash: Hash::Sha256 }
        );
        let suite = of("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384");
        assert_eq!(suite.bulk, Bulk::Cbc(Block::Aes256));
        assert_eq!((suite.mac, suite.hash), (Some(Hash::Sha384), Hash::Sha384));
        let suite = of("TLS_RSA_WITH_RC4_128_MD5");
        assert_eq!((suite.bulk, suite.mac), (Bulk::Rc4, Some(Hash::Md5)));
        assert_eq!(of("TLS_RSA_WITH_AES_256_CCM_8").bulk, Bulk::Aead(Aead::Aes256Ccm8));
        assert_eq!(of("TLS_PSK_WITH_NULL_SHA256").mac, Some(Hash::Sha256));
    }

    #[test]
    fn ciphers_that_are_not_known_are_said_so() {
        for name in ["TLS_RSA_WITH_IDEA_CBC_SHA", "TLS_RSA_EXPORT_WITH_RC4_40_MD5"] {
            assert_eq!(Suite::of(CipherSuite::named(name).unwrap()), None, "{name}");
        }
        assert_eq!(Suite::of(CipherSuite(0xabcd)), None);
    }
}
