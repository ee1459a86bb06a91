//! The client's side of a handshake.

use std::sync::Arc;

use event::{ClientHelloDetail, ClientHelloExtensions, Ech, HexBytes, NameList, Shared};
use tls::ProtocolVersion;
use tls::extension::Extensions;
use tls::handshake::{ClientHello, HelloAnomalies};
use tls::registry::ExtensionType;
use tls::shape::ClientHelloInfo;
use tls::sslv2;

/// What a client said in its first `ClientHello`.
#[derive(Debug)]
pub(crate) struct ClientSide {
    pub(crate) highest_version: ProtocolVersion,
    pub(crate) session_id: HexBytes,
    /// First host name of `server_name`, escaped where it is not sound.
    pub(crate) server_name: Option<Arc<str>>,
    pub(crate) has_ticket: bool,
    pub(crate) offers_psk: bool,
    pub(crate) early_data: bool,
    pub(crate) ech: Ech,
    pub(crate) connection_id_len: Option<u8>,
    pub(crate) anomalies: HelloAnomalies,
    /// What all hellos of the same software have in common; absent of an SSL 2.0 hello.
    pub(crate) info: Option<Arc<ClientHelloInfo>>,
    info_bytes: usize,
    /// Ciphers of an SSL 2.0 hello.
    pub(crate) sslv2_ciphers: Option<NameList>,
    /// The whole hello, if it is asked for.
    pub(crate) detail: Option<ClientHelloDetail>,
}

impl ClientSide {
    pub(crate) fn new(
        hello: &ClientHello<'_>,
        info: Arc<ClientHelloInfo>,
        is_detailed: bool,
    ) -> Self {
        let server_name: Option<Arc<str>> =
            hello.server_name().map(|name| Arc::from(&*name.to_text()));
        Self {
            highest_version: info.highest_version,
            session_id: HexBytes::new(hello.session_id),
            has_ticket: hello.session_ticket().is_some_and(|ticket| !ticket.is_empty()),
            offers_psk: info.offers_psk,
            early_data: info.offers_early_data,
            ech: info.ech,
            connection_id_len: connection_id_len(&hello.extensions),
            anomalies: info.anomalies.union(hello.own_anomalies()),
            detail: is_detailed.then(|| info.detail(hello, server_name.as_ref())),
            server_name,
            info_bytes: info.weight(),
            info: Some(info),
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
            server_name: None,
            has_ticket: false,
            offers_psk: false,
            early_data: false,
            ech: Ech::None,
            connection_id_len: None,
            anomalies: HelloAnomalies::default(),
            info: None,
            info_bytes: 0,
            sslv2_ciphers: Some(Shared::new(hello.cipher_kinds.names().collect())),
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
        let name = self.server_name.as_ref().map_or(0, |name| name.len());
        name + self.info.as_ref().map_or(0, |info| share(info, self.info_bytes))
    }
}

/// Length of the connection id that a hello asks the peer to use (RFC 9146 section 3).
pub(super) fn connection_id_len(extensions: &Extensions<'_>) -> Option<u8> {
    extensions.find(ExtensionType::CONNECTION_ID)?.first().copied()
}

/// What one of those who hold a value, a cache beside them, has to answer for of its bytes.
pub(super) fn share<T>(value: &Arc<T>, bytes: usize) -> usize {
    bytes / Arc::strong_count(value).saturating_sub(1).max(1)
}
