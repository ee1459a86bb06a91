//! What the shape of a `ClientHello` says.

use std::sync::Arc;

use event::{
    Carrier, ClientHelloDetail, ClientHelloExtensions, Ech, HexBytes, Name, NameList,
    OfferedExtensions, Shared, StatusRequest,
};

use super::names::{alpn_names, list, optional_list, types, unparsed};
use crate::fingerprint::{hex_digest, ja3, ja4};
use crate::handshake::{ClientHello, HelloAnomalies};
use crate::registry::{CertificateStatusType, NamedGroup, SignatureScheme};
use crate::version::ProtocolVersion;

/// Everything in an event that depends on the shape of a `ClientHello` alone.
#[derive(Clone, Debug)]
pub struct ClientHelloInfo {
    /// JA3 fingerprint.
    pub ja3: Arc<str>,
    /// JA4 fingerprint.
    pub ja4: Arc<str>,
    /// `legacy_version` as Packetbeat writes it.
    pub version: Name,
    /// The most recent version offered.
    pub highest_version: ProtocolVersion,
    /// Cipher suites offered.
    pub supported_ciphers: NameList,
    /// Compression methods offered.
    pub compression_methods: NameList,
    /// Extensions, but for what belongs to the connection: server name and session ticket.
    pub extensions: Shared<OfferedExtensions>,
    /// Groups offered.
    pub offered_groups: Option<NameList>,
    /// Groups of the key shares offered.
    pub offered_key_shares: Option<NameList>,
    /// Whether pre-shared keys are offered.
    pub offers_psk: bool,
    /// Whether early data is offered.
    pub offers_early_data: bool,
    /// Whether Encrypted Client Hello or its predecessor is offered.
    pub ech: Ech,
    /// Whether the client says that it fell back to an older version.
    pub fallback_scsv: bool,
    /// What is out of order, but for what belongs to the connection.
    pub anomalies: HelloAnomalies,
    weight: usize,
}

impl ClientHelloInfo {
    /// Makes the names and fingerprints of a hello.
    #[must_use]
    pub fn new(hello: &ClientHello<'_>, carrier: Carrier) -> Self {
        let extensions = extensions(hello);
        let key_shares = hello.key_shares();
        let mut info = Self {
            ja3: hex_digest(&ja3(hello)),
            ja4: Arc::from(ja4(hello, carrier)),
            version: hello.legacy_version.packetbeat(),
            highest_version: hello.highest_version(),
            supported_ciphers: list(hello.cipher_suites.iter().map(|suite| suite.name())),
            compression_methods: list(hello.compression_methods.iter().map(|method| method.name())),
            offered_groups: extensions.supported_groups.clone(),
            offered_key_shares: optional_list(
                key_shares.map(|shares| shares.groups().map(NamedGroup::name)),
            ),
            offers_psk: hello.pre_shared_keys().is_some(),
            offers_early_data: hello.offers_early_data(),
            ech: ech(hello),
            fallback_scsv: hello.has_fallback_scsv(),
            anomalies: hello.shape_anomalies(),
            extensions: Shared::new(extensions),
            weight: 0,
        };
        info.weight = info.weigh();
        info
    }

    /// The hello as `tls.detailed.client_hello`: this shape with what belongs to the connection.
    /// `server_name` is the text of the first host name, if there is one.
    #[must_use]
    pub fn detail(
        &self,
        hello: &ClientHello<'_>,
        server_name: Option<&Arc<str>>,
    ) -> ClientHelloDetail {
        let mut names = Vec::with_capacity(1);
        names.extend(server_name.cloned());
        if let Some(sent) = hello.server_names() {
            let others = sent.host_names().take(MAX_HOST_NAMES).skip(1);
            names.extend(others.map(|name| Arc::from(&*name.to_text())));
        }
        let ticket = hello.session_ticket().map(|ticket| match ticket.len() {
            0 => String::new(),
            len => format!("({len} bytes)"),
        });
        ClientHelloDetail {
            version: self.version.clone(),
            random: HexBytes::new(&hello.random),
            session_id: (!hello.session_id.is_empty()).then(|| HexBytes::new(hello.session_id)),
            supported_compression_methods: Some(self.compression_methods.clone()),
            extensions: ClientHelloExtensions {
                server_name_indication: names,
                session_ticket: ticket,
                offered: Some(self.extensions.clone()),
            },
        }
    }

    /// About how much memory this takes, in bytes.
    #[must_use]
    pub const fn weight(&self) -> usize {
        self.weight
    }

    fn weigh(&self) -> usize {
        let extensions = &self.extensions;
        [
            Some(&self.supported_ciphers),
            Some(&self.compression_methods),
            self.offered_key_shares.as_ref(),
            extensions.application_layer_protocol_negotiation.as_ref(),
            extensions.supported_versions.as_ref(),
            extensions.supported_groups.as_ref(),
            extensions.signature_algorithms.as_ref(),
            extensions.signature_algorithms_cert.as_ref(),
            extensions.ec_points_formats.as_ref(),
            extensions.psk_key_exchange_modes.as_ref(),
            extensions.compress_certificate.as_ref(),
            extensions.types.as_ref(),
            extensions.unparsed.as_ref(),
        ]
        .into_iter()
        .flatten()
        .map(|names| names.len().saturating_mul(NAME_WEIGHT).saturating_add(names.json_len()))
        .fold(size_of::<Self>().saturating_add(extensions.json_len()), usize::saturating_add)
    }
}

/// Encrypted Client Hello or its predecessor, Encrypted SNI. GREASE looks like an offer by design.
fn ech(hello: &ClientHello<'_>) -> Ech {
    if hello.offers_encrypted_client_hello() { Ech::Offered } else { Ech::None }
}

fn extensions(hello: &ClientHello<'_>) -> OfferedExtensions {
    let schemes = hello.signature_algorithms();
    let cert_schemes = hello.signature_algorithms_cert();
    let formats = hello.ec_point_formats();
    let modes = hello.psk_key_exchange_modes();
    OfferedExtensions {
        application_layer_protocol_negotiation: optional_list(hello.alpn().map(alpn_names)),
        supported_versions: optional_list(
            hello.supported_versions().map(|versions| versions.iter().map(|item| item.name())),
        ),
        supported_groups: optional_list(
            hello.supported_groups().map(|groups| groups.iter().map(NamedGroup::name)),
        ),
        signature_algorithms: optional_list(
            schemes.map(|schemes| schemes.iter().map(SignatureScheme::name)),
        ),
        signature_algorithms_cert: optional_list(
            cert_schemes.map(|schemes| schemes.iter().map(SignatureScheme::name)),
        ),
        ec_points_formats: optional_list(
            formats.map(|formats| formats.iter().map(|format| format.name())),
        ),
        psk_key_exchange_modes: optional_list(
            modes.map(|modes| modes.iter().map(|mode| mode.name())),
        ),
        compress_certificate: optional_list(
            hello.compress_certificate().map(|items| items.iter().map(|item| item.name())),
        ),
        status_request: hello.status_request().map(|request| StatusRequest {
            kind: match request.status_type {
                CertificateStatusType(1) => Name::Borrowed("ocsp"),
                other => Name::Owned(other.0.to_string()),
            },
            responder_id_list_length: request.responder_id_list_len,
            request_extensions: request.request_extensions_len,
        }),
        types: types(&hello.extensions),
        unparsed: unparsed(&hello.extensions),
    }
}

/// Most host names shown of one hello. The standard allows one.
const MAX_HOST_NAMES: usize = 8;

/// What a name takes beside its text, in bytes.
const NAME_WEIGHT: usize = size_of::<Name>();
