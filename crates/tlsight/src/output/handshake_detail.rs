//! The hellos of a session, field by field, as `--detail` shows them.

use event::{
    ClientHelloDetail, ClientHelloExtensions, OfferedExtensions, ServerHelloDetail, TlsEvent,
};

use super::detail::{list, names};
use super::sanitize::clean;
use super::style::Tone;
use super::tree::Node;

/// Hangs the hellos of `event` from `root`, as far as the event has them.
pub(crate) fn push_hellos(event: &TlsEvent, root: &mut Node) {
    let detailed = event.tls.detailed.as_ref();
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
    node.push(client_extensions(&hello.extensions));
    node
}

fn client_extensions(extensions: &ClientHelloExtensions) -> Node {
    let mut node = Node::new("extensions");
    let offered = extensions.offered.as_deref();
    if let Some(types) = names(offered.and_then(|offered| offered.types.as_ref())) {
        node = node.with(types, Tone::Plain);
    }
    node.field("names", Some(list(&extensions.server_name_indication)));
    if let Some(offered) = offered {
        offered_extensions(&mut node, offered);
    }
    let ticket = extensions.session_ticket.as_deref();
    node.field(
        "ticket",
        ticket.map(|len| match len {
            "" => "supported".to_owned(),
            len => format!("{} bytes", clean(len)),
        }),
    );
    node
}

fn offered_extensions(node: &mut Node, offered: &OfferedExtensions) {
    for (label, value) in [
        ("protocols", &offered.application_layer_protocol_negotiation),
        ("versions", &offered.supported_versions),
        ("groups", &offered.supported_groups),
        ("signatures", &offered.signature_algorithms),
        ("certificate signatures", &offered.signature_algorithms_cert),
        ("point formats", &offered.ec_points_formats),
        ("PSK modes", &offered.psk_key_exchange_modes),
        ("certificate compression", &offered.compress_certificate),
        ("others", &offered.unparsed),
    ] {
        node.field(label, names(value.as_ref()));
    }
    node.field("status", offered.status_request.as_ref().map(|request| clean(&request.kind)));
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
