//! The hellos of a session, field by field, as `--detail` shows them.

use event::{ClientHelloDetail, ServerHelloDetail, TlsEvent};

use super::detail::{list, names};
use super::sanitize::clean;
use super::style::Tone;
use super::tree::Node;

/// Hangs the hellos of `event` from `root`, as far as the event has them.
pub(crate) fn push_hellos(event: &TlsEvent, root: &mut Node) {
    let detailed = event.tls.detailed.as_deref();
    if let Some(hello) = detailed.and_then(|detailed| detailed.client_hello.as_ref()) {
        root.push(client_hello(hello));
    }
    if let Some(hello) = detailed.and_then(|detailed| detailed.server_hello.as_ref()) {
        root.push(server_hello(hello));
    }
}

fn client_hello(hello: &ClientHelloDetail) -> Node {
    let mut node = Node::new("client hello");
    node.field("legacy version", Some(clean(&hello.version)));
    node.field("random", Some(hello.random.to_string()));
    node.field("session id", hello.session_id.as_ref().map(ToString::to_string));
    node.field("compression", names(hello.supported_compression_methods.as_ref()));
    let extensions = &hello.extensions;
    let mut below = Node::new("extensions");
    if let Some(types) = names(extensions.types.as_ref()) {
        below = below.with(types, Tone::Plain);
    }
    below.field("names", Some(list(&extensions.server_name_indication)));
    for (label, value) in [
        ("protocols", &extensions.application_layer_protocol_negotiation),
        ("versions", &extensions.supported_versions),
        ("groups", &extensions.supported_groups),
        ("signatures", &extensions.signature_algorithms),
        ("certificate signatures", &extensions.signature_algorithms_cert),
        ("point formats", &extensions.ec_points_formats),
        ("PSK modes", &extensions.psk_key_exchange_modes),
        ("certificate compression", &extensions.compress_certificate),
        ("others", &extensions.unparsed),
    ] {
        below.field(label, names(value.as_ref()));
    }
    let ticket = extensions.session_ticket.as_deref();
    below.field(
        "ticket",
        ticket.map(|len| match len {
            "" => "supported".to_owned(),
            len => format!("{} bytes", clean(len)),
        }),
    );
    below.field("status", extensions.status_request.as_ref().map(|request| clean(&request.kind)));
    node.push(below);
    node
}

fn server_hello(hello: &ServerHelloDetail) -> Node {
    let mut node = Node::new("server hello");
    node.field("legacy version", Some(clean(&hello.version)));
    node.field("random", Some(hello.random.to_string()));
    node.field("session id", hello.session_id.as_ref().map(ToString::to_string));
    node.field("compression", Some(clean(&hello.selected_compression_method)));
    let extensions = &hello.extensions;
    let mut below = Node::new("extensions");
    if let Some(types) = names(extensions.types.as_ref()) {
        below = below.with(types, Tone::Plain);
    }
    below.field("version", extensions.supported_versions.as_deref().map(clean));
    below.field("protocol", Some(list(&extensions.application_layer_protocol_negotiation)));
    below.field("point formats", names(extensions.ec_points_formats.as_ref()));
    below.field("ticket", extensions.session_ticket.map(|_| "will follow".to_owned()));
    let status = extensions.status_request.filter(|status| status.response);
    below.field("status", status.map(|_| "will follow".to_owned()));
    below.field("others", names(extensions.unparsed.as_ref()));
    if !below.is_empty() {
        node.push(below);
    }
    node
}
