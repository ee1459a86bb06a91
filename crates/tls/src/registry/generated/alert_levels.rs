//! Made by `cargo xtask registries` from `registries/alert_levels.csv`.
//!
//! Source: RFC 9846 section 6; compiled: 2026-11-21.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 2] = [
    (0x01, "warning"),
    (0x02, "fatal"),
];
