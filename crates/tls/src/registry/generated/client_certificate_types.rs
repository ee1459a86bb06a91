//! Made by `cargo xtask registries` from `registries/client_certificate_types.csv`.
//!
//! Source: IANA TLS ClientCertificateType Identifiers; compiled: 2026-11-21 without a copy of the registry at hand.

#[rustfmt::skip]
pub(in crate::registry) const ENTRIES: [(u8, &str); 15] = [
    (0x01, "rsa_sign"),
    (0x02, "dss_sign"),
    (0x03, "rsa_fixed_dh"),
    (0x04, "dss_fixed_dh"),
    (0x05, "rsa_ephemeral_dh"),
    (0x06, "dss_ephemeral_dh"),
    (0x14, "fortezza_dms"),
    (0x15, "gost_sign94"),
    (0x16, "gost_sign01"),
    (0x40, "ecdsa_sign"),
    (0x41, "rsa_fixed_ecdh"),
    (0x42, "ecdsa_fixed_ecdh"),
    (0x43, "gost_sign256"),
    (0x44, "gost_sign512"),
    (0x50, "ibc_params"),
];
