//! The parsers as fuzz targets.

mod certificate;
mod certificate_message;
mod client_hello;
mod compressed_certificate;
mod dtls;
mod forge;
mod headers;
mod hpack;
mod http2;
mod quic_frames;
mod server_hello;
mod server_messages;
mod socket_records;
mod sslv2;
mod tls_record;
mod tunnel_frames;
mod tunnel_records;

pub use certificate::certificate;
pub use certificate_message::certificate_message;
pub use client_hello::client_hello;
pub use compressed_certificate::compressed_certificate;
pub use dtls::dtls;
pub use forge::forge;
pub use headers::headers;
pub use hpack::hpack;
pub use http2::http2;
pub use quic_frames::quic_frames;
pub use server_hello::server_hello;
pub use server_messages::server_messages;
pub use socket_records::socket_records;
pub use sslv2::sslv2;
pub use tls_record::tls_record;
pub use tunnel_frames::tunnel_frames;
pub use tunnel_records::tunnel_records;
