//! `ServerHello`, its forerunners, and what is made of them.

use std::hint::black_box;

use tls::fingerprint::ja3s_string;
use tls::handshake::{DraftRetryRequest, ServerHello};
use tls::shape::ShapeCache;

/// Parses the input as the body of a `ServerHello`.
pub fn server_hello(input: &[u8]) {
    black_box(DraftRetryRequest::parse(input).ok().map(|request| request.selected_group()));
    let Ok(hello) = ServerHello::parse(input) else { return };
    black_box((hello.anomalies().names().count(), hello.is_hello_retry_request()));
    black_box((hello.negotiated_version(), hello.key_share(), hello.selected_psk()));
    black_box((hello.cookie(), hello.alpn(), hello.signed_certificate_timestamps()));
    black_box((ja3s_string(&hello), tls::downgrade::sentinel(&hello.random)));
    black_box(ShapeCache::new(0).server(&hello).detail(&hello));
}
