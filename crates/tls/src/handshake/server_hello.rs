//! `ServerHello` and `HelloRetryRequest` (RFC 9846 section 4.1.3).

use wire::Reader;

use super::anomalies::HelloAnomalies;
use super::client_hello::{MAX_SESSION_ID_LEN, extensions, version};
use crate::extension::{self, Extension, Extensions, ServerKeyShare};
use crate::list::U8List;
use crate::malformed::{Field, Malformed};
use crate::registry::{CipherSuite, CompressionMethod, EcPointFormat, ExtensionType};
use crate::version::ProtocolVersion;

/// A `ServerHello`, borrowed from the message.
///
/// The accessors of extensions give `None` both if the extension is absent and if its body is
/// malformed; [`Self::anomalies`] tells the two apart.
#[derive(Clone, Copy, Debug)]
pub struct ServerHello<'a> {
    /// Version chosen, frozen at TLS 1.2 if `supported_versions` has it.
    pub legacy_version: ProtocolVersion,
    /// The server's random.
    pub random: [u8; 32],
    /// Session id chosen or echoed; empty in drafts up to 21.
    pub session_id: &'a [u8],
    /// Cipher suite chosen.
    pub cipher_suite: CipherSuite,
    /// Compression method chosen; none in drafts up to 21.
    pub compression_method: CompressionMethod,
    /// Extensions.
    pub extensions: Extensions<'a>,
    framing: HelloAnomalies,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a `ServerHello`.
    ///
    /// Drafts of TLS 1.3 up to 21 have neither session id nor compression method.
    ///
    /// # Errors
    /// [`Malformed`] if there is less than the fields up to the compression method, or the version
    /// is none. Anything wrong after that is an anomaly.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let legacy_version = version(reader.u16().field("legacy_version")?)?;
        let random = reader.array().field("random")?;
        let has_session = !is_early_draft(legacy_version) && !is_draft_14(legacy_version, &reader);
        let session_id =
            if has_session { reader.prefixed_u8().field("legacy_session_id_echo")? } else { &[] };
        let cipher_suite = CipherSuite(reader.u16().field("cipher_suite")?);
        let compression_method = if has_session {
            CompressionMethod(reader.u8().field("legacy_compression_method")?)
        } else {
            CompressionMethod::NULL
        };
        let mut framing = HelloAnomalies::default();
        let extensions = extensions(&mut reader, &mut framing);
        Ok(Self {
            legacy_version,
            random,
            session_id,
            cipher_suite,
            compression_method,
            extensions,
            framing,
        })
    }

    /// Whether this is a `HelloRetryRequest`, which its random tells.
    #[must_use]
    pub fn is_hello_retry_request(&self) -> bool {
        self.random == HELLO_RETRY_REQUEST
    }

    /// The version negotiated: that of `supported_versions` if there is one.
    #[must_use]
    pub fn negotiated_version(&self) -> ProtocolVersion {
        self.supported_version().unwrap_or(self.legacy_version)
    }

    /// The version that `supported_versions` selects.
    #[must_use]
    pub fn supported_version(&self) -> Option<ProtocolVersion> {
        self.view(ExtensionType::SUPPORTED_VERSIONS, extension::selected_version)
    }

    /// The server's key share, or the group that it asks for.
    #[must_use]
    pub fn key_share(&self) -> Option<ServerKeyShare> {
        self.view(ExtensionType::KEY_SHARE, ServerKeyShare::parse)
            .or_else(|| self.view(ExtensionType::KEY_SHARE_DRAFT, ServerKeyShare::parse))
    }

    /// Index of the pre-shared key taken.
    #[must_use]
    pub fn selected_psk(&self) -> Option<u16> {
        self.view(ExtensionType::PRE_SHARED_KEY, extension::selected_psk)
    }

    /// Cookie that the client shall send back.
    #[must_use]
    pub fn cookie(&self) -> Option<&'a [u8]> {
        self.view(ExtensionType::COOKIE, extension::cookie)
    }

    /// ALPN protocol chosen, as far as it is sent in clear.
    #[must_use]
    pub fn alpn(&self) -> Option<&'a [u8]> {
        self.view(ExtensionType::ALPN, extension::server_alpn)
    }

    /// Whether the server announces a `NewSessionTicket`.
    #[must_use]
    pub fn announces_ticket(&self) -> bool {
        self.extensions.contains(ExtensionType::SESSION_TICKET)
    }

    /// Whether the server announces a `CertificateStatus`.
    #[must_use]
    pub fn announces_status(&self) -> bool {
        self.extensions.contains(ExtensionType::STATUS_REQUEST)
            || self.extensions.contains(ExtensionType::STATUS_REQUEST_V2)
    }

    /// Whether the server took `extended_master_secret` (RFC 7627).
    #[must_use]
    pub fn has_extended_master_secret(&self) -> bool {
        self.extensions.contains(ExtensionType::EXTENDED_MASTER_SECRET)
    }

    /// Point formats.
    #[must_use]
    pub fn ec_point_formats(&self) -> Option<U8List<'a, EcPointFormat>> {
        self.view(ExtensionType::EC_POINT_FORMATS, extension::ec_point_formats)
    }

    /// Number of signed certificate timestamps.
    #[must_use]
    pub fn signed_certificate_timestamps(&self) -> Option<u32> {
        self.view(
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
            extension::signed_certificate_timestamps,
        )
    }

    /// What is out of order in this hello.
    #[must_use]
    pub fn anomalies(&self) -> HelloAnomalies {
        let mut found = self.framing;
        if self.session_id.len() > MAX_SESSION_ID_LEN {
            found.add(HelloAnomalies::SESSION_ID);
        }
        if self.extensions.has_duplicate() {
            found.add(HelloAnomalies::DUPLICATE_EXTENSION);
        }
        if self.extensions.iter().any(is_malformed) {
            found.add(HelloAnomalies::MALFORMED_EXTENSION);
        }
        found
    }

    fn view<T>(
        &self,
        kind: ExtensionType,
        parse: impl FnOnce(&'a [u8]) -> Result<T, Malformed>,
    ) -> Option<T> {
        parse(self.extensions.find(kind)?).ok()
    }
}

/// A `HelloRetryRequest` of the drafts of TLS 1.3 up to 21, where it is a message of its own.
#[derive(Clone, Copy, Debug)]
pub struct DraftRetryRequest<'a> {
    /// The version negotiated.
    pub version: ProtocolVersion,
    /// Cipher suite chosen; absent before draft 19.
    pub cipher_suite: Option<CipherSuite>,
    /// Extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> DraftRetryRequest<'a> {
    /// Reads the body of a message of type `hello_retry_request`.
    ///
    /// # Errors
    /// [`Malformed`] if the version is no draft or a field is cut.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let version = ProtocolVersion(reader.u16().field("server_version")?);
        if !is_early_draft(version) {
            let value = u32::from(version.0);
            return Err(Malformed::Value { field: "server_version", offset: 0, value });
        }
        let cipher_suite = if version.draft() >= Some(19) {
            Some(CipherSuite(reader.u16().field("cipher_suite")?))
        } else {
            None
        };
        let extensions = Extensions::new(reader.prefixed_u16().field("extensions")?);
        Ok(Self { version, cipher_suite, extensions })
    }

    /// The group that the server asks for.
    #[must_use]
    pub fn selected_group(&self) -> Option<ServerKeyShare> {
        let body = self.extensions.find(ExtensionType::KEY_SHARE_DRAFT);
        ServerKeyShare::parse(body.or_else(|| self.extensions.find(ExtensionType::KEY_SHARE))?).ok()
    }
}

const fn is_early_draft(version: ProtocolVersion) -> bool {
    matches!(version.0, 0x7f0e..=0x7f15)
}

/// Whether a hello whose version is that of TLS 1.3 itself is one of draft 14 and older: there the
/// cipher suite, one of TLS 1.3 or of ECDHE with an AEAD, is where a session id would have its
/// length. No session id is as long as the first bytes of the latter, 0xc0 and 0xcc.
fn is_draft_14(version: ProtocolVersion, rest: &Reader<'_>) -> bool {
    let suite = rest.rest().first();
    version == ProtocolVersion::TLS13 && matches!(suite, Some(0x13 | 0xc0 | 0xcc))
}

/// Whether the body of a server's extension cannot be read.
fn is_malformed(item: Extension<'_>) -> bool {
    let body = item.body;
    match item.kind {
        ExtensionType::SUPPORTED_VERSIONS => extension::selected_version(body).is_err(),
        ExtensionType::KEY_SHARE | ExtensionType::KEY_SHARE_DRAFT => {
            ServerKeyShare::parse(body).is_err()
        }
        ExtensionType::PRE_SHARED_KEY => extension::selected_psk(body).is_err(),
        ExtensionType::COOKIE => extension::cookie(body).is_err(),
        ExtensionType::ALPN => extension::server_alpn(body).is_err(),
        ExtensionType::EC_POINT_FORMATS => extension::ec_point_formats(body).is_err(),
        ExtensionType::RENEGOTIATION_INFO => extension::renegotiation_info(body).is_err(),
        ExtensionType::MAX_FRAGMENT_LENGTH => extension::max_fragment_length(body).is_err(),
        ExtensionType::RECORD_SIZE_LIMIT => extension::record_size_limit(body).is_err(),
        ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
            extension::signed_certificate_timestamps(body).is_err()
        }
        ExtensionType::SERVER_NAME
        | ExtensionType::ENCRYPT_THEN_MAC
        | ExtensionType::EXTENDED_MASTER_SECRET
        | ExtensionType::SESSION_TICKET => extension::empty(body).is_err(),
        _ => false,
    }
}

/// The random of a `HelloRetryRequest`: SHA-256 of `HelloRetryRequest`.
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::NamedGroup;

    #[test]
    fn draft_14_takes_suites_of_tls_1_2() {
        for suite in [[0xc0, 0x2b], [0xcc, 0xa8]] {
            let mut body = vec![3, 4];
            body.extend([5; 32]);
            body.extend(suite);
            body.extend([0, 9, 0, 0x28, 0, 5, 0, 0x17, 0, 1, 4]);
            let hello = ServerHello::parse(&body).unwrap();
            assert_eq!(hello.negotiated_version(), ProtocolVersion::TLS13);
            assert_eq!(hello.cipher_suite, CipherSuite(u16::from_be_bytes(suite)));
            let group = hello.key_share().map(ServerKeyShare::group);
            assert_eq!(group, Some(NamedGroup::SECP256R1));
            assert!(hello.anomalies().is_empty());
        }
    }
}
