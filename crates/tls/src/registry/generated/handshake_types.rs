//! Made by `cargo xtask registries` from `registries/handshake_types.csv`.
//!
//! Source: IANA TLS HandshakeType; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 27] = [
    (0x00, "hello_request"),
    (0x01, "client_hello"),
    (0x02, "server_hello"),
    (0x03, "hello_verify_request"),
    (0x04, "new_session_ticket"),
    (0x05, "end_of_early_data"),
    (0x06, "hello_retry_request"),
    (0x08, "encrypted_extensions"),
    (0x09, "request_connection_id"),
    (0x0a, "new_connection_id"),
    (0x0b, "certificate"),
    (0x0c, "server_key_exchange"),
    (0x0d, "certificate_request"),
    (0x0e, "server_hello_done"),
    (0x0f, "certificate_verify"),
    (0x10, "client_key_exchange"),
    (0x11, "client_certificate_request"),
    (0x14, "finished"),
    (0x15, "certificate_url"),
    (0x16, "certificate_status"),
    (0x17, "supplemental_data"),
    (0x18, "key_update"),
    (0x19, "compressed_certificate"),
    (0x1a, "ekt_key"),
    (0x43, "next_protocol"),
    (0xcb, "encrypted_extensions_channel_id"),
    (0xfe, "message_hash"),
];
