//! Lists of names as events show them.

use std::borrow::Cow;

use event::{Name, NameList};

use crate::extension::{
    self, AlpnProtocols, Extension, Extensions, ServerNames, StatusRequestItem,
};
use crate::registry::ExtensionType;

/// Renders a list of names; one of more than [`MAX_NAMES`] is cut and ends with `...`.
pub(super) fn list(names: impl Iterator<Item = Name>) -> NameList {
    let mut names = names;
    let mut listed: Vec<Name> = names.by_ref().take(MAX_NAMES).collect();
    if names.next().is_some() {
        listed.push(Cow::Borrowed("..."));
    }
    NameList::new(listed)
}

/// Renders a list of names that may be absent.
pub(super) fn optional_list(names: Option<impl Iterator<Item = Name>>) -> Option<NameList> {
    names.map(list)
}

/// The names of all extensions, in the order sent; `None` if there are none.
pub(super) fn types(extensions: &Extensions<'_>) -> Option<NameList> {
    if extensions.is_empty() {
        return None;
    }
    Some(list(extensions.iter().map(|extension| extension.kind.name())))
}

/// What Packetbeat lists under `_unparsed_`: the labels of extensions that it knows and does not
/// read, the decimal numbers of those it does not know; GREASE is left out.
pub(super) fn unparsed(extensions: &Extensions<'_>) -> Option<NameList> {
    let mut items = extensions
        .iter()
        .filter(|extension| !extension.kind.is_grease() && !has_packetbeat_field(*extension))
        .map(|extension| match packetbeat_label(extension.kind) {
            Some(label) => Cow::Borrowed(label),
            None => Cow::Owned(extension.kind.0.to_string()),
        })
        .peekable();
    items.peek()?;
    Some(list(items))
}

/// ALPN protocols as text, in hexadecimal if they are none.
pub(super) fn alpn_names(protocols: AlpnProtocols<'_>) -> impl Iterator<Item = Name> {
    protocols.iter().map(|protocol| Cow::Owned(alpn_text(protocol)))
}

/// An ALPN protocol as text, in hexadecimal if it is none.
pub fn alpn_text(protocol: &[u8]) -> String {
    match std::str::from_utf8(protocol) {
        Ok(text) => text.to_owned(),
        Err(_) => data_encoding::HEXLOWER.encode(protocol),
    }
}

/// Whether Packetbeat reads the extension into a field of its own.
pub(super) fn has_packetbeat_field(extension: Extension<'_>) -> bool {
    let body = extension.body;
    match extension.kind {
        ExtensionType::SERVER_NAME => ServerNames::parse(body).is_ok(),
        ExtensionType::MAX_FRAGMENT_LENGTH => extension::max_fragment_length(body).is_ok(),
        ExtensionType::STATUS_REQUEST => body.is_empty() || StatusRequestItem::parse(body).is_ok(),
        ExtensionType::SUPPORTED_GROUPS => extension::supported_groups(body).is_ok(),
        ExtensionType::EC_POINT_FORMATS => extension::ec_point_formats(body).is_ok(),
        ExtensionType::SRP => extension::renegotiation_info(body).is_ok(),
        ExtensionType::SIGNATURE_ALGORITHMS => extension::signature_algorithms(body).is_ok(),
        ExtensionType::ALPN => extension::alpn(body).is_ok(),
        ExtensionType::SUPPORTED_VERSIONS => {
            extension::supported_versions(body).is_ok() || extension::selected_version(body).is_ok()
        }
        ExtensionType::CLIENT_CERTIFICATE_URL
        | ExtensionType::TRUNCATED_HMAC
        | ExtensionType::CERT_TYPE
        | ExtensionType::SESSION_TICKET => true,
        _ => false,
    }
}

/// Packetbeat's label of an extension that it knows.
const fn packetbeat_label(kind: ExtensionType) -> Option<&'static str> {
    Some(match kind {
        ExtensionType::SERVER_NAME => "server_name_indication",
        ExtensionType::MAX_FRAGMENT_LENGTH => "max_fragment_length",
        ExtensionType::CLIENT_CERTIFICATE_URL => "client_certificate_url",
        ExtensionType::TRUSTED_CA_KEYS => "trusted_ca_keys",
        ExtensionType::TRUNCATED_HMAC => "truncated_hmac",
        ExtensionType::STATUS_REQUEST => "status_request",
        ExtensionType::USER_MAPPING => "user_mapping",
        ExtensionType::CLIENT_AUTHZ => "client_authz",
        ExtensionType::SERVER_AUTHZ => "server_authz",
        ExtensionType::CERT_TYPE => "cert_type",
        ExtensionType::SUPPORTED_GROUPS => "supported_groups",
        ExtensionType::EC_POINT_FORMATS => "ec_points_formats",
        ExtensionType::SRP => "srp",
        ExtensionType::SIGNATURE_ALGORITHMS => "signature_algorithms",
        ExtensionType::ALPN => "application_layer_protocol_negotiation",
        ExtensionType::SESSION_TICKET => "session_ticket",
        ExtensionType::SUPPORTED_VERSIONS => "supported_versions",
        ExtensionType::RENEGOTIATION_INFO => "renegotiation_info",
        _ => return None,
    })
}

/// Most names in one list. The registry has about 400 cipher suites, the longest list that anyone
/// could mean.
pub const MAX_NAMES: usize = 512;
