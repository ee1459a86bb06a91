//! The IANA registries of TLS, with the private and withdrawn values that are met in the field.
//!
//! A code point is a newtype over its integer, so that unknown and GREASE values survive.

mod cipher_suite;
mod generated;
mod named_group;

use std::borrow::Cow;

use event::Name;

use crate::grease::{grease_name, grease_psk_mode_name, is_grease, is_grease_psk_mode};

pub use cipher_suite::{Authentication, CipherSuite, KeyExchangeMethod};
pub use named_group::{GroupClass, NamedGroup};

/// Defines a code point whose registry has nothing but names.
macro_rules! code_points {
    ($($(#[$doc:meta])* $name:ident($integer:ty) = $table:ident {
        $($(#[$constant_doc:meta])* $constant:ident = $value:literal,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $integer);

        impl $name {
            $($(#[$constant_doc])* pub const $constant: Self = Self($value);)*

            /// The registered name, if there is one.
            #[must_use]
            pub fn known_name(self) -> Option<&'static str> {
                find(&generated::$table::ENTRIES, self.0, |(value, _)| *value).map(|(_, name)| *name)
            }
        }

        impl From<$integer> for $name {
            #[inline]
            fn from(value: $integer) -> Self {
                Self(value)
            }
        }
    )*};
}

/// Gives 16-bit code points the names that events use, GREASE included.
macro_rules! name_16 {
    ($($name:ident)*) => {$(
        impl $name {
            /// The name that events use: the registered one, `GREASE (0x1a1a)`, or `0x1234`.
            #[must_use]
            pub fn name(self) -> Name {
                match self.known_name().or_else(|| grease_name(self.0)) {
                    Some(name) => Cow::Borrowed(name),
                    None => Cow::Owned(format!("{:#06x}", self.0)),
                }
            }

            /// Whether the value is reserved for GREASE.
            #[inline]
            #[must_use]
            pub const fn is_grease(self) -> bool {
                is_grease(self.0)
            }
        }
    )*};
}

/// Gives 8-bit code points the names that events use.
macro_rules! name_8 {
    ($($name:ident)*) => {$(
        impl $name {
            /// The name that events use: the registered one, or `0x12`.
            #[must_use]
            pub fn name(self) -> Name {
                match self.known_name() {
                    Some(name) => Cow::Borrowed(name),
                    None => Cow::Owned(format!("{:#04x}", self.0)),
                }
            }
        }
    )*};
}

code_points! {
    /// Type of a record's content (RFC 9846 section 5.1).
    ContentType(u8) = content_types {
        /// `change_cipher_spec`.
        CHANGE_CIPHER_SPEC = 20,
        /// `alert`.
        ALERT = 21,
        /// `handshake`.
        HANDSHAKE = 22,
        /// `application_data`.
        APPLICATION_DATA = 23,
        /// `heartbeat` (RFC 6520).
        HEARTBEAT = 24,
        /// `tls12_cid`: DTLS 1.2 with a connection id (RFC 9146).
        TLS12_CID = 25,
        /// `ACK` of DTLS 1.3 (RFC 9147 section 7).
        ACK = 26,
    }

    /// Type of a handshake message (RFC 9846 section 4).
    HandshakeType(u8) = handshake_types {
        /// `hello_request` (RFC 5246).
        HELLO_REQUEST = 0,
        /// `client_hello`.
        CLIENT_HELLO = 1,
        /// `server_hello`.
        SERVER_HELLO = 2,
        /// `hello_verify_request` (RFC 6347).
        HELLO_VERIFY_REQUEST = 3,
        /// `new_session_ticket`.
        NEW_SESSION_TICKET = 4,
        /// `end_of_early_data`.
        END_OF_EARLY_DATA = 5,
        /// `hello_retry_request`, a message of its own only in drafts of TLS 1.3.
        HELLO_RETRY_REQUEST = 6,
        /// `encrypted_extensions`.
        ENCRYPTED_EXTENSIONS = 8,
        /// `certificate`.
        CERTIFICATE = 11,
        /// `server_key_exchange` (RFC 5246).
        SERVER_KEY_EXCHANGE = 12,
        /// `certificate_request`.
        CERTIFICATE_REQUEST = 13,
        /// `server_hello_done` (RFC 5246).
        SERVER_HELLO_DONE = 14,
        /// `certificate_verify`.
        CERTIFICATE_VERIFY = 15,
        /// `client_key_exchange` (RFC 5246).
        CLIENT_KEY_EXCHANGE = 16,
        /// `finished`.
        FINISHED = 20,
        /// `certificate_url` (RFC 6066).
        CERTIFICATE_URL = 21,
        /// `certificate_status` (RFC 6066).
        CERTIFICATE_STATUS = 22,
        /// `supplemental_data` (RFC 4680).
        SUPPLEMENTAL_DATA = 23,
        /// `key_update`.
        KEY_UPDATE = 24,
        /// `compressed_certificate` (RFC 8879).
        COMPRESSED_CERTIFICATE = 25,
        /// `message_hash`.
        MESSAGE_HASH = 254,
    }

    /// Type of an extension (RFC 9846 section 4.2).
    ExtensionType(u16) = extension_types {
        /// `server_name` (RFC 6066 section 3).
        SERVER_NAME = 0,
        /// `max_fragment_length` (RFC 6066 section 4).
        MAX_FRAGMENT_LENGTH = 1,
        /// `client_certificate_url` (RFC 6066 section 5).
        CLIENT_CERTIFICATE_URL = 2,
        /// `trusted_ca_keys` (RFC 6066 section 6).
        TRUSTED_CA_KEYS = 3,
        /// `truncated_hmac` (RFC 6066 section 7).
        TRUNCATED_HMAC = 4,
        /// `status_request` (RFC 6066 section 8).
        STATUS_REQUEST = 5,
        /// `user_mapping` (RFC 4681).
        USER_MAPPING = 6,
        /// `client_authz` (RFC 5878).
        CLIENT_AUTHZ = 7,
        /// `server_authz` (RFC 5878).
        SERVER_AUTHZ = 8,
        /// `cert_type` (RFC 6091).
        CERT_TYPE = 9,
        /// `supported_groups` (RFC 9846 section 4.2.7).
        SUPPORTED_GROUPS = 10,
        /// `ec_point_formats` (RFC 8422 section 5.1.2).
        EC_POINT_FORMATS = 11,
        /// `srp` (RFC 5054).
        SRP = 12,
        /// `signature_algorithms` (RFC 9846 section 4.2.3).
        SIGNATURE_ALGORITHMS = 13,
        /// `application_layer_protocol_negotiation` (RFC 7301).
        ALPN = 16,
        /// `status_request_v2` (RFC 6961).
        STATUS_REQUEST_V2 = 17,
        /// `signed_certificate_timestamp` (RFC 6962).
        SIGNED_CERTIFICATE_TIMESTAMP = 18,
        /// `client_certificate_type` (RFC 7250).
        CLIENT_CERTIFICATE_TYPE = 19,
        /// `server_certificate_type` (RFC 7250).
        SERVER_CERTIFICATE_TYPE = 20,
        /// `padding` (RFC 7685).
        PADDING = 21,
        /// `encrypt_then_mac` (RFC 7366).
        ENCRYPT_THEN_MAC = 22,
        /// `extended_master_secret` (RFC 7627).
        EXTENDED_MASTER_SECRET = 23,
        /// `compress_certificate` (RFC 8879).
        COMPRESS_CERTIFICATE = 27,
        /// `record_size_limit` (RFC 8449).
        RECORD_SIZE_LIMIT = 28,
        /// `session_ticket` (RFC 5077).
        SESSION_TICKET = 35,
        /// `key_share` of TLS 1.3 up to draft 22.
        KEY_SHARE_DRAFT = 40,
        /// `pre_shared_key` (RFC 9846 section 4.2.11).
        PRE_SHARED_KEY = 41,
        /// `early_data` (RFC 9846 section 4.2.10).
        EARLY_DATA = 42,
        /// `supported_versions` (RFC 9846 section 4.2.1).
        SUPPORTED_VERSIONS = 43,
        /// `cookie` (RFC 9846 section 4.2.2).
        COOKIE = 44,
        /// `psk_key_exchange_modes` (RFC 9846 section 4.2.9).
        PSK_KEY_EXCHANGE_MODES = 45,
        /// `certificate_authorities` (RFC 9846 section 4.2.4).
        CERTIFICATE_AUTHORITIES = 47,
        /// `post_handshake_auth` (RFC 9846 section 4.2.6).
        POST_HANDSHAKE_AUTH = 49,
        /// `signature_algorithms_cert` (RFC 9846 section 4.2.3).
        SIGNATURE_ALGORITHMS_CERT = 50,
        /// `key_share` (RFC 9846 section 4.2.8).
        KEY_SHARE = 51,
        /// `connection_id` (RFC 9146).
        CONNECTION_ID = 54,
        /// `quic_transport_parameters` (RFC 9001 section 8.2).
        QUIC_TRANSPORT_PARAMETERS = 57,
        /// `next_protocol_negotiation`, which ALPN replaced.
        NEXT_PROTOCOL_NEGOTIATION = 13172,
        /// `application_settings`, first code point.
        APPLICATION_SETTINGS_OLD = 17513,
        /// `application_settings`.
        APPLICATION_SETTINGS = 17613,
        /// `encrypted_client_hello` (RFC 9849).
        ENCRYPTED_CLIENT_HELLO = 0xfe0d,
        /// `renegotiation_info` (RFC 5746).
        RENEGOTIATION_INFO = 0xff01,
        /// `quic_transport_parameters` of the QUIC drafts.
        QUIC_TRANSPORT_PARAMETERS_DRAFT = 0xffa5,
        /// `encrypted_server_name`, which ECH replaced.
        ENCRYPTED_SERVER_NAME = 0xffce,
    }

    /// A signature scheme, or a hash and signature pair of TLS 1.2 (RFC 9846 section 4.2.3).
    SignatureScheme(u16) = signature_schemes {
        /// `rsa_pkcs1_sha1`.
        RSA_PKCS1_SHA1 = 0x0201,
        /// `dsa_sha1`.
        DSA_SHA1 = 0x0202,
        /// `ecdsa_sha1`.
        ECDSA_SHA1 = 0x0203,
        /// The concatenated MD5 and SHA-1 that TLS 1.1 and older sign with RSA; never on the wire.
        RSA_PKCS1_MD5_SHA1 = 0xff01,
    }

    /// Algorithm that compresses certificates (RFC 8879).
    CertificateCompressionAlgorithm(u16) = certificate_compression_algorithms {
        /// `zlib`.
        ZLIB = 1,
        /// `brotli`.
        BROTLI = 2,
        /// `zstd`.
        ZSTD = 3,
    }

    /// Method that compresses records (RFC 3749).
    CompressionMethod(u8) = compression_methods {
        /// No compression.
        NULL = 0,
    }

    /// Format of elliptic curve points (RFC 8422 section 5.1.2).
    EcPointFormat(u8) = ec_point_formats {
        /// `uncompressed`.
        UNCOMPRESSED = 0,
    }

    /// How a pre-shared key may be used (RFC 9846 section 4.2.9).
    PskKeyExchangeMode(u8) = psk_key_exchange_modes {
        /// The pre-shared key alone.
        PSK_KE = 0,
        /// The pre-shared key with (EC)DHE.
        PSK_DHE_KE = 1,
    }

    /// Kind of certificate asked of a client (RFC 5246 section 7.4.4).
    ClientCertificateType(u8) = client_certificate_types {}

    /// Form of a certificate (RFC 7250).
    CertificateType(u8) = certificate_types {
        /// X.509.
        X509 = 0,
        /// A raw public key.
        RAW_PUBLIC_KEY = 2,
    }

    /// Kind of certificate status (RFC 6066 section 8).
    CertificateStatusType(u8) = certificate_status_types {
        /// One OCSP response.
        OCSP = 1,
        /// OCSP responses for the chain (RFC 6961).
        OCSP_MULTI = 2,
    }

    /// Status of an OCSP response (RFC 6960 section 4.2.1).
    OcspResponseStatus(u8) = ocsp_response_statuses {
        /// `successful`.
        SUCCESSFUL = 0,
    }

    /// Level of an alert (RFC 9846 section 6).
    AlertLevel(u8) = alert_levels {
        /// `warning`.
        WARNING = 1,
        /// `fatal`.
        FATAL = 2,
    }

    /// Description of an alert (RFC 9846 section 6).
    AlertDescription(u8) = alert_descriptions {
        /// `close_notify`.
        CLOSE_NOTIFY = 0,
        /// `user_canceled`.
        USER_CANCELED = 90,
        /// `no_renegotiation`.
        NO_RENEGOTIATION = 100,
    }

    /// Key derivation function of HPKE (RFC 9180 section 7.2).
    HpkeKdf(u16) = hpke_kdfs {}

    /// Authenticated encryption of HPKE (RFC 9180 section 7.3).
    HpkeAead(u16) = hpke_aeads {}

    /// Cipher of SSL 2.0, three bytes long.
    Sslv2CipherKind(u32) = sslv2_cipher_kinds {}
}

name_16! {
    CipherSuite NamedGroup ExtensionType SignatureScheme CertificateCompressionAlgorithm HpkeKdf
    HpkeAead
}

name_8! {
    ContentType HandshakeType CompressionMethod EcPointFormat ClientCertificateType CertificateType
    CertificateStatusType OcspResponseStatus AlertLevel AlertDescription
}

impl PskKeyExchangeMode {
    /// The name that events use: the registered one, `GREASE (0x2a)`, or `0x12`.
    #[must_use]
    pub fn name(self) -> Name {
        match self.known_name().or(grease_psk_mode_name(self.0)) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("{:#04x}", self.0)),
        }
    }

    /// Whether the value is reserved for GREASE.
    #[inline]
    #[must_use]
    pub const fn is_grease(self) -> bool {
        is_grease_psk_mode(self.0)
    }
}

impl Sslv2CipherKind {
    /// The name that events use: that of SSL 2.0, that of the cipher suite if it is one, or
    /// `0x123456`.
    #[must_use]
    pub fn name(self) -> Name {
        if let Some(name) = self.known_name() {
            return Cow::Borrowed(name);
        }
        match self.cipher_suite() {
            Some(suite) => suite.name(),
            None => Cow::Owned(format!("{:#08x}", self.0)),
        }
    }

    /// The cipher suite of SSL 3.0 or TLS that this stands for (RFC 5246 appendix E.2).
    #[must_use]
    pub fn cipher_suite(self) -> Option<CipherSuite> {
        u16::try_from(self.0).ok().map(CipherSuite)
    }
}

/// The entry of a table, sorted by value, for `value`.
fn find<T, I: Ord>(table: &'static [T], value: I, of: impl Fn(&T) -> I) -> Option<&'static T> {
    table.binary_search_by(|entry| of(entry).cmp(&value)).ok().and_then(|index| table.get(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_grease_values_survive() {
        assert_eq!(CipherSuite(0xabcd).name(), "0xabcd");
        assert_eq!(ExtensionType(0x1a1a).name(), "GREASE (0x1a1a)");
        assert!(matches!(NamedGroup(0xfafa).name(), Cow::Borrowed("GREASE (0xfafa)")));
        assert_eq!(PskKeyExchangeMode(0x2a).name(), "GREASE (0x2a)");
        assert_eq!(AlertDescription(0x05).name(), "0x05");
        assert_eq!(SignatureScheme(0x0807).name(), "ed25519");
    }

    #[test]
    fn signature_pairs_of_tls_1_2_are_named_like_schemes() {
        assert_eq!(SignatureScheme(0x0101).name(), "rsa_pkcs1_md5");
        assert_eq!(SignatureScheme(0x0301).name(), "rsa_pkcs1_sha224");
        assert_eq!(SignatureScheme(0x0402).name(), "dsa_sha256");
        assert_eq!(SignatureScheme(0x0905).name(), "mldsa65");
        assert_eq!(SignatureScheme(0x0911).name(), "slhdsa_sha2_128s");
    }

    #[test]
    fn an_sslv2_cipher_may_stand_for_a_cipher_suite() {
        assert_eq!(Sslv2CipherKind(0x01_0080).name(), "SSL_CK_RC4_128_WITH_MD5");
        assert_eq!(Sslv2CipherKind(0x00_0035).name(), "TLS_RSA_WITH_AES_256_CBC_SHA");
        assert_eq!(Sslv2CipherKind(0x12_3456).name(), "0x123456");
    }

    #[test]
    fn tables_are_sorted_and_name_each_value_once() {
        macro_rules! check {
            ($($table:ident)*) => {$(
                let entries = &generated::$table::ENTRIES;
                assert!(entries.windows(2).all(|pair| pair[0].0 < pair[1].0), stringify!($table));
            )*};
        }
        check! {
            alert_descriptions alert_levels certificate_compression_algorithms
            certificate_status_types certificate_types cipher_suites client_certificate_types
            compression_methods content_types ec_point_formats extension_types handshake_types
            hpke_aeads hpke_kdfs named_groups ocsp_response_statuses psk_key_exchange_modes
            signature_schemes sslv2_cipher_kinds
        }
    }

    #[test]
    fn no_table_names_a_grease_value() {
        for value in (0..=u16::MAX).filter(|value| is_grease(*value)) {
            assert_eq!(CipherSuite(value).known_name(), None);
            assert_eq!(NamedGroup(value).known_name(), None);
            assert_eq!(ExtensionType(value).known_name(), None);
            assert_eq!(SignatureScheme(value).known_name(), None);
        }
    }
}
