//! What the name of a cipher suite says.

use std::collections::HashMap;
use std::sync::LazyLock;

use tls::registry::{CipherSuite, KeyExchangeMethod};

/// A cipher suite, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    /// The suite.
    pub suite: CipherSuite,
    /// How keys are agreed.
    pub key_exchange: Option<KeyExchangeMethod>,
    /// How records are encrypted; absent if the name does not say.
    pub encryption: Option<Encryption>,
    /// Whether the server does not prove who it is.
    pub is_anonymous: bool,
    /// Whether it was weakened for export.
    pub is_export: bool,
}

/// How records are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The name of the algorithm as in the suite, such as `AES_128`.
    pub algorithm: &'static str,
    /// How it is used.
    pub mode: Mode,
    /// Whether it is broken, or no encryption at all: NULL, RC2, RC4, DES, 3DES, IDEA.
    pub is_broken: bool,
}

/// How an algorithm is used to encrypt records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Authenticating as it encrypts (RFC 5116).
    Aead,
    /// Cipher block chaining, with a MAC beside it.
    Cbc,
    /// As a stream, with a MAC beside it.
    Stream,
    /// There is no encryption.
    Null,
}

impl Cipher {
    /// The suite that is registered under a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        KNOWN.get(name).copied()
    }

    fn of(suite: CipherSuite, name: &str) -> Self {
        Self {
            suite,
            key_exchange: suite.key_exchange(),
            encryption: Encryption::of(name),
            is_anonymous: name.contains("_anon_") || suite == CipherSuite(0),
            is_export: name.contains("_EXPORT"),
        }
    }

    /// Whether it gives no protection worth the name.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.is_anonymous || self.is_export || self.encryption.is_some_and(|it| it.is_broken)
    }
}

/// All registered suites by name: rules ask several times for each posture that they judge.
static KNOWN: LazyLock<HashMap<&'static str, Cipher>> = LazyLock::new(|| {
    let suites = (0..=u16::MAX).map(CipherSuite);
    suites
        .filter_map(|suite| suite.known_name().map(|name| (name, Cipher::of(suite, name))))
        .collect()
});

impl Encryption {
    /// Whether it authenticates as it encrypts (RFC 5116).
    #[must_use]
    pub fn is_aead(&self) -> bool {
        self.mode == Mode::Aead
    }

    fn of(name: &str) -> Option<Self> {
        let (_, algorithm, is_broken) = ALGORITHMS.iter().find(|(part, ..)| name.contains(part))?;
        let mode = if *algorithm == "NULL" {
            Mode::Null
        } else if AEADS.iter().any(|part| name.contains(part)) {
            Mode::Aead
        } else if name.contains("CBC") {
            Mode::Cbc
        } else {
            Mode::Stream
        };
        Some(Self { algorithm, mode, is_broken: *is_broken })
    }
}

/// Parts of names, in the order in which they are looked for.
const ALGORITHMS: &[(&str, &str, bool)] = &[
    ("WITH_NULL", "NULL", true),
    ("SHA256_SHA256", "NULL", true),
    ("SHA384_SHA384", "NULL", true),
    ("RC4", "RC4", true),
    ("RC2", "RC2", true),
    ("3DES", "3DES", true),
    ("DES40", "DES", true),
    ("DES_", "DES", true),
    ("IDEA", "IDEA", true),
    ("FORTEZZA_CBC", "SKIPJACK", true),
    ("AES_128", "AES_128", false),
    ("AES_192", "AES_192", false),
    ("AES_256", "AES_256", false),
    ("AEGIS_128", "AEGIS_128", false),
    ("AEGIS_256", "AEGIS_256", false),
    ("CHACHA20", "CHACHA20", false),
    ("SALSA20", "SALSA20", false),
    ("CAMELLIA_128", "CAMELLIA_128", false),
    ("CAMELLIA_256", "CAMELLIA_256", false),
    ("ARIA_128", "ARIA_128", false),
    ("ARIA_256", "ARIA_256", false),
    ("SEED", "SEED", false),
    ("SM4", "SM4", false),
    ("SM1", "SM1", false),
    ("KUZNYECHIK", "KUZNYECHIK", false),
    ("MAGMA", "MAGMA", false),
    ("28147", "GOST_28147", false),
];

/// The names of all algorithms.
pub(crate) const ENCRYPTIONS: &[&str] = &[
    "NULL",
    "RC4",
    "RC2",
    "DES",
    "3DES",
    "IDEA",
    "SKIPJACK",
    "AES_128",
    "AES_192",
    "AES_256",
    "AEGIS_128",
    "AEGIS_256",
    "CHACHA20",
    "SALSA20",
    "CAMELLIA_128",
    "CAMELLIA_256",
    "ARIA_128",
    "ARIA_256",
    "SEED",
    "SM4",
    "SM1",
    "KUZNYECHIK",
    "MAGMA",
    "GOST_28147",
];

const AEADS: &[&str] = &["_GCM", "_CCM", "POLY1305", "_OCB", "_MGM", "AEGIS"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_that_protects_records_says_how() {
        for value in 0..=u16::MAX {
            let Some(name) = CipherSuite(value).known_name() else { continue };
            if CipherSuite(value).is_signalling() {
                continue;
            }
            let cipher = Cipher::named(name).unwrap();
            assert!(cipher.encryption.is_some(), "{name}");
        }
    }

    #[test]
    fn every_algorithm_can_be_asked_for() {
        for (_, algorithm, _) in ALGORITHMS {
            assert!(ENCRYPTIONS.contains(algorithm), "{algorithm}");
        }
    }

    #[test]
    fn the_name_tells_the_mode() {
        for (name, mode) in [
            ("TLS_AES_128_CCM_8_SHA256", Mode::Aead),
            ("TLS_RSA_WITH_AES_128_CBC_SHA", Mode::Cbc),
            ("TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", Mode::Cbc),
            ("TLS_RSA_WITH_RC4_128_SHA", Mode::Stream),
            ("TLS_RSA_WITH_NULL_SHA", Mode::Null),
        ] {
            assert_eq!(Cipher::named(name).unwrap().encryption.unwrap().mode, mode, "{name}");
        }
    }

    #[test]
    fn the_name_tells_what_is_broken() {
        for (name, algorithm, aead, broken) in [
            ("TLS_AES_128_GCM_SHA256", "AES_128", true, false),
            ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "3DES", false, true),
            ("TLS_RSA_WITH_DES_CBC_SHA", "DES", false, true),
            ("TLS_RSA_WITH_NULL_SHA256", "NULL", false, true),
            ("TLS_SHA256_SHA256", "NULL", false, true),
            ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "RC4", false, true),
            ("TLS_ECDH_anon_WITH_AES_256_CBC_SHA", "AES_256", false, true),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "CHACHA20", true, false),
        ] {
            let cipher = Cipher::named(name).unwrap();
            let encryption = cipher.encryption.unwrap();
            assert_eq!(
                (encryption.algorithm, encryption.is_aead(), cipher.is_broken()),
                (algorithm, aead, broken),
                "{name}"
            );
        }
        assert_eq!(Cipher::named("0x1234"), None);
    }
}
