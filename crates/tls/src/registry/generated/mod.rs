//! Tables made by `cargo xtask registries`.

pub(super) mod alert_descriptions;
pub(super) mod alert_levels;
pub(super) mod certificate_compression_algorithms;
pub(super) mod certificate_status_types;
pub(super) mod certificate_types;
pub(super) mod cipher_suites;
pub(super) mod client_certificate_types;
pub(super) mod compression_methods;
pub(super) mod content_types;
pub(super) mod ec_point_formats;
pub(super) mod extension_types;
pub(super) mod handshake_types;
pub(super) mod hpke_aeads;
pub(super) mod hpke_kdfs;
pub(super) mod named_groups;
pub(super) mod ocsp_response_statuses;
pub(super) mod psk_key_exchange_modes;
pub(super) mod signature_schemes;
pub(super) mod sslv2_cipher_kinds;
