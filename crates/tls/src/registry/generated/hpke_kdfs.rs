//! Made by `cargo xtask registries` from `registries/hpke_kdfs.csv`.
//!
//! Source: IANA HPKE KDF Identifiers; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u16, &str); 5] = [
    (0x0001, "HKDF-SHA256"),
    (0x0002, "HKDF-SHA384"),
    (0x0003, "HKDF-SHA512"),
    (0x0010, "SHAKE128"),
    (0x0011, "SHAKE256"),
];
