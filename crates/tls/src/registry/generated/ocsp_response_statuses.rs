//! Made by `cargo xtask registries` from `registries/ocsp_response_statuses.csv`.
//!
//! Source: RFC 6960 section 4.2.1; compiled: 2026-11-21.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 6] = [
    (0x00, "successful"),
    (0x01, "malformed_request"),
    (0x02, "internal_error"),
    (0x03, "try_later"),
    (0x05, "sig_required"),
    (0x06, "unauthorized"),
];
