//! What a negotiated key exchange means: its group, its class and whether it is forward secret.

use event::KeyExchangeClass;

use crate::registry::{CipherSuite, KeyExchangeMethod, NamedGroup};
use crate::version::ProtocolVersion;

/// What was negotiated, as far as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The version.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The group: of the server's `key_share` in TLS 1.3, of its `ServerKeyExchange` before.
    pub group: Option<NamedGroup>,
    /// Whether the server took a pre-shared key (TLS 1.3).
    pub psk_selected: bool,
    /// Whether a session of TLS 1.2 or older was resumed, by id or ticket.
    pub resumed: bool,
}

/// The meaning of a key exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyExchangeMeaning {
    /// The group, if the exchange has one.
    pub group: Option<NamedGroup>,
    /// The class; absent if it is unknown.
    pub class: Option<KeyExchangeClass>,
    /// Whether a key stolen later leaves the session closed; absent if that is unknown.
    pub forward_secret: Option<bool>,
}

impl Negotiated {
    /// Says what the negotiated key exchange means.
    #[must_use]
    pub fn meaning(&self) -> KeyExchangeMeaning {
        if self.version.is_tls13_or_later() {
            return self.tls13();
        }
        let Some(method) = self.cipher_suite.key_exchange() else {
            return KeyExchangeMeaning { group: self.group, ..KeyExchangeMeaning::default() };
        };
        let class = match method {
            KeyExchangeMethod::Null
            | KeyExchangeMethod::Rsa
            | KeyExchangeMethod::RsaExport
            | KeyExchangeMethod::Dh
            | KeyExchangeMethod::Ecdh
            | KeyExchangeMethod::Psk
            | KeyExchangeMethod::RsaPsk
            | KeyExchangeMethod::Krb5
            | KeyExchangeMethod::Gost
            | KeyExchangeMethod::Sm2
            | KeyExchangeMethod::Ibc => Some(KeyExchangeClass::None),
            KeyExchangeMethod::Dhe
            | KeyExchangeMethod::DhePsk
            | KeyExchangeMethod::Srp
            | KeyExchangeMethod::Eccpwd
            | KeyExchangeMethod::Ecjpake
            | KeyExchangeMethod::Sm2dhe
            | KeyExchangeMethod::Ibcdh => Some(KeyExchangeClass::Classical),
            // CECPQ2 and its like were groups of TLS 1.2 as well.
            KeyExchangeMethod::Ecdhe | KeyExchangeMethod::EcdhePsk => match self.group {
                Some(group) => group.class().map(KeyExchangeClass::from),
                None => Some(KeyExchangeClass::Classical),
            },
            KeyExchangeMethod::Cecpq1 => Some(KeyExchangeClass::HybridPq),
            KeyExchangeMethod::Fortezza | KeyExchangeMethod::Tls13 => None,
        };
        // The keys of a resumed session hang on a secret kept since an earlier one, in the server's
        // memory or under its ticket key: an ephemeral exchange back then does not vouch for it.
        let forward_secret = method.is_forward_secret().filter(|secret| !(*secret && self.resumed));
        KeyExchangeMeaning { group: self.group, class, forward_secret }
    }

    fn tls13(&self) -> KeyExchangeMeaning {
        match self.group {
            Some(group) => KeyExchangeMeaning {
                group: Some(group),
                class: group.class().map(KeyExchangeClass::from),
                forward_secret: group.class().map(|_| true),
            },
            None if self.psk_selected => KeyExchangeMeaning {
                group: None,
                class: Some(KeyExchangeClass::None),
                forward_secret: Some(false),
            },
            None => KeyExchangeMeaning::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECDHE_RSA: CipherSuite = CipherSuite(0xc02f);
    const RSA: CipherSuite = CipherSuite(0x002f);
    const AES_128_GCM: CipherSuite = CipherSuite(0x1301);

    #[test]
    fn a_hybrid_group_of_tls_1_3_is_post_quantum_and_forward_secret() {
        let meaning = negotiated(ProtocolVersion::TLS13, AES_128_GCM, Some(0x11ec)).meaning();
        assert_eq!(meaning.class, Some(KeyExchangeClass::HybridPq));
        assert_eq!(meaning.forward_secret, Some(true));
    }

    #[test]
    fn a_pre_shared_key_alone_is_no_exchange() {
        let psk_only = Negotiated {
            psk_selected: true,
            ..negotiated(ProtocolVersion::TLS13, AES_128_GCM, None)
        };
        assert_eq!(psk_only.meaning().class, Some(KeyExchangeClass::None));
        assert_eq!(psk_only.meaning().forward_secret, Some(false));
        let with_dhe = Negotiated { group: Some(NamedGroup::X25519), ..psk_only };
        assert_eq!(with_dhe.meaning().class, Some(KeyExchangeClass::Classical));
        assert_eq!(with_dhe.meaning().forward_secret, Some(true));
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        let no_share = negotiated(ProtocolVersion::TLS13, AES_128_GCM, None);
        assert_eq!(no_share.meaning(), KeyExchangeMeaning::default());
        let grease = negotiated(ProtocolVersion::TLS13, AES_128_GCM, Some(0x1a1a)).meaning();
        assert_eq!((grease.class, grease.forward_secret), (None, None));
        let suite = negotiated(ProtocolVersion::TLS12, CipherSuite(0xabcd), None).meaning();
        assert_eq!((suite.class, suite.forward_secret), (None, None));
    }

    #[test]
    fn before_tls_1_3_the_cipher_suite_decides() {
        let rsa = negotiated(ProtocolVersion::TLS12, RSA, None).meaning();
        assert_eq!(rsa.class, Some(KeyExchangeClass::None));
        assert_eq!(rsa.forward_secret, Some(false));
        let ecdhe = negotiated(ProtocolVersion::TLS12, ECDHE_RSA, Some(0x0017)).meaning();
        assert_eq!(ecdhe.class, Some(KeyExchangeClass::Classical));
        assert_eq!(ecdhe.forward_secret, Some(true));
        let cecpq2 = negotiated(ProtocolVersion::TLS12, ECDHE_RSA, Some(0x4138)).meaning();
        assert_eq!(cecpq2.class, Some(KeyExchangeClass::HybridPq));
    }

    #[test]
    fn a_resumed_session_does_not_vouch_for_forward_secrecy() {
        let resumed =
            Negotiated { resumed: true, ..negotiated(ProtocolVersion::TLS12, ECDHE_RSA, None) };
        assert_eq!(resumed.meaning().forward_secret, None);
        let rsa = Negotiated { cipher_suite: RSA, ..resumed };
        assert_eq!(rsa.meaning().forward_secret, Some(false));
    }

    fn negotiated(
        version: ProtocolVersion,
        cipher_suite: CipherSuite,
        group: Option<u16>,
    ) -> Negotiated {
        Negotiated {
            version,
            cipher_suite,
            group: group.map(NamedGroup),
            psk_selected: false,
            resumed: false,
        }
    }
}
