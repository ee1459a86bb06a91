//! Made by `cargo xtask registries` from `registries/ec_point_formats.csv`.
//!
//! Source: IANA TLS EC Point Formats; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 3] = [
    (0x00, "uncompressed"),
    (0x01, "ansiX962_compressed_prime"),
    (0x02, "ansiX962_compressed_char2"),
];
