//! `ClientHello` (RFC 9846 section 4.1.2, RFC 6347 section 4.2.1 for DTLS).

use wire::Reader;

use super::anomalies::HelloAnomalies;
use crate::extension::{
    self, AlpnProtocols, ClientKeyShares, EncryptedClientHello, EncryptedServerName, Extension,
    Extensions, HostName, OfferedPsks, ServerNames, StatusRequestItem, StatusRequestV2,
};
use crate::list::{U8List, U16List};
use crate::malformed::{Field, Malformed};
use crate::registry::{
    CertificateCompressionAlgorithm, CipherSuite, CompressionMethod, EcPointFormat, ExtensionType,
    NamedGroup, PskKeyExchangeMode, SignatureScheme,
};
use crate::version::ProtocolVersion;

/// A `ClientHello`, borrowed from the message.
///
/// The accessors of extensions give `None` both if the extension is absent and if its body is
/// malformed; [`Self::anomalies`] tells the two apart.
#[derive(Clone, Copy, Debug)]
pub struct ClientHello<'a> {
    /// Highest version the client speaks, frozen at TLS 1.2 for those that speak 1.3.
    pub legacy_version: ProtocolVersion,
    /// The client's random.
    pub random: [u8; 32],
    /// Session to resume, or whatever a TLS 1.3 client puts there.
    pub session_id: &'a [u8],
    /// Cookie of a `HelloVerifyRequest`, in DTLS.
    pub dtls_cookie: Option<&'a [u8]>,
    /// Cipher suites, most wanted first.
    pub cipher_suites: U16List<'a, CipherSuite>,
    /// Compression methods.
    pub compression_methods: U8List<'a, CompressionMethod>,
    /// Extensions.
    pub extensions: Extensions<'a>,
    framing: HelloAnomalies,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a `ClientHello` of TLS.
    ///
    /// # Errors
    /// [`Malformed`] if there is less than the fields up to the compression methods, or the version
    /// is none. Anything wrong after that is an anomaly.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(body, false)
    }

    /// Reads the body of a `ClientHello` of DTLS, which has a cookie.
    ///
    /// # Errors
    /// As for [`Self::parse`].
    pub fn parse_dtls(body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(body, true)
    }

    fn read(body: &'a [u8], is_dtls: bool) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let legacy_version = version(reader.u16().field("legacy_version")?)?;
        let random = reader.array().field("random")?;
        let session_id = reader.prefixed_u8().field("legacy_session_id")?;
        let dtls_cookie =
            if is_dtls { Some(reader.prefixed_u8().field("legacy_cookie")?) } else { None };
        let cipher_suites = U16List::new(reader.prefixed_u16().field("cipher_suites")?);
        let methods = reader.prefixed_u8().field("legacy_compression_methods")?;
        let mut framing = HelloAnomalies::default();
        let extensions = extensions(&mut reader, &mut framing);
        Ok(Self {
            legacy_version,
            random,
            session_id,
            dtls_cookie,
            cipher_suites,
            compression_methods: U8List::new(methods),
            extensions,
            framing,
        })
    }

    /// What is out of order in this hello.
    #[must_use]
    pub fn anomalies(&self) -> HelloAnomalies {
        self.shape_anomalies().union(self.own_anomalies())
    }

    /// The part of [`Self::anomalies`] that all hellos of a [shape](crate::shape) have in common.
    #[must_use]
    pub fn shape_anomalies(&self) -> HelloAnomalies {
        let mut found = HelloAnomalies::default();
        if self.cipher_suites.is_empty() || !self.cipher_suites.as_bytes().len().is_multiple_of(2) {
            found.add(HelloAnomalies::CIPHER_SUITES);
        }
        if self.compression_methods.is_empty() {
            found.add(HelloAnomalies::COMPRESSION_METHODS);
        }
        if self.extensions.has_duplicate() {
            found.add(HelloAnomalies::DUPLICATE_EXTENSION);
        }
        let mut psk_seen = false;
        for item in self.extensions.iter() {
            if psk_seen {
                found.add(HelloAnomalies::PSK_NOT_LAST);
            }
            psk_seen = item.kind == ExtensionType::PRE_SHARED_KEY;
            if is_malformed(item) {
                found.add(HelloAnomalies::MALFORMED_EXTENSION);
            }
        }
        found
    }

    /// The part of [`Self::anomalies`] that belongs to the connection.
    #[must_use]
    pub fn own_anomalies(&self) -> HelloAnomalies {
        let mut found = self.framing;
        if self.session_id.len() > MAX_SESSION_ID_LEN {
            found.add(HelloAnomalies::SESSION_ID);
        }
        if let Some(names) = self.server_names() {
            let mut names = names.host_names();
            let sound = names.next().is_none_or(|name| name.is_sound());
            if !sound || names.next().is_some() {
                found.add(HelloAnomalies::SERVER_NAME);
            }
        }
        found
    }

    /// The names of `server_name`.
    #[must_use]
    pub fn server_names(&self) -> Option<ServerNames<'a>> {
        self.view(ExtensionType::SERVER_NAME, ServerNames::parse)
    }

    /// The first host name of `server_name`.
    #[must_use]
    pub fn server_name(&self) -> Option<HostName<'a>> {
        self.server_names()?.host_names().next()
    }

    /// ALPN protocols offered.
    #[must_use]
    pub fn alpn(&self) -> Option<AlpnProtocols<'a>> {
        self.view(ExtensionType::ALPN, extension::alpn)
    }

    /// Versions offered by `supported_versions`.
    #[must_use]
    pub fn supported_versions(&self) -> Option<U16List<'a, ProtocolVersion>> {
        self.view(ExtensionType::SUPPORTED_VERSIONS, extension::supported_versions)
    }

    /// The most recent version offered, by `supported_versions` or, without it, `legacy_version`.
    #[must_use]
    pub fn highest_version(&self) -> ProtocolVersion {
        self.supported_versions()
            .and_then(|versions| {
                let known = versions.iter().filter(|version| version.age_rank() > 0);
                known.max_by_key(|version| version.age_rank())
            })
            .unwrap_or(self.legacy_version)
    }

    /// Groups offered.
    #[must_use]
    pub fn supported_groups(&self) -> Option<U16List<'a, NamedGroup>> {
        self.view(ExtensionType::SUPPORTED_GROUPS, extension::supported_groups)
    }

    /// Point formats offered.
    #[must_use]
    pub fn ec_point_formats(&self) -> Option<U8List<'a, EcPointFormat>> {
        self.view(ExtensionType::EC_POINT_FORMATS, extension::ec_point_formats)
    }

    /// Signature schemes offered.
    #[must_use]
    pub fn signature_algorithms(&self) -> Option<U16List<'a, SignatureScheme>> {
        self.view(ExtensionType::SIGNATURE_ALGORITHMS, extension::signature_algorithms)
    }

    /// Signature schemes accepted in certificates.
    #[must_use]
    pub fn signature_algorithms_cert(&self) -> Option<U16List<'a, SignatureScheme>> {
        self.view(ExtensionType::SIGNATURE_ALGORITHMS_CERT, extension::signature_algorithms)
    }

    /// Key shares offered, by `key_share` or the extension that was it in drafts.
    #[must_use]
    pub fn key_shares(&self) -> Option<ClientKeyShares<'a>> {
        self.view(ExtensionType::KEY_SHARE, ClientKeyShares::parse)
            .or_else(|| self.view(ExtensionType::KEY_SHARE_DRAFT, ClientKeyShares::parse))
    }

    /// Pre-shared keys offered.
    #[must_use]
    pub fn pre_shared_keys(&self) -> Option<OfferedPsks<'a>> {
        self.view(ExtensionType::PRE_SHARED_KEY, OfferedPsks::parse)
    }

    /// Modes in which pre-shared keys may be used.
    #[must_use]
    pub fn psk_key_exchange_modes(&self) -> Option<U8List<'a, PskKeyExchangeMode>> {
        self.view(ExtensionType::PSK_KEY_EXCHANGE_MODES, extension::psk_key_exchange_modes)
    }

    /// Whether early data is offered.
    #[must_use]
    pub fn offers_early_data(&self) -> bool {
        self.extensions.contains(ExtensionType::EARLY_DATA)
    }

    /// Session ticket offered; empty if tickets are only supported.
    #[must_use]
    pub fn session_ticket(&self) -> Option<&'a [u8]> {
        self.extensions.find(ExtensionType::SESSION_TICKET)
    }

    /// `status_request`.
    #[must_use]
    pub fn status_request(&self) -> Option<StatusRequestItem> {
        self.view(ExtensionType::STATUS_REQUEST, StatusRequestItem::parse)
    }

    /// Algorithms in which the client takes compressed certificates.
    #[must_use]
    pub fn compress_certificate(&self) -> Option<U16List<'a, CertificateCompressionAlgorithm>> {
        self.view(ExtensionType::COMPRESS_CERTIFICATE, extension::compress_certificate)
    }

    /// Cookie that answers a `HelloRetryRequest`.
    #[must_use]
    pub fn cookie(&self) -> Option<&'a [u8]> {
        self.view(ExtensionType::COOKIE, extension::cookie)
    }

    /// `encrypted_client_hello`.
    #[must_use]
    pub fn encrypted_client_hello(&self) -> Option<EncryptedClientHello> {
        self.view(ExtensionType::ENCRYPTED_CLIENT_HELLO, EncryptedClientHello::parse)
    }

    /// Whether Encrypted Client Hello (RFC 9849) or its predecessor is offered, perhaps as GREASE.
    #[must_use]
    pub fn offers_encrypted_client_hello(&self) -> bool {
        self.encrypted_client_hello().is_some_and(EncryptedClientHello::is_outer)
            || self.extensions.contains(ExtensionType::ENCRYPTED_SERVER_NAME)
    }

    /// `encrypted_server_name`.
    #[must_use]
    pub fn encrypted_server_name(&self) -> Option<EncryptedServerName> {
        self.view(ExtensionType::ENCRYPTED_SERVER_NAME, EncryptedServerName::parse)
    }

    /// Whether the client sends QUIC's transport parameters.
    #[must_use]
    pub fn has_quic_transport_parameters(&self) -> bool {
        self.extensions.contains(ExtensionType::QUIC_TRANSPORT_PARAMETERS)
            || self.extensions.contains(ExtensionType::QUIC_TRANSPORT_PARAMETERS_DRAFT)
    }

    /// Whether the client says that it fell back to an older version (RFC 7507).
    #[must_use]
    pub fn has_fallback_scsv(&self) -> bool {
        self.cipher_suites.iter().any(|suite| suite == CipherSuite::FALLBACK_SCSV)
    }

    fn view<T>(
        &self,
        kind: ExtensionType,
        parse: impl FnOnce(&'a [u8]) -> Result<T, Malformed>,
    ) -> Option<T> {
        parse(self.extensions.find(kind)?).ok()
    }
}

/// Takes the list of extensions at the end of a hello, whatever is wrong with it.
pub(super) fn extensions<'a>(
    reader: &mut Reader<'a>,
    anomalies: &mut HelloAnomalies,
) -> Extensions<'a> {
    if reader.is_empty() {
        return Extensions::default();
    }
    let list = match reader.prefixed_u16() {
        Ok(list) => list,
        Err(_) => {
            anomalies.add(HelloAnomalies::EXTENSIONS_TRUNCATED);
            reader.rest().get(2..).unwrap_or_default()
        }
    };
    let extensions = Extensions::new(list);
    if extensions.check().is_err() {
        anomalies.add(HelloAnomalies::EXTENSIONS_TRUNCATED);
    } else if !reader.is_empty() && !anomalies.contains(HelloAnomalies::EXTENSIONS_TRUNCATED) {
        anomalies.add(HelloAnomalies::TRAILING_BYTES);
    }
    extensions
}

/// A version that a hello can have; anything else is no hello.
pub(super) const fn version(value: u16) -> Result<ProtocolVersion, Malformed> {
    match value.to_be_bytes() {
        [3 | 0x7f, _] | [0xfe, 0xf0..=0xff] | [1, 0 | 1] => Ok(ProtocolVersion(value)),
        _ => Err(Malformed::Value { field: "legacy_version", offset: 0, value: value as u32 }),
    }
}

/// Whether the body of a client's extension cannot be read.
pub(crate) fn is_malformed(item: Extension<'_>) -> bool {
    let body = item.body;
    match item.kind {
        ExtensionType::SERVER_NAME => ServerNames::parse(body).is_err(),
        ExtensionType::MAX_FRAGMENT_LENGTH => extension::max_fragment_length(body).is_err(),
        ExtensionType::STATUS_REQUEST => StatusRequestItem::parse(body).is_err(),
        ExtensionType::STATUS_REQUEST_V2 => StatusRequestV2::parse(body).is_err(),
        ExtensionType::SUPPORTED_GROUPS => extension::supported_groups(body).is_err(),
        ExtensionType::EC_POINT_FORMATS => extension::ec_point_formats(body).is_err(),
        ExtensionType::SIGNATURE_ALGORITHMS | ExtensionType::SIGNATURE_ALGORITHMS_CERT => {
            extension::signature_algorithms(body).is_err()
        }
        ExtensionType::ALPN
        | ExtensionType::APPLICATION_SETTINGS
        | ExtensionType::APPLICATION_SETTINGS_OLD => extension::alpn(body).is_err(),
        ExtensionType::CLIENT_CERTIFICATE_TYPE | ExtensionType::SERVER_CERTIFICATE_TYPE => {
            extension::certificate_types(body).is_err()
        }
        ExtensionType::ENCRYPT_THEN_MAC
        | ExtensionType::EXTENDED_MASTER_SECRET
        | ExtensionType::EARLY_DATA
        | ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP
        | ExtensionType::POST_HANDSHAKE_AUTH => extension::empty(body).is_err(),
        ExtensionType::COMPRESS_CERTIFICATE => extension::compress_certificate(body).is_err(),
        ExtensionType::RECORD_SIZE_LIMIT => extension::record_size_limit(body).is_err(),
        ExtensionType::PRE_SHARED_KEY => OfferedPsks::parse(body).is_err(),
        ExtensionType::SUPPORTED_VERSIONS => extension::supported_versions(body).is_err(),
        ExtensionType::COOKIE => extension::cookie(body).is_err(),
        ExtensionType::PSK_KEY_EXCHANGE_MODES => extension::psk_key_exchange_modes(body).is_err(),
        ExtensionType::KEY_SHARE | ExtensionType::KEY_SHARE_DRAFT => {
            ClientKeyShares::parse(body).is_err()
        }
        ExtensionType::ENCRYPTED_CLIENT_HELLO => EncryptedClientHello::parse(body).is_err(),
        ExtensionType::ENCRYPTED_SERVER_NAME => EncryptedServerName::parse(body).is_err(),
        ExtensionType::RENEGOTIATION_INFO => extension::renegotiation_info(body).is_err(),
        _ => false,
    }
}

/// Longest session id (RFC 5246 section 7.4.1.2), in bytes.
pub(super) const MAX_SESSION_ID_LEN: usize = 32;
