//! Made by `cargo xtask registries` from `registries/content_types.csv`.
//!
//! Source: IANA TLS ContentType; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 8] = [
    (0x14, "change_cipher_spec"),
    (0x15, "alert"),
    (0x16, "handshake"),
    (0x17, "application_data"),
    (0x18, "heartbeat"),
    (0x19, "tls12_cid"),
    (0x1a, "ack"),
    (0x1b, "return_routability_check"),
];
