//! The smaller messages of a server, each from the same bytes. A version and a cipher suite, which
//! some depend on, come first.

use std::hint::black_box;

use tls::ProtocolVersion;
use tls::handshake::{
    CertificateRequest, CertificateStatus, CertificateVerify, HelloVerifyRequest, NewSessionTicket,
    ServerKeyExchange,
};
use tls::registry::CipherSuite;
use wire::Reader;

/// Parses the input, after a version and a cipher suite, as the body of each message.
pub fn server_messages(input: &[u8]) {
    let mut reader = Reader::new(input);
    let (Ok(version), Ok(suite)) = (reader.u16(), reader.u16()) else { return };
    let (version, body) = (ProtocolVersion(version), reader.rest());
    let requests =
        [CertificateRequest::parse(body, version), CertificateRequest::parse_tls13(body)];
    for request in requests.iter().flatten() {
        black_box(request.authorities().map(tls::certificate::distinguished_name).count());
    }
    black_box(CertificateStatus::parse(body).map(|status| status.response_status()).ok());
    black_box(HelloVerifyRequest::parse(body).ok());
    black_box((NewSessionTicket::parse(body).ok(), NewSessionTicket::parse_tls13(body).ok()));
    black_box(CertificateVerify::parse(body, version).ok());
    if let Ok(exchange) = ServerKeyExchange::parse(body, version, CipherSuite(suite)) {
        black_box((exchange.group(), exchange.dh_bits()));
        black_box(exchange.signature.map(|signature| (signature.name(), signature.scheme())));
    }
}
