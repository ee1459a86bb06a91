//! Cipher suites and what their names say.

use super::{find, generated};

/// A cipher suite (RFC 9846 section 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// The client supports secure renegotiation (RFC 5746 section 3.3).
    pub const EMPTY_RENEGOTIATION_INFO_SCSV: Self = Self(0x00ff);
    /// The client fell back to an older version (RFC 7507).
    pub const FALLBACK_SCSV: Self = Self(0x5600);

    /// The registered name, if there is one.
    #[must_use]
    pub fn known_name(self) -> Option<&'static str> {
        self.entry().map(|(_, name, _, _)| *name)
    }

    /// The suite that is registered under a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let entry = generated::cipher_suites::ENTRIES.iter().find(|(_, known, ..)| *known == name);
        entry.map(|(value, ..)| Self(*value))
    }

    /// How keys are agreed; absent for unknown suites.
    #[must_use]
    pub fn key_exchange(self) -> Option<KeyExchangeMethod> {
        self.entry().map(|(_, _, method, _)| *method)
    }

    /// How the server proves who it is; absent for unknown suites.
    #[must_use]
    pub fn authentication(self) -> Option<Authentication> {
        self.entry().map(|(_, _, _, authentication)| *authentication)
    }

    /// Whether the suite itself gives forward secrecy; absent for unknown suites and for those of
    /// TLS 1.3, which leave that to the key exchange.
    #[must_use]
    pub fn is_forward_secret(self) -> Option<bool> {
        self.key_exchange().and_then(KeyExchangeMethod::is_forward_secret)
    }

    /// Whether the suite belongs to TLS 1.3.
    #[must_use]
    pub fn is_tls13(self) -> bool {
        self.key_exchange() == Some(KeyExchangeMethod::Tls13)
    }

    /// Whether the value signals something and is no suite.
    #[must_use]
    pub const fn is_signalling(self) -> bool {
        matches!(self, Self::EMPTY_RENEGOTIATION_INFO_SCSV | Self::FALLBACK_SCSV)
    }

    fn entry(self) -> Option<&'static (u16, &'static str, KeyExchangeMethod, Authentication)> {
        find(&generated::cipher_suites::ENTRIES, self.0, |(value, ..)| *value)
    }
}

impl From<u16> for CipherSuite {
    #[inline]
    fn from(value: u16) -> Self {
        Self(value)
    }
}

/// How a cipher suite agrees on keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchangeMethod {
    /// None, or a signalling value.
    Null,
    /// Encryption to the server's RSA key.
    Rsa,
    /// The same, to a weak temporary key if the server's own is too strong for export.
    RsaExport,
    /// Diffie-Hellman with the certificate's key.
    Dh,
    /// Ephemeral Diffie-Hellman.
    Dhe,
    /// Elliptic curve Diffie-Hellman with the certificate's key.
    Ecdh,
    /// Ephemeral elliptic curve Diffie-Hellman.
    Ecdhe,
    /// A pre-shared key alone.
    Psk,
    /// A pre-shared key and ephemeral Diffie-Hellman.
    DhePsk,
    /// A pre-shared key and ephemeral elliptic curve Diffie-Hellman.
    EcdhePsk,
    /// A pre-shared key and encryption to the server's RSA key.
    RsaPsk,
    /// Kerberos.
    Krb5,
    /// Secure Remote Password.
    Srp,
    /// Dragonfly over an elliptic curve (RFC 8492).
    Eccpwd,
    /// J-PAKE over an elliptic curve.
    Ecjpake,
    /// VKO GOST R 34.10 with the certificate's key.
    Gost,
    /// Encryption to the server's SM2 key.
    Sm2,
    /// Ephemeral SM2.
    Sm2dhe,
    /// Identity-based encryption.
    Ibc,
    /// Identity-based ephemeral exchange.
    Ibcdh,
    /// The key exchange algorithm of Fortezza.
    Fortezza,
    /// X25519 and New Hope, ephemeral: Google's experiment of 2016.
    Cecpq1,
    /// Whatever the extensions of TLS 1.3 say.
    Tls13,
}

impl KeyExchangeMethod {
    /// Whether a key stolen later leaves past sessions closed; absent if the method does not say.
    #[must_use]
    pub const fn is_forward_secret(self) -> Option<bool> {
        match self {
            Self::Dhe
            | Self::Ecdhe
            | Self::DhePsk
            | Self::EcdhePsk
            | Self::Srp
            | Self::Eccpwd
            | Self::Ecjpake
            | Self::Sm2dhe
            | Self::Ibcdh
            | Self::Cecpq1 => Some(true),
            Self::Null
            | Self::Rsa
            | Self::RsaExport
            | Self::Dh
            | Self::Ecdh
            | Self::Psk
            | Self::RsaPsk
            | Self::Krb5
            | Self::Gost
            | Self::Sm2
            | Self::Ibc => Some(false),
            Self::Fortezza | Self::Tls13 => None,
        }
    }
}

/// How a cipher suite proves who the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// Not at all.
    Anonymous,
    /// By an RSA key.
    Rsa,
    /// By a DSA key.
    Dss,
    /// By an ECDSA or EdDSA key.
    Ecdsa,
    /// By a pre-shared key.
    Psk,
    /// By a shared password.
    Password,
    /// By Kerberos.
    Krb5,
    /// By a GOST R 34.10 key.
    Gost,
    /// By an SM2 key.
    Sm2,
    /// By identity-based cryptography.
    Ibc,
    /// By Fortezza.
    Fortezza,
    /// By whatever certificate or pre-shared key TLS 1.3 agrees on.
    Certificate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_complete() {
        assert!(generated::cipher_suites::ENTRIES.len() > 400);
        for value in (0x0000..=0x001b)
            .chain(0x001e..=0x0046)
            .chain(0x0067..=0x006d)
            .chain(0x0084..=0x00c7)
            .chain(0x1301..=0x1307)
            .chain(0xc001..=0xc0b5)
            .chain(0xc100..=0xc106)
            .chain(0xcca8..=0xccae)
            .chain([0x00ff, 0x5600, 0xd001, 0xd002, 0xd003, 0xd005])
        {
            assert!(CipherSuite(value).known_name().is_some(), "{value:#06x}");
        }
    }

    #[test]
    fn a_suite_says_how_keys_are_agreed_and_who_signs() {
        for (value, name, method, authentication, forward_secret) in [
            (
                0x002f,
                "TLS_RSA_WITH_AES_128_CBC_SHA",
                KeyExchangeMethod::Rsa,
                Authentication::Rsa,
                Some(false),
            ),
            (
                0xc02b,
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                KeyExchangeMethod::Ecdhe,
                Authentication::Ecdsa,
                Some(true),
            ),
            (
                0x0018,
                "TLS_DH_anon_WITH_RC4_128_MD5",
                KeyExchangeMethod::Dhe,
                Authentication::Anonymous,
                Some(true),
            ),
            (
                0x1301,
                "TLS_AES_128_GCM_SHA256",
                KeyExchangeMethod::Tls13,
                Authentication::Certificate,
                None,
            ),
        ] {
            let suite = CipherSuite(value);
            assert_eq!(suite.name(), name);
            assert_eq!(suite.key_exchange(), Some(method), "{name}");
            assert_eq!(suite.authentication(), Some(authentication), "{name}");
            assert_eq!(suite.is_forward_secret(), forward_secret, "{name}");
        }
        assert_eq!(CipherSuite(0xabcd).is_forward_secret(), None);
    }
}
