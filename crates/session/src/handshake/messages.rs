//! What each handshake message adds to what is known of a handshake.

use event::{Carrier, Timestamp};
use flow::Direction;
use tls::Malformed;
use tls::compression::{self, Algorithm, MAX_CERTIFICATE_MESSAGE_LEN};
use tls::handshake::{
    CertificateList, CertificateRequest, CertificateStatus, ClientHello, DraftRetryRequest,
    HelloVerifyRequest, NewSessionTicket, ServerHello, ServerKeyExchange,
};
use tls::registry::HandshakeType;
use wire::Reader;

use super::{ClientSide, EarlyDataAnswer, Handshake, Retry, ServerSide, SignedKeyExchange};
use crate::context::Context;
use crate::marks::{Anomaly, Partial};

impl Handshake {
    /// Takes a message with its header.
    pub(crate) fn on_whole(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        message: &[u8],
    ) {
        if let Some((&[kind, _, _, _], body)) = message.split_first_chunk() {
            self.on_message(context, now, direction, HandshakeType(kind), body);
        }
    }

    /// Takes the body of a message.
    pub(crate) fn on_message(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        kind: HandshakeType,
        body: &[u8],
    ) {
        self.progress[direction].has_sent = true;
        self.times.end = now;
        let read = match kind {
            HandshakeType::CLIENT_HELLO => self.on_client_hello(context, now, direction, body),
            HandshakeType::SERVER_HELLO => self.on_server_hello(context, now, direction, body),
            HandshakeType::HELLO_RETRY_REQUEST => self.on_draft_retry(direction, body),
            HandshakeType::HELLO_VERIFY_REQUEST => self.on_hello_verify_request(direction, body),
            HandshakeType::CERTIFICATE => self.on_certificate(context, now, direction, body),
            HandshakeType::COMPRESSED_CERTIFICATE => {
                self.on_compressed_certificate(context, now, direction, body)
            }
            HandshakeType::CERTIFICATE_REQUEST => self.on_certificate_request(direction, body),
            HandshakeType::CERTIFICATE_STATUS => self.on_certificate_status(body),
            HandshakeType::SERVER_KEY_EXCHANGE => self.on_server_key_exchange(direction, body),
            HandshakeType::NEW_SESSION_TICKET => self.on_new_session_ticket(body),
            HandshakeType::HELLO_REQUEST => {
                self.renegotiations = self.renegotiations.saturating_add(1);
                Ok(())
            }
            HandshakeType::CLIENT_KEY_EXCHANGE => {
                count(&mut self.messages.client_key_exchange);
                Ok(())
            }
            HandshakeType::CERTIFICATE_VERIFY => {
                count(&mut self.messages.certificate_verify);
                self.on_certificate_verify(direction, body)
            }
            HandshakeType::ENCRYPTED_EXTENSIONS => self.on_encrypted_extensions(body),
            HandshakeType::END_OF_EARLY_DATA => {
                self.early_data_answer = EarlyDataAnswer::Accepted;
                Ok(())
            }
            HandshakeType::FINISHED => {
                self.on_tls13_finished(now, direction);
                Ok(())
            }
            _ => Ok(()),
        };
        if read.is_err() {
            self.anomalies.add(match kind {
                HandshakeType::CLIENT_HELLO => Anomaly::ClientHelloMalformed,
                HandshakeType::SERVER_HELLO => Anomaly::ServerHelloMalformed,
                _ => Anomaly::MessageMalformed,
            });
        }
        self.held_bytes = self.measure();
    }

    /// Takes an SSL 2.0 record that holds a hello.
    pub(crate) fn on_sslv2(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        record: &[u8],
    ) {
        self.progress[direction].has_sent = true;
        self.times.end = now;
        if record.first() == Some(&1) {
            count(&mut self.messages.client_hello);
            self.set_client(direction);
            match tls::sslv2::ClientHello::parse(record) {
                Ok(hello) if self.client.is_none() => {
                    self.begin(now);
                    self.client = Some(ClientSide::of_sslv2(
                        &hello,
                        context.settings.include_detailed_fields,
                    ));
                }
                Ok(_) => self.anomalies.add(Anomaly::ClientHelloRepeated),
                Err(_) => self.anomalies.add(Anomaly::ClientHelloMalformed),
            }
        } else {
            count(&mut self.messages.server_hello);
            self.set_client(direction.opposite());
            match tls::sslv2::ServerHello::parse(record) {
                Ok(hello) => {
                    self.has_hello = true;
                    self.times.server_hello = Some(now);
                    self.server = Some(ServerSide::of_sslv2(&hello));
                    if !hello.certificate.is_empty() {
                        count(&mut self.messages.certificate);
                        self.add_certificates(
                            context,
                            now,
                            direction,
                            std::iter::once(hello.certificate),
                        );
                    }
                }
                Err(_) => self.anomalies.add(Anomaly::ServerHelloMalformed),
            }
        }
    }

    fn on_client_hello(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        count(&mut self.messages.client_hello);
        self.set_client(direction);
        self.has_hello = true;
        let was_asked = self.retry.is_some() || self.messages.hello_verify_request > 0;
        if self.client.is_some() {
            if !was_asked {
                self.anomalies.add(Anomaly::ClientHelloRepeated);
            }
            return Ok(());
        }
        self.begin(now);
        let hello = match self.carrier {
            Carrier::Dtls => ClientHello::parse_dtls(body),
            Carrier::Tcp | Carrier::Quic => ClientHello::parse(body),
        }?;
        let info = context.client_info(&hello, self.carrier);
        let is_detailed = context.settings.include_detailed_fields;
        self.client = Some(ClientSide::new(&hello, info, is_detailed));
        Ok(())
    }

    fn begin(&mut self, now: Timestamp) {
        self.has_hello = true;
        self.times.client_hello = Some(now);
    }

    fn on_server_hello(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        self.set_client(direction.opposite());
        self.has_hello = true;
        let hello =
            ServerHello::parse(body).inspect_err(|_| count(&mut self.messages.server_hello))?;
        if hello.is_hello_retry_request() {
            count(&mut self.messages.hello_retry_request);
            self.retry = Some(Retry {
                group: hello.key_share().map(|share| share.group()),
                version: hello.negotiated_version(),
                cipher_suite: Some(hello.cipher_suite),
            });
            return Ok(());
        }
        count(&mut self.messages.server_hello);
        if self.server.is_some() {
            self.anomalies.add(Anomaly::ServerHelloRepeated);
            return Ok(());
        }
        self.times.server_hello = Some(now);
        let info = context.server_info(&hello);
        let is_detailed = context.settings.include_detailed_fields;
        self.server = Some(ServerSide::new(&hello, info, is_detailed));
        self.on_late_server_hello(now);
        Ok(())
    }

    fn on_draft_retry(&mut self, direction: Direction, body: &[u8]) -> Result<(), Malformed> {
        count(&mut self.messages.hello_retry_request);
        self.set_client(direction.opposite());
        let request = DraftRetryRequest::parse(body)?;
        self.retry = Some(Retry {
            group: request.selected_group().map(|share| share.group()),
            version: request.version,
            cipher_suite: request.cipher_suite,
        });
        Ok(())
    }

    fn on_hello_verify_request(
        &mut self,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        count(&mut self.messages.hello_verify_request);
        self.set_client(direction.opposite());
        HelloVerifyRequest::parse(body).map(|_| ())
    }

    fn on_certificate(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        count(&mut self.messages.certificate);
        let list = if self.is_tls13_or_later() {
            CertificateList::parse_tls13(body)
        } else {
            CertificateList::parse(body)
        }?;
        if self.is_tls13_or_later()
            && direction != self.client_direction()
            && let Some(leaf) = list.iter().next()
        {
            self.on_leaf_entry(&leaf)?;
        }
        self.add_certificates(context, now, direction, list.iter().map(|entry| entry.der));
        if !list.is_whole() {
            self.anomalies.add(Anomaly::CertificateMalformed);
        }
        Ok(())
    }

    /// `CompressedCertificate` (RFC 8879 section 4): algorithm, length, compressed message.
    fn on_compressed_certificate(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        let mut reader = Reader::new(body);
        let (Ok(algorithm), Ok(len), Ok(compressed)) =
            (reader.u16(), reader.u24(), reader.prefixed_u24())
        else {
            self.anomalies.add(Anomaly::MessageMalformed);
            return Ok(());
        };
        match compression::decompress(
            Algorithm(algorithm),
            len,
            compressed,
            MAX_CERTIFICATE_MESSAGE_LEN,
        ) {
            Ok(message) => self.on_certificate(context, now, direction, &message),
            Err(_) => {
                count(&mut self.messages.certificate);
                self.anomalies.add(Anomaly::CertificateDecompression);
                Ok(())
            }
        }
    }

    fn add_certificates<'a>(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        certificates: impl Iterator<Item = &'a [u8]>,
    ) {
        let is_server = direction != self.client_direction();
        let chain = if is_server { &mut self.server_chain } else { &mut self.client_chain };
        if !chain.is_empty() {
            return;
        }
        for (index, der) in certificates.enumerate() {
            if index == MAX_CHAIN_LEN {
                self.partial.add(Partial::ChainTruncated);
                break;
            }
            chain.push(context.certificate(der));
        }
        if is_server {
            self.times.certificate.get_or_insert(now);
        }
    }

    fn on_certificate_request(
        &mut self,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        count(&mut self.messages.certificate_request);
        self.set_client(direction.opposite());
        self.client_certificate_requested = true;
        let Some(server) = &self.server else { return Ok(()) };
        let request = if server.version.is_tls13_or_later() {
            CertificateRequest::parse_tls13(body)
        } else {
            CertificateRequest::parse(body, server.version)
        }?;
        let names = request.authorities().take(MAX_AUTHORITIES);
        self.requested_authorities = names.map(tls::certificate::distinguished_name).collect();
        Ok(())
    }

    fn on_certificate_status(&mut self, body: &[u8]) -> Result<(), Malformed> {
        count(&mut self.messages.certificate_status);
        let status = CertificateStatus::parse(body)?;
        self.ocsp_response = status.response_status().map(|status| status.name());
        Ok(())
    }

    fn on_server_key_exchange(
        &mut self,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        count(&mut self.messages.server_key_exchange);
        self.set_client(direction.opposite());
        let Some(server) = &self.server else { return Ok(()) };
        let Some(cipher_suite) = server.cipher_suite else { return Ok(()) };
        let exchange = ServerKeyExchange::parse(body, server.version, cipher_suite)?;
        self.key_exchange = Some(SignedKeyExchange {
            group: exchange.group(),
            dh_bits: exchange.dh_bits(),
            signature: exchange.signature.map(|signature| signature.name()),
        });
        Ok(())
    }

    fn on_new_session_ticket(&mut self, body: &[u8]) -> Result<(), Malformed> {
        count(&mut self.messages.new_session_ticket);
        let ticket = if self.is_tls13_or_later() {
            NewSessionTicket::parse_tls13(body)
        } else {
            NewSessionTicket::parse(body)
        }?;
        self.ticket_lifetime_hint = Some(ticket.lifetime);
        Ok(())
    }
}

fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// Certificates of one chain that are kept. Public chains have two to four.
const MAX_CHAIN_LEN: usize = 16;

/// Names of certification authorities that are kept. Servers with client authentication list a
/// few; whole trust stores of hundreds occur and tell nothing more.
const MAX_AUTHORITIES: usize = 64;
