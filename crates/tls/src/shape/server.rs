//! What the shape of a `ServerHello` says.

use std::sync::Arc;

use event::{HexBytes, Name, ServerHelloDetail, ServerHelloExtensions, Shared, StatusRequestAck};

use super::names::{alpn_text, optional_list, types, unparsed};
use crate::fingerprint::{hex_digest, ja3s};
use crate::handshake::ServerHello;

/// Everything in an event that depends on the shape of a `ServerHello` alone.
#[derive(Clone, Debug)]
pub struct ServerHelloInfo {
    /// JA3S fingerprint.
    pub ja3s: Arc<str>,
    /// `legacy_version` as Packetbeat writes it.
    pub version: Name,
    /// Cipher suite chosen.
    pub cipher: Name,
    /// Compression method chosen.
    pub compression_method: Name,
    /// ALPN protocol chosen, as far as it is sent in clear.
    pub alpn: Option<Arc<str>>,
    /// Extensions.
    pub extensions: Shared<ServerHelloExtensions>,
}

impl ServerHelloInfo {
    /// Makes the names and fingerprint of a hello.
    pub fn new(hello: &ServerHello<'_>) -> Self {
        let alpn = hello.alpn().map(alpn_text);
        let formats = hello.ec_point_formats();
        let extensions = ServerHelloExtensions {
            application_layer_protocol_negotiation: alpn.clone().into_iter().collect(),
            session_ticket: hello.announces_ticket().then_some(""),
            supported_versions: hello.supported_version().map(|version| version.name()),
            ec_points_formats: optional_list(
                formats.map(|formats| formats.iter().map(|format| format.name())),
            ),
            status_request: hello.announces_status().then_some(StatusRequestAck { response: true }),
            types: types(&hello.extensions),
            unparsed: unparsed(&hello.extensions),
        };
        Self {
            ja3s: hex_digest(&ja3s(hello)),
            version: hello.legacy_version.packetbeat(),
            cipher: hello.cipher_suite.name(),
            compression_method: hello.compression_method.name(),
            alpn: alpn.map(Arc::from),
            extensions: Shared::new(extensions),
        }
    }

    /// The hello as `tls.detailed.server_hello`: this shape with what belongs to the connection.
    #[must_use]
    pub fn detail(&self, hello: &ServerHello<'_>) -> ServerHelloDetail {
        ServerHelloDetail {
            version: self.version.clone(),
            random: HexBytes::new(&hello.random),
            session_id: (!hello.session_id.is_empty()).then(|| HexBytes::new(hello.session_id)),
            selected_compression_method: self.compression_method.clone(),
            extensions: self.extensions.clone(),
        }
    }

    /// About how much memory this takes, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>().saturating_add(self.extensions.json_len().saturating_mul(LIST_WEIGHT))
    }
}

/// How often the names of the extensions are in memory: their lists, those rendered, and all of it
/// rendered.
const LIST_WEIGHT: usize = 3;
