//! The client's side of a handshake.

use std::sync::Arc;

use event::{ClientHelloDetail, ClientHelloExtensions, Ech, HexBytes, NameList, Shared};
use tls::ProtocolVersion;
use tls::extension::{EncryptedClientHello, Extensions};
use tls::handshake::{ClientHello, HelloAnomalies};
use tls::registry::ExtensionType;
use tls::shape::ClientHelloInfo;
use tls::sslv2;

/// What a client said in its first `ClientHello`.
#[derive(Debug)]
pub(crate) struct ClientSide {
    pub(crate) highest_version: ProtocolVersion,
    pub(crate) session_id: HexBytes,
    /// Host names of `server_name`, escaped where they are not sound.
    pub(crate) server_names: Vec<String>,
    pub(crate) has_ticket: bool,
    pub(crate) offers_psk: bool,
    pub(crate) early_data: bool,
    pub(crate) ech: Ech,
    pub(crate) connection_id_len: Option<u8>,
    pub(crate) anomalies: HelloAnomalies,
    /// What all hellos of the same software have in common; absent of an SSL 2.0 hello.
    pub(crate) info: Option<Arc<ClientHelloInfo>>,
    /// Ciphers of an SSL 2.0 hello.
    pub(crate) sslv2_ciphers: Option<NameList>,
    /// The whole hello, if it is asked for.
    pub(crate) detail: Option<ClientHelloDetail>,
}

impl ClientSide {
    pub(crate) fn new(
        hello: &ClientHello<'_>,
        info: Option<Arc<ClientHelloInfo>>,
        is_detailed: bool,
    ) -> Self {
        let names = hello.server_names();
        let names = names.iter().flat_map(|names| names.host_names()).take(MAX_NAMES);
        Self {
            highest_version: hello.highest_version(),
            session_id: HexBytes::new(hello.session_id),
            server_names: names.map(|name| name.to_text().into_owned()).collect(),
            has_ticket: hello.session_ticket().is_some_and(|ticket| !ticket.is_empty()),
            offers_psk: hello.pre_shared_keys().is_some(),
            early_data: hello.offers_early_data(),
            ech: ech(hello),
            connection_id_len: connection_id_len(&hello.extensions),
            anomalies: hello.anomalies(),
            detail: info.as_ref().filter(|_| is_detailed).map(|info| info.detail(hello)),
            info,
            sslv2_ciphers: None,
        }
    }

    pub(crate) fn of_sslv2(hello: &sslv2::ClientHello<'_>, is_detailed: bool) -> Self {
        let session_id = HexBytes::new(hello.session_id);
        let detail = || ClientHelloDetail {
            version: hello.version.packetbeat(),
            random: HexBytes::new(hello.challenge),
            session_id: (!hello.session_id.is_empty()).then_some(session_id),
            supported_compression_methods: None,
            extensions: ClientHelloExtensions::default(),
        };
        Self {
            highest_version: hello.version,
            session_id,
            server_names: Vec::new(),
            has_ticket: false,
            offers_psk: false,
            early_data: false,
            ech: Ech::None,
            connection_id_len: None,
            anomalies: HelloAnomalies::default(),
            info: None,
            sslv2_ciphers: Shared::new(hello.cipher_kinds.names().collect()).ok(),
            detail: is_detailed.then(detail),
        }
    }

    /// Whether TLS 1.3 was offered.
    pub(crate) fn offers_tls13(&self) -> bool {
        self.highest_version.is_tls13_or_later()
    }

    /// Whether nothing later than SSL 2.0 was offered.
    pub(crate) fn is_sslv2_only(&self) -> bool {
        self.highest_version == ProtocolVersion::SSL2
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.server_names.iter().map(|name| size_of::<String>() + name.capacity()).sum()
    }
}

/// Encrypted Client Hello or its predecessor, Encrypted SNI. GREASE looks like an offer by design.
fn ech(hello: &ClientHello<'_>) -> Ech {
    let is_outer =
        matches!(hello.encrypted_client_hello(), Some(EncryptedClientHello::Outer { .. }));
    if is_outer || hello.extensions.contains(ExtensionType::ENCRYPTED_SERVER_NAME) {
        Ech::Offered
    } else {
        Ech::None
    }
}

/// Length of the connection id that a hello asks the peer to use (RFC 9146 section 3).
pub(super) fn connection_id_len(extensions: &Extensions<'_>) -> Option<u8> {
    extensions.find(ExtensionType::CONNECTION_ID)?.first().copied()
}

/// Names of one hello that are kept; there may be only one (RFC 6066 section 3).
const MAX_NAMES: usize = 4;
