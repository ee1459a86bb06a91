//! Made by `cargo xtask registries` from `registries/hpke_aeads.csv`.
//!
//! Source: IANA HPKE AEAD Identifiers; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u16, &str); 4] = [
    (0x0001, "AES-128-GCM"),
    (0x0002, "AES-256-GCM"),
    (0x0003, "ChaCha20Poly1305"),
    (0xffff, "Export-only"),
];
