//! Handshake messages (RFC 9846 section 4, RFC 5246 section 7.4).
//!
//! Each parser takes the body of one whole message, without its header.

mod alert;
mod anomalies;
mod certificate_list;
mod certificate_request;
mod certificate_status;
mod client_hello;
mod hello_verify_request;
mod server_hello;
mod server_key_exchange;
mod session_ticket;
mod signature;

use wire::Reader;

use crate::registry::HandshakeType;

pub use alert::Alert;
pub use anomalies::HelloAnomalies;
pub use certificate_list::{CertificateEntry, CertificateList, MAX_CERTIFICATES};
pub use certificate_request::{CertificateRequest, MAX_AUTHORITIES};
pub use certificate_status::CertificateStatus;
pub use client_hello::ClientHello;
pub(crate) use client_hello::is_malformed;
pub use hello_verify_request::HelloVerifyRequest;
pub use server_hello::{DraftRetryRequest, ServerHello};
pub use server_key_exchange::{ServerKeyExchange, ServerParameters};
pub use session_ticket::NewSessionTicket;
pub use signature::{CertificateVerify, HandshakeSignature};

/// The four bytes in front of each handshake message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHeader {
    /// Type of the message.
    pub kind: HandshakeType,
    /// Length of the body that follows, in bytes: a 24-bit number.
    pub len: u32,
}

impl MessageHeader {
    /// Length of a header in bytes.
    pub const LEN: usize = 4;

    /// Reads the header that `bytes` begin with, or `None` if more bytes are needed.
    #[inline]
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let kind = HandshakeType(reader.u8().ok()?);
        let len = reader.u24().ok()?;
        Some(Self { kind, len })
    }

    /// Whether a message of this type and length can be part of a handshake in clear: a known type
    /// and at most [`MAX_MESSAGE_LEN`].
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.len <= MAX_MESSAGE_LEN && self.kind.known_name().is_some()
    }
}

/// Longest handshake message that is worth waiting for, in bytes. A chain of three SLH-DSA
/// certificates, the largest signatures there are, takes about 160 kB.
pub const MAX_MESSAGE_LEN: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_header_needs_all_its_bytes() {
        let bytes = [11, 0x01, 0x02, 0x03];
        for len in 0..bytes.len() {
            assert_eq!(MessageHeader::parse(&bytes[..len]), None);
        }
        let header = MessageHeader::parse(&bytes).unwrap();
        assert_eq!(header, MessageHeader { kind: HandshakeType::CERTIFICATE, len: 0x01_0203 });
        assert!(header.is_plausible());
        assert!(!MessageHeader { len: MAX_MESSAGE_LEN + 1, ..header }.is_plausible());
        assert!(!MessageHeader { kind: HandshakeType(99), ..header }.is_plausible());
    }
}
