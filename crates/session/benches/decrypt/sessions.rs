//! Real sessions of rustls with itself, as a capture.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, ConnectionCommon, DigitallySignedStruct, Error,
    KeyLog, ServerConfig, ServerConnection, SideData, SignatureScheme,
};

pub(crate) const PCAP_HEADER_LEN: usize = 24;
pub(crate) const RECORD_HEADER_LEN: usize = 16;

/// A capture and its key log.
pub(crate) struct Made {
    pub(crate) capture: Vec<u8>,
    pub(crate) key_log: Vec<u8>,
    pub(crate) sessions: u64,
    /// Clear text of all sessions, in bytes.
    pub(crate) text_len: u64,
}

/// Makes sessions until the capture has `len` bytes. In each, a server sends 2 MiB in records of
/// `record_len` bytes.
pub(crate) fn make(suite: CipherSuite, record_len: usize, len: usize) -> Made {
    let log = Arc::new(Log::default());
    let (client, server) = configurations(suite, record_len, &log);
    let mut made = Made { capture: pcap_header(), key_log: Vec::new(), sessions: 0, text_len: 0 };
    while made.capture.len() < len {
        made.session(&client, &server);
    }
    made.key_log = std::mem::take(&mut log.0.lock().unwrap());
    made
}

impl Made {
    fn session(&mut self, client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) {
        let name = ServerName::try_from("example.test").unwrap();
        let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
        client.set_buffer_limit(None);
        server.set_buffer_limit(None);
        let port = u16::try_from(1024 + self.sessions % 60_000).unwrap();
        let host = u8::try_from(1 + self.sessions / 60_000).unwrap();
        let mut link =
            Link { ends: [([192, 0, 2, host], port), ([192, 0, 2, 200], 443)], next: [1, 1] };
        link.frame(&mut self.capture, 0, SYN, &[]);
        link.frame(&mut self.capture, 1, SYN | ACK, &[]);
        link.frame(&mut self.capture, 0, ACK, &[]);
        let request = b"GET / HTTP/1.1\r\n\r\n";
        client.writer().write_all(request).unwrap();
        for _ in 0..3 {
            self.move_all(&mut link, 0, &mut client, &mut server);
            self.move_all(&mut link, 1, &mut server, &mut client);
        }
        let text = vec![0x61; TEXT_LEN];
        server.writer().write_all(&text).unwrap();
        self.move_all(&mut link, 1, &mut server, &mut client);
        link.frame(&mut self.capture, 0, FIN | ACK, &[]);
        link.frame(&mut self.capture, 1, FIN | ACK, &[]);
        self.sessions += 1;
        self.text_len += (request.len() + TEXT_LEN) as u64;
    }

    /// What one side has to send, in segments, to the other.
    fn move_all<A: SideData, B: SideData>(
        &mut self,
        link: &mut Link,
        from: usize,
        sender: &mut ConnectionCommon<A>,
        receiver: &mut ConnectionCommon<B>,
    ) {
        let mut sent = Vec::new();
        while sender.wants_write() {
            sender.write_tls(&mut sent).unwrap();
        }
        for segment in sent.chunks(SEGMENT_LEN) {
            link.frame(&mut self.capture, from, ACK, segment);
        }
        let mut rest = &sent[..];
        while !rest.is_empty() {
            receiver.read_tls(&mut rest).unwrap();
            receiver.process_new_packets().unwrap();
            let mut text = Vec::new();
            receiver.reader().read_to_end(&mut text).ok();
        }
    }
}

/// A connection of two ends, and their sequence numbers.
struct Link {
    ends: [([u8; 4], u16); 2],
    next: [u32; 2],
}

impl Link {
    /// Appends a packet to a capture.
    fn frame(&mut self, capture: &mut Vec<u8>, from: usize, flags: u8, payload: &[u8]) {
        let ((source, source_port), (target, target_port)) = (self.ends[from], self.ends[1 - from]);
        let len = u32::try_from(14 + 20 + 20 + payload.len()).unwrap();
        capture.extend([[0; 4], [0; 4], len.to_le_bytes(), len.to_le_bytes()].concat());
        capture.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        let ip_len = u16::try_from(len - 14).unwrap().to_be_bytes();
        capture.extend([0x45, 0, ip_len[0], ip_len[1], 0, 0, 0x40, 0, 64, 6, 0, 0]);
        capture.extend([source, target].concat());
        capture.extend([source_port.to_be_bytes(), target_port.to_be_bytes()].concat());
        capture.extend([self.next[from].to_be_bytes(), self.next[1 - from].to_be_bytes()].concat());
        capture.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        capture.extend(payload);
        let counted = u32::try_from(payload.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
        self.next[from] = self.next[from].wrapping_add(counted);
    }
}

fn pcap_header() -> Vec<u8> {
    let words: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 1 << 18, 1];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn configurations(
    suite: CipherSuite,
    record_len: usize,
    log: &Arc<Log>,
) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|it| it.suite() == suite);
    let provider = Arc::new(provider);
    let certified = rcgen::generate_simple_self_signed(["example.test".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()).into();
    let versions = &[&rustls::version::TLS13];
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    client.key_log = Arc::clone(log) as Arc<dyn KeyLog>;
    client.resumption = rustls::client::Resumption::disabled();
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    // The header, the content type and the tag count.
    server.max_fragment_size = Some(record_len + 5);
    (Arc::new(client), Arc::new(server))
}

#[derive(Debug, Default)]
struct Log(Mutex<Vec<u8>>);

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.0.lock().unwrap().extend(line.into_bytes());
    }
}

/// Takes any certificate.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// Payload of a segment in an Ethernet frame, without options.
const SEGMENT_LEN: usize = 1460;

/// What each server sends.
const TEXT_LEN: usize = 2 << 20;
