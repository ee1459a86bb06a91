//! Made by `cargo xtask registries` from `registries/compression_methods.csv`.
//!
//! Source: IANA TLS Compression Method Identifiers; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 3] = [
    (0x00, "NULL"),
    (0x01, "DEFLATE"),
    (0x40, "LZS"),
];
