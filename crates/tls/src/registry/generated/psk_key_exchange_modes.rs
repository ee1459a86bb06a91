//! Made by `cargo xtask registries` from `registries/psk_key_exchange_modes.csv`.
//!
//! Source: IANA TLS PskKeyExchangeMode; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 2] = [
    (0x00, "psk_ke"),
    (0x01, "psk_dhe_ke"),
];
