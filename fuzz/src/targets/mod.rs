//! The parsers as fuzz targets.

mod certificate;
mod certificate_message;
mod client_hello;
mod compressed_certificate;
mod dtls;
mod headers;
mod key_log;
mod quic_frames;
mod quic_protected;
mod sealed_records;
mod server_hello;
mod server_messages;
mod socket_records;
mod sslv2;
mod tls_record;

pub use certificate::certificate;
pub use certificate_message::certificate_message;
pub use client_hello::client_hello;
pub use compressed_certificate::compressed_certificate;
pub use dtls::dtls;
pub use headers::headers;
pub use key_log::key_log;
pub use quic_frames::quic_frames;
pub use quic_protected::quic_protected;
pub use sealed_records::sealed_records;
pub use server_hello::server_hello;
pub use server_messages::server_messages;
pub use socket_records::socket_records;
pub use sslv2::sslv2;
pub use tls_record::tls_record;
