//! Made by `cargo xtask registries` from `registries/certificate_types.csv`.
//!
//! Source: IANA TLS Certificate Types; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 4] = [
    (0x00, "X509"),
    (0x01, "OpenPGP"),
    (0x02, "RawPublicKey"),
    (0x03, "1609Dot2"),
];
