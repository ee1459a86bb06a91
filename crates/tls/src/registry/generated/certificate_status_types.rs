//! Made by `cargo xtask registries` from `registries/certificate_status_types.csv`.
//!
//! Source: IANA TLS Certificate Status Types; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 2] = [
    (0x01, "ocsp"),
    (0x02, "ocsp_multi"),
];
