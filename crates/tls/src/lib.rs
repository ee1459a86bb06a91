//! TLS as bytes: records, handshake messages, extensions, registries, certificates, alerts and
//! fingerprints, from SSL 2.0 to TLS 1.3 and DTLS 1.3.
//!
//! Parsers borrow from the bytes they read and never allocate. What cannot be what it claims to be
//! is [`Malformed`]; what can be read but is out of order is an anomaly.
#![warn(clippy::disallowed_methods)]

pub mod certificate;
pub mod compression;
pub mod downgrade;
pub mod dtls;
pub mod extension;
pub mod fingerprint;
pub mod handshake;
pub mod key_exchange;
pub mod record;
pub mod registry;
pub mod shape;
pub mod sslv2;

mod grease;
mod list;
mod malformed;
mod version;

pub use grease::{is_grease, is_grease_psk_mode};
pub use list::{U8List, U16List};
pub use malformed::Malformed;
pub use version::ProtocolVersion;
