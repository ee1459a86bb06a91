//! The server's side of a handshake.

use std::sync::Arc;

use event::{HexBytes, Name, ServerHelloDetail};
use tls::ProtocolVersion;
use tls::handshake::{HelloAnomalies, ServerHello};
use tls::registry::{CipherSuite, NamedGroup};
use tls::shape::ServerHelloInfo;
use tls::sslv2;

use super::client::{connection_id_len, share};

/// What a server said in its `ServerHello`.
#[derive(Debug)]
pub(crate) struct ServerSide {
    pub(crate) version: ProtocolVersion,
    pub(crate) session_id: HexBytes,
    /// Cipher suite chosen; absent of SSL 2.0, where the client chooses later.
    pub(crate) cipher_suite: Option<CipherSuite>,
    /// Group of the key share, from TLS 1.3 on.
    pub(crate) group: Option<NamedGroup>,
    pub(crate) selected_psk: Option<u16>,
    pub(crate) alpn: Option<Arc<str>>,
    pub(crate) scts: Option<u32>,
    /// What the server's random tells of a downgrade.
    pub(crate) downgrade_sentinel: Option<&'static str>,
    pub(crate) connection_id_len: Option<u8>,
    pub(crate) anomalies: HelloAnomalies,
    /// What all hellos of the same software have in common; absent of an SSL 2.0 hello.
    pub(crate) info: Option<Arc<ServerHelloInfo>>,
    info_bytes: usize,
    /// The whole hello, if it is asked for.
    pub(crate) detail: Option<ServerHelloDetail>,
}

impl ServerSide {
    pub(crate) fn new(
        hello: &ServerHello<'_>,
        info: Arc<ServerHelloInfo>,
        is_detailed: bool,
    ) -> Self {
        let version = hello.negotiated_version();
        Self {
            version,
            session_id: HexBytes::new(hello.session_id),
            cipher_suite: Some(hello.cipher_suite),
            group: hello.key_share().map(|share| share.group()),
            selected_psk: hello.selected_psk(),
            alpn: info.alpn.clone(),
            scts: hello.signed_certificate_timestamps(),
            downgrade_sentinel: tls::downgrade::sentinel(&hello.random)
                .filter(|_| !version.is_tls13_or_later()),
            connection_id_len: connection_id_len(&hello.extensions),
            anomalies: hello.anomalies(),
            detail: is_detailed.then(|| info.detail(hello)),
            info_bytes: info.weight(),
            info: Some(info),
        }
    }

    pub(crate) fn of_sslv2(hello: &sslv2::ServerHello<'_>) -> Self {
        Self {
            version: hello.version,
            session_id: HexBytes::new(hello.connection_id),
            cipher_suite: None,
            group: None,
            selected_psk: None,
            alpn: None,
            scts: None,
            downgrade_sentinel: None,
            connection_id_len: None,
            anomalies: HelloAnomalies::default(),
            info: None,
            info_bytes: 0,
            detail: None,
        }
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.info.as_ref().map_or(0, |info| share(info, self.info_bytes))
    }
}

/// What a `HelloRetryRequest` asked for.
#[derive(Clone, Debug)]
pub(crate) struct Retry {
    /// Group, or none if only the cookie is to be sent back.
    pub(crate) group: Option<NamedGroup>,
    /// Version negotiated.
    pub(crate) version: ProtocolVersion,
    /// Cipher suite chosen; absent in early drafts.
    pub(crate) cipher_suite: Option<CipherSuite>,
}

/// What a `ServerKeyExchange` told.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignedKeyExchange {
    pub(crate) group: Option<NamedGroup>,
    pub(crate) dh_bits: Option<u32>,
    pub(crate) signature: Option<Name>,
}
