//! `ClientHello`, its extensions, and what is made of them.

use std::hint::black_box;
use std::sync::Arc;

use event::Carrier;
use tls::fingerprint::{ja3_string, ja4};
use tls::handshake::ClientHello;
use tls::shape::ShapeCache;

/// Parses the input as the body of a `ClientHello` of TLS and of DTLS.
pub fn client_hello(input: &[u8]) {
    for hello in [ClientHello::parse(input), ClientHello::parse_dtls(input)].iter().flatten() {
        black_box(hello.anomalies().names().count());
        black_box(hello.server_name().map(|name| (name.is_sound(), name.to_text().into_owned())));
        black_box(hello.server_names().map(|names| names.host_names().count()));
        black_box(hello.alpn().map(|protocols| protocols.iter().count()));
        black_box((hello.highest_version(), hello.has_fallback_scsv(), hello.session_ticket()));
        black_box(hello.key_shares().map(|shares| shares.groups().count()));
        black_box(hello.pre_shared_keys().map(|keys| keys.identities().count()));
        black_box(hello.pre_shared_keys().map(|keys| keys.binder_lens().count()));
        black_box((hello.encrypted_client_hello(), hello.encrypted_server_name()));
        black_box((hello.status_request(), hello.cookie(), hello.compress_certificate()));
        black_box((ja3_string(hello), ja4(hello, Carrier::Tcp), ja4(hello, Carrier::Quic)));
        let name = hello.server_name().map(|name| Arc::from(&*name.to_text()));
        let information = ShapeCache::new(0).client(hello, Carrier::Tcp);
        black_box(information.detail(hello, name.as_ref()));
    }
}
