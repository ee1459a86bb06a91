//! Made by `cargo xtask registries` from `registries/certificate_compression_algorithms.csv`.
//!
//! Source: IANA TLS Certificate Compression Algorithm IDs; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u16, &str); 3] = [
    (0x0001, "zlib"),
    (0x0002, "brotli"),
    (0x0003, "zstd"),
];
